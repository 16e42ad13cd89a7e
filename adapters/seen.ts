// Which events this process published in the last 24 hours, for buses that do not keep (source, id) unique themselves.
// In memory, with a copy in the data folder written behind; what the copy lacks after a crash is read again from the bus.
// Another process has its own: duplicates across processes are possible.

import { hash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { CloudEvent } from '../router/event.ts';
import type { Seen } from '../router/ingest.ts';

export interface SeenStore extends Seen {
  /** From here on (ms since the epoch) the copy may lack events: read the bus from there and add() their keys. */
  readonly completeUntil: number;
  /** Writes what is new. Idempotent. */
  close(): void;
}

const WINDOW_MS = 86_400_000;
const FLUSH_MS = 1_000;
// A record's time is the broker's or the sender's; clocks and the write-behind differ by less than this.
const MARGIN_MS = 60_000;
const KEY_BYTES = 16;
const MAX_FRESH = 1_000_000;

function keyOf({ attributes }: CloudEvent): string {
  return hash('sha1', `${attributes.source}\0${attributes.id}`, 'binary').slice(0, KEY_BYTES);
}

/** Opens `<dataDir>/seen.db`, made when missing. */
export function openSeen(dataDir: string, now: () => number): SeenStore {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const db = new DatabaseSync(join(dataDir, 'seen.db'));
  // Losing the newest second is allowed: the bus still has it.
  db.exec('pragma journal_mode = wal; pragma synchronous = normal');
  db.exec('create table if not exists chunks (at integer not null, keys blob not null) strict');
  // In order of time, so that the oldest are the first to go.
  const seen = new Map<string, number>();
  const horizon = now() - WINDOW_MS;
  db.prepare('delete from chunks where at < ?').run(horizon);
  let newest = horizon;
  for (const row of db.prepare('select at, keys from chunks order by at').iterate()) {
    newest = row['at'] as number;
    const keys = Buffer.from(row['keys'] as Uint8Array).toString('latin1');
    for (let i = 0; i < keys.length; i += KEY_BYTES) seen.set(keys.slice(i, i + KEY_BYTES), newest);
  }
  const insert = db.prepare('insert into chunks values (?, ?)');
  const expire = db.prepare('delete from chunks where at < ?');
  let fresh: string[] = [];
  let closed = false;

  function forget(before: number): void {
    for (const [key, at] of seen) {
      if (at >= before) return;
      seen.delete(key);
    }
  }

  function flush(): void {
    const at = now();
    forget(at - WINDOW_MS);
    if (fresh.length === 0) return;
    try {
      expire.run(at - WINDOW_MS);
      insert.run(at, Buffer.from(fresh.join(''), 'latin1'));
      fresh = [];
    } catch {
      // A full disk must not end the router: the bus still has these, and the copy is tried again. Bounded meanwhile.
      if (fresh.length > MAX_FRESH) fresh = [];
    }
  }

  const timer = setInterval(flush, FLUSH_MS).unref();

  return {
    completeUntil: Math.max(horizon, newest - MARGIN_MS),
    keyOf,
    has: (key) => seen.has(key),
    add(key) {
      if (seen.has(key)) return;
      seen.set(key, now());
      fresh.push(key);
    },
    close() {
      if (closed) return;
      closed = true;
      clearInterval(timer);
      flush();
      db.close();
    },
  };
}
