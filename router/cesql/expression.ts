// A CESQL expression as plain data: what the parser builds, the printer writes and the evaluator runs. Parentheses are
// not kept, the tree says the same. Names are as the language reads them: attributes in lower case, functions in upper.
// Source: cloudevents/spec cesql@v1.0.0, sections 2 (syntax) and 3.6 (precedence).

export type CesqlValue = string | number | boolean;

export type LogicOperator = 'AND' | 'OR' | 'XOR';
/** `<>` is read as `!=`. */
export type EqualityOperator = '=' | '!=';
export type OrderOperator = '<' | '<=' | '>' | '>=';
export type MathOperator = '+' | '-' | '*' | '/' | '%';
export type BinaryOperator = LogicOperator | EqualityOperator | OrderOperator | MathOperator;

/** Both count from 1; the column in UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

interface Node {
  /** Of the operator or the name, in the text the tree was read from; absent in a tree that was built. */
  readonly at?: Position;
}

export interface Literal extends Node {
  readonly kind: 'literal';
  readonly value: CesqlValue;
}

export interface AttributeAccess extends Node {
  readonly kind: 'attribute' | 'exists';
  readonly name: string;
}

export interface Call extends Node {
  readonly kind: 'call';
  readonly name: string;
  readonly arguments: readonly CesqlExpression[];
}

export interface Unary extends Node {
  readonly kind: 'unary';
  readonly op: 'NOT' | '-';
  readonly operand: CesqlExpression;
}

export interface Binary extends Node {
  readonly kind: 'binary';
  readonly op: BinaryOperator;
  readonly left: CesqlExpression;
  readonly right: CesqlExpression;
}

export interface Like extends Node {
  readonly kind: 'like';
  readonly not: boolean;
  readonly operand: CesqlExpression;
  /** With % and _, and \ before either of them where it stands for itself. */
  readonly pattern: string;
}

export interface In extends Node {
  readonly kind: 'in';
  readonly not: boolean;
  readonly operand: CesqlExpression;
  /** At least one. */
  readonly set: readonly CesqlExpression[];
}

export type Operation = Unary | Binary | Like | In;
export type CesqlExpression = Literal | AttributeAccess | Call | Operation;

/** How tight an operator binds; equals are read from the left. */
export const binaryLevels: Readonly<Record<BinaryOperator, number>> = {
  AND: 1,
  OR: 1,
  XOR: 1,
  '=': 2,
  '!=': 2,
  '<': 2,
  '<=': 2,
  '>': 2,
  '>=': 2,
  '+': 3,
  '-': 3,
  '*': 4,
  '/': 4,
  '%': 4,
};
/** LIKE and IN. */
export const POSTFIX_LEVEL = 5;
export const UNARY_LEVEL = 6;
const PRIMARY_LEVEL = 7;

export function levelOf(expression: CesqlExpression): number {
  switch (expression.kind) {
    case 'binary':
      return binaryLevels[expression.op];
    case 'like':
    case 'in':
      return POSTFIX_LEVEL;
    case 'unary':
      return UNARY_LEVEL;
    default:
      return PRIMARY_LEVEL;
  }
}

/** Words that name no attribute. */
export const keywords: readonly string[] = ['AND', 'OR', 'XOR', 'NOT', 'LIKE', 'IN', 'EXISTS', 'TRUE', 'FALSE'];

export function positionText({ line, column }: Position): string {
  return line === 1 ? `column ${column}` : `line ${line}, column ${column}`;
}
