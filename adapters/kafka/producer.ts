// Sends records durably, each with its place, by one of the client libraries. Idempotent within a call. A call whose outcome
// is unknown ends its producer: a library would give its sequence numbers to the next records, and the broker would take
// those for the lost ones again and drop them with a success. Must never have two calls under way on one producer, for the
// same reason.

import { RouterError } from '../../router/errors.ts';
import { linkedTo } from '../linked.ts';
import { type Connection, reasonOf, untilAbort } from './client.ts';
import { mapKafkaError } from './map-error.ts';
import { openKafkajsProducer } from './producer-kafkajs.ts';
import { openPlatformaticProducer } from './producer-platformatic.ts';
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

/** One producer of a library, with a connection and sequence numbers of its own. After a failure it is of no more use. */
export interface LibraryProducer {
  /**
   * Resolves to the partitions that answered with success; acks of all in-sync replicas. What passes is tried again without
   * end, with the same sequence numbers, until cut(). `timestamp` of every record, in ms since the epoch.
   */
  send(topic: string, records: readonly PlacedRecord[], timestamp: number): Promise<ReadonlySet<number>>;
  /** Ends it in good order. May never settle. */
  disconnect(): Promise<void>;
  /** Ends it at once, with every connection and every try. What is under way rejects or never settles. Idempotent. */
  cut(): void;
}

/** `signal` bounds only the opening. */
export type OpenProducer = (connection: Connection, signal: AbortSignal) => Promise<LibraryProducer>;

const openers: Readonly<Record<NonNullable<Connection['client']>, OpenProducer>> = {
  kafkajs: openKafkajsProducer,
  platformatic: openPlatformaticProducer,
};

// Both libraries wrap sequence numbers wrongly at 2^31; a new producer starts at 0.
const RECORDS_PER_PRODUCER = 1_000_000_000;
const DISCONNECT_MS = 1_000;
// tail orders by time over all partitions, and several calls fit into a millisecond: each gets one of its own, as long as
// that keeps close to the clock.
const AHEAD_MS = 10;

export interface SenderOptions {
  readonly now: () => number;
}

export function createSender(connection: Connection, { now }: SenderOptions): Sender {
  const openProducer = openers[connection.client ?? 'kafkajs'];
  let session: { readonly producer: LibraryProducer; sent: number } | undefined;
  let line: Promise<unknown> = Promise.resolve();
  const closing = new AbortController();
  const underWay = new Set<AbortController>();
  let lastMs = 0;

  function timestamp(): number {
    const at = now();
    lastMs = Math.max(at, Math.min(lastMs + 1, at + AHEAD_MS));
    return lastMs;
  }

  function discard(): void {
    session?.producer.cut();
    session = undefined;
  }

  async function sendNow(topic: string, records: readonly PlacedRecord[], signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw reasonOf(signal, 'sending');
    try {
      if (session !== undefined && session.sent > RECORDS_PER_PRODUCER) discard();
      session ??= { producer: await openProducer(connection, signal), sent: 0 };
      session.sent += records.length;
      const stored = await untilAbort(session.producer.send(topic, records, timestamp()), signal, 'sending');
      requireAll(topic, records, stored);
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

/** A partition whose leader moved or is gone can be left out by kafkajs, which calls that a success. */
function requireAll(topic: string, records: readonly PlacedRecord[], stored: ReadonlySet<number>): void {
  const missing = records.find(({ partition }) => !stored.has(partition));
  if (missing === undefined) return;
  throw new RouterError('BUS_UNAVAILABLE', `kafka: topic '${topic}': partition ${missing.partition} did not answer`);
}
