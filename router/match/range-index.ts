// Which of many number ranges hold a value? Ranges sorted by their low end, with a tree of the highest high end over
// them: a look-up costs a search and what it finds. New ranges wait unsorted, and are few whenever one looks.

import type { Bound } from '../pattern.ts';
import type { Place } from './rows.ts';
import type { OnHit } from './text-index.ts';

export interface RangeEntry {
  readonly low: number;
  readonly high: number;
  readonly matches: (value: number) => boolean;
  readonly place: Place;
}

export interface RangeIndex {
  add(entry: RangeEntry): void;
  remove(entry: RangeEntry): void;
  find(value: number, onHit: OnHit): void;
}

const MOST_WAITING = 64;
// Below every high end: no value is found there.
const GONE = Number.NEGATIVE_INFINITY;

/** The ends of a range; open ends are told apart by the whole test. */
export function endsOf(bounds: readonly Bound[]): { readonly low: number; readonly high: number } {
  let [low, high] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const { op, value } of bounds) {
    if (op !== '<' && op !== '<=') low = value;
    if (op !== '>' && op !== '>=') high = value;
  }
  return { low, high };
}

export function createRangeIndex(): RangeIndex {
  let sorted: readonly RangeEntry[] = [];
  let waiting: RangeEntry[] = [];
  // Heap order: node i covers 2i and 2i + 1; the leaves begin at `leaves`.
  let highest = new Float64Array(0);
  let leaves = 0;
  const stack: number[] = [];

  function merge(): void {
    waiting.sort((a, b) => a.low - b.low);
    const left = sorted.filter((_, i) => highest[leaves + i] !== GONE);
    const merged: RangeEntry[] = [];
    let at = 0;
    for (const entry of waiting) {
      while (at < left.length && left[at]!.low <= entry.low) merged.push(left[at++]!);
      merged.push(entry);
    }
    while (at < left.length) merged.push(left[at++]!);
    sort(merged);
    waiting = [];
  }

  function sort(entries: readonly RangeEntry[]): void {
    sorted = entries;
    leaves = 1;
    while (leaves < sorted.length) leaves *= 2;
    highest = new Float64Array(leaves * 2).fill(GONE);
    for (let i = 0; i < sorted.length; i++) highest[leaves + i] = sorted[i]!.high;
    for (let i = leaves - 1; i > 0; i--) highest[i] = Math.max(highest[2 * i]!, highest[2 * i + 1]!);
  }

  /** Out of every look-up at once; out of memory at the next merge. */
  function hide(index: number): void {
    let at = leaves + index;
    highest[at] = GONE;
    for (at >>>= 1; at > 0; at >>>= 1) highest[at] = Math.max(highest[2 * at]!, highest[2 * at + 1]!);
  }

  /** How many ranges begin at or below the value. */
  function begun(value: number): number {
    let [from, to] = [0, sorted.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (sorted[middle]!.low <= value) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** Asks the ranges below tree node `top` whose number is under `end` and whose high end reaches the value. */
  function walk(top: number, value: number, { end, onHit }: { end: number; onHit: OnHit }): void {
    stack.push(top);
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      if (highest[at]! < value) continue;
      if (at < leaves) {
        // The right half begins behind `end` when its first leaf does.
        const right = 2 * at + 1;
        const first = (right << (Math.clz32(right) - Math.clz32(leaves))) - leaves;
        if (first < end) stack.push(right);
        stack.push(2 * at);
      } else {
        const entry = sorted[at - leaves];
        if (entry !== undefined && at - leaves < end && entry.matches(value)) onHit(entry.place);
      }
    }
  }

  return {
    add(entry) {
      waiting.push(entry);
    },
    remove(entry) {
      const at = waiting.indexOf(entry);
      if (at !== -1) waiting.splice(at, 1);
      else hide(sorted.indexOf(entry));
    },
    find(value, onHit) {
      if (waiting.length > MOST_WAITING) merge();
      for (let i = 0; i < waiting.length; i++) {
        const entry = waiting[i]!;
        if (entry.matches(value)) onHit(entry.place);
      }
      if (leaves > 0) walk(1, value, { end: begun(value), onHit });
    },
  };
}
