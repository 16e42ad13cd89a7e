// A producer of kafkajs behind our port. Must never choose a partition itself: records come with theirs.

import { type Connection, type KafkaMessage, openLink, untilAbort } from './client.ts';
import type { LibraryProducer } from './producer.ts';
import type { PlacedRecord } from './record.ts';

// A connection that comes back within the caller's deadline resends with the same sequence numbers; the signal bounds it.
const ENDLESS = Number.MAX_SAFE_INTEGER;

export async function openKafkajsProducer(connection: Connection, signal: AbortSignal): Promise<LibraryProducer> {
  const link = await openLink(connection, { retries: ENDLESS });
  const producer = link.kafka.producer({
    // Every record says its partition: a resend that chose anew would mix up the sequence numbers.
    createPartitioner: () => (args) => placeOf(args.message),
    allowAutoTopicCreation: false,
    idempotent: true,
    maxInFlightRequests: 1,
    retry: { initialRetryTime: 50, maxRetryTime: 1_000, retries: ENDLESS },
  });
  try {
    await untilAbort(producer.connect(), signal, 'connecting');
  } catch (thrown) {
    link.cut();
    throw thrown;
  }
  return {
    async send(topic, records, now) {
      const timestamp = String(now);
      const messages = records.map((record) => toMessage(record, timestamp));
      const answer = await producer.send({ topic, messages, acks: -1 });
      return new Set(answer.filter(({ errorCode }) => errorCode === 0).map(({ partition }) => partition));
    },
    disconnect: () => producer.disconnect(),
    cut: () => link.cut(),
  };
}

function placeOf({ partition }: KafkaMessage): number {
  if (partition === undefined) throw new TypeError('a record without its partition');
  return partition;
}

function toMessage({ partition, key, value, headers }: PlacedRecord, timestamp: string): KafkaMessage {
  return { partition, key, value, headers: { ...headers }, timestamp };
}
