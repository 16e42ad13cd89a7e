// From the values of an event to the rules that match: number the values, follow them to places, check the rows there.

import type { Scalar } from '../pattern.ts';
import { ascending, type Choice, isConsistent } from './arrays.ts';
import type { Engine, LeafTest, Slot } from './engine.ts';
import { ipOf } from './ip.ts';
import { findProbes } from './probes.ts';
import { HEAD, type Place } from './rows.ts';
import { isNumberText, type Value } from './scalar-test.ts';

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
  now.matched.length = 0;
}

function numberOf(slot: Slot, value: Value): number {
  if (isNumberText(value)) return slot.texts.get(value.text) ?? 0;
  const number = slot.exact.get(value as Scalar);
  if (number !== undefined) return number;
  if (slot.addresses.size === 0 || typeof value !== 'string') return 0;
  const address = ipOf(value);
  return address === undefined ? 0 : (slot.addresses.get(address) ?? 0);
}

function numberValues({ now, reading, slots }: Engine): void {
  const { touched, values } = reading;
  for (let i = 0; i < touched.length; i++) {
    const slot = touched[i]!;
    const found = values[slot]!;
    if (found.length === 1) {
      now.slotValue[slot] = numberOf(slots[slot]!, found[0]!);
      continue;
    }
    now.slotValue[slot] = MANY;
    const numbers = now.numbers[slot]!;
    for (let k = 0; k < found.length; k++) {
      const number = numberOf(slots[slot]!, found[k]!);
      numbers.push(number);
      if (number !== 0) now.valueStamp[number] = now.epoch;
    }
  }
}

function forget({ now, reading }: Engine): void {
  const { touched } = reading;
  for (let i = 0; i < touched.length; i++) {
    const slot = touched[i]!;
    if (now.slotValue[slot] === MANY) now.numbers[slot]!.length = 0;
    now.slotValue[slot] = 0;
  }
}

function stateOfLeaf({ reading }: Engine, { slot, any, absence }: LeafTest): number {
  const values = reading.values[slot]!;
  if (values.length === 0) return absence ? TRUE : FALSE;
  for (let i = 0; i < values.length; i++) if (any(values[i]!)) return TRUE;
  // A value outside of every array goes with whatever else was chosen: then the field is not absent for anyone.
  return absence && !reading.members[slot]!.includes(0) ? MAYBE : FALSE;
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
  const { now, reading } = engine;
  const members = reading.members[slot]!;
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

/** Whether the clauses of a row hold in the same elements of arrays. */
function holdsTogether(engine: Engine, at: number): boolean {
  const { rows, slots, reading } = engine;
  const clauses: (readonly [path: string, choice: Choice])[] = [];
  for (let i = 0; i < rows.code[at + 1]!; i++) {
    const slot = rows.code[at + HEAD + 2 * i]!;
    const want = rows.code[at + HEAD + 2 * i + 1]!;
    clauses.push([slots[slot]!.path, choiceOf(engine, slot, want)]);
  }
  clauses.sort(([a], [b]) => (a < b ? -1 : 1));
  return isConsistent(
    reading,
    clauses.map(([, choice]) => choice),
  );
}

function holds(engine: Engine, at: number): boolean {
  const { now, reading } = engine;
  const { code } = engine.rows;
  const end = at + HEAD + 2 * code[at + 1]!;
  let maybe = false;
  for (let i = at + HEAD; i < end; i += 2) {
    const want = code[i + 1]!;
    if (want > 0) {
      const value = now.slotValue[code[i]!]!;
      if (value !== want && (value !== MANY || now.valueStamp[want] !== now.epoch)) return false;
    } else {
      const state = leafState(engine, ~want);
      if (state === FALSE) return false;
      if (state === MAYBE) maybe = true;
    }
  }
  if (reading.slotsInArrays < 2 || code[at + 1]! < 2) return !maybe;
  let inArrays = 0;
  for (let i = at + HEAD; i < end; i += 2) if (reading.inArray[code[i]!]) inArrays++;
  return inArrays < 2 ? !maybe : holdsTogether(engine, at);
}

function visit(engine: Engine, place: Place): void {
  const { now, rows } = engine;
  if (now.placeStamp[place.id] === now.epoch) return;
  now.placeStamp[place.id] = now.epoch;
  const filed = place.rows;
  for (let i = 0; i < filed.length; i++) {
    const at = rows.start[filed[i]!]!;
    const rule = rows.code[at]!;
    if (now.ruleStamp[rule] === now.epoch || !holds(engine, at)) continue;
    now.ruleStamp[rule] = now.epoch;
    now.matched.push(rule);
  }
  if (place.splits !== undefined) for (const split of place.splits) follow(engine, split.slot, split.byValue);
}

function follow(engine: Engine, slot: number, byValue: ReadonlyMap<number, Place>): void {
  const { now } = engine;
  const value = now.slotValue[slot]!;
  if (value === MANY) {
    for (const number of now.numbers[slot]!) {
      const place = byValue.get(number);
      if (place !== undefined) visit(engine, place);
    }
  } else if (value !== 0) {
    const place = byValue.get(value);
    if (place !== undefined) visit(engine, place);
  }
}

function visitNumber(engine: Engine, number: number): void {
  const place = engine.placeOfValue[number];
  if (place !== undefined) visit(engine, place);
}

function visitPlaces(engine: Engine): void {
  const { now, reading, slots } = engine;
  const { touched } = reading;
  const onHit = (place: Place): void => visit(engine, place);
  if (engine.always.size > 0) visit(engine, engine.always);
  for (let i = 0; i < touched.length; i++) {
    const number = touched[i]!;
    const slot = slots[number]!;
    const value = now.slotValue[number]!;
    if (value > 0) visitNumber(engine, value);
    else if (value === MANY) for (const one of now.numbers[number]!) if (one !== 0) visitNumber(engine, one);
    if (slot.present.size > 0) visit(engine, slot.present);
    if (slot.probes.filed.size > 0) {
      for (const one of reading.values[number]!) findProbes(slot.probes, one, onHit);
    }
  }
}

const NONE: readonly string[] = Object.freeze([]);

/** The names of the rules that the reading matches, in the order they came. */
export function judge(engine: Engine): readonly string[] {
  const { now, rules } = engine;
  nextEpoch(engine);
  numberValues(engine);
  visitPlaces(engine);
  forget(engine);
  const { matched } = now;
  if (matched.length === 0) return NONE;
  if (matched.length > 1) matched.sort((a, b) => rules[a]!.order - rules[b]!.order);
  return matched.map((rule) => rules[rule]!.name);
}
