// The file behind the embedded bus: node:sqlite, WAL, synchronous=FULL, one writer. Every write of one turn of the event
// loop is one transaction, so that a commit's sync is shared by all that came meanwhile. A write resolves after the
// commit and never before; after a failed commit the file is opened anew, because a failed sync must not be retried.

import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { RouterError } from '../../router/errors.ts';
import type { CloudEvent } from '../../router/event.ts';
import type { FailureRecord } from '../../router/failure.ts';
import type { Owed } from '../fan-out.ts';
import { type EventRow, fromRow, prepareTables, toRow } from './schema.ts';

export interface Stored {
  readonly position: number;
  readonly event: CloudEvent;
}

export interface Due {
  readonly position: number;
  readonly rule: string;
  readonly attempt: number;
  readonly dueAt: number;
  readonly behind: boolean;
}

export interface Store {
  /** Runs `op` inside the next shared transaction. */
  write<T>(op: () => T): Promise<T>;
  /** Runs `op` inside the next transaction there is anyway; forces none. A later one replaces it. */
  writeAlong(op: (() => void) | undefined): void;
  /** Runs `op` and everything queued in one transaction now. */
  writeNow<T>(op: () => T): T;
  /** Position of a new event; null when this (source, id) is there already. Only inside a write. */
  insert(event: CloudEvent, at: number): number | null;
  after(position: number, limit: number): readonly Stored[];
  last(count: number): readonly Stored[];
  at(position: number): CloudEvent | undefined;
  end(): number;
  consumerPosition(): number;
  saveConsumerPosition(position: number): void;
  park(owed: Owed): void;
  unpark(position: number, rule: string): void;
  makeReady(position: number, rule: string, now: number): boolean;
  /** Back behind what its key waits for; nothing when it is not parked any more. */
  makeBehind(position: number, rule: string): void;
  /** Parked deliveries of a rule that wait for their time only, earliest first. */
  due(rule: string, limit: number): readonly Due[];
  /** Rules that have such. */
  parkedRules(): readonly string[];
  parked(): readonly Due[];
  putFailure(record: FailureRecord): void;
  failures(afterAt: string, afterId: string): readonly FailureRecord[];
  dropFailure(id: string): void;
  close(): void;
}

interface Queued {
  readonly run: () => unknown;
  /** After the commit, with what `run` returned. */
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

type Row = Readonly<Record<string, unknown>>;

// Jumps from rule to rule in the index, whatever the number of rows of each.
const PARKED_RULES = `
with recursive found (rule) as (
  select min(rule) from parked where behind = 0
  union all
  select (select min(rule) from parked where behind = 0 and rule > found.rule) from found where found.rule is not null
)
select rule from found where rule is not null`;

function openFile(dataDir: string, readOnly: boolean): DatabaseSync {
  const path = join(dataDir, 'events.db');
  let db: DatabaseSync | undefined;
  try {
    if (!readOnly) mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    else if (!existsSync(path)) throw new RouterError('NOT_FOUND', `embedded: there is no ${path}`);
    db = new DatabaseSync(path, { readOnly, timeout: 2_000 });
    if (readOnly) return db;
    db.exec('pragma journal_mode = wal; pragma synchronous = full; pragma wal_autocheckpoint = 4000');
    prepareTables(db);
    return db;
  } catch (cause) {
    if (db?.isOpen) db.close();
    if (cause instanceof RouterError) throw cause;
    throw new RouterError('BUS_UNAVAILABLE', `embedded: ${path} cannot be opened`, { cause });
  }
}

function dueRow(row: Row): Due {
  return {
    position: row['position'] as number,
    rule: row['rule'] as string,
    attempt: row['attempt'] as number,
    dueAt: row['due_at'] as number,
    behind: row['behind'] === 1,
  };
}

function storedRow(row: Row): Stored {
  return { position: row['position'] as number, event: fromRow(row as unknown as EventRow) };
}

function failureRow(row: Row): FailureRecord {
  const undecoded = row['attributes'] === null;
  const data = row['data'] as Uint8Array | null;
  return {
    id: row['id'] as string,
    rule: row['rule'] as string | null,
    ruleHash: row['rule_hash'] as string | null,
    code: row['code'] as FailureRecord['code'],
    reason: row['reason'] as string,
    attempts: row['attempts'] as number,
    at: row['at'] as string,
    event: undecoded ? null : fromRow(row as unknown as EventRow),
    ...(undecoded && data !== null ? { bytes: Buffer.from(data) } : {}),
  };
}

function closedError(): RouterError {
  return new RouterError('CLOSED', 'embedded: the bus is closed');
}

/** Opens `<dataDir>/events.db`, made when missing unless `readOnly`. */
export function openStore(dataDir: string, { readOnly = false } = {}): Store {
  let db = openFile(dataDir, readOnly);
  let statements = new Map<string, StatementSync>();
  let queue: Queued[] = [];
  let along: (() => void) | undefined;
  let scheduled = false;
  let closed = false;

  /** Prepared once per open file. */
  function sql(text: string): StatementSync {
    if (closed) throw closedError();
    if (!db.isOpen) reopen();
    let statement = statements.get(text);
    if (statement === undefined) {
      statement = db.prepare(text);
      statements.set(text, statement);
    }
    return statement;
  }

  function reopen(): void {
    try {
      if (db.isOpen) db.close();
    } catch {
      // It is being thrown away because it failed.
    }
    statements = new Map();
    db = openFile(dataDir, readOnly);
  }

  function commit(work: readonly Queued[]): void {
    if (closed) {
      for (const item of work) item.reject(closedError());
      return;
    }
    const values: unknown[] = [];
    try {
      sql('begin immediate').run();
      for (const item of work) values.push(item.run());
      along?.();
      sql('commit').run();
      along = undefined;
    } catch (cause) {
      const error = new RouterError('BUS_UNAVAILABLE', 'embedded: the commit failed; nothing of it was stored', {
        cause,
      });
      try {
        reopen();
      } catch {
        // Not even that: the next call tries again.
      }
      for (const item of work) item.reject(error);
      return;
    }
    for (const [i, item] of work.entries()) item.resolve(values[i]);
  }

  function flush(): void {
    scheduled = false;
    const work = queue;
    queue = [];
    if (work.length > 0) commit(work);
  }

  function write<T>(op: () => T): Promise<T> {
    if (!scheduled) {
      scheduled = true;
      setImmediate(flush);
    }
    return new Promise((resolve, reject) =>
      queue.push({ run: op, resolve: resolve as (value: unknown) => void, reject }),
    );
  }

  function writeNow<T>(op: () => T): T {
    let outcome: { ok: true; value: unknown } | { ok: false; error: unknown } | undefined;
    queue.push({
      run: op,
      resolve: (value) => {
        outcome = { ok: true, value };
      },
      reject: (error) => {
        outcome = { ok: false, error };
      },
    });
    flush();
    const settled = outcome as { ok: true; value: unknown } | { ok: false; error: unknown };
    if (!settled.ok) throw settled.error;
    return settled.value as T;
  }

  return {
    write,
    writeAlong(op) {
      along = op;
    },
    writeNow,
    insert(event, at) {
      const { attributes } = event;
      const row = toRow(event);
      const result = sql(
        'insert into events (source, id, attributes, kind, data, at) values (?, ?, ?, ?, ?, ?) on conflict do nothing',
      ).run(attributes.source, attributes.id, row.attributes, row.kind, row.data, at);
      return result.changes === 0 ? null : Number(result.lastInsertRowid);
    },
    after: (position, limit) =>
      sql('select position, attributes, kind, data from events where position > ? order by position limit ?')
        .all(position, limit)
        .map(storedRow),
    last: (count) =>
      sql('select position, attributes, kind, data from events order by position desc limit ?')
        .all(count)
        .map(storedRow)
        .reverse(),
    at(position) {
      const row = sql('select attributes, kind, data from events where position = ?').get(position);
      return row === undefined ? undefined : fromRow(row as unknown as EventRow);
    },
    end: () =>
      (sql('select coalesce(max(position), 0) as position from events').get() as { position: number }).position,
    consumerPosition() {
      const row = sql("select position from consumers where name = 'router'").get() as { position: number } | undefined;
      return row?.position ?? 0;
    },
    saveConsumerPosition(position) {
      sql("insert into consumers values ('router', ?) on conflict do update set position = excluded.position").run(
        position,
      );
    },
    park({ position, rule, attempt, dueAt, behind }) {
      const at = Math.round(dueAt);
      sql('insert or replace into parked values (?, ?, ?, ?, ?)').run(position, rule, attempt, at, behind ? 1 : 0);
    },
    unpark(position, rule) {
      sql('delete from parked where position = ? and rule = ?').run(position, rule);
    },
    makeReady(position, rule, now) {
      const result = sql('update parked set behind = 0, due_at = ? where position = ? and rule = ? and behind = 1').run(
        now,
        position,
        rule,
      );
      return result.changes > 0;
    },
    makeBehind(position, rule) {
      sql('update parked set behind = 1 where position = ? and rule = ?').run(position, rule);
    },
    due: (rule, limit) =>
      sql('select * from parked where behind = 0 and rule = ? order by due_at, position limit ?')
        .all(rule, limit)
        .map(dueRow),
    parkedRules: () =>
      sql(PARKED_RULES)
        .all()
        .map((row) => row['rule'] as string),
    parked: () => sql('select * from parked order by position').all().map(dueRow),
    putFailure(record) {
      const row =
        record.event === null ? { attributes: null, kind: null, data: record.bytes ?? null } : toRow(record.event);
      sql('insert or replace into failures values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
        record.id,
        record.rule,
        record.ruleHash,
        record.code,
        record.reason,
        record.attempts,
        record.at,
        row.attributes,
        row.kind,
        row.data,
      );
    },
    failures: (afterAt, afterId) =>
      sql('select * from failures where (at, id) > (?, ?) order by at, id limit 200')
        .all(afterAt, afterId)
        .map(failureRow),
    dropFailure(id) {
      sql('delete from failures where id = ?').run(id);
    },
    close() {
      if (closed) return;
      flush();
      closed = true;
      if (db.isOpen) db.close();
    },
  };
}
