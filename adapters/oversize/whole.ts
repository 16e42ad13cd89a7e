// Gives deliveries the whole event: fetches the data of a light one, holds it against its hash, and shares it among those who
// ask at once. What is in use is bounded, so that many large events to slow targets do not fill the memory.

import { hash } from 'node:crypto';
import type { Whole } from '../../router/consume.ts';
import { RouterError, toRouterError } from '../../router/errors.ts';
import type { EventData } from '../../router/event.ts';
import { bareOf, type DataObject, isLight, readReference, wholeOf } from '../dataref.ts';
import { createPlaces, untilAbort } from './places.ts';
import type { DataStore } from './store.ts';

export interface WholeLimits {
  /** Bytes of data in use; what is not fetched yet waits while there are so many. */
  readonly inUseBytes: number;
  /** Bytes that are kept when nobody uses them any more, for the next rule or the next try. */
  readonly keptBytes: number;
  /** How long a delivery waits for its data. What comes later is there for its next try. */
  readonly waitMs: number;
}

export const wholeDefaults: WholeLimits = {
  inUseBytes: 128 * 1024 * 1024,
  keptBytes: 64 * 1024 * 1024,
  waitMs: 10_000,
};

const FETCHES = 4;
const EMPTY = Buffer.alloc(0);

interface Entry {
  readonly object: DataObject;
  loading: Promise<EventData>;
  /** 0 until it is loaded. */
  bytes: number;
  users: number;
}

export interface WholeParts {
  readonly store: DataStore;
  readonly uriPrefix: string;
  readonly onWarning: (text: string) => void;
  readonly limits?: WholeLimits;
}

function checked(bytes: Buffer, { name, sha256, kind }: DataObject): EventData {
  if (hash('sha256', bytes, 'hex') === sha256) return { kind, bytes };
  throw new RouterError('DATA_ALTERED', `oversize: ${name} holds ${bytes.length} other bytes than were put there`);
}

export function createWhole({ store, uriPrefix, onWarning, limits = wholeDefaults }: WholeParts): Whole {
  // Least recently used first.
  const entries = new Map<string, Entry>();
  const fetches = createPlaces(FETCHES);
  // One waits for room, the others behind it, so that nobody is overtaken for ever.
  const door = createPlaces(1);
  const waiting: (() => void)[] = [];
  let [used, kept] = [0, 0];
  let isDown = false;

  async function room(): Promise<void> {
    while (used >= limits.inUseBytes) await new Promise<void>((resolve) => waiting.push(resolve));
  }

  async function fetchData(entry: Entry): Promise<EventData> {
    await door.run(room);
    if (entry.users === 0) throw new RouterError('ABORTED', 'oversize: nobody waits for the data any more');
    const data = checked(await store.get(entry.object.name), entry.object);
    entry.bytes = data.bytes.length;
    kept += entry.bytes;
    if (entry.users > 0) used += entry.bytes;
    evict();
    return data;
  }

  async function load(entry: Entry): Promise<EventData> {
    try {
      const data = await fetches.run(() => fetchData(entry));
      isDown = false;
      return data;
    } catch (thrown) {
      entries.delete(entry.object.name);
      const error = toRouterError(thrown, 'DATA_UNAVAILABLE');
      if (error.code === 'DATA_UNAVAILABLE' && !isDown) onWarning(`${error.message}; deliveries that need it wait`);
      isDown = error.code === 'DATA_UNAVAILABLE';
      throw error;
    }
  }

  function evict(): void {
    for (const [name, { bytes, users }] of entries) {
      if (kept <= limits.keptBytes) return;
      if (users > 0 || bytes === 0) continue;
      entries.delete(name);
      kept -= bytes;
    }
  }

  function take(object: DataObject): Entry {
    const known = entries.get(object.name);
    const entry = known ?? {
      object,
      loading: Promise.resolve({ kind: object.kind, bytes: EMPTY }),
      bytes: 0,
      users: 0,
    };
    // To the end: the most recently used.
    entries.delete(object.name);
    entries.set(object.name, entry);
    if (++entry.users === 1) used += entry.bytes;
    if (known === undefined) entry.loading = load(entry);
    return entry;
  }

  function release(entry: Entry): void {
    if (--entry.users > 0) return;
    used -= entry.bytes;
    evict();
    for (const wake of waiting.splice(0)) wake();
  }

  /** Rejects as the store does, with ABORTED when `signal` aborts, and with DATA_UNAVAILABLE when it takes too long. */
  async function dataOf({ loading }: Entry, signal: AbortSignal): Promise<EventData> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), limits.waitMs);
    const reason = (): RouterError =>
      signal.aborted
        ? new RouterError('ABORTED', 'oversize: fetching the data was given up')
        : new RouterError('DATA_UNAVAILABLE', `oversize: the data did not come within ${limits.waitMs} ms`);
    try {
      return await untilAbort(loading, AbortSignal.any([signal, late.signal]), reason);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    isLight: (event) => isLight(event, uriPrefix),
    bare: bareOf,
    async use(event, signal, run) {
      const object = readReference(event, uriPrefix);
      if (object === undefined) throw new RouterError('INTERNAL', 'oversize: the event has no data in this store');
      const entry = take(object);
      try {
        return await run(wholeOf(event, await dataOf(entry, signal)));
      } finally {
        release(entry);
      }
    },
  };
}
