// From the values of an event to the rules that match: number the values, follow them to places, check the rows there.

import type { Scalar } from '../pattern.ts';
import { ascending, type Choice, isConsistent, refill } from './arrays.ts';
import type { Engine, LeafTest, Slot } from './engine.ts';
import { ipOf } from './ip.ts';
import { findProbes } from './probes.ts';
import type { Reading } from './reading.ts';
import { CLAUSES, HEAD, type Place, RULE } from './rows.ts';
import { isNumberText, type Value } from './scalar-test.ts';
import type { OnHit } from './text-index.ts';

/** In slotValue: several values, whose numbers are stamped. */
const MANY = -1;

const FALSE = 0;
const TRUE = 1;
/** Absence that holds only from inside certain array elements. */
const MAYBE = 2;

const LAST_EPOCH = 0x7fffffff;

function nextEpoch({ now }: Engine): void {
  if (now.epoch === LAST_EPOCH) {
    for (const stamp of [now.valueStamp, now.leafStamp, now.placeStamp, now.ruleStamp]) stamp.fill(0);
    now.epoch = 0;
  }
  now.epoch++;
  now.matchedCount = 0;
  refill(now.budget);
  if (now.choices.size > 0) now.choices.clear();
}

function numberOf(slot: Slot, value: Value): number {
  if (isNumberText(value)) return slot.texts.get(value.text) ?? 0;
  const number = slot.exact.get(value as Scalar);
  if (number !== undefined) return number;
  if (slot.addresses.size === 0 || typeof value !== 'string') return 0;
  const address = ipOf(value);
  return address === undefined ? 0 : (slot.addresses.get(address) ?? 0);
}

function numberMany({ now, reading }: Engine, slot: Slot, at: number): void {
  const found = reading.values[at]!;
  const numbers = now.numbers[at]!;
  const count = reading.counts[at]!;
  for (let i = 0; i < count; i++) {
    const number = numberOf(slot, found[i]!);
    numbers[i] = number;
    if (number !== 0) now.valueStamp[number] = now.epoch;
  }
}

function numberValues(engine: Engine): void {
  const { now, reading, slots } = engine;
  const { touched, touchedCount, counts, values } = reading;
  for (let i = 0; i < touchedCount; i++) {
    const slot = touched[i]!;
    if (counts[slot] === 1) now.slotValue[slot] = numberOf(slots[slot]!, values[slot]![0]!);
    else {
      now.slotValue[slot] = MANY;
      numberMany(engine, slots[slot]!, slot);
    }
  }
}

function forget({ now, reading }: Engine): void {
  const { touched, touchedCount } = reading;
  for (let i = 0; i < touchedCount; i++) now.slotValue[touched[i]!] = 0;
}

function stateOfLeaf({ reading }: Engine, { slot, any, absence }: LeafTest): number {
  const count = reading.counts[slot]!;
  if (count === 0) return absence ? TRUE : FALSE;
  const values = reading.values[slot]!;
  for (let i = 0; i < count; i++) if (any(values[i]!)) return TRUE;
  // A value outside of every array goes with whatever else was chosen: then the field is not absent for anyone.
  return absence && !membersOf(reading, slot).includes(0) ? MAYBE : FALSE;
}

function membersOf({ members, counts }: Reading, slot: number): readonly number[] {
  return members[slot]!.slice(0, counts[slot]);
}

function leafState(engine: Engine, number: number): number {
  const { now } = engine;
  if (now.leafStamp[number] !== now.epoch) {
    now.leafStamp[number] = now.epoch;
    now.leafState[number] = stateOfLeaf(engine, engine.leaves[number]!);
  }
  return now.leafState[number]!;
}

function choiceOf(engine: Engine, slot: number, want: number): Choice {
  const { choices } = engine.now;
  let choice = choices.get(want);
  if (choice === undefined) {
    choice = findChoice(engine, slot, want);
    choices.set(want, choice);
  }
  return choice;
}

function findChoice(engine: Engine, slot: number, want: number): Choice {
  const { now, reading } = engine;
  const members = membersOf(reading, slot);
  if (want > 0) {
    if (now.slotValue[slot] !== MANY) return { hits: members, all: undefined };
    const numbers = now.numbers[slot]!;
    return { hits: ascending(members.filter((_, i) => numbers[i] === want)), all: undefined };
  }
  const { any, absence } = engine.leaves[~want]!;
  const values = reading.values[slot]!;
  const hits = ascending(members.filter((_, i) => any(values[i]!)));
  return { hits, all: absence ? ascending(members) : undefined };
}

/** Whether the clauses of the row at an offset hold in the same elements of arrays. */
function holdsTogether(engine: Engine, code: readonly number[], at: number): boolean {
  const clauses: (readonly [path: string, choice: Choice])[] = [];
  for (let i = at + HEAD; i < at + HEAD + 2 * code[at + CLAUSES]!; i += 2) {
    const slot = code[i]!;
    clauses.push([engine.slots[slot]!.path, choiceOf(engine, slot, code[i + 1]!)]);
  }
  clauses.sort(([a], [b]) => (a < b ? -1 : 1));
  return isConsistent(
    engine.reading,
    clauses.map(([, choice]) => choice),
    engine.now.budget,
  );
}

/** Whether the row at an offset holds, when every clause has been found to: absence may hang on other clauses. */
function holdsInArrays(engine: Engine, code: readonly number[], at: number, maybe: boolean): boolean {
  const { reading } = engine;
  const end = at + HEAD + 2 * code[at + CLAUSES]!;
  if (reading.slotsInArrays < 2) return !maybe;
  let inArrays = 0;
  for (let i = at + HEAD; i < end; i += 2) inArrays += reading.inArray[code[i]!]!;
  return inArrays < 2 ? !maybe : holdsTogether(engine, code, at);
}

function holds(engine: Engine, code: readonly number[], at: number): boolean {
  const { slotValue } = engine.now;
  const end = at + HEAD + 2 * code[at + CLAUSES]!;
  let maybe = false;
  for (let i = at + HEAD; i < end; i += 2) {
    const want = code[i + 1]!;
    if (want > 0) {
      const value = slotValue[code[i]!]!;
      if (value !== want && (value !== MANY || engine.now.valueStamp[want] !== engine.now.epoch)) return false;
    } else {
      const state = leafState(engine, ~want);
      if (state === FALSE) return false;
      if (state === MAYBE) maybe = true;
    }
  }
  return holdsInArrays(engine, code, at, maybe);
}

function visit(engine: Engine, place: Place): void {
  const { now } = engine;
  if (now.placeStamp[place.id] === now.epoch) return;
  now.placeStamp[place.id] = now.epoch;
  if (place.leaf !== -1) {
    now.leafStamp[place.leaf] = now.epoch;
    now.leafState[place.leaf] = TRUE;
  }
  const { code } = place;
  for (let at = 0; at < code.length; at += HEAD + 2 * code[at + CLAUSES]!) {
    // A row's only clause is the one it was filed by.
    if (!(place.implies && code[at + CLAUSES] === 1) && !holds(engine, code, at)) continue;
    const rule = code[at + RULE]!;
    if (now.ruleStamp[rule] === now.epoch) continue;
    now.ruleStamp[rule] = now.epoch;
    now.matched[now.matchedCount++] = rule;
  }
  if (place.splits !== undefined) for (const { slot, byValue } of place.splits) follow(engine, slot, byValue);
}

function follow(engine: Engine, slot: number, byValue: ReadonlyMap<number, Place>): void {
  const { now, reading } = engine;
  const value = now.slotValue[slot]!;
  if (value === 0) return;
  const count = value === MANY ? reading.counts[slot]! : 1;
  for (let i = 0; i < count; i++) {
    const place = byValue.get(value === MANY ? now.numbers[slot]![i]! : value);
    if (place !== undefined) visit(engine, place);
  }
}

function visitNumber(engine: Engine, number: number): void {
  const place = engine.placeOfValue[number];
  if (place !== undefined) visit(engine, place);
}

function visitMany(engine: Engine, slot: number): void {
  const numbers = engine.now.numbers[slot]!;
  const count = engine.reading.counts[slot]!;
  for (let i = 0; i < count; i++) visitNumber(engine, numbers[i]!);
}

function visitProbes({ reading, now }: Engine, slot: Slot, number: number): void {
  const values = reading.values[number]!;
  const count = reading.counts[number]!;
  for (let i = 0; i < count; i++) findProbes(slot.probes, values[i]!, now.onHit);
}

function visitPlaces(engine: Engine): void {
  const { now, reading, slots, always } = engine;
  const { touched, touchedCount } = reading;
  if (always.size > 0) visit(engine, always);
  for (let i = 0; i < touchedCount; i++) {
    const number = touched[i]!;
    const slot = slots[number]!;
    const value = now.slotValue[number]!;
    if (value > 0) visitNumber(engine, value);
    else if (value === MANY) visitMany(engine, number);
    if (slot.present.size > 0) visit(engine, slot.present);
    if (slot.probes.count > 0) visitProbes(engine, slot, number);
  }
}

/** What a hit of a probe leads to, as one function for the life of the engine. */
export function onHitOf(engine: Engine): OnHit {
  return (place) => visit(engine, place);
}

const NONE: readonly string[] = Object.freeze([]);

/** Most events match few rules: these are sorted in place. */
function sortMatched({ now, rules }: Engine): void {
  const { matched, matchedCount } = now;
  for (let i = 1; i < matchedCount; i++) {
    const rule = matched[i]!;
    const { order } = rules[rule]!;
    let at = i;
    for (; at > 0 && rules[matched[at - 1]!]!.order > order; at--) matched[at] = matched[at - 1]!;
    matched[at] = rule;
  }
}

const FEW = 64;

function namesOf(engine: Engine): readonly string[] {
  const { now, rules } = engine;
  if (now.matchedCount > FEW) {
    const numbers = [...now.matched.subarray(0, now.matchedCount)];
    return numbers.sort((a, b) => rules[a]!.order - rules[b]!.order).map((rule) => rules[rule]!.name);
  }
  sortMatched(engine);
  const names: string[] = [];
  for (let i = 0; i < now.matchedCount; i++) names.push(rules[now.matched[i]!]!.name);
  return names;
}

/** The names of the rules that the reading matches, in the order they came. */
export function judge(engine: Engine): readonly string[] {
  nextEpoch(engine);
  numberValues(engine);
  visitPlaces(engine);
  forget(engine);
  return engine.now.matchedCount === 0 ? NONE : namesOf(engine);
}
