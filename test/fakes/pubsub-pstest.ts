// Google's own pstest as a process, in two versions: each has defects that the other lacks. Building is an explicit step,
// `node test/fakes/pubsub-pstest.ts`; it goes to .busway/emulators/, under a name that changes with its sources. Tests find
// what was built and never build or fetch; BUSWAY_REQUIRE=pstest makes its absence a failure.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { childEnv, testEnv } from '../harness/env.ts';

export type PstestVersion = '2.8.0' | '2.6.0';

/** One program, built against two lists of modules: `go build -modfile`, which takes the .sum beside the .mod. */
const modules: Readonly<Record<PstestVersion, string>> = { '2.8.0': 'go', '2.6.0': 'v2.6.0' };
const SOURCES = fileURLToPath(new URL('pstest', import.meta.url));
const EMULATORS = fileURLToPath(new URL('../../.busway/emulators', import.meta.url));
const READY_MS = 20_000;
const STOP_MS = 5_000;

/** Where the binary of these very sources lies. */
function binaryOf(version: PstestVersion): string {
  const hash = createHash('sha256');
  const list = modules[version];
  for (const file of [`${list}.mod`, `${list}.sum`, 'main.go']) hash.update(readFileSync(join(SOURCES, file)));
  return join(EMULATORS, `pstest-${version}-${hash.digest('hex').slice(0, 12)}`, 'pstest');
}

/** false when it was built, else the reason to skip. Throws when it is required. */
export function pstestSkip(version: PstestVersion): string | false {
  if (existsSync(binaryOf(version))) return false;
  const reason = `no pstest v${version}: it is not built; run node test/fakes/pubsub-pstest.ts (needs Go)`;
  if ((testEnv('BUSWAY_REQUIRE') ?? '').split(',').includes('pstest')) {
    throw new Error(`BUSWAY_REQUIRE asks for pstest, but: ${reason}`);
  }
  return reason;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function firstLine(child: ChildProcess): Promise<string> {
  const lines = createInterface({ input: child.stdout! });
  try {
    const [line] = (await once(lines, 'line', { signal: AbortSignal.timeout(READY_MS) })) as [string];
    return line;
  } finally {
    lines.close();
  }
}

export interface Pstest {
  /** host:port */
  readonly address: string;
  /** Whether it still runs: some calls are known to end it. */
  running(): boolean;
  close(): Promise<void>;
}

export async function startPstest(version: PstestVersion): Promise<Pstest> {
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(binaryOf(version), [address], { stdio: ['ignore', 'pipe', 'ignore'], env: childEnv() });
  const exited = once(child, 'exit');
  exited.catch(() => undefined);
  const line = await firstLine(child);
  if (line !== `PUBSUB_EMULATOR_HOST=${address}`) throw new Error(`pstest v${version} said: ${line}`);
  child.stdout?.resume();
  return {
    address,
    running: () => child.exitCode === null && child.signalCode === null,
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const killer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await exited;
      clearTimeout(killer);
    },
  };
}

/** Fetches the modules that go.sum names, and builds. */
function build(version: PstestVersion): void {
  const binary = binaryOf(version);
  if (existsSync(binary)) return;
  mkdirSync(join(binary, '..'), { recursive: true });
  const built = spawnSync('go', ['build', '-mod=readonly', `-modfile=${modules[version]}.mod`, '-o', binary, '.'], {
    cwd: SOURCES,
    stdio: 'inherit',
    env: childEnv(),
  });
  if (built.status !== 0) throw new Error(`go build of pstest v${version} failed`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const version of Object.keys(modules) as PstestVersion[]) {
    build(version);
    process.stdout.write(`pstest v${version}: ${binaryOf(version)}\n`);
  }
}
