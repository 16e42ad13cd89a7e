// The file of the embedded bus when things go wrong: commits that fail, processes that are killed, folders that are not
// what they seem.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openEmbedded } from '../../../adapters/embedded/adapter.ts';
import { openStore, type Store } from '../../../adapters/embedded/store.ts';
import { RouterError } from '../../../router/errors.ts';
import { binaryData, type CloudEvent } from '../../../router/event.ts';

const idle = new AbortController().signal;

function made(id: string): CloudEvent {
  return { attributes: { specversion: '1.0', id, source: '/store', type: 't' }, data: binaryData(Buffer.from(id)) };
}

async function withFolder(run: (dataDir: string) => Promise<void> | void): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'busway-store-'));
  try {
    await run(dataDir);
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function withStore(run: (store: Store, dataDir: string) => Promise<void>): Promise<void> {
  await withFolder(async (dataDir) => {
    const store = openStore(dataDir);
    try {
      await run(store, dataDir);
    } finally {
      store.close();
    }
  });
}

const idsOf = (store: Store): string[] => store.after(0, 1_000).map(({ event }) => event.attributes.id);
const codeOf = (thrown: unknown): string => (thrown instanceof RouterError ? thrown.code : String(thrown));

test('embedded store: a commit that fails rejects everything of it, stores nothing of it, and later writes work', async () => {
  await withStore(async (store) => {
    const turn = await Promise.allSettled([
      store.write(() => store.insert(made('a'), 1)),
      store.write(() => {
        throw new Error('broken');
      }),
      store.write(() => store.insert(made('b'), 1)),
    ]);

    assert.deepEqual(
      turn.map((item) => (item.status === 'rejected' ? codeOf(item.reason) : item.status)),
      ['BUS_UNAVAILABLE', 'BUS_UNAVAILABLE', 'BUS_UNAVAILABLE'],
    );
    assert.deepEqual(idsOf(store), []);
    await store.write(() => store.insert(made('c'), 1));
    assert.deepEqual(idsOf(store), ['c']);
  });
});

test('embedded store: a file that another process holds fails the write, and nothing but the write', async () => {
  await withStore(async (store, dataDir) => {
    const other = new DatabaseSync(join(dataDir, 'events.db'));
    other.exec('begin immediate');
    const failed = await Promise.allSettled([store.write(() => store.insert(made('a'), 1))]);
    other.exec('rollback');
    other.close();

    assert.equal(failed[0]?.status === 'rejected' && codeOf(failed[0].reason), 'BUS_UNAVAILABLE');
    await store.write(() => store.insert(made('b'), 1));
    assert.deepEqual(idsOf(store), ['b']);
  });
});

test('embedded store: writes of one turn are one commit, seen together or not at all', async () => {
  await withStore(async (store, dataDir) => {
    const reader = openStore(dataDir, { readOnly: true });
    const first = store.write(() => store.insert(made('a'), 1)).then(() => idsOf(reader));
    const second = store.write(() => store.insert(made('b'), 1));

    assert.deepEqual(await first, ['a', 'b']);
    await second;
    reader.close();
  });
});

test('embedded store: the same source and id is stored once', async () => {
  await withStore(async (store) => {
    const positions = [];
    for (const id of ['a', 'b', 'a', 'c']) positions.push(await store.write(() => store.insert(made(id), 1)));
    assert.equal(positions[2], null);
    assert.deepEqual(idsOf(store), ['a', 'b', 'c']);
  });
});

test('embedded store: due deliveries come earliest first, by rule, without those that wait behind', async () => {
  await withStore(async (store) => {
    const park = (position: number, rule: string, dueAt: number, behind = false) =>
      store.write(() => store.park({ position, rule, event: made('e'), attempt: 2, dueAt, behind }));
    await park(1, 'b', 30);
    await park(2, 'a', 20.4);
    await park(3, 'a', 10);
    await park(4, 'a', 5, true);

    assert.deepEqual(store.parkedRules(), ['a', 'b']);
    assert.deepEqual(
      store.due('a', 10).map(({ position, dueAt }) => [position, dueAt]),
      [
        [3, 10],
        [2, 20],
      ],
    );
    assert.equal(await store.write(() => store.makeReady(4, 'a', 7)), true);
    assert.equal(await store.write(() => store.makeReady(4, 'a', 8)), false);
    assert.equal(store.due('a', 1)[0]?.position, 4);
  });
});

test('embedded store: after close everything answers CLOSED', async () => {
  await withStore(async (store) => {
    const late = store.write(() => store.insert(made('a'), 1));
    store.close();
    store.close();
    assert.equal(await late, 1, 'what was asked before is done');

    await assert.rejects(
      store.write(() => 1),
      { code: 'CLOSED' },
    );
    assert.throws(() => store.end(), { code: 'CLOSED' });
    assert.throws(() => store.writeNow(() => 1), { code: 'CLOSED' });
  });
});

test('embedded store: a file of another version, no database, or no file at all is a clear error', async () => {
  await withFolder((dataDir) => {
    assert.throws(() => openStore(dataDir, { readOnly: true }), { code: 'NOT_FOUND' });
    openStore(dataDir).close();
    const db = new DatabaseSync(join(dataDir, 'events.db'));
    db.exec('pragma user_version = 99');
    db.close();
    assert.throws(() => openStore(dataDir), { code: 'CONFIG_INVALID', message: /version 99/ });
  });
  await withFolder((dataDir) => {
    writeFileSync(join(dataDir, 'events.db'), 'this is no database, '.repeat(100));
    assert.throws(() => openStore(dataDir), { code: 'BUS_UNAVAILABLE' });
  });
});

test('embedded: reading beside an owner sees what is committed and cannot publish', async () => {
  await withFolder(async (dataDir) => {
    const owner = openEmbedded({ dataDir, now: Date.now });
    await owner.publish([made('a')], idle);
    const reader = openEmbedded({ dataDir, now: Date.now, readOnly: true });

    const found: string[] = [];
    for await (const event of reader.tail!({ last: 10, follow: false }, idle)) found.push(event.attributes.id);

    assert.deepEqual(found, ['a']);
    await assert.rejects(reader.publish([made('b')], idle), { code: 'BUS_UNAVAILABLE' });
    await Promise.all([reader.close(), owner.close()]);
  });
});

test('embedded: many waits of an idle reader leave no listener behind', async () => {
  await withFolder(async (dataDir) => {
    const control = new AbortController();
    const adapter = openEmbedded({ dataDir, now: Date.now });
    let matched = 0;
    const consumer = {
      match: () => {
        matched++;
        return [];
      },
      deliver: async () => ({ kind: 'ack' }) as const,
      refuse: async () => undefined,
      ordered: () => false,
    };
    let listeners = 0;
    const { addEventListener, removeEventListener } = AbortSignal.prototype;
    AbortSignal.prototype.addEventListener = function count(
      this: AbortSignal,
      ...args: Parameters<typeof addEventListener>
    ) {
      listeners++;
      return addEventListener.apply(this, args);
    } as typeof addEventListener;
    AbortSignal.prototype.removeEventListener = function count(
      this: AbortSignal,
      ...args: Parameters<typeof addEventListener>
    ) {
      listeners--;
      return removeEventListener.apply(this, args);
    } as typeof removeEventListener;
    try {
      const consuming = adapter.subscribe!(consumer, control.signal);
      for (let i = 0; i < 50; i++) {
        await adapter.publish([made(`e${i}`)], idle);
        while (matched <= i) await new Promise((resolve) => setImmediate(resolve));
      }
      assert.ok(listeners < 20, `${listeners} listeners after 50 waits`);
      control.abort();
      await consuming;
    } finally {
      Object.assign(AbortSignal.prototype, { addEventListener, removeEventListener });
      await adapter.close();
    }
  });
});

const WRITER = fileURLToPath(new URL('./killed-writer.ts', import.meta.url));

/** Runs a writer and kills it in the middle; the ids it said were acknowledged. */
function killedWriter(dataDir: string, life: number): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [WRITER, dataDir, String(life)], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.split('\n').length > 100 + life * 50) child.kill('SIGKILL');
    });
    child.on('error', reject);
    child.on('close', (_code, signal) => {
      if (signal !== 'SIGKILL') reject(new Error('the writer ended by itself'));
      // The last line may be cut.
      else resolve(said.split('\n').slice(0, -1));
    });
  });
}

test('embedded: after kill -9 in the middle of writing every acknowledged event is there, and the file is whole', async () => {
  await withFolder(async (dataDir) => {
    const acknowledged: string[] = [];
    for (let life = 0; life < 3; life++) acknowledged.push(...(await killedWriter(dataDir, life)));

    const store = openStore(dataDir);
    const stored = store.after(0, 1_000_000);
    store.close();
    const db = new DatabaseSync(join(dataDir, 'events.db'));
    const check = db.prepare('pragma integrity_check').get() as { integrity_check: string };
    db.close();

    assert.equal(check.integrity_check, 'ok');
    const ids = new Set(stored.map(({ event }) => event.attributes.id));
    assert.deepEqual(
      acknowledged.filter((id) => !ids.has(id)),
      [],
    );
    assert.ok(acknowledged.length >= 300);
    for (const { event } of stored) assert.equal(event.data?.bytes.toString().trimEnd(), event.attributes.id);
  });
});
