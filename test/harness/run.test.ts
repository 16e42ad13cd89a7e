// The runner itself, run over planted files: what must fail the run does, and what is skipped is said.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { outcomeOf } from './outcome.ts';

const runner = fileURLToPath(new URL('run.ts', import.meta.url));
const head = "import { test } from 'node:test';\n";

interface Run {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function run(t: TestContext, files: Readonly<Record<string, string>>, args: readonly string[] = [], require = ''): Run {
  const dir = mkdtempSync(join(tmpdir(), 'busway-run-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), head + text);
  const { status, stdout, stderr } = spawnSync(process.execPath, [runner, dir, ...args], {
    cwd: dir,
    encoding: 'utf8',
    env: { ...process.env, BUSWAY_REQUIRE: require },
    timeout: 30_000,
  });
  return { code: status, out: stdout, err: stderr };
}

test("runner: a good run ends with node's own closing lines, the count and what was skipped", (t) => {
  const files = {
    'a.test.ts': "test('one', () => {});\ntest('two', { skip: 'no Kafka: no Java here' }, () => {});\n",
    'helper.ts': "test('never', () => { throw new Error('a helper is no test'); });\n",
  };

  const { code, out } = run(t, files);

  assert.equal(code, 0, out);
  assert.match(out, /ℹ tests 2\n/);
  assert.match(out, /ℹ pass 1\n/);
  assert.match(
    out,
    /2 tests in 1 files, 1 ran\ncould not be run on this machine:\n {2}no Kafka: no Java here \(1\)\n {4}two\n/,
  );
});

test('runner: a failing test fails the run', (t) => {
  const { code, out } = run(t, { 'a.test.ts': "test('one', () => { throw new Error('x'); });\n" });

  assert.equal(code, 1);
  assert.match(out, /ℹ fail 1\n/);
});

test('runner: a run of no tests fails, and so does a file without one', (t) => {
  const none = run(t, {});
  const empty = run(t, { 'a.test.ts': '', 'b.test.ts': "test('one', () => {});\n" });
  const unmatched = run(t, { 'a.test.ts': "test('one', () => {});\n" }, ['--name', 'nothing']);

  assert.equal(none.code, 1);
  assert.match(none.out, /FAILED: no test ran: nothing matches/);
  assert.equal(empty.code, 1);
  assert.match(empty.out, /FAILED: a\.test\.ts holds no test/);
  assert.equal(unmatched.code, 1);
});

test('runner: what BUSWAY_REQUIRE names may not be skipped', (t) => {
  const files = { 'a.test.ts': "test('one', () => {});\ntest('two', { skip: 'no Kafka: no Java' }, () => {});\n" };

  const { code, out } = run(t, files, [], 'kcat, kafka');

  assert.equal(code, 1);
  assert.match(out, /FAILED: BUSWAY_REQUIRE asks for kafka, but 1 were skipped: no Kafka: no Java/);
});

test('runner: a file that hangs is ended at the limit and named', (t) => {
  const hang = "test('hangs', async () => { setInterval(() => {}, 1000); await new Promise(() => {}); });\n";

  const { code, out, err } = run(t, { 'a.test.ts': "test('one', () => {});\n", 'b.test.ts': hang }, ['--limit', '2']);

  assert.equal(code, 1, out);
  assert.match(err, /ended after 2 s; not finished: b\.test\.ts/);
});

test('runner: wrong use is told with the nearest known name', (t) => {
  const option = run(t, {}, ['--nmae', 'x']);
  const path = run(t, {}, ['nowhere']);
  const requirement = run(t, {}, [], 'kafak');

  assert.deepEqual([option.code, path.code, requirement.code], [2, 2, 2]);
  assert.match(option.err, /did you mean '--name'/);
  assert.match(path.err, /there is nothing at nowhere/);
  assert.match(requirement.err, /did you mean 'kafka'/);
});

test('runner: all tests skipped, or a skip without a reason, is no green run', () => {
  const facts = { required: [], narrowed: false, passed: true, cwd: '/w' };
  const file = '/w/a.test.ts';
  const counted = { kind: 'counted', file, tests: 2, skipped: 1 } as const;
  const skipped = { kind: 'skipped', file, name: 'two', reason: '' } as const;

  assert.equal(outcomeOf({ ...facts, lines: [counted] }).ok, true);
  assert.match(outcomeOf({ ...facts, lines: [{ ...counted, skipped: 2 }] }).text, /all 2 were skipped/);
  assert.match(outcomeOf({ ...facts, lines: [counted, skipped] }).text, /skipped without a reason: two/);
});
