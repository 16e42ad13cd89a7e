// The push function by itself: who is let in, what is answered, what is remembered. What the services do with the answers
// is in push-fakes.test.ts, forgers and odd bodies are in push-hostile.test.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPush, readPushSecrets } from '../../functions/push.ts';
import { RouterError } from '../../router/errors.ts';
import type { FailureRecord } from '../../router/failure.ts';
import { ack, consumerScene, down, hangs } from './consumer-scene.ts';
import { codeOf, delivery, grid, mount, type Pushed, post, secret, text, withSecret } from './push-scene.ts';

test('push: a batch is done when every record is, and each rule that matches was asked', async () => {
  const { consumer, calls } = consumerScene({ targets: { a: () => ack, b: () => ack } });
  const { push, refused } = mount(grid, consumer);

  const answer = await push(delivery([text('1'), text('2', 'b')]), {});

  assert.deepEqual([answer.status, JSON.parse(answer.body)], [200, { done: 2 }]);
  assert.deepEqual([...calls].sort(), ['a 1 1', 'b 1 1', 'b 2 1']);
  assert.deepEqual(refused, []);
});

test('push: a batch with one failure comes again as a whole, and only what is open is asked again', async () => {
  let broken = true;
  const { consumer, calls } = consumerScene({
    targets: { a: ({ event }) => (broken && event.attributes.id === '2' ? down : ack), b: () => ack },
  });
  const { push } = mount(grid, consumer);
  const batch = [text('1'), text('2'), text('3')];

  const first = await push(delivery(batch), {});
  broken = false;
  const second = await push(delivery(batch, 1), {});

  assert.deepEqual([first.status, codeOf(first), second.status], [503, 'ABORTED', 200]);
  assert.match(first.body, /1 of 3 records/);
  assert.deepEqual([...calls].sort(), ['a 1 1', 'a 2 1', 'a 2 2', 'a 3 1', 'b 1 1', 'b 2 1', 'b 3 1']);

  // What ended well is forgotten: the same events may be sent again on purpose.
  await push(delivery(batch), {});
  assert.equal(calls.length, 13);
});

test('push: a batch that ends well makes nothing of another be forgotten', async () => {
  let broken = true;
  const { consumer, calls } = consumerScene({
    targets: { a: ({ event }) => (broken && event.attributes.id === '2' ? down : ack) },
  });
  const { push } = mount(grid, consumer);

  await push(delivery([text('1'), text('2')]), {});
  await push(delivery([text('3')]), {});
  broken = false;
  await push(delivery([text('1'), text('2')], 1), {});

  assert.deepEqual(calls, ['a 1 1', 'a 2 1', 'a 3 1', 'a 2 2']);
});

test("push: the last attempt, by the bus's count or by ours, ends in a failure record and 2xx", async () => {
  const counted = consumerScene({ targets: { a: () => down }, attempts: 3 });
  const uncounted = consumerScene({ targets: { a: () => down }, attempts: 3 });
  const byBus = mount(grid, counted.consumer);
  const byUs = mount({ ...grid, push: { ...grid.push!, attemptsBefore: () => 0 } }, uncounted.consumer);

  assert.equal((await byBus.push(delivery([text('1')], 1), {})).status, 503);
  assert.equal((await mount(grid, counted.consumer).push(delivery([text('1')], 2), {})).status, 200);
  const statuses: number[] = [];
  for (let i = 0; i < 3; i++) statuses.push((await byUs.push(delivery([text('1')]), {})).status);

  assert.deepEqual(counted.calls, ['a 1 2', 'a 1 3']);
  assert.deepEqual(
    [statuses, uncounted.calls],
    [
      [503, 503, 200],
      ['a 1 1', 'a 1 2', 'a 1 3'],
    ],
  );
  for (const { failures } of [counted, uncounted]) {
    assert.deepEqual(
      failures.map(({ rule, attempts, code }) => [rule, attempts, code]),
      [['a', 3, 'TARGET_STATUS']],
    );
  }
});

test('push: a record that is no event ends in a failure record with its bytes, and its neighbours are delivered', async () => {
  const { consumer, calls, failures } = consumerScene({ targets: { a: () => ack } });
  const { push } = mount(grid, consumer);

  const answer = await push(delivery([text('1'), '{"no": "event"}', text('3')]), {});

  assert.deepEqual([answer.status, calls], [200, ['a 1 1', 'a 3 1']]);
  assert.deepEqual(
    failures.map(({ rule, event, bytes }) => [rule, event, bytes?.toString()]),
    [[null, null, '{"no": "event"}']],
  );
});

test('push: a body without a single record leaves a trace too', async () => {
  for (const body of ['', '[]', '{"value":[]}', '{"value":[{"event":{}}]}', 'no JSON']) {
    const { consumer, failures } = consumerScene({ targets: { a: () => ack } });
    const answer = await mount(grid, consumer).push(post(body, withSecret), {});

    assert.equal(answer.status, 200, body);
    assert.deepEqual(
      failures.map(({ bytes }) => bytes?.toString()),
      [body],
    );
  }
});

test('push: while the failure log cannot be reached nothing that needs it is acknowledged', async () => {
  let reachable = false;
  const failures: FailureRecord[] = [];
  const { consumer, calls } = consumerScene({
    targets: { a: ({ event }) => (event.attributes.id === '1' ? { ...down, kind: 'dead' } : ack) },
    async write(record) {
      if (!reachable) throw new Error('unreachable');
      failures.push(record);
    },
  });
  const { push } = mount(grid, consumer);
  const batch = [text('1'), text('2'), 'null'];

  const unreachable = await push(delivery(batch), {});
  reachable = true;
  const later = await push(delivery(batch, 1), {});

  assert.deepEqual([unreachable.status, later.status], [503, 200]);
  assert.match(unreachable.body, /2 of 3 records/);
  assert.deepEqual([failures.length, calls.filter((call) => call.startsWith('a 2')).length], [2, 1]);
});

test("push: a target that hangs is given up before the host's time or the bus's is over", async () => {
  const { consumer, failures } = consumerScene({ targets: { a: hangs } });
  const byHost = mount(grid, consumer);
  const byBus = mount({ ...grid, push: { ...grid.push!, answerMs: 1_520 } }, consumer);

  const host = await byHost.push(delivery([text('1')], 9), { getRemainingTimeInMillis: () => 1_520 });
  const bus = await byBus.push(delivery([text('1')], 9), { getRemainingTimeInMillis: () => 60_000 });

  assert.deepEqual([host.status, bus.status, failures], [503, 503, []]);
});

test('push: the secret is taken from the header or the query, either of two while rotating', async () => {
  const { consumer } = consumerScene({ targets: { a: () => ack } });
  const { push } = mount(grid, consumer, readPushSecrets(` ${secret} , ${secret}-next`));
  const statusOf = async (headers: Record<string, string>, query?: string): Promise<number> =>
    (await push(post(text('1'), headers, query), {})).status;

  assert.equal(await statusOf({ 'x-busway-secret': secret }), 200);
  assert.equal(await statusOf({ 'x-busway-secret': `${secret}-next` }), 200);
  assert.equal(await statusOf({}, `code=1&secret=${secret}`), 200);
  assert.equal(await statusOf({}, `secret=${secret}-next&other`), 200);
});

test('push: a request without the secret is refused by a status after which Event Grid comes again', async () => {
  const { consumer, calls, failures } = consumerScene({ targets: { a: () => ack } });
  const { push, refused } = mount(grid, consumer);
  const strangers: readonly (readonly [string, Record<string, string>, string])[] = [
    ['SIGNATURE_MISSING', {}, ''],
    ['SIGNATURE_MISSING', { authorization: `Bearer ${secret}` }, 'secre=x'],
    ['SIGNATURE_INVALID', { 'x-busway-secret': '' }, `secret=${secret}`],
    ['SIGNATURE_INVALID', { 'x-busway-secret': `${secret}x` }, ''],
    ['SIGNATURE_INVALID', { 'x-busway-secret': `${secret}, ${secret}` }, ''],
    ['SIGNATURE_INVALID', {}, `secret=${secret.slice(1)}`],
    ['SIGNATURE_INVALID', {}, 'secret='],
    ['SIGNATURE_INVALID', {}, 'secret=%00%ff'],
  ];

  for (const [code, headers, query] of strangers) {
    const answer = await push(post(text('1'), headers, query), {});
    assert.deepEqual([answer.status, codeOf(answer)], [503, code], query);
    assert.doesNotMatch(answer.body, /c4n4ry/);
  }

  assert.deepEqual([calls, failures], [[], []]);
  assert.doesNotMatch(JSON.stringify(refused), /c4n4ry/);
  assert.equal(refused.length, strangers.length);
});

test('push: a verifier that breaks lets nobody in, and its own words stay inside', async () => {
  const { consumer, calls } = consumerScene({ targets: { a: () => ack } });
  const authenticate = async (): Promise<void> => {
    throw new TypeError('c4n4ry: it broke');
  };
  const { push } = mount({ ...grid, push: { ...grid.push!, authenticate } }, consumer);

  const answer = await push(delivery([text('1')]), {});

  assert.deepEqual([answer.status, codeOf(answer), calls], [503, 'VERIFIER_FAILED', []]);
  assert.doesNotMatch(answer.body, /c4n4ry/);
});

test('push: other methods are 405, and both handshakes are answered without the secret and without a delivery', async () => {
  const { consumer, calls } = consumerScene({ targets: { a: () => ack } });
  const { push } = mount(grid, consumer);
  const validation =
    '[{"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"c-1"}}]';
  const ask = { ...post(''), method: 'OPTIONS' };

  const get = await push({ ...delivery([text('1')]), method: 'GET' }, {});
  const options = await push({ ...ask, headers: { 'webhook-request-origin': 'eventgrid.azure.net' } }, {});
  const stranger = await push({ ...ask, headers: { 'webhook-request-origin': 'evil.example' } }, {});
  const event = await push(post(validation, { 'aeg-event-type': 'SubscriptionValidation' }), {});

  assert.deepEqual([get.status, codeOf(get), get.headers['allow']], [405, 'METHOD_NOT_ALLOWED', 'POST, OPTIONS']);
  assert.deepEqual([options.status, options.headers['webhook-allowed-origin']], [200, 'eventgrid.azure.net']);
  assert.equal(stranger.headers['webhook-allowed-origin'], undefined);
  assert.deepEqual([event.status, JSON.parse(event.body)], [200, { validationResponse: 'c-1' }]);
  assert.deepEqual(calls, []);
});

test('push: what would let anybody in, or nothing, refuses to start', () => {
  const { consumer } = consumerScene({ targets: {} });
  const codes = (adapter: Pushed, secrets: readonly string[]) => () => createPush({ adapter, consumer, secrets });

  assert.throws(codes(grid, []), { code: 'SECRET_MISSING', message: /BUSWAY_PUSH_SECRET/ });
  assert.throws(codes({ name: 'kafka', decode: grid.decode }, [secret]), { code: 'UNSUPPORTED', message: /kafka/ });
  for (const wrong of ['short', 'c4n4ry with a blank in it', `${secret},c4n4ry`, `${secret}+/=`, 'x'.repeat(257)]) {
    assert.throws(
      () => readPushSecrets(wrong),
      (thrown) =>
        thrown instanceof RouterError && thrown.code === 'SECRET_INVALID' && !thrown.message.includes('c4n4ry'),
      wrong,
    );
  }
  assert.deepEqual([readPushSecrets(undefined), readPushSecrets(' , ')], [[], []]);
});
