// The floor of E2E: the hand-written intake and producer, and in the same process a kafkajs consumer that tests the type
// and one field of the payload per rule, builds the structured CloudEvent, signs it by Standard Webhooks and POSTs it over
// node:http. Positions are committed once everything before them was answered with 2xx. It retries nothing.

import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { Agent, request } from 'node:http';
import type { EachBatchPayload, IHeaders, Kafka } from 'kafkajs';
import { refs, signingSecret } from '../payload.ts';
import { serveBench } from './child.ts';
import { serveIntake } from './floor-intake.ts';
import { connectKafka, connectProducer, type FloorTopic, groupingStore } from './floor-producer.ts';

export interface FloorE2eOptions extends FloorTopic {
  readonly group: string;
  /** In the order of `refs`. */
  readonly urls: readonly string[];
}

// As the router's own: sockets per target, and how often positions are committed.
const SOCKETS = 64;
const COMMIT_MS = 250;
const MAX_WAIT_MS = 100;
const CONCURRENTLY = 8;

type Deliver = (id: string, body: Buffer) => Promise<void>;

function openTarget(url: string, key: KeyObject, agent: Agent): Deliver {
  const { hostname, port, pathname } = new URL(url);
  const to = { agent, method: 'POST', hostname, port, path: pathname };
  return (id, body) =>
    new Promise((resolve, reject) => {
      const seconds = Math.floor(Date.now() / 1000);
      const signature = createHmac('sha256', key).update(`${id}.${seconds}.`).update(body).digest('base64');
      const headers = {
        'content-type': 'application/cloudevents+json; charset=utf-8',
        'content-length': body.length,
        'webhook-id': id,
        'webhook-timestamp': seconds,
        'webhook-signature': `v1,${signature}`,
      };
      const outgoing = request({ ...to, headers }, (response) => {
        response.resume();
        response.on('end', () => {
          const { statusCode = 0 } = response;
          if (statusCode >= 200 && statusCode < 300) resolve();
          else reject(new Error(`the target answered ${statusCode}`));
        });
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
}

function attributesOf(headers: IHeaders): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const name in headers) {
    if (name.startsWith('ce_')) attributes[name.slice(3)] = String(headers[name]);
    else if (name === 'content-type') attributes['datacontenttype'] = String(headers[name]);
  }
  return attributes;
}

function structured(attributes: Record<string, string>, data: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify(attributes).slice(0, -1)},"data":`), data, Buffer.from('}')]);
}

interface Rule {
  readonly name: string;
  readonly type: string;
  readonly ref: string;
  readonly deliver: Deliver;
}

type Messages = EachBatchPayload['batch']['messages'];

async function route(rules: readonly Rule[], { headers = {}, value }: Messages[number]): Promise<void> {
  if (value === null) return;
  const attributes = attributesOf(headers);
  const payload = JSON.parse(value.toString('utf8')) as { readonly ref?: unknown };
  for (const { name, type, ref, deliver } of rules) {
    if (attributes['type'] !== type || payload.ref !== ref) continue;
    await deliver(`msg_${name}_${attributes['id']}`, structured(attributes, value));
  }
}

async function consume(kafka: Kafka, { topic, group }: FloorE2eOptions, rules: readonly Rule[]) {
  const consumer = kafka.consumer({
    groupId: group,
    maxWaitTimeInMs: MAX_WAIT_MS,
    sessionTimeout: 6_000,
    heartbeatInterval: 1_500,
  });
  const done = new Map<number, string>();
  const joined = Promise.withResolvers<void>();
  consumer.on(consumer.events.GROUP_JOIN, () => joined.resolve());
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    partitionsConsumedConcurrently: CONCURRENTLY,
    eachBatch: async ({ batch }) => {
      await Promise.all(batch.messages.map((message) => route(rules, message)));
      done.set(batch.partition, String(BigInt(batch.lastOffset()) + 1n));
    },
  });
  await joined.promise;
  const commit = async (): Promise<void> => {
    const offsets = [...done].map(([partition, offset]) => ({ topic, partition, offset }));
    done.clear();
    if (offsets.length > 0) await consumer.commitOffsets(offsets).catch(() => undefined);
  };
  const committer = setInterval(() => void commit(), COMMIT_MS);
  return async (): Promise<void> => {
    clearInterval(committer);
    await commit();
    await consumer.disconnect();
  };
}

await serveBench<FloorE2eOptions>(async (options) => {
  const key = createSecretKey(Buffer.from(signingSecret.slice('whsec_'.length), 'base64'));
  // The limit is per target: an agent counts by host and port.
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS });
  const rules = refs.map((ref, i) => ({
    name: `rule-${i}`,
    type: 'com.github.push',
    ref,
    deliver: openTarget(options.urls[i]!, key, agent),
  }));
  const kafka = connectKafka(options);
  const producer = await connectProducer(kafka);
  const stopConsuming = await consume(kafka, options, rules);
  const server = await serveIntake(groupingStore(producer, options));
  return {
    port: server.port,
    async close() {
      await server.close();
      await stopConsuming();
      await producer.disconnect();
      agent.destroy();
    },
  };
});
