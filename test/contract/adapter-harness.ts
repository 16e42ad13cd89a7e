// What a bus gives to be put through the adapter laws, and what the laws share: a consumer that writes down everything,
// waiting for a condition, reading back. Must never wait for a time where a condition can be waited for.

import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type { Adapter, Consumer, Routed } from '../../adapters/adapter.ts';
import { type Condition, compileCondition } from '../../router/condition.ts';
import type { Outcome, Refused } from '../../router/consume.ts';
import { type ErrorCode, errorTable, RouterError } from '../../router/errors.ts';
import { type CloudEvent, type EventData, jsonData } from '../../router/event.ts';
import { hostileShapes } from './adapter-cases.ts';

/** One bus of its own, with nothing on it. */
export interface BusScene {
  readonly adapter: Adapter;
  /** Everything the adapter said while it was open. */
  readonly warnings?: readonly string[];
  /** Opens the same state once more; the suite has closed the adapter before, and closes this one too. */
  reopen(): Promise<Adapter>;
  /** Puts a record on the log that is no event, and says which bytes a refusal must name. */
  writeGarbage?(): Promise<Buffer>;
  /** For push: what the bus hands to us for the events published so far. */
  pushed?(): Promise<readonly unknown[]>;
  /** After every adapter of the scene is closed. */
  cleanup(): Promise<void>;
}

/** An adapter for one purpose: it throttles, or nobody answers it. */
export type Special = Pick<BusScene, 'adapter' | 'warnings' | 'cleanup'>;

/** A rule as a pull bus has it: with a subscription of its own. */
export interface PulledRule extends Routed {
  readonly ordered: boolean;
}

export interface AdapterHarness {
  readonly delivery: 'log' | 'push' | 'pull';
  /** A secret in this bus's options or environment; must never be seen again. */
  readonly canary: string;
  open(): Promise<BusScene>;
  /** For pull: a scene whose bus has these rules, each with its subscription; the adapter was opened with them. */
  openRules?(rules: readonly PulledRule[]): Promise<BusScene>;
  /** The topic or bus does not exist. */
  openMissing?(): Promise<Special>;
  /** Connects, and never gets an answer. */
  openStalled?(): Promise<Special>;
  /** The next publish is asked to slow down. */
  openThrottled?(): Promise<Special>;
  /** Evaluates what compile() made as the bus would. */
  nativePasses?(native: unknown, event: CloudEvent): boolean;
  /** How long a condition may take; a consumer group needs seconds to form. Default 5 s. */
  readonly waitMs?: number;
  /** For push: the adapter keeps failure records; others always do. */
  readonly keepsFailures?: boolean;
  /** Scenes at once. Default 4. */
  readonly concurrency?: number;
  /** Ids of hostile shapes that this bus cannot carry, each with its reason: they must be refused with NOT_CARRIABLE. */
  readonly cannotCarry?: readonly { readonly id: string; readonly reason: string }[];
  /** Laws that do not apply, each with its reason. A law that needs a hook the harness lacks fails unless it is here. */
  readonly skip?: readonly { readonly test: AdapterLaw; readonly reason: string }[];
}

export const adapterLaws = {
  results: 'one result per event, in order',
  empty: 'an empty batch makes no call',
  concurrent: 'publishes at once each get their own results',
  'round trip': 'every envelope comes back exactly',
  'random round trip': 'random events come back exactly',
  largest: 'the largest event allowed comes back exactly',
  'over limit': 'an event over the limit gets its code and the others pass',
  poisoned: 'one poisoned event fails alone',
  split: 'one event more than a call takes is split',
  throttled: 'throttling is retryable, with a hint',
  aborted: 'a publish that was given up before it began ends at once',
  'abort under way': 'an abort ends a publish under way within 1 s',
  closed: 'publish after close answers CLOSED and a second close is fine',
  check: 'the start-up check passes where publishing works',
  missing: 'a missing topic is NOT_FOUND at the check and at publish, never silence',
  'hostile push': 'hostile pushed payloads give refusals, never a crash',
  identity: 'what was published is what decode gives',
  canary: 'a secret never appears in an error, a warning or a result',
  unsupported: 'a capability that is not claimed is refused with UNSUPPORTED',
  compile: 'match means native passes, and native with residual is match',
  'read once': 'the log is read once for all rules',
  'failing target': 'a target that always fails holds back nobody, and nothing delivered comes again after a restart',
  'hanging target': 'a target that hangs holds back nobody, and nothing delivered comes again after a restart',
  'retry time': 'a retry comes not before its time and not 2 s after it, and counts what was tried',
  'busy neighbour': 'retries of a rule that hangs do not delay those of another',
  unacked: 'what was not acknowledged comes again, also after a restart; what was does not',
  'order per key': 'events of one key stay in order',
  'parked key': 'an ordered rule parks the key and not the lane',
  'parked key after restart': 'a parked key keeps its order over a restart',
  'rule gone': 'what is parked for a rule that asks for order no more is still delivered',
  undecodable: 'a record that is no event is refused and passed',
  failures: 'failure records are written, listed oldest first, replaced by id and removed',
  tail: 'tail gives the newest, or what comes, and moves no consumer',
  'stop and go': 'a subscription ends when asked and can be taken up again',
  'pulled rules': 'each rule is delivered what it takes, once, and nothing else',
  'pulled residual': 'what a filter lets through besides is acknowledged and not delivered',
  'pulled acknowledged': 'what was not acknowledged comes again from its subscription, also after a restart',
  'pulled attempts': 'a delivery that comes again counts what was tried, and does not come before its time',
  'pulled failing': 'a rule whose target always fails holds back no other rule',
  'pulled hanging': 'a rule whose target hangs holds back no other rule',
  'pulled order': 'an ordered rule gets each key in order, and an event that waits holds back its key only',
  'pulled drain': 'at the end what is under way is finished, or given back',
  'pulled undecodable': 'a message that is no event is refused and passed, and stays until that is durable',
  'pulled stop and go': 'a subscription that is asked ends when told and can be taken up again',
} as const;

export type AdapterLaw = keyof typeof adapterLaws;

export interface LawParts {
  readonly harness: AdapterHarness;
  readonly waitMs: number;
}

export type Law = (parts: LawParts) => Promise<void>;

/** Opens a scene, and closes all of it whatever happens. */
export async function withScene(parts: LawParts, check: (scene: BusScene) => Promise<void>): Promise<void> {
  const scene = await parts.harness.open();
  const opened = [scene.adapter];
  const reopen = async (): Promise<Adapter> => {
    await Promise.all(opened.map((adapter) => adapter.close()));
    const adapter = await scene.reopen();
    opened.push(adapter);
    return adapter;
  };
  try {
    await check({ ...scene, reopen });
  } finally {
    await Promise.all(opened.map((adapter) => adapter.close()));
    await scene.cleanup();
  }
}

export async function withSpecial(
  open: (() => Promise<Special>) | undefined,
  check: (special: Special) => Promise<void>,
): Promise<void> {
  assert.ok(open !== undefined, 'the harness cannot provoke this: give it the hook, or list the law under skip');
  const special = await open();
  try {
    await check(special);
  } finally {
    await special.adapter.close();
    await special.cleanup();
  }
}

/** Resolves when `condition` holds; asked every few milliseconds. */
export async function until(condition: () => boolean, what: string, waitMs: number): Promise<void> {
  const end = performance.now() + waitMs;
  while (!condition()) {
    if (performance.now() > end) assert.fail(`waited ${waitMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const idle: AbortSignal = new AbortController().signal;

interface Extra {
  readonly key?: string;
  readonly type?: string;
  readonly data?: EventData;
}

export function made(
  id: string,
  { key, type = 'contract.made', data = jsonData(Buffer.from(`{"id":"${id}"}`)) }: Extra = {},
): CloudEvent {
  const attributes = { specversion: '1.0', id, source: '/contract', type } as const;
  return { attributes: key === undefined ? attributes : { ...attributes, partitionkey: key }, data };
}

export const ids = (events: readonly CloudEvent[]): string[] => events.map((event) => event.attributes.id);

/** Publishes and demands that every event was taken. */
export async function publishAll(adapter: Adapter, events: readonly CloudEvent[]): Promise<void> {
  const results = await adapter.publish(events, idle);
  assert.equal(results.length, events.length);
  for (const [i, result] of results.entries()) assert.ok(result.ok, `event ${i}: ${inspect(result)}`);
}

/** Publishes the hostile shapes: what the bus can carry must be taken and is returned, the others must be refused. */
export async function publishShapes({ harness }: LawParts, adapter: Adapter): Promise<readonly CloudEvent[]> {
  const sent = hostileShapes();
  const refused = new Set((harness.cannotCarry ?? []).map(({ id }) => id));
  const results = await adapter.publish(sent, idle);
  assert.equal(results.length, sent.length);
  for (const [i, result] of results.entries()) {
    const { id } = sent[i]!.attributes;
    const says = result.ok ? 'taken' : `${result.code}, ${result.retryable ? 'retryable' : 'for good'}`;
    assert.equal(says, refused.has(id) ? 'NOT_CARRIABLE, for good' : 'taken', `'${id}': ${inspect(result)}`);
  }
  return sent.filter(({ attributes }) => !refused.has(attributes.id));
}

export async function codeOf(work: () => Promise<unknown>): Promise<ErrorCode> {
  try {
    await work();
  } catch (thrown) {
    assert.ok(thrown instanceof RouterError, `only RouterError may be thrown, found ${inspect(thrown)}`);
    assert.ok(Object.hasOwn(errorTable, thrown.code));
    return thrown.code;
  }
  return assert.fail('it did not reject');
}

/** What is on the bus: by tail where the bus keeps a log, else decoded from what it pushes. */
export async function readBack(scene: BusScene, count: number, waitMs: number): Promise<readonly CloudEvent[]> {
  const { adapter } = scene;
  const found: CloudEvent[] = [];
  if (adapter.tail !== undefined) {
    const stop = AbortSignal.timeout(waitMs);
    for await (const event of adapter.tail({ last: count, follow: true }, stop)) {
      found.push(event);
      if (found.length === count) break;
    }
    return found;
  }
  assert.ok(scene.pushed !== undefined, 'a push bus needs pushed()');
  for (const payload of await scene.pushed()) {
    for (const decoded of adapter.decode(payload)) {
      assert.ok(decoded.ok, inspect(decoded));
      found.push(decoded.event);
    }
  }
  return found;
}

export interface Call {
  readonly rule: string;
  readonly id: string;
  readonly key: unknown;
  readonly attempt: number;
  readonly event: CloudEvent;
  readonly startedAt: number;
  endedAt: number | undefined;
  outcome: Outcome | undefined;
}

export interface RuleScript {
  readonly ordered?: boolean;
  /** Which event types it takes; all if absent. */
  readonly types?: readonly string[];
  /** What an unchecked delivery is checked against. */
  readonly when?: Condition;
  /** Default: acknowledges. */
  readonly deliver?: (call: Call, signal: AbortSignal) => Outcome | Promise<Outcome>;
}

export interface Recorder {
  readonly consumer: Consumer;
  readonly calls: readonly Call[];
  readonly matched: readonly CloudEvent[];
  readonly refused: readonly Refused[];
  /** Rules may be changed while it runs. */
  readonly rules: Map<string, RuleScript>;
  of(rule: string): readonly Call[];
  /** Ids in the order they were acknowledged. */
  acked(rule: string): readonly string[];
}

export const ack: Outcome = { kind: 'ack' };

export function retryAfter(afterMs: number, counts = true): Outcome {
  return { kind: 'retry', afterMs, counts };
}

/** Resolves with a retry that does not count when the delivery is given up, and never before. */
export function hang(_call: Call, signal: AbortSignal): Promise<Outcome> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(retryAfter(0, false));
    else signal.addEventListener('abort', () => resolve(retryAfter(0, false)), { once: true });
  });
}

export function record(scripts: Readonly<Record<string, RuleScript>>): Recorder {
  const rules = new Map(Object.entries(scripts));
  const calls: Call[] = [];
  const acked: Call[] = [];
  const matched: CloudEvent[] = [];
  const refused: Refused[] = [];
  const takes = (script: RuleScript, type: string) => script.types === undefined || script.types.includes(type);
  const consumer: Consumer = {
    match(event) {
      matched.push(event);
      return [...rules].filter(([, script]) => takes(script, event.attributes.type)).map(([name]) => name);
    },
    async deliver({ event, rule, attempt, unchecked }, signal) {
      const { id, partitionkey: key } = event.attributes;
      const call: Call = {
        rule,
        id,
        key,
        attempt,
        event,
        startedAt: Date.now(),
        endedAt: undefined,
        outcome: undefined,
      };
      const when = rules.get(rule)?.when;
      if (unchecked && when !== undefined && !compileCondition(when)(event)) return ack;
      calls.push(call);
      call.outcome = (await rules.get(rule)?.deliver?.(call, signal)) ?? ack;
      call.endedAt = Date.now();
      if (call.outcome.kind === 'ack') acked.push(call);
      return call.outcome;
    },
    refuse: async (given) => void refused.push(given),
    ordered: (rule) => rules.get(rule)?.ordered === true,
  };
  return {
    consumer,
    calls,
    matched,
    refused,
    rules,
    of: (rule) => calls.filter((call) => call.rule === rule),
    acked: (rule) => acked.filter((call) => call.rule === rule).map((call) => call.id),
  };
}

export interface Running {
  /** Ends the subscription and waits for its drain. */
  stop(): Promise<void>;
}

export function subscribe(adapter: Adapter, { consumer }: Recorder): Running {
  const control = new AbortController();
  assert.ok(adapter.subscribe !== undefined, 'a log bus has subscribe');
  const ended = adapter.subscribe(consumer, control.signal);
  // Seen by stop(); until then it must not end the test run as unhandled.
  ended.catch(() => undefined);
  return {
    async stop() {
      control.abort();
      await ended;
    },
  };
}
