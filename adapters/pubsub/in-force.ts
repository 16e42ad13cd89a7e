// What is made of the rules in force, made anew only when they are others. Whoever owns the rules may hand out a new list
// at each call; the rules in it are what counts.

import type { Routed } from '../adapter.ts';

function sameRules(a: readonly Routed[], b: readonly Routed[]): boolean {
  return a === b || (a.length === b.length && a.every((rule, i) => rule === b[i] || isSame(rule, b[i]!)));
}

function isSame(a: Routed, b: Routed): boolean {
  return a.name === b.name && a.when === b.when && a.formerly === b.formerly;
}

/** The result of `make` for the rules of this moment. */
export function madeOf<T>(rules: () => readonly Routed[], make: (rules: readonly Routed[]) => T): () => T {
  let kept: { readonly from: readonly Routed[]; readonly made: T } | undefined;
  return () => {
    const from = rules();
    if (kept === undefined || !sameRules(kept.from, from)) kept = { from, made: make(from) };
    return kept.made;
  };
}
