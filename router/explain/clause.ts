// The clauses of a pattern: a path and what the rule wants there, once for each leaf however many sub-rules share it, and
// how one clause fares on its own.

import { scalarTest } from '../match/scalar-test.ts';
import type { Leaf, Pattern } from '../pattern.ts';
import { subRulesOf } from '../sub-rule.ts';
import type { Clause } from './together.ts';
import { type EventView, fieldAt, isScalar, scalarValue, walk } from './view.ts';

export interface Wanted extends Clause {
  readonly leaf: Leaf;
  /** Where the path first stands in the pattern as written. */
  readonly order: number;
}

function wantedOf(path: string, leaf: Leaf, order: number): Wanted {
  const tests = leaf.anyOf.map(scalarTest);
  return {
    path,
    leaf,
    order,
    passes: (value) => tests.some((test) => test(value)),
    absence: leaf.anyOf.some((test) => test.op === 'exists' && !test.value),
  };
}

/** Paths in the order in which they are written. */
function pathsOf(pattern: Pattern, prefix: string, into: Set<string>): Set<string> {
  for (const entry of pattern.entries) {
    if (entry.kind === 'or') for (const alternative of entry.anyOf) pathsOf(alternative, prefix, into);
    else if (entry.of.kind === 'leaf') into.add(prefix + entry.name);
    else pathsOf(entry.of, `${prefix}${entry.name}.`, into);
  }
  return into;
}

/** Each way through the pattern's $or, its clauses sorted by path. */
export function alternativesOf(pattern: Pattern): readonly (readonly Wanted[])[] {
  const orders = new Map([...pathsOf(pattern, '', new Set())].map((path, i) => [path, i]));
  const known = new Map<Leaf, Wanted[]>();
  const wanted = (path: string, leaf: Leaf): Wanted => {
    const same = known.get(leaf) ?? [];
    const found = same.find((one) => one.path === path);
    if (found !== undefined) return found;
    const made = wantedOf(path, leaf, orders.get(path) ?? 0);
    known.set(leaf, [...same, made]);
    return made;
  };
  return subRulesOf(pattern).map((rule) => rule.map(([path, leaf]) => wanted(path, leaf)));
}

/** Whether a clause holds somewhere in the event, whatever the others need. */
export function holdsAlone(view: EventView, { path, passes, absence }: Wanted): boolean {
  const { values, count } = fieldAt(view, path);
  if (count === 0) return absence;
  if (values.some(({ value }) => passes(value))) return true;
  if (values.length === count) return false;
  return walk(view, view.event, { path, budget: view.budget }, (node) => isScalar(node) && passes(scalarValue(node)));
}
