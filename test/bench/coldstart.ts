// P14: what a function's start takes beside the SDK alone and beside a handler that does nothing. Each start is a process of its
// own; its CPU time counts, told by itself when it is ready and when its first event is published.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { attempt, type Bench, type BenchContext, gate, type Row, type RowPlan, rowOf, settled } from './bench.ts';
import type { ContestantFiles, ContestantName } from './coldstart/contestants.ts';
import { type Services, startServices } from './coldstart/services.ts';
import { median, type Sample } from './measure.ts';
import { secret } from './payload.ts';

/** `ready`: loaded, opened, secrets fetched. `done`: the first request is answered, its event published. */
type Point = 'ready' | 'done';

interface Plan extends RowPlan {
  readonly ours: ContestantName;
  readonly theirs: ContestantName;
  readonly what: string;
  readonly point: Point;
}

const ROUNDS = 9;
/** Starts of one window. */
const STARTS = 2;
const CHILD = fileURLToPath(new URL('coldstart/child.mjs', import.meta.url));

const sense = 'cost';
const sdk = { ours: 'eventbridge', theirs: 'sdk', what: 'the SDK alone', target: 1.1, sense } as const;
const empty = { ours: 'pubsub', theirs: 'empty', what: 'an empty handler', sense } as const;
const plans: readonly Plan[] = [
  { ...sdk, row: 'EventBridge, ready, against the SDK alone', point: 'ready' },
  { ...sdk, row: 'EventBridge, first event published, against the SDK alone', point: 'done' },
  { ...empty, row: 'Pub/Sub, ready, against an empty handler', target: 2, point: 'ready' },
  { ...empty, row: 'Pub/Sub, first event published, against an empty handler', target: null, point: 'done' },
];

interface Stage {
  readonly files: Readonly<Record<ContestantName, ContestantFiles>>;
  readonly env: Readonly<Record<string, string>>;
  readonly services: Services;
  readonly signal: AbortSignal;
}

interface Mark {
  readonly cpuUs: number;
  readonly wallMs: number;
}

/** One process from its start to its end. */
async function startOnce({ files, env, signal }: Stage, name: ContestantName): Promise<Record<Point, Mark>> {
  const { how, bundle, request, env: own } = files[name];
  const child = spawn(process.execPath, [CHILD, how, bundle, request], { env: { ...env, ...own }, signal });
  const exited = once(child, 'exit');
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await exited;
  gate(code === 0, `${name} ended with ${code}: ${err.trim()}`);
  const { status, ...marks } = JSON.parse(out.split('\n').at(-1)!) as Record<Point, Mark> & { status: number };
  gate(status === 202, `${name} answered ${status}`);
  return marks;
}

interface Starter {
  readonly window: () => Promise<Sample>;
  readonly wallMs: () => number;
  readonly starts: () => number;
}

function starterOf(stage: Stage, name: ContestantName, point: Point): Starter {
  const wall: number[] = [];
  return {
    wallMs: () => median(wall),
    starts: () => wall.length,
    async window() {
      let cpuUs = 0;
      for (let i = 0; i < STARTS; i++) {
        const marks = await startOnce(stage, name);
        cpuUs += marks[point].cpuUs;
        wall.push(marks[point].wallMs);
      }
      return { events: STARTS, cpuUs };
    },
  };
}

const publishes: Readonly<Partial<Record<ContestantName, string>>> = {
  eventbridge: 'PutEvents',
  sdk: 'PutEvents',
  pubsub: 'publish',
};

async function measure(context: BenchContext, stage: Stage, plan: Plan): Promise<Row> {
  const { calls } = stage.services;
  const published = (): number => (calls.get('PutEvents') ?? 0) + (calls.get('publish') ?? 0);
  const before = published();
  const [ours, theirs] = [starterOf(stage, plan.ours, plan.point), starterOf(stage, plan.theirs, plan.point)];
  await ours.window();
  await theirs.window();
  const result = await settled(context, plan, { ours: ours.window, theirs: theirs.window, rounds: ROUNDS });
  const due = ours.starts() + (publishes[plan.theirs] === undefined ? 0 : theirs.starts());
  gate(published() - before === due, `${due} starts published ${published() - before} events`);
  const { oursUs, theirsUs, ratios } = result.result;
  const [lowest, highest] = [Math.min(...ratios), Math.max(...ratios)];
  const says = [
    `${(oursUs / 1_000).toFixed(1)} ms of CPU a start, ${plan.what} ${(theirsUs / 1_000).toFixed(1)}`,
    `rounds ${lowest.toFixed(2)} to ${highest.toFixed(2)} (${ratios.length}${result.runs > 1 ? `, run ${result.runs} times` : ''})`,
    `wall ${ours.wallMs().toFixed(0)} ms against ${theirs.wallMs().toFixed(0)}`,
  ];
  return { ...rowOf(plan, result, plan.what), says: says.join('; ') };
}

async function openStage(context: BenchContext): Promise<Stage> {
  // Loaded here: it takes esbuild along, and other benches need none.
  const { makeContestants } = await import('./coldstart/contestants.ts');
  const services = await startServices(secret);
  const endpoint = `http://127.0.0.1:${services.port}`;
  const env = {
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    AWS_REGION: 'eu-west-1',
    AWS_ENDPOINT_URL: endpoint,
    BUSWAY_SEEN_TABLE: 'seen',
    GCE_METADATA_HOST: `127.0.0.1:${services.port}`,
  };
  const files = makeContestants(await context.tempDir('coldstart'), endpoint);
  return { files, env, services, signal: context.signal };
}

/** Google's functions get secrets as variables; on AWS a variable holds the ARN of one. */
function stageFor(stage: Stage, { ours }: Plan): Stage {
  const arn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:github-AbCdEf';
  return { ...stage, env: { ...stage.env, BUSWAY_SECRET_GITHUB: ours === 'eventbridge' ? arn : secret } };
}

export const coldstart: Bench = {
  name: 'coldstart',
  title: 'P14 start of a function',
  says:
    'The webhook function from the start of its process until it is ready, and until the event of its first request is ' +
    'published: its bundle for EventBridge, with its secret in Secrets Manager, its memory of ids in DynamoDB and source maps on, against a ' +
    'bundle of @aws-sdk/client-eventbridge 3.1169.0 that makes one PutEvents call and nothing else; its bundle for Pub/Sub, ' +
    'without the host that a function of Google Cloud has around it, against a bundle of a handler that answers at once. ' +
    'Ratio of CPU time, less is better; every service is a stub on the same machine that answers success.',
  async *rows(context) {
    const stage = await openStage(context);
    try {
      for (const plan of plans) {
        yield attempt(plan.row, context.signal, () => measure(context, stageFor(stage, plan), plan));
      }
    } finally {
      await stage.services.close();
    }
  },
};
