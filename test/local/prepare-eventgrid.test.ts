// What busway dev keeps of Event Grid's subscriptions in the data folder: the only list there is of those that earlier filters
// left behind, so that losing it is losing what they still hold.

import assert from 'node:assert/strict';
import { linkSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { kinds } from '../../local/document-file.ts';
import type { Formerly } from '../../local/former.ts';
import { prepareEventGrid } from '../../local/prepare-eventgrid.ts';
import { checkDocument } from '../../router/document.ts';

interface Scene {
  readonly dataDir: string;
  /** Nobody answers at the endpoint, so that all old subscriptions count as there. */
  prepare(type: string): Promise<Formerly>;
}

function scene(t: TestContext): Scene {
  const dataDir = mkdtempSync(join(tmpdir(), 'busway-eventgrid-'));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  const env = (name: string): string | undefined => (name === 'THE_KEY' ? 'a-key' : undefined);
  const bus = { use: 'eventgrid', endpoint: 'http://127.0.0.1:9', topic: 'orders', key: 'THE_KEY' };
  const quiet = (): void => undefined;
  const io = {
    env,
    cwd: dataDir,
    stdin: process.stdin,
    out: quiet,
    err: quiet,
    now: Date.now,
    random: Math.random,
    randomBytes: () => Buffer.alloc(0),
    signal: new AbortController().signal,
  };
  return {
    dataDir,
    prepare(type) {
      const rules = [{ name: 'orders', when: { type: [type] }, to: { log: {} } }];
      return prepareEventGrid(checkDocument({ bus, rules }, kinds), { dataDir, io, tell: quiet, asked: new Set() });
    },
  };
}

test('prepare eventgrid: subscriptions of all earlier filters are drained, also after another start', async (t) => {
  const { prepare } = scene(t);
  await prepare('one');
  const [first] = (await prepare('two')).get('orders') ?? [];
  const both = (await prepare('three')).get('orders') ?? [];

  assert.equal(both.length, 2);
  assert.ok(both.includes(first!));
});

test('prepare eventgrid: the list is replaced whole, so that a full disk or a crash leaves the old one', async (t) => {
  const { dataDir, prepare } = scene(t);
  const file = join(dataDir, 'subscriptions.json');
  await prepare('one');
  const before = readFileSync(file, 'utf8');
  // Whoever writes into the file itself writes into its other name too.
  linkSync(file, join(dataDir, 'other-name'));
  await prepare('two');

  assert.notEqual(readFileSync(file, 'utf8'), before);
  assert.equal(readFileSync(join(dataDir, 'other-name'), 'utf8'), before);
  assert.deepEqual(readdirSync(dataDir).sort(), ['other-name', 'subscriptions.json']);
});
