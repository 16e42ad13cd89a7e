// Do the clauses of one sub-rule hold together, each in values that stand in the same elements of lists? The search goes
// over the clauses in the order of their paths, as event-ruler's does: an absence looks only at what was chosen before
// it. What failed once with the same choice is not tried again, which keeps the search near-linear.

import type { Value } from '../match/scalar-test.ts';
import { type Chosen, type EventView, isScalar, scalarValue, walk } from './view.ts';

export interface Clause {
  readonly path: string;
  readonly passes: (value: Value) => boolean;
  /** Whether it also holds where no value is. */
  readonly absence: boolean;
}

/** `unknown` where the budget ended the search: many lists at one and the same path can need more steps than there are. */
export type Together = 'yes' | 'no' | 'unknown';

interface Search {
  readonly view: EventView;
  readonly clauses: readonly Clause[];
  /** Choices that failed, by clause and elements. */
  readonly failed: Set<string>;
  readonly listIds: Map<Chosen['list'], number>;
  /** Path of a list → the last clause below it. */
  readonly lastUse: Map<string, number>;
}

function lastUseOf({ clauses, lastUse }: Search, path: string): number {
  const known = lastUse.get(path);
  if (known !== undefined) return known;
  const last = clauses.findLastIndex((clause) => clause.path === path || clause.path.startsWith(`${path}.`));
  lastUse.set(path, last);
  return last;
}

/** Without the lists that no clause from `at` on looks into. */
function stillUsed(search: Search, chosen: Chosen | undefined, at: number): Chosen | undefined {
  const kept: Chosen[] = [];
  let dropped = false;
  for (let one = chosen; one !== undefined; one = one.before) {
    if (lastUseOf(search, one.path) >= at) kept.push(one);
    else dropped = true;
  }
  if (!dropped) return chosen;
  return kept.reduceRight<Chosen | undefined>((before, one) => ({ ...one, before }), undefined);
}

function keyOf({ listIds }: Search, chosen: Chosen | undefined, at: number): string {
  let key = String(at);
  for (let one = chosen; one !== undefined; one = one.before) {
    let id = listIds.get(one.list);
    if (id === undefined) {
      id = listIds.size;
      listIds.set(one.list, id);
    }
    key += ` ${id}:${one.index}`;
  }
  return key;
}

function holdsFrom(search: Search, at: number, chosen: Chosen | undefined): boolean {
  const clause = search.clauses[at];
  if (clause === undefined) return true;
  const key = keyOf(search, chosen, at);
  if (search.failed.has(key)) return false;
  const { view } = search;
  let any = false;
  const goesOn = (so: Chosen | undefined): boolean => holdsFrom(search, at + 1, stillUsed(search, so, at + 1));
  const held = walk(view, view.event, { path: clause.path, chosen, budget: view.budget }, (node, so) => {
    if (!isScalar(node)) return false;
    any = true;
    return clause.passes(scalarValue(node)) && goesOn(so);
  });
  if (held || (!any && clause.absence && view.budget.left > 0 && goesOn(chosen))) return true;
  search.failed.add(key);
  return false;
}

/** `clauses` in the order in which they are judged. */
export function holdTogether(view: EventView, clauses: readonly Clause[]): Together {
  const search = { view, clauses, failed: new Set<string>(), listIds: new Map(), lastUse: new Map() };
  if (holdsFrom(search, 0, undefined)) return 'yes';
  return view.budget.left > 0 ? 'no' : 'unknown';
}

/** Of clauses that do not hold together, a set that does not either, and would without any one of its own. */
export function conflictOf<Of extends Clause>(view: EventView, clauses: readonly Of[]): readonly Of[] {
  let core = clauses;
  for (const clause of clauses) {
    const others = core.filter((one) => one !== clause);
    if (others.length > 1 && holdTogether(view, others) === 'no') core = others;
  }
  return core;
}
