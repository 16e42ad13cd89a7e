// What a dialect takes, apart from the language: sizes, counts and operators, each at its limit.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Dialect, lintForBus, lintRulesForBus } from '../../../router/lint/bus.ts';
import type { Pattern } from '../../../router/pattern.ts';
import { patternJson } from '../../../router/pattern-json.ts';
import { readPatternText } from '../../../router/pattern-text.ts';
import { patternText, strictPattern } from './arbitrary.ts';

const read = (text: string): Pattern => readPatternText(text);
const found = (text: string, dialect: Dialect): string[] =>
  lintForBus(read(text), dialect).map(({ level, at, says }) => `${level} ${at} ${says}`);

/** A pattern whose text below `detail` has so many characters. */
function ofSize(size: number): Pattern {
  const bare = '{"detail":{"type":[""]}}'.length;
  return read(`{"type":["${'x'.repeat(size - bare)}"]}`);
}

test('bus: a pattern of 2,048 characters fits EventBridge, one more needs its quota raised, 4,097 never fit', () => {
  const levels = [2048, 2049, 4096, 4097].map((size) =>
    lintForBus(ofSize(size), 'eventbridge').map(({ level }) => level),
  );

  assert.deepEqual(levels, [[], ['warning'], ['warning'], ['error']]);
  const [finding] = lintForBus(ofSize(2049), 'eventbridge');
  assert.match(finding!.says, /takes 2049 characters as JSON below 'detail'; EventBridge takes 2048 by default/);
  assert.match(finding!.fix, /raised, up to 4096/);
});

test('bus: V2 and pipes take 4,096 characters', () => {
  assert.deepEqual(lintForBus(ofSize(4096), 'eventbridge-v2'), []);
  assert.equal(lintForBus(ofSize(4097), 'eventbridge-v2')[0]?.level, 'error');
  // A pipe's event lies under no name that is known here.
  assert.deepEqual(lintForBus(ofSize(4096 + '{"detail":}'.length), 'pipes'), []);
  assert.equal(lintForBus(ofSize(4097 + '{"detail":}'.length), 'pipes')[0]?.level, 'error');
});

test('bus: the size is that of the JSON without space', () => {
  const text =
    '{"type":["a",{"anything-but":{"wildcard":["b*","c"]}}],"$or":[{"n":[1.50]},{"n":[9007199254740993,{"numeric":[">",0,"<=",5]}]}]}';

  assert.equal(
    patternJson(read(text)),
    '{"$or":[{"n":[1.5]},{"n":[9007199254740993,{"numeric":[">",0,"<=",5]}]}],"type":["a",{"anything-but":{"wildcard":["b*","c"]}}]}',
  );
});

test('bus: a pattern that is written and read again is the same', () => {
  fc.assert(
    fc.property(patternText, (text) => {
      const pattern = strictPattern(text);
      if (pattern === undefined) return;
      const written = patternJson(pattern);
      assert.equal(patternJson(read(written)), written);
    }),
  );
});

const negations = ['{"prefix":"a"}', '{"suffix":"a"}', '{"equals-ignore-case":"a"}', '{"wildcard":"a*"}'];

for (const not of negations) {
  test(`bus: pipes take no anything-but with ${not}, EventBridge does`, () => {
    const text = `{"type":["t",{"anything-but":${not}}]}`;

    assert.match(
      found(text, 'pipes').join(),
      /^error when\.type\[1\] EventBridge Pipes takes anything-but with strings or numbers only/,
    );
    assert.deepEqual(found(text, 'eventbridge'), []);
  });
}

test('bus: pipes take a plain anything-but', () => {
  assert.deepEqual(found('{"type":[{"anything-but":["a","b"]}],"n":[{"anything-but":5}]}', 'pipes'), []);
});

test('bus: V2 has no wildcard, not even below anything-but', () => {
  assert.match(
    found('{"data":{"a":[{"wildcard":"a*"}]}}', 'eventbridge-v2').join(),
    /error when\.data\.a\[0\] EventBridge V2 has no wildcard/,
  );
  assert.match(
    found('{"$or":[{"a":[{"anything-but":{"wildcard":"a*"}}]},{"b":[1]}]}', 'eventbridge-v2').join(),
    /error when\.\$or\[0\]\.a\[0\]/,
  );
  assert.deepEqual(found('{"data":{"a":[{"wildcard":"a*"}]}}', 'eventbridge'), []);
});

const unsure: readonly (readonly [what: string, text: string, says: RegExp])[] = [
  ['exactly', '{"type":[{"exactly":"a"}]}', /when\.type\[0\] 'exactly' is not known to be taken/],
  ['a dotted name', '{"data.a":["x"]}', /when\.data\.a the name 'data\.a' has a dot/],
  [
    'a number that no double has',
    '{"data":{"n":[9007199254740993]}}',
    /when\.data\.n\[0\] the number 9007199254740993/,
  ],
  ['a path twice in a branch', '{"a":["x"],"$or":[{"a":["y"]},{"b":["z"]}]}', /sets 'a' twice in one branch/],
];

for (const [what, text, says] of unsure) {
  test(`bus: ${what} is not known to be taken`, () => {
    for (const dialect of ['eventbridge', 'eventbridge-v2', 'pipes'] as const) {
      const list = found(text, dialect);
      assert.equal(list.length, 1, dialect);
      assert.match(list[0]!, says);
      assert.match(list[0]!, /^warning /);
    }
  });
}

test('bus: EventBridge takes 30 rules with a wildcard, and the 31st is named', () => {
  const when = read('{"type":[{"wildcard":"a*b"}]}');
  const negated = read('{"type":[{"anything-but":{"wildcard":"a*b"}}]}');
  const plain = { name: 'plain', when: read('{"type":["a"]}') };
  const rules = Array.from({ length: 31 }, (_, i) => ({ name: `w${i}`, when: i % 2 === 0 ? when : negated }));

  assert.deepEqual(lintRulesForBus([plain, ...rules.slice(0, 30)], 'eventbridge'), []);
  const [finding, ...more] = lintRulesForBus([plain, ...rules], 'eventbridge');
  assert.deepEqual(more, []);
  assert.deepEqual([finding?.rule, finding?.level, finding?.kind], ['w30', 'error', 'bus']);
  assert.match(finding!.says, /rule 31 of 31 with a wildcard; an EventBridge bus takes 30, which cannot be raised/);
});

test('bus: EventBridge takes 300 rules by default', () => {
  const rules = Array.from({ length: 301 }, (_, i) => ({ name: `r${i}`, when: read('{"type":["a"]}') }));

  assert.deepEqual(lintRulesForBus(rules.slice(1), 'eventbridge'), []);
  assert.deepEqual(
    lintRulesForBus(rules, 'eventbridge').map(({ rule, level }) => [rule, level]),
    [['r300', 'warning']],
  );
  assert.deepEqual(lintRulesForBus(rules, 'pipes'), []);
});
