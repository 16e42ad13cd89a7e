// The runtime's promises around a change of rules: what a bus needs for them is asked for before they are in force, and where
// it cannot be had the old ones stay.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { kinds, type LoadedDocument } from '../../local/document-file.ts';
import type { Formerly } from '../../local/former.ts';
import { type Runtime, startRuntime } from '../../local/runtime.ts';
import { checkDocument } from '../../router/document.ts';
import { RouterError } from '../../router/errors.ts';
import { idle, made, until } from '../contract/adapter-harness.ts';

const WAIT_MS = 5_000;

interface Scene {
  readonly runtime: Runtime;
  /** Event id → the rules that took it. */
  readonly taken: Map<string, readonly string[]>;
  /** What each call of prepareRules waits for; the names of its rules. */
  readonly asked: { readonly rules: readonly string[]; readonly answer: PromiseWithResolvers<Formerly> }[];
  load(type: string): LoadedDocument;
  /** Publishes, and gives the rules that took it. */
  rulesFor(id: string, type: string): Promise<readonly string[]>;
}

async function scene(t: TestContext): Promise<Scene> {
  const dir = mkdtempSync(join(tmpdir(), 'busway-runtime-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const load = (type: string): LoadedDocument => {
    const rules = [{ name: type, when: { type: [type] }, to: { log: {} } }];
    return { file: join(dir, 'router.json'), baseDir: dir, document: checkDocument({ rules }, kinds) };
  };
  const taken = new Map<string, readonly string[]>();
  const asked: Scene['asked'] = [];
  const runtime = await startRuntime({
    loaded: load('old'),
    prepareRules: ({ rules }) => {
      const answer = Promise.withResolvers<Formerly>();
      asked.push({ rules: rules.map(({ name }) => name), answer });
      if (asked.length === 1) answer.resolve(new Map());
      return answer.promise;
    },
    dataDir: dir,
    secretsOf: () => [],
    env: () => undefined,
    now: Date.now,
    random: () => 0.5,
    randomBytes,
    onWarning: () => undefined,
    print: () => undefined,
    onMatch: ({ attributes }, rules) => void taken.set(attributes.id, rules),
  });
  t.after(() => runtime.stop());
  return {
    runtime,
    taken,
    asked,
    load,
    async rulesFor(id, type) {
      await runtime.adapter.publish([made(id, { type })], idle);
      await until(() => taken.has(id), `${id} is read`, WAIT_MS);
      return taken.get(id)!;
    },
  };
}

test('runtime: rules come into force when what they need stands, and not before', async (t) => {
  const { runtime, asked, load, rulesFor } = await scene(t);

  const reloading = runtime.reload(load('new'));
  await until(() => asked.length === 2, 'it is asked', WAIT_MS);
  assert.deepEqual([await rulesFor('a', 'new'), await rulesFor('b', 'old')], [[], ['old']]);
  asked[1]!.answer.resolve(new Map());
  await reloading;

  assert.deepEqual([await rulesFor('c', 'new'), await rulesFor('d', 'old')], [['new'], []]);
  assert.deepEqual(
    asked.map(({ rules }) => rules),
    [['old'], ['new']],
  );
});

test('runtime: where it cannot be had the old rules stay in force', async (t) => {
  const { runtime, asked, load, rulesFor } = await scene(t);

  const reloading = runtime.reload(load('new'));
  await until(() => asked.length === 2, 'it is asked', WAIT_MS);
  asked[1]!.answer.reject(new RouterError('BUS_UNAVAILABLE', 'no emulator answers'));

  await assert.rejects(reloading, { code: 'BUS_UNAVAILABLE' });
  assert.deepEqual([await rulesFor('a', 'new'), await rulesFor('b', 'old')], [[], ['old']]);
});
