import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { createBus } from '../../../adapters/bus.ts';
import { open } from '../../../adapters/kafka/adapter.ts';
import { ensureTopics } from '../../../adapters/kafka/topics.ts';
import { kafkaDown, kafkaUp } from '../../../local/kafka.ts';
import { testEnv } from '../../harness/env.ts';
import { kafkaDirs, kafkaSkip, plainConnection } from '../../harness/kafka.ts';

// The broker of this file is killed, so it is nobody else's.
const skip = testEnv('KAFKA_BROKERS') ? 'KAFKA_BROKERS is set, so nothing is launched' : await kafkaSkip();

describe('kafka broker that is killed', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'busway-crash-'));
  const launcher = {
    dataDir: folder,
    cacheDir: kafkaDirs.cacheDir,
    env: (name: string) => (name === 'JAVA_HOME' ? testEnv('JAVA_HOME') : undefined),
    download: false,
    crashTest: true,
    onProgress: () => undefined,
    signal: AbortSignal.timeout(120_000),
  };
  after(async () => {
    await kafkaDown(launcher);
    rmSync(folder, { recursive: true, force: true });
  });
  const parts = { dataDir: folder, now: Date.now, env: () => undefined, onWarning: () => undefined };

  async function storedIds(brokers: string, topic: string): Promise<string[]> {
    const bus = await open({ brokers: [brokers], topic }, parts);
    const events = await Array.fromAsync(bus.tail!({ last: 100_000, follow: false }, AbortSignal.timeout(20_000)));
    await bus.close();
    return events.map(({ attributes }) => attributes.id);
  }

  for (const client of ['kafkajs', 'platformatic'] as const) {
    test(`kafka: what was acknowledged before, during and after kill -9 is all there, and the data outlives new ports (${client})`, () =>
      killed(client));
  }

  async function killed(client: 'kafkajs' | 'platformatic'): Promise<void> {
    const topic = `events-${client}`;
    const topics = { ssl: false, topic, group: 'g', retryTopics: 'retry', failuresTopic: 'failures' };
    const first = await kafkaUp(launcher);
    await ensureTopics(plainConnection(first.brokers), topics, { partitions: 2, signal: launcher.signal });
    const adapter = await open({ ...topics, client, brokers: [first.brokers] }, parts);
    const bus = createBus(adapter, { deadlineMs: 30_000, pendingBytes: 1e9, now: Date.now });
    const acked: string[] = [];
    let next = 0;
    const publish = async (count: number): Promise<void> => {
      for (const end = next + count; next < end; ) {
        const batch = Array.from({ length: 20 }, () => String(next++));
        const attributes = (id: string) => ({
          specversion: '1.0' as const,
          id,
          source: '/t',
          type: 't',
          partitionkey: id,
        });
        const results = await bus.publish(batch.map((id) => ({ attributes: attributes(id) })));
        acked.push(...batch.filter((_, i) => results[i]!.ok));
      }
    };

    await publish(500);
    const during = publish(2_000);
    process.kill(first.pid!, 'SIGKILL');
    const second = await kafkaUp(launcher);
    await during;
    await publish(200);
    await bus.close();

    assert.equal(second.started, true);
    assert.equal(acked.length, 2_700);
    const found = new Set(await storedIds(second.brokers, topic));
    assert.deepEqual(
      acked.filter((id) => !found.has(id)),
      [],
    );

    await kafkaDown(launcher);
    const squatter = createServer().listen(Number(second.brokers.split(':')[1]), '127.0.0.1');
    const third = await kafkaUp(launcher);
    squatter.close();
    assert.notEqual(third.brokers, second.brokers);
    assert.deepEqual(new Set(await storedIds(third.brokers, topic)), found);
    await kafkaDown(launcher);
  }
});
