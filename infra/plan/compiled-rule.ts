// A rule beside what its bus makes of it, and where it stands in the document. Pure.

import type { BusKind } from '../../adapters/registry.ts';
import type { Survey } from '../../router/document.ts';
import type { Rule } from '../../router/rule.ts';

/** What the registry loads of a bus to tell how it filters. */
export type BusFilter = ReturnType<Awaited<ReturnType<BusKind['loadFilter']>>>;
export type Split = ReturnType<BusFilter['compile']>;

export interface CompiledRule {
  /** "rules[3] 'big-orders'" */
  readonly at: string;
  readonly rule: Rule;
  readonly split: Split;
}

/** "rules[3] 'big-orders'" */
export function placeOf(rule: string, places: Survey['places']): string {
  return `rules[${places.get(rule) ?? '?'}] '${rule}'`;
}

export function compileRules({ document, places }: Survey, filter: BusFilter): readonly CompiledRule[] {
  return document.rules.map((rule) => ({ at: placeOf(rule.name, places), rule, split: filter.compile(rule.when) }));
}
