// P8: what our Kafka adapter costs on top of the client it uses, and with its second client against the first one bare. Both
// publish the same events in calls of one size, one call under way, idempotent, to the same number of partitions.

import { attempt, type Bench, type BenchContext, gate, type Row, type RowPlan, rowOf, settled } from './bench.ts';
import { SAMPLES, sameEvents } from './intake.ts';
import { type BenchKafka, type BenchTopics, PARTITIONS } from './kafka.ts';
import { pushBodies, smallBody } from './payload.ts';
import { type Publisher, publisherOf, wallText } from './publishing.ts';
import { readSample } from './records.ts';
import { startServer } from './servers/child.ts';
import type { PublisherOptions } from './servers/publisher.ts';

const TARGET = 0.95;
/** CPU per event with the second client, as a share of bare kafkajs. */
const SECOND_TARGET = 0.6;
const ROUNDS = 5;

type Ours = 'adapter' | 'platformatic';

interface Load extends RowPlan {
  readonly ours: Ours;
  readonly perCall: number;
  readonly body: Buffer;
}

function loads(): readonly Load[] {
  const [push] = pushBodies();
  const small = smallBody();
  const sizes = [
    { what: `100 a call, push of ${push!.length} bytes`, perCall: 100, body: push!, judged: true },
    { what: `100 a call, ${small.length} bytes`, perCall: 100, body: small, judged: true },
    { what: `1 a call, ${small.length} bytes`, perCall: 1, body: small, judged: false },
  ];
  return (['adapter', 'platformatic'] as const).flatMap((ours) =>
    sizes.map(({ what, judged, ...load }): Load => {
      if (ours === 'adapter') return { ...load, ours, row: what, target: judged ? TARGET : null, sense: 'rate' };
      const target = judged ? SECOND_TARGET : null;
      return { ...load, ours, row: `client platformatic, ${what}`, target, sense: 'cost' };
    }),
  );
}

interface Contestant extends Publisher {
  readonly topics: BenchTopics;
}

type Broker = BenchKafka & { ok: true };

async function startPublisher(
  context: BenchContext,
  kafka: Broker,
  by: PublisherOptions['by'],
  load: Load,
): Promise<Contestant> {
  const { signal, profile } = context;
  const topics = await kafka.topics(`p8-${load.ours}-${by}-${load.perCall}-${load.body.length}`);
  const options: PublisherOptions = {
    by,
    brokers: topics.brokers,
    topic: topics.topic,
    partitions: PARTITIONS,
    dataDir: await context.tempDir('p8'),
    perCall: load.perCall,
    body: load.body.toString('base64'),
  };
  const server = await startServer('publisher', { options, signal, profile: by === 'kafkajs' ? undefined : profile });
  return { ...publisherOf(context, server), topics };
}

async function measure(context: BenchContext, kafka: Broker, load: Load): Promise<Row> {
  const publishers: Contestant[] = [];
  try {
    for (const by of [load.ours, 'kafkajs'] as const) publishers.push(await startPublisher(context, kafka, by, load));
    const [ours, theirs] = publishers as [Contestant, Contestant];
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
    const row = rowOf(load, result, 'bare kafkajs');
    return { ...row, says: `${row.says}; ${wallText(ours, theirs)}` };
  } finally {
    await Promise.all(publishers.map(({ server }) => server.stop()));
  }
}

export const p8: Bench = {
  name: 'p8',
  title: 'P8 publish to Kafka',
  says:
    'The Kafka adapter against bare kafkajs 2.2.4 (idempotent, acks of all replicas, one send under way, the same headers ' +
    'and partitions), publishing the same events; one broker on the same machine. Rows of client platformatic: the adapter ' +
    'with @platformatic/kafka 2.12.1, CPU per event against bare kafkajs, of which less is better.',
  async *rows(context) {
    const kafka = await context.kafka();
    for (const load of loads()) {
      if (!kafka.ok) yield { row: load.row, notRun: kafka.reason };
      else yield attempt(load.row, context.signal, () => measure(context, kafka, load));
    }
  },
};
