// The algebra that conversions rest on: whatever is built of sets, a text is in it exactly where it should be, and sets
// with one key are one set.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { likeTest } from '../../../router/cesql/like.ts';
import { asInteger, asText, isNever, isWhole, otherClaim } from '../../../router/dialect/claim.ts';
import {
  allIntegers,
  commonIntegers,
  hasInteger,
  type IntegerSet,
  integersBetween,
  joinIntegers,
  otherIntegers,
} from '../../../router/dialect/integer-set.ts';
import { integersOf, isIntegerText, rangesOf } from '../../../router/dialect/integer-text.ts';
import { loweredEqual, loweredLike } from '../../../router/dialect/lowered.ts';
import {
  allOfTexts,
  anyOfTexts,
  foldedTexts,
  hasText,
  integerTexts,
  listedTexts,
  otherTexts,
  type TextSet,
  textsEqual,
  textsInCidr,
  textsLike,
  textsOfParts,
} from '../../../router/dialect/text-set.ts';
import { overlapsOf } from '../../../router/dialect/text-test.ts';
import { texts } from './arbitrary.ts';

interface Known {
  readonly set: TextSet;
  readonly has: (text: string) => boolean;
}

const text = fc.constantFrom(...texts, '');
const bound = fc.constantFrom(-3e9, -55, -5, 0, 1, 5, 50, 3e9);
const ranges: fc.Arbitrary<IntegerSet> = fc
  .tuple(bound, bound)
  .map(([a, b]) => integersBetween(Math.min(a, b), Math.max(a, b)));
const parts = fc.array(fc.constantFrom('a', 'ab', '', 'b', '5'), { minLength: 1, maxLength: 3 });
const leaf: fc.Arbitrary<Known> = fc
  .oneof(
    fc.tuple(fc.array(text, { maxLength: 4 }), fc.boolean()).map(([values, but]) => listedTexts(values, but)),
    parts.map(textsOfParts),
    parts.map((list) => textsLike(list.join('_'))),
    fc.tuple(fc.constantFrom('equals-ignore-case', 'prefix', 'suffix'), text).map(([op, one]) => foldedTexts(op, one)),
    text.map(textsEqual),
    fc.constantFrom('10.0.0.0/24', '::/0').map(textsInCidr),
    ranges.map(integerTexts),
  )
  .map((set) => ({ set, has: (one) => hasText(set, one) }));

const { known } = fc.letrec<{ known: Known; list: Known[] }>((tie) => ({
  list: fc.array(tie('known'), { minLength: 1, maxLength: 4 }),
  known: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    tie('known').map(({ set, has }) => ({ set: otherTexts(set), has: (one: string) => !has(one) })),
    tie('list').map((list) => ({
      set: anyOfTexts(list.map(({ set }) => set)),
      has: (one: string) => list.some(({ has }) => has(one)),
    })),
    tie('list').map((list) => ({
      set: allOfTexts(list.map(({ set }) => set)),
      has: (one: string) => list.every(({ has }) => has(one)),
    })),
  ),
}));

const sample = [...texts, '', 'aab', 'abb', 'bab', '-50', '500', 'a5', 'AB', 'abA', '10.0.0.9'];

test('text sets: unions, intersections and complements hold the texts they should', () => {
  let combined = 0;
  fc.assert(
    fc.property(known, ({ set, has }) => {
      if (set.kind === 'all' || set.kind === 'any') combined++;
      for (const one of sample) assert.equal(hasText(set, one), has(one), `${JSON.stringify(one)} in ${set.key}`);
    }),
    { numRuns: 2000 },
  );
  assert.ok(combined > 100, `only ${combined} sets are combined`);
});

test('text sets: the integers of a set are those whose text it holds', () => {
  const integers = [0, 1, -1, 5, -5, 50, 55, 500, 5123, 1e9, 555555555, 2147483647, -2147483648].map(String);
  fc.assert(
    fc.property(known, ({ set, has }) => {
      const of = integersOf(set);
      for (const one of integers) assert.equal(hasText(of, one), has(one), `${one} in ${set.key}`);
      assert.equal(integersOf(of).key, of.key);
    }),
    { numRuns: 1000 },
  );
});

test('text sets: integers that are ranges only once a part is gone still have the one form of ranges', () => {
  const digits = textsLike('5_5');
  const nothing = allOfTexts([digits, integerTexts(integersBetween(-55, 0))]);
  const set = anyOfTexts([listedTexts(['5']), nothing, textsOfParts(['50', ''])]);

  const of = integersOf(set);

  assert.ok(rangesOf(set) === undefined && rangesOf(of) !== undefined);
  assert.equal(of.key, integersOf(anyOfTexts([listedTexts(['5']), textsOfParts(['50', ''])])).key);
  assert.equal(integersOf(of).key, of.key);
});

test('text sets: integers that begin with digits are ranges, for every number of digits', () => {
  const integer = fc.oneof(fc.integer(), fc.integer({ min: -2000, max: 2000 }));
  const prefix = fc.tuple(
    fc.constantFrom('', '-'),
    fc.constantFrom('', '0', '1', '5', '21', '214748364', '2147483648', '05'),
  );
  fc.assert(
    fc.property(prefix, integer, fc.nat({ max: 12 }), ([sign, digits], value, cut) => {
      for (const wanted of [sign + digits, String(value).slice(0, cut)]) {
        const found = rangesOf(textsOfParts([wanted, '']));
        assert.ok(found !== undefined);
        assert.equal(hasInteger(found, value), String(value).startsWith(wanted), `${value} begins with ${wanted}`);
      }
    }),
    { numRuns: 2000 },
  );
  assert.deepEqual(['5', '-5', '05', '+5', '-0', '2147483648', ''].map(isIntegerText), [
    true,
    true,
    false,
    false,
    false,
    false,
    false,
  ]);
});

test('integer sets: union, intersection and complement', () => {
  const points = [-2147483648, -56, -55, -5, -1, 0, 1, 2, 5, 6, 50, 2147483647];
  fc.assert(
    fc.property(ranges, ranges, ranges, (a, b, c) => {
      const [any, all, other] = [joinIntegers([a, b, c]), commonIntegers(a, b), otherIntegers(c)];
      for (const point of points) {
        assert.equal(
          hasInteger(any, point),
          [a, b, c].some((set) => hasInteger(set, point)),
        );
        assert.equal(hasInteger(all, point), hasInteger(a, point) && hasInteger(b, point));
        assert.equal(hasInteger(other, point), !hasInteger(c, point));
      }
      assert.deepEqual(joinIntegers([c, other]), allIntegers);
    }),
  );
});

test('text sets: one key for one meaning, where it is known', () => {
  const [a, b] = [textsOfParts(['com.', '']), textsLike('%.created')];

  assert.equal(anyOfTexts([a, otherTexts(a)]).key, listedTexts([], true).key);
  assert.equal(allOfTexts([a, otherTexts(a)]).key, listedTexts([]).key);
  assert.equal(anyOfTexts([a, b]).key, anyOfTexts([b, a, b]).key);
  assert.equal(anyOfTexts([a, listedTexts(['com.x'])]).key, a.key);
  assert.equal(anyOfTexts([a, textsOfParts(['com.x', ''])]).key, a.key);
  assert.equal(allOfTexts([a, listedTexts(['com.x', 'org'])]).key, listedTexts(['com.x']).key);
  assert.equal(textsEqual('10.0.0.1').key, textsEqual('10.0.0.01').key);
  assert.equal(foldedTexts('prefix', '12').key, textsOfParts(['12', '']).key);
  assert.equal(textsLike('a%%b').key, textsOfParts(['a', 'b']).key);
});

test('lowered: the texts that LOWER turns into a given one, for every character there is', () => {
  const wanted = ['k', 'i', 'ki', 'ik', 'a', 's', 'kk', '5', 'k-i'];
  const sets = wanted.flatMap((one) => [
    { set: loweredEqual(one)!, matches: (lower: string) => lower === one },
    { set: loweredLike(`${one}%`)!, matches: likeTest(`${one}%`) },
    { set: loweredLike(`%${one}`)!, matches: likeTest(`%${one}`) },
  ]);
  let hits = 0;
  for (let code = 0; code < 0x11000; code++) {
    const character = String.fromCodePoint(code);
    const around = code < 0x80 || character.toLowerCase().charCodeAt(0) < 0x80 ? ['', 'k', 'i', 'a'] : [''];
    for (const value of around.flatMap((other) => [character + other, other + character])) {
      for (const { set, matches } of sets) {
        const due = matches(value.toLowerCase());
        if (due) hits++;
        assert.equal(hasText(set, value), due, `LOWER(${JSON.stringify(value)}) against ${set.key}`);
      }
    }
  }
  assert.ok(hits > 500);
  assert.equal(loweredEqual('kkkkk'), undefined);
  assert.equal(loweredEqual('é'), undefined);
  assert.equal(hasText(loweredEqual('A')!, 'a'), false);
});

test('overlaps: the texts with both ends that are shorter than both together', () => {
  assert.deepEqual(overlapsOf('ab', 'ba'), ['aba']);
  assert.deepEqual(overlapsOf('aa', 'aa'), ['aaa', 'aa']);
  assert.deepEqual(overlapsOf('abab', 'ab'), ['abab']);
  assert.deepEqual(overlapsOf('a', 'b'), []);
});

test('claims: what no event can hold is left out, so equal wishes look alike', () => {
  const said = ['x'];

  assert.ok(isNever(asText('data', listedTexts([], true), said)), 'no attribute has the name data');
  assert.ok(isNever(asInteger('type', allIntegers, said)) === false, 'text that reads as a number may be a type');
  assert.ok(isNever(asText('type', listedTexts(['']), said)), 'type is never empty');
  assert.ok(isNever(asText('specversion', listedTexts(['0.3']), said)));
  assert.ok(isWhole(asText('specversion', listedTexts(['1.0']), said)));
  assert.ok(isWhole(asText('id', listedTexts([], true), said)));
  assert.ok(!isWhole(asText('subject', listedTexts([], true), said)), 'subject may be absent');
  assert.ok(isWhole(otherClaim(asText('n', listedTexts([]), said))));
});
