// An event as explaining looks at it: what stands at a path, with lists left out of the path as in a rule, and in which
// elements of which lists. Nothing recursive: depth and breadth are the event's.

import { comparableNumber } from '../match/number-text.ts';
import type { Value } from '../match/scalar-test.ts';
import type { JsonTree } from '../wire/json-tree.ts';

type List = Extract<JsonTree, { kind: 'list' }>;
export type ObjectTree = Extract<JsonTree, { kind: 'object' }>;
export type ScalarTree = Exclude<JsonTree, List | ObjectTree>;

/** One element of one list, and those chosen before. Values of one match may not stand in two elements of one list. */
export interface Chosen {
  readonly list: List;
  /** Of the list, in the event. */
  readonly path: string;
  readonly index: number;
  readonly before: Chosen | undefined;
}

/** Names and indexes down to a value, last first. */
export interface Spot {
  readonly step: string | number;
  readonly above: Spot | undefined;
}

/** Steps that a look may still take; looks that share one stop together. */
export interface Budget {
  left: number;
}

/** Called with each scalar, object and empty list at the path; true ends the walk. */
export type Visit = (node: JsonTree, chosen: Chosen | undefined, spot: Spot | undefined) => boolean;

export interface Route {
  readonly path: string;
  /** Only values that agree with these elements. */
  readonly chosen?: Chosen | undefined;
  readonly budget: Budget;
}

export interface Found {
  readonly node: ScalarTree;
  readonly value: Value;
  readonly spot: Spot | undefined;
}

/** What stands at a path: the first values and objects, and how much there is. */
export interface Field {
  readonly values: readonly Found[];
  readonly count: number;
  readonly objects: readonly ObjectTree[];
  readonly emptyLists: number;
  /** False when the budget ended the look. */
  readonly whole: boolean;
}

/** A path that the event has and that is one slip away from another: see near-path.ts. */
export interface NearPath {
  readonly path: string;
  readonly slip: 'name' | 'deeper' | 'higher' | 'elsewhere';
  /** The path down to the name that differs. */
  readonly upTo: string;
}

/** An event, and what was seen of it so far: several rules are explained on one view. */
export interface EventView {
  readonly event: JsonTree;
  readonly budget: Budget;
  readonly fields: Map<string, Field>;
  readonly nearPaths: Map<string, readonly NearPath[]>;
  readonly names: Map<ObjectTree, ReadonlyMap<string, readonly JsonTree[]>>;
}

// Below a second of work, whatever rule and event look like. Rules and events that people write take thousands.
export const MAX_STEPS = 2_000_000;
const KEPT_VALUES = 100;
const KEPT_OBJECTS = 20;
// Below, going through the members is as fast as a map.
const FEW_MEMBERS = 16;

export function viewOf(event: JsonTree): EventView {
  return { event, budget: { left: MAX_STEPS }, fields: new Map(), nearPaths: new Map(), names: new Map() };
}

/** The value as tests take it. */
export function scalarValue(node: ScalarTree): Value {
  return node.kind === 'number' ? (comparableNumber(node.text) ?? { text: node.text }) : node.value;
}

export function isScalar(node: JsonTree): node is ScalarTree {
  return node.kind !== 'object' && node.kind !== 'list';
}

interface Frame {
  readonly node: JsonTree;
  /** What of the path is still to go; undefined at its end. */
  readonly rest: string | undefined;
  readonly chosen: Chosen | undefined;
  readonly spot: Spot | undefined;
  /** In a list: the next element. */
  next: number;
}

function namesOf(view: EventView, node: ObjectTree): ReadonlyMap<string, readonly JsonTree[]> {
  const known = view.names.get(node);
  if (known !== undefined) return known;
  const names = new Map<string, JsonTree[]>();
  for (const [name, member] of node.members) {
    const same = names.get(name);
    if (same === undefined) names.set(name, [member]);
    else same.push(member);
  }
  view.names.set(node, names);
  return names;
}

/** Members that lie on the way: of the whole rest as a name, or of a beginning of it, since names may hold dots. */
function* membersOn(view: EventView, node: ObjectTree, rest: string): Iterable<readonly [string, JsonTree]> {
  if (node.members.length <= FEW_MEMBERS) {
    for (const member of node.members) {
      const [name] = member;
      if (name === rest || (rest.charAt(name.length) === '.' && rest.startsWith(name))) yield member;
    }
    return;
  }
  const names = namesOf(view, node);
  for (let dot = rest.indexOf('.'); ; dot = rest.indexOf('.', dot + 1)) {
    const name = dot === -1 ? rest : rest.slice(0, dot);
    for (const member of names.get(name) ?? []) yield [name, member];
    if (dot === -1) return;
  }
}

function pushMembers(view: EventView, { node, rest, chosen, spot }: Frame, stack: Frame[]): void {
  const found: Frame[] = [];
  for (const [name, member] of membersOn(view, node as ObjectTree, rest!)) {
    const left = name === rest ? undefined : rest!.slice(name.length + 1);
    found.push({ node: member, rest: left, chosen, spot: { step: name, above: spot }, next: 0 });
  }
  while (found.length > 0) stack.push(found.pop()!);
}

type Indexes = ReadonlyMap<List, number>;
const noIndexes: Indexes = new Map();

/** Only of what was chosen before a walk: within one, no list is come to twice. */
function indexesOf(chosen: Chosen | undefined): Indexes {
  if (chosen === undefined) return noIndexes;
  const indexes = new Map<List, number>();
  for (let at: Chosen | undefined = chosen; at !== undefined; at = at.before) indexes.set(at.list, at.index);
  return indexes;
}

/** The path of a list that was reached with `rest` still to go. */
function pathBefore(path: string, rest: string | undefined): string {
  return rest === undefined ? path : path.slice(0, path.length - rest.length - 1);
}

interface Walk {
  readonly path: string;
  readonly stack: Frame[];
  readonly indexes: Indexes;
  readonly visit: Visit;
}

/** One element of the frame's list; what it leads to goes on the stack. True when a visit ended the walk. */
function takeElement(frame: Frame, { path, stack, indexes, visit }: Walk): boolean {
  const { rest, chosen, spot } = frame;
  const list = frame.node as List;
  const fixed = indexes.get(list);
  // With more to go only nested elements count, so the chosen one is all there is to see.
  if (fixed !== undefined && rest !== undefined && frame.next < fixed) frame.next = fixed;
  const index = frame.next++;
  const item = list.items[index];
  if (item === undefined || (fixed !== undefined && rest !== undefined && index > fixed)) {
    stack.pop();
    return false;
  }
  const here: Spot = { step: index, above: spot };
  // A scalar that stands directly in a list does not choose its element: event-ruler's rule.
  if (isScalar(item)) return rest === undefined && visit(item, chosen, here);
  if (fixed !== undefined && fixed !== index) return false;
  const after = fixed === undefined ? { list, path: pathBefore(path, rest), index, before: chosen } : chosen;
  stack.push({ node: item, rest, chosen: after, spot: here, next: 0 });
  return false;
}

/** Visits what stands at a path below `from`, in the event's order. True when a visit ended it; see also the budget. */
export function walk(view: EventView, from: JsonTree, route: Route, visit: Visit): boolean {
  const { path, chosen, budget } = route;
  const stack: Frame[] = [{ node: from, rest: path, chosen, spot: undefined, next: 0 }];
  const indexes = indexesOf(chosen);
  budget.left -= indexes.size;
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    if (budget.left-- <= 0) return false;
    const { node, rest } = frame;
    if (node.kind === 'list' && (node.items.length > 0 || rest !== undefined)) {
      if (takeElement(frame, { path, stack, indexes, visit })) return true;
      continue;
    }
    stack.pop();
    if (rest === undefined) {
      if (visit(node, frame.chosen, frame.spot)) return true;
    } else if (node.kind === 'object') pushMembers(view, frame, stack);
  }
  return false;
}

/** What stands at a path of the event, as far as the budget goes. */
export function lookAt(view: EventView, path: string, budget: Budget): Field {
  const values: Found[] = [];
  const objects: ObjectTree[] = [];
  let count = 0;
  let emptyLists = 0;
  walk(view, view.event, { path, budget }, (node, _chosen, spot) => {
    if (node.kind === 'object') {
      if (objects.length < KEPT_OBJECTS) objects.push(node);
    } else if (node.kind === 'list') emptyLists++;
    else if (++count <= KEPT_VALUES) values.push({ node, value: scalarValue(node), spot });
    return false;
  });
  return { values, count, objects, emptyLists, whole: budget.left > 0 };
}

/** What stands at a path of the event. Looked at once. */
export function fieldAt(view: EventView, path: string): Field {
  const known = view.fields.get(path);
  if (known !== undefined) return known;
  const field = lookAt(view, path, view.budget);
  if (field.whole) view.fields.set(path, field);
  return field;
}

/** A look that takes at most so many of the view's steps. */
export function withShare<T>(view: EventView, most: number, look: (budget: Budget) => T): T {
  const given = Math.max(0, Math.min(most, view.budget.left));
  const budget = { left: given };
  const seen = look(budget);
  view.budget.left -= given - budget.left;
  return seen;
}

/** As a person writes it: data.items[3].sku */
export function spotText(spot: Spot | undefined): string {
  const steps: string[] = [];
  for (let at = spot; at !== undefined; at = at.above) {
    steps.push(typeof at.step === 'number' ? `[${at.step}]` : `.${at.step}`);
  }
  return steps.reverse().join('').replace(/^\./, '');
}

/** The innermost element of a list that a value stands in, or undefined; a scalar of a list stands in none of it. */
export function elementOf(spot: Spot | undefined): Spot | undefined {
  let at = typeof spot?.step === 'number' ? spot.above : spot;
  while (at !== undefined && typeof at.step !== 'number') at = at.above;
  return at;
}
