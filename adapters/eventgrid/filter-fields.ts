// What a condition asks of single fields, whichever way it is met: clauses that every match fulfils. Pure.
// A pattern gives the fields that all ways through its $or lists have in common; a CESQL expression the conjuncts on
// attributes that are always strings. What is left out is left to the residual.

import type { CesqlExpression } from '../../router/cesql/expression.ts';
import type { Condition } from '../../router/condition.ts';
import type { Pattern } from '../../router/pattern.ts';
import { subRulesOf } from '../../router/sub-rule.ts';
import { type Alternative, alternativeOf, textAlternative } from './filter-clause.ts';

/** The value at `path` is one of `anyOf` in every event that matches. */
export interface Field {
  readonly path: string;
  readonly anyOf: readonly Alternative[];
}

export interface Fields {
  readonly fields: readonly Field[];
  /** The fields are all there is to the condition. */
  readonly whole: boolean;
  /** What no field says, in words. */
  readonly left: readonly string[];
}

function fieldsOfPattern(pattern: Pattern): Fields {
  const ways = subRulesOf(pattern);
  const byPath = new Map<string, Alternative[][]>();
  for (const way of ways) {
    for (const [path, leaf] of way) {
      const found = byPath.get(path);
      const anyOf = leaf.anyOf.map(alternativeOf);
      if (found === undefined) byPath.set(path, [anyOf]);
      else found.push(anyOf);
    }
  }
  const shared = [...byPath].filter(([, lists]) => lists.length === ways.length);
  const left = [...byPath.keys()].filter((path) => byPath.get(path)!.length < ways.length);
  return {
    fields: shared.map(([path, lists]) => ({ path, anyOf: lists.flat() })),
    whole: ways.length === 1,
    left: left.map((path) => `${path}: not every way through $or asks for it, and filters cannot be ORed there`),
  };
}

/** Attributes that are strings in every event: there a comparison casts nothing. */
const strings: readonly string[] = ['id', 'source', 'type', 'subject'];

function attributeOf(expression: CesqlExpression): string | undefined {
  return expression.kind === 'attribute' && strings.includes(expression.name) ? expression.name : undefined;
}

function textOf(expression: CesqlExpression): string | undefined {
  return expression.kind === 'literal' && typeof expression.value === 'string' ? expression.value : undefined;
}

/** The literal pieces of a LIKE pattern; what _ stands for is between two of them. */
function piecesOf(pattern: string): readonly string[] {
  const pieces: string[] = [];
  let piece = '';
  for (let at = 0; at < pattern.length; at++) {
    const unit = pattern[at]!;
    const next = pattern[at + 1];
    if (unit === '\\' && (next === '%' || next === '_')) {
      piece += next;
      at++;
    } else if (unit === '%' || unit === '_') {
      pieces.push(piece);
      piece = '';
    } else piece += unit;
  }
  pieces.push(piece);
  return pieces;
}

function equality(left: CesqlExpression, right: CesqlExpression): Field | undefined {
  const path = attributeOf(left);
  const text = textOf(right);
  return path === undefined || text === undefined ? undefined : { path, anyOf: [textAlternative([text])] };
}

/** The field a true expression speaks for, or undefined. */
function fieldOf(expression: CesqlExpression): Field | undefined {
  if (expression.kind === 'binary') {
    const { op, left, right } = expression;
    if (op === '=') return equality(left, right) ?? equality(right, left);
    if (op !== 'OR') return undefined;
    const [one, other] = [fieldOf(left), fieldOf(right)];
    if (one === undefined || one.path !== other?.path) return undefined;
    return { path: one.path, anyOf: [...one.anyOf, ...other.anyOf] };
  }
  if ((expression.kind !== 'like' && expression.kind !== 'in') || expression.not) return undefined;
  const path = attributeOf(expression.operand);
  if (path === undefined) return undefined;
  if (expression.kind === 'like') return { path, anyOf: [textAlternative(piecesOf(expression.pattern))] };
  const texts = expression.set.map(textOf);
  return texts.some((text) => text === undefined)
    ? undefined
    : { path, anyOf: texts.map((text) => textAlternative([text!])) };
}

/** What an expression that is true has true in it: an error makes it no match, so each conjunct holds by itself. */
function conjunctsOf(expression: CesqlExpression): readonly CesqlExpression[] {
  if (expression.kind !== 'binary' || expression.op !== 'AND') return [expression];
  return [...conjunctsOf(expression.left), ...conjunctsOf(expression.right)];
}

function fieldsOfCesql(expression: CesqlExpression): Fields {
  const conjuncts = conjunctsOf(expression).map(fieldOf);
  const fields = conjuncts.filter((field) => field !== undefined);
  const partly = 'a part of the CESQL expression has no counterpart there';
  const left = fields.length < conjuncts.length ? [partly] : ['a CESQL expression is always checked again'];
  return { fields, whole: false, left };
}

/** Several fields may name one path: then all of them hold. */
export function fieldsOf(when: Condition): Fields {
  return when.kind === 'fields' ? fieldsOfPattern(when) : fieldsOfCesql(when.expression);
}
