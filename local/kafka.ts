// The launcher behind `busway kafka up|down|status`: one Apache Kafka broker on loopback, its data in one folder.
// Order: KAFKA_BROKERS, KAFKA_HOME, Maven jars, a container engine. Must never touch a broker that is not its own.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { RouterError } from '../router/errors.ts';
import type { BrokerState, Files, Launch, Ports, Started } from './kafka/broker.ts';
import {
  choosePorts,
  filesOf,
  formatData,
  formattedClusterId,
  host,
  isOurProcess,
  lastPorts,
  newClusterId,
  probeState,
  readState,
  removeState,
  serverProperties,
  spawnBroker,
  stopProcess,
  waitReady,
  writeState,
} from './kafka/broker.ts';
import { containerPid, hasDocker, runContainer, stopContainer } from './kafka/container.ts';
import { withLock } from './kafka/lock.ts';
import { hasMaven } from './kafka/maven.ts';
import type { Probe } from './kafka/probe.ts';
import { parseBrokers, probeAny, probeBroker } from './kafka/probe.ts';
import type { Jars, Java } from './kafka/runtime.ts';
import { fetchJars, findJars, findJava, kafkaVersion, lastLines } from './kafka/runtime.ts';

export interface KafkaOptions {
  /** State lies in dataDir/kafka. */
  readonly dataDir: string;
  /** Where the jars lie, for instance .busway/kafka/lib. */
  readonly cacheDir: string;
  readonly env: (name: string) => string | undefined;
  readonly signal: AbortSignal;
}

export interface KafkaUpOptions extends KafkaOptions {
  readonly onProgress: (text: string) => void;
  /** False: nothing is fetched (no Maven, no image); missing jars are an error. */
  readonly download: boolean;
  /** Low broker session timeouts, so that a start after kill -9 takes 2 s and not 11. */
  readonly crashTest?: boolean;
}

export interface KafkaUp {
  readonly brokers: string;
  /** null for a broker that KAFKA_BROKERS names. */
  readonly pid: number | null;
  /** null when a broker of KAFKA_BROKERS asks for TLS or a login before it says so. */
  readonly clusterId: string | null;
  /** False: it was running already. */
  readonly started: boolean;
}

/** `foreign`: KAFKA_BROKERS is set, or something else answers on our port; `reason` says which and how it is. */
export interface KafkaStatus {
  readonly state: 'running' | 'stopped' | 'foreign';
  readonly brokers?: string;
  readonly pid?: number;
  readonly clusterId?: string;
  readonly reason?: string;
}

// 60 s: a fresh start takes 1 s, yet 7 s was seen once on a loaded machine.
const READY_LIMIT_MS = 60_000;
const PROBE_MS = 3000;

function externalBrokers(options: Pick<KafkaOptions, 'env'>): string | undefined {
  const brokers = options.env('KAFKA_BROKERS')?.trim();
  return brokers === '' ? undefined : brokers;
}

async function probeExternal(brokers: string, signal: AbortSignal): Promise<Probe> {
  const addresses = parseBrokers(brokers);
  if (addresses === undefined) {
    throw new RouterError(
      'CONFIG_INVALID',
      `KAFKA_BROKERS must be host:port, several with commas; found '${brokers.slice(0, 120)}'`,
    );
  }
  return probeAny(addresses, PROBE_MS, signal);
}

async function externalUp(brokers: string, options: KafkaUpOptions): Promise<KafkaUp> {
  const probe = await probeExternal(brokers, options.signal);
  options.signal.throwIfAborted();
  if (probe.answered) return { brokers, pid: null, clusterId: probe.clusterId, started: false };
  if (!probe.connected) {
    throw new RouterError('BUS_UNAVAILABLE', `KAFKA_BROKERS names ${brokers}, which does not answer: ${probe.reason}`);
  }
  options.onProgress(`${brokers} takes connections, but says nothing in plain text: ${probe.reason}`);
  return { brokers, pid: null, clusterId: null, started: false };
}

async function isOurs(files: Files, state: BrokerState): Promise<boolean> {
  if (state.container !== undefined) return (await containerPid(state.container)) !== 0;
  return isOurProcess(files, state.pid);
}

interface Missing {
  readonly missing: readonly string[];
}

/** A Java and jars for it, fetched if allowed, or what is missing. A wrong KAFKA_HOME is a mistake, not a fallback. */
async function findRuntime(options: KafkaUpOptions): Promise<{ java: Java; jars: Jars } | Missing> {
  const jars = findJars(options);
  if (typeof jars === 'string' && options.env('KAFKA_HOME')) throw new RouterError('CONFIG_INVALID', jars);
  const java = await findJava(options, options.signal);
  options.signal.throwIfAborted();
  const missing = [jars, java].filter((found) => typeof found === 'string');
  if (typeof java === 'string') return { missing };
  if (typeof jars !== 'string') return { java, jars };
  if (!options.download) return { missing };
  if (!(await hasMaven(options.signal))) return { missing: [...missing, 'no Maven (mvn) in PATH to fetch them'] };
  return { java, jars: await fetchJars(options, options.onProgress, options.signal) };
}

function cannotStart(missing: readonly string[], download: boolean): RouterError {
  const ways = [
    'set KAFKA_BROKERS to a broker that runs',
    `set KAFKA_HOME to an unpacked Apache Kafka ${kafkaVersion}`,
    'install Java 17 or later and Maven (apt-get install openjdk-17-jre-headless maven)',
    'start a Docker engine',
  ];
  const how = download
    ? ways.join('; or ')
    : `run \`npx busway kafka up\` once, which fetches the jars; or ${ways.slice(0, 2).join('; or ')}`;
  return new RouterError('BUS_UNAVAILABLE', `kafka cannot be started: ${missing.join('; ')}. What helps: ${how}`);
}

function logTail(files: Files): string {
  return existsSync(files.log) ? lastLines(readFileSync(files.log, 'utf8')) : 'nothing';
}

async function becomeReady(
  files: Files,
  state: BrokerState,
  exited: () => boolean,
  options: KafkaUpOptions,
): Promise<'ready' | 'exited'> {
  const onWait = (seconds: number): void => options.onProgress(`waiting for Kafka to answer, ${seconds} s`);
  const end = await waitReady(state, { limitMs: READY_LIMIT_MS, exited, signal: options.signal, onWait });
  if (end !== 'late') return end;
  throw new RouterError(
    'BUS_UNAVAILABLE',
    `kafka did not answer on ${host}:${state.port} within ${READY_LIMIT_MS / 1000} s; ${files.log} ends with: ${logTail(files)}`,
  );
}

async function startProcess(files: Files, launch: Launch, options: KafkaUpOptions): Promise<BrokerState> {
  let ports: Ports | undefined = lastPorts(files);
  // Twice: somebody may take a port between our look and the broker's start.
  for (let attempt = 1; ; attempt++) {
    ports = await choosePorts(ports);
    mkdirSync(files.dir, { recursive: true });
    writeFileSync(files.properties, serverProperties(files, ports, options.crashTest === true));
    if (formattedClusterId(files) === undefined) await formatData(launch, newClusterId());
    const clusterId = formattedClusterId(files);
    if (clusterId === undefined)
      throw new RouterError('BUS_UNAVAILABLE', `kafka: ${files.data} has no cluster id after formatting`);
    options.signal.throwIfAborted();
    const started: Started = spawnBroker(launch);
    const state: BrokerState = {
      pid: started.pid,
      ...ports,
      clusterId,
      ...(started.archive && { archive: started.archive }),
    };
    writeState(files, state);
    const end = await becomeReady(files, state, started.exited, options);
    if (end === 'ready') return state;
    removeState(files);
    const tail = logTail(files);
    if (attempt === 1 && /already in use|BindException/.test(tail)) ports = undefined;
    else throw new RouterError('BUS_UNAVAILABLE', `kafka stopped while starting; ${files.log} ends with: ${tail}`);
  }
}

async function startContainer(files: Files, options: KafkaUpOptions): Promise<BrokerState> {
  options.onProgress(`starting apache/kafka:${kafkaVersion} with Docker`);
  const ports = await choosePorts(undefined);
  // The container's data lies in a volume, so its id comes from the folder's name alone.
  const id = `K${createHash('sha256').update(files.dir).digest('base64url').slice(0, 20)}A`;
  mkdirSync(files.dir, { recursive: true });
  const { container, pid } = await runContainer(id, ports, options.signal);
  const state: BrokerState = { pid, ...ports, clusterId: id, container };
  writeState(files, state);
  const end = await becomeReady(files, state, () => false, options);
  if (end !== 'ready') throw new RouterError('BUS_UNAVAILABLE', 'kafka: the container stopped while starting');
  return state;
}

async function reuse(files: Files, options: KafkaUpOptions): Promise<BrokerState | undefined> {
  const state = readState(files);
  if (state === undefined || !(await isOurs(files, state))) return undefined;
  // It may be starting still, or stopping: then this ends when it is gone.
  let gone = false;
  const watch = setInterval(() => {
    isOurs(files, state).then(
      (ours) => {
        gone ||= !ours;
      },
      () => undefined,
    );
  }, 200);
  try {
    return (await becomeReady(files, state, () => gone, options)) === 'ready' ? state : undefined;
  } finally {
    clearInterval(watch);
  }
}

/**
 * Starts the broker, or finds it running. Rejects with BUS_UNAVAILABLE (what is missing, and each way to get it),
 * CONFIG_INVALID, or the reason of `signal`. The broker outlives this process; kafkaDown ends it.
 */
export async function kafkaUp(options: KafkaUpOptions): Promise<KafkaUp> {
  const external = externalBrokers(options);
  if (external !== undefined) return externalUp(external, options);
  const files = filesOf(resolve(options.dataDir, 'kafka'));
  return withLock(files.lock, options.signal, async () => {
    const running = await reuse(files, options);
    if (running !== undefined) return upResult(running, false);
    const found = await findRuntime(absolute(options));
    if (!('missing' in found)) {
      options.onProgress('starting Kafka');
      return upResult(await startProcess(files, { files, ...found, signal: options.signal }, options), true);
    }
    if (!options.download || !(await hasDocker(options.signal))) {
      options.signal.throwIfAborted();
      throw cannotStart(
        options.download ? [...found.missing, 'no Docker engine answers'] : found.missing,
        options.download,
      );
    }
    return upResult(await startContainer(files, options), true);
  });
}

function absolute(options: KafkaUpOptions): KafkaUpOptions {
  return { ...options, cacheDir: resolve(options.cacheDir) };
}

function upResult(state: BrokerState, started: boolean): KafkaUp {
  return { brokers: `${host}:${state.port}`, pid: state.pid, clusterId: state.clusterId, started };
}

export interface KafkaDown {
  readonly stopped: boolean;
  /** Why nothing was stopped, or that it had to be killed. */
  readonly reason?: string;
}

/** Stops the broker of this folder and no other: SIGTERM, and SIGKILL after 15 s (30 s after a very first run). */
export async function kafkaDown(
  options: KafkaOptions & { readonly onProgress?: (text: string) => void },
): Promise<KafkaDown> {
  const files = filesOf(resolve(options.dataDir, 'kafka'));
  if (!existsSync(files.dir)) return { stopped: false, reason: 'it was never started here' };
  return withLock(files.lock, options.signal, async () => {
    const state = readState(files);
    if (state === undefined || !(await isOurs(files, state))) {
      removeState(files);
      return { stopped: false, reason: 'it does not run' };
    }
    options.onProgress?.(
      state.archive === undefined ? 'stopping Kafka' : 'stopping Kafka; the first time it writes a class archive',
    );
    if (state.container !== undefined) {
      await stopContainer(state);
      removeState(files);
      return { stopped: true };
    }
    const how = await stopProcess(files, state);
    removeState(files);
    return how === 'killed' ? { stopped: true, reason: 'it did not stop by itself and was killed' } : { stopped: true };
  });
}

async function externalStatus(brokers: string, signal: AbortSignal): Promise<KafkaStatus> {
  const probe = await probeExternal(brokers, signal);
  const facts = probe.answered ? { ...(probe.clusterId !== null && { clusterId: probe.clusterId }) } : {};
  const says = probe.answered ? 'it answers' : `it does not answer: ${probe.reason}`;
  return { state: 'foreign', brokers, ...facts, reason: `KAFKA_BROKERS is set; ${says}` };
}

/** Looks, and changes nothing. */
export async function kafkaStatus(options: KafkaOptions): Promise<KafkaStatus> {
  const external = externalBrokers(options);
  if (external !== undefined) return externalStatus(external, options.signal);
  const files = filesOf(resolve(options.dataDir, 'kafka'));
  const state = readState(files);
  const port = state?.port ?? lastPorts(files)?.port;
  const clusterId = state?.clusterId ?? formattedClusterId(files);
  if (port === undefined || clusterId === undefined) return { state: 'stopped' };
  const brokers = `${host}:${port}`;
  const probe = state === undefined ? await probeBroker({ host, port }, PROBE_MS) : await probeState(state, PROBE_MS);
  const ours = state !== undefined && (await isOurs(files, state));
  if (probe.answered && probe.clusterId === clusterId) {
    return {
      state: 'running',
      brokers,
      clusterId,
      ...(ours ? { pid: state.pid } : { reason: 'broker.json is lost, so its process is not known' }),
    };
  }
  if (ours)
    return { state: 'stopped', pid: state.pid, reason: `process ${state.pid} is there, but does not answer yet` };
  if (probe.answered)
    return { state: 'foreign', brokers, reason: `another broker answers on ${brokers}; ours does not run` };
  return { state: 'stopped' };
}

export type KafkaAvailable =
  | { readonly ok: true; readonly via: 'brokers' | 'home' | 'jars' }
  | { readonly ok: false; readonly reason: string };

/** Whether kafkaUp with `download: false` can be expected to work. For tests; never fetches or starts anything. */
export async function kafkaAvailable(options: Omit<KafkaOptions, 'dataDir'>): Promise<KafkaAvailable> {
  if (externalBrokers(options) !== undefined) return { ok: true, via: 'brokers' };
  const jars = findJars({ ...options, cacheDir: resolve(options.cacheDir) });
  if (typeof jars === 'string') return { ok: false, reason: `${jars}; run \`npx busway kafka up\` once` };
  const java = await findJava(options, options.signal);
  if (typeof java === 'string') return { ok: false, reason: java };
  return { ok: true, via: jars.archiveDir === null ? 'home' : 'jars' };
}

/** Where the jars lie by default, under the folder that holds .busway. */
export function defaultCacheDir(baseDir: string): string {
  return join(baseDir, '.busway', 'kafka', 'lib');
}
