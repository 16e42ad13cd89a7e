// The failure log: a topic, and one subscription that is never acknowledged but by remove. Writing is publishing, so it
// works in functions too. Reading takes all messages, looks, and gives them back; two readers at once each see a part, so
// reading and removing wait for each other here. Kept as long as the subscription keeps messages (definitions.ts).

import { RouterError, toRouterError } from '../../router/errors.ts';
import type { FailureLog, FailureRecord } from '../../router/failure.ts';
import { pause } from '../pause.ts';
import { CALL_MS, type Clients, type Connection, callOnce } from './client.ts';
import { failuresName, subscriptionPath, topicName } from './definitions.ts';
import { decodeFailure, encodeFailure } from './failure-message.ts';
import { isStatusOf } from './map-error.ts';
import type { PubSubOptions } from './options.ts';
import type { Publisher } from './publisher.ts';
import { readAttributes } from './wire.ts';

export interface FailureParts {
  readonly project: string;
  readonly options: PubSubOptions;
  readonly publisher: Publisher;
  readonly connection: Connection;
}

interface Found {
  readonly ackId: string;
  /** Undefined for what is no failure record; it is left alone. */
  readonly record: FailureRecord | undefined;
}

const WRITE_MS = 15_000;
const PER_PULL = 1_000;
// The service hands out what it has bit by bit; when nothing has come for so long, that was all.
const FIRST_WAIT_MS = 3_000;
const NEXT_WAIT_MS = 1_000;
const AGAIN_MS = 100;
const HOLD_S = 600;
const IDS_PER_CALL = 1_000;

interface Received {
  readonly ackId?: string | null;
  readonly message?: {
    readonly data?: Uint8Array | string | null;
    readonly attributes?: Readonly<Record<string, string>> | null;
    readonly publishTime?: { readonly seconds?: unknown; readonly nanos?: number | null } | null;
  } | null;
}

function readReceived({ ackId, message }: Received, options: PubSubOptions): Found {
  const data = Buffer.from((message?.data ?? '') as Uint8Array);
  const { seconds, nanos } = message?.publishTime ?? {};
  const at = new Date(Number(seconds ?? 0) * 1_000 + (nanos ?? 0) / 1e6).toISOString();
  const attributes = readAttributes(message?.attributes) ?? {};
  return { ackId: ackId ?? '', record: decodeFailure({ data, attributes, publishTime: at }, options) };
}

/** Of several records of one id the one that was written last. */
function newest(found: readonly Found[]): FailureRecord[] {
  const byId = new Map<string, FailureRecord>();
  for (const { record } of found) {
    if (record === undefined) continue;
    const before = byId.get(record.id);
    if (before === undefined || before.at <= record.at) byId.set(record.id, record);
  }
  return [...byId.values()].sort((a, b) => (a.at !== b.at ? (a.at < b.at ? -1 : 1) : a.id < b.id ? -1 : 1));
}

interface Reader {
  readonly clients: Clients;
  readonly subscription: string;
  readonly options: PubSubOptions;
  readonly signal: AbortSignal;
}

async function pullOnce({ clients, subscription, options, signal }: Reader, waitMs: number): Promise<readonly Found[]> {
  try {
    const answer = await callOnce((call) => clients.subscriber.pull({ subscription, maxMessages: PER_PULL }, call), {
      what: `subscription '${subscription}'`,
      signal,
      timeoutMs: waitMs,
    });
    return (answer.receivedMessages ?? []).map((received) => readReceived(received, options));
  } catch (thrown) {
    // Our own deadline, told by the client or, a moment before, by the service that has it too.
    if (isStatusOf(thrown, 'DEADLINE_EXCEEDED') || isStatusOf(thrown, 'CANCELLED')) return [];
    throw thrown;
  }
}

async function reply(reader: Omit<Reader, 'signal'>, ackIds: readonly string[], seconds: number | 'acknowledge') {
  const { clients, subscription } = reader;
  for (let at = 0; at < ackIds.length; at += IDS_PER_CALL) {
    const ids = ackIds.slice(at, at + IDS_PER_CALL);
    const limits = { what: `subscription '${subscription}'`, signal: AbortSignal.timeout(CALL_MS), timeoutMs: CALL_MS };
    await callOnce<unknown>(
      (options) =>
        seconds === 'acknowledge'
          ? clients.subscriber.acknowledge({ subscription, ackIds: ids }, options)
          : clients.subscriber.modifyAckDeadline({ subscription, ackIds: ids, ackDeadlineSeconds: seconds }, options),
      limits,
    );
  }
}

/** What comes within this time; a pull may end empty although there is more. */
async function pullWithin(reader: Reader, waitMs: number): Promise<readonly Found[]> {
  const end = performance.now() + waitMs;
  for (let leftMs = waitMs; leftMs > 0; leftMs = end - performance.now()) {
    const found = await pullOnce(reader, Math.ceil(leftMs));
    if (found.length > 0) return found;
    await pause(AGAIN_MS, reader.signal);
  }
  return [];
}

/** Hands all messages to `use` while nobody else gets them, and gives back those that it does not take away. */
async function withAll(reader: Reader, use: (found: readonly Found[]) => Promise<readonly string[]>): Promise<void> {
  const all: Found[] = [];
  try {
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = NEXT_WAIT_MS) {
      const found = await pullWithin(reader, waitMs);
      if (found.length === 0) break;
      all.push(...found);
      await reply(
        reader,
        found.map(({ ackId }) => ackId),
        HOLD_S,
      );
    }
    const taken = new Set(await use(all));
    await reply(reader, [...taken], 'acknowledge');
    all.splice(0, all.length, ...all.filter(({ ackId }) => !taken.has(ackId)));
  } finally {
    // What cannot be given back comes again by itself.
    await reply(
      reader,
      all.map(({ ackId }) => ackId),
      0,
    ).catch(() => undefined);
  }
}

export function createFailureLog({ project, options, publisher, connection }: FailureParts): FailureLog {
  const name = failuresName(options);
  const topic = topicName(project, name);
  let last: Promise<unknown> = Promise.resolve();

  /** One after the other: a message that one looks at is not there for another. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  }

  async function readerOf(signal: AbortSignal): Promise<Reader> {
    return { clients: await connection.open(), subscription: subscriptionPath(project, name), options, signal };
  }

  return {
    async write(record) {
      try {
        await publisher.send(topic, [encodeFailure(record)], AbortSignal.timeout(WRITE_MS));
      } catch (thrown) {
        if (thrown instanceof RouterError) throw thrown;
        throw toRouterError(thrown, 'BUS_UNAVAILABLE');
      }
    },
    async *list(signal) {
      const records: FailureRecord[] = [];
      await inTurn(async () =>
        withAll(await readerOf(signal), async (found) => {
          records.push(...newest(found));
          return [];
        }),
      );
      yield* records;
    },
    async remove(ids) {
      if (ids.length === 0) return;
      const unwanted = new Set(ids);
      const forever = new AbortController().signal;
      await inTurn(async () =>
        withAll(await readerOf(forever), async (found) =>
          found.filter(({ record }) => record !== undefined && unwanted.has(record.id)).map(({ ackId }) => ackId),
        ),
      );
    },
  };
}
