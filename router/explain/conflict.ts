// Clauses that all hold, but never in the same element of a list: which of them, and where each one does.

import type { Wanted } from './clause.ts';
import { escapeInvisible, listText, showPath, wantsText } from './text.ts';
import { conflictOf } from './together.ts';
import { type EventView, elementOf, isScalar, scalarValue, spotText, walk } from './view.ts';

/** A clause and the elements that satisfy it, such as data.items[3]; at most four, the first ones. */
export interface Satisfied {
  readonly path: string;
  readonly in: readonly string[];
}

export interface Conflict {
  readonly path: string;
  readonly wants: string;
  readonly has: string;
  readonly arrays: readonly Satisfied[];
}

const MAX_ELEMENTS = 4;

function elementsFor(view: EventView, { path, passes }: Wanted): readonly string[] {
  const found = new Set<string>();
  walk(view, view.event, { path, budget: view.budget }, (node, _chosen, spot) => {
    if (!isScalar(node) || !passes(scalarValue(node))) return false;
    found.add(spotText(elementOf(spot) ?? spot));
    return found.size >= MAX_ELEMENTS;
  });
  return [...found];
}

/** The names that all paths begin with. */
function commonPath(paths: readonly string[]): string {
  const [first = [], ...others] = paths.map((path) => path.split('.'));
  const length = first.findIndex((name, i) => others.some((other) => other[i] !== name));
  return first.slice(0, length === -1 ? first.length : length).join('.');
}

function elementsText(elements: readonly string[]): string {
  if (elements.length === 0) return 'the event';
  if (elements.length < MAX_ELEMENTS) return listText(elements.map(showPath), elements.length);
  return `${elements
    .slice(0, MAX_ELEMENTS - 1)
    .map(showPath)
    .join(', ')} and more`;
}

/** `clauses`: of one sub-rule that does not match although each of them holds somewhere. */
export function conflictIn(view: EventView, clauses: readonly Wanted[]): Conflict {
  const inLists = clauses.filter((clause) => elementsFor(view, clause).some((element) => element.includes('[')));
  const conflict = conflictOf(view, inLists);
  // Nothing in lists is seen only where the budget ended the look.
  const core = [...(conflict.length > 1 ? conflict : clauses)].sort((a, b) => a.order - b.order);
  const path = commonPath(core.map((clause) => clause.path));
  const below = (clause: Wanted): string =>
    clause.path === path ? path : clause.path.slice(path.length === 0 ? 0 : path.length + 1);
  const arrays = core.map((clause) => ({ path: clause.path, in: elementsFor(view, clause) }));
  const wants = core.map((clause) => `${showPath(below(clause))} ${wantsText(clause.leaf)}`);
  const has = core.map((clause, i) => `${showPath(below(clause))} in ${elementsText(arrays[i]!.in)}`);
  return {
    path,
    wants: `${listText(wants, wants.length)}, in one element`,
    has: `these, but not in one element: ${escapeInvisible(listText(has, has.length))}`,
    arrays,
  };
}
