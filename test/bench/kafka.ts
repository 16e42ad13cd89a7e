// The run's own Kafka broker, in a folder that goes away with it, and fresh topics for each contestant. Must never touch
// another broker and never fetch anything.

import { lookUpOffsets } from '../../adapters/kafka/client.ts';
import type { KafkaOptions } from '../../adapters/kafka/options.ts';
import { ensureTopics } from '../../adapters/kafka/topics.ts';
import { kafkaVersion } from '../../local/kafka/runtime.ts';
import { kafkaDown, kafkaUp } from '../../local/kafka.ts';
import { kafkaDirs, plainConnection, testEnv } from '../harness/kafka.ts';

/** As `busway dev` creates them. */
export const PARTITIONS = 4;

export type BenchTopics = KafkaOptions & { readonly brokers: readonly string[] };

export type BenchKafka =
  | { readonly ok: false; readonly reason: string }
  | {
      readonly ok: true;
      readonly version: string;
      readonly brokers: string;
      /** Names of a router's topics, made. `name` is unique in the run. */
      topics(name: string): Promise<BenchTopics>;
      /** Records that a topic holds. */
      count(topic: string): Promise<number>;
    };

export interface OwnedKafka {
  readonly kafka: BenchKafka;
  /** Idempotent. */
  close(): Promise<void>;
}

export interface KafkaParts {
  readonly dataDir: string;
  readonly signal: AbortSignal;
  readonly log: (text: string) => void;
}

export async function startKafka({ dataDir, signal, log }: KafkaParts): Promise<OwnedKafka> {
  // A broker of the environment is somebody's: it would be loaded, and measured beside whatever else it does.
  const env = (name: string) => (name === 'KAFKA_BROKERS' ? undefined : testEnv(name));
  const where = { dataDir, cacheDir: kafkaDirs.cacheDir, env };
  const limit = AbortSignal.any([signal, AbortSignal.timeout(120_000)]);
  let brokers: string;
  try {
    ({ brokers } = await kafkaUp({ ...where, signal: limit, download: false, onProgress: log }));
  } catch (thrown) {
    signal.throwIfAborted();
    // Its advice names KAFKA_BROKERS, which does not count here.
    const [says] = (thrown instanceof Error ? thrown.message : String(thrown)).split(' What helps:');
    const reason = `no Kafka: ${says} It needs Java 17 or later, and \`npx busway kafka up\` once`;
    return { kafka: { ok: false, reason }, close: async () => undefined };
  }
  const connection = plainConnection(brokers);
  let closing: Promise<unknown> | undefined;
  return {
    kafka: {
      ok: true,
      version: kafkaVersion,
      brokers,
      async topics(name) {
        const options = {
          brokers: connection.brokers,
          ssl: false,
          topic: `${name}.events`,
          group: `${name}.group`,
          retryTopics: `${name}.retry`,
          failuresTopic: `${name}.failures`,
        };
        await ensureTopics(connection, options, { partitions: PARTITIONS, signal });
        return options;
      },
      async count(topic) {
        const offsets = await lookUpOffsets(connection, topic, { signal });
        return offsets.reduce((sum, { low, high }) => sum + high - low, 0);
      },
    },
    async close() {
      closing ??= kafkaDown({ ...where, signal: AbortSignal.timeout(60_000) });
      await closing;
    },
  };
}
