// What must stand before an adapter is opened on this machine: for Kafka a broker and its topics. An adapter never
// creates either.

import { connectionOf } from '../adapters/kafka/adapter.ts';
import { toKafkaOptions } from '../adapters/kafka/options.ts';
import { ensureTopics } from '../adapters/kafka/topics.ts';
import type { Chosen } from '../router/document.ts';
import { RouterError } from '../router/errors.ts';
import type { Io } from './command.ts';
import { defaultCacheDir, kafkaStatus, kafkaUp } from './kafka.ts';

export interface PrepareContext {
  readonly dataDir: string;
  readonly io: Io;
  /** False: use what runs, start and create nothing. */
  readonly start?: boolean;
}

const PARTITIONS = 4;
const TOPICS_MS = 30_000;

async function launchedBrokers({ dataDir, io, start = true }: PrepareContext): Promise<string> {
  const where = { dataDir, cacheDir: defaultCacheDir(io.cwd), env: io.env, signal: io.signal };
  if (start) return (await kafkaUp({ ...where, download: true, onProgress: io.err })).brokers;
  const status = await kafkaStatus(where);
  if (status.state === 'running' && status.brokers !== undefined) return status.brokers;
  throw new RouterError('BUS_UNAVAILABLE', 'no kafka of this data folder runs; start it with busway kafka up');
}

async function prepareKafka(bus: Chosen, context: PrepareContext): Promise<Chosen> {
  const { io, start = true } = context;
  const elsewhere = bus.options['brokers'] !== undefined || io.env('KAFKA_BROKERS');
  const brokers = elsewhere ? undefined : (await launchedBrokers(context)).split(',');
  const options = brokers === undefined ? bus.options : { ...bus.options, brokers };
  if (start) {
    const kafka = toKafkaOptions(options);
    const connection = connectionOf(kafka, { env: io.env, onWarning: (text) => io.err(`warning: ${text}`) });
    const signal = AbortSignal.any([io.signal, AbortSignal.timeout(TOPICS_MS)]);
    const made = await ensureTopics(connection, kafka, { partitions: PARTITIONS, signal });
    if (made.length > 0) io.err(`created ${made.join(', ')}`);
  }
  return { kind: bus.kind, options };
}

export async function prepareBus(bus: Chosen, context: PrepareContext): Promise<Chosen> {
  return bus.kind === 'kafka' ? prepareKafka(bus, context) : bus;
}
