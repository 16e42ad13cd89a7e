// A CESQL expression as formulas: when it is true, and when it is false. An error is neither, so a missing attribute or a
// failing cast is in none of the two, and what the left side settles is not looked at further. What cannot be told of one
// attribute at a time stays open.
// Source: cloudevents/spec cesql@v1.0.0, section 3, as router/cesql/evaluate.ts reads it.

import { castTo } from '../cesql/cast.ts';
import { evaluateCesql } from '../cesql/evaluate.ts';
import {
  type AttributeAccess,
  type Binary,
  type CesqlExpression,
  type CesqlValue,
  type EqualityOperator,
  type In,
  type Like,
  type LogicOperator,
  type OrderOperator,
  positionText,
} from '../cesql/expression.ts';
import { functionFor } from '../cesql/functions.ts';
import { printCesql } from '../cesql/print.ts';
import { constantTruth, failing, runTruth, swapped, type Truth, truth } from './cesql-truth.ts';
import { absentClaim, asBoolean, asInteger, asText, type Claim, claimOf, presentClaim } from './claim.ts';
import { allOf, type Formula, never, openClause } from './formula.ts';
import { type IntegerSet, integersBetween, otherIntegers } from './integer-set.ts';
import { lossyClause } from './lossy.ts';
import { loweredEqual, loweredLike } from './lowered.ts';
import { anyOfTexts, listedTexts, otherTexts, type TextSet, textsLike } from './text-set.ts';

// ---- what is open ----

/**
 * Attributes that are read whatever the others hold: without them there is an error. First operands are walked in a loop,
 * here and below: a chain may be thousands long.
 */
function namesRead(expression: CesqlExpression): readonly string[] {
  const names: string[] = [];
  for (let node = expression; ; ) {
    if (node.kind === 'binary') {
      if (node.op !== 'AND' && node.op !== 'OR') names.push(...namesRead(node.right));
      node = node.left;
    } else if (node.kind === 'unary' || node.kind === 'like' || node.kind === 'in') node = node.operand;
    else {
      if (node.kind === 'attribute') names.push(node.name);
      if (node.kind === 'call') names.push(...node.arguments.flatMap(namesRead));
      return [...new Set(names)].sort();
    }
  }
}

function openTruth(expression: CesqlExpression, why: string): Truth {
  const clause = printCesql(expression);
  const names = namesRead(expression);
  const path = names.length === 1 ? names[0]! : expression.at === undefined ? 'cesql' : positionText(expression.at);
  const taken = names.length === 0 ? 'any event' : `any event that has ${names.join(' and ')}`;
  const open = openClause(lossyClause(path, clause, `${why}; wider: ${taken}`));
  const formula = allOf([...names.map((name) => presentClaim(name, [clause])), open]);
  return truth(formula, formula, formula);
}

// ---- operands ----

type Operand =
  | { readonly kind: 'attribute' | 'lowered'; readonly name: string }
  | { readonly kind: 'constant'; readonly value: CesqlValue }
  | { readonly kind: 'other' };

function operandOf(expression: CesqlExpression): Operand {
  if (expression.kind === 'literal') return { kind: 'constant', value: expression.value };
  if (expression.kind === 'attribute') return { kind: 'attribute', name: expression.name };
  if (expression.kind !== 'call' || expression.name !== 'LOWER') return { kind: 'other' };
  const [argument, more] = expression.arguments;
  return argument?.kind === 'attribute' && more === undefined
    ? { kind: 'lowered', name: argument.name }
    : { kind: 'other' };
}

function readsNothing(expression: CesqlExpression): boolean {
  for (let node = expression; ; ) {
    switch (node.kind) {
      case 'binary':
        if (!readsNothing(node.right)) return false;
        node = node.left;
        break;
      case 'in':
        if (!node.set.every(readsNothing)) return false;
        node = node.operand;
        break;
      case 'unary':
      case 'like':
        node = node.operand;
        break;
      case 'call':
        return node.arguments.every(readsNothing);
      default:
        return node.kind === 'literal';
    }
  }
}

// ---- comparisons ----

/** Every value has a text, so what is there is known. */
function textTruth(name: string, texts: TextSet, said: readonly string[]): Truth {
  const [yes, no] = [asText(name, texts, said), asText(name, otherTexts(texts), said)];
  return truth(allOf([yes]), allOf([no]), allOf([presentClaim(name, said)]));
}

function integerTruth(name: string, set: IntegerSet, said: readonly string[]): Truth {
  return truth(allOf([asInteger(name, set, said)]), allOf([asInteger(name, otherIntegers(set), said)]));
}

/** `attribute = constant`: the attribute is cast to what the constant is. */
function attributeEquals(name: string, value: CesqlValue, said: readonly string[]): Truth {
  if (typeof value === 'string') return textTruth(name, listedTexts([value]), said);
  if (typeof value === 'number') return integerTruth(name, integersBetween(value, value), said);
  return truth(allOf([asBoolean(name, value, said)]), allOf([asBoolean(name, !value, said)]));
}

/** `value IN (attribute's type …)`, one after the other: the first that is equal or cannot be cast ends the search. */
function findIn(values: readonly CesqlValue[], type: 'Integer' | 'Boolean') {
  const found: CesqlValue[] = [];
  for (const value of values) {
    const cast = castTo(value, type);
    if (cast === undefined) return { found, whole: false };
    found.push(cast);
  }
  return { found, whole: true };
}

/** The constants are cast to what the attribute is, whatever that turns out to be. */
function attributeIn(name: string, values: readonly CesqlValue[], said: readonly string[]): Truth {
  const integers = findIn(values, 'Integer');
  const booleans = findIn(values, 'Boolean');
  const texts = values.map(String);
  const numbers = integers.found.map(String);
  const yes = claimOf(
    name,
    {
      text: listedTexts(texts),
      integers: listedTexts(numbers),
      yes: booleans.found.includes(true),
      no: booleans.found.includes(false),
    },
    said,
  );
  const no = claimOf(
    name,
    {
      text: listedTexts(texts, true),
      integers: listedTexts(integers.whole ? numbers : [], integers.whole),
      yes: booleans.whole && !booleans.found.includes(true),
      no: booleans.whole && !booleans.found.includes(false),
    },
    said,
  );
  return truth(allOf([yes]), allOf([no]));
}

function equalityTruth(node: Binary, op: EqualityOperator): Truth {
  const [left, right] = [operandOf(node.left), operandOf(node.right)];
  const said = [printCesql(node)];
  const equal = (): Truth | undefined => {
    if (left.kind === 'attribute' && right.kind === 'constant') return attributeEquals(left.name, right.value, said);
    if (left.kind === 'constant' && right.kind === 'attribute') return attributeIn(right.name, [left.value], said);
    const [lowered, constant] = left.kind === 'lowered' ? [left, right] : [right, left];
    if (lowered.kind !== 'lowered' || constant.kind !== 'constant') return undefined;
    // A number or a boolean on the right of LOWER would be what it is cast to.
    if (lowered === left && typeof constant.value !== 'string') return undefined;
    const texts = loweredEqual(String(constant.value));
    return texts === undefined ? undefined : textTruth(lowered.name, texts, said);
  };
  const found = equal();
  if (found !== undefined) return swapped(found, op === '!=');
  return openTruth(node, 'this compares more than an attribute with a value');
}

const mirrored: Readonly<Record<OrderOperator, OrderOperator>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' };

function integersThat(op: OrderOperator, value: number): IntegerSet {
  switch (op) {
    case '<':
      return integersBetween(-Infinity, value - 1);
    case '<=':
      return integersBetween(-Infinity, value);
    case '>':
      return integersBetween(value + 1, Infinity);
    case '>=':
      return integersBetween(value, Infinity);
  }
}

function orderTruth(node: Binary, op: OrderOperator): Truth {
  const [left, right] = [operandOf(node.left), operandOf(node.right)];
  const said = [printCesql(node)];
  const compare = (name: string, by: OrderOperator, constant: CesqlValue): Truth => {
    const value = castTo(constant, 'Integer');
    return value === undefined ? failing : integerTruth(name, integersThat(by, Number(value)), said);
  };
  if (left.kind === 'attribute' && right.kind === 'constant') return compare(left.name, op, right.value);
  if (left.kind === 'constant' && right.kind === 'attribute') return compare(right.name, mirrored[op], left.value);
  return openTruth(node, 'this compares more than an attribute with a value');
}

function likeTruth(node: Like): Truth {
  const operand = operandOf(node.operand);
  const said = [printCesql(node)];
  if (operand.kind === 'attribute') return swapped(textTruth(operand.name, textsLike(node.pattern), said), node.not);
  const texts = operand.kind === 'lowered' ? loweredLike(node.pattern) : undefined;
  if (operand.kind !== 'lowered' || texts === undefined)
    return openTruth(node, 'LIKE is carried over on attributes only');
  return swapped(textTruth(operand.name, texts, said), node.not);
}

function inTruth(node: In): Truth {
  const operand = operandOf(node.operand);
  const values = node.set.flatMap((item) => (item.kind === 'literal' ? [item.value] : []));
  const said = [printCesql(node)];
  if (values.length === node.set.length) {
    if (operand.kind === 'attribute') return swapped(attributeIn(operand.name, values, said), node.not);
    const texts = operand.kind === 'lowered' ? values.map((value) => loweredEqual(String(value))) : [];
    const known = texts.filter((set) => set !== undefined);
    if (operand.kind === 'lowered' && known.length === values.length) {
      return swapped(textTruth(operand.name, anyOfTexts(known), said), node.not);
    }
  }
  return openTruth(node, 'IN is carried over on an attribute and literals only');
}

// ---- logic ----

type Logic = Binary & { readonly op: LogicOperator };

function isLogic(expression: CesqlExpression): expression is Logic {
  return expression.kind === 'binary' && (expression.op === 'AND' || expression.op === 'OR' || expression.op === 'XOR');
}

/** The chain is cut into runs of one operator. */
function logicTruth(node: Logic): Truth {
  const chain: Logic[] = [];
  let first: CesqlExpression = node;
  while (isLogic(first)) {
    chain.push(first);
    first = first.left;
  }
  chain.reverse();
  let left = truthOf(first);
  for (let from = 0; from < chain.length; ) {
    const { op } = chain[from]!;
    const end = chain.findIndex((step, i) => i > from && step.op !== op);
    const run = chain.slice(from, end === -1 ? undefined : end);
    const joined = runTruth(op, [left, ...run.map((step) => truthOf(step.right))]);
    left = joined ?? openTruth(run.at(-1)!, 'this has too many combinations');
    from += run.length;
  }
  return left;
}

function attributeTruth({ name }: AttributeAccess, said: readonly string[]): Truth {
  return truth(allOf([asBoolean(name, true, said)]), allOf([asBoolean(name, false, said)]));
}

function existsTruth({ name }: AttributeAccess, said: readonly string[]): Truth {
  return truth(allOf([presentClaim(name, said)]), allOf([absentClaim(name, said)]));
}

/** When the expression, cast to a boolean, is true and when it is false. */
function truthOf(node: CesqlExpression): Truth {
  if (readsNothing(node)) {
    const { value, error } = evaluateCesql(node, {});
    return error === undefined ? constantTruth(value) : failing;
  }
  switch (node.kind) {
    case 'attribute':
      return attributeTruth(node, [printCesql(node)]);
    case 'exists':
      return existsTruth(node, [printCesql(node)]);
    case 'like':
      return likeTruth(node);
    case 'in':
      return inTruth(node);
    case 'unary':
      return node.op === 'NOT'
        ? swapped(truthOf(node.operand), true)
        : openTruth(node, 'arithmetic is not carried over');
    case 'call':
      if (functionFor(node.name, node.arguments.length) === undefined) return failing;
      return openTruth(node, 'functions are not carried over');
    default:
      return node.kind === 'binary' ? binaryTruth(node) : failing;
  }
}

function binaryTruth(node: Binary): Truth {
  if (isLogic(node)) return logicTruth(node);
  switch (node.op) {
    case '=':
    case '!=':
      return equalityTruth(node, node.op);
    case '<':
    case '<=':
    case '>':
    case '>=':
      return orderTruth(node, node.op);
    default:
      return openTruth(node, 'arithmetic is not carried over');
  }
}

/** Whether the expression's value is always a boolean, or an error. */
export function isBoolean(expression: CesqlExpression): boolean {
  switch (expression.kind) {
    case 'exists':
    case 'like':
    case 'in':
      return true;
    case 'literal':
      return typeof expression.value === 'boolean';
    case 'unary':
      return expression.op === 'NOT';
    case 'binary':
      return !'+-*/%'.includes(expression.op);
    case 'call':
      return functionFor(expression.name, expression.arguments.length)?.returns === 'Boolean';
    case 'attribute':
      return false;
  }
}

/** As the sql dialect of the Subscriptions API has it: what is not a boolean is cast to one. */
export function sqlFormula(expression: CesqlExpression): Formula {
  return truthOf(expression).yes;
}

/** As a rule's condition: only what is the boolean true matches. */
export function cesqlFormula(expression: CesqlExpression): Formula {
  if (isBoolean(expression)) return sqlFormula(expression);
  if (expression.kind !== 'attribute') return never;
  const claim: Claim = claimOf(expression.name, { yes: true }, [printCesql(expression)]);
  return allOf([claim]);
}
