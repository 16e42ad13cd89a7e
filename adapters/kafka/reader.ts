// Reads a topic without moving anybody's position: a group of its own that commits nothing, because kafkajs reads only
// as a group. For tail, failure records and what must be rebuilt at start. Must never be used for deliveries.

import { randomBytes } from 'node:crypto';
import type { RouterError } from '../../router/errors.ts';
import { type Connection, type EachBatchPayload, lookUpOffsets, openLink, untilAbort } from './client.ts';
import { mapKafkaError } from './map-error.ts';
import type { StoredRecord } from './record.ts';

export interface ReadOptions {
  readonly topic: string;
  /** The newest so many of each partition; Infinity is all that is there. */
  readonly last: number;
  /** Of those, only records at or after this time, in ms since the epoch. */
  readonly since?: number;
  /** Go on after what was there at the start. */
  readonly follow: boolean;
}

export interface Chunk {
  readonly records: readonly StoredRecord[];
  /** True from the chunk on that completes what was there at the start. */
  readonly caughtUp: boolean;
}

// More than this waits for the caller, heartbeats going on.
const MAX_WAITING = 2_000;
const HEARTBEAT_MS = 1_000;
const LEAVE_MS = 1_000;
// Fetches in a row without a record: what is left was compacted away.
const IDLE_FETCHES = 5;

export function toStored(partition: number, message: EachBatchPayload['batch']['messages'][number]): StoredRecord {
  const { offset, timestamp, key, value, headers } = message;
  return { partition, offset: Number(offset), timestamp: Number(timestamp), key, value, headers: headers ?? {} };
}

/** A list with one reader that waits. */
function createInbox() {
  let waiting: StoredRecord[] = [];
  let news = Promise.withResolvers<void>();
  let taken = Promise.withResolvers<void>();
  let failure: RouterError | undefined;
  return {
    add(records: readonly StoredRecord[]): void {
      for (const record of records) waiting.push(record);
      news.resolve();
    },
    fail(error: RouterError): void {
      failure ??= error;
      news.resolve();
    },
    wake: () => news.resolve(),
    isFull: () => waiting.length > MAX_WAITING,
    /** Resolves when the reader took all, or after `ms`. */
    async drained(ms: number): Promise<void> {
      const timer = setTimeout(taken.resolve, ms);
      await taken.promise;
      clearTimeout(timer);
    },
    /** Waits for something; may come back with nothing. */
    async take(signal: AbortSignal): Promise<readonly StoredRecord[]> {
      await untilAbort(news.promise, signal, 'reading');
      news = Promise.withResolvers();
      if (failure !== undefined) throw failure;
      const records = waiting;
      waiting = [];
      taken.resolve();
      taken = Promise.withResolvers();
      return records;
    },
  };
}

/** Rejects with NOT_FOUND, UNAUTHORIZED, UNSUPPORTED, BUS_UNAVAILABLE, or ABORTED when the signal says so. */
export async function* readTopic(
  connection: Connection,
  options: ReadOptions,
  signal: AbortSignal,
): AsyncGenerator<Chunk, void, undefined> {
  const { topic, last, follow, since } = options;
  const offsets = await lookUpOffsets(connection, topic, { since, signal });
  const next = new Map(
    offsets.map(({ partition, low, high, from }) => [partition, Math.max(from ?? low, high - last)]),
  );
  let idle = 0;
  const isBehind = (): boolean =>
    idle < IDLE_FETCHES && offsets.some(({ partition, high }) => next.get(partition)! < high);
  if (!isBehind()) {
    yield { records: [], caughtUp: true };
    if (!follow) return;
  }
  const inbox = createInbox();
  const link = await openLink(connection, { retries: Number.MAX_SAFE_INTEGER });
  const consumer = link.kafka.consumer({
    groupId: `busway-read-${randomBytes(8).toString('hex')}`,
    sessionTimeout: 10_000,
    heartbeatInterval: 2_000,
    maxWaitTimeInMs: 100,
    allowAutoTopicCreation: false,
    retry: { initialRetryTime: 50, maxRetryTime: 1_000, retries: Number.MAX_SAFE_INTEGER },
  });
  const passed = (partition: number, lastOffset: string): void => {
    idle = 0;
    next.set(partition, Math.max(next.get(partition) ?? 0, Number(lastOffset) + 1));
  };
  // At every join anew: a group without commits starts at the beginning.
  consumer.on(consumer.events.GROUP_JOIN, () => {
    for (const [partition, offset] of next) consumer.seek({ topic, partition, offset: String(offset) });
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) inbox.fail(mapKafkaError(payload.error, `topic '${topic}'`));
  });
  consumer.on(consumer.events.FETCH, () => {
    if (++idle === IDLE_FETCHES) inbox.wake();
  });
  // Batches in which nothing is left come here only.
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    passed(payload.partition, payload.lastOffset);
    inbox.wake();
  });
  const eachBatch = async ({ batch, heartbeat, isRunning, isStale }: EachBatchPayload): Promise<void> => {
    if (isStale()) return;
    const from = next.get(batch.partition) ?? 0;
    const records = batch.messages.map((message) => toStored(batch.partition, message));
    passed(batch.partition, batch.lastOffset());
    inbox.add(records.filter(({ offset }) => offset >= from));
    while (inbox.isFull() && isRunning() && !signal.aborted) {
      await inbox.drained(HEARTBEAT_MS);
      await heartbeat();
    }
  };
  const run = async (): Promise<void> => {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatch });
  };
  try {
    await untilAbort(run(), signal, `topic '${topic}'`);
    for (;;) {
      const records = await inbox.take(signal);
      const caughtUp = !isBehind();
      if (records.length > 0 || caughtUp) yield { records, caughtUp };
      if (caughtUp && !follow) return;
    }
  } catch (thrown) {
    throw mapKafkaError(thrown, `topic '${topic}'`);
  } finally {
    inbox.wake();
    const ended = consumer.disconnect().catch(() => undefined);
    await untilAbort(ended, AbortSignal.timeout(LEAVE_MS), 'leaving').catch(() => undefined);
    link.cut();
  }
}
