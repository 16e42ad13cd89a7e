// Publishing to an imitated bus: its limits and refusals hold, and it fails now and then as that bus does, so that what
// bus.ts makes of it is tried here. Nothing is lost by it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { busDefaults, createBus } from '../../adapters/bus.ts';
import { type CloudEvent, jsonData } from '../../router/event.ts';
import { idle } from '../contract/adapter-harness.ts';
import { likeLog } from './like-log.ts';
import { imitable, made, personalityOf } from './like-scene.ts';

async function logOf(name: string, seed = 1) {
  return likeLog({ personality: await personalityOf(name), seed, rules: () => [] });
}

const many = (count: number, more = (_: number): object => ({})): CloudEvent[] =>
  Array.from({ length: count }, (_, i) => made(`e${i}`, more(i)));

function batches(events: readonly CloudEvent[], size: number): CloudEvent[][] {
  return Array.from({ length: Math.ceil(events.length / size) }, (_, i) => events.slice(i * size, (i + 1) * size));
}

test('like eventbridge: some entries of a call fail for now, each by itself, and the others are taken', async () => {
  const { adapter, calls } = await logOf('eventbridge');
  const events = many(1_000);
  const codes = new Set<string>();
  let partial = 0;

  for (const batch of batches(events, 10)) {
    const results = await adapter.publish(batch, idle);
    assert.equal(results.length, 10);
    const taken = batch.filter((_, i) => results[i]!.ok);
    if (taken.length > 0) assert.deepEqual(calls.at(-1), taken);
    if (taken.length > 0 && taken.length < 10) partial++;
    for (const result of results) {
      if (result.ok) continue;
      assert.ok(result.retryable);
      codes.add(result.code);
    }
  }

  assert.ok(partial > 20 && partial < 80, `${partial} of 100 calls failed in part`);
  assert.deepEqual([...codes].sort(), ['BUS_UNAVAILABLE', 'THROTTLED']);
});

test('like eventgrid: a call is taken or throttled as a whole', async () => {
  const { adapter } = await logOf('eventgrid');
  const counts = new Set<number>();

  for (const batch of batches(many(1_000), 5)) {
    const results = await adapter.publish(batch, idle);
    counts.add(results.filter(({ ok }) => ok).length);
    for (const result of results)
      if (!result.ok) assert.deepEqual([result.code, result.retryAfterMs], ['THROTTLED', 1_000]);
  }

  assert.deepEqual([...counts].sort(), [0, 5]);
});

test('like pubsub: events of one ordering key are taken or throttled together, keys for themselves', async () => {
  const { adapter } = await logOf('pubsub');
  let mixed = 0;

  for (const batch of batches(
    many(1_000, (i) => ({ partitionkey: `k${i % 2}` })),
    10,
  )) {
    const results = await adapter.publish(batch, idle);
    const [even, odd] = [0, 1].map((key) => new Set(results.filter((_, i) => i % 2 === key).map(({ ok }) => ok)));
    assert.deepEqual([even!.size, odd!.size], [1, 1]);
    if (even!.has(true) !== odd!.has(true)) mixed++;
  }

  assert.ok(mixed > 0);
});

for (const name of imitable) {
  test(`like ${name}: an event that failed is taken after two more tries at the latest`, async () => {
    const { adapter } = await logOf(name);

    for (const event of many(300)) {
      const ok = [];
      for (let time = 0; time < 3; time++) ok.push((await adapter.publish([event], idle))[0]!.ok);
      assert.ok(ok[2], `${event.attributes.id}: ${ok}`);
    }
  });

  test(`like ${name}: the same seed fails the same events, another seed others`, async () => {
    const failedBy = async (seed: number): Promise<string[]> => {
      const { adapter } = await logOf(name, seed);
      const events = many(200);
      const results = await Promise.all(events.map((event) => adapter.publish([event], idle)));
      return events.flatMap(({ attributes }, i) => (results[i]![0]!.ok ? [] : [attributes.id]));
    };

    const [first, again, other] = [await failedBy(7), await failedBy(7), await failedBy(8)];

    assert.ok(first.length > 0);
    assert.deepEqual(again, first);
    assert.notDeepEqual(other, first);
  });
}

test('like eventbridge: through bus.ts every event is taken once, in calls of ten', async () => {
  const { adapter, calls } = await logOf('eventbridge');
  const bus = createBus(adapter, { ...busDefaults, now: Date.now });
  const events = many(150);

  const results = await bus.publish(events);

  assert.ok(results.every(({ ok }) => ok));
  assert.deepEqual(new Set(calls.flat()), new Set(events));
  assert.equal(calls.flat().length, events.length);
  assert.ok(calls.every(({ length }) => length <= 10));
  assert.ok(
    calls.some(({ length }) => length < 10),
    'no call failed in part',
  );
});

const long = 'x'.repeat(2_000);
const refusals = [
  ['eventbridge', made('a', { type: 'x'.repeat(129) }), 'NOT_CARRIABLE'],
  ['eventbridge', made('a', { source: 'aws.s3' }), 'NOT_CARRIABLE'],
  ['pubsub', made('a', { subject: long }), 'NOT_CARRIABLE'],
  ['eventgrid', { ...made('a'), data: jsonData(Buffer.from(`"${'x'.repeat(1_048_576)}"`)) }, 'EVENT_TOO_LARGE'],
  ['eventbridge', { ...made('a'), data: jsonData(Buffer.from(`"${'x'.repeat(1_048_576)}"`)) }, 'EVENT_TOO_LARGE'],
  ['pubsub', { ...made('a'), data: jsonData(Buffer.from(`"${'x'.repeat(7_600_000)}"`)) }, 'EVENT_TOO_LARGE'],
] as const;

for (const [name, event, code] of refusals) {
  const what = Object.keys(event).includes('data')
    ? 'data of this size'
    : JSON.stringify(event.attributes).slice(0, 60);
  test(`like ${name}: ${what} is refused with ${code} and never reaches the log, the others do`, async () => {
    const { adapter, calls } = await logOf(name, 2);
    const bus = createBus(adapter, { ...busDefaults, now: Date.now });

    const [direct] = await adapter.publish([event], idle);
    const [first, second] = await bus.publish([event, made('b')]);

    for (const result of [direct!, first!]) assert.ok(!result.ok && result.code === code && !result.retryable);
    assert.ok(second!.ok);
    assert.deepEqual(calls.flat(), [made('b')]);
  });
}

test('like: the narrower of both calls holds, and the size of an event is that of the imitated bus', async () => {
  const personality = await personalityOf('pubsub');
  const wide = { ...personality, limits: { events: 5_000, callBytes: 100_000_000, eventBytes: 100_000_000 } };

  const { adapter } = likeLog({ personality: wide, seed: 1, rules: () => [] });

  assert.deepEqual(adapter.limits, { events: 1_000, callBytes: 64_000_000, eventBytes: 100_000_000 });
  assert.equal(adapter.sizeOf(made('a')), personality.sizeOf(made('a')));
  assert.equal(adapter.name, 'memory (like pubsub)');
  for (const name of imitable) {
    const { limits } = await personalityOf(name);
    assert.deepEqual((await logOf(name)).adapter.limits, { ...limits, events: Math.min(1_000, limits.events) });
  }
});
