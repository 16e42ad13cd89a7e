// Lower limits that no contestant can be under, measured beside it: what a result under them would prove is a mistake of
// the measurement.

import { createHmac, createSecretKey } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { median } from './measure.ts';
import { pushBodies, secret } from './payload.ts';

const ROUNDS = 5;
const PER_ROUND = 400;

/** CPU microseconds of one signature check and one JSON.parse of the push, and nothing else. */
export function verifyAndParseUs(): number {
  const key = createSecretKey(Buffer.from(secret));
  const bodies = pushBodies();
  const rounds = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage();
    for (let i = 0; i < PER_ROUND; i++) {
      const body = bodies[i % bodies.length]!;
      createHmac('sha256', key).update(body).digest();
      JSON.parse(body.toString('utf8'));
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / PER_ROUND;
  });
  return median(rounds);
}

export interface CommitCost {
  readonly syncedMs: number;
  readonly unsyncedMs: number;
}

const COMMITS = 20;
const GROUP = 16;

function commitMs(db: DatabaseSync, body: Buffer): number {
  const insert = db.prepare('insert into events values (?)');
  const startedAt = performance.now();
  for (let commit = 0; commit < COMMITS; commit++) {
    db.exec('begin');
    for (let row = 0; row < GROUP; row++) insert.run(body);
    db.exec('commit');
  }
  return (performance.now() - startedAt) / COMMITS;
}

/** A commit of 16 pushes with and without its sync, in turns, on the disk that holds `dir`. */
export function commitCost(dir: string): CommitCost {
  const body = pushBodies()[0]!;
  const files = ['full', 'off'].map((synchronous) => {
    const file = join(dir, `probe-${synchronous}.db`);
    const db = new DatabaseSync(file);
    db.exec(`pragma journal_mode = wal; pragma synchronous = ${synchronous}; create table events (data blob)`);
    return { file, db, times: [] as number[] };
  });
  for (let round = 0; round < ROUNDS; round++) for (const { db, times } of files) times.push(commitMs(db, body));
  for (const { db, file } of files) {
    db.close();
    rmSync(file, { force: true });
  }
  const [full, off] = files.map(({ times }) => median(times));
  return { syncedMs: full!, unsyncedMs: off! };
}
