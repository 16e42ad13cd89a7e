// The package as a user has it: packed from a copy of this tree, so that nothing here is touched and two runs at once do no
// harm, and installed into a folder below the temporary one. Commands run on the Node that runs the tests.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { childEnv, testEnv } from './env.ts';

export const repoDir = fileURLToPath(new URL('../..', import.meta.url));

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Our environment, with this Node first in PATH and nothing that steers Busway. */
export function userEnv(more: Readonly<Record<string, string | undefined>> = {}): Record<string, string> {
  const path = `${dirname(process.execPath)}${delimiter}${testEnv('PATH') ?? ''}`;
  const steering = { BUSWAY_REQUIRE: undefined, BUSWAY_SIGNING_SECRET: undefined, KAFKA_BROKERS: undefined };
  return childEnv({ PATH: path, ...steering, ...more });
}

const LIMIT_MS = 120_000;

/** Runs a program to its end. */
export async function run(
  [program, ...args]: readonly [string, ...string[]],
  { cwd, env = {}, input = '' }: { cwd: string; env?: Readonly<Record<string, string>>; input?: string },
): Promise<Ran> {
  const child = spawn(program, args, { cwd, env: userEnv(env), stdio: ['pipe', 'pipe', 'pipe'] });
  const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  try {
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    return { code: code as number | null, out, err };
  } finally {
    clearTimeout(limit);
  }
}

/** As run; throws with what it said when it does not end with 0. */
export async function mustRun(
  command: readonly [string, ...string[]],
  options: Parameters<typeof run>[1],
): Promise<Ran> {
  const ran = await run(command, options);
  if (ran.code !== 0) throw new Error(`${command.join(' ')}: exit ${ran.code}\n${ran.out}${ran.err}`);
  return ran;
}

export function tempDir(): string {
  return mkdtempSync(join(tmpdir(), 'busway-installed-'));
}

const SOURCES = [
  ...['adapters', 'exports', 'functions', 'infra', 'local', 'router', 'test/contract', 'test/harness'],
  ...['package.json', 'tsconfig.json', 'tsconfig.build.json', 'serverless.yml', 'README.md', 'LICENSE'],
];

/** What the package is built from, in a folder of its own; the tools are this tree's. */
function copySources(dir: string): void {
  for (const path of SOURCES) cpSync(join(repoDir, path), join(dir, path), { recursive: true });
  symlinkSync(join(repoDir, 'node_modules'), join(dir, 'node_modules'));
}

export interface Tarball {
  readonly file: string;
  /** Paths in it, without the leading package/. */
  readonly paths: readonly string[];
  readonly bytes: number;
}

/** `npm pack`, prepack and all. `dir` must be there; the tarball lies in it. */
export async function pack(dir: string): Promise<Tarball> {
  const sources = join(dir, 'sources');
  mkdirSync(sources);
  copySources(sources);
  const { out } = await mustRun(['npm', 'pack', '--json', '--pack-destination', dir], { cwd: sources });
  const [packed] = JSON.parse(out.slice(out.indexOf('['))) as [
    { filename: string; size: number; files: readonly { path: string }[] },
  ];
  rmSync(sources, { recursive: true });
  return { file: join(dir, packed.filename), paths: packed.files.map(({ path }) => path), bytes: packed.size };
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}

export function manifest(): Manifest {
  return JSON.parse(readFileSync(join(repoDir, 'package.json'), 'utf8')) as Manifest;
}

/**
 * For tests that need the installed package and not the installing: `dir/node_modules` with the built package, and links to
 * this tree's copies of its dependencies and of `packages`.
 */
export async function placeInstalled(dir: string, packages: readonly string[] = []): Promise<void> {
  const own = join(dir, 'node_modules/busway');
  mkdirSync(join(own, 'local'), { recursive: true });
  for (const path of ['package.json', 'local/bin.cjs']) cpSync(join(repoDir, path), join(own, path));
  const build = join(repoDir, 'tsconfig.build.json');
  await mustRun([join(repoDir, 'node_modules/.bin/tsc'), '-p', build, '--outDir', join(own, 'lib')], { cwd: dir });
  cpSync(join(repoDir, 'serverless.yml'), join(own, 'lib/serverless.yml'));
  for (const name of [...Object.keys(manifest().dependencies), ...packages]) {
    mkdirSync(dirname(join(dir, 'node_modules', name)), { recursive: true });
    symlinkSync(join(repoDir, 'node_modules', name), join(dir, 'node_modules', name));
  }
  mkdirSync(join(dir, 'node_modules/.bin'));
  symlinkSync('../busway/local/bin.cjs', join(dir, 'node_modules/.bin/busway'));
  writeFileSync(join(dir, 'package.json'), '{ "private": true }\n');
}
