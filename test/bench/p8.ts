// P8: what our Kafka adapter costs on top of the client it uses, and with its second client against the first one bare. Both
// publish the same events in calls of one size, one call under way, idempotent, to the same number of partitions. Started as
// a program this file is the measured side of the rows with the second client.

import { open as openKafka } from '../../adapters/kafka/adapter.ts';
import type { CloudEvent } from '../../router/event.ts';
import { attempt, type Bench, type BenchContext, gate, type Row, type RowPlan, rowOf, settled } from './bench.ts';
import { SAMPLES, sameEvents } from './intake.ts';
import { type BenchKafka, type BenchTopics, PARTITIONS } from './kafka.ts';
import type { Window } from './measure.ts';
import { deliveryId, pushBodies } from './payload.ts';
import { readSample } from './records.ts';
import { type Server, type Started, serveBench, startServer } from './servers/child.ts';
import type { PublisherOptions, PublishOrder } from './servers/publisher.ts';

const TARGET = 0.95;
/** CPU per event with the second client, as a share of bare kafkajs. */
const SECOND_TARGET = 0.6;
const ROUNDS = 5;
const SHARE = 0.75;

type Ours = 'adapter' | 'platformatic';

interface Load extends RowPlan {
  readonly ours: Ours;
  readonly perCall: number;
  readonly body: Buffer;
}

function loads(): readonly Load[] {
  const [push] = pushBodies();
  const small = Buffer.from(JSON.stringify({ note: 'x'.repeat(1_000) }));
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

async function startPublisher(context: BenchContext, kafka: Broker, by: Ours | 'kafkajs', load: Load) {
  const { signal, windowMs, profile } = context;
  const topics = await kafka.topics(`p8-${load.ours}-${by}-${load.perCall}-${load.body.length}`);
  const options: PublisherOptions = {
    by: by === 'kafkajs' ? by : 'adapter',
    brokers: topics.brokers,
    topic: topics.topic,
    partitions: PARTITIONS,
    dataDir: await context.tempDir('p8'),
    perCall: load.perCall,
    body: load.body.toString('base64'),
  };
  const file = by === 'platformatic' ? '../p8' : 'publisher';
  const server = await startServer(file, { options, signal, profile: by === 'adapter' ? profile : undefined });
  return publisherOf(server, topics, windowMs * SHARE);
}

async function measure(context: BenchContext, kafka: Broker, load: Load): Promise<Row> {
  const publishers: Publisher[] = [];
  try {
    for (const by of [load.ours, 'kafkajs'] as const) publishers.push(await startPublisher(context, kafka, by, load));
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

/** The events of the other publishers; the samples of both topics are held against each other. */
function eventsOf({ perCall, body }: PublisherOptions): readonly CloudEvent[] {
  const bytes = Buffer.from(body, 'base64');
  return Array.from({ length: perCall }, (_, i) => ({
    attributes: {
      specversion: '1.0',
      id: deliveryId('sample', i),
      source: 'https://github.com/Codertocat/Hello-World',
      type: 'com.github.push',
      datacontenttype: 'application/json',
      subject: 'refs/heads/service-a',
      time: '2019-05-15T15:20:41Z',
      recordedtime: '2026-11-21T00:00:00.000Z',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    },
    data: { kind: 'json', bytes },
  }));
}

async function servePublisher(options: PublisherOptions): Promise<Started> {
  const { brokers, topic, dataDir, perCall } = options;
  const events = eventsOf(options);
  const parts = { dataDir, now: Date.now, env: () => undefined, onWarning: console.error };
  const adapter = await openKafka({ brokers, topic, client: 'platformatic' }, parts);
  return {
    port: 0,
    close: () => adapter.close(),
    async work(order) {
      const end = performance.now() + (order as PublishOrder).forMs;
      let published = 0;
      do {
        const results = await adapter.publish(events, AbortSignal.timeout(15_000));
        if (!results.every(({ ok }) => ok)) throw new Error(`publishing failed: ${JSON.stringify(results[0])}`);
        published += perCall;
      } while (performance.now() < end);
      return published;
    },
  };
}

if (import.meta.main) await serveBench<PublisherOptions>(servePublisher);
