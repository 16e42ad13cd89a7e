// Why a CESQL condition does not take an event: the first part of its AND that is not true, the attributes that part
// asks about, and the error when it erred. Shows attributes only; the expression sees nothing else.

import { compileCesql, compileCesqlFilter } from '../cesql/evaluate.ts';
import type { CesqlExpression, CesqlValue } from '../cesql/expression.ts';
import { printCesql } from '../cesql/print.ts';
import type { CesqlCondition } from '../condition.ts';
import { toRouterError } from '../errors.ts';
import type { Judged } from '../explain.ts';
import type { JsonTree } from '../wire/json-tree.ts';
import { listText, nodeText, showPath } from './text.ts';

/** The scalar members of an event, as CESQL takes attributes. */
function attributesOf(event: JsonTree): Readonly<Record<string, CesqlValue>> {
  const attributes: Record<string, CesqlValue> = {};
  for (const [name, member] of event.kind === 'object' ? event.members : []) {
    if (name === 'data') continue;
    if (member.kind === 'string') attributes[name] = member.value;
    else if (member.kind === 'number') attributes[name] = Number(member.text);
    else if (member.kind === 'literal' && member.value !== null) attributes[name] = member.value;
  }
  return attributes;
}

/** The parts of the outermost AND, in the order written. Iterative: an expression leans to the left. */
function partsOf(expression: CesqlExpression): readonly CesqlExpression[] {
  const parts: CesqlExpression[] = [];
  const left = [expression];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (next.kind === 'binary' && next.op === 'AND') left.push(next.right, next.left);
    else parts.push(next);
  }
  return parts;
}

function childrenOf(expression: CesqlExpression): readonly CesqlExpression[] {
  switch (expression.kind) {
    case 'call':
      return expression.arguments;
    case 'unary':
    case 'like':
      return [expression.operand];
    case 'binary':
      return [expression.left, expression.right];
    case 'in':
      return [expression.operand, ...expression.set];
    default:
      return [];
  }
}

/** The attributes that an expression names, each once, in the order written. */
function namesIn(expression: CesqlExpression): readonly string[] {
  const names = new Set<string>();
  const left = [expression];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (next.kind === 'attribute' || next.kind === 'exists') names.add(next.name);
    left.push(...[...childrenOf(next)].reverse());
  }
  return [...names];
}

function hasText(event: JsonTree, names: readonly string[]): string {
  const members = new Map(event.kind === 'object' ? event.members : []);
  const texts = names.map((name) => {
    const member = members.get(name);
    return member === undefined ? `${showPath(name)} absent` : `${showPath(name)} ${nodeText(member)}`;
  });
  return texts.length === 0 ? 'no attribute is asked about' : listText(texts, texts.length);
}

function printed(expression: CesqlExpression): string {
  try {
    return printCesql(expression);
  } catch (thrown) {
    return toRouterError(thrown).message;
  }
}

export function judgeCesql({ expression }: CesqlCondition, event: JsonTree): Judged {
  const attributes = attributesOf(event);
  if (compileCesqlFilter(expression)(attributes)) return { explanation: { matched: true }, score: 1 };
  const all = partsOf(expression);
  // AND casts its sides, so a part is asked as a side of AND; the only part is asked as it is.
  const asked = (part: CesqlExpression): CesqlExpression =>
    all.length === 1 ? part : { kind: 'binary', op: 'AND', left: part, right: { kind: 'literal', value: true } };
  const parts = all.map((part) => ({ part, ...compileCesql(asked(part))(attributes) }));
  const failing = parts.filter(({ value, error }) => value !== true || error !== undefined);
  const [first = parts[0]!, ...others] = failing;
  const { part, error } = first;
  const near = error === undefined ? {} : { near: `the expression errs, so the event is not taken: ${error.message}` };
  const explanation = {
    matched: false,
    clause: { path: 'when', wants: printed(part), has: hasText(event, namesIn(part)), ...near },
    also: others.map((other) => printed(other.part)),
    holds: parts.length - failing.length,
    of: parts.length,
    alternatives: 1,
  } as const;
  return { explanation, score: (parts.length - failing.length) / (parts.length + 1) };
}
