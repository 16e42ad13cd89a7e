// The Kafka bus: events in one topic, in the CloudEvents Kafka binding. Publishing is idempotent within a call and durable
// before it answers. It never creates a topic and never chooses between losing and doubling: it doubles.

import type { Options } from '../../router/config.ts';
import { RouterError, toRouterError } from '../../router/errors.ts';
import { type CloudEvent, checkEvent } from '../../router/event.ts';
import { decodeKafka, encodeKafka } from '../../router/wire/kafka.ts';
import type { Adapter, AdapterParts, PublishResult, TailOptions } from '../adapter.ts';
import { linkedTo } from '../linked.ts';
import { type Connection, lookUpTopic, reasonOf, type TopicFacts } from './client.ts';
import { decodeLambda } from './decode.ts';
import { createFailureLog } from './failures.ts';
import { isTooLarge } from './map-error.ts';
import { type KafkaOptions, readBrokerList, toKafkaOptions } from './options.ts';
import { createSender, type Sender } from './producer.ts';
import { loadPlatformatic } from './producer-platformatic.ts';
import { readTopic } from './reader.ts';
import { batchOverheadBytes, defaultMaxBatchBytes, type PlacedRecord, partitionOfKey, recordBytes } from './record.ts';
import { subscribeKafka } from './subscribe.ts';

const CALL_EVENTS = 1_000;
const limits = {
  events: CALL_EVENTS,
  // All events of a call may fall into one partition, which is one batch. One byte more for each beyond the 64th.
  callBytes: defaultMaxBatchBytes - batchOverheadBytes - CALL_EVENTS,
  eventBytes: defaultMaxBatchBytes - batchOverheadBytes,
};
const FACTS_MAX_AGE_MS = 300_000;
// A topic deleted under a running router is retried by the client without end: then we look.
const LOOK_AGAIN_MS = 1_000;

/** Reads the environment: brokers when the options name none, and the password. */
export function connectionOf(options: KafkaOptions, parts: Pick<AdapterParts, 'env' | 'onWarning'>): Connection {
  const { ssl, sasl, client = 'kafkajs' } = options;
  const { onWarning } = parts;
  const brokers = options.brokers ?? readBrokerList(parts.env('KAFKA_BROKERS') ?? '');
  if ('wrong' in brokers) {
    const given = parts.env('KAFKA_BROKERS');
    const says = given ? `KAFKA_BROKERS: ${brokers.wrong}` : "no brokers: give the bus 'brokers' or set KAFKA_BROKERS";
    throw new RouterError('CONFIG_INVALID', `kafka: ${says}`);
  }
  if (sasl === undefined) return { brokers, ssl, client, onWarning };
  const password = parts.env(sasl.password);
  if (password === undefined || password === '') {
    throw new RouterError(
      'SECRET_MISSING',
      `kafka: the variable ${sasl.password}, which sasl.password names, is not set`,
    );
  }
  if (!ssl && sasl.mechanism === 'plain')
    onWarning('kafka: the password goes over the network in the clear; set ssl: true');
  const login = { mechanism: sasl.mechanism, username: sasl.username, password };
  return { brokers, ssl, sasl: login, client, onWarning };
}

function failed(error: RouterError): PublishResult {
  return { ok: false, code: error.code, reason: error.message, retryable: error.retryable };
}

/** Where an event of a call goes: a key where Java puts it; events without a key together, the next call elsewhere. */
interface Placing {
  readonly partitions: number;
  readonly turn: number;
}

function place(event: CloudEvent, { partitions, turn }: Placing): PlacedRecord {
  const record = encodeKafka(checkEvent(event));
  return { ...record, partition: record.key === null ? turn % partitions : partitionOfKey(record.key, partitions) };
}

/** The records of a call; an event that is none gets its result and no record. */
function placeAll(batch: readonly CloudEvent[], call: Call, placing: Placing): PlacedRecords {
  return batch.map((event, i) => {
    try {
      return place(event, placing);
    } catch (thrown) {
      call.results[i] = failed(toRouterError(thrown, 'EVENT_INVALID'));
      return undefined;
    }
  });
}

type PlacedRecords = readonly (PlacedRecord | undefined)[];

/** Runs of records whose batches the topic takes; nearly always one. A record over the limit is alone in its run. */
function splitByTopic(records: PlacedRecords, maxBatchBytes: number): number[][] {
  const runs: number[][] = [];
  let run: number[] = [];
  let bytes = new Map<number, number>();
  for (const [i, record] of records.entries()) {
    if (record === undefined) continue;
    const size = recordBytes(record) + 1;
    const sum = (bytes.get(record.partition) ?? batchOverheadBytes) + size;
    if (sum > maxBatchBytes && run.length > 0) {
      runs.push(run);
      [run, bytes] = [[], new Map()];
    }
    run.push(i);
    bytes.set(record.partition, (bytes.get(record.partition) ?? batchOverheadBytes) + size);
  }
  if (run.length > 0) runs.push(run);
  return runs;
}

interface Publisher {
  publish(batch: readonly CloudEvent[], signal: AbortSignal): Promise<readonly PublishResult[]>;
}

interface PublisherParts {
  readonly topic: string;
  readonly sender: Sender;
  readonly now: () => number;
  /** NOT_FOUND at once when the topic is not there. */
  readonly lookUp: (signal: AbortSignal) => Promise<TopicFacts>;
}

function createPublisher({ topic, sender, now, lookUp }: PublisherParts): Publisher {
  let facts: { readonly found: TopicFacts; readonly at: number } | undefined;
  let turn = 0;

  function fresh(): TopicFacts | undefined {
    return facts !== undefined && now() - facts.at <= FACTS_MAX_AGE_MS ? facts.found : undefined;
  }

  async function topicFacts(signal: AbortSignal): Promise<TopicFacts> {
    const found = await lookUp(signal);
    facts = { found, at: now() };
    return found;
  }

  /** Sends; meanwhile finds out whether the topic is still there. */
  async function send(records: readonly PlacedRecord[], signal: AbortSignal): Promise<void> {
    const { control, unlink } = linkedTo(signal);
    const look = (): void => {
      lookUp(signal).catch((thrown: unknown) => {
        const error = toRouterError(thrown);
        if (error.code === 'NOT_FOUND' || error.code === 'UNAUTHORIZED') control.abort(error);
      });
    };
    const timer = setTimeout(look, LOOK_AGAIN_MS);
    try {
      await sender.send(topic, records, control.signal);
    } catch (thrown) {
      facts = undefined;
      throw thrown;
    } finally {
      clearTimeout(timer);
      unlink();
    }
  }

  /** One run; halves it when the topic takes less than it said, so that one event over the limit fails alone. */
  async function sendRun(run: readonly number[], records: PlacedRecords, call: Call): Promise<void> {
    try {
      await send(
        run.map((i) => records[i]!),
        call.signal,
      );
      for (const i of run) call.results[i] = { ok: true };
    } catch (thrown) {
      if (!isTooLarge(thrown)) throw thrown;
      if (run.length === 1) call.results[run[0]!] = failed(toRouterError(thrown));
      else {
        const half = Math.ceil(run.length / 2);
        await sendRun(run.slice(0, half), records, call);
        await sendRun(run.slice(half), records, call);
      }
    }
  }

  return {
    async publish(batch, signal) {
      const call: Call = { results: new Array(batch.length), signal };
      try {
        const { partitions, maxBatchBytes } = fresh() ?? (await topicFacts(signal));
        const records = placeAll(batch, call, { partitions, turn: turn++ });
        for (const run of splitByTopic(records, maxBatchBytes ?? defaultMaxBatchBytes))
          await sendRun(run, records, call);
      } catch (thrown) {
        const error = toRouterError(thrown, 'BUS_UNAVAILABLE');
        const known = error.code === 'NOT_FOUND' || error.code === 'UNAUTHORIZED' || call.results.some(Boolean);
        if (!known) throw error;
        for (const i of batch.keys()) call.results[i] ??= failed(error);
      }
      return call.results as PublishResult[];
    },
  };
}

interface Call {
  readonly results: (PublishResult | undefined)[];
  readonly signal: AbortSignal;
}

/** Bytes of the record: exact where it matters, at most a little too many for events far below the limit. */
function sizeOf(event: CloudEvent): number {
  const { attributes, data } = event;
  let bytes = RECORD_BYTES + (data?.bytes.length ?? 0);
  for (const name in attributes) {
    const value = attributes[name];
    if (typeof value !== 'string') return recordBytes(encodeKafka(event));
    // A partitionkey is the record's key too.
    bytes += (name.length + Buffer.byteLength(value) + HEADER_BYTES) * (name === 'partitionkey' ? 2 : 1);
  }
  const plain = data === undefined || (data.kind === 'json' && attributes.datacontenttype !== undefined);
  return plain && bytes < limits.eventBytes / 2 ? bytes : recordBytes(encodeKafka(event));
}

// Lengths and counts of a record and of a header, as varints, and the prefix of its name.
const RECORD_BYTES = 32;
const HEADER_BYTES = 16;

/** Records that are no events are passed over. The newest are put in order of time over all partitions. */
async function* tail(
  connection: Connection,
  topic: string,
  options: TailOptions,
  signal: AbortSignal,
): AsyncIterable<CloudEvent> {
  const { last, follow, since } = options;
  let newest: { readonly at: number; readonly event: CloudEvent }[] | undefined = [];
  for await (const { records, caughtUp } of readTopic(
    connection,
    { topic, last, follow, ...(since === undefined ? {} : { since }) },
    signal,
  )) {
    const events = records.flatMap((record) => {
      try {
        return [{ at: record.timestamp, event: decodeKafka(record) }];
      } catch {
        return [];
      }
    });
    if (newest === undefined) for (const { event } of events) yield event;
    else {
      newest.push(...events);
      if (!caughtUp) continue;
      newest.sort((a, b) => a.at - b.at);
      for (const { event } of last === 0 ? newest : newest.slice(-last)) yield event;
      newest = undefined;
    }
  }
}

/** Ends quietly when the reader is done with it, as every tail does. */
async function* untilDone(events: AsyncIterable<CloudEvent>, signal: AbortSignal): AsyncIterable<CloudEvent> {
  try {
    yield* events;
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
}

/** Connects to nothing yet. Throws CONFIG_INVALID, SECRET_MISSING, or UNSUPPORTED when the client's package is missing. */
export async function open(given: Options, parts: AdapterParts): Promise<Adapter> {
  const options = toKafkaOptions(given);
  const connection = connectionOf(options, parts);
  // At once, so that a missing package is seen at the start and the first event does not wait for the import.
  if (connection.client === 'platformatic') await loadPlatformatic();
  const { topic } = options;
  const sender = createSender(connection, parts);
  // Failure records have a producer of their own, so that they do not wait behind events.
  const failureSender = createSender(connection, parts);
  const closing = new AbortController();
  let closed: Promise<unknown> | undefined;
  const withClosing = (signal: AbortSignal): AbortSignal => AbortSignal.any([signal, closing.signal]);
  const lookUp = (signal: AbortSignal): Promise<TopicFacts> => lookUpTopic(connection, topic, withClosing(signal));
  const publisher = createPublisher({ topic, sender, now: parts.now, lookUp });

  return {
    name: 'kafka',
    limits,
    capabilities: { delivery: 'log', order: true, dedupe: false, replay: true },
    async check(signal) {
      await lookUp(signal);
    },
    sizeOf,
    async publish(batch, signal) {
      if (closing.signal.aborted) throw reasonOf(closing.signal, 'publishing');
      if (signal.aborted) throw reasonOf(signal, 'publishing');
      return batch.length === 0 ? [] : publisher.publish(batch, signal);
    },
    decode: decodeLambda,
    subscribe: (consumer, signal) =>
      subscribeKafka({ connection, options, dataDir: parts.dataDir, now: parts.now }, consumer, withClosing(signal)),
    tail(tailOptions, signal) {
      const either = withClosing(signal);
      return untilDone(tail(connection, topic, tailOptions, either), either);
    },
    failures: createFailureLog({ connection, topic: options.failuresTopic, sender: failureSender }),
    compile: (when) => ({ kind: 'none', native: null, residual: when }),
    async close() {
      closing.abort(new RouterError('CLOSED', 'kafka: the bus is closed'));
      closed ??= Promise.all([sender.close(), failureSender.close()]);
      await closed;
    },
  };
}
