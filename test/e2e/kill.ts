// kill -9 of the router, and of Kafka, at random points while signed webhooks come in: every event that got a 2xx must
// reach the target, and none may be invented. Prints what was seen.
// Run: npx node test/e2e/kill.ts [--bus embedded|kafka] [--events 1000] [--kills 8] [--seed N]

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { open as openGithub } from '../../functions/sources/github.ts';
import { defaultCacheDir, kafkaDown, kafkaUp } from '../../local/kafka.ts';
import { childEnv, testEnv } from '../harness/env.ts';
import { seededRandom } from '../harness/random.ts';

const REPO = resolve(import.meta.dirname, '../..');
const SECRET = 'kill-test-secret';
const PER_SECOND = 60;
const SETTLE_MS = 30_000;

export interface KillOptions {
  readonly bus: 'embedded' | 'kafka';
  /** What is killed. */
  readonly victim: 'router' | 'kafka';
  readonly events: number;
  readonly kills: number;
  readonly seed: number;
  readonly log?: (line: string) => void;
}

export interface KillResult {
  readonly acked: number;
  /** Attempts of which the sender does not know how they ended; it sent them again. */
  readonly unknown: number;
  readonly kills: number;
  /** Acknowledged events that were not yet delivered at the moments of the kills: without any the run proves nothing. */
  readonly witnesses: number;
  readonly lost: readonly string[];
  readonly invented: readonly string[];
  readonly duplicates: number;
  /** From the 2xx to the arrival at the target. */
  readonly slowestMs: number;
}

interface Arrivals {
  readonly url: string;
  readonly first: ReadonlyMap<string, number>;
  readonly copies: () => number;
  close(): Promise<void>;
}

/** Refuses every fifth event once, so that at each kill some deliveries are owed. */
async function startTarget(random: () => number): Promise<Arrivals> {
  const first = new Map<string, number>();
  const refused = new Set<string>();
  let copies = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { id } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { id: string };
      if (first.has(id)) copies++;
      else if (!refused.has(id) && random() < 0.2) {
        refused.add(id);
        response.writeHead(500).end();
        return;
      } else first.set(id, performance.now());
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    first,
    copies: () => copies,
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

interface Router {
  kill(): Promise<void>;
  stop(): Promise<void>;
}

async function startRouter(dir: string, port: number, env: NodeJS.ProcessEnv): Promise<Router> {
  const args = [
    'local/main.ts',
    'dev',
    '--config',
    join(dir, 'router.json'),
    '--data',
    join(dir, 'data'),
    '--port',
    `${port}`,
    '--quiet',
  ];
  const child: ChildProcess = spawn(process.execPath, args, { cwd: REPO, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise<void>((done) => child.once('exit', () => done()));
  let said = '';
  const ready = Promise.withResolvers<void>();
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stdout?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    if (said.includes('listening on ')) ready.resolve();
  });
  exited.then(() => ready.reject(new Error(`the router ended: ${said}`)));
  await ready.promise;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await exited;
  };
  return { kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

interface Sent {
  readonly acked: Map<string, number>;
  readonly ids: Set<string>;
  unknown: number;
}

/** Sends one event until it is acknowledged, as a person who presses "redeliver" would. */
async function deliverUntilAcked(url: string, seed: string, sent: Sent): Promise<void> {
  const github = openGithub({}, { name: 'github' });
  const { headers, body } = github.simulate('push', seed, SECRET, new Date());
  const id = headers['x-github-delivery'] ?? headers['X-GitHub-Delivery']!;
  sent.ids.add(id);
  for (;;) {
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers,
        body: new Uint8Array(body),
        signal: AbortSignal.timeout(15_000),
      });
      await response.arrayBuffer();
      if (response.ok) {
        sent.acked.set(id, performance.now());
        return;
      }
      if (response.status !== 503) throw new TypeError(`answered ${response.status}`);
    } catch (thrown) {
      if (thrown instanceof TypeError && thrown.message.startsWith('answered')) throw thrown;
      sent.unknown++;
    }
    await new Promise((again) => setTimeout(again, 100));
  }
}

async function sendAll(url: string, { events, seed }: KillOptions, sent: Sent): Promise<void> {
  const under: Promise<void>[] = [];
  const startedAt = performance.now();
  for (let i = 0; i < events; i++) {
    under.push(deliverUntilAcked(url, `kill-${seed}-${i}`, sent));
    const due = startedAt + ((i + 1) * 1_000) / PER_SECOND;
    await new Promise((next) => setTimeout(next, Math.max(0, due - performance.now())));
  }
  await Promise.all(under);
}

async function until(condition: () => boolean, limitMs: number): Promise<void> {
  const end = performance.now() + limitMs;
  while (!condition() && performance.now() < end) await new Promise((again) => setTimeout(again, 25));
}

/** One run; leaves nothing behind. */
export async function runKill(options: KillOptions): Promise<KillResult> {
  const { bus, victim, kills, seed, log = () => undefined } = options;
  const dir = await mkdtemp(join(tmpdir(), 'busway-kill-'));
  const random = seededRandom(seed);
  const target = await startTarget(random);
  const port = await freePort();
  const rules = [
    { name: 'all', when: { type: ['com.github.push'] }, to: { http: { url: target.url } }, retry: { firstMs: 200 } },
  ];
  await writeFile(join(dir, 'router.json'), JSON.stringify({ bus, sources: { github: { use: 'github' } }, rules }));
  const kafka = {
    dataDir: dir,
    cacheDir: defaultCacheDir(REPO),
    env: (name: string) => (name === 'KAFKA_BROKERS' ? undefined : testEnv(name)),
  };
  const up = () =>
    kafkaUp({ ...kafka, signal: AbortSignal.timeout(90_000), download: false, onProgress: () => undefined });
  let broker = bus === 'kafka' ? await up() : undefined;
  const env = { ...childEnv(), BUSWAY_SECRET_GITHUB: SECRET, ...(broker ? { KAFKA_BROKERS: broker.brokers } : {}) };
  const sent: Sent = { acked: new Map(), ids: new Set(), unknown: 0 };
  let router = await startRouter(dir, port, env);
  let witnesses = 0;
  let sending = true;
  try {
    const done = sendAll(`http://127.0.0.1:${port}/webhooks/github`, options, sent).finally(() => {
      sending = false;
    });
    for (let i = 0; i < kills && sending; i++) {
      await new Promise((next) => setTimeout(next, 500 + random() * 3_000));
      if (victim === 'router') {
        await router.kill();
        witnesses += [...sent.acked.keys()].filter((id) => !target.first.has(id)).length;
        router = await startRouter(dir, port, env);
      } else {
        process.kill(broker!.pid!, 'SIGKILL');
        witnesses += [...sent.acked.keys()].filter((id) => !target.first.has(id)).length;
        broker = await up();
      }
      log(`kill ${i + 1} of ${kills}: ${sent.acked.size} acknowledged, ${target.first.size} delivered`);
    }
    await done;
    await until(() => [...sent.acked.keys()].every((id) => target.first.has(id)), SETTLE_MS);
    await router.stop();
  } finally {
    await router.kill();
    if (bus === 'kafka')
      await kafkaDown({ ...kafka, signal: AbortSignal.timeout(30_000), onProgress: () => undefined });
    await target.close();
    await rm(dir, { recursive: true, force: true });
  }
  const waits = [...sent.acked].map(([id, at]) => (target.first.get(id) ?? Number.POSITIVE_INFINITY) - at);
  return {
    acked: sent.acked.size,
    unknown: sent.unknown,
    kills,
    witnesses,
    lost: [...sent.acked.keys()].filter((id) => !target.first.has(id)),
    invented: [...target.first.keys()].filter((id) => !sent.ids.has(id)),
    duplicates: target.copies(),
    slowestMs: Math.max(0, ...waits.filter(Number.isFinite)),
  };
}

function report(name: string, result: KillResult, limitMs: number | undefined): boolean {
  const { acked, unknown, kills, witnesses, lost, invented, duplicates, slowestMs } = result;
  const slow = limitMs !== undefined && slowestMs > limitMs;
  const limit = limitMs === undefined ? '' : ` (limit ${limitMs} ms${slow ? ', NOT MET' : ''})`;
  process.stdout.write(
    `${name}: ${kills} kills, ${acked} acknowledged, ${lost.length} lost, ${invented.length} invented, ` +
      `${duplicates} delivered again, ${unknown} attempts of unknown outcome, ` +
      `${witnesses} acknowledged and not yet delivered at the kills, slowest delivery ${Math.round(slowestMs)} ms${limit}\n`,
  );
  return lost.length === 0 && invented.length === 0 && !slow;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      bus: { type: 'string' },
      events: { type: 'string', default: '1000' },
      kills: { type: 'string', default: '6' },
      seed: { type: 'string', default: String(Date.now() % 100_000) },
    },
  });
  const shared = { events: Number(values.events), kills: Number(values.kills), seed: Number(values.seed) };
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  process.stderr.write(`seed ${shared.seed}\n`);
  let ok = true;
  if (values.bus !== 'kafka') {
    const result = await runKill({ ...shared, bus: 'embedded', victim: 'router', log });
    ok = report('embedded, router killed', result, 2_000) && ok;
  }
  if (values.bus !== 'embedded') {
    const router = await runKill({ ...shared, bus: 'kafka', victim: 'router', log });
    ok = report('kafka, router killed', router, 10_000) && ok;
    const broker = await runKill({ ...shared, kills: Math.ceil(shared.kills / 3), bus: 'kafka', victim: 'kafka', log });
    ok = report('kafka, broker killed', broker, undefined) && ok;
  }
  process.exitCode = ok ? 0 : 1;
}

if (import.meta.main) await main();
