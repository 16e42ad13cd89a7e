// Array consistency: the values that match one rule may not come from two different elements of one array. A search over
// the clauses in the order of their paths, each choosing a value that stands in no other element than the ones chosen
// before; a clause for absence looks only at what was chosen before it (event-ruler's order). Dead ends are remembered
// by what still matters, so that the cost stays near the size of the event.

import type { Reading } from './reading.ts';

/** One clause over one event. */
export interface Choice {
  /** Members of the values that satisfy the clause, ascending, each once. */
  readonly hits: readonly number[];
  /** Members of all values of the field when the clause also takes absence; else undefined. */
  readonly all: readonly number[] | undefined;
}

// Below this a search is cheaper than remembering.
const FREE_STEPS = 64;
// Of all rules for one event. Only names that an event repeats, each with arrays below, lead here; then the rule that
// was searched, and those after it, do not match.
const MOST_STEPS = 200_000;

/** What is left of the steps for one event. */
export interface Budget {
  steps: number;
}

export function refill(budget: Budget): void {
  budget.steps = MOST_STEPS;
}

export function ascending(members: readonly number[]): readonly number[] {
  return [...new Set(members)].sort((a, b) => a - b);
}

/** Zero when both may be chosen; else the first member after `found` in order that may again go with `chosen`. */
function clash({ memberParent, memberArray, arrayLast }: Reading, found: number, chosen: number): number {
  let [a, b] = [found, chosen];
  let [fromA, fromB] = [0, 0];
  // Parents have lower numbers than what is below them.
  while (a !== b) {
    if (a > b) [fromA, a] = [a, memberParent[a]!];
    else [fromB, b] = [b, memberParent[b]!];
  }
  if (fromA === 0 || fromB === 0 || memberArray[fromA] !== memberArray[fromB]) return 0;
  return fromA < fromB ? fromB : arrayLast[memberArray[fromA]!]! + 1;
}

/** The first index from `from` whose member is at least `least`. */
function indexFrom(members: readonly number[], from: number, least: number): number {
  let [low, high] = [from, members.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (members[middle]! < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The index of the next member that goes with all of `chosen`, or -1. */
function nextFit(reading: Reading, members: readonly number[], from: number, chosen: readonly number[]): number {
  let at = from;
  next: while (at < members.length) {
    for (const one of chosen) {
      const jump = clash(reading, members[at]!, one);
      if (jump !== 0) {
        at = indexFrom(members, at + 1, jump);
        continue next;
      }
    }
    return at;
  }
  return -1;
}

interface Search {
  readonly reading: Reading;
  readonly choices: readonly Choice[];
  readonly chosen: number[];
  readonly dead: Set<string>;
  /** By clause: the arrays that values of it or of later clauses stand in; made when first needed. */
  later: readonly ReadonlySet<number>[] | undefined;
  steps: number;
  readonly budget: Budget;
}

function laterArrays({ reading, choices }: Search): readonly ReadonlySet<number>[] {
  const sets: Set<number>[] = [];
  let after = new Set<number>();
  for (const { hits, all } of [...choices].reverse()) {
    after = new Set(after);
    for (const member of [...hits, ...(all ?? [])]) {
      for (let up = member; up !== 0; up = reading.memberParent[up]!) after.add(reading.memberArray[up]!);
    }
    sets.push(after);
  }
  return sets.reverse();
}

/** What of the chosen members can still rule out a value of the clauses from `index` on. */
function stateOf(search: Search, index: number): string {
  search.later ??= laterArrays(search);
  const { memberParent, memberArray } = search.reading;
  const arrays = search.later[index]!;
  const kept = new Set<number>();
  for (const member of search.chosen) {
    let up = member;
    while (up !== 0 && !arrays.has(memberArray[up]!)) up = memberParent[up]!;
    if (up !== 0) kept.add(up);
  }
  return `${index}:${[...kept].sort((a, b) => a - b).join()}`;
}

function choose(search: Search, index: number, member: number): boolean {
  if (member === 0) return tryFrom(search, index + 1);
  search.chosen.push(member);
  const found = tryFrom(search, index + 1);
  search.chosen.pop();
  return found;
}

function tryFrom(search: Search, index: number): boolean {
  const { reading, choices, chosen } = search;
  const choice = choices[index];
  if (choice === undefined) return true;
  if (--search.budget.steps < 0) return false;
  search.steps++;
  const state = search.steps > FREE_STEPS ? stateOf(search, index) : undefined;
  if (state !== undefined && search.dead.has(state)) return false;
  const { hits, all } = choice;
  if (all !== undefined && nextFit(reading, all, 0, chosen) === -1 && tryFrom(search, index + 1)) return true;
  for (let at = nextFit(reading, hits, 0, chosen); at !== -1; at = nextFit(reading, hits, at + 1, chosen)) {
    if (choose(search, index, hits[at]!)) return true;
  }
  if (state !== undefined) search.dead.add(state);
  return false;
}

/** Whether values can be chosen, one for each clause, no two from different elements of one array. */
export function isConsistent(reading: Reading, choices: readonly Choice[], budget: Budget): boolean {
  return tryFrom({ reading, choices, chosen: [], dead: new Set(), later: undefined, steps: 0, budget }, 0);
}
