// What the rules need of one event: the values of each field that a rule names, and for values inside arrays of objects
// which element they stand in. One reading is used for all events, one after the other.

import type { Value } from './scalar-test.ts';

/**
 * A member is one element of one array, below the member its array stands in; 0 is the event itself. Members are
 * numbered in the order of the text, so all below one are a range of numbers.
 */
export interface Reading {
  /** Slots that have a value in this event. */
  readonly touched: number[];
  /** By slot. An empty list means absent. */
  readonly values: Value[][];
  /** By slot, beside values: the member each stands in. */
  readonly members: number[][];
  /** By slot: whether any of its values stands in a member. */
  readonly inArray: boolean[];
  /** How many slots have values in members. */
  slotsInArrays: number;
  readonly memberParent: number[];
  readonly memberArray: number[];
  /** By array: its last member. */
  readonly arrayLast: number[];
}

export function createReading(): Reading {
  return {
    touched: [],
    values: [],
    members: [],
    inArray: [],
    slotsInArrays: 0,
    memberParent: [0],
    memberArray: [-1],
    arrayLast: [],
  };
}

export function addSlot(reading: Reading): number {
  reading.values.push([]);
  reading.members.push([]);
  reading.inArray.push(false);
  return reading.values.length - 1;
}

export function clear(reading: Reading): void {
  const { touched, values, members, inArray } = reading;
  for (let i = 0; i < touched.length; i++) {
    const slot = touched[i]!;
    values[slot]!.length = 0;
    members[slot]!.length = 0;
    inArray[slot] = false;
  }
  touched.length = 0;
  reading.slotsInArrays = 0;
  if (reading.memberParent.length > 1) {
    reading.memberParent.length = 1;
    reading.memberArray.length = 1;
    reading.arrayLast.length = 0;
  }
}

export function put(reading: Reading, slot: number, value: Value, member: number): void {
  const values = reading.values[slot]!;
  if (values.length === 0) reading.touched.push(slot);
  values.push(value);
  reading.members[slot]!.push(member);
  if (member !== 0 && !reading.inArray[slot]) {
    reading.inArray[slot] = true;
    reading.slotsInArrays++;
  }
}

/** A new array; the answer names it for enterMember and leaveArray. */
export function enterArray(reading: Reading): number {
  return reading.arrayLast.push(0) - 1;
}

/** The next element of an array; only elements that are objects or arrays are members. */
export function enterMember(reading: Reading, array: number, parent: number): number {
  reading.memberArray.push(array);
  return reading.memberParent.push(parent) - 1;
}

export function leaveArray(reading: Reading, array: number): void {
  reading.arrayLast[array] = reading.memberParent.length - 1;
}
