// Recorded events through old and new rules: counts, samples, and what no rule takes any more.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Comparison, compareRules } from '../../../infra/plan/what-if.ts';
import type { Condition } from '../../../router/condition.ts';
import type { CloudEvent } from '../../../router/event.ts';
import { readPatternText } from '../../../router/pattern-text.ts';
import { decodeStructured } from '../../../router/wire/json.ts';

function event(id: string, type: string): CloudEvent {
  return decodeStructured(Buffer.from(JSON.stringify({ specversion: '1.0', id, source: '/s', type })));
}

const rule = (name: string, ...types: readonly string[]): { name: string; when: Condition } => ({
  name,
  when: readPatternText(JSON.stringify({ type: types })),
});

function taken(comparison: Comparison, types: readonly string[]): Comparison {
  for (const [i, type] of types.entries()) comparison.take(event(`e${i}`, type));
  return comparison;
}

test('what if: a rule gains and loses events, with three ids each', () => {
  const comparison = compareRules([rule('r', 'a', 'b')], [rule('r', 'b', 'c')]);

  const { events, rules } = taken(comparison, ['a', 'a', 'a', 'a', 'b', 'c', 'd']).result();

  assert.equal(events, 7);
  assert.deepEqual(rules, [
    { name: 'r', gained: { count: 1, ids: ['e5'] }, lost: { count: 4, ids: ['e0', 'e1', 'e2'] } },
  ]);
});

test('what if: an event counts once, however many rules gain it; unrouted and first are told apart', () => {
  const before = [rule('old', 'a', 'b'), rule('same', 'b')];
  const after = [rule('same', 'b'), rule('new', 'b', 'c'), rule('twin', 'b', 'c')];

  const { routed, first, unrouted, rules } = taken(compareRules(before, after), ['a', 'b', 'c']).result();

  assert.deepEqual(routed, { count: 2, ids: ['e1', 'e2'] });
  assert.deepEqual(first, { count: 1, ids: ['e2'] });
  assert.deepEqual(unrouted, { count: 1, ids: ['e0'] });
  assert.deepEqual(
    rules.map(({ name }) => name),
    ['new', 'twin', 'old'],
  );
});

test('what if: without earlier rules all that is routed is routed for the first time', () => {
  const { routed, first, unrouted } = taken(compareRules([], [rule('r', 'a')]), ['a', 'b']).result();

  assert.deepEqual([routed.count, first.count, unrouted.count], [1, 1, 0]);
});

test('what if: the counts are those of each rule asked by itself, whatever the rules and the events', () => {
  const types = fc.subarray(['a', 'b', 'c', 'd'], { minLength: 1 });
  const rules = fc.uniqueArray(fc.record({ name: fc.constantFrom('r', 's', 't'), types }), {
    selector: ({ name }) => name,
  });
  fc.assert(
    fc.property(rules, rules, fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e')), (before, after, stream) => {
      const [old, now] = [before, after].map((list) => list.map((one) => rule(one.name, ...one.types)));
      const result = taken(compareRules(old!, now!), stream).result();
      const takes = (list: typeof before, type: string): readonly string[] =>
        list.filter((one) => one.types.includes(type)).map(({ name }) => name);
      const count = (holds: (was: readonly string[], is: readonly string[]) => boolean): number =>
        stream.filter((type) => holds(takes(before, type), takes(after, type))).length;

      assert.equal(
        result.routed.count,
        count((was, is) => is.some((name) => !was.includes(name))),
      );
      assert.equal(
        result.unrouted.count,
        count((was, is) => was.length > 0 && is.length === 0),
      );
      for (const { name, gained, lost } of result.rules) {
        assert.equal(
          gained.count,
          count((was, is) => is.includes(name) && !was.includes(name)),
        );
        assert.equal(
          lost.count,
          count((was, is) => was.includes(name) && !is.includes(name)),
        );
      }
    }),
  );
});
