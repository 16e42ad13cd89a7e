import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readQueueBatch } from '../../../functions/hosts/aws-queue.ts';
import type { TimeLeft } from '../../../functions/within-time.ts';
import type { Verdict } from '../../../router/consume.ts';
import { RouterError } from '../../../router/errors.ts';
import { ack, down, hangs, type Target } from '../consumer-scene.ts';
import { kafkaEvent, queueEvent, sample } from './aws-events.ts';
import { scene } from './aws-scene.ts';

const event = (id: string, type = 'all', more: object = {}): string =>
  JSON.stringify({ specversion: '1.0', id, source: '/s', type, ...more });
const envelope = (detail: string): string =>
  `{"version":"0","id":"x","detail-type":"all","source":"/s","account":"1","time":"2026-01-01T00:00:00Z","region":"r","resources":[],"detail":${detail}}`;
const within = (ms: number): TimeLeft => ({ getRemainingTimeInMillis: () => ms });
const failed = (...ids: string[]) => ({ batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) });

test('sqs: a message that names its rule goes to that rule only', async () => {
  const { deliver, calls } = scene({ targets: { a: () => ack, b: () => ack } });

  const answer = await deliver(queueEvent([{ id: 'm1', body: event('1'), rule: 'b' }]));

  assert.deepEqual(answer, failed());
  assert.deepEqual(calls, ['b 1 1']);
});

test('sqs: what the bus let through and the rule does not match is done', async () => {
  const { deliver, calls } = scene({ targets: { a: () => ack } });

  assert.deepEqual(await deliver(queueEvent([{ id: 'm1', body: event('1', 'other'), rule: 'a' }])), failed());
  assert.deepEqual(calls, []);
});

test('sqs: a queue gives its messages the rule it belongs to; one of no rule refuses the batch', async () => {
  const { deliver, calls } = scene({
    targets: { a: () => ack, b: () => ack },
    ruleOfQueue: (queue) => (queue === 'orders' ? 'a' : undefined),
  });

  await deliver(queueEvent([{ id: 'm1', body: event('1') }]));
  const strange = deliver(queueEvent([{ id: 'm2', body: event('2'), queue: 'strangers' }]));

  await assert.rejects(strange, { code: 'CONFIG_INVALID', message: /queue 'strangers' belongs to no rule/ });
  assert.deepEqual(calls, ['a 1 1']);
});

test('sqs: without a rule all that match run', async () => {
  const { deliver, calls } = scene({ targets: { a: () => ack, b: () => ack, c: () => ack } });

  await deliver(
    queueEvent([
      { id: 'm1', body: event('1') },
      { id: 'm2', body: event('2', 'c') },
    ]),
  );

  assert.deepEqual([...calls].sort(), ['a 1 1', 'b 1 1', 'c 1 1', 'c 2 1']);
});

test('sqs: of a batch only what failed comes again', async () => {
  const { deliver } = scene({ targets: { a: ({ event }) => (event.attributes.id === '2' ? down : ack) } });
  const messages = ['1', '2', '3'].map((id) => ({ id: `m${id}`, body: event(id), rule: 'a' }));

  assert.deepEqual(await deliver(queueEvent(messages)), failed('m2'));
});

test('sqs: the last attempt ends in a failure record and leaves the queue', async () => {
  const { deliver, failures, calls } = scene({ targets: { a: () => down }, attempts: 3 });
  const of = (received: number) => queueEvent([{ id: 'm1', body: event('1'), rule: 'a', received }]);

  assert.deepEqual(await deliver(of(2)), failed('m1'));
  assert.deepEqual(await deliver(of(3)), failed());

  assert.deepEqual(calls, ['a 1 2', 'a 1 3']);
  assert.deepEqual(
    failures.map(({ rule, attempts, code }) => [rule, attempts, code]),
    [['a', 3, 'TARGET_STATUS']],
  );
});

test('sqs: a message whose failure record cannot be written stays', async () => {
  const { deliver } = scene({ targets: { a: () => ({ ...down, kind: 'dead' }) }, logDown: true });

  const messages = [
    { id: 'm1', body: event('1'), rule: 'a' },
    { id: 'm2', body: 'no event' },
  ];

  assert.deepEqual(await deliver(queueEvent(messages)), failed('m1', 'm2'));
});

test('sqs: a rule that is gone ends in a failure record', async () => {
  const { deliver, failures } = scene({ targets: { a: () => ack } });

  assert.deepEqual(await deliver(queueEvent([{ id: 'm1', body: event('1'), rule: 'gone' }])), failed());
  assert.deepEqual(
    failures.map(({ rule, code }) => [rule, code]),
    [['gone', 'RULE_GONE']],
  );
});

test('sqs: the sample, whose body is no event, ends in a failure record with its bytes', async () => {
  const { deliver, failures } = scene({ targets: { a: () => ack } });

  assert.deepEqual(await deliver(sample('sqs-event.json')), failed());

  const [record] = failures;
  assert.deepEqual([record?.rule, record?.code, record?.event], [null, 'NOT_JSON', null]);
  assert.equal(record?.bytes?.toString(), 'Message Body');
});

test('sqs: from the first failure of a FIFO batch on everything goes back, undelivered', async () => {
  const { deliver, calls } = scene({ targets: { a: ({ event }) => (event.attributes.id === '2' ? down : ack) } });
  const messages = ['1', '2', '3', '4'].map((id) => ({
    id: `m${id}`,
    body: event(id),
    rule: 'a',
    queue: 'orders.fifo',
  }));

  assert.deepEqual(await deliver(queueEvent(messages)), failed('m2', 'm3', 'm4'));
  assert.deepEqual(calls, ['a 1 1', 'a 2 1']);
});

test('sqs: a target that hangs is given up before the time is over, and its message comes again', async () => {
  const { deliver } = scene({ targets: { a: hangs, b: () => ack } });
  const messages = [
    { id: 'm1', body: event('1'), rule: 'a' },
    { id: 'm2', body: event('2'), rule: 'b' },
  ];

  assert.deepEqual(await deliver(queueEvent(messages), within(1_520)), failed('m1'));
});

const exact = '{"total": 1.10,"id":9007199254740993,"big":1e999,"deep":[[1]] }';
const detail = `{"specversion":"1.0","id":"1","source":"/s","type":"all","data":${exact}}`;

test('sqs: an event in an EventBridge envelope, and one without, keeps its bytes', async () => {
  const got: (string | undefined)[] = [];
  const keeps: Target = ({ event }) => {
    got.push(event.data?.bytes.toString());
    return ack;
  };
  const { deliver } = scene({ targets: { a: keeps } });

  await deliver(
    queueEvent([
      { id: 'm1', body: envelope(detail) },
      { id: 'm2', body: detail },
    ]),
  );

  assert.deepEqual(got, [exact, exact]);
});

test('sqs: a message without an id sends the whole batch back', async () => {
  const { deliver, calls } = scene({ targets: { a: () => ack } });

  const batch = deliver(
    queueEvent([
      { id: 'm1', body: event('1') },
      { id: '', body: event('2') },
    ]),
  );

  await assert.rejects(batch, { code: 'DECODE_FAILED', message: /no messageId/ });
  assert.deepEqual(calls, []);
});

test('sqs: what an input transformer writes names its rule, also where the queue is not in BUSWAY_QUEUES', async () => {
  const { deliver, calls } = scene({ targets: { a: () => ack, b: () => ack }, ruleOfQueue: () => undefined });
  const rule = 'arn:aws:events:eu-west-1:123456789012:rule/bus/b';

  await deliver(queueEvent([{ id: 'm1', body: `{"rule":"${rule}","event":${envelope(detail)}}` }]));

  assert.deepEqual(calls, ['b 1 1']);
});

test('sqs: no batch of any form throws anything but RouterError', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json().map((text) => JSON.parse(text) as unknown),
        fc.array(fc.object()),
      ),
      (value) => {
        for (const given of [value, { Records: value }, { Records: [value, { messageId: 'm', body: value }] }]) {
          try {
            readQueueBatch(given, () => undefined);
          } catch (thrown) {
            assert.ok(thrown instanceof RouterError, String(thrown));
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('kafka source: all rules that match run, and a record that is no event ends in a failure record', async () => {
  const { deliver, calls, failures } = scene({ targets: { a: () => ack, b: () => ack } });

  await deliver(kafkaEvent([event('1'), event('2', 'b')]));
  await deliver(sample('lambda-kafka-event.json', 'kafka'));

  assert.deepEqual([...calls].sort(), ['a 1 1', 'b 1 1', 'b 2 1']);
  assert.deepEqual(
    failures.map(({ rule, event }) => [rule, event]),
    [[null, null]],
  );
});

test('kafka source: what fails is tried again within the call, up to its failure record', async () => {
  const { deliver, calls, failures } = scene({ targets: { a: () => ack, b: () => down }, attempts: 3 });

  assert.deepEqual(await deliver(kafkaEvent([event('1')])), failed());

  assert.deepEqual([...calls].sort(), ['a 1 1', 'b 1 1', 'b 1 2', 'b 1 3']);
  assert.deepEqual(
    failures.map(({ rule, attempts }) => [rule, attempts]),
    [['b', 3]],
  );
});

test('kafka source: a batch that runs out of time is refused whole, and only what was open is done again', async () => {
  let broken = true;
  const { deliver, calls } = scene({
    targets: { a: () => ack, b: (delivery, signal) => (broken ? hangs(delivery, signal) : ack) },
  });
  const batch = kafkaEvent([event('1'), event('2', 'a')]);

  await assert.rejects(deliver(batch, within(1_520)), { code: 'ABORTED', message: /1 of 2 records/ });
  broken = false;
  assert.deepEqual(await deliver(batch), failed());
  assert.deepEqual([...calls].sort(), ['a 1 1', 'a 2 1', 'b 1 1', 'b 1 1']);

  // A replay is no repeat: what ended well is forgotten.
  await deliver(batch);
  assert.equal(calls.length, 7);
});

test('kafka source: attempts go on counting when the batch comes again', async () => {
  const { deliver, calls, failures } = scene({
    targets: { a: () => ({ ...down, afterMs: 60_000 }) as Verdict },
    attempts: 3,
  });
  const batch = kafkaEvent([event('1')]);

  await assert.rejects(deliver(batch, within(1_510)), { code: 'ABORTED' });
  await assert.rejects(deliver(batch, within(1_510)), { code: 'ABORTED' });
  await deliver(batch, within(1_510));

  assert.deepEqual(calls, ['a 1 1', 'a 1 2', 'a 1 3']);
  assert.equal(failures[0]?.attempts, 3);
});

test('kafka source: events of one key go one after the other where the rule asks for order', async () => {
  const order: string[] = [];
  const slow: Target = async ({ event, attempt }) => {
    const { id } = event.attributes;
    order.push(`begin ${id}`);
    await new Promise((resolve) => setImmediate(resolve));
    if (id === '1' && attempt === 1) return down;
    order.push(`end ${id}`);
    return ack;
  };
  const { deliver } = scene({ targets: { a: slow }, ordered: true });
  const keyed = (id: string, partitionkey: string): string => event(id, 'a', { partitionkey });

  await deliver(kafkaEvent([keyed('1', 'k'), keyed('2', 'k'), keyed('3', 'other')]));

  const ofKey = order.filter((line) => !line.endsWith('3'));
  assert.deepEqual(ofKey, ['begin 1', 'begin 1', 'end 1', 'begin 2', 'end 2']);
  assert.ok(order.indexOf('end 3') < order.indexOf('end 1'), 'another key waits for nobody');
});

test('kafka source: a large batch of failures costs no warnings of listeners', async (t) => {
  const warnings: string[] = [];
  const note = (warning: Error): void => void warnings.push(warning.name);
  process.on('warning', note);
  t.after(() => process.off('warning', note));
  const { deliver, failures } = scene({ targets: { a: () => down }, attempts: 2 });

  await deliver(kafkaEvent(Array.from({ length: 200 }, (_, i) => event(String(i), 'a'))));
  await new Promise((resolve) => setImmediate(resolve));

  assert.equal(failures.length, 200);
  assert.deepEqual(warnings, []);
});

const bare = (text: string): unknown => JSON.parse(envelope(text));

test('eventbridge: a bare envelope goes to all rules that match, a transformed one to the rule it names', async () => {
  const { deliver, calls } = scene({ targets: { a: () => ack, b: () => ack } });

  assert.deepEqual(await deliver(bare(event('1'))), failed());
  await deliver({ rule: 'arn:aws:events:eu-west-1:123456789012:rule/bus/b', event: bare(event('2')) });
  await deliver(JSON.parse(event('3', 'a')));

  assert.deepEqual([...calls].sort(), ['a 1 1', 'a 3 1', 'b 1 1', 'b 2 1']);
});

test('eventbridge: what fails is tried again within the call, and thrown back when time is over', async () => {
  let broken = true;
  const { deliver, calls, failures } = scene({
    targets: { a: () => down, b: (delivery, signal) => (broken ? hangs(delivery, signal) : ack) },
  });

  await assert.rejects(deliver(bare(event('1')), within(1_520)), { code: 'ABORTED', message: /1 of 1 records/ });
  broken = false;
  await deliver(bare(event('1')));

  // The rule that is done, by its failure record, is not asked again.
  assert.deepEqual([...calls].sort(), ['a 1 1', 'a 1 2', 'a 1 3', 'b 1 1', 'b 1 1']);
  assert.deepEqual(
    failures.map(({ rule, attempts }) => [rule, attempts]),
    [['a', 3]],
  );
});

test('eventbridge: an envelope that holds no event ends in a failure record, or stays while that cannot be written', async () => {
  const { deliver, failures } = scene({ targets: { a: () => ack } });
  const { deliver: deliverDown } = scene({ targets: { a: () => ack }, logDown: true });

  await deliver(bare('{"no":"event"}'));
  await assert.rejects(deliverDown(bare('{"no":"event"}'), within(1_510)), { code: 'ABORTED' });

  assert.deepEqual(
    failures.map(({ rule, event }) => [rule, event]),
    [[null, null]],
  );
});

test('deliver: any other event is refused, so that nothing is taken for done', async () => {
  const { deliver } = scene({ targets: { a: () => ack } });
  const others = ['sns-event.json', 'dynamodb-event.json', 'apigw-request.json'].map((name) => sample(name));

  for (const event of [...others, {}, null]) await assert.rejects(deliver(event), { code: 'DECODE_FAILED' });
});
