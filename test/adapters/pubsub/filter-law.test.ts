// The filter law of Pub/Sub, over random rules and events: no event is lost, and what passes the filter and the residual is
// what the rule takes. The filter is judged by the parser of the fake, which knows nothing of the compiler. With the marks
// that publishers write, the filter alone decides.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compilePubSub, promotedRules } from '../../../adapters/pubsub/filter.ts';
import { createMarker, MARK_VALUE } from '../../../adapters/pubsub/promotion.ts';
import { decodeMessage, encodeMessage } from '../../../adapters/pubsub/wire.ts';
import { compileCondition } from '../../../router/condition.ts';
import { RouterError } from '../../../router/errors.ts';
import { parseFilter } from '../../fakes/pubsub-filter.ts';
import { testEnv } from '../../harness/env.ts';
import { sameEvent } from '../../harness/events.ts';
import { type LawCase, randomCases } from './law-cases.ts';

/** CI raises it to 100,000. */
const PAIRS = Number(testEnv('BUSWAY_LAW_PAIRS') ?? 20_000);

function attributesOf({ event }: LawCase): Readonly<Record<string, string>> | undefined {
  try {
    return encodeMessage(event).attributes;
  } catch (thrown) {
    assert.ok(thrown instanceof RouterError);
    return undefined; // not carriable: never on the bus
  }
}

interface Judged {
  readonly matches: boolean;
  readonly kind: 'exact' | 'wider' | 'none';
}

function judge({ text, when, event }: LawCase, given: Readonly<Record<string, string>>): Judged {
  const matches = compileCondition(when)(event);
  const { kind, native, residual } = compilePubSub(when);
  assert.ok(native !== null, text);
  const filter = parseFilter(native);
  assert.ok(filter.ok, `${text}\n${native}\n${filter.ok ? '' : filter.reason}`);
  // The residual is the whole rule or nothing.
  assert.ok(residual === null || residual === when);
  const left = residual === null || matches;
  const says = `${text}\n${native}\n${JSON.stringify(given)}`;
  const passes = filter.passes(given);
  if (matches) assert.ok(passes, `lost:\n${says}`);
  assert.equal(passes && left, matches, `native and residual are not the rule:\n${says}`);

  const marks = createMarker(promotedRules([{ name: 'it', when }]))(event, given, 100);
  const marked = { ...given, ...Object.fromEntries(marks.map((mark) => [mark, MARK_VALUE])) };
  assert.equal(filter.passes(marked), matches, `with its marks the filter is not the rule:\n${says}\n${marks}`);
  if (kind === 'exact') assert.deepEqual(marks, [], says);
  return { matches, kind };
}

test(`pubsub filter: over ${PAIRS} random pairs no event is lost, and native with residual is match`, () => {
  const seed = Date.now() % 1_000_000;
  const kinds = { exact: 0, wider: 0, none: 0 };
  let [judged, matched] = [0, 0];

  for (const one of randomCases(seed, PAIRS)) {
    const given = attributesOf(one);
    if (given === undefined) continue;
    try {
      const { matches, kind } = judge(one, given);
      kinds[kind]++;
      judged++;
      if (matches) matched++;
    } catch (thrown) {
      throw new Error(`seed ${seed}`, { cause: thrown });
    }
  }

  assert.ok(judged > PAIRS * 0.9, `seed ${seed}: only ${judged} could be carried`);
  assert.ok(matched > judged / 3, `seed ${seed}: only ${matched} of ${judged} match: the law was hardly tried`);
  assert.ok(Math.min(kinds.exact, kinds.wider) > judged / 10, `seed ${seed}: ${JSON.stringify(kinds)}`);
});

test('pubsub filter: a publisher that knows other rules, or none, loses no event', () => {
  const seed = Date.now() % 1_000_000;
  let matched = 0;
  const cases = [...randomCases(seed, PAIRS / 10)];

  for (const [i, one] of cases.entries()) {
    const given = attributesOf(one);
    if (given === undefined) continue;
    const others = cases.slice(i + 1, i + 6).map(({ when }, n) => ({ name: `other${n}`, when }));
    const marks = createMarker(promotedRules(others))(one.event, given, 100);
    const marked = { ...given, ...Object.fromEntries(marks.map((mark) => [mark, MARK_VALUE])) };
    const filter = parseFilter(compilePubSub(one.when).native ?? '');
    assert.ok(filter.ok);
    if (!compileCondition(one.when)(one.event)) continue;
    matched++;
    assert.ok(filter.passes(marked), `seed ${seed}: lost ${one.text}\n${JSON.stringify(marked)}`);
  }

  assert.ok(matched > cases.length / 3, `seed ${seed}: only ${matched}`);
});

test('pubsub filter: what is carried comes back, so that both sides judge the same event', () => {
  const seed = Date.now() % 1_000_000;
  let carried = 0;

  for (const one of randomCases(seed, 2_000)) {
    if (attributesOf(one) === undefined) continue;
    carried++;
    assert.ok(
      sameEvent(decodeMessage(encodeMessage(one.event)), one.event),
      `seed ${seed}: ${JSON.stringify(one.event)}`,
    );
  }

  assert.ok(carried > 1_500);
});
