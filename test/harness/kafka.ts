// One real Kafka broker for the whole test run: KAFKA_BROKERS, or the launched broker of this working tree. Must never
// fetch anything. Without one, tests skip with a plain reason; BUSWAY_REQUIRE=kafka makes its absence a failure.

import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { kafkaAvailable, kafkaUp } from '../../local/kafka.ts';

export const repoDir = fileURLToPath(new URL('../..', import.meta.url));

export type SharedKafka =
  | { readonly ok: true; readonly brokers: string; readonly prefix: string }
  | { readonly ok: false; readonly reason: string };

/** Where the jars of this working tree lie, and the state of its broker. */
export const kafkaDirs = { dataDir: `${repoDir}.busway`, cacheDir: `${repoDir}.busway/kafka/lib` };

export function testEnv(name: string): string | undefined {
  return process.env[name];
}

/** Whether BUSWAY_REQUIRE (names with commas) holds `what`: then its absence fails a test instead of skipping it. */
export function isRequired(what: string): boolean {
  return (process.env['BUSWAY_REQUIRE'] ?? '').split(',').some((name) => name.trim() === what);
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
