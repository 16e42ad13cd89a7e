// What a rule asks of an event: a pattern, or a CESQL expression over the attributes. Patterns of all rules are matched
// at once by index; expressions one by one.

import { compileCesqlFilter } from './cesql/evaluate.ts';
import type { CesqlExpression } from './cesql/expression.ts';
import type { CloudEvent } from './event.ts';
import { compilePattern, createMatcher } from './matcher.ts';
import type { Pattern } from './pattern.ts';

/** CESQL 1.0; an error of the expression means that the event is not taken. Data cannot be asked about. */
export interface CesqlCondition {
  readonly kind: 'cesql';
  readonly text: string;
  readonly expression: CesqlExpression;
}

export type Condition = Pattern | CesqlCondition;

/** One condition as a function over events that never throws. */
export function compileCondition(when: Condition): (event: CloudEvent) => boolean {
  if (when.kind === 'fields') return compilePattern(when);
  const matches = compileCesqlFilter(when.expression);
  return ({ attributes }) => matches(attributes);
}

/** The rules that take an event, in the order given. */
export function indexRules(
  rules: readonly { readonly name: string; readonly when: Condition }[],
): (event: CloudEvent) => readonly string[] {
  const matcher = createMatcher();
  const asked: { readonly name: string; readonly matches: (event: CloudEvent) => boolean }[] = [];
  for (const { name, when } of rules) {
    if (when.kind === 'fields') matcher.add(name, when);
    else asked.push({ name, matches: compileCondition(when) });
  }
  if (asked.length === 0) return (event) => matcher.match(event);
  const order = new Map(rules.map(({ name }, i) => [name, i]));
  return (event) => {
    const taken = asked.filter(({ matches }) => matches(event)).map(({ name }) => name);
    return [...matcher.match(event), ...taken].sort((a, b) => order.get(a)! - order.get(b)!);
  };
}
