// Both clients write the same: the same bytes in the same partitions, where Java's producer puts them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compatibilityPartitioner } from '@platformatic/kafka';
import fc from 'fast-check';
import kafkajs from 'kafkajs';
import { open } from '../../../adapters/kafka/adapter.ts';
import { createSender } from '../../../adapters/kafka/producer.ts';
import { readTopic } from '../../../adapters/kafka/reader.ts';
import { type PlacedRecord, partitionOfKey } from '../../../adapters/kafka/record.ts';
import type { CloudEvent } from '../../../router/event.ts';
import { event as anyEvent } from '../../harness/events.ts';
import { sharedKafka, topicSet } from '../../harness/kafka.ts';
import { type RawBatch, rawBatches } from './raw-batches.ts';

const clients = ['kafkajs', 'platformatic'] as const;
const PARTITIONS = 5;
const AT = 1_790_000_000_000;
const within = () => AbortSignal.timeout(20_000);

test('kafka: our place of a key is that of kafkajs and that of the second library for Java', () => {
  const java = kafkajs.Partitioners.DefaultPartitioner();
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), fc.integer({ min: 1, max: 100 }), (bytes, count) => {
      const key = Buffer.from(bytes);
      const partitionMetadata = Array.from({ length: count }, (_, partitionId) => ({
        partitionId,
        partitionErrorCode: 0,
        leader: 1,
        replicas: [1],
        isr: [1],
      }));
      const ours = partitionOfKey(key, count);
      assert.equal(java({ topic: 't', partitionMetadata, message: { key, value: null } }), ours);
      assert.equal(compatibilityPartitioner({ topic: 't', key, value: key }, key) % count, ours);
    }),
    { numRuns: 500 },
  );
});

const kafka = await sharedKafka();

describe('kafka clients side by side', { skip: kafka.ok ? false : kafka.reason }, () => {
  if (!kafka.ok) return;
  const shared = kafka;

  /** What each client made of the same work on topics of its own: the batches of each partition. */
  async function writtenBy(
    work: (client: (typeof clients)[number], topics: Awaited<ReturnType<typeof topicSet>>) => Promise<void>,
  ): Promise<RawBatch[][][]> {
    const written: RawBatch[][][] = [];
    for (const client of clients) {
      const topics = await topicSet(shared, PARTITIONS);
      try {
        await work(client, topics);
        const all = Array.from({ length: PARTITIONS }, (_, i) => rawBatches(shared.brokers, topics.options.topic, i));
        written.push(await Promise.all(all));
      } finally {
        await topics.close();
      }
    }
    return written;
  }

  test('kafka: the same events are the same bytes in the same partitions with both clients', async () => {
    const events: CloudEvent[] = fc.sample(anyEvent, 400).map(({ data, attributes }, i) => ({
      ...(data === undefined ? {} : { data }),
      // Half of them have a key, some with other than ASCII.
      attributes: {
        ...attributes,
        id: `${i}`,
        ...(i % 2 === 0 && { partitionkey: `key ${i % 14}${'é'.repeat(i % 3)}` }),
      },
    }));
    const [first, second] = await writtenBy(async (client, { options }) => {
      const parts = { dataDir: '/nowhere', now: () => AT, env: () => undefined, onWarning: () => undefined };
      const bus = await open({ ...options, client }, parts);
      for (let i = 0; i < events.length; i += 50) {
        const results = await bus.publish(events.slice(i, i + 50), within());
        assert.ok(results.every(({ ok }) => ok));
      }
      await bus.close();
    });

    assert.deepEqual(second, first);
    const all = first!.flat();
    assert.equal(
      all.reduce((sum, { count }) => sum + count, 0),
      events.length,
    );
    assert.ok(first!.every((batches) => batches.length > 0));
    assert.ok(all.every(({ firstTimestamp, maxTimestamp }) => firstTimestamp === maxTimestamp));
  });

  test('kafka: calls of one millisecond are told apart by their time, close to the clock', async () => {
    const calls = 14;
    const [first, second] = await writtenBy(async (client, { options, connection }) => {
      const sender = createSender({ ...connection, client }, { now: () => AT });
      const record = { partition: 0, key: null, value: Buffer.from('v'), headers: {} };
      for (let call = 0; call < calls; call++) await sender.send(options.topic, [record], within());
      await sender.close();
    });
    const times = first![0]!.map(({ firstTimestamp }) => Number(firstTimestamp) - AT);

    assert.deepEqual(second, first);
    assert.deepEqual(times, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10, 10]);
  });

  test('kafka: keys, values and headers at their edges are the same bytes with both clients', async () => {
    const fields: Omit<PlacedRecord, 'partition'>[] = [
      { key: null, value: null, headers: {} },
      { key: '', value: Buffer.alloc(0), headers: { empty: '', bytes: Buffer.alloc(0) } },
      { key: Buffer.from([0, 255]), value: Buffer.from([0]), headers: { z: '1', a: '2', m: Buffer.from([128]) } },
      { key: 'ключ', value: Buffer.alloc(200_000, 1), headers: { имя: 'значение', long: 'x'.repeat(20_000) } },
      { key: 'k'.repeat(64), value: Buffer.alloc(63), headers: Object.fromEntries(names(200)) },
    ];
    const records = fields.flatMap((record) => [0, 3, 3].map((partition) => ({ ...record, partition })));
    const [first, second] = await writtenBy(async (client, { options, connection }) => {
      const sender = createSender({ ...connection, client }, { now: () => AT });
      await sender.send(options.topic, records, within());
      await sender.close();
    });

    assert.deepEqual(second, first);
    assert.deepEqual(
      first!.map((batches) => batches.reduce((sum, { count }) => sum + count, 0)),
      [5, 0, 0, 10, 0],
    );
  });

  test('kafka: both clients put each key where Java does, whatever the number of partitions', async () => {
    const keys = Array.from({ length: 60 }, (_, i) => `key-${i}${'é'.repeat(i % 4)}`);
    for (const client of clients) {
      const topics = await topicSet(shared, 7);
      const parts = { dataDir: '/nowhere', now: Date.now, env: () => undefined, onWarning: () => undefined };
      const bus = await open({ ...topics.options, client }, parts);
      const batch = keys.map((partitionkey) => ({
        attributes: { specversion: '1.0' as const, id: partitionkey, source: '/t', type: 't', partitionkey },
      }));
      await bus.publish(batch, within());
      await bus.close();
      const found = new Map<string, number>();
      const all = { topic: topics.options.topic, last: Number.POSITIVE_INFINITY, follow: false };
      for await (const { records } of readTopic(topics.connection, all, within()))
        for (const { key, partition } of records) found.set(String(key), partition);
      await topics.close();

      assert.equal(found.size, keys.length, client);
      for (const key of keys) assert.equal(found.get(key), partitionOfKey(key, 7), `${client}: ${key}`);
    }
  });
});

function names(count: number): [string, string][] {
  return Array.from({ length: count }, (_, i) => [`name-${i}`, `${i}`]);
}
