// The Kafka bus through the adapter laws with each of its clients, on a real broker; each scene has topics, a group and a
// data folder of its own.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'node:test';
import type { Adapter } from '../../../adapters/adapter.ts';
import { open } from '../../../adapters/kafka/adapter.ts';
import { createSender } from '../../../adapters/kafka/producer.ts';
import { readTopic } from '../../../adapters/kafka/reader.ts';
import type { StoredRecord } from '../../../adapters/kafka/record.ts';
import { adapterSuite } from '../../contract/adapter.ts';
import type { BusScene, Special } from '../../contract/adapter-harness.ts';
import { startKafkaProxy } from '../../fakes/kafka-proxy.ts';
import { sharedKafka, topicSet } from '../../harness/kafka.ts';

const kafka = await sharedKafka();
// A login's password; the launched broker asks for none, so the client never sends it.
const canary = 'kafka-canary-52d7';
const PASSWORD = 'BUSWAY_TEST_KAFKA_PASSWORD';

interface Opened {
  readonly warnings: string[];
  open(options: object): Promise<Adapter>;
  remove(): void;
}

function folder(): Opened {
  const dataDir = mkdtempSync(join(tmpdir(), 'busway-kafka-'));
  const warnings: string[] = [];
  const env = (name: string): string | undefined => (name === PASSWORD ? canary : undefined);
  const parts = { dataDir, now: Date.now, env, onWarning: (text: string) => void warnings.push(text) };
  return {
    warnings,
    open: (options) => open({ ...options }, parts),
    remove: () => rmSync(dataDir, { recursive: true, force: true }),
  };
}

const bytesOf = (value: Buffer | string): number[] => [...Buffer.from(value)];

/** A record as the Lambda event source hands it over. */
function pushedRecord(topic: string, { partition, offset, timestamp, key, value, headers }: StoredRecord): object {
  return {
    topic,
    partition,
    offset,
    timestamp,
    timestampType: 'CREATE_TIME',
    ...(key === null ? {} : { key: key.toString('base64') }),
    ...(value === null ? {} : { value: value.toString('base64') }),
    headers: Object.entries(headers).flatMap(([name, held]) =>
      [held].flat().map((item) => ({ [name]: bytesOf(item ?? '') })),
    ),
  };
}

type Client = 'kafkajs' | 'platformatic';

async function openScene(shared: typeof kafka & { ok: true }, client: Client): Promise<BusScene> {
  const topics = await topicSet(shared, 2);
  const { connection } = topics;
  const options = { ...topics.options, client };
  const dir = folder();
  return {
    adapter: await dir.open(options),
    warnings: dir.warnings,
    reopen: () => dir.open(options),
    async writeGarbage() {
      const value = Buffer.from('{"specversion":"9"}');
      const sender = createSender(connection, { now: Date.now });
      const headers = { 'content-type': 'application/cloudevents+json' };
      await sender.send(options.topic, [{ partition: 0, key: null, value, headers }], AbortSignal.timeout(10_000));
      await sender.close();
      return value;
    },
    async pushed() {
      const records: Record<string, object[]> = {};
      const all = { topic: options.topic, last: Number.POSITIVE_INFINITY, follow: false };
      for await (const chunk of readTopic(connection, all, AbortSignal.timeout(20_000))) {
        for (const record of chunk.records) {
          const name = `${options.topic}-${record.partition}`;
          records[name] ??= [];
          records[name].push(pushedRecord(options.topic, record));
        }
      }
      return [{ eventSource: 'SelfManagedKafka', bootstrapServers: connection.brokers.join(','), records }];
    },
    async cleanup() {
      await topics.close();
      dir.remove();
    },
  };
}

async function openSpecial(options: object, cleanup: () => Promise<void>): Promise<Special> {
  const dir = folder();
  return {
    adapter: await dir.open(options),
    warnings: dir.warnings,
    async cleanup() {
      await cleanup();
      dir.remove();
    },
  };
}

function contract(client: Client): void {
  if (!kafka.ok) return;
  adapterSuite(`kafka with ${client}`, {
    delivery: 'log',
    canary,
    waitMs: 20_000,
    concurrency: 3,
    open: () => openScene(kafka, client),
    openMissing: () =>
      openSpecial(
        { brokers: kafka.brokers.split(','), client, topic: `${kafka.prefix}-missing` },
        async () => undefined,
      ),
    async openStalled() {
      const proxy = await startKafkaProxy(kafka.brokers);
      proxy.hang = true;
      return openSpecial({ brokers: [proxy.brokers], client }, () => proxy.close());
    },
    skip: [
      { test: 'throttled', reason: 'a broker slows clients down by answering later, not by asking' },
      // A log bus is not pushed to, but Lambda's event source does push its records.
    ],
  });
}

for (const client of ['kafkajs', 'platformatic'] as const) {
  describe(`kafka contract with ${client}`, { skip: kafka.ok ? false : kafka.reason }, () => contract(client));
}
