// The embedded bus: an append-only log in one SQLite file, durable before it answers, in this process. Nothing to install.
// It is the reference for every other bus.

import { RouterError, toRouterError } from '../../router/errors.ts';
import { type CloudEvent, checkEvent } from '../../router/event.ts';
import type { FailureLog, FailureRecord } from '../../router/failure.ts';
import type { Adapter, AdapterParts, PublishResult, TailOptions } from '../adapter.ts';
import { pause } from '../pause.ts';
import { consumeLog, createHandover } from './consume.ts';
import { openStore, type Store, type Stored } from './store.ts';

const TAIL_POLL_MS = 200;
const limits = { events: 1_000, callBytes: 64 * 1024 * 1024, eventBytes: 16 * 1024 * 1024 };

function sizeOf({ attributes, data }: CloudEvent): number {
  let bytes = data === undefined ? 0 : data.bytes.length;
  for (const name in attributes) {
    const value = attributes[name];
    bytes += name.length + (typeof value === 'string' ? Buffer.byteLength(value) : 8) + 8;
  }
  return bytes;
}

/** What is no event fails alone, before SQLite would alter it or fail the whole commit. */
function refusalOf(event: CloudEvent): PublishResult | undefined {
  try {
    checkEvent(event);
    return undefined;
  } catch (thrown) {
    const { code, message } = toRouterError(thrown, 'EVENT_INVALID');
    return { ok: false, code, reason: `embedded: ${message}`, retryable: false };
  }
}

function failureLog(store: Store): FailureLog {
  return {
    write: (record) => store.write(() => store.putFailure(record)),
    async *list(signal) {
      let last: FailureRecord | undefined;
      for (;;) {
        if (signal.aborted) return;
        const page = store.failures(last?.at ?? '', last?.id ?? '');
        if (page.length === 0) return;
        yield* page;
        last = page.at(-1);
      }
    },
    remove: (ids) =>
      store.write(() => {
        for (const id of ids) store.dropFailure(id);
      }),
  };
}

async function* tail(store: Store, { last, follow }: TailOptions, signal: AbortSignal): AsyncIterable<CloudEvent> {
  let position = store.end();
  for (const stored of last > 0 ? store.last(last) : []) {
    yield stored.event;
    position = stored.position;
  }
  while (follow && !signal.aborted) {
    const batch = store.after(position, 500);
    for (const stored of batch) {
      yield stored.event;
      position = stored.position;
    }
    if (batch.length === 0) await pause(TAIL_POLL_MS, signal);
  }
}

export function openEmbedded(parts: Pick<AdapterParts, 'dataDir' | 'now' | 'readOnly'>): Adapter {
  const store = openStore(parts.dataDir, { readOnly: parts.readOnly === true });
  const reader = createHandover(store);
  const stop = new AbortController();
  let consuming: Promise<void> | undefined;
  let closed = false;
  let closing: Promise<void> | undefined;

  async function shutDown(): Promise<void> {
    // Whoever subscribed is told how that ended.
    await consuming?.catch(() => undefined);
    store.close();
  }

  function insertAll(batch: readonly CloudEvent[]): { results: PublishResult[]; fresh: Stored[] } {
    const fresh: Stored[] = [];
    const results = batch.map((event): PublishResult => {
      const refused = refusalOf(event);
      if (refused !== undefined) return refused;
      const position = store.insert(event, parts.now());
      if (position === null) return { ok: true, seen: true };
      fresh.push({ position, event });
      return { ok: true };
    });
    return { results, fresh };
  }

  return {
    name: 'embedded',
    limits,
    capabilities: { delivery: 'log', order: true, dedupe: true, replay: true },
    check: async () => undefined,
    sizeOf,
    async publish(batch, signal) {
      if (closed) throw new RouterError('CLOSED', 'embedded: the bus is closed');
      if (signal.aborted) throw new RouterError('ABORTED', 'embedded: given up before the call');
      if (batch.length === 0) return [];
      const { results, fresh } = store.writeNow(() => insertAll(batch));
      for (const stored of fresh) reader.push(stored);
      if (fresh.length > 0) reader.wake();
      return results;
    },
    decode() {
      throw new RouterError('UNSUPPORTED', 'embedded: nothing is pushed; use subscribe');
    },
    async subscribe(consumer, signal) {
      if (closed) throw new RouterError('CLOSED', 'embedded: the bus is closed');
      if (consuming !== undefined) throw new RouterError('UNSUPPORTED', 'embedded: one subscriber a process');
      consuming = consumeLog(store, reader, {
        consumer,
        signal: AbortSignal.any([signal, stop.signal]),
        now: parts.now,
      });
      try {
        await consuming;
      } finally {
        consuming = undefined;
      }
    },
    tail: (options, signal) => tail(store, options, AbortSignal.any([signal, stop.signal])),
    failures: failureLog(store),
    compile: (when) => ({ kind: 'none', native: null, residual: when }),
    async close() {
      closed = true;
      stop.abort();
      closing ??= shutDown();
      await closing;
    },
  };
}

/** The registry's entry: the same as every adapter's `open`. */
export async function open(_options: unknown, parts: AdapterParts): Promise<Adapter> {
  return openEmbedded(parts);
}
