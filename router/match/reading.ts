// What the rules need of one event: the values of each field that a rule names, and for values inside arrays of objects
// which element they stand in. One reading is used for all events, one after the other: lists are never shortened, as
// that costs more than all else here; counts say how much of them is of this event.

import { withRoom } from './growing.ts';
import type { Value } from './scalar-test.ts';

/**
 * A member is one element of one array, below the member its array stands in; 0 is the event itself. Members are
 * numbered in the order of the text, so all below one are a range of numbers.
 */
export interface Reading {
  /** Slots that have a value in this event, the first `touchedCount` of the list. */
  touched: Int32Array;
  touchedCount: number;
  /** By slot: how many values it has. */
  counts: Int32Array;
  /** By slot: 1 when any of its values stands in a member. */
  inArray: Int32Array;
  /** By slot. */
  readonly values: Value[][];
  /** By slot, beside values: the member each stands in. */
  readonly members: number[][];
  /** How many slots have values in members. */
  slotsInArrays: number;
  memberCount: number;
  readonly memberParent: number[];
  readonly memberArray: number[];
  arrayCount: number;
  /** By array: its last member. */
  readonly arrayLast: number[];
}

export function createReading(): Reading {
  return {
    touched: new Int32Array(16),
    touchedCount: 0,
    counts: new Int32Array(16),
    inArray: new Int32Array(16),
    values: [],
    members: [],
    slotsInArrays: 0,
    memberCount: 1,
    memberParent: [0],
    memberArray: [-1],
    arrayCount: 0,
    arrayLast: [],
  };
}

export function addSlot(reading: Reading): number {
  const slot = reading.values.push([]) - 1;
  reading.members.push([]);
  reading.touched = withRoom(reading.touched, slot + 1);
  reading.counts = withRoom(reading.counts, slot + 1);
  reading.inArray = withRoom(reading.inArray, slot + 1);
  return slot;
}

// Lists that grew beyond are given back.
const MOST_KEPT = 10_000;

export function clear(reading: Reading): void {
  const { touched, touchedCount, counts, inArray } = reading;
  for (let i = 0; i < touchedCount; i++) {
    const slot = touched[i]!;
    if (counts[slot]! > MOST_KEPT) {
      reading.values[slot]!.length = 0;
      reading.members[slot]!.length = 0;
    }
    counts[slot] = 0;
    inArray[slot] = 0;
  }
  if (reading.memberCount > MOST_KEPT) {
    reading.memberParent.length = 1;
    reading.memberArray.length = 1;
    reading.arrayLast.length = 0;
  }
  reading.touchedCount = 0;
  reading.slotsInArrays = 0;
  reading.memberCount = 1;
  reading.arrayCount = 0;
}

export function put(reading: Reading, slot: number, value: Value, member: number): void {
  const { counts, inArray } = reading;
  const count = counts[slot]!;
  if (count === 0) reading.touched[reading.touchedCount++] = slot;
  counts[slot] = count + 1;
  reading.values[slot]![count] = value;
  reading.members[slot]![count] = member;
  if (member !== 0 && inArray[slot] === 0) {
    inArray[slot] = 1;
    reading.slotsInArrays++;
  }
}

/** A new array; the answer names it for enterMember and leaveArray. */
export function enterArray(reading: Reading): number {
  return reading.arrayCount++;
}

/** The next element of an array; only elements that are objects or arrays are members. */
export function enterMember(reading: Reading, array: number, parent: number): number {
  const member = reading.memberCount++;
  reading.memberArray[member] = array;
  reading.memberParent[member] = parent;
  return member;
}

export function leaveArray(reading: Reading, array: number): void {
  reading.arrayLast[array] = reading.memberCount - 1;
}
