// What explain says: the verdict of matching, the clause to name, and one text for a person. The hints behind `near`:
// test/router/explain/.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { eventTree } from '../../router/explain/event-tree.ts';
import { MAX_STEPS, viewOf } from '../../router/explain/view.ts';
import { type Explanation, explain, explanationText, judge } from '../../router/explain.ts';
import { compilePattern } from '../../router/matcher.ts';
import type { Pattern } from '../../router/pattern.ts';
import { readPatternText } from '../../router/pattern-text.ts';
import { type JsonTree, readJsonTree } from '../../router/wire/json-tree.ts';
import { event as anyEvent } from '../harness/events.ts';
import { type Below, randomEvent, randomPattern } from '../harness/patterns.ts';
import { seededRandom } from '../harness/random.ts';
import { referenceMatches } from '../harness/reference-matcher.ts';

const seed = Math.floor(Math.random() * 2 ** 31);

function belowOf(start: number): Below {
  const random = seededRandom(start);
  return (n) => Math.floor(random() * n);
}

const pattern = (when: unknown): Pattern => readPatternText(JSON.stringify(when));
const tree = (event: unknown): JsonTree => readJsonTree(JSON.stringify(event));

type Miss = Extract<Explanation, { matched: false }>;

function miss(when: unknown, event: unknown): Miss {
  const explanation = explain(pattern(when), tree(event));
  assert.ok(!explanation.matched, `${JSON.stringify(when)} matches ${JSON.stringify(event)}`);
  return explanation;
}

// Controls, also the second set of them, and what turns the direction of a line.
const UNPRINTABLE = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

function checkText(text: string): void {
  const lines = text.split('\n');
  assert.ok(lines.length <= 5, text);
  assert.doesNotMatch(text, UNPRINTABLE);
  for (const line of lines) assert.ok(line.length <= 700, `${line.length} characters: ${line}`);
}

interface Vector {
  readonly id: number;
  readonly p: string;
  readonly e: string;
  readonly v: string;
  readonly rec?: string;
}

/** Undefined where a case may as well be an invalid pattern, and is one here. */
function patternOf({ id, p, rec }: Vector): Pattern | undefined {
  try {
    return readPatternText(p);
  } catch {
    assert.equal(rec, 'invalid', `vector ${id}`);
    return undefined;
  }
}

test('explain: has the verdict of the reference on every vector that is a match or none', () => {
  const file = new URL('../fixtures/pattern-vectors/pattern-vectors.jsonl.gz', import.meta.url);
  const lines = gunzipSync(readFileSync(file)).toString('utf8').trimEnd().split('\n');
  const vectors = lines.map((line) => JSON.parse(line) as Vector).filter(({ v }) => v === 'match' || v === 'no-match');
  let misses = 0;

  for (const vector of vectors) {
    const pattern = patternOf(vector);
    if (pattern === undefined) continue;
    const explanation = explain(pattern, readJsonTree(vector.e));

    assert.equal(explanation.matched, referenceMatches(pattern, vector.e), `vector ${vector.id}`);
    if (!explanation.matched) misses++;
    checkText(explanationText('r', explanation));
  }
  assert.ok(misses > 3000, `only ${misses} misses`);
});

test('explain: has the verdict of the reference on random patterns and events, names repeated and dotted', () => {
  const below = belowOf(seed);
  let matches = 0;
  for (let i = 0; i < 10_000; i++) {
    const [p, e] = [randomPattern(below), randomEvent(below)];
    const explanation = explain(readPatternText(p), readJsonTree(e));

    const due = referenceMatches(readPatternText(p), e);
    if (explanation.matched !== due) assert.fail(`seed ${seed}: ${p} on ${e} is ${due ? 'a match' : 'none'}`);
    if (due) matches++;
    else checkText(explanationText('r', explanation));
  }
  assert.ok(matches > 200, `only ${matches} matches`);
});

test('explain: has the verdict of the router on CloudEvents of every kind', () => {
  const patterns = [
    { subject: [{ exists: false }] },
    { subject: [{ prefix: 'a' }], type: [{ exists: true }] },
    { data: [{ exists: true }] },
    { data: { a: [{ 'anything-but': 'x' }] } },
    { $or: [{ data: [{ exists: false }] }, { partitionkey: [{ exists: true }] }, { data: [null] }] },
    { id: [{ wildcard: '*a*' }], source: [{ suffix: '/' }, { prefix: 'https' }] },
  ].map((when) => ({ when, pattern: pattern(when), matches: compilePattern(pattern(when)) }));

  fc.assert(
    fc.property(anyEvent, (event) => {
      for (const { when, pattern, matches } of patterns) {
        const explanation = explain(pattern, eventTree(event));
        assert.equal(explanation.matched, matches(event), JSON.stringify(when));
        checkText(explanationText('r', explanation));
      }
    }),
    { numRuns: 300 },
  );
});

test('explain: of several clauses that fail it names the first one as written, and the others after it', () => {
  const { clause, also, holds, of } = miss(
    { type: ['a.b'], source: ['/x'], data: { n: [1], m: [2] } },
    { type: 'c.d', source: '/x', data: { n: 3, m: 4 } },
  );

  assert.equal(clause.path, 'type');
  assert.deepEqual(also, ['data.n', 'data.m']);
  assert.deepEqual([holds, of], [1, 4]);
});

test('explain: of the ways through $or it tells of the one that came closest', () => {
  const when = {
    $or: [
      { type: ['com.shop.order'], data: { total: [{ numeric: ['>', 100] }] } },
      { type: ['com.shop.refund'], data: { total: [{ numeric: ['>', 500] }] } },
    ],
  };

  const far = miss(when, { type: 'com.shop.refund', data: { total: 20 } });
  const near = miss(when, { type: 'com.shop.ordre', data: { total: 20 } });

  assert.deepEqual([far.clause.path, far.clause.wants, far.alternatives], ['data.total', 'a number > 500', 2]);
  assert.deepEqual([near.clause.path, near.clause.wants], ['type', '"com.shop.order"']);
  assert.match(
    explanationText('r', far),
    /^rule 'r' does not match at data\.total \(the nearest of its 2 alternatives\)\n/,
  );
});

test('explain: clauses that hold in different elements are told with the element of each', () => {
  const { clause, holds, of } = miss(
    { data: { lines: { sku: ['A'], qty: [{ numeric: ['>', 5] }] }, shop: ['x'] } },
    {
      data: {
        lines: [
          { sku: 'B', qty: 6 },
          { sku: 'A', qty: 1 },
          { sku: 'B', qty: 7 },
        ],
        shop: ['x', 'y'],
      },
    },
  );

  assert.equal(clause.path, 'data.lines');
  assert.deepEqual(clause.arrays, [
    { path: 'data.lines.sku', in: ['data.lines[1]'] },
    { path: 'data.lines.qty', in: ['data.lines[0]', 'data.lines[2]'] },
  ]);
  assert.match(clause.has, /sku in data\.lines\[1\] and qty in data\.lines\[0\] and data\.lines\[2\]/);
  assert.deepEqual([holds, of], [3, 3]);
});

test('explain: three clauses of which any two go together are told all three, in nested lists too', () => {
  const two = [
    { a: 1, b: 1 },
    { b: 1, c: 1 },
    { a: 1, c: 1 },
  ];
  const { clause } = miss({ x: { y: { a: [1], b: [1], c: [1], d: [1, { exists: false }] } } }, { x: [{ y: two }] });

  assert.deepEqual(
    clause.arrays?.map((one) => [one.path, one.in]),
    [
      ['x.y.a', ['x[0].y[0]', 'x[0].y[2]']],
      ['x.y.b', ['x[0].y[0]', 'x[0].y[1]']],
      ['x.y.c', ['x[0].y[1]', 'x[0].y[2]']],
    ],
  );
});

test('explain: an absence that holds in the element that fits is told to be judged before it', () => {
  const when = { items: { x: [{ exists: false }], y: [1] } };
  const { clause } = miss(when, { items: [{ x: 1 }, { y: 1 }] });

  assert.equal(clause.path, 'items.x');
  assert.match(clause.near ?? '', /an absence is judged before fields whose names sort after it/);
  assert.doesNotMatch(miss(when, { items: [{ x: 1, y: 1 }] }).clause.near ?? '', /judged before/);
});

test('explain: what the event has is told as a value, a list, an object, or what is missing where', () => {
  const has = (path: string, event: unknown): string => {
    const when = path.split('.').reduceRight<unknown>((of, name) => ({ [name]: of }), ['never']);
    return miss(when, event).clause.has;
  };

  assert.equal(has('a', { a: 5 }), '5');
  assert.equal(has('a', { a: null }), 'null');
  assert.equal(has('a', { a: ['x', 2, true, null] }), '4 values: "x", 2, true and 1 more');
  assert.equal(has('a.b', { a: [{ b: 1 }, { b: 2 }] }), '2 values: 1 and 2');
  assert.equal(has('a', { a: { b: 1, c: 2 } }), 'an object with b and c');
  assert.equal(has('a', { a: {} }), 'an empty object');
  assert.equal(has('a', { a: [] }), 'an empty list');
  assert.equal(has('a', {}), 'nothing: the event has no a');
  assert.equal(has('data.a', {}), 'nothing: the event has no data');
  assert.equal(has('data.a.b', { data: { a: { c: 1 } } }), 'nothing: data.a has no b');
  assert.equal(has('data.a.b', { data: { a: 'x' } }), 'nothing: data.a is "x"');
  assert.equal(has('data.a.b', { data: { a: [] } }), 'nothing: data.a is an empty list');
});

test('explain: what the rule wants is told in words', () => {
  const wants = (...tests: readonly unknown[]): string => miss({ a: tests }, { b: 1 }).clause.wants;

  assert.equal(wants('x', 5, true, null, 'y'), '"x", 5, true or 2 more');
  assert.equal(wants({ prefix: 'x' }, { suffix: 'y' }), 'text that begins with "x" or text that ends with "y"');
  assert.equal(wants({ prefix: { 'equals-ignore-case': 'x' } }), 'text that begins with "x" in any letter case');
  assert.equal(wants({ 'equals-ignore-case': 'x' }), '"x" in any letter case');
  assert.equal(wants({ wildcard: 'a*' }), 'text like "a*"');
  assert.equal(wants({ numeric: ['>', 0, '<=', 5] }), 'a number > 0 and <= 5');
  assert.equal(wants({ cidr: '10.0.0.0/24' }), 'an address within 10.0.0.0/24');
  assert.equal(wants({ exists: true }), 'any value');
  assert.equal(wants({ 'anything-but': ['x', 'y'] }), 'anything but "x" or "y"');
  assert.equal(wants({ 'anything-but': { prefix: 'x' } }), 'anything but text that begins with "x"');
  assert.equal(miss({ a: [{ exists: false }] }, { a: 1 }).clause.wants, 'no value');
});

test('explain: the text cuts long values and writes what could steer a terminal as escapes', () => {
  const long = 'v'.repeat(5_000);
  const nasty = '\u001b[31m\u009b\u202e\n"';
  const event = { [nasty]: { [long]: nasty }, b: long, type: nasty };
  for (const when of [{ b: [long.slice(1)] }, { type: ['x'] }, { [nasty]: ['x'] }, { [nasty]: { [long]: ['x'] } }]) {
    const text = explanationText('r', explain(pattern(when), tree(event)));

    checkText(text);
    assert.doesNotMatch(text, /v{200}/);
  }
});

test('explain: a match is one line, a miss names rule, path, wants and has', () => {
  assert.equal(explanationText('r', explain(pattern({ a: [1] }), tree({ a: 1 }))), "rule 'r' matches");
  assert.equal(
    explanationText('r', explain(pattern({ a: [1], b: [2], c: [3] }), tree({ a: 9, c: 4 }))),
    "rule 'r' does not match at a\n  wants  1\n  has    9\n  also   b, c",
  );
});

/** Steps that one explanation takes. */
function steps(when: unknown, event: JsonTree): number {
  const view = viewOf(event);
  judge(pattern(when), view);
  return MAX_STEPS - view.budget.left;
}

test('explain: its work grows with the event, not with its square', () => {
  const rules = [
    { data: { items: { a: [1], b: [2] } } },
    { data: { items: { a: [{ exists: true }], b: [{ exists: true }], c: ['no'] } } },
    { data: { items: { a: [{ exists: true }] }, more: { a: [{ exists: true }], b: [{ exists: false }], z: ['no'] } } },
    { data: { items: { a: [{ exists: false }], b: [1] } } },
    { data: { tags: ['no'] } },
  ];
  const eventOf = (n: number): JsonTree => {
    const items = Array.from({ length: n }, (_, i) => ({ a: i % 2, b: i % 2 === 1 ? 1 : 2 }));
    return tree({ data: { items, more: items, tags: items.map((_, i) => `tag-${i}`) } });
  };
  const [small, large] = [eventOf(2_500), eventOf(10_000)];

  for (const when of rules) {
    const [few, many] = [steps(when, small), steps(when, large)];
    assert.ok(many < 5 * few, `${JSON.stringify(when)}: ${few} steps for 2,500 elements, ${many} for 10,000`);
  }
});

test('explain: nothing that an event or a pattern holds makes it throw or go on for long', () => {
  const deepList = `{"data":{"a":${'['.repeat(100_000)}"x"${']'.repeat(100_000)}}}`;
  const attributes = { specversion: '1.0', id: '1', source: '/s', type: 't' } as const;
  const deep = eventTree({ attributes, data: { kind: 'json', bytes: Buffer.from(deepList.slice(8, -1)) } });
  const names = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`name-${i}`, { deeper: i }]));
  const wide = tree({ type: 't', data: names });
  const twins = readJsonTree(`{${Array.from({ length: 14 }, () => '"a":[{"p":1},{"q":1},{"r":1}]').join(',')},"a":[]}`);
  const patterns: readonly unknown[] = [
    { data: { a: ['x'] } },
    { data: { a: { b: ['x'] } } },
    { data: { 'name-7': { deeper: ['x'] }, other: [1] } },
    { data: { nome: { deeper: [1] } } },
    { constructor: [{ exists: true }], __proto__: ['x'], toString: { length: [1] } },
    { a: { p: [1], q: [1], r: [1], s: [1, { exists: false }], t: [1] } },
    { [`a${'.a'.repeat(200)}`]: ['x'] },
    { ['x'.repeat(100_000)]: [{ wildcard: '*'.padEnd(1000, 'a*') }] },
  ];

  for (const event of [deep, wide, twins, tree([]), tree('x'), tree({})]) {
    for (const when of patterns) {
      assert.ok(steps(when, event) <= MAX_STEPS + 1);
      checkText(explanationText('r', explain(pattern(when), event)));
    }
  }
  assert.equal(explain(pattern({ data: { a: ['x'] } }), deep).matched, true);
});

test('explain: where elements can be combined in too many ways it says that it gave up', () => {
  // Twelve fields, and eleven lists that have any one of them: one is always left over, and no short way to see it.
  const fields = Array.from({ length: 12 }, (_, i) => `f${i}`);
  const list = `"a":[${fields.map((name) => `{"${name}":1}`).join(',')}]`;
  const event = readJsonTree(`{${Array.from({ length: 11 }, () => list).join(',')}}`);
  const when = { a: Object.fromEntries(fields.map((name) => [name, [1]])) };

  const explanation = explain(pattern(when), event);

  assert.ok(!explanation.matched);
  assert.match(explanation.clause.near ?? '', /the rule may match after all/);
  checkText(explanationText('r', explanation));
});
