// What a topic holds, as events, read by bare kafkajs and a decoder of our own making: a gate must not trust the code that
// it judges.

import { randomBytes } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import type { Seen } from './intake.ts';
import type { BenchTopics } from './kafka.ts';

const LIMIT_MS = 20_000;

/** The first `count` records whose id starts with `prefix`. */
export async function readSample({ brokers, topic }: BenchTopics, prefix: string, count: number): Promise<Seen[]> {
  const kafka = new Kafka({ clientId: 'bench', brokers: [...brokers], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: `bench-${randomBytes(6).toString('hex')}`, maxWaitTimeInMs: 50 });
  const found: Seen[] = [];
  const done = Promise.withResolvers<void>();
  const timer = setTimeout(done.resolve, LIMIT_MS);
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ message: { headers = {}, value } }) => {
        const id = String(headers['ce_id']);
        if (found.length >= count || !id.startsWith(prefix)) return;
        const [source, type] = [String(headers['ce_source']), String(headers['ce_type'])];
        found.push({ id, source, type, data: value ?? Buffer.alloc(0) });
        if (found.length === count) done.resolve();
      },
    });
    await done.promise;
    return found;
  } finally {
    clearTimeout(timer);
    await consumer.disconnect();
  }
}
