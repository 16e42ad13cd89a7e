// Messages come again at their rule's time, over the strict fake of SQS: not a second earlier, in one request for ten, and
// whatever goes wrong costs a warning and nothing else.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import {
  createRedelivery,
  type LateMessage,
  queueOfArn,
  secondsUntil,
} from '../../../adapters/eventbridge/redelivery.ts';
import { createSqs } from '../../../adapters/eventbridge/sqs.ts';
import { type FakeSqs, type SqsSettings, startSqs } from '../../fakes/sqs.ts';

const HOLD_S = 360;
const TWELVE_HOURS_MS = 43_200_000;
const signal = AbortSignal.timeout(60_000);

interface Scene {
  readonly fake: FakeSqs;
  readonly warnings: string[];
  readonly clock: { now: number };
  readonly redeliver: (messages: readonly LateMessage[], by?: AbortSignal) => Promise<void>;
  /** Sends so many and takes them all. */
  taken(queue: string, count: number): Promise<readonly Omit<LateMessage, 'dueMs'>[]>;
}

async function open(t: TestContext, settings: SqsSettings = {}): Promise<Scene> {
  const clock = { now: Date.now() };
  const now = (): number => clock.now;
  const fake = await startSqs({ ...settings, now, secondMs: 5 });
  t.after(() => fake.close());
  const env: Readonly<Record<string, string>> = {
    AWS_ACCESS_KEY_ID: fake.keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: fake.keys.secretAccessKey,
    AWS_ENDPOINT_URL_SQS: fake.endpoint,
  };
  const warnings: string[] = [];
  const redeliver = createRedelivery({ env: (name) => env[name], now, onWarning: (text) => void warnings.push(text) });
  const region = async (): Promise<string> => fake.keys.region;
  const sqs = createSqs({ credentials: async () => fake.keys, region, endpoint: fake.endpoint, now });
  const startedAt = clock.now;
  return {
    fake,
    warnings,
    clock,
    redeliver: (messages, by = signal) => redeliver(messages, { receivedMs: startedAt, signal: by }),
    async taken(queue, count) {
      const url = fake.createQueue(queue);
      for (let i = 0; i < count; i++) fake.send(url, String(i));
      const handles: string[] = [];
      while (handles.length < count) {
        handles.push(...(await sqs.receive(url, HOLD_S, signal)).map(({ handle }) => handle));
      }
      return handles.map((receiptHandle) => ({ queueArn: fake.arnOf(url), receiptHandle }));
    },
  };
}

const changes = ({ calls }: FakeSqs): readonly (readonly unknown[])[] =>
  calls
    .filter(({ operation }) => operation === 'ChangeMessageVisibilityBatch')
    .map(({ input }) => input['Entries'] as readonly unknown[]);

const waits = (fake: FakeSqs, queue: string, now: number): readonly number[] =>
  fake.messages(fake.createQueue(queue)).map(({ visibleMs }) => visibleMs - now);

test('redelivery: each message comes when it is due, rounded up to a second, and what is overdue at once', async (t) => {
  const { fake, clock, warnings, redeliver, taken } = await open(t);
  const messages = await taken('orders', 4);
  const due = [1_000, 1_001, 90_500, -3_000];
  clock.now += 2_000;

  await redeliver(messages.map((message, i) => ({ ...message, dueMs: clock.now + due[i]! })));

  assert.deepEqual(waits(fake, 'orders', clock.now), [1_000, 2_000, 91_000, 0]);
  assert.deepEqual(warnings, []);
});

test('redelivery: one request for ten messages of a queue, whatever their times', async (t) => {
  const { fake, clock, redeliver, taken } = await open(t);
  const messages = [...(await taken('a', 10)), ...(await taken('b', 12))];

  await redeliver(messages.map((message, i) => ({ ...message, dueMs: clock.now + i * 1_000 })));

  assert.deepEqual(
    changes(fake)
      .map(({ length }) => length)
      .sort((a, b) => b - a),
    [10, 10, 2],
  );
});

test('redelivery: what is due in days comes after 12 hours in all, as long as SQS allows', async (t) => {
  const { fake, clock, warnings, redeliver, taken } = await open(t);
  const [message] = await taken('slow', 1);
  clock.now += 210_000;

  await redeliver([{ ...message!, dueMs: clock.now + 2 * TWELVE_HOURS_MS }]);

  assert.deepEqual(waits(fake, 'slow', clock.now), [TWELVE_HOURS_MS - 60_000 - 210_000]);
  assert.deepEqual(warnings, []);
});

test('redelivery: no wait is early, negative, broken or beyond 12 hours from the receipt', () => {
  const ms = fc.integer({ min: 0, max: 100_000_000 });
  fc.assert(
    fc.property(fc.integer({ min: -1_000, max: 200_000_000 }), ms, (inMs, tookMs) => {
      const [receivedMs, now] = [5_000, 5_000 + tookMs];
      const seconds = secondsUntil(now + inMs, receivedMs, now);
      assert.ok(Number.isInteger(seconds) && seconds >= 0 && seconds <= 43_200, String(seconds));
      if (seconds > 0) assert.ok(tookMs + seconds * 1_000 <= TWELVE_HOURS_MS);
      if (seconds * 1_000 < inMs) assert.ok(tookMs + inMs > TWELVE_HOURS_MS - 62_000);
      else assert.ok(seconds * 1_000 - Math.max(0, inMs) < 1_000);
    }),
  );
});

test('redelivery: a right that is missing is one warning however often, and the messages keep their timeout', async (t) => {
  const { fake, clock, warnings, redeliver, taken } = await open(t, { denied: ['ChangeMessageVisibilityBatch'] });
  const messages = (await taken('orders', 2)).map((message) => ({ ...message, dueMs: clock.now + 1_000 }));

  await redeliver(messages);
  await redeliver(messages);

  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /^what failed comes again by the queue's visibility timeout/);
  assert.deepEqual(waits(fake, 'orders', clock.now), [HOLD_S * 1_000, HOLD_S * 1_000]);
});

test('redelivery: once it works again, the next failure is told again', async (t) => {
  const broken = { now: true };
  const { clock, warnings, redeliver, taken } = await open(t, {
    fault: ({ operation }) =>
      operation === 'ChangeMessageVisibilityBatch' && broken.now
        ? { kind: 'refuse', type: 'AccessDeniedException' }
        : undefined,
  });
  const messages = (await taken('orders', 1)).map((message) => ({ ...message, dueMs: clock.now + 1_000 }));

  for (const now of [true, false, true]) {
    broken.now = now;
    await redeliver(messages);
  }

  assert.equal(warnings.length, 2);
});

test('redelivery: a receipt that is not good any more is a warning, and the others of its request have their time', async (t) => {
  const { fake, clock, warnings, redeliver, taken } = await open(t);
  const messages = await taken('orders', 2);
  const late = [{ ...messages[0]!, receiptHandle: 'never-given' }, messages[1]!];

  await redeliver(late.map((message) => ({ ...message, dueMs: clock.now + 5_000 })));

  assert.deepEqual(waits(fake, 'orders', clock.now), [HOLD_S * 1_000, 5_000]);
  assert.match(warnings.join(), /not do it for all messages/);
});

test('redelivery: no time left, an ARN of no queue and no credentials are warnings, never a rejection', async (t) => {
  const { clock, warnings, redeliver, taken } = await open(t);
  const [message] = (await taken('orders', 1)).map((one) => ({ ...one, dueMs: clock.now + 1_000 }));
  const other = await open(t);
  const keyless = createRedelivery({
    env: () => undefined,
    now: Date.now,
    onWarning: (text) => void warnings.push(text),
  });

  await redeliver([message!], AbortSignal.abort());
  await other.redeliver([{ ...message!, queueArn: 'arn:aws:sns:eu-west-1:123456789012:orders' }]);
  await keyless([message!], { receivedMs: clock.now, signal });

  assert.match(warnings[0]!, /the call was given up/);
  assert.match(other.warnings.join(), /the ARN of the queue is of no known form/);
  assert.match(warnings[1]!, /no credentials/);
});

test('redelivery: the URL of a queue follows from its ARN in every partition', () => {
  const urlOf = (partition: string, region: string): string | undefined =>
    queueOfArn(`arn:${partition}:sqs:${region}:123456789012:orders`)?.url;

  assert.equal(urlOf('aws', 'eu-west-1'), 'https://sqs.eu-west-1.amazonaws.com/123456789012/orders');
  assert.equal(urlOf('aws-cn', 'cn-north-1'), 'https://sqs.cn-north-1.amazonaws.com.cn/123456789012/orders');
  assert.equal(urlOf('aws-us-gov', 'us-gov-west-1'), 'https://sqs.us-gov-west-1.amazonaws.com/123456789012/orders');
  assert.equal(urlOf('aws-eusc', 'eusc-de-east-1'), 'https://sqs.eusc-de-east-1.amazonaws.eu/123456789012/orders');
  for (const arn of ['', 'orders', 'arn:aws-moon:sqs:r:123456789012:q', 'arn:aws:sqs:r:123456789012:q/../x']) {
    assert.equal(queueOfArn(arn), undefined, arn);
  }
});
