// Who owns a data folder. The lock is an operating-system lock on a file, so a killed owner leaves nothing to clean up;
// beside it stands where the owner listens, for commands that change state.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { RouterError } from '../router/errors.ts';

export interface Owner {
  readonly pid: number;
  readonly url: string;
  /** Sent as a bearer token: only who can read the data folder may change its state. */
  readonly token: string;
}

export interface OwnedFolder {
  announce(owner: Owner): void;
  release(): void;
}

function lockFile(dataDir: string): DatabaseSync | undefined {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const says = `${dataDir} cannot be made or is no folder; choose another with --data DIR`;
    throw new RouterError('CONFIG_INVALID', says, { cause });
  }
  const db = new DatabaseSync(join(dataDir, 'owner.lock'));
  try {
    db.exec('pragma locking_mode = exclusive; begin exclusive');
    return db;
  } catch {
    db.close();
    return undefined;
  }
}

export function readOwner(dataDir: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(join(dataDir, 'owner.json'), 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

/** Takes the lock, or throws DATA_LOCKED naming the owner. */
export function ownDataFolder(dataDir: string): OwnedFolder {
  const lock = lockFile(dataDir);
  if (lock === undefined) {
    const pid = readOwner(dataDir)?.pid;
    const who = pid === undefined ? 'another process' : `process ${pid}`;
    throw new RouterError(
      'DATA_LOCKED',
      `${who} runs on ${dataDir} already; stop it, or choose another folder with --data DIR`,
    );
  }
  const file = join(dataDir, 'owner.json');
  return {
    announce: (owner) => writeFileSync(file, JSON.stringify(owner), { mode: 0o600 }),
    release() {
      rmSync(file, { force: true });
      lock.close();
    },
  };
}

/** The live owner of a data folder, or undefined when nobody runs on it. */
export function liveOwner(dataDir: string): Owner | undefined {
  const owner = readOwner(dataDir);
  if (owner === undefined) return undefined;
  const lock = lockFile(dataDir);
  lock?.close();
  return lock === undefined ? owner : undefined;
}
