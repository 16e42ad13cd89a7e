// busway init as a user runs it: what it writes, what it leaves alone, and that the types of what it wrote hold. That the
// project runs with the installed package, its rule tests too, is shown in test/package.test.ts.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { kinds } from '../../../local/document-file.ts';
import { projectFiles } from '../../../local/init/files.ts';
import { packageJsonFor } from '../../../local/init/package-json.ts';
import { checkDocument } from '../../../router/document.ts';
import { cliScene } from '../../harness/cli.ts';
import { repoDir } from '../../harness/kafka.ts';

const tsc = join(repoDir, 'node_modules/.bin/tsc');

interface Manifest {
  readonly type?: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

function manifestOf(dir: string, file = 'package.json'): Manifest {
  return JSON.parse(readFileSync(join(dir, file), 'utf8')) as Manifest;
}

test('init: an empty folder becomes a project, and what was written and comes next is said', async (t) => {
  const { dir, run } = cliScene(t);

  const { code, out, err } = await run(['init']);

  assert.deepEqual([code, err], [0, '']);
  for (const [file, text] of Object.entries(projectFiles)) {
    assert.equal(readFileSync(join(dir, file), 'utf8'), text);
    assert.ok(out.includes(`wrote ${file}\n`), out);
  }
  const { type, scripts, dependencies } = manifestOf(dir);
  assert.equal(type, 'module');
  assert.deepEqual(scripts, { dev: 'busway dev', test: 'busway test', plan: 'busway plan' });
  assert.deepEqual(Object.keys(dependencies ?? {}), ['busway']);
  assert.match(out, /\nnext\n {2}npm install\n {2}npx busway dev\n {2}npx busway send github\/issues\.opened/);
});

test('init: a second run writes nothing and says so', async (t) => {
  const { dir, run, write } = cliScene(t);
  await run(['init']);
  write('infra/router.ts', '// mine');
  const manifest = readFileSync(join(dir, 'package.json'), 'utf8');

  const { code, out } = await run(['init']);

  assert.equal(code, 0);
  assert.doesNotMatch(out, /wrote|added/);
  assert.match(out, /kept infra\/router\.ts, which is there already/);
  assert.equal(readFileSync(join(dir, 'infra/router.ts'), 'utf8'), '// mine');
  assert.equal(readFileSync(join(dir, 'package.json'), 'utf8'), manifest);
});

test('init: a package.json keeps what it has, gets what it lacks, and CommonJS outside of infra/ stays CommonJS', async (t) => {
  const { dir, run, write } = cliScene(t);
  const mine = { name: 'mine', type: 'commonjs', scripts: { test: 'jest' }, devDependencies: { busway: '1.0.0' } };
  write('package.json', mine);

  const { code, out } = await run(['init']);

  assert.equal(code, 0);
  assert.deepEqual(manifestOf(dir), {
    ...mine,
    scripts: { test: 'jest', dev: 'busway dev', plan: 'busway plan' },
  });
  assert.equal(manifestOf(dir, 'infra/package.json').type, 'module');
  assert.match(out, /added to package\.json: scripts\.dev, scripts\.plan\n/);
  assert.match(out, /kept of package\.json: scripts\.test\n/);
});

test('init: beside what npm install wrote into an empty folder the project becomes a module', () => {
  const written = packageJsonFor('{"dependencies":{"busway":"file:busway.tgz"}}', '1.2.3');

  assert.equal(written.isModule, true);
  assert.deepEqual(JSON.parse(written.text).dependencies, { busway: 'file:busway.tgz' });
});

for (const text of ['{', '[]', 'null', '{"scripts":[]}', '{"dependencies":"x"}']) {
  test(`init: a package.json that cannot be added to is refused before anything is written: ${text}`, async (t) => {
    const { dir, run, write } = cliScene(t);
    write('package.json', text);

    const { code, out, err } = await run(['init']);

    assert.deepEqual([code, out], [1, '']);
    assert.match(err, /^package\.json.*mend it, or begin in an empty folder \(CONFIG_INVALID\)\n$/);
    assert.deepEqual(readdirSync(dir), ['package.json']);
  });
}

test('init: a link to elsewhere is left alone', async (t) => {
  const { dir, run } = cliScene(t);
  mkdirSync(join(dir, 'infra'));
  symlinkSync(join(dir, 'elsewhere.ts'), join(dir, 'infra/router.ts'));

  const { code, out } = await run(['init']);

  assert.equal(code, 0);
  assert.match(out, /kept infra\/router\.ts/);
  assert.equal(existsSync(join(dir, 'elsewhere.ts')), false);
});

test('init: a kept .gitignore that lets the secrets be committed is warned of', async (t) => {
  const { run, write } = cliScene(t);
  write('.gitignore', 'node_modules\n');

  const first = await run(['init', '--json']);
  write('.gitignore', 'node_modules\r\n/.busway\r\n');
  const second = await run(['init', '--json']);

  assert.match(first.err, /^warning: \.gitignore lacks the line \.busway\//);
  assert.equal(second.err, '');
  const lines = first.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { file: string; did: string });
  assert.deepEqual(lines.at(-1), { file: '.gitignore', did: 'kept' });
  assert.deepEqual(lines[0], { file: 'package.json', did: 'wrote' });
});

test('init: a folder that cannot be written to is told, with the file', async (t) => {
  const { run, write } = cliScene(t);
  // A file where the folder should be: refused for root too.
  write('infra', '');

  const { code, err } = await run(['init']);

  assert.equal(code, 1);
  assert.match(err, /^infra\/router\.ts cannot be written: (?:EEXIST|ENOTDIR) \(CONFIG_INVALID\)/);
});

test('init: the project that it writes is typed right, and its document passes the check', async (t) => {
  const { dir, run, write } = cliScene(t);
  await run(['init']);
  // As installed: the package's entry beside the project.
  mkdirSync(join(dir, 'node_modules'));
  symlinkSync(join(repoDir, 'node_modules/@types'), join(dir, 'node_modules/@types'));
  mkdirSync(join(dir, 'node_modules/busway'));
  write('node_modules/busway/package.json', { name: 'busway', type: 'module', exports: './index.ts' });
  write('node_modules/busway/index.ts', `export * from '${repoDir}exports/busway.ts';\n`);
  const options = { module: 'nodenext', strict: true, noEmit: true, skipLibCheck: true, types: ['node'] };
  const allowed = { verbatimModuleSyntax: true, erasableSyntaxOnly: true, allowImportingTsExtensions: true };
  write('tsconfig.json', { compilerOptions: { ...options, ...allowed }, include: ['infra'] });

  const types = spawnSync(tsc, ['-p', dir], { encoding: 'utf8' });

  assert.equal(types.status, 0, types.stdout);
  const router = projectFiles['infra/router.ts']!.replace("'busway'", `'${repoDir}exports/busway.ts'`);
  write('infra/checked.ts', router);
  const { default: document } = (await import(join(dir, 'infra/checked.ts'))) as { default: unknown };
  assert.deepEqual(
    checkDocument(document, kinds).rules.map(({ name }) => name),
    ['public-pushes', 'opened-issues'],
  );
});
