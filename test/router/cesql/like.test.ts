// LIKE against a slow matcher that is plainly right, and in time that does not grow with the square of the value.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { likeTest } from '../../../router/cesql/like.ts';

type Part = string | 'any' | 'one';

/** Over all prefixes at once: which of them the pattern so far can match. */
function slowLike(value: string, pattern: string): boolean {
  const characters = [...value];
  const parts: Part[] = [...pattern.matchAll(/\\[%_]|[\s\S]/gu)].map(([part]) =>
    part === '%' ? 'any' : part === '_' ? 'one' : part.length > 1 && part[0] === '\\' ? part[1]! : part,
  );
  let reached = [true, ...characters.map(() => false)];
  for (const part of parts) {
    const next = reached.map(() => false);
    for (let i = 0; i < reached.length; i++) {
      if (part === 'any') next[i] = reached[i]! || (i > 0 && next[i - 1]!);
      else next[i] = i > 0 && reached[i - 1]! && (part === 'one' || part === characters[i - 1]);
    }
    reached = next;
  }
  return reached.at(-1)!;
}

const cases: readonly (readonly [pattern: string, value: string, matches: boolean])[] = [
  ['', '', true],
  ['', 'a', false],
  ['%', '', true],
  ['%%', '', true],
  ['_', '', false],
  ['_', '😀', true],
  ['__', '😀', false],
  ['%_', '', false],
  ['%_%', '😀', true],
  ['_%_', '😀', false],
  ['%__', '😀', false],
  ['a%a', 'a', false],
  ['%a_', 'aab', true],
  ['a_%_a', 'abba', true],
  ['a_%_a', 'aba', false],
  ['\\%', '%', true],
  ['\\%', '\\%', false],
  ['\\\\%', '\\%', true],
  ['\\\\%', '\\\\', false],
  ['\\\\\\_', '\\\\_', true],
  ['a\\', 'a\\', true],
  ['\\a', '\\a', true],
  ['A%', 'abc', false],
  ['a%', 'a\nb', true],
  ['a_b', 'a\nb', true],
  ['.*', 'abc', false],
  ['[a]%', '[a]b', true],
];

for (const [pattern, value, matches] of cases) {
  test(`cesql: LIKE ${JSON.stringify(pattern)} ${matches ? 'matches' : 'does not match'} ${JSON.stringify(value)}`, () => {
    assert.equal(likeTest(pattern)(value), matches);
    assert.equal(slowLike(value, pattern), matches);
  });
}

test('cesql: LIKE agrees with a matcher that tries everything', () => {
  const unit = fc.constantFrom('a', 'b', '😀', '%', '_', '\\');
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', 'ab', '😀', '%', '_', '%_', '\\%', '\\_', '\\') });
  fc.assert(
    fc.property(pattern, fc.string({ unit, maxLength: 14 }), (one, value) => {
      assert.equal(likeTest(one)(value), slowLike(value, one));
    }),
    { numRuns: 20_000 },
  );
});

test('cesql: LIKE agrees with it on pieces of many characters too', () => {
  const unit = fc.constantFrom('a', 'a', 'a', 'b', '😀');
  const piece = fc.string({ unit: fc.constantFrom('a', 'a', '_'), minLength: 60, maxLength: 100 });
  fc.assert(
    fc.property(piece, fc.string({ unit, maxLength: 8 }), fc.nat({ max: 99 }), (one, around, miss) => {
      const pattern = `%${one}b_%b`;
      const filled = [...one].map((wanted, i) => (wanted === '_' ? '😀' : i === miss ? 'b' : 'a'));
      const value = `${around}${filled.join('')}b${around}b`;

      assert.equal(likeTest(pattern)(value), slowLike(value, pattern));
    }),
    { numRuns: 2_000 },
  );
});

test('cesql: LIKE finds what was made from its pattern', () => {
  const piece = fc.string({ unit: fc.constantFrom('a', 'b', '😀'), maxLength: 3 });
  fc.assert(
    fc.property(fc.array(fc.tuple(piece, fc.constantFrom('%', '_')), { maxLength: 6 }), piece, (list, filling) => {
      const pattern = list.map(([text, wild]) => text + wild).join('');
      const value = list.map(([text, wild]) => text + (wild === '%' ? filling : '😀')).join('');

      assert.equal(likeTest(pattern)(value), true);
    }),
    { numRuns: 5_000 },
  );
});

const hostile: Readonly<Record<string, (length: number) => readonly [pattern: string, value: string]>> = {
  'many %': (n) => [`${'%a'.repeat(500)}b`, 'a'.repeat(n)],
  'many %_': (n) => [`${'%_a'.repeat(500)}b`, 'a'.repeat(n)],
  'one long piece': (n) => [`%${'a'.repeat(5_000)}b${'a'.repeat(5_000)}%`, 'a'.repeat(n)],
  'a piece with _': (n) => [`%${'a_'.repeat(20)}b%`, 'a'.repeat(n)],
  'a long piece with _': (n) => [`%${'a_'.repeat(500)}b%`, 'a'.repeat(n)],
  'only _': (n) => [`%${'_'.repeat(2_000)}`, 'a'.repeat(n)],
};

for (const [what, make] of Object.entries(hostile)) {
  test(`cesql: LIKE with ${what} takes time in step with the value`, () => {
    const millis = (length: number): number => {
      const [pattern, value] = make(length);
      const matches = likeTest(pattern);
      const runs = Array.from({ length: 5 }, () => {
        const before = process.cpuUsage().user;
        matches(value);
        return (process.cpuUsage().user - before) / 1_000;
      });
      return Math.min(...runs);
    };

    millis(16_384);
    const [small, large] = [millis(65_536), millis(524_288)];

    // 8 times the value: in step is 8, its square 64. The added 5 ms is for what is too short to measure.
    assert.ok(large <= small * 24 + 5, `${small} ms for 64 KiB, ${large} ms for 512 KiB`);
  });
}
