// CESQL text into an expression tree, by precedence climbing. Operators of equal rank are read from the left, AND, OR and
// XOR among them (spec 3.6). A function name nobody knows is refused here; a known function with a number of arguments it
// does not take is the evaluator's missingFunction, as the TCK has it.
// Source: cloudevents/spec cesql@v1.0.0, sections 2 and 3.6.

import { nearest, show, unknownName } from '../config.ts';
import { isInteger32, MAX_INTEGER, MIN_INTEGER } from './cast.ts';
import {
  type AttributeAccess,
  type BinaryOperator,
  binaryLevels,
  type Call,
  type CesqlExpression,
  type Literal,
  type Unary,
} from './expression.ts';
import { functionNames } from './functions.ts';
import { refuse, type Token, tokenize } from './tokenize.ts';

/** Of parentheses, unary operators, arguments and sets; chains such as `a OR b OR …` may be of any length. */
export const MAX_CESQL_DEPTH = 200;

interface Reader {
  readonly tokens: readonly Token[];
  next: number;
  depth: number;
}

const peek = (reader: Reader, ahead = 0): Token =>
  reader.tokens[Math.min(reader.next + ahead, reader.tokens.length - 1)]!;

function take(reader: Reader): Token {
  const token = peek(reader);
  reader.next++;
  return token;
}

const isAt = (reader: Reader, text: string, ahead = 0): boolean => {
  const { kind, text: found } = peek(reader, ahead);
  return (kind === 'symbol' || kind === 'keyword') && found === text;
};

function describe({ kind, text }: Token): string {
  if (kind === 'end') return 'the end of the text';
  if (kind === 'string') return `the string ${show(text)}`;
  return `'${text.slice(0, 64)}'`;
}

/** Reads what is nested one level further. */
function nested<T>(reader: Reader, read: (reader: Reader) => T): T {
  reader.depth++;
  if (reader.depth > MAX_CESQL_DEPTH) {
    refuse(peek(reader).at, `the expression is nested deeper than ${MAX_CESQL_DEPTH} levels; write it flatter`);
  }
  const result = read(reader);
  reader.depth--;
  return result;
}

const readWhole = (reader: Reader): CesqlExpression => readBinary(reader, 0);

function readBinary(reader: Reader, least: number): CesqlExpression {
  let left = readPostfix(reader);
  for (;;) {
    const { at } = peek(reader);
    const op = binaryAt(reader);
    if (op === undefined || binaryLevels[op] < least) return left;
    reader.next++;
    left = { kind: 'binary', op, left, right: readBinary(reader, binaryLevels[op] + 1), at };
  }
}

function binaryAt(reader: Reader): BinaryOperator | undefined {
  const { kind, text } = peek(reader);
  if (kind !== 'symbol' && kind !== 'keyword') return undefined;
  if (text === '<>') return '!=';
  return Object.hasOwn(binaryLevels, text) ? (text as BinaryOperator) : undefined;
}

/** Any number of LIKE and IN after an operand: they bind tighter than what stands between two operands. */
function readPostfix(reader: Reader): CesqlExpression {
  let operand = readUnary(reader);
  for (;;) {
    const not = isAt(reader, 'NOT');
    const { at } = peek(reader);
    if (isAt(reader, 'LIKE', not ? 1 : 0)) {
      reader.next += not ? 2 : 1;
      operand = { kind: 'like', not, operand, pattern: readPattern(reader), at };
    } else if (isAt(reader, 'IN', not ? 1 : 0)) {
      reader.next += not ? 2 : 1;
      operand = { kind: 'in', not, operand, set: readSet(reader), at };
    } else if (not) {
      const after = peek(reader, 1);
      refuse(after.at, `after a value NOT must be followed by LIKE or IN, found ${describe(after)}`);
    } else return operand;
  }
}

function readPattern(reader: Reader): string {
  const token = take(reader);
  if (token.kind === 'string') return token.text;
  refuse(token.at, `LIKE takes a string literal such as 'order.%', found ${describe(token)}`);
}

function readSet(reader: Reader): readonly CesqlExpression[] {
  const open = take(reader);
  if (open.kind !== 'symbol' || open.text !== '(') {
    refuse(open.at, `IN takes a list in parentheses such as ('a', 'b'), found ${describe(open)}`);
  }
  if (isAt(reader, ')')) refuse(peek(reader).at, 'IN takes a list of at least one value, found none');
  return readList(reader, "after a value of IN's list");
}

/** Up to and with the closing parenthesis; at least one expression. */
function readList(reader: Reader, where: string): readonly CesqlExpression[] {
  const list: CesqlExpression[] = [];
  for (;;) {
    list.push(nested(reader, readWhole));
    const after = take(reader);
    if (after.kind === 'symbol' && after.text === ')') return list;
    if (after.kind !== 'symbol' || after.text !== ',') {
      refuse(after.at, `${where} ',' or ')' or an operator is due, found ${foundAfterValue(reader, after)}`);
    }
  }
}

function readUnary(reader: Reader): CesqlExpression {
  const token = peek(reader);
  if (isAt(reader, 'NOT')) {
    reader.next++;
    return { kind: 'unary', op: 'NOT', operand: nested(reader, readUnary), at: token.at };
  }
  if (isAt(reader, '-') || isAt(reader, '+')) return readSigned(reader);
  return readPrimary(reader);
}

/** A sign that touches its digits is part of the number: -2147483648 could not be written otherwise. */
function readSigned(reader: Reader): Literal | Unary {
  const sign = take(reader);
  const after = peek(reader);
  if (after.kind === 'integer' && after.start === sign.end) {
    reader.next++;
    return integer(`${sign.text}${after.text}`, sign);
  }
  if (sign.text === '-') return { kind: 'unary', op: '-', operand: nested(reader, readUnary), at: sign.at };
  refuse(sign.at, `a value is due before '+', or digits right after it, found ${describe(after)}`);
}

function integer(digits: string, { at }: Token): Literal {
  const value = Number(digits);
  // + 0: -0 is 0.
  if (isInteger32(value)) return { kind: 'literal', value: value + 0, at };
  refuse(at, `an integer must be from ${MIN_INTEGER} to ${MAX_INTEGER}, found ${digits.slice(0, 64)}`);
}

function readPrimary(reader: Reader): CesqlExpression {
  const token = take(reader);
  const { kind, text, at } = token;
  if (kind === 'string') return { kind: 'literal', value: text, at };
  if (kind === 'integer') return integer(text, token);
  if (kind === 'word') return isAt(reader, '(') ? readCall(reader, token) : attribute(token);
  if (kind === 'keyword' && (text === 'TRUE' || text === 'FALSE'))
    return { kind: 'literal', value: text === 'TRUE', at };
  if (kind === 'keyword' && text === 'EXISTS') return readExists(reader, token);
  if (kind === 'symbol' && text === '(') return readParentheses(reader);
  const empty = kind === 'end' && reader.tokens.length === 1;
  if (empty) refuse(at, "the text is empty; write a condition such as type = 'order.created'");
  refuse(
    at,
    `a value is due, found ${describe(token)}; allowed: an attribute name, a string, an integer, TRUE, FALSE, a function call, NOT, -, EXISTS or (`,
  );
}

function attribute({ text, at }: Token): AttributeAccess {
  if (!text.includes('_')) return { kind: 'attribute', name: text.toLowerCase(), at };
  refuse(at, `attribute names have letters and digits only, found '${text.slice(0, 64)}'; a function is followed by (`);
}

function readExists(reader: Reader, { at }: Token): AttributeAccess {
  const token = take(reader);
  const parenthesized = token.kind === 'symbol' && token.text === '(' && peek(reader).kind === 'word';
  if (parenthesized) refuse(token.at, `EXISTS takes no parentheses; write EXISTS ${peek(reader).text.slice(0, 64)}`);
  if (token.kind !== 'word') {
    refuse(token.at, `EXISTS takes the name of an attribute such as EXISTS subject, found ${describe(token)}`);
  }
  return { ...attribute(token), kind: 'exists', at };
}

function readCall(reader: Reader, { text, at }: Token): Call {
  const name = text.toUpperCase();
  if (!functionNames.includes(name)) refuse(at, unknownName('function', text, functionNames));
  reader.next++;
  if (!isAt(reader, ')'))
    return { kind: 'call', name, arguments: readList(reader, `after an argument of ${name}`), at };
  reader.next++;
  return { kind: 'call', name, arguments: [], at };
}

function readParentheses(reader: Reader): CesqlExpression {
  const inside = nested(reader, readWhole);
  const close = take(reader);
  if (close.kind === 'symbol' && close.text === ')') return inside;
  refuse(close.at, `')' or an operator is due, found ${foundAfterValue(reader, close)}`);
}

const wordOperators: readonly string[] = ['AND', 'OR', 'XOR', 'LIKE', 'IN', 'NOT'];

/** What stands where an operator is due, and what was probably meant. `token` was taken already. */
function foundAfterValue(reader: Reader, token: Token): string {
  const before = reader.tokens[reader.next - 2];
  const touches = before?.kind === 'string' && token.kind === 'string' && before.end === token.start;
  if (touches) return `another string; write \\' or \\" for a quote inside a string`;
  const startsValue = token.kind === 'word' || token.kind === 'string' || token.kind === 'integer';
  const meant = before?.kind === 'word' && startsValue ? nearest(before.text, ['NOT', 'EXISTS']) : undefined;
  if (meant !== undefined)
    return `${describe(token)}; did you mean ${meant} in place of '${before?.text.slice(0, 64)}'?`;
  if (token.kind !== 'word') return describe(token);
  return `an ${unknownName('operator', token.text, wordOperators)}`;
}

/** Throws PATTERN_INVALID, whose message says at which column what was found and what is allowed. */
export function parseCesql(text: string): CesqlExpression {
  const reader: Reader = { tokens: tokenize(text), next: 0, depth: 0 };
  const expression = readWhole(reader);
  const after = take(reader);
  if (after.kind === 'end') return expression;
  const found = foundAfterValue(reader, after);
  const allowed = 'allowed: =, !=, <, <=, >, >=, +, -, *, /, %, AND, OR, XOR, [NOT] LIKE, [NOT] IN';
  const rest = found.includes('allowed:') ? '' : `${found.endsWith('?') ? '' : ';'} ${allowed}`;
  refuse(after.at, `an operator or the end is due, found ${found}${rest}`);
}
