// Near misses over many rules: only rules that do not match, the nearest first, and always the same order.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explain } from '../../router/explain.ts';
import { nearMisses } from '../../router/near-miss.ts';
import { readPatternText } from '../../router/pattern-text.ts';
import { type JsonTree, readJsonTree } from '../../router/wire/json-tree.ts';
import { type Below, randomEvent, randomPattern } from '../harness/patterns.ts';
import { seededRandom } from '../harness/random.ts';

const tree = (event: unknown): JsonTree => readJsonTree(JSON.stringify(event));
const rule = (name: string, when: unknown) => ({ name, when: readPatternText(JSON.stringify(when)) });
const namesOf = (misses: readonly { readonly rule: string }[]): readonly string[] => misses.map((miss) => miss.rule);

test('nearMisses: more clauses that hold, and clauses that nearly do, come first; equals as written', () => {
  const event = tree({ type: 'com.shop.order', subject: 'main', data: { total: 50, lines: [{ a: 1 }, { b: 1 }] } });
  const rules = [
    rule('nothing', { type: ['x'], subject: ['y'] }),
    rule('half', { type: ['com.shop.order'], subject: ['y'] }),
    rule('another-half', { type: ['x'], subject: ['main'] }),
    rule('match', { type: ['com.shop.order'] }),
    rule('typo', { type: ['com.shop.ordre'] }),
    rule('half-and-case', { type: ['com.shop.order'], subject: ['Main'] }),
    rule('two-elements', { type: ['com.shop.order'], data: { lines: { a: [1], b: [1] } } }),
  ];

  const misses = nearMisses(rules, event);

  assert.deepEqual(namesOf(misses), ['half-and-case', 'two-elements', 'typo', 'half', 'another-half', 'nothing']);
  assert.deepEqual(
    misses.map(({ score }) => Math.round(score * 100) / 100),
    [0.95, 0.92, 0.8, 0.5, 0.5, 0],
  );
  assert.deepEqual(nearMisses(rules, event, { limit: 2 }), misses.slice(0, 2));
  assert.deepEqual(nearMisses(rules, event, { limit: 0 }), []);
});

test('nearMisses: each rule is explained as it is alone, whatever stands beside it', () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = seededRandom(seed);
  const below: Below = (n) => Math.floor(random() * n);
  for (let round = 0; round < 200; round++) {
    const event = readJsonTree(randomEvent(below));
    const rules = Array.from({ length: 20 }, (_, i) => ({
      name: `r${i}`,
      when: readPatternText(randomPattern(below)),
    }));

    const misses = nearMisses(rules, event);

    const says = `seed ${seed}`;
    const alone = rules.filter(({ when }) => !explain(when, event).matched).map(({ name }) => name);
    assert.deepEqual([...namesOf(misses)].sort(), alone.sort(), says);
    for (const [i, { rule, score, explanation }] of misses.entries()) {
      assert.ok(score >= 0 && score < 1 && score <= (misses[i - 1]?.score ?? 1), says);
      assert.deepEqual(explanation, explain(rules.find(({ name }) => name === rule)!.when, event), says);
    }
  }
});

test('nearMisses: many rules on an event of long lists stay within one budget', () => {
  const items = Array.from({ length: 5_000 }, (_, i) => ({ a: i, b: -i }));
  const event = tree({ type: 't', data: { items } });
  const rules = Array.from({ length: 2_000 }, (_, i) => rule(`r${i}`, { data: { items: { a: [i], b: [-i - 1] } } }));

  const misses = nearMisses(rules, event, { limit: 3 });

  assert.equal(misses.length, 3);
  assert.equal(misses[0]?.explanation.matched, false);
});
