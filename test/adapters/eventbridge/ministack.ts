// MiniStack, an independent implementation of EventBridge and SQS, run for a test file on 127.0.0.1 and a free port. Must
// never be installed from here, and never listen on another address (its default is all of them).
// Source: MiniStack 1.5.33 (PyPI); facts of its deviations stand beside the tests that meet them.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testEnv } from '../../harness/env.ts';

const VERSION = '1.5.33';
const READY_MS = 30_000;
const KILL_AFTER_MS = 5_000;

export const region = 'us-east-1';
export const account = '000000000000';

export interface MiniStack {
  readonly endpoint: string;
  /** A call of SQS by its JSON protocol; answers what it answers. */
  sqs(operation: string, input: object): Promise<Readonly<Record<string, unknown>>>;
  stop(): Promise<void>;
}

type Settings = Readonly<Record<string, string>>;

export type FoundMiniStack =
  /** `settings`: variables of MiniStack's own, such as AUTH. */
  | { readonly ok: true; readonly start: (settings?: Settings) => Promise<MiniStack> }
  | { readonly ok: false; readonly reason: string };

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

async function answersAt(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(1_000) })).ok;
  } catch {
    return false;
  }
}

async function sqs(endpoint: string, operation: string, input: object): Promise<Readonly<Record<string, unknown>>> {
  const headers = {
    'content-type': 'application/x-amz-json-1.0',
    'x-amz-target': `AmazonSQS.${operation}`,
    // Any credentials will do; the scope says which service is meant.
    authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${region}/sqs/aws4_request, SignedHeaders=host, Signature=0`,
  };
  const response = await fetch(endpoint, { method: 'POST', headers, body: JSON.stringify(input) });
  if (!response.ok) throw new Error(`${operation}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Readonly<Record<string, unknown>>;
}

async function start(program: string, settings: Settings = {}): Promise<MiniStack> {
  const cwd = mkdtempSync(join(tmpdir(), 'busway-ministack-'));
  const port = await freePort();
  // Functions inherit it and run by the `node` that is first on the path, so it is ours, and nothing else of ours is in it.
  const PATH = `${dirname(process.execPath)}${delimiter}${testEnv('PATH') ?? ''}`;
  const env = { PATH, TMPDIR: cwd, BIND_HOST: '127.0.0.1', GATEWAY_PORT: String(port), ...settings };
  const child = spawn(program, [], { cwd, env, stdio: 'ignore' });
  const exited = once(child, 'exit');
  const endpoint = `http://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
    await exited;
    clearTimeout(timer);
    rmSync(cwd, { recursive: true, force: true });
  };
  const end = performance.now() + READY_MS;
  while (!(await answersAt(`${endpoint}/_ministack/health`))) {
    if (child.exitCode !== null || performance.now() > end) {
      await stop();
      throw new Error(`MiniStack did not become ready in ${READY_MS} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { endpoint, sqs: (operation, input) => sqs(endpoint, operation, input), stop };
}

/** The folder of a virtual environment: BUSWAY_MINISTACK, else .busway/emulators/ministack. */
export function findMiniStack(): FoundMiniStack {
  const none = (why: string): FoundMiniStack => ({ ok: false, reason: `no ministack ${VERSION}: ${why}` });
  const folder =
    testEnv('BUSWAY_MINISTACK') ?? fileURLToPath(new URL('../../../.busway/emulators/ministack', import.meta.url));
  const program = join(folder, 'bin', 'ministack');
  if (!existsSync(program)) return none('not installed in BUSWAY_MINISTACK or .busway/emulators/ministack');
  const installed = globSync(`lib/python*/site-packages/ministack-${VERSION}.dist-info`, { cwd: folder });
  return installed.length === 0
    ? none('another version is installed')
    : { ok: true, start: (settings) => start(program, settings) };
}
