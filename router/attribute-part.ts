// What a condition asks of an event's attributes alone, for events whose data is not here but in a store (CloudEvents
// extension dataref). Pure. Law: an event that matches the condition matches its attribute part too, with its data or without,
// and whatever its dataref is.

import { type Condition, indexRules } from './condition.ts';
import type { CloudEvent } from './event.ts';
import type { Entry, Pattern } from './pattern.ts';
import { subRulesOf } from './sub-rule.ts';

/** What is not as it was while the data lies elsewhere; `a.b` and { a: { b } } name the same field. */
const MOVES = /^(?:data|dataref)(?:\.|$)/;

function partOf(pattern: Pattern): Pattern {
  const entries = pattern.entries.flatMap((entry): Entry[] => {
    if (entry.kind === 'field') return MOVES.test(entry.name) ? [] : [entry];
    // A branch that asks for nothing stays: it is one of the ways.
    return [{ kind: 'or', anyOf: entry.anyOf.map(partOf) }];
  });
  return { kind: 'fields', entries };
}

function movesIn(pattern: Pattern): boolean {
  return pattern.entries.some((entry) => (entry.kind === 'field' ? MOVES.test(entry.name) : entry.anyOf.some(movesIn)));
}

// Also where it stands in a text: then no more is lost than a filter.
const NAMES_DATAREF = /dataref/i;

/** Whether the answer may change when the data is taken out of the event and a dataref is put in. */
export function asksForData(when: Condition): boolean {
  return when.kind === 'cesql' ? NAMES_DATAREF.test(when.text) : movesIn(when);
}

/** The condition without what it asks of data and of dataref; undefined when there is a way to it that asks for no more. */
export function attributePart(when: Condition): Condition | undefined {
  if (!asksForData(when)) return when;
  if (when.kind === 'cesql') return undefined;
  const part = partOf(when);
  return subRulesOf(part).some((fields) => fields.length === 0) ? undefined : part;
}

/** The rules that may take an event of which only the attributes are known, in the order given; no rule that takes it is left out. */
export function indexAttributes(
  rules: readonly { readonly name: string; readonly when: Condition }[],
): (event: CloudEvent) => readonly string[] {
  const parts = rules.map(({ name, when }) => ({ name, when: attributePart(when) }));
  const asked = indexRules(parts.flatMap(({ name, when }) => (when === undefined ? [] : [{ name, when }])));
  return (event) => {
    const taken = new Set(asked(event));
    return parts.filter(({ name, when }) => when === undefined || taken.has(name)).map(({ name }) => name);
  };
}
