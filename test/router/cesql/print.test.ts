// Writing CESQL: the canonical text, and that the parser reads the same tree from it, whatever the tree.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type BinaryOperator, binaryLevels, type CesqlExpression, keywords } from '../../../router/cesql/expression.ts';
import { functionNames } from '../../../router/cesql/functions.ts';
import { parseCesql } from '../../../router/cesql/parse.ts';
import { printCesql } from '../../../router/cesql/print.ts';
import { RouterError } from '../../../router/errors.ts';

const texts: readonly (readonly [text: string, canonical: string])[] = [
  ['a=1 and(b<2)', 'a = 1 AND b < 2'],
  ['a<>b', 'a != b'],
  ['(a or b) and c', 'a OR b AND c'],
  ['a or (b and c)', 'a OR (b AND c)'],
  ['not(a=b)', 'NOT (a = b)'],
  ['(not a)=b', 'NOT a = b'],
  ['1-(2-3)', '1 - (2 - 3)'],
  ['(1-2)-3', '1 - 2 - 3'],
  ['-(5)', '- 5'],
  ['-(-5)', '--5'],
  ['- - 5', '-- 5'],
  ['-a', '-a'],
  ['-(1a)', '- 1a'],
  ['-(a+1)', '-(a + 1)'],
  ['5-(-3)', '5 - -3'],
  ['"it\'s"', '"it\'s"'],
  ["'say \"\\'\"'", "'say \"\\'\"'"],
  ['"x"', "'x'"],
  ['(a)like"x\\%"', "a LIKE 'x\\%'"],
  ["(a = b) not like 'x'", "(a = b) NOT LIKE 'x'"],
  ["a = b not like 'x'", "a = b NOT LIKE 'x'"],
  ['A in((1),b+1,(c or d))', 'a IN (1, b + 1, c OR d)'],
  ['exists Subject', 'EXISTS subject'],
  ['substring(id,1,left(id,2))', 'SUBSTRING(id, 1, LEFT(id, 2))'],
  ['+007', '7'],
  ['true xor False', 'TRUE XOR FALSE'],
];

for (const [text, canonical] of texts) {
  test(`cesql: ${text} is written as ${canonical}`, () => {
    assert.equal(printCesql(parseCesql(text)), canonical);
    assert.equal(printCesql(parseCesql(canonical)), canonical);
  });
}

/** A tree as if it was built: without the places of the text. */
function bare(node: CesqlExpression): unknown {
  return JSON.parse(JSON.stringify(node, (key, value: unknown) => (key === 'at' ? undefined : value)));
}

const attributeName = fc
  .stringMatching(/^[a-z0-9]{1,8}$/)
  .filter((name) => !/^[0-9]+$/.test(name) && !keywords.includes(name.toUpperCase()));
/** Every text but the few that CESQL cannot write. */
const writable = fc
  .oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom('\\', "'", '"', '%', '_', 'a', '\n', '😀') }))
  .filter((text) => {
    const singly = text.replaceAll(/\\[\s\S]/gu, (pair) => (pair === "\\'" ? '\\' : ''));
    const doubly = text.replaceAll(/\\[\s\S]/gu, (pair) => (pair === '\\"' ? '\\' : ''));
    return text.isWellFormed() && (!singly.includes('\\') || !doubly.includes('\\'));
  });
const operator = fc.constantFrom(...(Object.keys(binaryLevels) as BinaryOperator[]));
const { tree } = fc.letrec<{ tree: CesqlExpression }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 6, depthSize: 'medium' },
    fc.oneof(
      fc.record({ kind: fc.constant('literal'), value: fc.oneof(writable, fc.integer(), fc.boolean()) }),
      fc.record({ kind: fc.constantFrom('attribute', 'exists'), name: attributeName }),
    ) as fc.Arbitrary<CesqlExpression>,
    fc.record({ kind: fc.constant('unary'), op: fc.constantFrom('NOT', '-'), operand: tie('tree') }),
    fc.record({ kind: fc.constant('binary'), op: operator, left: tie('tree'), right: tie('tree') }),
    fc.record({ kind: fc.constant('like'), not: fc.boolean(), operand: tie('tree'), pattern: writable }),
    fc.record({
      kind: fc.constant('in'),
      not: fc.boolean(),
      operand: tie('tree'),
      set: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }),
    }),
    fc.record({
      kind: fc.constant('call'),
      name: fc.constantFrom(...functionNames),
      arguments: fc.array(tie('tree'), { maxLength: 3 }),
    }),
  ) as fc.Arbitrary<CesqlExpression>,
}));

test('cesql: what is printed is parsed to the same tree', () => {
  fc.assert(
    fc.property(tree, (built) => {
      const text = printCesql(built);

      assert.deepEqual(bare(parseCesql(text)), bare(built), text);
      assert.equal(printCesql(parseCesql(text)), text);
    }),
    { numRuns: 4_000 },
  );
});

test('cesql: a chain of 10,000 operators is printed and read again', () => {
  const chain = (text: string, times: number): string => text + ` OR ${text}`.repeat(times);

  assert.equal(printCesql(parseCesql(chain('a', 10_000))), chain('a', 10_000));
  const odd = `a${" LIKE 'a' IN (a)".repeat(3_000)}`;
  assert.equal(printCesql(parseCesql(odd)), odd);
});

test('cesql: the deepest expression that is read is printed so that it is read again', () => {
  for (const text of [
    `${'- '.repeat(200)}5`,
    `${'('.repeat(200)}1${')'.repeat(200)}`,
    `${'NOT('.repeat(100)}a=b${')'.repeat(100)}`,
  ]) {
    const printed = printCesql(parseCesql(text));

    assert.deepEqual(bare(parseCesql(printed)), bare(parseCesql(text)));
  }
});

const literal = (value: string | number): CesqlExpression => ({ kind: 'literal', value });
const unwritable: readonly (readonly [what: string, tree: CesqlExpression, says: RegExp])[] = [
  [
    'an attribute named like a keyword',
    { kind: 'attribute', name: 'in' },
    /the attribute "in" cannot be named in CESQL/,
  ],
  ['an attribute named like a number', { kind: 'exists', name: '42' }, /the attribute "42" cannot be named/],
  ['an attribute with a capital', { kind: 'attribute', name: 'myId' }, /"myId" cannot be named/],
  ['a number with a fraction', literal(1.5), /from -2147483648 to 2147483647, found 1.5/],
  ['a number of 33 bits', literal(2 ** 31), /found 2147483648/],
  ['no number', literal(Number.NaN), /found NaN/],
  ['a string that ends with a backslash', literal('a\\'), /a backslash at its end or before a quote/],
  ['both quotes after backslashes', literal(`\\'\\"`), /a backslash at its end or before a quote/],
  ['a lone surrogate', literal('\udc00'), /lone surrogate/],
  ['an unknown function', { kind: 'call', name: 'NOW', arguments: [] }, /unknown function 'NOW'/],
];

for (const [what, built, says] of unwritable) {
  test(`cesql: ${what} cannot be written and is refused`, () => {
    assert.throws(
      () => printCesql({ kind: 'unary', op: 'NOT', operand: built }),
      (thrown) => thrown instanceof RouterError && thrown.code === 'PATTERN_INVALID' && says.test(thrown.message),
    );
  });
}
