// Complexity of a rule set: its wildcard score against brute force over values, against a walk over all sets of prefixes
// and against event-ruler's own figures; what it counts besides; and what lint tells of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCesql } from '../../../router/cesql/parse.ts';
import type { Condition } from '../../../router/condition.ts';
import { complexityOf, lintComplexity, scoreText } from '../../../router/lint/complexity.ts';
import { findingText } from '../../../router/lint/finding.ts';
import { lintRules } from '../../../router/lint/rules.ts';
import { type WorstValue, worstValue } from '../../../router/lint/worst-value.ts';
import { type Wildcard, wildcardOf, wildcardTest } from '../../../router/match/wildcard.ts';
import type { Pattern } from '../../../router/pattern.ts';
import { readPatternText } from '../../../router/pattern-text.ts';
import { subRulesOf } from '../../../router/sub-rule.ts';
import { patternText, strictPattern } from './arbitrary.ts';

const STEPS = 200_000;

function read(text: string): Wildcard {
  const wildcard = wildcardOf(text);
  assert.ok(typeof wildcard !== 'string', `${text}: ${String(wildcard)}`);
  return wildcard;
}

function worstOf(texts: readonly string[], maxSteps = STEPS): WorstValue {
  return worstValue(texts.map(read), maxSteps);
}

/** Characters and stars; a star of its own and an escaped one differ. */
function tokensOf(text: string): readonly string[] {
  return text.match(/\\?./gs) ?? [];
}

type Test = (value: string) => boolean;

/** Each prefix as a wildcard of its own. */
function prefixesOf(text: string): readonly Test[] {
  const tokens = tokensOf(text);
  return tokens.map((_, i) => wildcardTest(read(tokens.slice(0, i + 1).join(''))));
}

function countAlive(prefixes: readonly Test[], value: string): number {
  return prefixes.reduce((count, matches) => count + Number(matches(value)), 0);
}

function valuesUpTo(length: number, alphabet: string): readonly string[] {
  const values = [''];
  for (let from = 0, round = 0; round < length; round++) {
    const to = values.length;
    for (; from < to; from++) for (const unit of alphabet) values.push(values[from]! + unit);
  }
  return values;
}

/** All sets of prefixes that any value keeps alive, each walked on by each character: exact, and only for the small. */
function walkAll(texts: readonly string[]): number {
  const states = texts.flatMap((text) => ['', ...tokensOf(text)]);
  const starts = new Set([...states.keys()].filter((i) => states[i] === ''));
  const letters = [...new Set(states.filter((token) => token !== '' && token !== '*')), 'other'];
  const grown = (alive: readonly number[]): readonly number[] => {
    const all = new Set(alive);
    for (const [i, token] of states.entries()) if (token === '*' && all.has(i - 1)) all.add(i);
    return [...all].sort((a, b) => a - b);
  };
  const seen = new Map<string, readonly number[]>();
  const queue = [grown([...starts])];
  for (let alive = queue.pop(); alive !== undefined; alive = queue.pop()) {
    if (seen.has(alive.join())) continue;
    seen.set(alive.join(), alive);
    const set = new Set(alive);
    for (const letter of letters) {
      const next = [...states.keys()].filter((i) => {
        return states[i] === '*' ? set.has(i) : states[i] === letter && set.has(i - 1);
      });
      queue.push(grown(next));
    }
  }
  return Math.max(...[...seen.values()].map((alive) => alive.filter((i) => !starts.has(i)).length));
}

function wildcardText(tokens: readonly string[], maxLength: number): fc.Arbitrary<string> {
  return fc
    .array(fc.constantFrom(...tokens, '*'), { minLength: 1, maxLength })
    .map((parts) => parts.join('').replace(/\*{2,}/g, '*'));
}

function different(text: fc.Arbitrary<string>, maxLength: number): fc.Arbitrary<string[]> {
  return fc.uniqueArray(text, { minLength: 1, maxLength });
}

const small = different(wildcardText(['a', 'b', '\\*'], 6), 3);
const VALUES = valuesUpTo(5, 'ab*x');

test('complexity: the score is never below what any value up to length 5 keeps alive', () => {
  fc.assert(
    fc.property(small, (texts) => {
      const { score } = worstOf(texts);
      const prefixes = texts.flatMap(prefixesOf);

      const most = VALUES.reduce((found, value) => Math.max(found, countAlive(prefixes, value)), 0);

      assert.ok(score >= most, `${score} < ${most}`);
    }),
    { numRuns: 150 },
  );
});

test('complexity: where a value up to length 5 is long enough to be the worst, the score is what it keeps alive', () => {
  // Literal characters, once to bring the stars to life and once to end with, are 4 together.
  const few = small.filter((texts) => texts.join('').replace(/\\\*/g, 'e').replaceAll('*', '').length <= 2);
  fc.assert(
    fc.property(few, (texts) => {
      const { score, isExact } = worstOf(texts);
      const prefixes = texts.flatMap(prefixesOf);

      const most = VALUES.reduce((found, value) => Math.max(found, countAlive(prefixes, value)), 0);

      assert.deepEqual([score, isExact], [most, true]);
    }),
    { numRuns: 150 },
  );
});

test('complexity: the score is the most of all sets of prefixes that can be alive together', () => {
  const sets = different(wildcardText(['a', 'b', 'c'], 8), 4);
  fc.assert(
    fc.property(sets, (texts) => {
      const { score, isExact, atMost } = worstOf(texts);

      const most = walkAll(texts);

      assert.deepEqual([score, isExact, atMost], [most, true, most]);
    }),
    { numRuns: 1000 },
  );
});

test('complexity: the value that is given keeps that many alive, of each wildcard what is said', () => {
  const words = wildcardText(['order', 'or', 'der', 'r', 'e', 'x', '/', 'é', '\\\\'], 12);
  fc.assert(
    fc.property(different(words, 30), (texts) => {
      const { score, value, alive } = worstOf(texts);

      const counted = texts.map((text) => countAlive(prefixesOf(text), value));

      assert.deepEqual(alive, counted);
      assert.equal(
        score,
        counted.reduce((sum, count) => sum + count, 0),
      );
    }),
  );
});

test('complexity: with too little work allowed the score is a lower bound beside an upper one, and says so', () => {
  let open = 0;
  const sets = different(wildcardText(['a', 'b', 'ab'], 8), 5);
  fc.assert(
    fc.property(sets, fc.integer({ min: 0, max: 12 }), (texts, maxSteps) => {
      const { score, isExact, atMost, value } = worstOf(texts, maxSteps);

      const { score: most } = worstOf(texts);

      if (!isExact) open++;
      assert.ok(score <= most && most <= atMost, `${score} <= ${most} <= ${atMost}`);
      assert.equal(isExact, score === atMost);
      assert.ok(countAlive(texts.flatMap(prefixesOf), value) >= score, value);
    }),
    { numRuns: 1000 },
  );
  assert.ok(open > 50, `${open} of 1000 were left open`);
});

// Made with event-ruler 2.1.0 (ByteMachine.evaluateComplexity over bare patterns) from generated wildcards. Of 3,300 such
// sets all have the score that is given here.
const measured: readonly (readonly [score: number, texts: readonly string[]])[] = [
  [1, ['*']],
  [6, ['*b*ba*b']],
  [5, ['*ba*aa*']],
  [4, ['bb*ab*ba']],
  [5, ['b*b*bb']],
  [6, ['*baba', 'aa*', 'b*bb*a']],
  [4, ['ba', 'abbaa*', 'b*a*b']],
  [10, ['*cccccc', 'cccbaa*', '*c', 'aa']],
  [5, ['*eefbe*', 'a*de', 'a', 'c']],
  [9, ['*aaa', 'aa*a*b', 'b*a*b*b', '*']],
  [3, ['bdfc*a*', 'e*fddae', 'ab', 'c']],
  [12, ['*a*a*', '*b*b', 'aab*aaa*', 'bbabbb']],
  [17, ['*cc', 'bbbbaccbbbbbbb', 'bbaaaaaa*', '*cccccccccb*cc', 'cc']],
  [17, ['*bbaba*', 'b*a*aabb*bab*', 'b*bbaa*bab', 'aa*bbaa', '*a*']],
  [30, ['*a*aa', 'ba*ba', 'baa', '*aaabba*', '*abaa*b*', '*aba*bbbbba*aa', '*b*abb*a*ab*a']],
  [20, ['bba*aab', '*ab*ab', 'aaa*ba*a*aa*a', '*b*b*aa*aaba']],
  [16, ['baa*ab*bab*', 'b*aaab*a*b', '*baaa*bb*baaa']],
];

for (const [score, texts] of measured) {
  test(`complexity: ${texts.join(' and ')} have ${score}, as event-ruler measures`, () => {
    const worst = worstOf(texts);

    assert.deepEqual([worst.score, worst.isExact], [score, true]);
  });
}

const letters = [...'abcdefghijklmnopqrstuvwxyz'];
const rotated = (i: number): string => [...letters.slice(i % 26), ...letters.slice(0, i % 26)].join('*');
const hostile: readonly (readonly [what: string, texts: readonly string[]])[] = [
  ['200 wildcards of 26 letters and 27 stars', Array.from({ length: 200 }, (_, i) => `*${rotated(i)}*${i}`)],
  ['parts that overlap themselves', Array.from({ length: 200 }, (_, i) => `*${'a'.repeat(i + 1)}*${'a'.repeat(500)}b`)],
  ['heads within heads', Array.from({ length: 1000 }, (_, i) => `${'a'.repeat(i + 1)}*${'a'.repeat(9)}b*${i}`)],
  ['a thousand heads of their own', Array.from({ length: 1000 }, (_, i) => `${i}-${i}*a*b*c`)],
  ['one part of a million', [`*${'ab'.repeat(500_000)}c*`]],
  ['one head of a million', [`${'a'.repeat(1_000_000)}*`, `*${'a'.repeat(1000)}b`]],
];

for (const [what, texts] of hostile) {
  test(`complexity: the work ends soon for ${what}`, () => {
    const length = texts.join('').length;

    const { score, isExact, atMost, steps } = worstOf(texts);

    assert.ok(steps <= STEPS + length, `${steps} steps`);
    assert.ok(score > 0 && score <= atMost && isExact === (score === atMost));
  });
}

test('complexity: 200 wildcards of 26 letters in turn are measured exactly', () => {
  const { score, isExact } = worstOf(Array.from({ length: 200 }, (_, i) => `*${letters.join('*')}*${i}x`));

  // A value that ends with 111x: 27 stars each, `*x` of each, and 1x, 11x and 111x behind the last star of three.
  assert.deepEqual([score, isExact], [200 * 28 + 3, true]);
});

const pattern = (input: unknown): Pattern => readPatternText(JSON.stringify(input), 'strict');
const cesql: Condition = { kind: 'cesql', text: "type LIKE 'a%'", expression: parseCesql("type LIKE 'a%'") };

test('complexity: rules, alternatives and fields are counted, and without wildcards there is no score', () => {
  const rules = [
    { name: 'one', when: pattern({ type: ['t'], $or: [{ data: { a: [1] } }, { data: { b: [1] } }] }) },
    { name: 'two', when: pattern({ type: ['t'], data: { a: [{ prefix: 'x' }] } }) },
    { name: 'three', when: cesql },
  ];

  const complexity = complexityOf(rules);

  assert.deepEqual(complexity, { rules: 3, alternatives: 4, fields: 3, wildcards: [] });
  assert.deepEqual(complexityOf([]), { rules: 0, alternatives: 0, fields: 0, wildcards: [] });
});

test('complexity: alternatives and fields are those that rules are matched by', () => {
  fc.assert(
    fc.property(patternText, (written) => {
      const when = strictPattern(written);
      if (when === undefined) return;
      const subRules = subRulesOf(when);

      const { alternatives, fields } = complexityOf([{ name: 'r', when }]);

      const paths = new Set(subRules.flatMap((rule) => rule.map(([path]) => path)));
      assert.deepEqual([alternatives, fields], [subRules.length, paths.size]);
    }),
  );
});

test('complexity: wildcards of one field count together, whatever rule and branch they are in, one text once', () => {
  const rules = [
    { name: 'plain', when: pattern({ type: ['t'], data: { file: [{ wildcard: '*a*' }, 'x'] } }) },
    { name: 'dotted', when: pattern({ 'data.file': [{ wildcard: '*b' }, { wildcard: '*a*' }] }) },
    {
      name: 'negated',
      when: pattern({ $or: [{ type: ['u'] }, { data: { file: [{ 'anything-but': { wildcard: ['*a*c', 'no'] } }] } }] }),
    },
    { name: 'elsewhere', when: pattern({ subject: [{ wildcard: 'a*' }] }) },
  ];

  const { wildcards } = complexityOf(rules);

  const [file, subject] = wildcards;
  // "a" keeps `*`, `*a`, `*a*`, then `*` of `*b`, then `*`, `*a`, `*a*`.
  assert.deepEqual(file, {
    field: 'data.file',
    score: 7,
    isExact: true,
    atMost: 7,
    rules: [
      { name: 'dotted', at: 'when.data.file', adds: 4 },
      { name: 'plain', at: 'when.data.file', adds: 3 },
      { name: 'negated', at: 'when.$or[1].data.file', adds: 3 },
    ],
  });
  assert.deepEqual([subject!.field, subject!.score], ['subject', 2]);
  assert.equal(wildcards.length, 2);
});

test('complexity: where the work is cut off a field has bounds, and other fields are exact', () => {
  const some = (i: number): string => `*${String.fromCharCode(0x4e00 + i)}${'xyz'.repeat(100)}${i}*`;
  const long = Array.from({ length: 1000 }, (_, i) => ({ wildcard: some(i) }));
  const rules = [{ name: 'r', when: pattern({ data: { a: long, b: [{ wildcard: '*b*' }] } }) }];

  const { wildcards } = complexityOf(rules);

  const [a, b] = wildcards;
  assert.deepEqual([a!.field, a!.isExact, b!.field, b!.isExact], ['data.a', false, 'data.b', true]);
  assert.ok(a!.score >= 2000 && a!.score < a!.atMost);
  assert.equal(scoreText(a!), `from ${a!.score} to ${a!.atMost}`);
  assert.equal(scoreText(b!), '3');
});

const stars = (count: number, end: string): string => `${'*a'.repeat(count)}*${end}`;
const wild = [
  { name: 'small', when: pattern({ data: { file: [{ wildcard: stars(5, 'x') }] } }) },
  { name: 'large', when: pattern({ data: { file: [{ wildcard: stars(40, 'y') }] } }) },
  { name: 'other', when: pattern({ data: { path: [{ wildcard: '*a*' }] } }) },
];

test('complexity: far too many prefixes are a note that names the field, the rules and the way out', () => {
  const findings = lintComplexity(complexityOf(wild));

  assert.deepEqual(findings.map(findingText), []);
  const more = [...wild, { name: 'last', when: pattern({ data: { file: [{ wildcard: stars(10, 'z') }] } }) }];
  const [note, ...rest] = lintComplexity(complexityOf(more));
  assert.deepEqual(rest, []);
  assert.equal(
    findingText(note!),
    "note: rule 'large': when.data.file has wildcards of which one value at 'data.file' keeps 113 prefixes alive at once, " +
      "more than 100: 'large' adds 81, 'last' adds 21, 'small' adds 11; Busway stays linear in the value, but EventBridge " +
      'may refuse rules as too complex; use fewer stars, or begin each wildcard with literal text of its own',
  );
});

test('complexity: over a cap it is an error for each field, at the cap it is none', () => {
  const complexity = complexityOf(wild);

  const [first, second, ...rest] = lintComplexity(complexity, 2).map(findingText);
  assert.deepEqual(rest, []);
  assert.match(
    first!,
    /^error: rule 'large': when\.data\.file .* keeps 92 prefixes alive at once, and 2 are allowed: /,
  );
  assert.match(
    second!,
    /^error: rule 'other': when\.data\.path .* keeps 3 prefixes .*: 'other' adds 3; use fewer stars/,
  );
  assert.deepEqual(lintComplexity(complexity, 92), []);
  assert.equal(lintComplexity(complexity, 91).length, 1);
});

test('complexity: a field that is not proved to stay within the cap is an error too', () => {
  const one = {
    field: 'data.a',
    score: 10,
    isExact: false,
    atMost: 30,
    rules: [{ name: 'r', at: 'when.data.a', adds: 10 }],
  };
  const complexity = { rules: 1, alternatives: 1, fields: 1, wildcards: [one] };

  const [error] = lintComplexity(complexity, 20);

  assert.match(findingText(error!), /^error: rule 'r': when\.data\.a .* keeps from 10 to 30 prefixes alive at once/);
  assert.deepEqual(lintComplexity(complexity, 30), []);
  assert.deepEqual(lintComplexity(complexity), []);
});

test('complexity: of many rules the three that add most are named', () => {
  const rules = Array.from({ length: 5 }, (_, i) => ({
    name: `r${i}`,
    when: pattern({ type: [{ wildcard: stars(i + 1, `${i}`) }] }),
  }));

  const [error] = lintComplexity(complexityOf(rules), 0);

  assert.match(error!.says, /: 'r4' adds 11, 'r3' adds 9, 'r2' adds 7, and 2 more$/);
});

test('complexity: fewer stars, or literal text of its own before them, lower the score', () => {
  const scoreOf = (...texts: readonly string[]): number => worstOf(texts).score;

  assert.equal(scoreOf('*a*b*', '*a*c*', '*a*d*'), 12);
  assert.equal(scoreOf('*a*', '*b*', '*c*'), 7);
  assert.equal(scoreOf('x*a*b*', 'y*a*c*', 'z*a*d*'), 4);
});

test('complexity: lint of a whole document tells it, with the cap that is given', () => {
  const to = { kind: 'log', options: {} };
  const rules = wild.map((rule) => ({ ...rule, to }));

  const [told] = lintRules(rules, { maxComplexity: 91 });

  assert.deepEqual([told!.rule, told!.level, told!.at], ['large', 'error', 'when.data.file']);
  assert.deepEqual(lintRules(rules, { maxComplexity: 92 }), []);
  assert.deepEqual(lintRules(rules), []);
});
