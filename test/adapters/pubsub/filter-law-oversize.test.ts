// The filter law of Pub/Sub where data may lie in a store: marks are made of the whole event and written on the one without
// data, and then the filter alone decides; without marks it loses nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { busFilter } from '../../../adapters/pubsub/bus-filter.ts';
import { compilePubSub, promotedRules } from '../../../adapters/pubsub/filter.ts';
import { createMarker, MARK_VALUE } from '../../../adapters/pubsub/promotion.ts';
import { encodeMessage } from '../../../adapters/pubsub/wire.ts';
import { parseCesql } from '../../../router/cesql/parse.ts';
import { type Condition, compileCondition } from '../../../router/condition.ts';
import { RouterError } from '../../../router/errors.ts';
import { readPatternText } from '../../../router/pattern-text.ts';
import { parseFilter } from '../../fakes/pubsub-filter.ts';
import { testEnv } from '../../harness/env.ts';
import { STORE, type Travelling, travelling, withDataref } from '../../harness/light.ts';
import type { Below } from '../../harness/patterns.ts';
import { seededRandom } from '../../harness/random.ts';
import { type LawCase, randomCases } from './law-cases.ts';

/** CI raises it to 100,000. */
const PAIRS = Number(testEnv('BUSWAY_LAW_PAIRS') ?? 1_500);

const datarefs = [
  'EXISTS dataref',
  'NOT EXISTS dataref',
  "dataref LIKE 's3:%'",
  "NOT (dataref = 'x')",
  "dataref != 'x'",
];

/** The rule of the case, now and then with dataref in it. */
function conditionOf(below: Below, { text, when }: LawCase): { text: string; when: Condition } {
  if (when.kind === 'fields') {
    const more = withDataref(below, text);
    return { text: more, when: readPatternText(more) };
  }
  if (below(6) !== 0) return { text, when };
  const more = `(${text}) ${below(2) === 0 ? 'AND' : 'OR'} (${datarefs[below(datarefs.length)]!})`;
  return { text: more, when: { kind: 'cesql', text: more, expression: parseCesql(more) } };
}

function attributesOf({ seen }: Travelling): Readonly<Record<string, string>> | undefined {
  try {
    return encodeMessage(seen).attributes;
  } catch (thrown) {
    assert.ok(thrown instanceof RouterError);
    return undefined; // not carriable: never on the bus
  }
}

test(`pubsub filter: over ${PAIRS} random pairs, some without their data, no event is lost and the marks are right`, () => {
  const seed = Date.now() % 1_000_000;
  const random = seededRandom(seed);
  const below: Below = (n) => Math.floor(random() * n);
  const counted = { light: 0, matched: 0, held: 0 };

  for (const one of randomCases(seed, PAIRS)) {
    const { text, when } = conditionOf(below, one);
    const both = travelling(below, one.event);
    const given = attributesOf(both);
    if (given === undefined) continue;
    const matches = compileCondition(when)(both.whole);
    const { native, residual } = compilePubSub(when);
    const filter = parseFilter(native ?? '');
    assert.ok(filter.ok, text);
    const says = `seed ${seed}: ${text}\n${native}\n${JSON.stringify(given)}`;
    const passes = filter.passes(given);
    assert.ok(passes || !matches, `lost: ${says}`);
    assert.equal(passes && (residual === null || matches), matches, `native and residual are not the rule: ${says}`);

    const marks = createMarker(promotedRules([{ name: 'it', when }]))(both.whole, given, 100);
    const marked = { ...given, ...Object.fromEntries(marks.map((mark) => [mark, MARK_VALUE])) };
    assert.equal(filter.passes(marked), matches, `with its marks the filter is not the rule: ${says}\n${marks}`);
    const told = busFilter({}, STORE).passes!(when)(both.seen);
    assert.ok(told || !matches, `busway filter says it is lost: ${says}`);
    if (both.seen === both.whole) continue;
    counted.light++;
    if (matches) counted.matched++;
    if (!passes) counted.held++;
  }

  const least = Math.min(counted.matched, counted.held, counted.light - counted.matched);
  assert.ok(least > PAIRS / 40, `seed ${seed}: ${inspect(counted)}`);
});
