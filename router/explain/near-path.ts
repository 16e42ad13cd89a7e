// Where the field could be meant that a rule names and an event does not have: a name with a slip, a parent too many or
// too few, a sibling. All paths one name away that the event has, within a budget.

import { nearest } from '../config.ts';
import type { Leaf } from '../pattern.ts';
import type { JsonTree } from '../wire/json-tree.ts';
import type { Wanted } from './clause.ts';
import { type Hint, likelier } from './hint.ts';
import { hasText, lastKnown, listText, nodeText, showPath } from './text.ts';
import {
  type Budget,
  type EventView,
  type Field,
  fieldAt,
  lookAt,
  type NearPath,
  type ObjectTree,
  walk,
  withShare,
} from './view.ts';

// A hint is worth some milliseconds, not more: an object of 10,000 fields is not searched to its end.
const MAX_STEPS = 20_000;
const MAX_NAMES = 200;
const MAX_SEGMENTS = 24;

type Slip = NearPath['slip'];

const bare = (name: string): string => name.replace(/[-_ ]/g, '').toLowerCase();

/** The name that a slip of the pen could have meant. */
function nearName(name: string, names: readonly string[]): string | undefined {
  const plain = bare(name.slice(0, 64));
  const same = names.find((one) => one !== name && one.length <= 128 && bare(one) === plain);
  // Two letters are near to everything.
  if (same !== undefined || name.length < 3) return same;
  const close = names.filter((one) => one !== name && one.length > 2 && one.length <= name.length * 2);
  return nearest(name, close);
}

/** The words of EventBridge for what CloudEvents has by another name. */
const otherWords: ReadonlyMap<string, string> = new Map([
  ['detail', 'data'],
  ['detail-type', 'type'],
]);

function namesIn(objects: readonly ObjectTree[]): readonly string[] {
  const names = new Set<string>();
  for (const { members } of objects) {
    for (const [name] of members) {
      if (names.size >= MAX_NAMES) return [...names];
      names.add(name);
    }
  }
  return [...names];
}

function leadsOn(view: EventView, from: JsonTree, { path, budget }: { path: string; budget: Budget }): boolean {
  return walk(view, from, { path, budget }, () => true);
}

interface Place {
  readonly view: EventView;
  readonly segments: readonly string[];
  readonly budget: Budget;
}

function joined(...parts: readonly (readonly string[] | string)[]): string {
  return parts.flat().join('.');
}

/** Paths that differ at one segment of the path: another name in its place, a name before it, or without it. */
function nearPathsAt({ view, segments, budget }: Place, at: number, objects: readonly ObjectTree[]): NearPath[] {
  const head = segments.slice(0, at);
  const tail = segments.slice(at + 1);
  const own = segments[at]!;
  const names = namesIn(objects);
  const near = (at === 0 ? otherWords.get(own) : undefined) ?? nearName(own, names);
  const found: NearPath[] = [];
  const tryPath = (path: string, slip: Slip, upTo: string): void => {
    const rest = at === 0 ? path : path.slice(joined(head).length + 1);
    if (objects.some((object) => leadsOn(view, object, { path: rest, budget }))) found.push({ path, slip, upTo });
  };
  for (const name of names) {
    const upTo = joined(head, name);
    if (name !== own) tryPath(joined(upTo, tail), name === near ? 'name' : 'elsewhere', upTo);
    tryPath(joined(upTo, own, tail), 'deeper', upTo);
  }
  if (segments.length > 1) tryPath(joined(head, tail), 'higher', joined(head, tail));
  return found;
}

/** Paths that the event has and that differ from this one at one name, or by one; once each. */
function nearPathsOf(view: EventView, path: string): readonly NearPath[] {
  const known = view.nearPaths.get(path);
  if (known !== undefined) return known;
  const paths = withShare(view, MAX_STEPS, (budget) => searchNearPaths(view, path, budget));
  view.nearPaths.set(path, paths);
  return paths;
}

function searchNearPaths(view: EventView, path: string, budget: Budget): readonly NearPath[] {
  const segments = path.split('.');
  const found = new Map<string, NearPath>();
  for (const at of segments.length > MAX_SEGMENTS ? [] : segments.keys()) {
    const objects = at === 0 ? rootOf(view) : fieldAt(view, joined(segments.slice(0, at))).objects;
    if (objects.length === 0 || budget.left <= 0) break;
    for (const one of nearPathsAt({ view, segments, budget }, at, objects)) {
      if (one.path !== path && !found.has(one.path)) found.set(one.path, one);
    }
  }
  return [...found.values()];
}

function rootOf({ event }: EventView): readonly ObjectTree[] {
  return event.kind === 'object' ? [event] : [];
}

/** What passes is not found everywhere: texts of some length, not booleans, small numbers or whatever exists. */
function isDistinctive({ anyOf }: Leaf): boolean {
  return anyOf.every((test) => 'value' in test && typeof test.value === 'string' && test.value.length >= 4);
}

const withValue: Readonly<Record<Slip, number>> = { name: 0.9, deeper: 0.85, higher: 0.85, elsewhere: 0.5 };
const withoutValue: Readonly<Record<Slip, number>> = { name: 0.6, deeper: 0.4, higher: 0.4, elsewhere: 0 };

function slipText({ path, slip, upTo }: NearPath, wanted: Wanted): string {
  const first = wanted.path.split('.', 1)[0]!;
  if (slip === 'elsewhere') return `what the rule wants is at ${showPath(path)}`;
  if (slip === 'deeper') {
    return upTo === 'data'
      ? `the field is in the data: ${showPath(path)}`
      : `the field is one level deeper: ${showPath(path)}`;
  }
  if (slip === 'higher') {
    const up = first === 'data' && path === wanted.path.slice(5);
    return up
      ? `${showPath(path)} is an attribute, beside data and not in it`
      : `the field is one level up: ${showPath(path)}`;
  }
  if (otherWords.get(first) === upTo) return `'${first}' is EventBridge's word; here it is ${showPath(path)}`;
  if (!upTo.includes('.') && upTo === first.toLowerCase()) return `attribute names are lower case: ${showPath(path)}`;
  return `did you mean ${showPath(path)}?`;
}

function closenessOf({ slip }: NearPath, { fits, distinctive }: { fits: boolean; distinctive: boolean }): number {
  if (!fits) return withoutValue[slip];
  return slip === 'elsewhere' && !distinctive ? 0 : withValue[slip];
}

interface Near {
  readonly near: NearPath;
  readonly closeness: number;
  readonly fits: boolean;
  readonly there: Field;
}

/** The likeliest of the fields one name away: one with a value that fits. */
function nearestField(view: EventView, wanted: Wanted, { field, budget }: { field: Field; budget: Budget }) {
  const distinctive = isDistinctive(wanted.leaf);
  const isThere = field.count > 0;
  let best: Near | undefined;
  // Where the field is there with another value, only a value that fits can be what was meant.
  for (const near of isThere && !distinctive ? [] : nearPathsOf(view, wanted.path)) {
    const there = lookAt(view, near.path, budget);
    if (there.count === 0 && near.slip !== 'name') continue;
    const fits = there.values.some(({ value }) => wanted.passes(value));
    if (isThere && !fits) continue;
    const closeness = closenessOf(near, { fits, distinctive }) * (isThere ? 0.5 : 1);
    if (closeness > (best?.closeness ?? 0)) best = { near, closeness, fits, there };
  }
  return best;
}

function nearField(view: EventView, wanted: Wanted, field: Field): Hint | undefined {
  const found = withShare(view, MAX_STEPS, (budget) => nearestField(view, wanted, { field, budget }));
  if (found === undefined) return undefined;
  const { near, closeness, fits, there } = found;
  const has = fits ? '' : `; there it has ${hasText(view, near.path, there)}`;
  return { says: `${slipText(near, wanted)}${has}`, closeness };
}

/** An object where a value is due: which of its fields could be meant. */
function insideHint(view: EventView, wanted: Wanted, { objects }: Field): Hint | undefined {
  const names = namesIn(objects);
  if (names.length === 0) return { says: 'is an object without fields, and so no value', closeness: 0.2 };
  for (const name of names) {
    const path = `${wanted.path}.${name}`;
    if (!fieldAt(view, path).values.some(({ value }) => wanted.passes(value))) continue;
    return {
      says: `is an object, and its field ${showPath(path)} fits`,
      closeness: isDistinctive(wanted.leaf) ? 0.85 : 0.4,
    };
  }
  return {
    says: `is an object, not a value; name a field of it: ${listText(names.map(showPath), names.length, 'or')}`,
    closeness: 0.3,
  };
}

const JSON_TEXT = /^\s*[[{]/;

/** The path goes on below a value that has no fields. */
function belowValueHint(view: EventView, wanted: Wanted): Hint | undefined {
  const { at } = lastKnown(view, wanted.path);
  if (at === '') return undefined;
  const { values, objects } = fieldAt(view, at);
  const [first] = values;
  if (first === undefined || objects.length > 0) return undefined;
  if (first.node.kind !== 'string')
    return { says: `${showPath(at)} is ${nodeText(first.node)} and has no fields`, closeness: 0.2 };
  if (!JSON_TEXT.test(first.node.value)) return { says: `${showPath(at)} is text and has no fields`, closeness: 0.2 };
  const fix = at === 'data' ? 'send it with a JSON datacontenttype' : 'rules do not look into it';
  return { says: `${showPath(at)} is text that holds JSON; ${fix}`, closeness: 0.6 };
}

/** What to write for a field that may be missing. */
function absentHint({ leaf, path }: Wanted): Hint | undefined {
  const nulls = leaf.anyOf.some((test) => test.op === 'equals' && test.value === null);
  if (nulls)
    return { says: 'null fits only a null that is there; for a missing field write {"exists": false}', closeness: 0.5 };
  if (leaf.anyOf.some((test) => test.op === 'anything-but')) {
    return {
      says: 'anything-but wants a value that is there; add {"exists": false} to take a missing field too',
      closeness: 0.3,
    };
  }
  const first = path.split('.', 1)[0]!;
  if (first === path && path !== path.toLowerCase())
    return { says: `attribute names are lower case: ${showPath(path.toLowerCase())}`, closeness: 0.3 };
  return undefined;
}

const EMPTY = 'a list without elements has no value to match; for an empty or missing one write {"exists": false}';

/** The likeliest hint about where a field is; `field` is what stands at the path. */
export function nearPath(view: EventView, wanted: Wanted, field: Field): Hint | undefined {
  // A clause that only wants nothing there cannot be at another place.
  if (wanted.leaf.anyOf.every((test) => test.op === 'exists' && !test.value)) return undefined;
  const elsewhere = nearField(view, wanted, field);
  if (field.count > 0) return elsewhere;
  if (field.objects.length > 0) return likelier(insideHint(view, wanted, field), elsewhere);
  if (field.emptyLists > 0) return likelier({ says: EMPTY, closeness: 0.2 }, elsewhere);
  return likelier(likelier(elsewhere, belowValueHint(view, wanted)), absentHint(wanted));
}
