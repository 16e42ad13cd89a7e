// P1k: as P1, on Kafka: signed webhook to acknowledged by the broker to the answer, against the same by hand with bare
// kafkajs. The row with the target compares intake with intake; what the whole router costs, which also reads the events
// again to route them, stands beside it.

import { attempt, type Bench, type BenchContext, gate, type Row, type RowPlan, rowOf, settled } from './bench.ts';
import { type Contestant, contestantOf, SAMPLES, sameEvents } from './intake.ts';
import { type BenchKafka, type BenchTopics, PARTITIONS } from './kafka.ts';
import { verifyAndParseUs } from './physical.ts';
import { readSample } from './records.ts';
import { type Server, startServer } from './servers/child.ts';

const ROUNDS = 5;
const CONNECTIONS = 128;

type Broker = BenchKafka & { ok: true };

interface Plan extends RowPlan {
  readonly parts: 'intake' | 'whole';
}

const plans: readonly Plan[] = [
  { row: 'push on Kafka', parts: 'intake', target: 0.9, sense: 'rate' },
  { row: 'push on Kafka, the router reading it too', parts: 'whole', target: null, sense: 'rate' },
];

async function startBoth(context: BenchContext, kafka: Broker, plan: Plan, servers: Server[]): Promise<BenchTopics[]> {
  const { signal, profile } = context;
  const { parts } = plan;
  const [ours, theirs] = [await kafka.topics(`p1k-${parts}`), await kafka.topics(`p1k-floor-${parts}`)];
  const bus = { use: 'kafka', brokers: ours.brokers, ...namesOf(ours) };
  const document = { bus, sources: { github: { use: 'github' } }, rules: [] };
  const options = { document, dataDir: await context.tempDir('p1k'), parts };
  servers.push(await startServer('router', { options, signal, profile: parts === 'intake' ? profile : undefined }));
  const floor = { brokers: theirs.brokers, topic: theirs.topic, partitions: PARTITIONS };
  servers.push(await startServer('floor-kafka', { options: floor, signal }));
  return [ours, theirs];
}

/** The names of a router's topics as its document has them. */
export function namesOf({ topic, group, retryTopics, failuresTopic }: BenchTopics) {
  return { topic, group, retryTopics, failuresTopic };
}

async function measure(context: BenchContext, kafka: Broker, plan: Plan): Promise<Row> {
  const servers: Server[] = [];
  try {
    const topics = await startBoth(context, kafka, plan, servers);
    const contestants = servers.map((server) => contestantOf(context, server, { connections: CONNECTIONS }));
    const [ours, theirs] = contestants as [Contestant, Contestant];
    for (const contestant of contestants) {
      await contestant.sample();
      await contestant.warmUp();
    }
    const contest = { ours: ours.window, theirs: theirs.window, rounds: ROUNDS };
    const result = await settled(context, plan, contest);
    for (const [i, { acked, name }] of contestants.entries()) {
      const held = await kafka.count(topics[i]!.topic);
      gate(held === acked(), `${name} acknowledged ${acked()} events, its topic holds ${held}`);
    }
    const samples = topics.map((topic) => readSample(topic, 'sample-', SAMPLES));
    sameEvents((await samples[0])!, (await samples[1])!);
    const least = verifyAndParseUs();
    const { oursUs, theirsUs } = result.result;
    gate(Math.min(oursUs, theirsUs) > least, `cheaper than verifying and parsing alone (${least.toFixed(1)} us)`);
    return rowOf(plan, result, 'by hand');
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

export const p1k: Bench = {
  name: 'p1k',
  title: 'P1k intake, Kafka',
  says:
    'A signed GitHub push, verified, normalised, acknowledged by all replicas and answered, against the same by hand with ' +
    'bare kafkajs (idempotent, acks of all replicas, what is queued goes out when the send before returned). ' +
    '128 connections, closed loop, one broker on the same machine. Our side also remembers ids to answer repeats.',
  async *rows(context) {
    const kafka = await context.kafka();
    for (const plan of plans) {
      if (!kafka.ok) yield { row: plan.row, notRun: kafka.reason };
      else yield attempt(plan.row, context.signal, () => measure(context, kafka, plan));
    }
  },
};
