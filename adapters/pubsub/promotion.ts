// The mark that lets a filter see the whole of a rule. A publisher that knows a rule writes `r_<hash>` on each message that
// passes the rule's attribute part and does not match the rule; the rule's filter asks that the mark is absent. Who does
// not know the rule writes no mark, so its events pass and the residual decides. Must never mark an event that matches.

import { createHash } from 'node:crypto';
import { type Condition, indexRules } from '../../router/condition.ts';
import type { CloudEvent } from '../../router/event.ts';
import { VERDICTS } from '../../router/matcher.ts';
import { canonicalJson } from '../../router/rule.ts';
import { subRulesOf } from '../../router/sub-rule.ts';
import { passes, type Term } from './filter-term.ts';

export const MARK_VALUE = '0';
/** In the JSON of a publish call: "r_0123456789abcdef":"0", */
export const MARK_JSON_BYTES = 25;

/** The same for all spellings of one rule: the order of fields, of values and of alternatives is no difference. */
function canonicalText(when: Condition): string {
  if (when.kind === 'cesql') return `cesql ${canonicalJson(when.text)}`;
  const rows = subRulesOf(when).map((row) =>
    canonicalJson(row.map(([path, { anyOf }]) => [path, [...new Set(anyOf.map(canonicalJson))].sort()])),
  );
  return `pattern ${[...new Set(rows)].sort().join('\n')}`;
}

/** 16 hex digits of SHA-256 over the rule and the version of the verdicts. */
export function ruleHash(when: Condition): string {
  return createHash('sha256')
    .update(`${VERDICTS}\n${canonicalText(when)}`)
    .digest('hex')
    .slice(0, 16);
}

export function markOf(when: Condition): string {
  return `r_${ruleHash(when)}`;
}

/** A rule whose filter asks for a mark. */
export interface Promoted {
  readonly name: string;
  readonly when: Condition;
  readonly mark: string;
  /** What its filter asks of the attributes besides. */
  readonly part: Term;
}

/** Gives the marks of an event that already has these attributes; at most `room`. Never throws. */
export type Marker = (
  event: CloudEvent,
  attributes: Readonly<Record<string, string>>,
  room: number,
) => readonly string[];

export function createMarker(promoted: readonly Promoted[]): Marker {
  if (promoted.length === 0) return () => [];
  const match = indexRules(promoted);
  return (event, attributes, room) => {
    const marks = new Set<string>();
    let matched: ReadonlySet<string>;
    try {
      matched = new Set(match(event));
    } catch {
      return []; // without a verdict there is no mark, and the event passes
    }
    for (const { name, mark, part } of promoted) {
      if (marks.size >= room) break;
      if (!matched.has(name) && passes(part, attributes)) marks.add(mark);
    }
    return [...marks];
  };
}
