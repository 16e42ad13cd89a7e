// The README says only what is so: its example runs, its tables come from the registries, its commands exist.
// After a change of a registry: BUSWAY_UPDATE=readme npm test -- test/readme.test.ts

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { commands } from '../local/commands.ts';
import { kinds } from '../local/document-file.ts';
import { checkDocument } from '../router/document.ts';
import { testEnv } from './harness/env.ts';
import { readmeWithParts } from './harness/readme.ts';

const root = resolve(import.meta.dirname, '..');
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'docs/buses.md',
  'docs/deploy.md',
  'docs/design.md',
  'docs/rules.md',
  'docs/threat-model.md',
];
const read = (file: string): Promise<string> => readFile(join(root, file), 'utf8');

test('readme: the tables are those of the registries', async () => {
  const text = await read('README.md');
  const due = await readmeWithParts(text);
  if (testEnv('BUSWAY_UPDATE') === 'readme') await writeFile(join(root, 'README.md'), due);
  else assert.equal(text, due, 'run BUSWAY_UPDATE=readme npm test -- test/readme.test.ts');
});

test('readme: the first example is a router document that passes the check', async (t) => {
  const [, code] = /```ts\n([\s\S]*?)```/.exec(await read('README.md')) ?? [];
  const dir = await mkdtemp(join(tmpdir(), 'busway-readme-'));
  t.after(() => rm(dir, { recursive: true }));
  const define = pathToFileURL(join(root, 'infra/define.ts')).href;
  await writeFile(join(dir, 'router.ts'), code!.replace('./define.ts', define));
  const { default: document } = (await import(pathToFileURL(join(dir, 'router.ts')).href)) as { default: unknown };

  const checked = checkDocument(document, kinds);

  assert.deepEqual(
    checked.rules.map((rule) => rule.name),
    ['opened-pull-requests'],
  );
  assert.ok(code!.split('\n').length <= 21, 'the first example stays short');
});

test('docs: every busway command they name exists', async () => {
  const names = new Set<string>();
  for (const file of documents) {
    for (const [, name] of (await read(file)).matchAll(/busway ([a-z]+)[ `\n]/g)) names.add(name!);
  }

  assert.ok(names.size > 5);
  // "Busway is", "busway package" and the like are prose, not commands: only code spans and blocks are lower case.
  assert.deepEqual(
    [...names].filter((name) => !Object.hasOwn(commands, name)),
    [],
  );
});

test('docs: every file they link to exists', async () => {
  const missing: string[] = [];
  for (const file of documents) {
    for (const [, link] of (await read(file)).matchAll(/\]\(([^)#:]+)\)/g)) {
      if (!existsSync(resolve(root, dirname(file), link!))) missing.push(`${file}: ${link}`);
    }
  }

  assert.deepEqual(missing, []);
});

test('readme: npm start and npm test are scripts of the package', async () => {
  const { scripts } = JSON.parse(await read('package.json')) as { scripts: Record<string, string> };

  assert.match(scripts['start'] ?? '', /local\/main\.ts dev$/);
  assert.ok(scripts['test']);
});
