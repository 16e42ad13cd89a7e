// Dapr 1.14.0 as a peer: built once from the Go module proxy into .busway/dapr, with the Kafka component only. It verifies
// no webhook and signs no delivery; that is in its favour. Requirements and replacements are those of its own go.mod.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repoDir, testEnv } from '../harness/kafka.ts';

export const daprVersion = '1.14.0';
const MODULE = `github.com/dapr/dapr@v${daprVersion}`;
const BUILD_MS = 15 * 60_000;

const MAIN = `package main

import (
	"github.com/dapr/components-contrib/pubsub/kafka"
	"github.com/dapr/dapr/cmd/daprd/app"
	pubsubLoader "github.com/dapr/dapr/pkg/components/pubsub"
)

func init() {
	pubsubLoader.DefaultRegistry.RegisterComponent(kafka.NewKafka, "kafka")
}

func main() { app.Run() }
`;
const STAMP = createHash('sha256').update(`${daprVersion}\n${MAIN}`).digest('hex');

export interface DaprParts {
  readonly signal: AbortSignal;
  readonly build: boolean;
  readonly log: (text: string) => void;
}

interface Ran {
  readonly code: number | null;
  readonly output: string;
}

function run(command: string, args: readonly string[], cwd: string, signal: AbortSignal): Promise<Ran> {
  return new Promise((resolve) => {
    const env = { ...processEnv(), CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false', GOTOOLCHAIN: 'local' };
    // A group of its own: an abort must reach the compilers that go starts.
    const child = spawn(command, [...args], { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const kill = (): void => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    };
    signal.addEventListener('abort', kill, { once: true });
    const chunks: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    const end = (code: number | null): void => {
      signal.removeEventListener('abort', kill);
      resolve({ code, output: Buffer.concat(chunks).toString('utf8') });
    };
    child.on('error', (error) => {
      chunks.push(Buffer.from(error.message));
      end(null);
    });
    child.on('close', end);
  });
}

/** What Go needs of the environment. */
function processEnv(): Record<string, string> {
  const names = [
    'PATH',
    'HOME',
    'GOPATH',
    'GOMODCACHE',
    'GOCACHE',
    'GOPROXY',
    'GOSUMDB',
    'HTTPS_PROXY',
    'HTTP_PROXY',
    'NO_PROXY',
  ];
  const found = names.map((name) => [name, testEnv(name)] as const);
  return Object.fromEntries(found.filter((pair): pair is [string, string] => pair[1] !== undefined));
}

function makeWritable(dir: string): void {
  chmodSync(dir, 0o755);
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) makeWritable(path);
    else chmodSync(path, 0o644);
  }
}

/** Our module: Dapr's own requirements and replacements, and Dapr itself from a copy that can be changed. */
function goMod(original: string): string {
  const body = original.replace(/^module .*$/m, 'module busway.local/daprd');
  return `${body}\nrequire github.com/dapr/dapr v${daprVersion}\nreplace github.com/dapr/dapr => ./dapr\n`;
}

async function fetchAndBuild(
  dir: string,
  signal: AbortSignal,
  log: (text: string) => void,
): Promise<string | undefined> {
  const fresh = join(dir, 'src');
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  log(`  fetching Dapr ${daprVersion}`);
  const fetched = await run('go', ['mod', 'download', '-json', MODULE], fresh, signal);
  if (fetched.code !== 0) return `go mod download ${MODULE}: ${fetched.output.trim().slice(-400)}`;
  const { Dir, GoMod } = JSON.parse(fetched.output) as { Dir: string; GoMod: string };
  cpSync(Dir, join(fresh, 'dapr'), { recursive: true });
  makeWritable(join(fresh, 'dapr'));
  // It panics unless a build tag chooses all components or the stable ones.
  writeFileSync(join(fresh, 'dapr/cmd/daprd/components/zz_notag.go'), 'package components\n');
  writeFileSync(join(fresh, 'go.mod'), goMod(readFileSync(GoMod, 'utf8')));
  writeFileSync(join(fresh, 'main.go'), MAIN);
  log('  building Dapr (minutes, once)');
  const built = await run(
    'go',
    ['build', '-mod=mod', '-p', '2', '-ldflags', '-s -w', '-o', join(dir, 'daprd'), '.'],
    fresh,
    signal,
  );
  rmSync(fresh, { recursive: true, force: true });
  return built.code === 0 ? undefined : `go build: ${built.output.trim().slice(-800)}`;
}

export type Daprd = { readonly ok: true; readonly path: string } | { readonly ok: false; readonly reason: string };

/** The binary, built if it must and may be. */
export async function findDapr({ signal, build, log }: DaprParts): Promise<Daprd> {
  const dir = join(repoDir, '.busway', 'dapr');
  const path = join(dir, 'daprd');
  const stamp = join(dir, 'stamp');
  if (existsSync(path) && existsSync(stamp) && readFileSync(stamp, 'utf8') === STAMP) return { ok: true, path };
  const none = `no Dapr ${daprVersion}`;
  if (!build) return { ok: false, reason: `${none}: not built yet, and --no-build was given` };
  const limit = AbortSignal.any([signal, AbortSignal.timeout(BUILD_MS)]);
  mkdirSync(dir, { recursive: true });
  if ((await run('go', ['version'], dir, limit)).code !== 0)
    return { ok: false, reason: `${none}: no Go in PATH to build it` };
  const failed = await fetchAndBuild(dir, limit, log);
  signal.throwIfAborted();
  if (failed !== undefined) return { ok: false, reason: `${none}: ${failed}` };
  writeFileSync(stamp, STAMP);
  return { ok: true, path };
}
