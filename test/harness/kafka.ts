// One real Kafka broker for the whole test run: KAFKA_BROKERS, or the launched broker of this working tree. Must never
// fetch anything. Without one, tests skip with a plain reason; BUSWAY_REQUIRE=kafka makes its absence a failure.

import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Connection } from '../../adapters/kafka/client.ts';
import { planTopics } from '../../adapters/kafka/definitions.ts';
import type { KafkaOptions } from '../../adapters/kafka/options.ts';
import { deleteTopics, ensureTopics } from '../../adapters/kafka/topics.ts';
import { kafkaAvailable, kafkaUp } from '../../local/kafka.ts';
import { testEnv } from './env.ts';

export { testEnv };

export const repoDir = fileURLToPath(new URL('../..', import.meta.url));

export type SharedKafka =
  | { readonly ok: true; readonly brokers: string; readonly prefix: string }
  | { readonly ok: false; readonly reason: string };

/** Where the jars of this working tree lie, and the state of its broker. */
export const kafkaDirs = { dataDir: `${repoDir}.busway`, cacheDir: `${repoDir}.busway/kafka/lib` };

/** Whether BUSWAY_REQUIRE (names with commas) holds `what`: then its absence fails a test instead of skipping it. */
export function isRequired(what: string): boolean {
  return (testEnv('BUSWAY_REQUIRE') ?? '').split(',').some((name) => name.trim() === what);
}

/** false when jars and Java (or KAFKA_BROKERS) are there, else the reason to skip. Throws when Kafka is required. */
export async function kafkaSkip(): Promise<string | false> {
  const { cacheDir } = kafkaDirs;
  const available = await kafkaAvailable({ cacheDir, env: testEnv, signal: AbortSignal.timeout(30_000) });
  if (available.ok) return false;
  if (isRequired('kafka')) throw new Error(`BUSWAY_REQUIRE asks for kafka, but: ${available.reason}`);
  return `no Kafka: ${available.reason}`;
}

async function find(): Promise<SharedKafka> {
  const reason = await kafkaSkip();
  if (reason !== false) return { ok: false, reason };
  const up = await kafkaUp({
    ...kafkaDirs,
    env: testEnv,
    download: false,
    onProgress: () => undefined,
    signal: AbortSignal.timeout(90_000),
  });
  return { ok: true, brokers: up.brokers, prefix: `t${randomBytes(6).toString('hex')}` };
}

let shared: Promise<SharedKafka> | undefined;

/** The same broker for every test file; `prefix` is unique per process. A broker that runs in vain is an error, not a skip. */
export function sharedKafka(): Promise<SharedKafka> {
  shared ??= find();
  return shared;
}

export interface TopicSet {
  /** Options for the adapter. */
  readonly options: KafkaOptions & { readonly brokers: readonly string[] };
  readonly connection: Connection;
  /** Deletes the topics. Idempotent. */
  close(): Promise<void>;
}

let sets = 0;

/** The topics of one router, with names of their own. */
export async function topicSet(kafka: SharedKafka & { ok: true }, partitions = 3): Promise<TopicSet> {
  const connection = plainConnection(kafka.brokers);
  const prefix = `${kafka.prefix}-${++sets}`;
  const options = {
    brokers: connection.brokers,
    ssl: false,
    topic: `${prefix}.events`,
    group: `${prefix}.group`,
    retryTopics: `${prefix}.retry`,
    failuresTopic: `${prefix}.failures`,
  };
  const signal = AbortSignal.timeout(30_000);
  await ensureTopics(connection, options, { partitions, signal });
  const topics = planTopics(options, partitions).map(({ topic }) => topic);
  return { options, connection, close: () => deleteTopics(connection, topics, AbortSignal.timeout(30_000)) };
}

export function plainConnection(brokers: string): Connection {
  return { brokers: brokers.split(','), ssl: false, onWarning: () => undefined };
}

/** Runs kcat to its end; stdout as text. Rejects with what it said when it fails. */
export async function kcat(args: readonly string[], input = ''): Promise<string> {
  const child = spawn('kcat', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const [out, err] = [child.stdout, child.stderr].map((stream) => text(stream));
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`kcat ${args.join(' ')}: exit ${code}: ${await err}`);
  return (await out)!;
}

/** false when kcat is there, else the reason to skip. */
export function kcatSkip(): string | false {
  if (spawnSync('kcat', ['-V']).status === 0) return false;
  if (isRequired('kcat')) throw new Error('BUSWAY_REQUIRE asks for kcat, but it is not in PATH');
  return 'no kcat in PATH (apt-get install kcat)';
}
