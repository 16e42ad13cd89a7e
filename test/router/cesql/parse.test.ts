// Reading CESQL: how operators bind, what a literal is, and that everything else is refused with its column, what was
// found and what is allowed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CesqlExpression } from '../../../router/cesql/expression.ts';
import { MAX_CESQL_DEPTH, parseCesql } from '../../../router/cesql/parse.ts';
import { MAX_CESQL_LENGTH } from '../../../router/cesql/tokenize.ts';
import { RouterError } from '../../../router/errors.ts';

/** The tree with every parenthesis written out, so that how operators bind can be read. */
function shape(node: CesqlExpression): string {
  switch (node.kind) {
    case 'literal':
      return typeof node.value === 'string' ? `«${node.value}»` : String(node.value);
    case 'attribute':
      return node.name;
    case 'exists':
      return `exists:${node.name}`;
    case 'call':
      return `${node.name}(${node.arguments.map(shape).join(' ')})`;
    case 'unary':
      return `(${node.op} ${shape(node.operand)})`;
    case 'binary':
      return `(${shape(node.left)} ${node.op} ${shape(node.right)})`;
    case 'like':
      return `(${shape(node.operand)}${node.not ? ' not' : ''} like «${node.pattern}»)`;
    case 'in':
      return `(${shape(node.operand)}${node.not ? ' not' : ''} in ${node.set.map(shape).join(' ')})`;
  }
}

const shapes: readonly (readonly [text: string, shape: string])[] = [
  // AND, OR and XOR are of one rank, from the left (spec 3.6)
  ['a OR b AND c', '((a OR b) AND c)'],
  ['a AND b OR c XOR d', '(((a AND b) OR c) XOR d)'],
  ['a AND (b OR c)', '(a AND (b OR c))'],
  ['a = 1 AND b < 2', '((a = 1) AND (b < 2))'],
  ['a = b = c', '((a = b) = c)'],
  ['a < b != c', '((a < b) != c)'],
  ['a <> b', '(a != b)'],
  ['1 + 2 * 3 - 4', '((1 + (2 * 3)) - 4)'],
  ['1 - 2 - 3', '((1 - 2) - 3)'],
  ['8 / 4 % 3 * 2', '(((8 / 4) % 3) * 2)'],
  ['a + 1 = b - 2', '((a + 1) = (b - 2))'],
  // unary, then LIKE and IN, then what stands between two values
  ['NOT a = b', '((NOT a) = b)'],
  ['NOT a AND b', '((NOT a) AND b)'],
  ['NOT (a = b)', '(NOT (a = b))'],
  ["NOT a LIKE 'x'", '((NOT a) like «x»)'],
  ["NOT a NOT LIKE 'x'", '((NOT a) not like «x»)'],
  ['NOT NOT - a', '(NOT (NOT (- a)))'],
  ['-a * b', '((- a) * b)'],
  ["1 + a LIKE 'x'", '(1 + (a like «x»))'],
  ["a LIKE 'x' = b", '((a like «x») = b)'],
  ["a LIKE 'x' IN (TRUE) LIKE 't%'", '(((a like «x») in true) like «t%»)'],
  ['a NOT IN (1, b + 1, (2)) AND c', '((a not in 1 (b + 1) 2) AND c)'],
  ['NOT EXISTS a', '(NOT exists:a)'],
  ["EXISTS a LIKE 'true'", '(exists:a like «true»)'],
  // literals
  ['-10', '-10'],
  ['+10', '10'],
  ['- 10', '(- 10)'],
  ['--10', '(- -10)'],
  ['-0', '0'],
  ['5-3', '(5 - 3)'],
  ['5--3', '(5 - -3)'],
  ['5 - +3', '(5 - 3)'],
  ['-2147483648', '-2147483648'],
  ['2147483647', '2147483647'],
  ['007', '7'],
  ['1a', '1a'],
  ['-1a', '(- 1a)'],
  ["'a\\'b'", "«a'b»"],
  ['"a\\"b"', '«a"b»'],
  ["'a\\\"b'", '«a\\"b»'],
  ["'a\\%b\\c'", '«a\\%b\\c»'],
  ["'a\\\\'", '«a\\\\»'],
  ["'a\nb'", '«a\nb»'],
  ["''", '«»'],
  ['true and FALSE', '(true AND false)'],
  // names
  ['Source', 'source'],
  ['exists SubJect', 'exists:subject'],
  ['int(hop)', 'INT(hop)'],
  ['concat_ws (\',\', "a", 1)', 'CONCAT_WS(«,» «a» 1)'],
  ['CONCAT()', 'CONCAT()'],
  ['length', 'length'],
  ['LEFT(id, LENGTH(id) - 1)', 'LEFT(id (LENGTH(id) - 1))'],
  ['\ta\r\n=\n1 ', '(a = 1)'],
  ['NOT(a)AND(b)', '((NOT a) AND b)'],
  ['constructor', 'constructor'],
];

for (const [text, due] of shapes) {
  test(`cesql: ${JSON.stringify(text)} is read as ${JSON.stringify(due)}`, () => {
    assert.equal(shape(parseCesql(text)), due);
  });
}

test('cesql: operators and names know where they stand', () => {
  const tree = parseCesql("type = 'x'\n  AND LENGTH(id)\n < hop");

  assert.ok(tree.kind === 'binary' && tree.left.kind === 'binary' && tree.right.kind === 'binary');
  assert.deepEqual(tree.at, { line: 2, column: 3 });
  assert.deepEqual(tree.left.at, { line: 1, column: 6 });
  assert.deepEqual(tree.right.left.at, { line: 2, column: 7 });
  assert.deepEqual(tree.right.right.at, { line: 3, column: 4 });
});

function refusal(text: string): RouterError {
  try {
    parseCesql(text);
  } catch (thrown) {
    assert.ok(thrown instanceof RouterError, String(thrown));
    return thrown;
  }
  throw new assert.AssertionError({ message: `${text} was taken` });
}

const refused: readonly (readonly [text: string, at: string, says: RegExp])[] = [
  ['', 'column 1', /the text is empty; write a condition such as type = 'order.created'$/],
  [' \n ', 'line 2, column 2', /the text is empty/],
  ['a =', 'column 4', /a value is due, found the end of the text; allowed: an attribute name, a string/],
  ['a = = b', 'column 5', /a value is due, found '='/],
  ['a == b', 'column 3', /'==' is not CESQL; write = for 'is equal to'/],
  ['a && b', 'column 3', /'&&' is not CESQL; write AND/],
  ['a || b', 'column 3', /'\|\|' is not CESQL; write OR/],
  ['!a', 'column 1', /'!' is not CESQL; write NOT/],
  ['data.id = 1', 'column 5', /CESQL cannot look into the data/],
  ['a = §', 'column 5', /unexpected character "§"; allowed: words, numbers/],
  ["a = 'x", 'column 5', /begins here has no closing '; write \\' for one inside it/],
  ["a = 'x\\'", 'column 5', /no closing '/],
  ["a = 'it''s'", 'column 9', /found another string; write \\' or \\" for a quote inside a string/],
  ['a adn b', 'column 3', /unknown operator 'adn'; did you mean 'AND'\? allowed: AND, OR, XOR, LIKE, IN, NOT$/],
  ["a LIEK 'x'", 'column 3', /unknown operator 'LIEK'; did you mean 'LIKE'/],
  ['EXITS subject', 'column 7', /found 'subject'; did you mean EXISTS in place of 'EXITS'\? allowed: =/],
  ['nto a', 'column 5', /did you mean NOT in place of 'nto'/],
  ['a 1', 'column 3', /an operator or the end is due, found '1'; allowed: =, !=/],
  ['a)', 'column 2', /an operator or the end is due, found '\)'/],
  ['(a', 'column 3', /'\)' or an operator is due, found the end of the text/],
  ['()', 'column 2', /a value is due, found '\)'/],
  ['a NOT = 1', 'column 7', /NOT must be followed by LIKE or IN, found '='/],
  ['a NOT', 'column 6', /NOT must be followed by LIKE or IN, found the end of the text/],
  ['a LIKE 123', 'column 8', /LIKE takes a string literal such as 'order.%', found '123'/],
  ['a LIKE b', 'column 8', /LIKE takes a string literal .* found 'b'/],
  ['a IN 1', 'column 6', /IN takes a list in parentheses such as \('a', 'b'\), found '1'/],
  ['a IN ()', 'column 7', /at least one value, found none/],
  ['a IN (1,)', 'column 9', /a value is due, found '\)'/],
  ["a IN ('x' 'y')", 'column 11', /after a value of IN's list ',' or '\)' or an operator is due, found the string "y"/],
  ['EXISTS', 'column 7', /EXISTS takes the name of an attribute .* found the end of the text/],
  ['EXISTS (subject)', 'column 8', /EXISTS takes no parentheses; write EXISTS subject/],
  ['EXISTS in', 'column 8', /found 'IN'/],
  ["EXISTS 'a'", 'column 8', /found the string "a"/],
  ['LENGHT(id)', 'column 1', /unknown function 'LENGHT'; did you mean 'LENGTH'\? allowed: LENGTH, CONCAT, /],
  ['contains(id)', 'column 1', /unknown function 'contains'; .*allowed: LENGTH/],
  ['constructor(id)', 'column 1', /unknown function 'constructor'/],
  ['ABC(', 'column 1', /unknown function 'ABC'/],
  ['ABS(', 'column 5', /a value is due, found the end/],
  ['ABS(1', 'column 6', /after an argument of ABS ',' or '\)' or an operator is due/],
  ['my_attr = 1', 'column 1', /attribute names have letters and digits only, found 'my_attr'/],
  ['2147483648', 'column 1', /from -2147483648 to 2147483647, found 2147483648$/],
  ['a = -2147483649', 'column 5', /found -2147483649$/],
  ['- 2147483648', 'column 3', /found 2147483648$/],
  ['+ 5', 'column 1', /a value is due before '\+', or digits right after it/],
  ['+a', 'column 1', /a value is due before '\+'/],
  ['TRUE(1)', 'column 5', /an operator or the end is due, found '\('/],
  ['a\n= b\n  c', 'line 3, column 3', /unknown operator 'c'/],
  ["'\ud800' = a", 'column 1', /lone surrogate/],
];

for (const [text, at, says] of refused) {
  test(`cesql: ${JSON.stringify(text)} is refused at ${at}`, () => {
    const { code, message } = refusal(text);

    assert.equal(code, 'PATTERN_INVALID');
    assert.ok(message.startsWith(`cesql: ${at}: `), message);
    assert.match(message, says);
  });
}

test('cesql: 200 levels of nesting are read, 201 are refused', () => {
  const kinds: Readonly<Record<string, (levels: number) => string>> = {
    parentheses: (n) => '('.repeat(n) + 1 + ')'.repeat(n),
    NOT: (n) => `${'NOT '.repeat(n)}a`,
    minus: (n) => `${'- '.repeat(n)}a`,
    arguments: (n) => `${'ABS('.repeat(n)}1${')'.repeat(n)}`,
    sets: (n) => `${'1 IN ('.repeat(n)}1${')'.repeat(n)}`,
  };
  for (const [kind, text] of Object.entries(kinds)) {
    assert.ok(parseCesql(text(MAX_CESQL_DEPTH)), kind);
    assert.match(refusal(text(MAX_CESQL_DEPTH + 1)).message, /nested deeper than 200 levels; write it flatter/, kind);
    assert.match(refusal(text(9_000)).message, /nested deeper than 200 levels/, kind);
  }
});

test('cesql: nesting is counted by what is open, not by what was', () => {
  const text = Array.from({ length: 1_000 }, () => '((a))').join(' OR ');

  assert.equal(parseCesql(text).kind, 'binary');
});

test('cesql: a text over 65,536 characters is refused, one of that length is read', () => {
  const text = `id = '${'x'.repeat(MAX_CESQL_LENGTH - 7)}'`;

  assert.equal(text.length, MAX_CESQL_LENGTH);
  assert.equal(parseCesql(text).kind, 'binary');
  assert.match(refusal(`${text} `).message, /has 65537 characters, at most 65536 are read/);
});

test('cesql: a long word or string is cut in the message', () => {
  const long = 'x'.repeat(5_000);

  for (const text of [
    `a ${long}`,
    `${long}_ = 1`,
    `a LIKE ${long}`,
    `a 'b' '${long}'`,
    `${'9'.repeat(5_000)}`,
    `${long}(1)`,
  ]) {
    assert.ok(refusal(text).message.length < 400, refusal(text).message);
  }
});
