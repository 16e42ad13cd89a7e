// Our own small port to Kafka's client library: the only file that loads kafkajs. Everything measured about it is handled
// here: no library warnings, no endless retries after a give-up, no codec that stops a consumer in silence.
// Must never let a log line or an error carry a secret.

import { createRequire } from 'node:module';
import { isIP, type Socket, connect as tcpConnect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as tlsConnect } from 'node:tls';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import type * as KafkaJs from 'kafkajs';
import { RouterError } from '../../router/errors.ts';
import { mapKafkaError } from './map-error.ts';

export type KafkaClient = KafkaJs.Kafka;
export type KafkaAdmin = KafkaJs.Admin;
export type KafkaMessage = KafkaJs.Message;
export type EachBatchPayload = KafkaJs.EachBatchPayload;
export type PartitionAssigner = KafkaJs.PartitionAssigner;

export interface Connection {
  readonly brokers: readonly string[];
  readonly ssl: boolean;
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: string;
    readonly password: string;
  };
  readonly onWarning: (text: string) => void;
  /** The library that publishes; kafkajs if absent. Everything else is done by kafkajs. */
  readonly client?: 'kafkajs' | 'platformatic';
}

export interface LinkOptions {
  readonly retries: number;
  /** No log lines: whatever happens comes back as an error. */
  readonly quiet?: boolean;
  /** How brokers name this client; 'busway' if absent. */
  readonly clientId?: string;
}

/** One library client of its own, so that it can be ended for good without touching the others. */
export interface Link {
  readonly kafka: KafkaClient;
  /**
   * Ends every connection and every retry loop, now. The library has no such thing: it would go on trying for ever.
   * What was under way rejects or never settles; never await it afterwards without a bound. Idempotent.
   */
  cut(): void;
}

/** A request queue of kafkajs, as far as it is touched here. */
interface RequestQueue {
  pending: unknown[];
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
}

// kafkajs 2.2.4 sets a timer of minus 1.8e12 ms after every answer and again from that timer: Node 24 warns, and each
// idle connection wakes 1000 times a second. A timer is needed only while requests wait.
function calmRequestQueue(): void {
  try {
    const path = 'kafkajs/src/network/requestQueue/index.js';
    const { prototype } = createRequire(import.meta.url)(path) as { prototype: Record<string, unknown> };
    if (typeof prototype['scheduleCheckPendingRequests'] !== 'function') return;
    prototype['scheduleCheckPendingRequests'] = function schedule(this: RequestQueue): void {
      if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return;
      const waitMs = Math.max(this.throttledUntil - Date.now(), 10);
      this.throttleCheckTimeoutId = setTimeout(() => {
        this.throttleCheckTimeoutId = null;
        this.checkPendingRequests();
      }, waitMs);
    };
  } catch {
    // Bundled or another layout: it works as it is, with the warning.
  }
}

async function loadLibrary(): Promise<typeof KafkaJs> {
  const library = (await import('kafkajs')) as unknown as typeof KafkaJs & { readonly default?: typeof KafkaJs };
  const kafkajs = library.default ?? library;
  const compress = promisify(zstdCompress);
  const decompress = promisify(zstdDecompress);
  // Without a codec one record of another producer ends a consumer for good.
  kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD] = () => ({
    compress: (encoder: { readonly buffer: Buffer }) => compress(encoder.buffer),
    decompress: (buffer: Buffer) => decompress(buffer),
  });
  calmRequestQueue();
  return kafkajs;
}

let loading: Promise<typeof KafkaJs> | undefined;

function library(): Promise<typeof KafkaJs> {
  loading ??= loadLibrary();
  return loading;
}

const REPEAT_AFTER_MS = 30_000;
// The library says these at every start and every rebalance of a healthy group, and tries again.
const HARMLESS =
  /coordinator is (?:not available|loading)|is rebalancing|not aware of this member|Restarting the consumer|Response (?:Heartbeat|JoinGroup|SyncGroup|GroupCoordinator)/i;

/** Warns of each text once in a while. */
export function createWarner({ onWarning }: Pick<Connection, 'onWarning'>): (text: string) => void {
  const seen = new Map<string, number>();
  return (text) => {
    const now = performance.now();
    if (now - (seen.get(text) ?? Number.NEGATIVE_INFINITY) < REPEAT_AFTER_MS) return;
    if (seen.size > 100) seen.clear();
    seen.set(text, now);
    onWarning(text);
  };
}

/** Library log lines as warnings: errors only, each text once in a while, and never with a login in it. */
export function createLogSink(connection: Connection, muted: () => boolean) {
  const warn = createWarner(connection);
  const secrets = connection.sasl === undefined ? [] : [connection.sasl.password, connection.sasl.username];
  return ({ log }: KafkaJs.LogEntry): void => {
    if (muted()) return;
    const error = typeof log['error'] === 'string' ? `: ${log['error']}` : '';
    const broker = typeof log['broker'] === 'string' ? ` (${log['broker']})` : '';
    let text = `kafka: ${log.message}${error}${broker}`.slice(0, 500);
    for (const secret of secrets) text = text.replaceAll(secret, '***');
    if (!HARMLESS.test(text)) warn(text);
  };
}

/** Sockets of one link, so that they can all be destroyed. */
function createSockets() {
  const open = new Set<Socket>();
  let ended = false;
  const factory: KafkaJs.ISocketFactory = ({ host, port, ssl, onConnect }) => {
    if (ended) throw new Error('given up');
    const name = isIP(host) === 0 ? { servername: host } : {};
    const socket = ssl ? tlsConnect({ host, port, ...name, ...ssl }, onConnect) : tcpConnect({ host, port }, onConnect);
    socket.setKeepAlive(true, 60_000);
    socket.setNoDelay(true);
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    return socket;
  };
  const end = (): void => {
    ended = true;
    // With an error: the library listens for 'error' and 'end' only, and would wait for answers for 30 s.
    for (const socket of open) socket.destroy(new Error('given up'));
  };
  return { factory, end };
}

/** Connects to nothing yet. */
export async function openLink(connection: Connection, options: LinkOptions): Promise<Link> {
  const { Kafka, logLevel } = await library();
  const { brokers, ssl, sasl } = connection;
  const sockets = createSockets();
  let ended = false;
  const sink = createLogSink(connection, () => ended || options.quiet === true);
  const kafka = new Kafka({
    clientId: options.clientId ?? 'busway',
    // A retry loop asks here for its next broker; after a cut it waits for ever, without a timer, and is collected.
    brokers: () => (ended ? new Promise<string[]>(() => undefined) : [...brokers]),
    ssl,
    ...(sasl !== undefined && { sasl: sasl as KafkaJs.SASLOptions }),
    connectionTimeout: 3_000,
    authenticationTimeout: 5_000,
    requestTimeout: 30_000,
    retry: { initialRetryTime: 50, maxRetryTime: 1_000, retries: options.retries },
    logLevel: logLevel.ERROR,
    logCreator: () => sink,
    socketFactory: sockets.factory,
  });
  const cut = (): void => {
    ended = true;
    sockets.end();
  };
  return { kafka, cut };
}

/** The promise, or as soon as the signal says so its RouterError reason or ABORTED; the promise is left to itself then. */
export async function untilAbort<T>(promise: Promise<T>, signal: AbortSignal, what: string): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(reasonOf(signal, what));
  promise.catch(() => undefined);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

export function reasonOf(signal: AbortSignal, what: string): RouterError {
  const { reason } = signal;
  return reason instanceof RouterError ? reason : new RouterError('ABORTED', `kafka: ${what}: given up`);
}

export interface AdminOptions {
  /** What is asked for, as an error names it. */
  readonly what: string;
  readonly signal: AbortSignal;
}

// A moved leader or a broker that has just started: known again in a moment, and the library does not wait for it.
const PASSING = new Set(['NOT_LEADER_FOR_PARTITION', 'LEADER_NOT_AVAILABLE', 'REPLICA_NOT_AVAILABLE']);
const PASSING_TRIES = 50;
const PASSING_MS = 100;

/** Runs `work` with an admin of its own, ended afterwards whatever happened; again while leaders move. Rejects with a RouterError. */
export async function withAdmin<T>(
  connection: Connection,
  options: AdminOptions,
  work: (admin: KafkaAdmin) => Promise<T>,
): Promise<T> {
  const { what, signal } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      return await withAdminOnce(connection, options, work);
    } catch (thrown) {
      const passing = PASSING.has(String((thrown as { readonly type?: unknown }).type));
      if (!passing || attempt === PASSING_TRIES) throw mapKafkaError(thrown, what);
      await untilAbort(sleep(PASSING_MS), signal, what);
    }
  }
}

async function withAdminOnce<T>(
  connection: Connection,
  { what, signal }: AdminOptions,
  work: (admin: KafkaAdmin) => Promise<T>,
): Promise<T> {
  const link = await openLink(connection, { retries: 2, quiet: true });
  const admin = link.kafka.admin();
  const run = async (): Promise<T> => {
    await admin.connect();
    return work(admin);
  };
  try {
    return await untilAbort(run(), signal, what);
  } finally {
    admin.disconnect().catch(() => undefined);
    link.cut();
  }
}

export interface TopicFacts {
  readonly partitions: number;
  /** max.message.bytes of the topic; undefined when this login may not ask. */
  readonly maxBatchBytes: number | undefined;
}

const TOPIC_RESOURCE = 2;

async function maxBatchBytes(admin: KafkaAdmin, topic: string): Promise<number | undefined> {
  try {
    const resources = [{ type: TOPIC_RESOURCE, name: topic, configNames: ['max.message.bytes'] }];
    const answer = await admin.describeConfigs({ resources, includeSynonyms: false });
    const value = Number(answer.resources[0]?.configEntries[0]?.configValue);
    return value > 0 ? value : undefined;
  } catch {
    return undefined;
  }
}

/** NOT_FOUND at once when there is no such topic; UNAUTHORIZED, BUS_UNAVAILABLE, ABORTED. Creates nothing. */
export function lookUpTopic(connection: Connection, topic: string, signal: AbortSignal): Promise<TopicFacts> {
  return withAdmin(connection, { what: `topic '${topic}'`, signal }, async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    const partitions = topics.find(({ name }) => name === topic)?.partitions.length ?? 0;
    if (partitions === 0) throw new RouterError('NOT_FOUND', `kafka: topic '${topic}' has no partitions`);
    return { partitions, maxBatchBytes: await maxBatchBytes(admin, topic) };
  });
}

export interface PartitionOffsets {
  readonly partition: number;
  /** First offset that is there. */
  readonly low: number;
  /** One after the last. */
  readonly high: number;
  /** First offset at or after the time asked for; undefined when none was asked. */
  readonly from: number | undefined;
}

export interface OffsetQuery {
  /** Milliseconds since the epoch. */
  readonly since?: number | undefined;
  readonly signal: AbortSignal;
}

export function lookUpOffsets(
  connection: Connection,
  topic: string,
  { since, signal }: OffsetQuery,
): Promise<readonly PartitionOffsets[]> {
  return withAdmin(connection, { what: `topic '${topic}'`, signal }, async (admin) => {
    await admin.fetchTopicMetadata({ topics: [topic] });
    const offsets = await admin.fetchTopicOffsets(topic);
    const found = since === undefined ? [] : await admin.fetchTopicOffsetsByTimestamp(topic, since);
    const from = new Map(found.map(({ partition, offset }) => [partition, Number(offset)]));
    return offsets
      .map(({ partition, low, high }) => ({
        partition,
        low: Number(low),
        high: Number(high),
        from: from.get(partition),
      }))
      .sort((a, b) => a.partition - b.partition);
  });
}
