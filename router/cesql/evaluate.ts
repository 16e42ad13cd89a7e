// What a CESQL expression says of an event's attributes. Nothing is thrown: an error comes beside a value. The first error
// ends the evaluation ("fail fast", spec 4.1): every operator and function above it gives the zero value of its type, so a
// missing attribute is never taken for an empty string. An integer result outside 32 bits is a math error, never wrapped:
// the spec leaves it open but for ABS, which it treats so.
// Source: cloudevents/spec cesql@v1.0.0, section 3.

import { show } from '../config.ts';
import type { AttributeValue } from '../event.ts';
import { type CesqlType, castTo, isInteger32, MAX_INTEGER, MIN_INTEGER, typeOf, zeroValues } from './cast.ts';
import {
  type AttributeAccess,
  type Binary,
  type Call,
  type CesqlExpression,
  type CesqlValue,
  type EqualityOperator,
  type In,
  type Like,
  type LogicOperator,
  type MathOperator,
  type Operation,
  type OrderOperator,
  positionText,
  type Unary,
} from './expression.ts';
import { functionFor, signaturesOf } from './functions.ts';
import { likeTest } from './like.ts';

export type CesqlAttributes = Readonly<Record<string, AttributeValue | undefined>>;

export interface CesqlError {
  /** As the spec names them, without the `parse` of parseCesql and the `generic` that nothing here gives. */
  readonly kind: 'cast' | 'math' | 'missingAttribute' | 'missingFunction' | 'functionEvaluation';
  readonly message: string;
}

export interface CesqlResult {
  readonly value: CesqlValue;
  readonly error?: CesqlError;
}

interface Failure extends CesqlResult {
  readonly error: CesqlError;
}

/** A bare value where there is no error: that is the common case, and it costs nothing. */
type Outcome = CesqlValue | Failure;
type Evaluate = (attributes: CesqlAttributes) => Outcome;
/** The rest of an operation once its first operand is there. */
type Step = (first: Outcome, attributes: CesqlAttributes) => Outcome;

const failed = (outcome: Outcome): outcome is Failure => typeof outcome === 'object';

function failure(kind: CesqlError['kind'], { at }: CesqlExpression, says: string, value: CesqlValue): Failure {
  return { value, error: { kind, message: at === undefined ? says : `${positionText(at)}: ${says}` } };
}

/** The error as it goes through an operator or a function of this type. */
function passOn({ error }: Failure, type: CesqlType): Failure {
  return { value: zeroValues[type], error };
}

function describe(expression: CesqlExpression): string {
  if (expression.kind === 'attribute') return `the attribute '${expression.name}'`;
  return expression.kind === 'literal' ? 'the literal' : 'its operand';
}

const due: Readonly<Record<CesqlType, string>> = {
  String: 'a string',
  Integer: `an integer from ${MIN_INTEGER} to ${MAX_INTEGER}`,
  Boolean: 'true or false',
};

/** Shows the value: attributes are what intermediaries may read and log (CloudEvents 1.0.2, "Privacy and Security"). */
function cast(outcome: Outcome, type: CesqlType, from: CesqlExpression, by: CesqlExpression, name: string): Outcome {
  if (failed(outcome)) return outcome;
  const value = castTo(outcome, type);
  if (value !== undefined) return value;
  return failure('cast', by, `${name} needs ${due[type]}, ${describe(from)} is ${show(outcome)}`, zeroValues[type]);
}

// ---- leaves ----

function compileAttribute(node: AttributeAccess): Evaluate {
  const { name } = node;
  const hint = name === 'data' ? 'CESQL cannot look into the data' : `test for it with EXISTS ${name}`;
  const missing = failure('missingAttribute', node, `the event has no attribute '${name}'; ${hint}`, false);
  // hasOwn: `constructor` is a valid name.
  return (attributes) => (Object.hasOwn(attributes, name) ? (attributes[name] ?? missing) : missing);
}

function compileExists({ name }: AttributeAccess): Evaluate {
  return (attributes) => Object.hasOwn(attributes, name) && attributes[name] !== undefined;
}

function compileCall(node: Call): Evaluate {
  const { name, arguments: list } = node;
  const found = functionFor(name, list.length);
  if (found === undefined) {
    const known = signaturesOf(name);
    const says =
      known === ''
        ? `there is no function ${name}`
        : `${name} does not take ${list.length} arguments; allowed: ${known}`;
    const missing = failure('missingFunction', node, says, false);
    return () => missing;
  }
  const operands = list.map(compile);
  return (attributes) => {
    const values: CesqlValue[] = [];
    for (const [i, operand] of operands.entries()) {
      const type = found.takes[i] ?? found.rest ?? 'Any';
      const given = operand(attributes);
      const value = type === 'Any' ? given : cast(given, type, list[i]!, node, name);
      if (failed(value)) return passOn(value, found.returns);
      values.push(value);
    }
    const result = found.run(values);
    return typeof result === 'object' ? failure(result.kind, node, `${name}: ${result.says}`, result.value) : result;
  };
}

// ---- operations ----

function compileUnary(node: Unary): Step {
  const { op, operand } = node;
  if (op === 'NOT') {
    return (first) => {
      const value = cast(first, 'Boolean', operand, node, 'NOT');
      return failed(value) ? passOn(value, 'Boolean') : !value;
    };
  }
  return (first) => {
    const value = cast(first, 'Integer', operand, node, "'-'");
    if (failed(value)) return passOn(value, 'Integer');
    if (value === MIN_INTEGER) return failure('math', node, `-(${MIN_INTEGER}) is over ${MAX_INTEGER}`, 0);
    return 0 - Number(value);
  };
}

function compileLogic(node: Binary, op: LogicOperator): Step {
  const right = compile(node.right);
  // What on the left settles it, so that the right is not looked at.
  const settled = op === 'XOR' ? undefined : op === 'OR';
  return (first, attributes) => {
    const x = cast(first, 'Boolean', node.left, node, op);
    if (failed(x)) return passOn(x, 'Boolean');
    if (x === settled) return x;
    const y = cast(right(attributes), 'Boolean', node.right, node, op);
    if (failed(y)) return passOn(y, 'Boolean');
    return op === 'XOR' ? x !== y : y;
  };
}

/** The left is cast to what the right is (spec 3.7). */
function compileEquality(node: Binary, op: EqualityOperator): Step {
  const right = compile(node.right);
  const name = `'${op}' goes by the type on its right and`;
  return (first, attributes) => {
    if (failed(first)) return passOn(first, 'Boolean');
    const y = right(attributes);
    if (failed(y)) return passOn(y, 'Boolean');
    const x = cast(first, typeOf(y), node.left, node, name);
    if (failed(x)) return passOn(x, 'Boolean');
    return (x === y) === (op === '=');
  };
}

function isOrdered(x: number, op: OrderOperator, y: number): boolean {
  switch (op) {
    case '<':
      return x < y;
    case '<=':
      return x <= y;
    case '>':
      return x > y;
    case '>=':
      return x >= y;
  }
}

/** Not an integer of 32 bits where there is no result: not finite after a division by zero. */
function compute(x: number, op: MathOperator, y: number): number {
  switch (op) {
    case '+':
      return x + y;
    case '-':
      return x - y;
    case '*':
      return x * y;
    case '/':
      return Math.trunc(x / y);
    case '%':
      return x % y;
  }
}

function mathResult(node: Binary, x: number, op: MathOperator, y: number): Outcome {
  const result = compute(x, op, y);
  // + 0: -0 is 0.
  if (isInteger32(result)) return result + 0;
  const why =
    y === 0 && (op === '/' || op === '%') ? 'divides by zero' : `is outside of ${MIN_INTEGER} to ${MAX_INTEGER}`;
  return failure('math', node, `${x} ${op} ${y} ${why}`, 0);
}

type IntegerOperator = OrderOperator | MathOperator;
const isMath = (op: IntegerOperator): op is MathOperator => '+-*/%'.includes(op);

function compileIntegers(node: Binary, op: IntegerOperator): Step {
  const right = compile(node.right);
  const returns = isMath(op) ? 'Integer' : 'Boolean';
  return (first, attributes) => {
    if (failed(first)) return passOn(first, returns);
    const second = right(attributes);
    const x = cast(first, 'Integer', node.left, node, `'${op}'`);
    const y = cast(second, 'Integer', node.right, node, `'${op}'`);
    if (failed(x)) return passOn(x, returns);
    if (failed(y)) return passOn(y, returns);
    return isMath(op) ? mathResult(node, Number(x), op, Number(y)) : isOrdered(Number(x), op, Number(y));
  };
}

function compileBinary(node: Binary): Step {
  switch (node.op) {
    case 'AND':
    case 'OR':
    case 'XOR':
      return compileLogic(node, node.op);
    case '=':
    case '!=':
      return compileEquality(node, node.op);
    default:
      return compileIntegers(node, node.op);
  }
}

function compileLike({ not, pattern }: Like): Step {
  const matches = likeTest(pattern);
  return (first) => (failed(first) ? passOn(first, 'Boolean') : matches(String(first)) !== not);
}

/** Elements are cast to what the left is; the first that is equal ends the search, the first error before it too. */
function compileIn(node: In): Step {
  const literals = node.set.flatMap((item) => (item.kind === 'literal' ? [String(item.value)] : []));
  // A cast to String never fails, so against a string a list of literals is a set.
  const texts = literals.length === node.set.length ? new Set(literals) : undefined;
  const elements = node.set.map(compile);
  return (first, attributes) => {
    if (failed(first)) return passOn(first, 'Boolean');
    if (texts !== undefined && typeof first === 'string') return texts.has(first) !== node.not;
    const type = typeOf(first);
    for (const [i, element] of elements.entries()) {
      const value = cast(element(attributes), type, node.set[i]!, node, 'IN goes by the type on its left and');
      if (failed(value)) return passOn(value, 'Boolean');
      if (value === first) return !node.not;
    }
    return node.not;
  };
}

function compileStep(node: Operation): Step {
  switch (node.kind) {
    case 'unary':
      return compileUnary(node);
    case 'binary':
      return compileBinary(node);
    case 'like':
      return compileLike(node);
    case 'in':
      return compileIn(node);
  }
}

/** First operands are walked in a loop, here and at each event: `a OR b OR …` may be thousands long. */
function compile(expression: CesqlExpression): Evaluate {
  const steps: Step[] = [];
  let node = expression;
  while (node.kind === 'unary' || node.kind === 'binary' || node.kind === 'like' || node.kind === 'in') {
    steps.push(compileStep(node));
    node = node.kind === 'binary' ? node.left : node.operand;
  }
  const leaf = compileLeaf(node);
  if (steps.length === 0) return leaf;
  steps.reverse();
  return (attributes) => {
    let outcome = leaf(attributes);
    for (const step of steps) outcome = step(outcome, attributes);
    return outcome;
  };
}

function compileLeaf(node: Exclude<CesqlExpression, Operation>): Evaluate {
  switch (node.kind) {
    case 'literal':
      return () => node.value;
    case 'attribute':
      return compileAttribute(node);
    case 'exists':
      return compileExists(node);
    case 'call':
      return compileCall(node);
  }
}

/** An expression as a function over attributes, for many events. Never throws. */
export function compileCesql(expression: CesqlExpression): (attributes: CesqlAttributes) => CesqlResult {
  const evaluate = compile(expression);
  return (attributes) => {
    const outcome = evaluate(attributes);
    return failed(outcome) ? outcome : { value: outcome };
  };
}

/** A filter for many events: true where the value is true and there is no error (Subscriptions API, sql dialect). */
export function compileCesqlFilter(expression: CesqlExpression): (attributes: CesqlAttributes) => boolean {
  const evaluate = compile(expression);
  return (attributes) => evaluate(attributes) === true;
}

/** For one event; compileCesql for many. */
export function evaluateCesql(expression: CesqlExpression, attributes: CesqlAttributes): CesqlResult {
  return compileCesql(expression)(attributes);
}

/** For one event; compileCesqlFilter for many. */
export function matchesCesql(expression: CesqlExpression, attributes: CesqlAttributes): boolean {
  return compileCesqlFilter(expression)(attributes);
}
