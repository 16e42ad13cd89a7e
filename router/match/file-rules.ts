// Rules come and go. A sub-rule becomes a row, filed where the fewest others are: under one wanted value, under the
// tests of one leaf, under the mere presence of a field, or, when it only asks for absence, where every event looks.

import { RouterError } from '../errors.ts';
import type { Leaf, Pattern, Test } from '../pattern.ts';
import { type SubRule, subRulesOf } from '../sub-rule.ts';
import {
  type Engine,
  exactOf,
  makeRoom,
  releaseLeaf,
  releaseSlot,
  releaseValue,
  type Slot,
  useLeaf,
  useSlot,
  useValue,
} from './engine.ts';
import { commonness, dropProbe, fileProbe, isProbe, type Probe, placeOfTest } from './probes.ts';
import { type Clause, clausesOf, createPlace, crowdAt, dropRow, fileRow, type Place, releasePlace } from './rows.ts';

// Costs in rows looked at: presence and absence tell nearly nothing, so they are chosen only when nothing else is there.
const PRESENCE = 1e6;
const ABSENCE = 1e9;
// Attributes are at hand before data is read, so of equals they are chosen.
const BELOW_DATA = 1;

function clauseOf(engine: Engine, path: string, leaf: Leaf): Clause {
  const slot = useSlot(engine, path);
  const [only] = leaf.anyOf;
  const exact = leaf.anyOf.length === 1 ? exactOf(engine.slots[slot]!, only!) : undefined;
  return { slot, want: exact === undefined ? ~useLeaf(engine, slot, leaf) : useValue(engine, exact) };
}

/** Where one test of a leaf leads from: its place when it has one, and what it costs to be filed there. */
interface Way {
  readonly cost: number;
  readonly place: () => Place;
}

function placeOfNumber(engine: Engine, number: number): Place {
  engine.placeOfValue[number] ??= createPlace(engine.rows);
  return engine.placeOfValue[number];
}

function placeOfProbe({ rows }: Engine, { probes }: Slot, test: Probe): Place {
  const known = placeOfTest(probes, test);
  if (known !== undefined) return known;
  const place: Place = createPlace(rows, () => {
    dropProbe(probes, test);
    releasePlace(rows, place);
  });
  fileProbe(probes, test, place);
  return place;
}

function wayOf(engine: Engine, slot: Slot, { test, others }: { test: Test; others: number }): Way {
  const exact = exactOf(slot, test);
  if (exact !== undefined) {
    const number = exact[0].get(exact[1])!;
    return { cost: crowdAt(engine.placeOfValue[number], others), place: () => placeOfNumber(engine, number) };
  }
  if (isProbe(test)) {
    const crowd = crowdAt(placeOfTest(slot.probes, test), others);
    return { cost: commonness(test) + crowd, place: () => placeOfProbe(engine, slot, test) };
  }
  if (test.op === 'exists' && !test.value) return { cost: ABSENCE, place: () => engine.always };
  return { cost: PRESENCE + crowdAt(slot.present, others), place: () => slot.present };
}

interface Access {
  readonly cost: number;
  readonly under: () => readonly Place[];
  readonly others: readonly Clause[];
}

/** What it costs to find a row by one of its clauses. */
function accessBy(engine: Engine, clause: Clause, others: readonly Clause[]): Access {
  const { slot: number, want } = clause;
  const slot = engine.slots[number]!;
  const extra = slot.path.startsWith('data.') ? BELOW_DATA : 0;
  if (want > 0) {
    const cost = extra + crowdAt(engine.placeOfValue[want], others.length);
    return { cost, others, under: () => [placeOfNumber(engine, want)] };
  }
  const leaf = engine.leaves[~want]!;
  const ways = leaf.leaf.anyOf.map((test) => wayOf(engine, slot, { test, others: others.length }));
  const cost = ways.reduce((sum, way) => sum + way.cost, extra);
  // One way that every event takes is enough.
  const under = (): readonly Place[] => {
    if (cost >= ABSENCE) return [engine.always];
    const places = ways.map((way) => way.place());
    if (places.length === 1 && cost < PRESENCE) {
      leaf.place = places[0]!;
      leaf.place.leaf = ~want;
    }
    return places;
  };
  return { cost, others, under };
}

function addSubRule(engine: Engine, rule: number, subRule: SubRule): number {
  const clauses = subRule.map(([path, leaf]) => clauseOf(engine, path, leaf));
  const values = clauses.filter(({ want }) => want > 0);
  let best: Access | undefined;
  for (const clause of clauses) {
    const access = accessBy(engine, clause, clause.want > 0 ? values.filter((other) => other !== clause) : values);
    if (best === undefined || access.cost < best.cost) best = access;
  }
  // Values first: they are the cheapest to check.
  const ordered = [...values, ...clauses.filter(({ want }) => want < 0)];
  return fileRow(engine.rows, { rule, clauses: ordered, under: best!.under(), others: best!.others });
}

/** Adds a pattern under a name; a name that is there gets one more. */
export function addRule(engine: Engine, name: string, pattern: Pattern): void {
  const subRules = subRulesOf(pattern);
  if (subRules.some((subRule) => subRule.length === 0)) {
    throw new RouterError('PATTERN_INVALID', 'the pattern must name at least one field');
  }
  let number = engine.ruleOf.get(name);
  if (number === undefined) {
    number = engine.freeRules.pop() ?? engine.rules.length;
    engine.rules[number] = { name, order: engine.added++, rows: [] };
    engine.ruleOf.set(name, number);
  }
  const rule = engine.rules[number]!;
  for (const subRule of subRules) rule.rows.push(addSubRule(engine, number, subRule));
  makeRoom(engine);
}

/** Takes a rule away with all its patterns; false when there is none of the name. */
export function removeRule(engine: Engine, name: string): boolean {
  const number = engine.ruleOf.get(name);
  if (number === undefined) return false;
  for (const row of engine.rules[number]!.rows) {
    const clauses = clausesOf(engine.rows, row);
    dropRow(engine.rows, row);
    for (const { slot, want } of clauses) {
      if (want > 0) releaseValue(engine, want);
      else releaseLeaf(engine, ~want);
      releaseSlot(engine, slot);
    }
  }
  engine.rules[number] = undefined;
  engine.ruleOf.delete(name);
  engine.freeRules.push(number);
  return true;
}
