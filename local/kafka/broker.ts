// The broker of one folder: its files, its process and how to tell it from any other process. Must never signal a
// process that is not verifiably this broker. Settings, flags and timings: measured with Kafka 4.3.1 on Java 17.

import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RouterError } from '../../router/errors.ts';
import { runCommand } from './command.ts';
import type { Probe } from './probe.ts';
import { probeBroker } from './probe.ts';
import type { Jars, Java } from './runtime.ts';
import { lastLines } from './runtime.ts';

export const host = '127.0.0.1';

/** broker.json: what a later command needs to find the broker again. */
export interface BrokerState {
  readonly pid: number;
  readonly port: number;
  readonly controllerPort: number;
  readonly clusterId: string;
  /** Name of the container, when it is not a process of ours. */
  readonly container?: string;
  /** The class archive that this process writes when it stops; stopping then takes some seconds more. */
  readonly archive?: string;
}

export interface Files {
  readonly dir: string;
  readonly properties: string;
  readonly data: string;
  readonly log: string;
  readonly state: string;
  readonly lock: string;
}

export function filesOf(dir: string): Files {
  // ',' separates log directories, ':' parts of a class path.
  if (/[,:\0\n]/.test(dir)) {
    throw new RouterError(
      'CONFIG_INVALID',
      `kafka: the data folder '${dir}' has a comma, colon or line break in its path; choose another`,
    );
  }
  return {
    dir,
    properties: join(dir, 'server.properties'),
    data: join(dir, 'data'),
    log: join(dir, 'broker.log'),
    state: join(dir, 'broker.json'),
    lock: join(dir, 'up.lock'),
  };
}

export function readState(files: Files): BrokerState | undefined {
  try {
    const state = JSON.parse(readFileSync(files.state, 'utf8')) as Partial<BrokerState>;
    const whole = Number.isInteger(state.pid) && Number.isInteger(state.port) && typeof state.clusterId === 'string';
    return whole ? (state as BrokerState) : undefined;
  } catch {
    return undefined; // absent or torn: as if there were none
  }
}

function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

export function writeState(files: Files, state: BrokerState): void {
  writeWhole(files.state, `${JSON.stringify(state, null, 2)}\n`);
}

export function removeState(files: Files): void {
  rmSync(files.state, { force: true });
}

/** The cluster id the data was formatted with; undefined when there is no data yet. */
export function formattedClusterId(files: Files): string | undefined {
  try {
    return /^cluster\.id=(.+)$/m
      .exec(readFileSync(join(files.data, 'meta.properties'), 'utf8'))?.[1]
      ?.replaceAll('\\', '')
      .trim();
  } catch {
    return undefined;
  }
}

/** 16 random bytes in base64url that begin with a letter: a leading '-' would be read as an option. */
export function newClusterId(): string {
  for (;;) {
    const id = randomBytes(16).toString('base64url');
    if (/^[A-Za-z]/.test(id)) return id;
  }
}

// Properties files are Latin-1 with \u escapes, and a backslash is an escape.
function escapeProperty(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

export interface Ports {
  readonly port: number;
  readonly controllerPort: number;
}

export function serverProperties(files: Files, ports: Ports, crashTest: boolean): string {
  const { port, controllerPort } = ports;
  const lines = [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@${host}:${controllerPort}`,
    `listeners=PLAINTEXT://${host}:${port},CONTROLLER://${host}:${controllerPort}`,
    `advertised.listeners=PLAINTEXT://${host}:${port}`,
    'controller.listener.names=CONTROLLER',
    'inter.broker.listener.name=PLAINTEXT',
    'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    `log.dirs=${escapeProperty(files.data)}`,
    'auto.create.topics.enable=false',
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=1',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'transaction.state.log.num.partitions=1',
    'share.coordinator.state.topic.replication.factor=1',
    'share.coordinator.state.topic.min.isr=1',
    'share.coordinator.state.topic.num.partitions=1',
    'group.initial.rebalance.delay.ms=0',
    // A small machine: with these four the resident size falls from 282 to 210 MB.
    'log.cleaner.dedupe.buffer.size=2097152',
    'num.network.threads=2',
    'num.io.threads=4',
    'background.threads=2',
  ];
  // After kill -9 a restart waits for the old registration: 11 s by default, 2.3 s with these, which a starved
  // machine can miss; so only for tests that kill.
  if (crashTest) lines.push('broker.session.timeout.ms=1000', 'broker.heartbeat.interval.ms=250');
  return `${lines.join('\n')}\n`;
}

/** The ports of the last start, so that they can be kept. */
export function lastPorts(files: Files): Ports | undefined {
  try {
    const text = readFileSync(files.properties, 'utf8');
    const port = Number(/^advertised\.listeners=.*:(\d+)$/m.exec(text)?.[1]);
    const controllerPort = Number(/^controller\.quorum\.voters=.*:(\d+)$/m.exec(text)?.[1]);
    return port > 0 && controllerPort > 0 ? { port, controllerPort } : undefined;
  } catch {
    return undefined;
  }
}

/** Resolves to the port if it could be bound just now; 0 asks for any. */
function bindOnce(port: number): Promise<number | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  const server = createServer();
  server.once('error', () => resolve(undefined));
  server.listen({ host, port, exclusive: true }, () => {
    const address = server.address();
    server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined));
  });
  return promise;
}

export async function choosePorts(last: Ports | undefined): Promise<Ports> {
  if (last !== undefined && (await bindOnce(last.port)) && (await bindOnce(last.controllerPort))) return last;
  const [port, controllerPort] = [await bindOnce(0), await bindOnce(0)];
  if (port === undefined || controllerPort === undefined || port === controllerPort) {
    throw new RouterError('BUS_UNAVAILABLE', `kafka: found no two free ports on ${host}`);
  }
  return { port, controllerPort };
}

// Serial collector and one compiler tier: half the memory and start-up time on a small machine. Without -Xlog a class
// archive that does not fit would be a warning; it is only a slower start.
const FLAGS = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
const QUIET = ['-Xlog:disable', '-Xlog:all=error:stderr', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'];

/** The archive's name holds what it is bound to: the Java build and the jars' folder and time. */
export function archiveFile(jars: Jars, java: Java): string | undefined {
  if (jars.archiveDir === null) return undefined;
  const made = statSync(jars.libDir).mtimeMs;
  const key = createHash('sha256').update(`${java.build}\0${jars.libDir}\0${made}`).digest('hex').slice(0, 12);
  return join(jars.archiveDir, `kafka-${key}.jsa`);
}

export interface Launch {
  readonly files: Files;
  readonly java: Java;
  readonly jars: Jars;
  readonly signal: AbortSignal;
}

/** Formats the data folder. Never skipped by writing meta.properties by hand: that leaves features switched off. */
export async function formatData(launch: Launch, clusterId: string): Promise<void> {
  const { files, java, jars, signal } = launch;
  const archive = archiveFile(jars, java);
  const flags = [
    ...FLAGS,
    ...(archive !== undefined && existsSync(archive) ? [`-XX:SharedArchiveFile=${archive}`] : []),
    ...QUIET,
  ];
  const args = [
    '-cp',
    `${jars.libDir}/*`,
    'kafka.tools.StorageTool',
    'format',
    `--cluster-id=${clusterId}`,
    '-c',
    files.properties,
  ];
  const { code, output } = await runCommand(java.command, [...flags, ...args], { timeoutMs: 60_000, signal });
  signal.throwIfAborted();
  if (code !== 0)
    throw new RouterError('BUS_UNAVAILABLE', `kafka: formatting ${files.data} failed: ${lastLines(output)}`);
}

export interface Started {
  readonly pid: number;
  readonly archive?: string;
  readonly exited: () => boolean;
}

/** Starts the broker detached: it outlives this process. Its output goes to broker.log. */
export function spawnBroker(launch: Launch): Started {
  const { files, java, jars } = launch;
  const archive = archiveFile(jars, java);
  const write = archive !== undefined && !existsSync(archive);
  const cds =
    archive === undefined ? [] : [write ? `-XX:ArchiveClassesAtExit=${archive}` : `-XX:SharedArchiveFile=${archive}`];
  mkdirSync(files.dir, { recursive: true });
  const log = openSync(files.log, 'w');
  const child = spawn(
    java.command,
    [...FLAGS, ...cds, ...QUIET, '-cp', `${jars.libDir}/*`, 'kafka.Kafka', files.properties],
    {
      detached: true,
      stdio: ['ignore', log, log],
    },
  );
  closeSync(log);
  let exited = child.pid === undefined;
  child.on('error', () => {
    exited = true;
  });
  child.on('exit', () => {
    exited = true;
  });
  child.unref();
  return { pid: child.pid ?? 0, exited: () => exited, ...(write && { archive }) };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Whether `pid` is the broker of exactly this folder, judged by its command line. A number may belong to anybody by now. */
export async function isOurProcess(files: Files, pid: number): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 1 || !isAlive(pid)) return false;
  const proc = `/proc/${pid}/cmdline`;
  if (existsSync('/proc/self/cmdline')) {
    try {
      const args = readFileSync(proc, 'utf8').split('\0');
      return args.includes('kafka.Kafka') && args.includes(files.properties);
    } catch {
      return false;
    }
  }
  const { code, output } = await runCommand('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { timeoutMs: 5000 });
  return code === 0 && output.includes(` kafka.Kafka ${files.properties}`);
}

export async function probeState(state: BrokerState, timeoutMs: number, signal?: AbortSignal): Promise<Probe> {
  return probeBroker({ host, port: state.port }, timeoutMs, signal);
}

/** Polls until the broker answers with its own cluster id. `exited` ends the wait at once. */
export async function waitReady(
  state: BrokerState,
  options: {
    readonly limitMs: number;
    readonly exited: () => boolean;
    readonly signal: AbortSignal;
    readonly onWait: (seconds: number) => void;
  },
): Promise<'ready' | 'exited' | 'late'> {
  const started = performance.now();
  let said = 0;
  for (;;) {
    options.signal.throwIfAborted();
    const probe = await probeState(state, 1000, options.signal);
    if (probe.answered && probe.clusterId === state.clusterId) return 'ready';
    if (options.exited()) return 'exited';
    const waited = performance.now() - started;
    if (waited > options.limitMs) return 'late';
    if (waited - said > 5000) {
      said = waited;
      options.onWait(Math.round(waited / 1000));
    }
    await sleep(50, undefined, { signal: options.signal });
  }
}

/** Resolves to whether the process is gone. */
async function waitGone(files: Files, pid: number, limitMs: number): Promise<boolean> {
  const end = performance.now() + limitMs;
  while (await isOurProcess(files, pid)) {
    if (performance.now() > end) return false;
    await sleep(50);
  }
  return true;
}

/** SIGTERM, wait, SIGKILL. Writing the class archive at the end of a first run takes 2 to 12 s more. */
export async function stopProcess(files: Files, state: BrokerState): Promise<'stopped' | 'killed' | 'not ours'> {
  if (!(await isOurProcess(files, state.pid))) return 'not ours';
  process.kill(state.pid, 'SIGTERM');
  if (await waitGone(files, state.pid, state.archive === undefined ? 15_000 : 30_000)) return 'stopped';
  if (await isOurProcess(files, state.pid)) process.kill(state.pid, 'SIGKILL');
  await waitGone(files, state.pid, 5000);
  if (state.archive !== undefined) rmSync(state.archive, { force: true }); // may be half written
  return 'killed';
}
