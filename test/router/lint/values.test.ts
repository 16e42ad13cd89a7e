// Sets of values: what is proved of them is so. The proofs are held against the sets themselves, value by value, over
// generated tests that have much to do with each other.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { areApart, isCovered, isWithin, type Values, valuesOf } from '../../../router/lint/values.ts';
import { scalarTest, type Value } from '../../../router/match/scalar-test.ts';
import { testOf, testText, values } from './arbitrary.ts';

const RUNS = 30_000;

function setOf(written: string): Values | undefined {
  return valuesOf(testOf(written));
}

const set = testText.filter((written) => setOf(written) !== undefined);
const anythingBut = fc.oneof(
  set,
  set.filter((written) => written.includes('anything-but')),
);
// Beside the fixed values: short texts over the letters of the tests.
const more = fc.array(fc.string({ unit: fc.constantFrom(...'aAbBxsSkK*é1.0:'), maxLength: 6 }), { maxLength: 20 });

function valuesWhere(holds: (value: Value) => boolean, also: readonly string[]): readonly Value[] {
  return [...values, ...also].filter(holds);
}

test('values: a set has exactly the values that its test takes', () => {
  fc.assert(
    fc.property(set, (written) => {
      const has = setOf(written)!.has;
      const takes = scalarTest(testOf(written));
      for (const value of values) assert.equal(has(value), takes(value), `${written} ${JSON.stringify(value)}`);
    }),
    { numRuns: 3_000 },
  );
});

test('values: a set that is proved to lie within another has no value outside of it', () => {
  let proved = 0;
  fc.assert(
    fc.property(set, set, more, (a, b, also) => {
      const [inner, outer] = [setOf(a)!, setOf(b)!];
      if (!isWithin(inner, outer)) return;
      proved++;
      const outside = valuesWhere((value) => inner.has(value) && !outer.has(value), also);
      assert.deepEqual(outside, [], `${a} within ${b}`);
    }),
    { numRuns: RUNS },
  );
  assert.ok(proved > RUNS / 50, `only ${proved} proofs`);
});

test('values: sets that are proved to be apart share no value', () => {
  let proved = 0;
  fc.assert(
    fc.property(set, set, more, (a, b, also) => {
      const [one, other] = [setOf(a)!, setOf(b)!];
      if (!areApart(one, other)) return;
      proved++;
      const shared = valuesWhere((value) => one.has(value) && other.has(value), also);
      assert.deepEqual(shared, [], `${a} apart from ${b}`);
    }),
    { numRuns: RUNS },
  );
  assert.ok(proved > RUNS / 10, `only ${proved} proofs`);
});

test('values: a set that is proved to be covered by several has no value outside of all', () => {
  let proved = 0;
  fc.assert(
    fc.property(anythingBut, fc.array(anythingBut, { minLength: 2, maxLength: 4 }), more, (a, list, also) => {
      const inner = setOf(a)!;
      const sets = list.map((written) => setOf(written)!);
      if (!isCovered(inner, sets) || sets.some((one) => isWithin(inner, one))) return;
      proved++;
      const outside = valuesWhere((value) => inner.has(value) && !sets.some(({ has }) => has(value)), also);
      assert.deepEqual(outside, [], `${a} covered by ${list.join(' ')}`);
    }),
    { numRuns: RUNS },
  );
  assert.ok(proved > 20, `only ${proved} proofs`);
});

const within: readonly (readonly [inner: string, outer: string])[] = [
  ['"abc"', '{"prefix":"ab"}'],
  ['{"prefix":"abc"}', '{"prefix":"ab"}'],
  ['{"suffix":"abc"}', '{"suffix":"bc"}'],
  ['{"prefix":"abc"}', '{"prefix":{"equals-ignore-case":"AB"}}'],
  ['{"equals-ignore-case":"abc"}', '{"prefix":{"equals-ignore-case":"AB"}}'],
  ['{"equals-ignore-case":"abc"}', '{"equals-ignore-case":"ABC"}'],
  ['{"wildcard":"a*b*c"}', '{"wildcard":"a*c"}'],
  ['{"wildcard":"a*b"}', '{"prefix":"a"}'],
  ['{"prefix":"a"}', '{"wildcard":"*"}'],
  ['{"suffix":"x"}', '{"prefix":""}'],
  ['"x"', '{"anything-but":"y"}'],
  ['{"prefix":"x"}', '{"anything-but":{"prefix":["y","z"]}}'],
  ['{"numeric":[">",1,"<",2]}', '{"numeric":[">=",1]}'],
  ['5', '{"numeric":[">",1]}'],
  ['{"numeric":["=",5]}', '5'],
  ['{"numeric":[">",1]}', '{"anything-but":["a","b"]}'],
  ['{"cidr":"10.0.1.0/24"}', '{"cidr":"10.0.0.0/16"}'],
  ['"10.0.0.1"', '{"cidr":"10.0.0.0/16"}'],
  ['"10.0.0.1"', '"010.0.0.1"'],
  ['{"anything-but":["a","b"]}', '{"anything-but":"a"}'],
  ['{"anything-but":{"prefix":"a"}}', '{"anything-but":"ab"}'],
  ['"10.0.0.1"', '{"anything-but":"10.0.0.2"}'],
  ['null', '{"exists":true}'],
];

for (const [inner, outer] of within) {
  test(`values: ${inner} lies within ${outer}`, () => {
    assert.ok(isWithin(setOf(inner)!, setOf(outer)!));
  });
}

const notWithin: readonly (readonly [inner: string, outer: string])[] = [
  ['{"prefix":"ab"}', '{"prefix":"abc"}'],
  ['{"wildcard":"a*c"}', '{"wildcard":"a*b*c"}'],
  ['{"wildcard":"a*"}', '{"wildcard":"a*a"}'],
  ['{"prefix":{"equals-ignore-case":"ab"}}', '{"prefix":"ab"}'],
  ['{"equals-ignore-case":"ß"}', '{"equals-ignore-case":"ss"}'],
  ['{"equals-ignore-case":"k"}', '"k"'],
  ['{"numeric":[">=",1]}', '{"numeric":[">",1]}'],
  ['"10.0.0.1"', '{"anything-but":"010.0.0.1"}'],
  ['{"cidr":"10.0.0.0/16"}', '{"cidr":"10.0.1.0/24"}'],
  ['{"anything-but":"a"}', '{"anything-but":["a","b"]}'],
  ['{"exists":true}', '{"prefix":""}'],
];

for (const [inner, outer] of notWithin) {
  test(`values: ${inner} is not said to lie within ${outer}`, () => {
    assert.ok(!isWithin(setOf(inner)!, setOf(outer)!));
  });
}

test('values: two anything-but side by side leave nothing out', () => {
  const any = setOf('{"exists":true}')!;

  assert.ok(isCovered(any, [setOf('{"anything-but":"x"}')!, setOf('{"anything-but":"y"}')!]));
  assert.ok(isCovered(any, [setOf('{"anything-but":["x","y"]}')!, setOf('{"anything-but":{"prefix":"z"}}')!]));
  assert.ok(isCovered(any, [setOf('{"anything-but":"x"}')!, setOf('"x"')!]));
  assert.ok(!isCovered(any, [setOf('{"anything-but":["x","y"]}')!, setOf('{"anything-but":"y"}')!]));
});

const apart: readonly (readonly [one: string, other: string])[] = [
  ['{"numeric":["<",5]}', '{"numeric":[">=",5]}'],
  ['{"numeric":["<=",5]}', '{"numeric":[">",5]}'],
  ['{"prefix":"ab"}', '{"prefix":"ac"}'],
  ['{"suffix":"ab"}', '{"suffix":"cb"}'],
  ['{"prefix":{"equals-ignore-case":"AB"}}', '{"wildcard":"x*"}'],
  ['{"equals-ignore-case":"ab"}', '{"equals-ignore-case":"abc"}'],
  ['{"equals-ignore-case":"aba"}', '{"wildcard":"ab*ba"}'],
  ['"10.0.0.1"', '"10.0.0.2"'],
  ['{"cidr":"10.0.0.0/24"}', '{"cidr":"10.0.1.0/24"}'],
  ['{"cidr":"10.0.0.0/8"}', '{"prefix":"host-"}'],
  ['{"anything-but":{"prefix":"a"}}', '{"prefix":"ab"}'],
  ['null', '"null"'],
];
const meeting: readonly (readonly [one: string, other: string])[] = [
  ['{"numeric":["<=",5]}', '{"numeric":[">=",5]}'],
  ['{"prefix":"ab"}', '{"suffix":"ba"}'],
  ['{"prefix":{"equals-ignore-case":"AB"}}', '{"prefix":"abc"}'],
  ['{"equals-ignore-case":"abba"}', '{"wildcard":"ab*ba"}'],
  ['"10.0.0.1"', '{"prefix":"0"}'],
  ['{"cidr":"10.0.0.0/24"}', '{"cidr":"10.0.0.0/16"}'],
  ['{"anything-but":{"prefix":"ab"}}', '{"prefix":"a"}'],
];

for (const [list, said] of [
  [apart, true],
  [meeting, false],
] as const) {
  for (const [one, other] of list) {
    test(`values: ${one} and ${other} are ${said ? '' : 'not '}said to be apart, in either order`, () => {
      const [a, b] = [setOf(one)!, setOf(other)!];

      assert.deepEqual([areApart(a, b), areApart(b, a)], [said, said]);
    });
  }
}
