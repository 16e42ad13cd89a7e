// Adapter laws of a bus that is asked: one subscription a rule, leases instead of positions. What was acknowledged does not
// come again and what was not does; nobody is held back by anybody; what is under way at the end is finished or given back.

import assert from 'node:assert/strict';
import type { CloudEvent } from '../../router/event.ts';
import { parsePattern } from '../../router/read-pattern.ts';
import { sameEvent } from '../harness/events.ts';
import {
  checkOneAtATime,
  comesAgain,
  holdsBackNobody,
  keyed,
  numbered,
  ofKey,
  refusesGarbage,
  retriesInTime,
  stopsAndGoes,
  type Within,
} from './adapter-delivery.ts';
import {
  type AdapterLaw,
  ack,
  type BusScene,
  type Call,
  hang,
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

const withRule: Within = (parts, check) => withRules(parts, [rule('r')], check);

const withAnyType: Within = (parts, check) =>
  withRules(parts, [rule('r', { when: { type: [{ exists: true }] } })], check);

/** The filters differ, as filters do. */
const withBadAndGood: Within = (parts, check) =>
  withRules(parts, [rule('bad'), rule('good', { when: { type: [{ prefix: 'contract' }] } })], check);

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

export const pullLaws = {
  'pulled rules': eachRule,
  'pulled residual': residual,
  'pulled acknowledged': comesAgain(withRule, Number.POSITIVE_INFINITY),
  // Leases are kept in whole seconds, so a retry may come up to one later than was asked for.
  'pulled attempts': retriesInTime(withRule, { earlyMs: 1, lateMs: 3_500 }),
  'pulled failing': holdsBackNobody(withBadAndGood, () => retryAfter(600_000)),
  'pulled hanging': holdsBackNobody(withBadAndGood, hang),
  'pulled order': order,
  'pulled drain': drain,
  'pulled undecodable': refusesGarbage(withAnyType, 1),
  'pulled stop and go': stopsAndGoes(withRule),
} satisfies Partial<Record<AdapterLaw, Law>>;
