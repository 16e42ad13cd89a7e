// What must stand before an adapter is opened on this machine, and before rules come into force: for Kafka a broker and its
// topics, for the buses with a subscription a rule those. An adapter never creates any of them.

import { connectionOf } from '../adapters/kafka/adapter.ts';
import { toKafkaOptions } from '../adapters/kafka/options.ts';
import { ensureTopics } from '../adapters/kafka/topics.ts';
import type { BusAndRules } from '../infra/documents.ts';
import type { Chosen } from '../router/document.ts';
import { RouterError } from '../router/errors.ts';
import type { Io } from './command.ts';
import type { PrepareRules, RulesContext } from './former.ts';
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

function tellEventBridge({ bus }: BusAndRules, { tell }: RulesContext): void {
  const named = String(bus.options['bus']);
  tell(
    `events are put on '${named}'; they are delivered by its own rules and the functions deployed behind them, not from here: npx busway filter --bus eventbridge shows what each rule is there`,
  );
}

/** For the start and for each changed document. */
export function createPrepareRules({ dataDir, io }: Omit<PrepareContext, 'start'>): PrepareRules {
  const told = new Set<string>();
  const context: RulesContext = {
    dataDir,
    io,
    asked: new Set(),
    tell(...lines) {
      const text = lines.join('\n');
      if (!told.has(text)) io.out(text);
      told.add(text);
    },
  };
  return async (document) => {
    switch (document.bus.kind) {
      case 'pubsub':
        return (await import('./prepare-pubsub.ts')).preparePubSub(document, context);
      case 'eventgrid':
        return (await import('./prepare-eventgrid.ts')).prepareEventGrid(document, context);
      case 'eventbridge':
        tellEventBridge(document, context);
        return new Map();
      default:
        return new Map();
    }
  };
}
