// Recorded events through the old rules and the new ones. Pure, and bounded whatever comes: counts, and a few ids as samples.
// An event counts once for each rule, and once in all.

import { type Condition, indexRules } from '../../router/condition.ts';
import type { CloudEvent } from '../../router/event.ts';

interface MatchedRule {
  readonly name: string;
  readonly when: Condition;
}

export interface Counted {
  readonly count: number;
  /** Of the first few events. */
  readonly ids: readonly string[];
}

export interface WhatIf {
  readonly events: number;
  /** Rules for which something changes: those of the new document first, then those that are gone. */
  readonly rules: readonly { readonly name: string; readonly gained: Counted; readonly lost: Counted }[];
  /** Events that some rule takes now and did not take before. */
  readonly routed: Counted;
  /** Of these, the ones that no rule took before. */
  readonly first: Counted;
  /** Events that a rule took before and that none takes now. */
  readonly unrouted: Counted;
}

export interface Comparison {
  /** Gives the names of the new rules that take the event. */
  take(event: CloudEvent): readonly string[];
  result(): WhatIf;
}

const SAMPLES = 3;

interface Counter {
  count: number;
  readonly ids: string[];
}

const counter = (): Counter => ({ count: 0, ids: [] });

function note(into: Counter, { attributes: { id } }: CloudEvent): void {
  if (into.count++ < SAMPLES) into.ids.push(id);
}

const nobody = (): readonly string[] => [];

export function compareRules(before: readonly MatchedRule[], after: readonly MatchedRule[]): Comparison {
  const [oldMatch, newMatch] = [before, after].map((rules) => (rules.length === 0 ? nobody : indexRules(rules)));
  const names = [...new Set([...after, ...before].map(({ name }) => name))];
  const byRule = new Map(names.map((name) => [name, { gained: counter(), lost: counter() }]));
  const [routed, first, unrouted] = [counter(), counter(), counter()];
  let events = 0;

  return {
    take(event) {
      events++;
      const [was, now] = [oldMatch!(event), newMatch!(event)];
      const gained = now.filter((name) => !was.includes(name));
      for (const name of gained) note(byRule.get(name)!.gained, event);
      for (const name of was) if (!now.includes(name)) note(byRule.get(name)!.lost, event);
      if (gained.length > 0) note(routed, event);
      if (was.length === 0 && now.length > 0) note(first, event);
      if (was.length > 0 && now.length === 0) note(unrouted, event);
      return now;
    },
    result: () => ({
      events,
      rules: [...byRule]
        .filter(([, { gained, lost }]) => gained.count + lost.count > 0)
        .map(([name, counters]) => ({ name, ...counters })),
      routed,
      first,
      unrouted,
    }),
  };
}
