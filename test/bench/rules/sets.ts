// The rule sets by name, each with its events: the 16 types on lots, the growing ones on lots or on the bus.

import { unknownName } from '../../../router/config.ts';
import { busEvents, busRules } from './bus.ts';
import { type Lot, lots } from './lots.ts';
import type { Rule, RuleSet } from './rule.ts';
import { aroundRules, oneFieldRules, threeFieldRules } from './scale.ts';
import { type TypeName, typeNames, typeRules } from './types.ts';

/** Enough for rare values to occur, few enough to be made in a moment. */
export const EVENTS = 10_000;

export const scaleNames = ['bus', 'three', 'one', 'around'] as const;
export type ScaleName = (typeof scaleNames)[number];

const makers: Readonly<Record<ScaleName, (count: number) => readonly Rule[]>> = {
  bus: busRules,
  three: threeFieldRules,
  one: oneFieldRules,
  around: aroundRules,
};

let made: readonly Lot[] | undefined;
const allLots = (): readonly Lot[] => {
  made ??= lots(EVENTS);
  return made;
};

/** The first `events` of the events that the rules are for. */
export function lotTexts(events: number): readonly string[] {
  return allLots()
    .slice(0, events)
    .map((lot) => JSON.stringify(lot));
}

export function typeSet(name: TypeName, events: number): RuleSet {
  return { rules: typeRules(name, allLots()), events: lotTexts(events) };
}

export function scaleSet(name: ScaleName, rules: number, events: number): RuleSet {
  return { rules: makers[name](rules), events: name === 'bus' ? busEvents(events) : lotTexts(events) };
}

/** By a name as people write it: `EXACT`, `bus-100000`. */
export function namedSet(name: string): RuleSet {
  const type = typeNames.find((known) => known === name);
  if (type !== undefined) return typeSet(type, EVENTS);
  const [, kind, count] = /^([a-z]+)-(\d+)$/.exec(name) ?? [];
  const scale = scaleNames.find((known) => known === kind);
  if (scale !== undefined) return scaleSet(scale, Number(count), EVENTS);
  throw new Error(unknownName('rule set', name, [...typeNames, ...scaleNames.map((known) => `${known}-1000`)]));
}
