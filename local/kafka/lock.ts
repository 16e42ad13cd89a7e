// One process at a time may start or stop the broker of a folder. Must never leave a lock behind: it is the operating
// system's own file lock, taken through SQLite, so that a killed process frees it.

import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

const BUSY = 5; // SQLITE_BUSY

function tryLock(path: string): DatabaseSync | undefined {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode === BUSY) return undefined;
    throw error;
  }
}

/** Runs `work` alone. Waits for the other holder until `signal` aborts; then rejects with its reason. */
export async function withLock<T>(path: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  for (;;) {
    signal.throwIfAborted();
    const held = tryLock(path);
    if (held === undefined) {
      await sleep(100, undefined, { signal });
      continue;
    }
    try {
      return await work();
    } finally {
      held.close();
    }
  }
}
