// Why an event did not match: the first clause that fails in the alternative of the rule that came closest, what the rule
// wants there, what the event has, and what was likely meant. Pure, bounded and total: no rule or event makes it throw.
// Judges as matching does; test/router/explain.test.ts holds the two together.

import type { Condition } from './condition.ts';
import { judgeCesql } from './explain/cesql.ts';
import { alternativesOf, holdsAlone, type Wanted } from './explain/clause.ts';
import { conflictIn, type Satisfied } from './explain/conflict.ts';
import { type Hint, likelier } from './explain/hint.ts';
import { nearPath } from './explain/near-path.ts';
import { nearValue } from './explain/near-value.ts';
import { hasText, showPath, wantsText } from './explain/text.ts';
import { holdTogether } from './explain/together.ts';
import { type EventView, fieldAt, viewOf } from './explain/view.ts';
import type { Pattern } from './pattern.ts';
import type { JsonTree } from './wire/json-tree.ts';

export interface FailedClause {
  readonly path: string;
  /** What the rule wants there, what the event has, and what was likely meant: texts for a person. */
  readonly wants: string;
  readonly has: string;
  readonly near?: string;
  /** Where every clause holds, but never in the same element of a list: which elements satisfy which clause. */
  readonly arrays?: readonly Satisfied[];
}

export type Explanation =
  | { readonly matched: true }
  | {
      readonly matched: false;
      readonly clause: FailedClause;
      /** Paths of the other clauses of the alternative that fail. */
      readonly also: readonly string[];
      /** Clauses of the alternative that hold on their own, of how many. */
      readonly holds: number;
      readonly of: number;
      /** Ways through the rule's $or; 1 without. */
      readonly alternatives: number;
    };

export interface Judged {
  readonly explanation: Explanation;
  /** 0 to 1, and 1 only for a match: the share of clauses that hold, and of those that nearly do. */
  readonly score: number;
}

// Of a rule with very many alternatives, so many clauses are searched for what was meant.
const MAX_HINTS = 200;
// All clauses hold, only not in one element: nearer than any clause that fails.
const CONFLICT_LACKS = 0.25;
// What is left for the texts where the search took all.
const TEXT_STEPS = 5_000;
// Where the budget ended the search.
const GAVE_UP = 'lists hold more combinations than are tried here, so the rule may match after all';

interface Attempt {
  readonly clauses: readonly Wanted[];
  readonly failing: readonly Wanted[];
  readonly together: 'no' | 'unknown';
}

interface Judgement {
  readonly view: EventView;
  readonly hints: Map<Wanted, Hint | undefined>;
}

function nearMissOf(view: EventView, clause: Wanted): Hint | undefined {
  const field = fieldAt(view, clause.path);
  const value = nearValue(clause.leaf, field);
  // A value that nearly fits is likelier than one at another path.
  return value !== undefined && value.closeness >= 0.5 ? value : likelier(value, nearPath(view, clause, field));
}

function hintOf({ view, hints }: Judgement, clause: Wanted): Hint | undefined {
  if (hints.has(clause)) return hints.get(clause);
  const hint = hints.size < MAX_HINTS ? nearMissOf(view, clause) : undefined;
  hints.set(clause, hint);
  return hint;
}

function lackOf(judgement: Judgement, { clauses, failing }: Attempt): number {
  if (failing.length === 0) return CONFLICT_LACKS / clauses.length;
  const lacks = failing.map((clause) => 1 - (hintOf(judgement, clause)?.closeness ?? 0));
  return lacks.reduce((sum, lack) => sum + lack, 0) / clauses.length;
}

const ABSENCE_FIRST =
  'absent in the element that fits, but an absence is judged before fields whose names sort after it: over all elements';

/** Whether absences fail only because they are judged before the clauses that choose an element. */
function isJudgedTooEarly(view: EventView, { clauses, failing }: Attempt): boolean {
  if (!failing.every(({ absence }) => absence)) return false;
  const later = [...clauses.filter(({ absence }) => !absence), ...clauses.filter(({ absence }) => absence)];
  return holdTogether(view, later) === 'yes';
}

function conflictClause(view: EventView, { clauses, together }: Attempt): FailedClause {
  const near =
    together === 'unknown'
      ? GAVE_UP
      : 'fields below one list must hold in the same element; to take either one, use $or';
  return { ...conflictIn(view, clauses), near };
}

function failedClause(judgement: Judgement, attempt: Attempt, clause: Wanted): FailedClause {
  const { view } = judgement;
  const why = isJudgedTooEarly(view, attempt) ? ABSENCE_FIRST : hintOf(judgement, clause)?.says;
  const near = attempt.together === 'unknown' ? GAVE_UP : why;
  return {
    path: clause.path,
    wants: wantsText(clause.leaf),
    has: hasText(view, clause.path, fieldAt(view, clause.path)),
    ...(near === undefined ? {} : { near }),
  };
}

function attemptOf(view: EventView, clauses: readonly Wanted[]): Attempt | 'match' {
  const failing = clauses.filter((clause) => !holdsAlone(view, clause));
  // An absence that fails over the whole event can hold in the element that other clauses choose.
  const hopeless = failing.some(({ absence }) => !absence);
  const together = hopeless ? 'no' : holdTogether(view, clauses);
  if (together === 'yes') return 'match';
  return { clauses, failing, together: view.budget.left > 0 ? together : 'unknown' };
}

/** The attempts at each alternative, or 'match' as soon as one matches. */
function attemptsAt(view: EventView, alternatives: readonly (readonly Wanted[])[]): readonly Attempt[] | 'match' {
  const attempts: Attempt[] = [];
  for (const clauses of alternatives) {
    const attempt = attemptOf(view, clauses);
    if (attempt === 'match') return 'match';
    attempts.push(attempt);
  }
  return attempts;
}

/** As explain, on a view that several rules may share. */
export function judge(when: Condition, view: EventView): Judged {
  return when.kind === 'cesql' ? judgeCesql(when, view.event) : judgePattern(when, view);
}

function judgePattern(pattern: Pattern, view: EventView): Judged {
  const alternatives = alternativesOf(pattern);
  // All verdicts first: hints take their steps from what is left.
  const attempts = attemptsAt(view, alternatives);
  if (attempts === 'match') return { explanation: { matched: true }, score: 1 };
  const judgement = { view, hints: new Map() };
  const lacks = attempts.map((attempt) => lackOf(judgement, attempt));
  const least = lacks.reduce((a, b) => Math.min(a, b));
  const nearest = attempts[lacks.indexOf(least)]!;
  const { clauses, failing } = nearest;
  view.budget.left = Math.max(view.budget.left, TEXT_STEPS);
  const [first, ...others] = [...failing].sort((a, b) => a.order - b.order);
  const clause = first === undefined ? conflictClause(view, nearest) : failedClause(judgement, nearest, first);
  const explanation = {
    matched: false,
    clause,
    also: others.map(({ path }) => path),
    holds: clauses.length - failing.length,
    of: clauses.length,
    alternatives: alternatives.length,
  } as const;
  return { explanation, score: 1 - least };
}

/** Whether a condition takes an event, an object of attributes and `data`; and if not, why. */
export function explain(when: Condition, event: JsonTree): Explanation {
  return judge(when, viewOf(event)).explanation;
}

const MAX_ALSO = 3;

function alsoText(also: readonly string[]): string {
  const more = also.length > MAX_ALSO ? ` and ${also.length - MAX_ALSO} more` : '';
  return `${also.slice(0, MAX_ALSO).map(showPath).join(', ')}${more}`;
}

/** The explanation as 1 to 5 lines. One text for the command line and tests. */
export function explanationText(ruleName: string, explanation: Explanation): string {
  const rule = `rule '${ruleName}'`;
  if (explanation.matched) return `${rule} matches`;
  const { clause, also, alternatives } = explanation;
  const which = alternatives > 1 ? ` (the nearest of its ${alternatives} alternatives)` : '';
  const lines = [
    `${rule} does not match at ${showPath(clause.path)}${which}`,
    `  wants  ${clause.wants}`,
    `  has    ${clause.has}`,
  ];
  if (clause.near !== undefined) lines.push(`  near   ${clause.near}`);
  if (also.length > 0) lines.push(`  also   ${alsoText(also)}`);
  return lines.join('\n');
}
