// What `npm test` runs: node's test runner over test/**/*.test.ts, with what it lacks: a run of no tests fails, what could
// not be run is listed with its reason, and an outer limit ends a run that hangs. `npm test -- test/router --name PATTERN`.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { unknownName } from '../../router/config.ts';
import { RouterError, toRouterError } from '../../router/errors.ts';
import { outcomeOf, readLines, requirements, unfinished } from './outcome.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const DEFAULT_LIMIT_S = 900;
const KILL_AFTER_MS = 3_000;

interface Choice {
  readonly files: readonly string[];
  readonly name: string | undefined;
  readonly limitMs: number;
  readonly required: readonly string[];
}

function usage(message: string): RouterError {
  return new RouterError('USAGE', `npm test: ${message}`);
}

function checkNode(): void {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 24 || (major === 24 && minor >= 15)) return;
  throw usage(
    `the tests need Node >= 24.15, this is v${process.versions.node} (${process.execPath}); start them by npm, after npm ci`,
  );
}

/** A folder, a file, a file without its ending, or a glob. */
function globOf(path: string): string {
  if (/[*?{[]/.test(path)) return path;
  if (existsSync(`${path}.test.ts`)) return `${path}.test.ts`;
  if (!existsSync(path)) throw usage(`there is nothing at ${path}`);
  return statSync(path).isDirectory() ? `${path.replace(/\/$/, '')}/**/*.test.ts` : path;
}

function requiredOf(text: string): string[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const unknown = names.find((name) => !requirements.includes(name));
  if (unknown !== undefined) throw usage(`BUSWAY_REQUIRE: ${unknownName('requirement', unknown, requirements)}`);
  return names;
}

function choose(argv: readonly string[]): Choice {
  const options = { name: { type: 'string' }, limit: { type: 'string' } } as const;
  const parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: false, tokens: true });
  for (const token of parsed.tokens) {
    if (token.kind !== 'option') continue;
    if (!Object.hasOwn(options, token.name)) throw usage(unknownName('option', token.rawName, ['--name', '--limit']));
    if (token.value === undefined) throw usage(`${token.rawName} needs a value`);
  }
  const { name, limit = String(DEFAULT_LIMIT_S) } = parsed.values as { name?: string; limit?: string };
  if (!/^[1-9]\d{0,4}$/.test(limit)) throw usage(`--limit must be seconds from 1 to 99999, found '${limit}'`);
  const files = parsed.positionals.length === 0 ? ['test/**/*.test.ts'] : parsed.positionals.map(globOf);
  return { files, name, limitMs: Number(limit) * 1_000, required: requiredOf(process.env['BUSWAY_REQUIRE'] ?? '') };
}

function start({ files, name }: Choice, report: string): ChildProcess {
  const args = [
    ...process.execArgv,
    '--test',
    // Two at least: most files wait for servers and child processes.
    `--test-concurrency=${Math.max(2, availableParallelism())}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${new URL('reporter.ts', import.meta.url).href}`,
    `--test-reporter-destination=${report}`,
    ...(name === undefined ? [] : [`--test-name-pattern=${name}`]),
    ...files,
  ];
  const { NODE_TEST_CONTEXT: _nested, ...env } = process.env;
  return spawn(process.execPath, args, {
    // A group of its own, so that the limit reaches every process that a test file started.
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { NODE_COMPILE_CACHE: join(root, '.busway', 'cache'), ...env },
  });
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid!, signal);
  } catch {
    child.kill(signal); // the group is gone, or this system has none
  }
}

/** Resolves to the exit code, or undefined when the limit was reached. */
function waitFor(child: ChildProcess, limitMs: number): Promise<number | undefined> {
  let late = false;
  let killer: NodeJS.Timeout | undefined;
  const stop = (signal: NodeJS.Signals): void => {
    signalGroup(child, signal);
    killer ??= setTimeout(() => signalGroup(child, 'SIGKILL'), KILL_AFTER_MS);
  };
  const limit = setTimeout(() => {
    late = true;
    stop('SIGINT');
  }, limitMs);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      clearTimeout(limit);
      clearTimeout(killer);
      if (late) signalGroup(child, 'SIGKILL');
      resolve(late ? undefined : (code ?? 1));
    });
  });
}

async function run(argv: readonly string[]): Promise<number> {
  checkNode();
  const choice = choose(argv);
  const dir = await mkdtemp(join(tmpdir(), 'busway-test-'));
  const report = join(dir, 'report.jsonl');
  try {
    const code = await waitFor(start(choice, report), choice.limitMs);
    const lines = readLines(await readFile(report, 'utf8').catch(() => ''));
    const cwd = process.cwd();
    const narrowed = choice.name !== undefined;
    const { ok, text } = outcomeOf({ lines, required: choice.required, narrowed, passed: code === 0, cwd });
    console.log(`\n${text}`);
    if (code !== undefined) return ok ? 0 : 1;
    const files = unfinished(lines, cwd);
    console.error(`FAILED: the run was ended after ${choice.limitMs / 1_000} s; not finished: ${files.join(', ')}`);
    return 1;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (thrown) {
  const error = toRouterError(thrown);
  console.error(error.code === 'USAGE' ? error.message : thrown);
  process.exitCode = error.code === 'USAGE' ? 2 : 1;
}
