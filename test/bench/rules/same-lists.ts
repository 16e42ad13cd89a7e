// The gate before any rate counts: both engines found the same rules for the first events. Where they differ, the rule is
// asked alone in a new engine on both sides: event-ruler 2.1.0 is known to lose matches of rules that have neighbours
// (facts of the rule engine, section 5), and only such a loss is forgiven.

import { gate } from '../bench.ts';
import type { Measured } from './measured.ts';
import type { Rule } from './rule.ts';

type Lists = readonly (readonly string[])[];

export interface Difference {
  readonly event: number;
  readonly rule: string;
  /** The one that found it. */
  readonly by: 'ours' | 'theirs';
}

export function differences(ours: Lists, theirs: Lists): readonly Difference[] {
  const found: Difference[] = [];
  const count = Math.max(ours.length, theirs.length);
  for (let event = 0; event < count; event++) {
    const [a, b] = [new Set(ours[event]), new Set(theirs[event])];
    for (const rule of a) if (!b.has(rule)) found.push({ event, rule, by: 'ours' });
    for (const rule of b) if (!a.has(rule)) found.push({ event, rule, by: 'theirs' });
  }
  return found;
}

export interface Compared {
  readonly rules: readonly Rule[];
  readonly ours: Measured;
  readonly theirs: Measured;
  /** So many of the first events. */
  readonly events: number;
}

const SHOWN = 3;

function hasRepeated(lists: Lists): boolean {
  return lists.some((names) => new Set(names).size !== names.length);
}

/** Throws when the lists differ by more than matches that event-ruler lost; gives the number of those. */
export async function sameLists({ rules, ours, theirs, events }: Compared): Promise<number> {
  const [a, b] = [ours.ready, theirs.ready];
  gate(a.rules === rules.length && b.rules === rules.length, `${rules.length} rules, ${a.rules} and ${b.rules} read`);
  gate(a.events === b.events, `${a.events} events here, ${b.events} there`);
  const [mine, other] = await Promise.all([ours.lists(events), theirs.lists(events)]);
  gate(mine.length === Math.min(events, a.events), `${mine.length} lists of ${events} events`);
  gate(!hasRepeated(mine), 'a rule is named twice for one event');
  const wrong: string[] = [];
  let lost = 0;
  for (const { event, rule, by } of differences(mine, other)) {
    const at = rules.findIndex(({ name }) => name === rule);
    const [alone, theirsAlone] = await Promise.all([ours.alone(at, event), theirs.alone(at, event)]);
    if (by === 'ours' && alone && theirsAlone) lost++;
    else wrong.push(`event ${event}, rule ${rule} ${rules[at]?.pattern}: only ${by} (alone: ${alone}, ${theirsAlone})`);
    if (wrong.length === SHOWN) break;
  }
  gate(wrong.length === 0, `the engines disagree: ${wrong.join('; ')}`);
  return lost;
}
