// Adapter laws of a bus that is asked: one subscription a rule, leases instead of positions. What was acknowledged does not
// come again and what was not does; nobody is held back by anybody; what is under way at the end is finished or given back.

import assert from 'node:assert/strict';
import type { Adapter } from '../../adapters/adapter.ts';
import type { CloudEvent } from '../../router/event.ts';
import { parsePattern } from '../../router/read-pattern.ts';
import { sameEvent } from '../harness/events.ts';
import {
  type AdapterLaw,
  ack,
  type BusScene,
  type Call,
  codeOf,
  hang,
  idle,
  ids,
  type Law,
  type LawParts,
  made,
  type PulledRule,
  publishAll,
  record,
  retryAfter,
  subscribe,
  until,
  withScene,
} from './adapter-harness.ts';
import { logLaws } from './adapter-log.ts';

interface RuleOptions {
  readonly ordered?: boolean;
  /** Default: every event of the suite. */
  readonly when?: Readonly<Record<string, unknown>>;
}

function rule(name: string, { ordered = false, when = { source: ['/contract'] } }: RuleOptions = {}): PulledRule {
  const pattern = parsePattern(when, 'when', []);
  assert.ok(pattern !== undefined);
  return { name, when: pattern, ordered };
}

/** A scene whose bus has these rules. */
function withRules(parts: LawParts, rules: readonly PulledRule[], check: (scene: BusScene) => Promise<void>) {
  const { openRules } = parts.harness;
  assert.ok(openRules !== undefined, 'a pull bus needs openRules(), or the law listed under skip');
  return withScene({ ...parts, harness: { ...parts.harness, open: () => openRules(rules) } }, check);
}

const numbered = (prefix: string, count: number, type?: string): CloudEvent[] =>
  Array.from({ length: count }, (_, i) => made(`${prefix}${i}`, type === undefined ? {} : { type }));

const eachRule: Law = (parts) => {
  const rules = [rule('all'), rule('x', { when: { type: ['x'] } }), rule('none', { when: { type: ['z'] } })];
  return withRules(parts, rules, async ({ adapter }) => {
    const recorder = record({ all: {}, x: {}, none: {} });
    const running = subscribe(adapter, recorder);
    const events = [...numbered('x', 20, 'x'), ...numbered('y', 20, 'y')];
    await publishAll(adapter, events);
    await until(() => recorder.calls.length >= 60, 'every matching rule is delivered to', parts.waitMs);

    await running.stop();

    assert.deepEqual([...recorder.acked('all')].sort(), ids(events).sort());
    assert.deepEqual([...recorder.acked('x')].sort(), ids(events.slice(0, 20)).sort());
    assert.equal(recorder.of('none').length, 0);
    assert.ok(recorder.calls.every((call) => call.attempt === 1));
    assert.ok(recorder.calls.every((call) => events.some((event) => sameEvent(event, call.event))));
  });
};

/** The filter of a bus may be wider than the rule: what it lets through besides must end silently. */
const residual: Law = (parts) => {
  const even = rule('even', { when: { data: { even: [true] } } });
  return withRules(parts, [even], async ({ adapter, reopen }) => {
    const events = Array.from({ length: 20 }, (_, i) => made(`e${i}`, bodyOf({ even: i % 2 === 0 })));
    await publishAll(adapter, events);
    const before = record({ even: { when: even.when } });
    const first = subscribe(adapter, before);
    await until(() => before.acked('even').length === 10, 'what matches is delivered', parts.waitMs);
    await first.stop();

    const again = await reopen();
    const after = record({ even: { when: even.when } });
    const second = subscribe(again, after);
    await publishAll(again, [made('marker', bodyOf({ even: true }))]);
    await until(() => after.acked('even').includes('marker'), 'it goes on', parts.waitMs);
    await second.stop();

    assert.deepEqual([...before.acked('even')].sort(), ids(events.filter((_, i) => i % 2 === 0)).sort());
    assert.deepEqual(ids(after.calls.map(({ event }) => event)), ['marker']);
  });
};

function bodyOf(value: object): { readonly data: NonNullable<CloudEvent['data']> } {
  return { data: { kind: 'json', bytes: Buffer.from(JSON.stringify(value)) } };
}

const acknowledged: Law = (parts) =>
  withRules(parts, [rule('r')], async ({ adapter, reopen }) => {
    const before = record({ r: { deliver: ({ id }) => (id === 'b' ? retryAfter(500) : ack) } });
    const first = subscribe(adapter, before);
    await publishAll(adapter, [made('a'), made('b'), made('c')]);
    await until(() => before.calls.length >= 3, 'all are tried', parts.waitMs);
    await first.stop();

    const again = await reopen();
    const after = record({ r: {} });
    const second = subscribe(again, after);
    await until(() => after.acked('r').includes('b'), 'what was not acknowledged comes again', parts.waitMs + 5_000);
    await publishAll(again, [made('d')]);
    await until(() => after.acked('r').includes('d'), 'it goes on', parts.waitMs);
    await second.stop();

    assert.deepEqual(after.acked('r'), ['b', 'd']);
    assert.ok(after.calls[0]!.attempt >= 2, 'attempts are counted over a restart');
    assert.ok(sameEvent(after.calls[0]!.event, made('b')));
  });

/** Leases are kept in whole seconds, so a retry may come up to one later than was asked for. */
const attempts: Law = (parts) =>
  withRules(parts, [rule('r')], async ({ adapter }) => {
    const answers = [retryAfter(700), retryAfter(300, false), retryAfter(0), retryAfter(400)];
    const recorder = record({ r: { deliver: () => answers.shift() ?? ack } });
    const running = subscribe(adapter, recorder);
    await publishAll(adapter, [made('a')]);
    await until(() => recorder.acked('r').length === 1, 'it is delivered in the end', parts.waitMs + 15_000);

    await running.stop();

    const calls = recorder.of('r');
    assert.deepEqual(
      calls.map((call) => call.attempt),
      [1, 2, 2, 3, 4],
    );
    for (const [i, call] of calls.slice(1).entries()) {
      const { outcome, endedAt } = calls[i]!;
      const waited = call.startedAt - endedAt!;
      const due = outcome?.kind === 'retry' ? outcome.afterMs : 0;
      assert.ok(waited >= due - 1 && waited <= due + 3_500, `asked for ${due} ms, came after ${waited} ms`);
    }
  });

/** `bad` gets every event beside `good`; good must get all, and none of them again after a restart. */
function holdsBackNobody(bad: typeof hang | (() => ReturnType<typeof retryAfter>)): Law {
  return (parts) =>
    withRules(parts, [rule('bad'), rule('good', { when: { type: [{ prefix: 'contract' }] } })], async (scene) => {
      const events = numbered('e', 100);
      const before = record({ bad: { deliver: bad }, good: {} });
      const first = subscribe(scene.adapter, before);
      await publishAll(scene.adapter, events);
      await until(() => before.acked('good').length >= 100, 'the good target gets all', parts.waitMs);
      const tried = () => new Set(before.of('bad').map(({ id }) => id)).size;
      await until(() => tried() === 100, 'the bad target is tried with all', parts.waitMs);
      await first.stop();

      const again = await scene.reopen();
      const after = record({ bad: {}, good: {} });
      const second = subscribe(again, after);
      await publishAll(again, [made('marker')]);
      await until(() => after.acked('good').includes('marker'), 'it goes on', parts.waitMs);
      await second.stop();

      assert.deepEqual([...before.acked('good')].sort(), ids(events).sort());
      assert.deepEqual(after.acked('good'), ['marker']);
    });
}

const keyed = (key: string, count: number): CloudEvent[] =>
  Array.from({ length: count }, (_, i) => made(`${key}${i}`, { key }));

const ofKey = (found: readonly string[], key: string): string[] => found.filter((id) => id.startsWith(key));

/** No two deliveries of one key were ever under way at once. */
function checkOneAtATime(calls: readonly Call[]): void {
  for (const [i, call] of calls.entries()) {
    const next = calls.slice(i + 1).find((later) => later.key === call.key && call.key !== undefined);
    assert.ok(next === undefined || call.endedAt! <= next.startedAt, `${next?.id} began before ${call.id} had ended`);
  }
}

const order: Law = (parts) =>
  withRules(parts, [rule('r', { ordered: true })], async ({ adapter }) => {
    assert.ok(adapter.capabilities.order, 'not claimed: list the law under skip');
    let failures = 2;
    const deliver = ({ id }: Call) => (id === 'p3' && failures-- > 0 ? retryAfter(800) : ack);
    const recorder = record({ r: { ordered: true, deliver } });
    const events = keyed('p', 12).flatMap((event, i) => [event, keyed('q', 12)[i]!]);
    const running = subscribe(adapter, recorder);
    for (let i = 0; i < events.length; i += 6) await publishAll(adapter, events.slice(i, i + 6));
    await publishAll(adapter, [made('n0')]);
    await until(() => recorder.acked('r').length >= 25, 'all are delivered', parts.waitMs + 15_000);

    await running.stop();

    const found = recorder.acked('r');
    assert.deepEqual(ofKey(found, 'p'), ids(keyed('p', 12)));
    assert.deepEqual(ofKey(found, 'q'), ids(keyed('q', 12)));
    const [failed, ...later] = recorder.of('r').filter(({ id }) => id === 'p3');
    const between = recorder.of('r').some(({ key, startedAt, endedAt }) => {
      return key === 'q' && startedAt >= failed!.endedAt! && endedAt! <= later.at(-1)!.startedAt;
    });
    assert.ok(between || found.indexOf('q11') < found.indexOf('p3'), 'other keys go on');
    checkOneAtATime(recorder.of('r'));
  });

const drain: Law = (parts) =>
  withRules(parts, [rule('r')], async ({ adapter, reopen }) => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const deliver = (call: Call, signal: AbortSignal) =>
      call.id === 'slow' ? held.then(() => ack) : hang(call, signal);
    const before = record({ r: { deliver } });
    const first = subscribe(adapter, before);
    await publishAll(adapter, [made('slow'), made('stuck')]);
    await until(() => before.calls.length === 2, 'both are under way', parts.waitMs);

    const begun = performance.now();
    const stopped = first.stop();
    setTimeout(release, 200);
    await stopped;

    assert.ok(performance.now() - begun < 10_000, 'it ends within seconds');
    assert.deepEqual(before.acked('r'), ['slow'], 'what can be finished is finished');
    const again = await reopen();
    const after = record({ r: {} });
    const second = subscribe(again, after);
    await until(() => after.acked('r').length === 1, 'what was given back comes again', parts.waitMs + 5_000);
    await second.stop();
    assert.deepEqual(after.acked('r'), ['stuck']);
  });

const undecodable: Law = (parts) =>
  withRules(parts, [rule('r', { when: { type: [{ exists: true }] } })], async ({ adapter, writeGarbage }) => {
    assert.ok(writeGarbage !== undefined, 'give the scene writeGarbage(), or list the law under skip');
    const recorder = record({ r: {} });
    let refusals = 0;
    const { refuse } = recorder.consumer;
    const careful = {
      ...recorder.consumer,
      // The first time it cannot be made durable: then it must come again.
      refuse: (refused: Parameters<typeof refuse>[0]) => {
        refusals++;
        return refusals === 1 ? Promise.reject(new Error('no room')) : refuse(refused);
      },
    };
    const running = subscribe(adapter, { ...recorder, consumer: careful });
    await publishAll(adapter, [made('a')]);
    const bytes = await writeGarbage();
    await publishAll(adapter, [made('b')]);
    await until(() => recorder.acked('r').length === 2, 'the events around it are delivered', parts.waitMs);
    await until(() => recorder.refused.length === 1, 'it is refused', parts.waitMs + 10_000);

    await running.stop();

    assert.equal(refusals, 2);
    assert.ok(recorder.refused[0]!.bytes.equals(bytes));
    assert.ok(recorder.refused[0]!.reason.length > 0);
  });

const stopAndGo: Law = (parts) =>
  withRules(parts, [rule('r')], async ({ adapter }) => {
    const recorder = record({ r: {} });
    for (const id of ['a', 'b', 'c']) {
      const running = subscribe(adapter, recorder);
      await publishAll(adapter, [made(id)]);
      await until(() => recorder.acked('r').includes(id), `'${id}' is delivered`, parts.waitMs);
      await running.stop();
    }
    assert.deepEqual(recorder.acked('r'), ['a', 'b', 'c']);

    const last = subscribe(adapter, recorder);
    await adapter.close();
    // Resolved or CLOSED: in any case it has ended.
    await last.stop().catch((thrown: unknown) => assert.equal((thrown as { code?: unknown }).code, 'CLOSED'));
    assert.equal(await closedCode(adapter), 'CLOSED');
  });

function closedCode(adapter: Adapter): Promise<string> {
  return codeOf(async () => adapter.subscribe!(record({}).consumer, idle));
}

export const pullLaws = {
  'pulled rules': eachRule,
  'pulled residual': residual,
  'pulled acknowledged': acknowledged,
  'pulled attempts': attempts,
  'pulled failing': holdsBackNobody(() => retryAfter(600_000)),
  'pulled hanging': holdsBackNobody(hang),
  'pulled order': order,
  'pulled drain': drain,
  'pulled undecodable': undecodable,
  'pulled stop and go': stopAndGo,
  failures: logLaws.failures,
} satisfies Partial<Record<AdapterLaw, Law>>;
