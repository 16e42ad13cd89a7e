// Which failed messages of a batch the deliver function has come again, and when; and that nothing of it can fail the batch.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRedelivery, type LateMessage, type Redeliver } from '../../../adapters/eventbridge/redelivery.ts';
import { createSqs } from '../../../adapters/eventbridge/sqs.ts';
import type { Verdict } from '../../../router/consume.ts';
import { startSqs } from '../../fakes/sqs.ts';
import { ack, down, hangs, type Target } from '../consumer-scene.ts';
import { queueEvent } from './aws-events.ts';
import { scene } from './aws-scene.ts';

const event = (id: string): string => JSON.stringify({ specversion: '1.0', id, source: '/s', type: 'all' });
const message = (id: string, rule = 'a') => ({ id: `m${id}`, body: event(id), rule, receipt: `r${id}` });
const ids = ({ batchItemFailures }: { batchItemFailures: readonly { itemIdentifier: string }[] }) =>
  batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
const failsFor = (afterMs: number): Verdict => ({ ...down, afterMs });

interface Asked {
  readonly messages: readonly LateMessage[];
  readonly receivedMs: number;
  readonly signal: AbortSignal;
}

function recorder(): { readonly asked: Asked[]; readonly redeliver: Redeliver } {
  const asked: Asked[] = [];
  const redeliver: Redeliver = async (messages, call) => void asked.push({ messages, ...call });
  return { asked, redeliver };
}

test('redelivery: of a batch what failed is asked for in one call, each at its own time, and what is done is not', async () => {
  const { asked, redeliver } = recorder();
  const waits = new Map([
    ['1', 90_000],
    ['3', 5_000],
  ]);
  const a: Target = ({ event }) => {
    const afterMs = waits.get(event.attributes.id);
    return afterMs === undefined ? ack : failsFor(afterMs);
  };
  const { deliver } = scene({ targets: { a }, redeliver });
  const before = Date.now();

  const answer = await deliver(queueEvent(['1', '2', '3'].map((id) => message(id))));
  const after = Date.now();

  assert.deepEqual(ids(answer), ['m1', 'm3']);
  assert.equal(asked.length, 1);
  const [{ messages, receivedMs }] = asked as [Asked];
  assert.deepEqual(
    messages.map(({ queueArn, receiptHandle }) => [queueArn, receiptHandle]),
    ['r1', 'r3'].map((receipt) => ['arn:aws:sqs:us-west-2:123456789012:orders', receipt]),
  );
  for (const [i, ms] of [90_000, 5_000].entries()) {
    const { dueMs } = messages[i]!;
    assert.ok(before + ms <= dueMs && dueMs <= after + ms, `${dueMs - before}`);
  }
  assert.ok(before <= receivedMs && receivedMs <= after);
});

test('redelivery: a wait begins when its own target has failed, not when the slowest of the batch is done', async () => {
  const { asked, redeliver } = recorder();
  const { promise, resolve } = Promise.withResolvers<Verdict>();
  const a: Target = ({ event }) => (event.attributes.id === '1' ? failsFor(60_000) : promise);
  const { deliver } = scene({ targets: { a }, redeliver });

  const answer = deliver(queueEvent([message('1'), message('2')]));
  await new Promise((done) => setTimeout(done, 50));
  const failedAt = Date.now();
  resolve(ack);
  await answer;

  assert.ok(asked[0]!.messages[0]!.dueMs <= failedAt + 60_000 - 20);
});

test('redelivery: nothing is asked for where nothing failed, nor for a message of a FIFO queue', async () => {
  const { asked, redeliver } = recorder();
  const { deliver } = scene({ targets: { a: () => ack, b: () => down }, redeliver });

  assert.deepEqual(ids(await deliver(queueEvent([message('1')]))), []);
  const fifo = ['2', '3'].map((id) => ({ ...message(id, 'b'), queue: 'orders.fifo' }));
  assert.deepEqual(ids(await deliver(queueEvent(fifo))), ['m2', 'm3']);

  assert.deepEqual(asked, []);
});

test("redelivery: what was not tried keeps the queue's timeout: its receipt counts, and few are spare", async () => {
  const { asked, redeliver } = recorder();
  const { deliver } = scene({
    targets: { a: () => ({ ...down, kind: 'dead' }), b: () => down },
    logDown: true,
    redeliver,
  });

  const answer = await deliver(queueEvent([message('1'), message('2', 'b'), { id: 'm3', body: 'no event' }]));

  assert.deepEqual(ids(answer), ['m1', 'm2', 'm3']);
  assert.deepEqual(
    asked.map(({ messages }) => messages.map(({ receiptHandle }) => receiptHandle)),
    [['r2']],
  );
});

test('redelivery: it never takes longer than the function has left', async () => {
  const given: Redeliver = (_messages, { signal }) =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  const { deliver } = scene({ targets: { a: () => down, b: hangs }, redeliver: given });
  const end = performance.now() + 1_800;
  const context = { getRemainingTimeInMillis: () => end - performance.now() };

  const answer = await deliver(queueEvent([message('1'), message('2', 'b')]), context);

  assert.deepEqual(ids(answer), ['m1', 'm2']);
  assert.ok(performance.now() < end, 'AWS would have given the whole batch back');
});

test('redelivery: over SQS a failed message comes after its rule’s wait, and a right that is missing fails no batch', async (t) => {
  for (const denied of [[], ['ChangeMessageVisibilityBatch']]) {
    const fake = await startSqs({ region: 'us-west-2', secondMs: 5, denied });
    t.after(() => fake.close());
    const url = fake.createQueue('orders');
    fake.send(url, event('1'));
    const parts = { credentials: async () => fake.keys, region: async () => 'us-west-2', endpoint: fake.endpoint };
    const [received] = await createSqs({ ...parts, now: Date.now }).receive(url, 360, AbortSignal.timeout(5_000));
    const env: Readonly<Record<string, string>> = {
      AWS_ACCESS_KEY_ID: fake.keys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: fake.keys.secretAccessKey,
      AWS_ENDPOINT_URL: fake.endpoint,
    };
    const warnings: string[] = [];
    const onWarning = (text: string): void => void warnings.push(text);
    const redeliver = createRedelivery({ env: (name) => env[name], now: Date.now, onWarning });
    const { deliver } = scene({ targets: { a: () => failsFor(90_000) }, redeliver });

    const answer = await deliver(queueEvent([{ ...message('1'), receipt: received!.handle }]));

    const waitS = Math.round((fake.messages(url)[0]!.visibleMs - Date.now()) / 1_000);
    assert.deepEqual(ids(answer), ['m1']);
    if (denied.length === 0) assert.ok(waitS >= 89 && waitS <= 91, String(waitS));
    else assert.ok(waitS >= 359, String(waitS));
    assert.equal(warnings.length, denied.length);
  }
});
