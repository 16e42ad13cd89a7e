// The rules as the matcher holds them: fields by slot, values and leaves by number, sub-rules as rows. What is shared by
// rules is kept once and counted, so that a rule comes and goes without a look at the others.

import type { Leaf, Scalar, Test } from '../pattern.ts';
import type { Budget, Choice } from './arrays.ts';
import { createField, type FieldNode, fieldAt, prune } from './fields.ts';
import { withRoom } from './growing.ts';
import { ipOf } from './ip.ts';
import { createProbes, type Probes } from './probes.ts';
import { addSlot, createReading, type Reading } from './reading.ts';
import { createRows, openPlace, type Place, type Rows, releasePlace } from './rows.ts';
import { scalarTest, type Value } from './scalar-test.ts';
import type { OnHit } from './text-index.ts';

/** One field that rules name. */
export interface Slot {
  readonly path: string;
  readonly node: FieldNode;
  /** Wanted values to their numbers; addresses by their digits, numbers without a double by their text. */
  readonly exact: Map<Scalar, number>;
  readonly addresses: Map<string, number>;
  readonly texts: Map<string, number>;
  readonly probes: Probes;
  /** Reached by any value at all. */
  readonly present: Place;
  uses: number;
}

/** A leaf that is not one wanted value: judged when a candidate asks, once an event. */
export interface LeafTest {
  readonly slot: number;
  readonly key: string;
  readonly any: (value: Value) => boolean;
  /** Whether absence satisfies it. */
  readonly absence: boolean;
  readonly leaf: Leaf;
  /** The place of its only test, which knows the leaf by number. */
  place: Place | undefined;
  uses: number;
}

export interface Rule {
  readonly name: string;
  /** Order of coming. */
  readonly order: number;
  readonly rows: number[];
}

export interface Engine {
  readonly root: FieldNode;
  readonly reading: Reading;
  readonly slots: (Slot | undefined)[];
  readonly slotOf: Map<string, number>;
  readonly freeSlots: number[];
  readonly rows: Rows;
  /** Rules that no value leads to. */
  readonly always: Place;
  /** By number of a wanted value, from 1 on. */
  readonly placeOfValue: (Place | undefined)[];
  readonly keyOfValue: (Exact | undefined)[];
  readonly usesOfValue: number[];
  readonly freeValues: number[];
  readonly leaves: (LeafTest | undefined)[];
  readonly leafOf: Map<string, number>;
  readonly freeLeaves: number[];
  readonly rules: (Rule | undefined)[];
  readonly ruleOf: Map<string, number>;
  readonly freeRules: number[];
  added: number;
  now: Now;
}

/** What is known of the event at hand; a stamp that is not the epoch is from an earlier event. */
export interface Now {
  epoch: number;
  /** By slot: the number of its one value, 0 for none that is wanted, MANY for several. */
  slotValue: Int32Array;
  valueStamp: Int32Array;
  leafStamp: Int32Array;
  leafState: Int32Array;
  placeStamp: Int32Array;
  ruleStamp: Int32Array;
  /** By slot with several values: the number of each. */
  readonly numbers: number[][];
  /** Rules that match, the first `matchedCount` of the list. */
  matched: Int32Array;
  matchedCount: number;
  /** By want: what array consistency chooses from, made when first asked for. */
  readonly choices: Map<number, Choice>;
  readonly budget: Budget;
  /** Where probes lead; set once. */
  onHit: OnHit;
}

export function createEngine(): Engine {
  const rows = createRows();
  const room = (): Int32Array => new Int32Array(16);
  return {
    root: createField('', undefined),
    reading: createReading(),
    slots: [],
    slotOf: new Map(),
    freeSlots: [],
    rows,
    always: openPlace(rows),
    placeOfValue: [undefined],
    keyOfValue: [undefined],
    usesOfValue: [0],
    freeValues: [],
    leaves: [],
    leafOf: new Map(),
    freeLeaves: [],
    rules: [],
    ruleOf: new Map(),
    freeRules: [],
    added: 0,
    now: {
      epoch: 0,
      slotValue: room(),
      valueStamp: room(),
      leafStamp: room(),
      leafState: room(),
      placeStamp: room(),
      ruleStamp: room(),
      numbers: [],
      matched: room(),
      matchedCount: 0,
      choices: new Map(),
      budget: { steps: 0 },
      onHit: () => {},
    },
  };
}

export function makeRoom({ now, slots, placeOfValue, leaves, rows, rules }: Engine): void {
  now.slotValue = withRoom(now.slotValue, slots.length);
  now.valueStamp = withRoom(now.valueStamp, placeOfValue.length);
  now.leafStamp = withRoom(now.leafStamp, leaves.length);
  now.leafState = withRoom(now.leafState, leaves.length);
  now.placeStamp = withRoom(now.placeStamp, rows.places);
  now.ruleStamp = withRoom(now.ruleStamp, rules.length);
  now.matched = withRoom(now.matched, rules.length);
  while (now.numbers.length < slots.length) now.numbers.push([]);
}

export function useSlot(engine: Engine, path: string): number {
  let slot = engine.slotOf.get(path);
  if (slot === undefined) {
    slot = engine.freeSlots.pop() ?? addSlot(engine.reading);
    const node = fieldAt(engine.root, path);
    node.slot = slot;
    engine.slotOf.set(path, slot);
    engine.slots[slot] = {
      path,
      node,
      exact: new Map(),
      addresses: new Map(),
      texts: new Map(),
      probes: createProbes(),
      present: openPlace(engine.rows),
      uses: 0,
    };
  }
  engine.slots[slot]!.uses++;
  return slot;
}

export function releaseSlot(engine: Engine, number: number): void {
  const slot = engine.slots[number]!;
  if (--slot.uses > 0) return;
  engine.slotOf.delete(slot.path);
  engine.slots[number] = undefined;
  engine.freeSlots.push(number);
  releasePlace(engine.rows, slot.present);
  slot.node.slot = -1;
  prune(slot.node);
}

export type Exact = readonly [map: Map<unknown, number>, key: unknown];

/** Where a test that wants one value is filed; undefined for every other test. */
export function exactOf(slot: Slot, test: Test): Exact | undefined {
  if (test.op === 'number-text') return [slot.texts, test.text];
  if (test.op === 'numeric') {
    const [only] = test.bounds;
    return test.bounds.length === 1 && only?.op === '=' ? [slot.exact, only.value] : undefined;
  }
  if (test.op !== 'equals') return undefined;
  const address = typeof test.value === 'string' ? ipOf(test.value) : undefined;
  return address === undefined ? [slot.exact, test.value] : [slot.addresses, address];
}

export function useValue(engine: Engine, exact: Exact): number {
  const [map, key] = exact;
  let number = map.get(key);
  if (number === undefined) {
    number = engine.freeValues.pop() ?? engine.placeOfValue.push(undefined) - 1;
    map.set(key, number);
    engine.keyOfValue[number] = exact;
    engine.usesOfValue[number] = 0;
  }
  engine.usesOfValue[number]!++;
  return number;
}

export function releaseValue(engine: Engine, number: number): void {
  if (--engine.usesOfValue[number]! > 0) return;
  const [map, key] = engine.keyOfValue[number]!;
  map.delete(key);
  const place = engine.placeOfValue[number];
  if (place !== undefined) releasePlace(engine.rows, place);
  engine.placeOfValue[number] = undefined;
  engine.keyOfValue[number] = undefined;
  engine.freeValues.push(number);
}

function leafTest(slot: number, key: string, leaf: Leaf): LeafTest {
  const tests = leaf.anyOf.map(scalarTest);
  const [only] = tests;
  const any = tests.length === 1 && only !== undefined ? only : (value: Value) => tests.some((test) => test(value));
  const absence = leaf.anyOf.some((test) => test.op === 'exists' && !test.value);
  return { slot, key, any, absence, leaf, place: undefined, uses: 0 };
}

export function useLeaf(engine: Engine, slot: number, leaf: Leaf): number {
  const key = `${slot} ${JSON.stringify(leaf.anyOf)}`;
  let number = engine.leafOf.get(key);
  if (number === undefined) {
    number = engine.freeLeaves.pop() ?? engine.leaves.push(undefined) - 1;
    engine.leafOf.set(key, number);
    engine.leaves[number] = leafTest(slot, key, leaf);
  }
  const test = engine.leaves[number]!;
  test.uses++;
  // The values it lists lead to rules, so they must be known.
  if (test.uses === 1) for (const one of exactTests(engine, test)) useValue(engine, one);
  return number;
}

function exactTests(engine: Engine, { slot, leaf }: LeafTest): readonly Exact[] {
  return leaf.anyOf.map((test) => exactOf(engine.slots[slot]!, test)).filter((exact) => exact !== undefined);
}

export function releaseLeaf(engine: Engine, number: number): void {
  const test = engine.leaves[number]!;
  if (--test.uses > 0) return;
  for (const [map, key] of exactTests(engine, test)) releaseValue(engine, map.get(key)!);
  if (test.place !== undefined) test.place.leaf = -1;
  engine.leafOf.delete(test.key);
  engine.leaves[number] = undefined;
  engine.freeLeaves.push(number);
}
