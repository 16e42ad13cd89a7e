// E2E: webhook to Kafka to rule to HTTP target, four targets in equal shares. Against the same written by hand in one
// process (the floor), and beside Dapr, which does less: it verifies nothing and signs nothing.

import { createHmac } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { attempt, type Bench, type BenchContext, gate, type Row, type RowPlan, rowOf, settled } from './bench.ts';
import { daprVersion, findDapr } from './dapr.ts';
import { daprPaths, startDapr } from './dapr-run.ts';
import { type Contestant, contestantOf, SAMPLES, type Seen, sameEvents } from './intake.ts';
import { type BenchKafka, PARTITIONS } from './kafka.ts';
import { namesOf } from './p1k.ts';
import { pushBodies, refs, signingSecret } from './payload.ts';
import { verifyAndParseUs } from './physical.ts';
import { type Server, startServer } from './servers/child.ts';
import { openSinks, type Posted, type Sinks } from './sink.ts';

const ROUNDS = 5;
const CONNECTIONS = 128;
const floorRow: RowPlan = { row: 'against the same by hand', target: 1.15, sense: 'cost' };
const daprRow: RowPlan = { row: `against Dapr ${daprVersion}`, target: 0.75, sense: 'cost' };

type Broker = BenchKafka & { ok: true };

/** A contestant with its targets and its end. */
export interface Entrant {
  readonly contestant: Contestant;
  readonly sinks: Sinks;
  /** What the targets got of the sample. */
  readonly sampled: readonly Posted[];
  readonly topic: string;
  close(): Promise<void>;
}

/** A document of four rules on one payload field, one for each url. */
export function routingDocument(bus: unknown, urls: readonly string[]): unknown {
  const rules = refs.map((ref, i) => ({
    name: `rule-${i}`,
    when: { type: ['com.github.push'], data: { ref: [ref] } },
    to: { http: { url: urls[i]! } },
  }));
  return { bus, sources: { github: { use: 'github' } }, rules };
}

type Process = Pick<Server, 'name' | 'port' | 'cpuUs' | 'stop'>;

/** Takes the sample while the sinks look at bodies, and warms up. */
async function enter(context: BenchContext, from: { server: Process; sinks: Sinks; topic: string; path?: string }) {
  const { server, sinks, topic, path } = from;
  const options = { connections: CONNECTIONS, delivered: sinks.delivered, ...(path === undefined ? {} : { path }) };
  const contestant = contestantOf(context, server, options);
  const sampled: Posted[] = [];
  sinks.watch((posted) => sampled.push(posted));
  await contestant.sample();
  sinks.watch(undefined);
  await contestant.warmUp();
  const close = async (): Promise<void> => {
    await server.stop();
    await sinks.close();
  };
  return { contestant, sinks, sampled, topic, close } satisfies Entrant;
}

/** Opens the sinks, then what `start` makes of them; on failure nothing stays open. */
async function withSinks<T>(sinks: Sinks, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (thrown) {
    await sinks.close();
    throw thrown;
  }
}

async function entrant(
  context: BenchContext,
  sinks: Sinks,
  topic: string,
  start: () => Promise<Process & { readonly path?: string }>,
): Promise<Entrant> {
  return withSinks(sinks, async () => {
    const server = await start();
    try {
      const path = server.path === undefined ? {} : { path: server.path };
      return await enter(context, { server, sinks, topic, ...path });
    } catch (thrown) {
      await server.stop();
      throw thrown;
    }
  });
}

async function enterRouter(context: BenchContext, kafka: Broker, name: string): Promise<Entrant> {
  const { signal, profile } = context;
  const topics = await kafka.topics(`e2e-${name}`);
  const sinks = await openSinks(refs.length);
  const bus = { use: 'kafka', brokers: topics.brokers, ...namesOf(topics) };
  const dataDir = await context.tempDir('e2e');
  const options = { document: routingDocument(bus, sinks.urls), dataDir, parts: 'whole' };
  return entrant(context, sinks, topics.topic, () => startServer('router', { options, signal, profile }));
}

async function enterFloor(context: BenchContext, kafka: Broker): Promise<Entrant> {
  const { brokers, topic, group } = await kafka.topics('e2e-floor');
  const sinks = await openSinks(refs.length);
  const options = { brokers, topic, group, partitions: PARTITIONS, urls: sinks.urls };
  return entrant(context, sinks, topic, () => startServer('floor-e2e', { options, signal: context.signal }));
}

async function enterDapr(context: BenchContext, kafka: Broker, daprd: string): Promise<Entrant> {
  const { topic, group } = await kafka.topics('e2e-dapr');
  const sinks = await openSinks(refs.length, daprPaths);
  const dir = await context.tempDir('dapr');
  const options = { daprd, dir, broker: kafka.brokers, topic, group, appPort: sinks.ports[0]!, signal: context.signal };
  return entrant(context, sinks, topic, () => startDapr(options));
}

/** Nothing lost, nothing twice, each target its share. */
async function checkCounts(kafka: Broker, { contestant, sinks, topic }: Entrant): Promise<void> {
  const acked = contestant.acked();
  const { name } = contestant;
  const held = await kafka.count(topic);
  gate(held === acked, `${name} acknowledged ${acked} events, its topic holds ${held}`);
  const delivered = sinks.delivered.total();
  gate(delivered === acked, `${name} acknowledged ${acked} events and delivered ${delivered}`);
  const counts = sinks.delivered.counts();
  const spread = Math.max(...counts) - Math.min(...counts);
  // Each load ends at most once in the middle of a turn of four.
  gate(spread <= acked / 20, `${name} delivered ${counts.join(', ')} to the targets, which are no equal shares`);
}

const DATA = '"data":';

/** The structured event of a POST, its data as the bytes that came. */
function seenOf({ body }: Posted): Seen {
  const at = body.indexOf(DATA);
  gate(at > 0, 'a target got no structured event with data');
  const { id, source, type } = JSON.parse(`${body.toString('utf8', 0, at - 1)}}`) as Record<string, string>;
  return { id: id!, source: source!, type: type!, data: body.subarray(at + DATA.length, body.lastIndexOf('}')) };
}

/** By the rules of Standard Webhooks, written anew here. */
function checkSignature({ head, body }: Posted): void {
  const field = (name: string): string => new RegExp(`\\r\\n${name}: *([^\\r]*)\\r\\n`, 'i').exec(head)?.[1] ?? '';
  const key = Buffer.from(signingSecret.slice('whsec_'.length), 'base64');
  const signed = createHmac('sha256', key).update(`${field('webhook-id')}.${field('webhook-timestamp')}.`);
  const due = `v1,${signed.update(body).digest('base64')}`;
  gate(field('webhook-signature') === due, 'a target got a request that is not signed');
}

async function againstFloor(context: BenchContext, kafka: Broker): Promise<Row> {
  const entrants: Entrant[] = [];
  try {
    entrants.push(await enterRouter(context, kafka, 'ours'));
    entrants.push(await enterFloor(context, kafka));
    const [ours, theirs] = entrants as [Entrant, Entrant];
    const contest = { ours: ours.contestant.window, theirs: theirs.contestant.window, rounds: ROUNDS };
    const result = await settled(context, floorRow, contest);
    for (const each of entrants) {
      await checkCounts(kafka, each);
      for (const posted of each.sampled) checkSignature(posted);
    }
    sameEvents(ours.sampled.map(seenOf), theirs.sampled.map(seenOf));
    const least = verifyAndParseUs();
    const { oursUs, theirsUs } = result.result;
    gate(Math.min(oursUs, theirsUs) > least, `cheaper than verifying and parsing alone (${least.toFixed(1)} us)`);
    return rowOf(floorRow, result, 'by hand');
  } finally {
    await Promise.all(entrants.map((each) => each.close()));
  }
}

/** Dapr makes ids of its own and writes the data anew, so the values are compared. */
function checkDaprSample({ sampled }: Entrant): void {
  gate(sampled.length === SAMPLES, `Dapr delivered ${sampled.length} of ${SAMPLES} sample events`);
  const known = pushBodies().map((body) => JSON.parse(body.toString('utf8')) as unknown);
  for (const { body, sink } of sampled) {
    const { type, data } = JSON.parse(body.toString('utf8')) as { type: string; data: { ref: string } };
    gate(type === 'com.github.push' && refs[sink] === data.ref, 'Dapr delivered an event to the wrong route');
    gate(
      known.some((one) => isDeepStrictEqual(one, data)),
      'Dapr delivered data that nobody sent',
    );
  }
}

async function againstDapr(context: BenchContext, kafka: Broker): Promise<Row> {
  const found = await findDapr(context);
  if (!found.ok) return { row: daprRow.row, notRun: found.reason };
  const entrants: Entrant[] = [];
  try {
    entrants.push(await enterRouter(context, kafka, 'beside-dapr'));
    entrants.push(await enterDapr(context, kafka, found.path));
    const [ours, theirs] = entrants as [Entrant, Entrant];
    const contest = { ours: ours.contestant.window, theirs: theirs.contestant.window, rounds: ROUNDS };
    const result = await settled(context, daprRow, contest);
    for (const each of entrants) await checkCounts(kafka, each);
    checkDaprSample(theirs);
    return rowOf(daprRow, result, 'Dapr');
  } finally {
    await Promise.all(entrants.map((each) => each.close()));
  }
}

export const e2e: Bench = {
  name: 'e2e',
  title: 'E2E webhook, Kafka, rule, HTTP target',
  says:
    'A signed GitHub push, published to Kafka, routed by its type and one field of its payload to one of four HTTP targets ' +
    'in equal shares, delivered as a signed structured CloudEvent. Ratio: our CPU per event over the peer’s, less is better. ' +
    'By hand: node:http, kafkajs, eachBatch, node:http agent, signing too. Dapr verifies and signs nothing. 128 connections, ' +
    'closed loop; a window ends when everything is delivered.',
  async *rows(context) {
    const kafka = await context.kafka();
    for (const [plan, work] of [
      [floorRow, againstFloor],
      [daprRow, againstDapr],
    ] as const) {
      if (!kafka.ok) yield { row: plan.row, notRun: kafka.reason };
      else yield attempt(plan.row, context.signal, () => work(context, kafka));
    }
  },
};
