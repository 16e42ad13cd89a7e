// A formula as a CESQL expression. A missing attribute is an error there, and an error ends the whole evaluation: so each
// clause first asks with EXISTS, and a clause that can fail on its value (a comparison of numbers) stands last among its
// alternatives, where its error means what its being false means.
// Source: cloudevents/spec cesql@v1.0.0, sections 3 and 4.1.

import type { CesqlExpression, CesqlValue, OrderOperator } from '../cesql/expression.ts';
import { printCesql } from '../cesql/print.ts';
import { MAX_CESQL_LENGTH } from '../cesql/tokenize.ts';
import {
  asBoolean,
  type Claim,
  isAlwaysText,
  isAlwaysThere,
  isNever,
  isPresence,
  presentPart,
  saidText,
} from './claim.ts';
import { type Formula, isAlways, never, saidIn, settle } from './formula.ts';
import { allIntegers, countIntegers, type IntegerSet, listIntegers, otherIntegers } from './integer-set.ts';
import { type Converted, distinctLossy, type Lossy, lossyClause, namedBeside } from './lossy.ts';
import { everyText, type ListedTexts, noText, type TestedTexts, type TextSet } from './text-set.ts';
import { isPatternTest, type PatternTextTest, partsOf } from './text-test.ts';
import { textViewOf } from './text-view.ts';

/** Undefined: any value that is there. */
interface Written {
  readonly is: CesqlExpression | undefined;
  readonly wider: readonly string[];
  /** Fails on some values instead of being false. */
  readonly mayFail: boolean;
}

const yes: CesqlExpression = { kind: 'literal', value: true };
const no: CesqlExpression = { kind: 'literal', value: false };

const attribute = (name: string): CesqlExpression => ({ kind: 'attribute', name });
const exists = (name: string): CesqlExpression => ({ kind: 'exists', name });
const literal = (value: CesqlValue): CesqlExpression => ({ kind: 'literal', value });

function compare(left: CesqlExpression, op: '=' | '!=' | OrderOperator, value: CesqlValue): CesqlExpression {
  return { kind: 'binary', op, left, right: literal(value) };
}

/** The operands of a chain of this operator; brackets around them would say the same. */
function operandsOf(op: 'AND' | 'OR', expression: CesqlExpression): readonly CesqlExpression[] {
  const operands: CesqlExpression[] = [];
  let node = expression;
  while (node.kind === 'binary' && node.op === op) {
    operands.push(node.right);
    node = node.left;
  }
  return [...operands, node].reverse();
}

function chained(op: 'AND' | 'OR', list: readonly CesqlExpression[]): CesqlExpression {
  const [first, ...rest] = list.flatMap((one) => operandsOf(op, one));
  if (first === undefined) return op === 'AND' ? yes : no;
  return rest.reduce((left, right) => ({ kind: 'binary', op, left, right }), first);
}

function not(operand: CesqlExpression): CesqlExpression {
  if (operand.kind === 'like' || operand.kind === 'in') return { ...operand, not: !operand.not };
  if (operand.kind === 'binary' && operand.op === '=') return { ...operand, op: '!=' };
  return { kind: 'unary', op: 'NOT', operand };
}

function isWritable(expression: CesqlExpression): boolean {
  try {
    printCesql(expression);
    return true;
  } catch {
    return false;
  }
}

// ---- texts ----

const anyText = (wider: string): Written => ({ is: undefined, wider: [wider], mayFail: false });
const exactly = (is: CesqlExpression): Written => ({ is, wider: [], mayFail: false });

function likeLiteral(part: string): string {
  return part.replace(/[%_]/g, '\\$&');
}

/** `operand LIKE` the parts; a backslash that CESQL cannot write where it stands becomes _, which takes any character. */
function likeParts(operand: CesqlExpression, parts: readonly string[]): Written {
  const like = (written: readonly string[]): CesqlExpression => ({
    kind: 'like',
    not: false,
    operand,
    pattern: written.join('%'),
  });
  const plain = like(parts.map(likeLiteral));
  if (!parts.slice(0, -1).some((part) => part.endsWith('\\')) && isWritable(plain)) return exactly(plain);
  const says = 'CESQL cannot write a backslash there; wider: any character is taken in its place';
  const open = like(parts.map((part) => likeLiteral(part).replaceAll(/\\(?![%_])/g, '_')));
  if (isWritable(open)) return { is: open, wider: [says], mayFail: false };
  return anyText('CESQL text cannot hold half of a character; wider: any text is taken');
}

/** A text alone. */
function equalText(operand: CesqlExpression, value: string): Written {
  const plain = compare(operand, '=', value);
  return isWritable(plain) ? exactly(plain) : likeParts(operand, [value]);
}

const ASCII = /^[\x00-\x7f]*$/;

/** LOWER alone also takes the Kelvin sign for k, and a dotted capital I where more may follow an i; UPPER takes neither. */
function folded(operand: CesqlExpression, test: PatternTextTest): Written {
  const { value } = test;
  if (!ASCII.test(value)) {
    return anyText(
      'CESQL does not ignore the case of letters outside of ASCII as a pattern does; wider: any text is taken',
    );
  }
  const parts = { prefix: [value, ''], suffix: ['', value] }[test.op as 'prefix' | 'suffix'] ?? [value];
  const by = (name: 'LOWER' | 'UPPER', change: (text: string) => string): Written => {
    const call: CesqlExpression = { kind: 'call', name, arguments: [operand] };
    return parts.length === 1 ? equalText(call, change(value)) : likeParts(call, parts.map(change));
  };
  const lower = by('LOWER', (text) => text.toLowerCase());
  const needsUpper = /k/i.test(value) || (test.op === 'prefix' && /i$/i.test(value));
  if (!needsUpper || lower.is === undefined) return lower;
  const upper = by('UPPER', (text) => text.toUpperCase());
  return { ...lower, is: chained('AND', [lower.is, upper.is!]) };
}

function testedText(operand: CesqlExpression, { test }: TestedTexts): Written {
  if (test.op === 'like') return exactly({ kind: 'like', not: false, operand, pattern: test.pattern });
  const parts = partsOf(test);
  if (parts !== undefined) return likeParts(operand, parts);
  if (!isPatternTest(test)) return anyText('this is no test on text; wider: any text is taken');
  if (test.op === 'cidr' || test.op === 'equals') {
    return anyText('CESQL knows no IP addresses and their spellings; wider: any text is taken');
  }
  return folded(operand, test);
}

/** A list of an attribute that may be no text is a chain: IN would cast its elements to what the attribute is. */
function listedText(name: string, { values, but }: ListedTexts): Written {
  const operand = attribute(name);
  const each = [...values].map((value) => equalText(operand, value));
  const wider = each.flatMap((one) => one.wider);
  if (but) {
    // A text that cannot be written is not left out.
    const exact = each.flatMap((one) => (one.wider.length === 0 ? one.is! : []));
    return { is: listOf(name, exact, true), wider, mayFail: false };
  }
  if (each.some(({ is }) => is === undefined)) return { is: undefined, wider, mayFail: false };
  return {
    is: listOf(
      name,
      each.map(({ is }) => is!),
      false,
    ),
    wider,
    mayFail: false,
  };
}

function listOf(name: string, equalities: readonly CesqlExpression[], negated: boolean): CesqlExpression | undefined {
  const literals = equalities.flatMap((one) =>
    one.kind === 'binary' && one.right.kind === 'literal' ? [one.right] : [],
  );
  if (negated && equalities.length === 0) return undefined;
  if (isAlwaysText(name) && literals.length > 1 && literals.length === equalities.length) {
    return { kind: 'in', not: negated, operand: attribute(name), set: literals };
  }
  return chained(negated ? 'AND' : 'OR', negated ? equalities.map(not) : equalities);
}

function leavesOut(set: TextSet): boolean {
  return (set.kind === 'listed' && set.but) || (set.kind === 'test' && set.not);
}

function textOf(name: string, set: TextSet): Written {
  switch (set.kind) {
    case 'listed':
      return listedText(name, set);
    case 'test': {
      const written = testedText(attribute(name), set);
      if (!set.not) return written;
      if (written.is !== undefined && written.wider.length === 0) return exactly(not(written.is));
      return { is: undefined, wider: written.wider, mayFail: false };
    }
    default: {
      // What is asked for first, then what is left out, for those who read it.
      const sorted = set.of.toSorted((a, b) => Number(leavesOut(a)) - Number(leavesOut(b)));
      const parts = sorted.map((one) => textOf(name, one));
      const wider = parts.flatMap((part) => part.wider);
      const said = parts.flatMap(({ is }) => is ?? []);
      const isOpen = set.kind === 'any' ? said.length < parts.length : said.length === 0;
      const is = isOpen ? undefined : chained(set.kind === 'all' ? 'AND' : 'OR', said);
      return { is, wider, mayFail: false };
    }
  }
}

// ---- integers ----

function inRange(operand: CesqlExpression, [low, high]: IntegerSet[number]): CesqlExpression {
  if (low === high) return compare(operand, '=', low);
  const [[least, most]] = allIntegers as readonly [IntegerSet[number]];
  const bounds: CesqlExpression[] = [];
  if (low !== least || high === most) bounds.push(compare(operand, '>=', low));
  if (high !== most) bounds.push(compare(operand, '<=', high));
  return chained('AND', bounds);
}

// Up to here a set is written by what it leaves out.
const MAX_LEFT_OUT = 8;

function integersOf(name: string, set: IntegerSet): CesqlExpression {
  const operand = attribute(name);
  const others = otherIntegers(set);
  if (others.length > 0 && countIntegers(others) <= MAX_LEFT_OUT) {
    return chained(
      'AND',
      listIntegers(others).map((value) => compare(operand, '!=', value)),
    );
  }
  return chained(
    'OR',
    set.map((range) => inRange(operand, range)),
  );
}

// ---- claims ----

/** `flag = TRUE` and `flag = FALSE`, where that is all that is wanted. */
function booleanOf(claim: Claim): CesqlExpression | undefined {
  const value = [true, false].find((one) => asBoolean(claim.name, one, []).key === claim.key);
  return value === undefined ? undefined : compare(attribute(claim.name), '=', value);
}

function presentOf(claim: Claim): Written {
  const { name } = claim;
  const boolean = booleanOf(claim);
  if (boolean !== undefined) return { is: boolean, wider: [], mayFail: true };
  const { texts, integers, wider } = textViewOf(claim);
  if (texts.key === everyText.key) return { is: undefined, wider, mayFail: false };
  if (countIntegers(integers) === 0) {
    const written = textOf(name, texts);
    return { ...written, wider: [...wider, ...written.wider] };
  }
  const numbers = integersOf(name, integers);
  if (texts.key === noText.key) return { is: numbers, wider, mayFail: true };
  const written = textOf(name, texts);
  const is = written.is === undefined ? undefined : chained('OR', [written.is, numbers]);
  return { is, wider: [...wider, ...written.wider], mayFail: is !== undefined };
}

/** Undefined: any event. */
export function claimToCesql(claim: Claim): Written {
  const { name } = claim;
  if (!isWritable(attribute(name))) {
    return anyText(`CESQL cannot name the attribute ${JSON.stringify(name)}; wider: any event`);
  }
  const there = presentPart(claim);
  if (isNever(there)) return exactly(not(exists(name)));
  if (isPresence(there)) return exactly(exists(name));
  const written = presentOf(there);
  if (claim.absent) {
    if (written.is === undefined) return written;
    return { ...written, is: chained('OR', [not(exists(name)), written.is]) };
  }
  if (isAlwaysThere(name)) return written;
  if (written.is === undefined) return { ...written, is: exists(name) };
  return { ...written, is: chained('AND', [exists(name), written.is]) };
}

// ---- formulas ----

function asExists(claim: Claim): CesqlExpression | undefined {
  return claim.absent || isAlwaysThere(claim.name) ? undefined : exists(claim.name);
}

/** `mayFail: false` asks for an expression that never fails; what would is widened then. */
function write(formula: Formula, mayFail: boolean, lossy: Lossy[]): Written {
  if (formula.kind === 'open') return { is: undefined, wider: [], mayFail: false };
  if (formula.kind === 'claim') {
    const written = claimToCesql(formula);
    for (const why of written.wider) lossy.push(lossyClause(formula.name, saidText(formula), why));
    if (mayFail || !written.mayFail) return written;
    const why = 'it would fail on other values, and with it the alternatives after it; wider: any value is taken';
    lossy.push(lossyClause(formula.name, saidText(formula), why));
    return { is: asExists(formula), wider: [], mayFail: false };
  }
  return formula.kind === 'all' ? writeAll(formula.of, mayFail, lossy) : writeAny(formula.of, mayFail, lossy);
}

function writeAll(list: readonly Formula[], mayFail: boolean, lossy: Lossy[]): Written {
  const parts = list.map((one) => write(one, mayFail, lossy)).filter(({ is }) => is !== undefined);
  const is =
    parts.length === 0
      ? undefined
      : chained(
          'AND',
          parts.map((part) => part.is!),
        );
  return { is, wider: [], mayFail: parts.some((part) => part.mayFail) };
}

/** Those that cannot fail first; of the others only the last one may. */
function writeAny(list: readonly Formula[], mayFail: boolean, lossy: Lossy[]): Written {
  const fails = list.map((one) => write(one, mayFail, []).mayFail);
  const last = fails.lastIndexOf(true);
  const order = [...list.keys()].sort((a, b) => Number(a === last) - Number(b === last));
  const parts = order.map((i) => write(list[i]!, mayFail && i === last, lossy));
  const said = parts.flatMap(({ is }) => is ?? []);
  if (said.length < parts.length) {
    namedBeside(lossy, list.flatMap(saidIn));
    return { is: undefined, wider: [], mayFail: false };
  }
  return { is: chained('OR', said), wider: [], mayFail: last !== -1 && mayFail };
}

function tooLong(formula: Formula): readonly Lossy[] {
  const why = `CESQL is read up to ${MAX_CESQL_LENGTH} characters; wider: any event`;
  return saidIn(formula).map(([name, clause]) => lossyClause(name, clause, why));
}

/** The narrowest expression that is safe, as far as this goes. Its value is always a boolean. */
export function formulaToCesql(formula: Formula): Converted<CesqlExpression> {
  const settled = settle(formula);
  const lossy = [...settled.lossy];
  if (isAlways(settled.formula)) return { result: lossy.length === 0 ? yes : undefined, lossy: distinctLossy(lossy) };
  // Nothing is less, so nothing was lost.
  if (settled.formula.key === never.key) return { result: no, lossy: [] };
  const { is } = write(settled.formula, true, lossy);
  if (is !== undefined && printCesql(is).length > MAX_CESQL_LENGTH) {
    return { result: undefined, lossy: distinctLossy([...lossy, ...tooLong(settled.formula)]) };
  }
  return { result: is, lossy: distinctLossy(lossy) };
}
