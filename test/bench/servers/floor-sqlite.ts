// The floor of P1: the hand-written intake, and a group commit to node:sqlite before the answer. The same row, the same
// unique index and the same settings as the embedded bus.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { serveBench } from './child.ts';
import { type FloorEvent, serveIntake } from './floor-intake.ts';

const JSON_DATA = 0;

export interface FloorSqliteOptions {
  readonly dataDir: string;
}

function openGroupCommit(dataDir: string) {
  const db = new DatabaseSync(join(dataDir, 'events.db'));
  db.exec('pragma journal_mode = wal; pragma synchronous = full; pragma wal_autocheckpoint = 4000');
  db.exec(`create table events (
    position integer primary key autoincrement, source text not null, id text not null,
    attributes text not null, kind integer, data blob, at integer not null) strict`);
  db.exec('create unique index events_source_id on events (source, id)');
  const begin = db.prepare('begin immediate');
  const commit = db.prepare('commit');
  const insert = db.prepare(
    'insert into events (source, id, attributes, kind, data, at) values (?, ?, ?, ?, ?, ?) on conflict do nothing',
  );
  let queue: { readonly event: FloorEvent; readonly done: (error?: Error) => void }[] = [];

  /** All requests of one turn of the event loop share a commit, and its sync. */
  function flush(): void {
    const group = queue;
    queue = [];
    begin.run();
    for (const { event } of group) {
      const { attributes, body } = event;
      insert.run(attributes['source']!, attributes['id']!, JSON.stringify(attributes), JSON_DATA, body, Date.now());
    }
    commit.run();
    for (const { done } of group) done();
  }

  return {
    store(event: FloorEvent, done: (error?: Error) => void): void {
      if (queue.length === 0) setImmediate(flush);
      queue.push({ event, done });
    },
    close: () => db.close(),
  };
}

await serveBench<FloorSqliteOptions>(async ({ dataDir }) => {
  const db = openGroupCommit(dataDir);
  const server = await serveIntake(db.store);
  return {
    port: server.port,
    async close() {
      await server.close();
      db.close();
    },
  };
});
