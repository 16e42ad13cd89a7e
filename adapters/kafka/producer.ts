// Sends records durably, each with its place. Idempotent within a call. A call whose outcome is unknown ends its producer:
// kafkajs would give its sequence numbers to the next records, and the broker would take those for the lost ones again
// and drop them with a success. Must never have two calls under way on one producer, for the same reason.

import { RouterError } from '../../router/errors.ts';
import { type Connection, type KafkaMessage, type Link, linkedTo, openLink, reasonOf, untilAbort } from './client.ts';
import { mapKafkaError } from './map-error.ts';
import type { PlacedRecord } from './record.ts';

export interface Sender {
  /**
   * Resolves when every record is on all in-sync replicas. Calls wait for each other. Rejects with a RouterError; but for
   * NOT_FOUND, UNAUTHORIZED and a lone EVENT_TOO_LARGE the fate of the records is unknown.
   */
  send(topic: string, records: readonly PlacedRecord[], signal: AbortSignal): Promise<void>;
  /** Idempotent. A call under way is given up. */
  close(): Promise<void>;
}

interface Session {
  readonly link: Link;
  readonly producer: ReturnType<Link['kafka']['producer']>;
  sent: number;
}

// A connection that comes back within the caller's deadline resends with the same sequence numbers; the signal bounds it.
const ENDLESS = Number.MAX_SAFE_INTEGER;
// kafkajs wraps sequence numbers wrongly at 2^31; a new producer starts at 0.
const RECORDS_PER_PRODUCER = 1_000_000_000;
const DISCONNECT_MS = 1_000;

export interface SenderOptions {
  readonly now: () => number;
}

export function createSender(connection: Connection, { now }: SenderOptions): Sender {
  let session: Session | undefined;
  let line: Promise<unknown> = Promise.resolve();
  const closing = new AbortController();
  const underWay = new Set<AbortController>();

  async function connect(signal: AbortSignal): Promise<Session> {
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
      return { link, producer, sent: 0 };
    } catch (thrown) {
      link.cut();
      throw thrown;
    }
  }

  function discard(): void {
    session?.link.cut();
    session = undefined;
  }

  async function sendNow(topic: string, records: readonly PlacedRecord[], signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw reasonOf(signal, 'sending');
    try {
      if (session !== undefined && session.sent > RECORDS_PER_PRODUCER) discard();
      session ??= await connect(signal);
      session.sent += records.length;
      const timestamp = String(now());
      const messages = records.map((record) => toMessage(record, timestamp));
      const answer = await untilAbort(session.producer.send({ topic, messages, acks: -1 }), signal, 'sending');
      requireAll(topic, records, answer);
    } catch (thrown) {
      discard();
      throw mapKafkaError(thrown, `topic '${topic}'`);
    }
  }

  return {
    send(topic, records, signal) {
      if (closing.signal.aborted) return Promise.reject(reasonOf(closing.signal, 'sending'));
      const call = linkedTo(signal);
      underWay.add(call.control);
      const turn = line.then(() => sendNow(topic, records, call.control.signal));
      line = turn.catch(() => undefined);
      // In the line too: a call that waits for another one must end when its own signal says so.
      return untilAbort(turn, call.control.signal, 'sending').finally(() => {
        underWay.delete(call.control);
        call.unlink();
      });
    },
    async close() {
      if (closing.signal.aborted) return;
      const closed = new RouterError('CLOSED', 'kafka: the bus is closed');
      closing.abort(closed);
      for (const control of underWay) control.abort(closed);
      await line;
      if (session === undefined) return;
      const ended = session.producer.disconnect().catch(() => undefined);
      await untilAbort(ended, AbortSignal.timeout(DISCONNECT_MS), 'closing').catch(() => undefined);
      discard();
    },
  };
}

function placeOf({ partition }: KafkaMessage): number {
  if (partition === undefined) throw new TypeError('a record without its partition');
  return partition;
}

function toMessage({ partition, key, value, headers }: PlacedRecord, timestamp: string): KafkaMessage {
  return { partition, key, value, headers: { ...headers }, timestamp };
}

/** kafkajs can leave out a partition whose leader moved or is gone, and call it a success. */
function requireAll(
  topic: string,
  records: readonly PlacedRecord[],
  answer: readonly { readonly partition: number; readonly errorCode: number }[],
): void {
  const stored = new Set(answer.filter(({ errorCode }) => errorCode === 0).map(({ partition }) => partition));
  const missing = records.find(({ partition }) => !stored.has(partition));
  if (missing === undefined) return;
  throw new RouterError('BUS_UNAVAILABLE', `kafka: topic '${topic}': partition ${missing.partition} did not answer`);
}
