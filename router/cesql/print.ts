// An expression tree as CESQL text: keywords and functions in capitals, attributes in lower case, one blank around what
// stands between two values, single quotes, and only the parentheses the tree needs. The parser reads the same tree from
// it, unless the blanks make it longer than the parser reads.

import { show, unknownName } from '../config.ts';
import { RouterError } from '../errors.ts';
import { isInteger32, MAX_INTEGER, MIN_INTEGER } from './cast.ts';
import {
  type AttributeAccess,
  binaryLevels,
  type Call,
  type CesqlExpression,
  type CesqlValue,
  keywords,
  levelOf,
  POSTFIX_LEVEL,
  UNARY_LEVEL,
} from './expression.ts';
import { functionNames } from './functions.ts';

function refuse(says: string): never {
  throw new RouterError('PATTERN_INVALID', `cesql: ${says}`);
}

/** Undefined if this kind of quote cannot hold the value: a backslash takes the next character along. */
function quoted(value: string, quote: "'" | '"'): string | undefined {
  let written = '';
  for (let at = 0; at < value.length; at++) {
    const unit = value[at]!;
    if (unit === '\\') {
      const next = value[++at];
      if (next === undefined || next === quote) return undefined;
      written += unit + next;
    } else written += unit === quote ? `\\${quote}` : unit;
  }
  return quote + written + quote;
}

function stringText(value: string): string {
  if (!value.isWellFormed()) refuse('a string has a lone surrogate, which CESQL text cannot hold');
  const [single, double] = [quoted(value, "'"), quoted(value, '"')];
  const text = single !== undefined && (double === undefined || single.length <= double.length) ? single : double;
  return (
    text ?? refuse(`the string ${show(value)} has a backslash at its end or before a quote, which CESQL cannot write`)
  );
}

function literalText(value: CesqlValue): string {
  if (typeof value === 'string') return stringText(value);
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE';
  if (isInteger32(value)) return String(value);
  refuse(`an integer must be from ${MIN_INTEGER} to ${MAX_INTEGER}, found ${value}`);
}

const NAME = /^[a-z0-9]*[a-z][a-z0-9]*$/;

function nameText({ name }: AttributeAccess): string {
  if (NAME.test(name) && !keywords.includes(name.toUpperCase())) return name;
  refuse(
    `the attribute ${show(name)} cannot be named in CESQL; a name has lower-case letters and digits, is no number and none of ${keywords.join(', ')}`,
  );
}

function callText({ name, arguments: list }: Call): string {
  if (!functionNames.includes(name)) refuse(unknownName('function', name, functionNames));
  return `${name}(${listText(list)})`;
}

const listText = (list: readonly CesqlExpression[]): string => list.map((item) => write(item, 0)).join(', ');

function leafText(expression: Exclude<CesqlExpression, { kind: 'unary' | 'binary' | 'like' | 'in' }>): string {
  switch (expression.kind) {
    case 'literal':
      return literalText(expression.value);
    case 'attribute':
      return nameText(expression);
    case 'exists':
      return `EXISTS ${nameText(expression)}`;
    case 'call':
      return callText(expression);
  }
}

/** `least`: what binds less tightly goes in parentheses. First operands are walked in a loop: a chain may be long. */
function write(expression: CesqlExpression, least: number): string {
  const before: string[] = [];
  const after: string[] = [];
  let node = expression;
  for (let due = least; ; ) {
    if (levelOf(node) < due) {
      before.push('(');
      after.push(')');
    }
    if (node.kind === 'binary') {
      due = binaryLevels[node.op];
      after.push(` ${node.op} ${write(node.right, due + 1)}`);
      node = node.left;
    } else if (node.kind === 'unary') {
      due = UNARY_LEVEL;
      before.push(node.op === 'NOT' ? 'NOT ' : '-');
      node = node.operand;
    } else if (node.kind === 'like' || node.kind === 'in') {
      due = POSTFIX_LEVEL;
      const right = node.kind === 'like' ? `LIKE ${stringText(node.pattern)}` : `IN (${listText(node.set)})`;
      after.push(node.not ? ` NOT ${right}` : ` ${right}`);
      node = node.operand;
    } else {
      const text = leafText(node);
      // A minus that touches a digit would be its sign.
      if (before.at(-1) === '-' && /^[0-9]/.test(text)) before.push(' ');
      return `${before.join('')}${text}${after.reverse().join('')}`;
    }
  }
}

/**
 * Throws PATTERN_INVALID for what a built tree can hold and CESQL cannot write: an attribute named like a keyword or a
 * number, a number that is no 32-bit integer, an unknown function, a string with a backslash at its end.
 */
export function printCesql(expression: CesqlExpression): string {
  return write(expression, 0);
}
