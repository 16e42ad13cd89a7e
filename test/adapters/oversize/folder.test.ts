// A folder as a store: the laws, and what a disk can do to it.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { open, uriPrefixOf } from '../../../adapters/oversize/folder.ts';
import type { DataStore } from '../../../adapters/oversize/store.ts';
import { isUriReference } from '../../../router/event.ts';
import { codeOf, idle, nameOf, storeLaws } from './store-laws.ts';

const parts = { env: () => undefined, now: () => 0 };

function folderOf(t?: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'busway-store-'));
  t?.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

storeLaws('folder', async () => {
  const baseDir = folderOf();
  const options = { path: 'some/data' };
  return {
    store: await open(options, { ...parts, baseDir }),
    uriPrefix: uriPrefixOf(options, baseDir),
    close: async () => rmSync(baseDir, { recursive: true, force: true }),
  };
});

async function opened(t: TestContext): Promise<{ store: DataStore; folder: string }> {
  const folder = join(folderOf(t), 'data');
  return { store: await open({ path: folder }, { ...parts, baseDir: '/nowhere' }), folder };
}

test('folder: a relative path is relative to the document, and the reference names the file', async (t) => {
  const baseDir = folderOf(t);
  const store = await open({ path: './large data' }, { ...parts, baseDir });
  const bytes = Buffer.from('some data');
  await store.put(nameOf(bytes), bytes, idle);

  const reference = uriPrefixOf({ path: './large data' }, baseDir) + nameOf(bytes);
  assert.match(reference, /^file:\/\/\/.*\/large%20data\/[0-9a-f]{64}\.binary$/);
  assert.ok(existsSync(fileURLToPath(reference)));
});

test('folder: any path makes a URI that leads back to it, and one that is too long is refused', () => {
  for (const name of ['a b', 'ä€😀', '[x]|^`{}', '#?%41', "!$&'()*+,;=:@~", 'back\\slash']) {
    const prefix = uriPrefixOf({ path: name }, '/base');
    assert.ok(isUriReference(prefix), prefix);
    assert.equal(fileURLToPath(prefix), `/base/${name}/`);
  }
  assert.equal(uriPrefixOf({ path: '/' }, '/base'), 'file:///');
  assert.throws(() => uriPrefixOf({ path: 'x'.repeat(900) }, '/base'), {
    code: 'CONFIG_INVALID',
    message: /shorter path/,
  });
});

test('folder: only this user can read it, and nothing half written has a name', async (t) => {
  const { store, folder } = await opened(t);
  const bytes = Buffer.alloc(1_000, 'x');
  await store.put(nameOf(bytes), bytes, idle);

  assert.deepEqual([statSync(folder).mode & 0o777, statSync(join(folder, nameOf(bytes))).mode & 0o777], [0o700, 0o600]);
  assert.equal(
    await codeOf(store.put(nameOf(Buffer.from('y')), Buffer.from('y'), AbortSignal.abort())),
    'DATA_UNAVAILABLE',
  );
  assert.deepEqual(readdirSync(folder), [nameOf(bytes)]);
});

test('folder: putting again mends a damaged object and renews its age', async (t) => {
  const { store, folder } = await opened(t);
  const bytes = Buffer.from('whole');
  const file = join(folder, nameOf(bytes));
  writeFileSync(file, 'half');
  const before = statSync(file);
  await store.put(nameOf(bytes), bytes, idle);

  assert.ok((await store.get(nameOf(bytes))).equals(bytes));
  assert.ok(statSync(file).mtimeMs >= before.mtimeMs && statSync(file).ino !== before.ino);
});

test('folder: a folder that is not there for a while is no loss of what it holds', async (t) => {
  const { store, folder } = await opened(t);
  const bytes = Buffer.from('kept');
  await store.put(nameOf(bytes), bytes, idle);
  renameSync(folder, `${folder}.away`);

  assert.equal(await codeOf(store.get(nameOf(bytes))), 'DATA_UNAVAILABLE');
  assert.equal(await codeOf(store.put(nameOf(bytes), bytes, idle)), 'DATA_UNAVAILABLE');
  renameSync(`${folder}.away`, folder);
  assert.ok((await store.get(nameOf(bytes))).equals(bytes));
});

test('folder: one that cannot be made is refused at start', async (t) => {
  const base = folderOf(t);
  writeFileSync(join(base, 'file'), '');
  await assert.rejects(open({ path: 'file/data' }, { ...parts, baseDir: base }), {
    code: 'CONFIG_INVALID',
    message: /cannot be made/,
  });
});
