// P8: what our Kafka adapter costs on top of the client it uses. Both publish the same events in calls of one size, one
// call under way, idempotent, to the same number of partitions.

import { attempt, type Bench, type BenchContext, gate, type Row, type RowPlan, rowOf, settled } from './bench.ts';
import { SAMPLES, sameEvents } from './intake.ts';
import { type BenchKafka, type BenchTopics, PARTITIONS } from './kafka.ts';
import type { Window } from './measure.ts';
import { pushBodies } from './payload.ts';
import { readSample } from './records.ts';
import { type Server, startServer } from './servers/child.ts';
import type { PublisherOptions } from './servers/publisher.ts';

const TARGET = 0.95;
const ROUNDS = 5;
const SHARE = 0.75;

interface Load extends RowPlan {
  readonly perCall: number;
  readonly body: Buffer;
}

function loads(): readonly Load[] {
  const [push] = pushBodies();
  const small = Buffer.from(JSON.stringify({ note: 'x'.repeat(1_000) }));
  return [
    { row: `100 a call, push of ${push!.length} bytes`, perCall: 100, body: push!, target: TARGET, sense: 'rate' },
    { row: `100 a call, ${small.length} bytes`, perCall: 100, body: small, target: TARGET, sense: 'rate' },
    { row: `1 a call, ${small.length} bytes`, perCall: 1, body: small, target: null, sense: 'rate' },
  ];
}

interface Publisher {
  readonly server: Server;
  readonly topics: BenchTopics;
  readonly window: Window;
  readonly published: () => number;
}

function publisherOf(server: Server, topics: BenchTopics, forMs: number): Publisher {
  let published = 0;
  return {
    server,
    topics,
    published: () => published,
    async window() {
      const before = await server.cpuUs();
      const events = (await server.work({ forMs })) as number;
      published += events;
      return { events, cpuUs: (await server.cpuUs()) - before };
    },
  };
}

type Broker = BenchKafka & { ok: true };

async function startPublisher(context: BenchContext, kafka: Broker, by: 'adapter' | 'kafkajs', load: Load) {
  const { signal, windowMs, profile } = context;
  const topics = await kafka.topics(`p8-${by}-${load.perCall}-${load.body.length}`);
  const options: PublisherOptions = {
    by,
    brokers: topics.brokers,
    topic: topics.topic,
    partitions: PARTITIONS,
    dataDir: await context.tempDir('p8'),
    perCall: load.perCall,
    body: load.body.toString('base64'),
  };
  const server = await startServer('publisher', { options, signal, profile: by === 'adapter' ? profile : undefined });
  return publisherOf(server, topics, windowMs * SHARE);
}

async function measure(context: BenchContext, kafka: Broker, load: Load): Promise<Row> {
  const publishers: Publisher[] = [];
  try {
    for (const by of ['adapter', 'kafkajs'] as const) publishers.push(await startPublisher(context, kafka, by, load));
    const [ours, theirs] = publishers as [Publisher, Publisher];
    await ours.window();
    await theirs.window();
    const contest = { ours: ours.window, theirs: theirs.window, rounds: ROUNDS };
    const result = await settled(context, load, contest);
    for (const { published, topics } of publishers) {
      const held = await kafka.count(topics.topic);
      gate(held === published(), `${published()} events were acknowledged, ${topics.topic} holds ${held}`);
    }
    if (load.perCall >= SAMPLES) {
      const samples = publishers.map(({ topics }) => readSample(topics, 'sample-', SAMPLES));
      sameEvents((await samples[0])!, (await samples[1])!);
    }
    return rowOf(load, result, 'bare kafkajs');
  } finally {
    await Promise.all(publishers.map(({ server }) => server.stop()));
  }
}

export const p8: Bench = {
  name: 'p8',
  title: 'P8 publish to Kafka',
  says:
    'The Kafka adapter against bare kafkajs 2.2.4 (idempotent, acks of all replicas, one send under way, the same headers ' +
    'and partitions), publishing the same events; one broker on the same machine.',
  async *rows(context) {
    const kafka = await context.kafka();
    for (const load of loads()) {
      if (!kafka.ok) yield { row: load.row, notRun: kafka.reason };
      else yield attempt(load.row, context.signal, () => measure(context, kafka, load));
    }
  },
};
