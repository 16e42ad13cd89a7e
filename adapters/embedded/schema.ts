// Tables of the embedded bus and the row forms of events. Data stays in its own column as the bytes that came.

import type { DatabaseSync } from 'node:sqlite';
import { RouterError } from '../../router/errors.ts';
import type { Attributes, CloudEvent, EventData } from '../../router/event.ts';

// Bump when a table changes; an older file is refused, never migrated in silence.
const VERSION = 1;

const TABLES = `
create table if not exists events (
  position integer primary key autoincrement,
  source text not null,
  id text not null,
  attributes text not null,
  kind integer,
  data blob,
  at integer not null
) strict;
create unique index if not exists events_source_id on events (source, id);
create table if not exists consumers (name text primary key, position integer not null) strict, without rowid;
create table if not exists parked (
  position integer not null,
  rule text not null,
  attempt integer not null,
  due_at integer not null,
  behind integer not null,
  primary key (position, rule)
) strict, without rowid;
drop index if exists parked_due;
create index if not exists parked_rule_due on parked (rule, due_at, position) where behind = 0;
create table if not exists failures (
  id text primary key,
  rule text,
  rule_hash text,
  code text not null,
  reason text not null,
  attempts integer not null,
  at text not null,
  attributes text,
  kind integer,
  data blob
) strict;
`;

/** Makes the tables, or throws when the file is of another version. */
export function prepareTables(db: DatabaseSync): void {
  const { user_version: found } = db.prepare('pragma user_version').get() as { user_version: number };
  if (found !== 0 && found !== VERSION) {
    const says = `the data folder holds version ${found} of the embedded bus, this is version ${VERSION}`;
    throw new RouterError('CONFIG_INVALID', `embedded: ${says}; name another folder`);
  }
  db.exec(TABLES);
  // Only when new: a write here would fail where the file is locked, and reopening after a failure must not.
  if (found === 0) db.exec(`pragma user_version = ${VERSION}`);
}

const kinds = ['json', 'text', 'binary'] as const;

export interface EventRow {
  readonly attributes: string;
  readonly kind: number | null;
  readonly data: Uint8Array | null;
}

export function toRow(event: CloudEvent): EventRow {
  const { attributes, data } = event;
  return {
    attributes: JSON.stringify(attributes),
    kind: data === undefined ? null : kinds.indexOf(data.kind),
    data: data === undefined ? null : data.bytes,
  };
}

export function fromRow(row: EventRow): CloudEvent {
  const attributes = JSON.parse(row.attributes) as Attributes;
  const kind = row.kind === null ? undefined : kinds[row.kind];
  if (kind === undefined || row.data === null) return { attributes };
  const bytes = Buffer.from(row.data.buffer, row.data.byteOffset, row.data.byteLength);
  const data: EventData = { kind, bytes };
  return { attributes, data };
}
