// Bare kafkajs, as a careful engineer uses it: idempotent, acks of all replicas, one send under way, and what was queued
// meanwhile in the next one. Records are in the CloudEvents Kafka binding, as the router writes them.

import { Kafka, logLevel, type Message, type Producer } from 'kafkajs';
import type { FloorEvent, Store } from './floor-intake.ts';

export interface FloorTopic {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly partitions: number;
}

// Below the broker's limit of a batch, 1 MiB.
const GROUP_BYTES = 1_000_000;
const HEADER_BYTES = 500;

export function connectKafka({ brokers }: FloorTopic): Kafka {
  return new Kafka({ clientId: 'floor', brokers: [...brokers], logLevel: logLevel.NOTHING });
}

export async function connectProducer(kafka: Kafka): Promise<Producer> {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
  await producer.connect();
  return producer;
}

export function toMessage({ attributes, body }: FloorEvent, partition: number): Message {
  const headers: Record<string, string> = {};
  for (const name in attributes) headers[`ce_${name}`] = attributes[name]!;
  delete headers['ce_datacontenttype'];
  headers['content-type'] = attributes['datacontenttype']!;
  return { key: null, value: body, headers, partition };
}

interface Queued {
  readonly event: FloorEvent;
  readonly done: (error?: Error) => void;
}

/** The next send leaves when the one before returned; a send goes whole to one partition, the next one elsewhere. */
export function groupingStore(producer: Producer, { topic, partitions }: FloorTopic): Store {
  let queue: Queued[] = [];
  let sending = false;
  let turn = 0;

  function nextGroup(): Queued[] {
    let bytes = 0;
    let count = 0;
    while (count < queue.length) {
      bytes += queue[count]!.event.body.length + HEADER_BYTES;
      if (count > 0 && bytes > GROUP_BYTES) break;
      count++;
    }
    const group = queue.slice(0, count);
    queue = queue.slice(count);
    return group;
  }

  async function sendAll(): Promise<void> {
    while (queue.length > 0) {
      const group = nextGroup();
      const partition = turn++ % partitions;
      try {
        await producer.send({ topic, acks: -1, messages: group.map(({ event }) => toMessage(event, partition)) });
        for (const { done } of group) done();
      } catch (thrown) {
        for (const { done } of group) done(thrown as Error);
      }
    }
    sending = false;
  }

  return (event, done) => {
    queue.push({ event, done });
    if (sending) return;
    sending = true;
    setImmediate(() => void sendAll());
  };
}
