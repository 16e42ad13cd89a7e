// Starts a built daprd on loopback in front of one broker and one application, and reads its CPU time from the kernel.

import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { refs } from './payload.ts';

/** Routes of the application, one per target. */
export const daprPaths = ['/a', '/b', '/c', '/d'];

// Linux counts process time in these, whatever the kernel's own tick is.
const TICKS_PER_S = 100;
const READY_MS = 60_000;
const STOP_MS = 5_000;

export interface DaprOptions {
  readonly daprd: string;
  readonly dir: string;
  readonly broker: string;
  readonly topic: string;
  readonly group: string;
  readonly appPort: number;
  readonly signal: AbortSignal;
}

export interface Dapr {
  readonly name: string;
  readonly port: number;
  /** Where events are published. */
  readonly path: string;
  cpuUs(): Promise<number>;
  stop(): Promise<void>;
}

function resources({ broker, topic, group }: DaprOptions): Readonly<Record<string, string>> {
  const rules = refs.map(
    (ref, i) =>
      `      - {match: 'event.type == "com.github.push" && event.data.ref == "${ref}"', path: ${daprPaths[i]}}`,
  );
  return {
    'config.yaml': `apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata: {name: cfg}
spec:
  tracing: {samplingRate: "0"}
  metric: {enabled: false}
  mtls: {enabled: false}
`,
    'resources/bus.yaml': `apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: bus}
spec:
  type: pubsub.kafka
  version: v1
  metadata:
    - {name: brokers, value: "${broker}"}
    - {name: authType, value: "none"}
    - {name: consumerGroup, value: "${group}"}
    - {name: initialOffset, value: "oldest"}
    - {name: maxMessageBytes, value: "1048576"}
`,
    'resources/hooks.yaml': `apiVersion: dapr.io/v2alpha1
kind: Subscription
metadata: {name: hooks}
spec:
  pubsubname: bus
  topic: ${topic}
  routes:
    rules:
${rules.join('\n')}
    default: /other
`,
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** User and system time of a process, from fields 14 and 15 of its stat; the name before them may hold anything. */
function processCpuUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1e6) / TICKS_PER_S;
}

export async function startDapr(options: DaprOptions): Promise<Dapr> {
  const { daprd, dir, topic, appPort, signal } = options;
  mkdirSync(join(dir, 'resources'), { recursive: true });
  for (const [name, text] of Object.entries(resources(options))) writeFileSync(join(dir, name), text);
  const [http, grpc, internal, metrics] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const args = ['--app-id', 'bench', '--app-port', appPort, '--app-protocol', 'http', '--dapr-http-port', http];
  args.push('--dapr-grpc-port', grpc, '--dapr-internal-grpc-port', internal, '--metrics-port', metrics);
  args.push('--enable-metrics=false', '--metrics-listen-address', '127.0.0.1', '--log-level', 'warn');
  args.push('--dapr-listen-addresses', '127.0.0.1', '--dapr-internal-grpc-listen-address', '127.0.0.1');
  args.push('--resources-path', join(dir, 'resources'), '--config', join(dir, 'config.yaml'));
  const child = spawn(daprd, args.map(String), { stdio: ['ignore', 'pipe', 'pipe'], signal, killSignal: 'SIGKILL' });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said = `${said}${chunk}`.slice(-4_000);
    });
  }
  let gone = false;
  const exited = new Promise<void>((resolve) => {
    child.on('error', () => undefined);
    child.once('close', () => {
      gone = true;
      resolve();
    });
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await exited;
    clearTimeout(timer);
  };
  const deadline = performance.now() + READY_MS;
  while (!(await answers(http))) {
    if (gone || performance.now() > deadline) {
      await stop();
      throw new Error(`daprd did not start: ${said.trim().slice(-1_000)}`);
    }
    await sleep(100);
  }
  const attributes = 'metadata.cloudevent.type=com.github.push&metadata.cloudevent.source=/github';
  return {
    name: 'dapr',
    port: http,
    path: `/v1.0/publish/bus/${topic}?${attributes}`,
    cpuUs: async () => processCpuUs(child.pid!),
    stop,
  };
}
