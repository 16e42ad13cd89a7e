// What an expression says of an event, beyond the TCK: errors and their messages, 32-bit arithmetic, casts, the order of
// evaluation, and functions over characters outside the basic plane.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type CesqlAttributes,
  type CesqlError,
  type CesqlResult,
  compileCesql,
  compileCesqlFilter,
  evaluateCesql,
  matchesCesql,
} from '../../../router/cesql/evaluate.ts';
import type { CesqlExpression, CesqlValue } from '../../../router/cesql/expression.ts';
import { parseCesql } from '../../../router/cesql/parse.ts';

const event: CesqlAttributes = {
  specversion: '1.0',
  id: 'A-1',
  source: '/orders',
  type: 'order.created',
  hop: '5',
  count: 7,
  urgent: true,
  smile: '😀ab😀',
  gone: undefined,
};

const evaluate = (text: string, attributes = event): CesqlResult => evaluateCesql(parseCesql(text), attributes);

const values: readonly (readonly [text: string, value: CesqlValue])[] = [
  // casts
  ["INT('+5')", 5],
  ["INT('-0')", 0],
  ["INT('007')", 7],
  [`INT('${'0'.repeat(500)}2147483647')`, 2147483647],
  ["INT('-2147483648')", -2147483648],
  ['STRING(-0)', '0'],
  ['STRING(count)', '7'],
  ["BOOL('tRuE')", true],
  ['TRUE = "true" AND FALSE = "false"', true],
  ['TRUE = "TRUE" OR FALSE = "FALSE"', false],
  ["'TRUE' = TRUE", true],
  ["7 = '7'", true],
  ["7 = '07'", false],
  ["'07' = 7", true],
  ['urgent = 1', true],
  ["'Abc' = 'abc'", false],
  ["IS_INT('5') AND NOT IS_INT('five') AND NOT IS_INT('5.0') AND NOT IS_INT(' 5') AND NOT IS_INT('')", true],
  ["IS_BOOL('False') AND IS_BOOL(0) AND NOT IS_BOOL('yes')", true],
  // arithmetic
  ['7 / -2', -3],
  ['-7 % 2', -1],
  ['7 % -2', 1],
  ['0 / -5', 0],
  ['-4 % 2 = 0', true],
  ['0 * -1', 0],
  ['-(0)', 0],
  ['2147483647 + 0', 2147483647],
  ['-2147483647 - 1', -2147483648],
  ['-2147483648 % -1', 0],
  ['65536 * 32767', 2147418112],
  ['hop * 2 + count', 17],
  // what is not evaluated brings no error
  ['urgent OR missing', true],
  ['NOT urgent AND missing = 1', false],
  ['EXISTS missing AND missing = 1', false],
  ['count IN (7, missing)', true],
  ["'7' IN (count)", true],
  ["id IN ('A-1', missing)", true],
  ["urgent IN ('TRUE', 'x')", true],
  // attributes
  ['EXISTS gone', false],
  ['EXISTS constructor', false],
  ['EXISTS hasownproperty', false],
  ['count', 7],
  ['URGENT', true],
  // characters
  ['LENGTH(smile)', 4],
  ['LEFT(smile, 1)', '😀'],
  ['RIGHT(smile, 2)', 'b😀'],
  ['SUBSTRING(smile, 2, 2)', 'ab'],
  ['SUBSTRING(smile, -1)', '😀'],
  ["RIGHT('abc', 0)", ''],
  ["SUBSTRING('abc', 2, 0)", ''],
  ["SUBSTRING('abc', -2, 2147483647)", 'bc'],
  ["SUBSTRING('', 0)", ''],
  ["smile LIKE '_ab_'", true],
  ["smile LIKE '__ab_'", false],
  ["UPPER('straße')", 'STRASSE'],
  ["CONCAT('a', 1, TRUE, count)", 'a1true7'],
  ["CONCAT_WS('-', 'a', '', 'b')", 'a--b'],
  ["TRIM(' \u00a0\u0085\u2003\ta \ufeff\n')", 'a \ufeff'],
  ["TRIM('\u0000a\u200b')", '\u0000a\u200b'],
  ["TRIM(' \t ')", ''],
  ['ABS(-2147483647)', 2147483647],
];

for (const [text, value] of values) {
  test(`cesql: ${JSON.stringify(text).slice(0, 120)} is ${JSON.stringify(value)}`, () => {
    const result = evaluate(text);

    assert.deepEqual(result, { value });
    assert.ok(!Object.is(result.value, -0));
  });
}

type Kind = CesqlError['kind'];
const errors: readonly (readonly [text: string, value: CesqlValue, kind: Kind, message: string | RegExp])[] = [
  [
    'missing',
    false,
    'missingAttribute',
    "column 1: the event has no attribute 'missing'; test for it with EXISTS missing",
  ],
  ['data', false, 'missingAttribute', "column 1: the event has no attribute 'data'; CESQL cannot look into the data"],
  ['constructor', false, 'missingAttribute', /no attribute 'constructor'/],
  ['gone', false, 'missingAttribute', /no attribute 'gone'/],
  ["missing = ''", false, 'missingAttribute', /^column 1/],
  ["missing != ''", false, 'missingAttribute', /^column 1/],
  ['missing + 1', 0, 'missingAttribute', /^column 1/],
  ['LENGTH(missing)', 0, 'missingAttribute', /^column 8/],
  ['CONCAT(id, missing)', '', 'missingAttribute', /^column 12/],
  ['IS_INT(missing)', false, 'missingAttribute', /^column 8/],
  ["missing NOT LIKE 'x'", false, 'missingAttribute', /^column 1/],
  ["missing NOT IN ('x')", false, 'missingAttribute', /^column 1/],
  ['NOT (missing = 1)', false, 'missingAttribute', /^column 6/],
  ['missing OR TRUE', false, 'missingAttribute', /^column 1/],
  ['FALSE OR missing', false, 'missingAttribute', /^column 10/],
  ['urgent XOR missing', false, 'missingAttribute', /^column 12/],
  ['id IN (missing, id)', false, 'missingAttribute', /^column 8/],
  [
    'id < 10',
    false,
    'cast',
    `column 4: '<' needs an integer from -2147483648 to 2147483647, the attribute 'id' is "A-1"`,
  ],
  [
    'id = 10',
    false,
    'cast',
    `column 4: '=' goes by the type on its right and needs an integer from -2147483648 to 2147483647, the attribute 'id' is "A-1"`,
  ],
  [
    'id != TRUE',
    false,
    'cast',
    `column 4: '!=' goes by the type on its right and needs true or false, the attribute 'id' is "A-1"`,
  ],
  ["count IN ('x', 7)", false, 'cast', /IN goes by the type on its left and needs an integer .* the literal is "x"$/],
  ["NOT 'x'", false, 'cast', `column 1: NOT needs true or false, the literal is "x"`],
  ["urgent AND 'x'", false, 'cast', /^column 8: AND needs true or false, the literal is "x"$/],
  ["-LEFT('x', 1)", 0, 'cast', /^column 1: '-' needs an integer .* its operand is "x"$/],
  ["INT('2147483648')", 0, 'cast', /^column 1: INT needs an integer .* the literal is "2147483648"$/],
  [`INT('${'9'.repeat(1_000)}')`, 0, 'cast', /is "9{57}\.\.\."$/],
  ["INT('5.0')", 0, 'cast', /INT needs/],
  ["INT('0x10')", 0, 'cast', /INT needs/],
  ["INT('1e3')", 0, 'cast', /INT needs/],
  ["INT('')", 0, 'cast', /INT needs/],
  ["INT('٣')", 0, 'cast', /INT needs/],
  ["BOOL('1')", false, 'cast', /BOOL needs true or false/],
  ["LEFT(id, 'two')", '', 'cast', /^column 1: LEFT needs an integer .* the literal is "two"$/],
  ['1 / 0', 0, 'math', 'column 3: 1 / 0 divides by zero'],
  ['0 % 0', 0, 'math', 'column 3: 0 % 0 divides by zero'],
  ['2147483647 + 1', 0, 'math', 'column 12: 2147483647 + 1 is outside of -2147483648 to 2147483647'],
  ['-2147483648 - 1', 0, 'math', /is outside of/],
  ['65536 * 32768', 0, 'math', /is outside of/],
  ['2147483647 * -2147483648', 0, 'math', /is outside of/],
  ['-2147483648 / -1', 0, 'math', /is outside of/],
  ['-(-2147483648)', 0, 'math', /is over 2147483647/],
  ['ABS(-2147483648) = 2147483647', false, 'math', /^column 1: ABS: -2147483648 has no absolute value/],
  ["LEFT('abc', -1) = 'abc'", false, 'functionEvaluation', /^column 1: LEFT: cannot take -1 characters/],
  ["SUBSTRING('', 1)", '', 'functionEvaluation', /SUBSTRING: position 1 is outside of the 0 characters/],
  ["SUBSTRING('abc', 0, -1)", '', 'functionEvaluation', /cannot take -1 characters/],
  ["SUBSTRING('😀', 2)", '', 'functionEvaluation', /outside of the 1 characters/],
  [
    'SUBSTRING(id)',
    false,
    'missingFunction',
    'column 1: SUBSTRING does not take 1 arguments; allowed: SUBSTRING(String, Integer), SUBSTRING(String, Integer, Integer)',
  ],
  ['CONCAT_WS()', false, 'missingFunction', /allowed: CONCAT_WS\(String, String\.\.\.\)$/],
  ['ABS() + 1', 0, 'missingFunction', /ABS does not take 0 arguments; allowed: ABS\(Integer\)$/],
  ['ABS(missing, 1)', false, 'missingFunction', /ABS does not take 2/],
];

for (const [text, value, kind, message] of errors) {
  test(`cesql: ${text.slice(0, 100)} is ${JSON.stringify(value)} with a ${kind} error`, () => {
    const result = evaluate(text);

    assert.deepEqual([result.value, result.error?.kind], [value, kind]);
    if (typeof message === 'string') assert.equal(result.error?.message, message);
    else assert.match(result.error?.message ?? '', message);
    assert.equal(matchesCesql(parseCesql(text), event), false);
  });
}

test('cesql: a filter passes only the value true, without an error', () => {
  const passes = (text: string): boolean => matchesCesql(parseCesql(text), event);

  assert.equal(passes("type LIKE 'order.%' AND count >= 7"), true);
  assert.equal(passes('count'), false);
  assert.equal(passes("'true'"), false);
  assert.equal(passes('NOT missing'), false);
  assert.equal(passes('missing != 1 OR TRUE'), false);
});

test('cesql: a compiled expression keeps nothing of the event before', () => {
  const run = compileCesql(parseCesql("EXISTS n AND n IN (1, 2) AND 'x' LIKE 'x'"));
  const filter = compileCesqlFilter(parseCesql('n > 1'));

  assert.deepEqual(
    [{ n: 1 }, {}, { n: 3 }, { n: '2' }, { n: 2 }].map((one) => run(one).value),
    [true, false, false, true, true],
  );
  assert.deepEqual([{ n: 1 }, {}, { n: 3 }, { n: 'x' }, { n: '2' }].map(filter), [false, false, true, false, true]);
});

test('cesql: a tree that was built has errors without a column', () => {
  const built: CesqlExpression = { kind: 'call', name: 'NOW', arguments: [{ kind: 'attribute', name: 'id' }] };

  assert.deepEqual(evaluateCesql(built, event), {
    value: false,
    error: { kind: 'missingFunction', message: 'there is no function NOW' },
  });
});

test('cesql: 6,000 alternatives are evaluated without deep recursion', () => {
  const matches = compileCesqlFilter(parseCesql(Array.from({ length: 6_000 }, (_, i) => `a=${i}`).join(' OR ')));

  assert.equal(matches({ a: 5_999 }), true);
  assert.equal(matches({ a: 6_000 }), false);
});

test('cesql: the deepest expression is evaluated', () => {
  assert.deepEqual(evaluate(`${'1 + ('.repeat(200)}0${')'.repeat(200)}`), { value: 200 });
  assert.deepEqual(evaluate(`${'ABS('.repeat(200)}-1${')'.repeat(200)}`), { value: 1 });
});

test('cesql: a result too long for a string is an error, not a crash', () => {
  const long = { ...event, id: 'x'.repeat(1_000_000) };
  const many = Array.from({ length: 16_000 }, () => 'id').join();

  for (const text of [`CONCAT(${many})`, `LENGTH(CONCAT_WS(id,${many}))`]) {
    assert.equal(evaluate(text, long).error?.kind, 'functionEvaluation');
  }
});

const integer = fc.oneof(
  fc.integer(),
  fc.integer({ min: -70_000, max: 70_000 }),
  fc.constantFrom(-2147483648, 2147483647, 0, -1),
);

test('cesql: arithmetic agrees with exact integers', () => {
  const exact: Readonly<Record<string, (x: bigint, y: bigint) => bigint>> = {
    '+': (x, y) => x + y,
    '-': (x, y) => x - y,
    '*': (x, y) => x * y,
    '/': (x, y) => x / y,
    '%': (x, y) => x % y,
  };
  fc.assert(
    fc.property(integer, integer, fc.constantFrom(...Object.keys(exact)), (x, y, op) => {
      const { value, error } = evaluate(`x ${op} y`, { x, y: String(y) });

      const undefinedResult = y === 0 && (op === '/' || op === '%');
      const due = undefinedResult ? 2n ** 40n : exact[op]!(BigInt(x), BigInt(y));
      const fits = BigInt.asIntN(32, due) === due;
      assert.deepEqual([value, error?.kind], fits ? [Number(due), undefined] : [0, 'math']);
    }),
    { numRuns: 5_000 },
  );
});

test('cesql: LENGTH, LEFT, RIGHT and SUBSTRING agree with lists of characters', () => {
  const position = fc.integer({ min: -8, max: 8 });
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', 'b', 'é', '😀') }), position, position, (s, p, n) => {
      const run = (text: string): CesqlResult => evaluate(text, { s, p, n });
      const characters = [...s];
      const outside = p > characters.length || p < -characters.length;
      const start = p > 0 ? p - 1 : characters.length + p;
      const from = p === 0 ? [] : characters.slice(start);
      const says = (text: string, wrong: boolean): readonly unknown[] => [
        text,
        wrong ? 'functionEvaluation' : undefined,
      ];
      const found = ({ value, error }: CesqlResult): readonly unknown[] => [value, error?.kind];

      assert.deepEqual(run('LENGTH(s)'), { value: characters.length });
      assert.deepEqual(found(run('LEFT(s, n)')), says(n < 0 ? s : characters.slice(0, n).join(''), n < 0));
      assert.deepEqual(
        found(run('RIGHT(s, n)')),
        says(n < 0 || n >= characters.length ? s : characters.slice(characters.length - n).join(''), n < 0),
      );
      assert.deepEqual(found(run('SUBSTRING(s, p)')), says(outside ? '' : from.join(''), outside));
      const wrong = outside || n < 0;
      assert.deepEqual(found(run('SUBSTRING(s, p, n)')), says(wrong ? '' : from.slice(0, n).join(''), wrong));
    }),
    { numRuns: 3_000 },
  );
});
