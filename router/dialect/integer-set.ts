// Sets of 32-bit integers, the only numbers a CloudEvents attribute can hold: sorted ranges, both ends included, which
// neither touch nor overlap. So equal sets are written alike.

import { MAX_INTEGER, MIN_INTEGER } from '../cesql/cast.ts';

export type IntegerSet = readonly (readonly [low: number, high: number])[];

export const allIntegers: IntegerSet = [[MIN_INTEGER, MAX_INTEGER]];

/** The integers from low to high, whatever numbers these are. */
export function integersBetween(low: number, high: number): IntegerSet {
  const [least, most] = [Math.max(Math.ceil(low), MIN_INTEGER), Math.min(Math.floor(high), MAX_INTEGER)];
  return least <= most ? [[least + 0, most + 0]] : [];
}

export function joinIntegers(sets: readonly IntegerSet[]): IntegerSet {
  const joined: [number, number][] = [];
  for (const [low, high] of sets.flat().sort(([a], [b]) => a - b)) {
    const last = joined.at(-1);
    if (last !== undefined && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else joined.push([low, high]);
  }
  return joined;
}

export function otherIntegers(set: IntegerSet): IntegerSet {
  const others: [number, number][] = [];
  let next = MIN_INTEGER;
  for (const [low, high] of set) {
    if (next < low) others.push([next, low - 1]);
    next = high + 1;
  }
  if (next <= MAX_INTEGER) others.push([next, MAX_INTEGER]);
  return others;
}

export function commonIntegers(a: IntegerSet, b: IntegerSet): IntegerSet {
  return otherIntegers(joinIntegers([otherIntegers(a), otherIntegers(b)]));
}

export function hasInteger(set: IntegerSet, value: number): boolean {
  return set.some(([low, high]) => value >= low && value <= high);
}

export function countIntegers(set: IntegerSet): number {
  return set.reduce((sum, [low, high]) => sum + high - low + 1, 0);
}

/** One after the other; for sets that are known to be small. */
export function listIntegers(set: IntegerSet): readonly number[] {
  return set.flatMap(([low, high]) => Array.from({ length: high - low + 1 }, (_, i) => low + i));
}
