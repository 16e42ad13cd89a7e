// The command line as a user runs it: a child process in a folder of its own, with nothing of our environment that steers
// Busway. Ends what it started when the test ends.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { childEnv } from './env.ts';

const main = fileURLToPath(new URL('../../local/main.ts', import.meta.url));
const LIMIT_MS = 20_000;

export interface CliOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** The program and what stands before the command's name; the command line of this tree unless told. */
  readonly program?: readonly [string, ...string[]];
}

export interface CliResult {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Cli {
  /** The folder, gone when the test ends. */
  readonly dir: string;
  /** Writes a file of the folder; an object as JSON. */
  write(name: string, content: unknown): void;
  /** Runs a command to its end. */
  run(args: readonly string[], input?: string): Promise<CliResult>;
  /** Starts `busway dev` on a free port and waits until it listens. */
  dev(args?: readonly string[]): Promise<Dev>;
}

export interface Dev {
  readonly url: string;
  readonly out: () => string;
  readonly err: () => string;
  /** Waits until stdout and stderr together match. */
  says(pattern: RegExp): Promise<void>;
  /** Sends the signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

const ownProgram = [process.execPath, '--disable-warning=TimeoutNegativeWarning', main] as const;

function start(args: readonly string[], { cwd, env = {}, program = ownProgram }: CliOptions): ChildProcess {
  const [file, ...first] = program;
  const steering = { BUSWAY_REQUIRE: undefined, BUSWAY_SIGNING_SECRET: undefined, KAFKA_BROKERS: undefined };
  return spawn(file, [...first, ...args], {
    cwd,
    env: childEnv({ ...steering, ...env }),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

export async function runCli(args: readonly string[], options: CliOptions): Promise<CliResult> {
  const child = start(args, options);
  const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  child.stdin!.on('error', () => {});
  child.stdin!.end(options.input ?? '');
  try {
    const [out, err, [code]] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'close')]);
    return { code: code as number | null, out, err };
  } finally {
    clearTimeout(limit);
  }
}

async function startDev(t: TestContext, args: readonly string[], options: CliOptions): Promise<Dev> {
  const child = start(['dev', '--port', '0', ...args], options);
  const closed = once(child, 'close') as Promise<[number | null]>;
  t.after(async () => {
    child.kill('SIGKILL');
    await closed;
  });
  let [out, err] = ['', ''];
  let wake: () => void = () => {};
  child.stdout!.on('data', (chunk) => {
    out += chunk;
    wake();
  });
  child.stderr!.on('data', (chunk) => {
    err += chunk;
    wake();
  });
  void closed.then(() => wake());

  async function says(pattern: RegExp): Promise<void> {
    const before = Date.now() + LIMIT_MS;
    while (!pattern.test(out + err)) {
      if (child.exitCode !== null || Date.now() > before) {
        throw new Error(`busway dev did not say ${pattern}; it said:\n${out}${err}`);
      }
      const tick = setTimeout(() => wake(), 500);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      clearTimeout(tick);
    }
  }

  await says(/^listening on http:\/\/\S+\n/m);
  return {
    url: /^listening on (\S+)$/m.exec(out)![1]!,
    out: () => out,
    err: () => err,
    says,
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      const [code] = await closed;
      return code;
    },
  };
}

/** `env`: for every command of the scene. */
export function cliScene(t: TestContext, env: Readonly<Record<string, string>> = {}): Cli {
  const dir = mkdtempSync(join(tmpdir(), 'busway-cli-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return cliIn(t, dir, { env });
}

/** As cliScene, in a folder that is there already. */
export function cliIn(
  t: TestContext,
  dir: string,
  { env = {}, program }: Pick<CliOptions, 'env' | 'program'> = {},
): Cli {
  const options = { cwd: dir, env, ...(program && { program }) };
  return {
    dir,
    write: (name, content) =>
      writeFileSync(join(dir, name), typeof content === 'string' ? content : JSON.stringify(content)),
    run: (args, input) => runCli(args, { ...options, ...(input === undefined ? {} : { input }) }),
    dev: (args = []) => startDev(t, args, options),
  };
}
