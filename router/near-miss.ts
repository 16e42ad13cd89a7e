// Which rules an event nearly matched, the nearest first. For a person who asks why nothing happened, so it looks at every
// rule; deterministic, and bounded as a whole.

import type { Condition } from './condition.ts';
import { MAX_STEPS, viewOf } from './explain/view.ts';
import { type Explanation, judge } from './explain.ts';
import type { JsonTree } from './wire/json-tree.ts';

/** What a rule must have to be explained. */
export interface Explainable {
  readonly name: string;
  readonly when: Condition;
}

export interface NearMiss {
  readonly rule: string;
  /** 0 to 1: the share of clauses that hold, and of those that nearly do. */
  readonly score: number;
  readonly explanation: Explanation;
}

// A few seconds of work for all rules together; 10,000 rules of four fields on one webhook event take a fifth of it.
const MAX_ALL_STEPS = 10 * MAX_STEPS;
// What each rule gets when that is gone: enough for events without long lists.
const LEAST_STEPS = 2_000;

/** Rules that do not match, the nearest first and the earlier of equals first; at most `limit`, all unless told. */
export function nearMisses(
  rules: readonly Explainable[],
  event: JsonTree,
  { limit = rules.length }: { readonly limit?: number } = {},
): readonly NearMiss[] {
  const view = viewOf(event);
  let left = MAX_ALL_STEPS;
  const misses = rules.flatMap(({ name, when }) => {
    const given = Math.min(MAX_STEPS, Math.max(left, LEAST_STEPS));
    view.budget.left = given;
    const { explanation, score } = judge(when, view);
    left -= Math.max(given - view.budget.left, 0);
    return explanation.matched ? [] : [{ rule: name, score, explanation }];
  });
  return misses.sort((a, b) => b.score - a.score).slice(0, limit);
}
