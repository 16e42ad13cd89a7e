// What the tests of imitated buses share: random rules and events, targets that fail by (rule, event, try), and a run of all
// of it over the embedded bus, as it is or behaving like another.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Adapter } from '../../adapters/adapter.ts';
import { busDefaults, createBus } from '../../adapters/bus.ts';
import { openEmbedded } from '../../adapters/embedded/adapter.ts';
import { type LikeParts, likeBus } from '../../adapters/like.ts';
import type { ImitatedRule, Personality } from '../../adapters/personality.ts';
import { buses } from '../../adapters/registry.ts';
import { type Condition, compileCondition } from '../../router/condition.ts';
import { optionDefaults } from '../../router/config.ts';
import { type ActiveRule, createConsumer, type Delivery, type Verdict } from '../../router/consume.ts';
import type { CloudEvent } from '../../router/event.ts';
import type { FailureLog } from '../../router/failure.ts';
import type { RetryPolicy } from '../../router/retry.ts';
import { until } from '../contract/adapter-harness.ts';
import { seededRandom } from '../harness/random.ts';
import { randomCase } from './eventbridge/law-cases.ts';

export const imitable = ['eventbridge', 'pubsub', 'eventgrid'];

export async function personalityOf(name: string): Promise<Personality> {
  const kind = buses[name]!;
  return (await kind.loadPersonality!())(optionDefaults(kind.options));
}

export interface LikeRule extends ImitatedRule {
  readonly name: string;
  readonly when: Condition;
  readonly retry: RetryPolicy;
  readonly order: 'key' | undefined;
}

export interface LikeScene {
  readonly rules: readonly LikeRule[];
  readonly events: readonly CloudEvent[];
}

const RULES = 6;
const EVENTS = 30;
const retry = { attempts: 5, firstMs: 1, maxMs: 4 };

/** Rules that are near to the events; half of the events have a key, some rules ask for order. */
export function randomScene(seed: number): LikeScene {
  const random = seededRandom(seed);
  const below = (n: number): number => Math.floor(random() * n);
  const cases = Array.from({ length: EVENTS }, () => randomCase(below));
  const events = cases.map(({ event }, i): CloudEvent => {
    const attributes = { ...event.attributes, id: `e${i}` };
    return { ...event, attributes: below(2) === 0 ? attributes : { ...attributes, partitionkey: `k${below(3)}` } };
  });
  const rules = cases.slice(0, RULES).map(({ when }, i): LikeRule => {
    return { name: `r${i}`, when, retry, order: below(3) === 0 ? 'key' : undefined };
  });
  return { rules, events };
}

export const pairOf = (rule: string, { attributes: { source, id } }: CloudEvent): string => `${rule} ${source} ${id}`;

/** Mostly at once; some after one or two failures, few never. */
function verdictOf(pair: string, time: number): Verdict {
  const kind = [...pair].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1_009, 7) % 20;
  if (kind === 0) return { kind: 'dead', code: 'TARGET_STATUS', reason: 'answered 404' };
  const failures = kind === 1 ? Number.POSITIVE_INFINITY : kind < 5 ? 2 : kind < 8 ? 1 : 0;
  return time > failures ? { kind: 'ack' } : { kind: 'retry', code: 'TARGET_STATUS', reason: 'answered 500' };
}

export interface Ran {
  /** In the order they came, repeats too. */
  readonly delivered: readonly string[];
  readonly failed: readonly string[];
  /** Ids of events that the bus refused to take, each with its code. */
  readonly refused: ReadonlyMap<string, string>;
}

async function publishAll(adapter: Adapter, events: readonly CloudEvent[]): Promise<ReadonlyMap<string, string>> {
  const bus = createBus(adapter, { ...busDefaults, deadlineMs: 30_000, now: Date.now });
  const refused = new Map<string, string>();
  for (let at = 0; at < events.length; at += 10) {
    const batch = events.slice(at, at + 10);
    const results = await bus.publish(batch);
    for (const [i, result] of results.entries()) if (!result.ok) refused.set(batch[i]!.attributes.id, result.code);
  }
  return refused;
}

type Fails = (pair: string, time: number) => Verdict;

/** The consumer as every host runs it, over targets that note what they took. */
function consumerOf({ rules }: LikeScene, failures: FailureLog, fails: Fails) {
  const delivered: string[] = [];
  const times = new Map<string, number>();
  const active = new Map(
    rules.map(({ name, when, order }): [string, ActiveRule] => {
      const deliver = async ({ event }: Delivery): Promise<Verdict> => {
        const pair = pairOf(name, event);
        times.set(pair, (times.get(pair) ?? 0) + 1);
        const verdict = fails(pair, times.get(pair)!);
        if (verdict.kind === 'ack') delivered.push(pair);
        return verdict;
      };
      return [name, { name, hash: '', ordered: order === 'key', retry, matches: compileCondition(when), deliver }];
    }),
  );
  const match = (event: CloudEvent): string[] =>
    [...active.values()].filter((rule) => rule.matches(event)).map(({ name }) => name);
  const consumer = createConsumer({ rules: () => active, match, failures, now: Date.now, random: () => 0 });
  return { consumer, delivered, match };
}

/** Notes of which pairs a record was written. */
function noting(log: FailureLog, failed: Set<string>): FailureLog {
  return {
    ...log,
    async write(record) {
      await log.write(record);
      failed.add(pairOf(record.rule!, record.event!));
    },
  };
}

export interface Ran {
  /** In the order they came, repeats too. */
  readonly delivered: readonly string[];
  /** Sorted. */
  readonly failed: readonly string[];
  /** Ids of the events that the bus did not take, each with its code. */
  readonly refused: ReadonlyMap<string, string>;
}

type Like = Pick<LikeParts, 'personality' | 'seed' | 'speed'>;

/** Publishes the events, and delivers until each that is due was delivered or has failed for good. */
export async function runScene(scene: LikeScene, like?: Like, fails: Fails = verdictOf): Promise<Ran> {
  const dataDir = mkdtempSync(join(tmpdir(), 'busway-like-'));
  const opened = openEmbedded({ dataDir, now: Date.now });
  const failed = new Set<string>();
  const failures = noting(opened.failures!, failed);
  const embedded = { ...opened, failures };
  const here = { rules: () => scene.rules, now: Date.now, onWarning: () => undefined };
  const adapter = like === undefined ? embedded : likeBus(embedded, { ...here, ...like });
  const { consumer, delivered, match } = consumerOf(scene, failures, fails);
  const stop = new AbortController();
  const reading = adapter.subscribe!(consumer, stop.signal);
  try {
    const refused = await publishAll(adapter, scene.events);
    const taken = scene.events.filter(({ attributes }) => !refused.has(attributes.id));
    const due = taken.flatMap((event) => match(event).map((rule) => pairOf(rule, event)));
    await until(() => due.every((pair) => delivered.includes(pair) || failed.has(pair)), 'all is done', 20_000);
    return { delivered, failed: [...failed].sort(), refused };
  } finally {
    stop.abort();
    await reading;
    await adapter.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

export function made(id: string, more: object = {}): CloudEvent {
  return { attributes: { specversion: '1.0', id, source: '/like', type: 't', ...more } };
}
