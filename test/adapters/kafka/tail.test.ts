import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { open } from '../../../adapters/kafka/adapter.ts';
import { lookUpTopic } from '../../../adapters/kafka/client.ts';
import { recordBytes } from '../../../adapters/kafka/record.ts';
import { deleteTopics, ensureTopics } from '../../../adapters/kafka/topics.ts';
import { binaryData, type CloudEvent, jsonData } from '../../../router/event.ts';
import { encodeKafka } from '../../../router/wire/kafka.ts';
import { sameEvent } from '../../harness/events.ts';
import { sharedKafka, type TopicSet, topicSet } from '../../harness/kafka.ts';

const kafka = await sharedKafka();
const within = (ms = 10_000) => AbortSignal.timeout(ms);

function event(id: string, datacontenttype = 'application/json'): CloudEvent {
  const attributes = { specversion: '1.0' as const, id, source: '/test', type: 'made.up', datacontenttype };
  return { attributes, data: jsonData(Buffer.from('{"n":1}')) };
}

function bigEvent(bytes: number): CloudEvent {
  return { ...event('big', 'application/octet-stream'), data: binaryData(Buffer.alloc(bytes, 255)) };
}

describe('kafka tail and failures', { skip: kafka.ok ? false : kafka.reason }, () => {
  if (!kafka.ok) return;
  let set: TopicSet;
  const parts = { dataDir: '/nowhere', now: Date.now, env: () => undefined, onWarning: () => undefined };
  const openBus = (more: Record<string, unknown> = {}) => open({ ...set.options, ...more }, parts);
  before(async () => {
    set = await topicSet(kafka);
  });
  after(async () => {
    await set.close();
  });

  test('kafka: tail gives the newest, oldest first, and follows until it is told to stop', async (t) => {
    const topics = await topicSet(kafka, 2);
    t.after(topics.close);
    const bus = await openBus({ topic: topics.options.topic });
    t.after(() => bus.close());
    for (let i = 0; i < 5; i++) await bus.publish([event(`${i}`)], within());
    const stop = new AbortController();
    const ids: string[] = [];

    for await (const { attributes } of bus.tail!({ last: 2, follow: true }, AbortSignal.any([stop.signal, within()]))) {
      ids.push(attributes.id);
      if (attributes.id === '4') await bus.publish([event('new')], within());
      if (attributes.id === 'new') stop.abort();
    }

    assert.deepEqual(ids, ['3', '4', 'new']);
  });

  test('kafka: failure records are listed oldest first, replaced by id and removed', async (t) => {
    const bus = await openBus();
    t.after(() => bus.close());
    const failures = bus.failures!;
    const record = {
      rule: 'r',
      ruleHash: 'h',
      code: 'TARGET_STATUS' as const,
      reason: 'x',
      attempts: 1,
      event: event('1'),
    };
    await failures.write({ ...record, id: 'b', at: '2026-01-02T00:00:00Z' });
    await failures.write({ ...record, id: 'a', at: '2026-01-01T00:00:00Z' });
    await failures.write({ ...record, id: 'c', at: '2026-01-03T00:00:00Z' });
    await failures.write({ ...record, id: 'a', at: '2026-01-04T00:00:00Z', attempts: 2 });
    await failures.remove(['c', 'unknown']);

    const list = await Array.fromAsync(failures.list(within()));

    assert.deepEqual(
      list.map(({ id, attempts }) => [id, attempts]),
      [
        ['b', 1],
        ['a', 2],
      ],
    );
    await failures.remove(['a', 'b']);
    assert.deepEqual(await Array.fromAsync(failures.list(within())), []);
  });

  test('kafka: a failure of the largest event fits', async (t) => {
    const bus = await openBus();
    t.after(() => bus.close());
    const big = bigEvent(1_000_000);
    assert.ok(recordBytes(encodeKafka(big)) <= bus.limits.eventBytes);

    await bus.failures!.write({
      id: 'big',
      rule: 'r',
      ruleHash: 'h',
      code: 'TARGET_STATUS',
      reason: '',
      attempts: 1,
      at: 'x',
      event: big,
    });

    const [back] = await Array.fromAsync(bus.failures!.list(within()));
    assert.ok(back?.event && sameEvent(back.event, big));
    await bus.failures!.remove(['big']);
  });

  test('kafka: ensureTopics makes what is missing and leaves what is there', async (t) => {
    const topics = await topicSet(kafka, 2);
    t.after(topics.close);
    const ensured = await ensureTopics(topics.connection, topics.options, { partitions: 9, signal: within() });
    const { topic, failuresTopic } = topics.options;
    await deleteTopics(topics.connection, [failuresTopic], within());

    const again = await ensureTopics(topics.connection, topics.options, { partitions: 9, signal: within() });

    assert.deepEqual(ensured, []);
    assert.deepEqual(again, [failuresTopic]);
    assert.equal((await lookUpTopic(topics.connection, topic, within())).partitions, 2);
  });
});
