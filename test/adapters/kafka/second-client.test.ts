// What @platformatic/kafka would do otherwise: ask a leader that moved again and again, try without end, say nothing.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { lookUpOffsets } from '../../../adapters/kafka/client.ts';
import { createSender } from '../../../adapters/kafka/producer.ts';
import type { PlacedRecord } from '../../../adapters/kafka/record.ts';
import { sharedKafka, topicSet } from '../../harness/kafka.ts';
import { startErrorProxy } from './error-proxy.ts';

const kafka = await sharedKafka();
const within = (ms = 15_000) => AbortSignal.timeout(ms);
const record = (partition = 0): PlacedRecord => ({ partition, key: 'k', value: Buffer.from('v'), headers: {} });

const UNKNOWN_TOPIC_OR_PARTITION = 3;
const NOT_LEADER_OR_FOLLOWER = 6;
const MESSAGE_TOO_LARGE = 10;
const NOT_ENOUGH_REPLICAS = 19;
const OUT_OF_ORDER_SEQUENCE_NUMBER = 45;

describe('kafka second client', { skip: kafka.ok ? false : kafka.reason }, () => {
  if (!kafka.ok) return;
  const { brokers } = kafka;

  async function scene(partitions = 1) {
    const topics = await topicSet(kafka as typeof kafka & { ok: true }, partitions);
    const proxy = await startErrorProxy(brokers);
    const warnings: string[] = [];
    const onWarning = (text: string): void => void warnings.push(text);
    const connection = { brokers: [proxy.brokers], ssl: false, client: 'platformatic' as const, onWarning };
    const sender = createSender(connection, { now: Date.now });
    const { topic } = topics.options;
    return {
      ...{ topic, proxy, warnings, sender },
      async stored(): Promise<number> {
        const offsets = await lookUpOffsets(topics.connection, topic, { signal: within() });
        return offsets.reduce((sum, { low, high }) => sum + high - low, 0);
      },
      async close(): Promise<void> {
        await sender.close();
        await proxy.close();
        await topics.close();
      },
    };
  }

  test('kafka: a leader that moved is asked for anew, and the record is stored once', async (t) => {
    const { sender, topic, proxy, warnings, stored, close } = await scene();
    t.after(close);
    await sender.send(topic, [record()], within());
    proxy.errors.push(NOT_LEADER_OR_FOLLOWER, NOT_LEADER_OR_FOLLOWER, UNKNOWN_TOPIC_OR_PARTITION, NOT_ENOUGH_REPLICAS);
    const asked = proxy.metadataAsked();

    await sender.send(topic, [record()], within());

    assert.deepEqual(proxy.answered, [0, 6, 6, 3, 19, 0]);
    // Once for each of the three; by itself the library looks once and then keeps its copy for 5 s.
    assert.ok(proxy.metadataAsked() - asked >= 3);
    assert.equal(await stored(), 2);
    assert.match(warnings.join('\n'), /^kafka: produce is tried again \(NOT_LEADER_OR_FOLLOWER\)$/m);
  });

  test('kafka: a leader that is never found ends the call, and the next one works', async (t) => {
    const { sender, topic, proxy, close } = await scene();
    t.after(close);
    proxy.errors.push(...Array.from({ length: 30 }, () => NOT_LEADER_OR_FOLLOWER));
    const started = performance.now();

    await assert.rejects(sender.send(topic, [record()], within()), {
      code: 'BUS_UNAVAILABLE',
      message: /NOT_LEADER_OR_FOLLOWER/,
    });

    assert.ok(performance.now() - started < 8_000);
    proxy.errors.length = 0;
    await sender.send(topic, [record()], within());
  });

  test('kafka: a record that the broker refuses is refused at once, and the next one is stored', async (t) => {
    const { sender, topic, proxy, stored, close } = await scene();
    t.after(close);
    proxy.errors.push(MESSAGE_TOO_LARGE);

    await assert.rejects(sender.send(topic, [record()], within()), { code: 'EVENT_TOO_LARGE' });
    await sender.send(topic, [record()], within());

    assert.deepEqual(proxy.answered, [MESSAGE_TOO_LARGE, 0]);
    assert.equal(await stored(), 2);
  });

  test('kafka: a broker that forgot the producer is told of a new one, and nothing is lost', async (t) => {
    const { sender, topic, proxy, stored, close } = await scene();
    t.after(close);
    await sender.send(topic, [record()], within());
    proxy.errors.push(OUT_OF_ORDER_SEQUENCE_NUMBER);

    await sender.send(topic, [record()], within());
    await sender.send(topic, [record()], within());

    // The proxy hid a success: stored once more, never once less.
    assert.equal(await stored(), 4);
  });

  test('kafka: a broker that is away is warned of once, and the call ends when its time is over', async () => {
    const warnings: string[] = [];
    const onWarning = (text: string): void => void warnings.push(text);
    const connection = { brokers: ['127.0.0.1:1'], ssl: false, client: 'platformatic' as const, onWarning };
    const sender = createSender(connection, { now: Date.now });
    const started = performance.now();

    await assert.rejects(sender.send('t', [record()], within(700)), { code: 'ABORTED' });
    await sender.close();

    assert.ok(performance.now() - started < 1_700);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /^kafka: initProducerId is tried again \(ECONNREFUSED\)$/);
  });
});

describe('kafka over TLS', () => {
  /** What the first connection says, as text: a ClientHello names the host in the clear. */
  async function firstWords(host: string, client: 'kafkajs' | 'platformatic'): Promise<Buffer> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const spoken = once(server, 'connection').then(([socket]: Socket[]) => {
      socket!.on('error', () => undefined);
      return once(socket!, 'data').finally(() => socket!.destroy());
    });
    const connection = { brokers: [`${host}:${port}`], ssl: true, client, onWarning: () => undefined };
    const sender = createSender(connection, { now: Date.now });
    const sent = sender.send('t', [record()], within()).catch(() => undefined);
    const [words] = (await spoken) as [Buffer];
    await sender.close();
    await sent;
    server.close();
    return words;
  }

  for (const client of ['kafkajs', 'platformatic'] as const) {
    test(`kafka: ssl speaks TLS from the first byte and names the host, but no address, with ${client}`, async () => {
      const byName = await firstWords('localhost', client);
      const byAddress = await firstWords('127.0.0.1', client);

      assert.deepEqual([byName[0], byAddress[0]], [0x16, 0x16]);
      assert.ok(byName.includes('localhost'));
      assert.ok(!byAddress.includes('127.0.0.1'));
    });
  }
});
