// A rule → the filter of its subscription. Pure; loaded by plan and by the command line. A filter sees attributes only and
// takes 256 bytes: what it cannot say is dropped from it, never the other way round, and the mark of promotion.ts stands in
// for what was dropped. Law: match ⇒ the filter passes; filter ∧ residual ⇔ match.

import type { Condition } from '../../router/condition.ts';
import type { Pattern } from '../../router/pattern.ts';
import { type SubRule, subRulesOf } from '../../router/sub-rule.ts';
import type { Split } from '../adapter.ts';
import { cesqlClaim } from './filter-cesql.ts';
import { allClaims, anyClaims, type Claim, type Loss, leafClaim, requiredKeys } from './filter-leaf.ts';
import { allOf, anyOf, bytesOf, isAlways, isNever, type Term, textOf, wider } from './filter-term.ts';
import { serviceLimits } from './options.ts';
import { markOf, type Promoted } from './promotion.ts';

/** A rule's filter in parts: what is asked of the attributes, and the mark that must be absent where that is not all. */
export interface Filter {
  readonly text: string;
  readonly part: Term;
  readonly mark?: string;
  readonly why?: string;
  readonly fix?: string;
}

function rowClaim(row: SubRule): Claim {
  return allClaims(
    row.map(([path, leaf]) => {
      const claim = leafClaim(path, leaf);
      const { loss } = claim;
      return loss === undefined ? claim : { ...claim, loss: { ...loss, says: `'${path}': ${loss.says}` } };
    }),
  );
}

/** What all rows ask for stands once, before the alternatives: `A AND (B OR C)` is shorter than `(A AND B) OR (A AND C)`. */
function factored(rows: readonly Term[]): Term {
  const asked = rows.map((row) => new Map((row.kind === 'all' ? row.of : [row]).map((term) => [textOf(term), term])));
  const [first = new Map<string, Term>(), ...others] = asked;
  const shared = [...first].filter(([text]) => others.every((other) => other.has(text)));
  if (shared.length === 0) return anyOf(rows);
  const names = new Set(shared.map(([text]) => text));
  const rest = asked.map((row) => allOf([...row].filter(([text]) => !names.has(text)).map(([, term]) => term)));
  return allOf([...shared.map(([, term]) => term), anyOf(rest)]);
}

function patternClaim(pattern: Pattern): Claim {
  const rows = subRulesOf(pattern).map(rowClaim);
  const possible = rows.filter(({ term }) => !isNever(term));
  const claim = anyClaims(possible);
  return claim.term.kind === 'any' ? { ...claim, term: factored(claim.term.of) } : claim;
}

function claimOf(when: Condition): Claim {
  return when.kind === 'cesql' ? cesqlClaim(when.expression) : patternClaim(when);
}

/** Widened until it takes no more than `bytes`. */
function fitted(term: Term, bytes: number): Term {
  let fitting = term;
  while (!isAlways(fitting) && bytesOf(fitting) > bytes) fitting = wider(fitting, requiredKeys);
  return fitting;
}

function withMark(when: Condition, term: Term, { says, fix }: Loss): Filter {
  const mark = markOf(when);
  const unmarked: Term = { kind: 'absent', key: mark };
  // Parentheses and the word between, at most.
  const part = fitted(term, serviceLimits.filterBytes - bytesOf(unmarked) - '() AND '.length);
  return { text: textOf(allOf([part, unmarked])), part, mark, why: says, fix };
}

/** The filter of a rule's subscription. */
export function filterOf(when: Condition): Filter {
  const { term, loss } = claimOf(when);
  if (loss !== undefined) return withMark(when, term, loss);
  const bytes = bytesOf(term);
  const { filterBytes } = serviceLimits;
  if (bytes <= filterBytes) return { text: textOf(term), part: term };
  const says = `the filter takes ${bytes} bytes, at most ${filterBytes} are taken`;
  return withMark(when, term, { says, fix: 'list fewer values, or name what they begin with by prefix' });
}

/** The rules whose filters ask for a mark. */
export function promotedRules(rules: readonly { readonly name: string; readonly when: Condition }[]): Promoted[] {
  return rules.flatMap(({ name, when }) => {
    const { part, mark } = filterOf(when);
    return mark === undefined ? [] : [{ name, when, mark, part }];
  });
}

export function compilePubSub(when: Condition): Split<string> {
  const { text, mark, why, fix } = filterOf(when);
  if (mark === undefined) return { kind: 'exact', native: text, residual: null };
  return { kind: 'wider', native: text, residual: when, ...(why && { why }), ...(fix && { fix }) };
}
