// Whatever text comes: the parser gives a tree or PATTERN_INVALID, the evaluator a value, and neither anything else.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { type CesqlAttributes, evaluateCesql, matchesCesql } from '../../../router/cesql/evaluate.ts';
import { parseCesql } from '../../../router/cesql/parse.ts';
import { printCesql } from '../../../router/cesql/print.ts';
import { toRouterError } from '../../../router/errors.ts';
import { seededRandom } from '../../harness/random.ts';

const tokens = [
  ...'( ) , = != <> < <= > >= + - * / % . ! && == \' " \\ ; \n \0 😀 \ud800 § _'.split(' '),
  ...'AND OR XOR NOT LIKE IN EXISTS true FALSE and or not like in exists'.split(' '),
  ...'id source type missing count flag __proto__ constructor data 1a'.split(' '),
  ...'0 1 7 2147483647 2147483648 -2147483648 +5 -0 99999999999999999999'.split(' '),
  ...`'abc' "abc" '' '%b_' 'a\\%' 'it\\'s' '7' 'TRUE' '😀'`.split(' '),
  ...'LENGTH( CONCAT( CONCAT_WS( LOWER( UPPER( TRIM( LEFT( RIGHT( SUBSTRING( ABS( INT( BOOL( STRING( IS_INT( FOO('.split(
    ' ',
  ),
];
const attributes: readonly CesqlAttributes[] = [
  {},
  { id: 'abc', source: '/x', type: 'T', count: 7, flag: true, '1a': '5' },
  { id: '7', source: 'true', type: '😀%b', count: -2147483648, flag: false, data: '' },
];

interface Suite {
  readonly tests: readonly { readonly expression: string }[];
}
const yaml = createRequire(import.meta.url)('js-yaml') as {
  readonly FAILSAFE_SCHEMA: unknown;
  load(text: string, options: { readonly schema: unknown }): Suite;
};
const folder = new URL('../../fixtures/cesql-tck/', import.meta.url);
const kit: readonly string[] = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml'))
  .flatMap((name) => yaml.load(readFileSync(new URL(name, folder), 'utf8'), { schema: yaml.FAILSAFE_SCHEMA }).tests)
  .map(({ expression }) => expression);

type Random = () => number;
const below = (random: Random, limit: number): number => Math.floor(random() * limit);
const pick = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)]!;

const fromTokens = (random: Random): string =>
  Array.from({ length: below(random, 16) }, () => pick(random, tokens)).join(random() < 0.8 ? ' ' : '');

/** An expression of the kit with a piece taken out, doubled, replaced, or another one's piece in its place. */
function mutated(random: Random): string {
  let text = pick(random, kit);
  for (let times = 1 + below(random, 3); times > 0; times--) {
    const from = below(random, text.length + 1);
    const to = Math.min(text.length, from + below(random, 6));
    const other = pick(random, kit);
    const cut = below(random, other.length + 1);
    const piece = pick(random, ['', text.slice(from, to).repeat(2), pick(random, tokens), other.slice(cut), ' ']);
    text = text.slice(0, from) + piece + text.slice(to);
  }
  return text;
}

function parsed(text: string): ReturnType<typeof parseCesql> | undefined {
  try {
    return parseCesql(text);
  } catch (thrown) {
    const { code, message } = toRouterError(thrown);
    assert.equal(code, 'PATTERN_INVALID', String(thrown));
    assert.match(message, /^cesql: (?:line \d+, )?column \d+: \S/);
    return undefined;
  }
}

function look(text: string): boolean {
  const expression = parsed(text);
  if (expression === undefined) return false;
  const again = parseCesql(printCesql(expression));
  for (const one of attributes) {
    const { value, error } = evaluateCesql(expression, one);
    assert.ok(typeof value === 'string' || typeof value === 'boolean' || Number.isInteger(value), String(value));
    assert.equal(matchesCesql(expression, one), value === true && error === undefined);
    const { value: sameValue, error: sameError } = evaluateCesql(again, one);
    assert.deepEqual([sameValue, sameError?.kind], [value, error?.kind], 'the printed text says something else');
  }
  return true;
}

for (const [what, make, least] of [
  ['texts of tokens', fromTokens, 0.02],
  ['changed expressions of the TCK', mutated, 0.2],
] as const) {
  test(`cesql: 30,000 random ${what} bring nothing down`, () => {
    const seed = Number(process.hrtime.bigint() % 4_294_967_296n);
    const random = seededRandom(seed);
    let read = 0;
    for (let run = 0; run < 30_000; run++) {
      const text = make(random);
      try {
        if (look(text)) read++;
      } catch (thrown) {
        throw new Error(`seed ${seed}, run ${run}: ${JSON.stringify(text)}`, { cause: thrown });
      }
    }
    // Otherwise the evaluator was hardly reached.
    assert.ok(read >= 30_000 * least, `seed ${seed}: only ${read} were expressions`);
  });
}
