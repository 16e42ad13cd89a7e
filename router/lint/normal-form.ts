// A pattern brought down to what it asks of a CloudEvent: its ways through $or, each a set of values a field, without
// what no event can meet and what every event meets. Then one pattern can be proved to imply another.
// Law: a normal form has the verdict of its pattern on every valid CloudEvent whose data follows the schema, if there is one.

import { isJsonMediaType } from '../event.ts';
import type { Leaf, Pattern } from '../pattern.ts';
import { type SubRule, subRulesOf } from '../sub-rule.ts';
import { type Field, fieldOf, type JsonSchema, withinField } from './field.ts';
import { anyValue, isCovered, type Values, valuesOf } from './values.ts';

/** What a leaf takes: values, or that there are none. */
export interface Taken {
  readonly absent: boolean;
  readonly sets: readonly Values[];
}

/** Path to what is taken there; without a path it holds for every event. Sorted by path. */
export type Branch = ReadonlyMap<string, Taken>;

/** Alternatives; none of them means that the pattern never matches. */
export type NormalForm = readonly Branch[];

function withSets(absent: boolean, sets: readonly Values[]): Taken {
  return { absent, sets: isCovered(anyValue, sets) ? [anyValue] : sets };
}

/** Without the alternatives that the field can never meet. */
export function takenOf(leaf: Leaf, field: Field): Taken {
  const absent = field.mayBeAbsent && leaf.anyOf.some((test) => test.op === 'exists' && !test.value);
  const sets = leaf.anyOf.flatMap((test) => {
    const values = valuesOf(test);
    const within = values === undefined ? undefined : withinField(values, field);
    return within === undefined ? [] : [within];
  });
  return withSets(absent, sets);
}

export function isEmpty({ absent, sets }: Taken): boolean {
  return !absent && sets.length === 0;
}

/** Holds whatever the event has there. In data the value it holds for still binds other fields to its list's element. */
export function isWhole({ absent, sets }: Taken, field: Field): boolean {
  const takesAll = field.kinds.size === 0 || sets.some(({ kind }) => kind === 'any');
  return takesAll && (absent || !field.mayBeAbsent);
}

/** Data of a media type that is not JSON is one text or bytes: it has no fields. */
function hasNoFields(branch: Branch): boolean {
  const taken = branch.get('datacontenttype');
  if (taken === undefined || taken.absent) return false;
  return taken.sets.every((set) => set.kind === 'one' && typeof set.value === 'string' && !isJsonMediaType(set.value));
}

/** The first field that no event can meet, beside what the others ask for. */
export function contradiction(branch: Branch): string | undefined {
  const textOnly = hasNoFields(branch);
  for (const [path, taken] of branch) {
    if (isEmpty(taken) || (textOnly && path.startsWith('data.') && !taken.absent)) return path;
  }
  return undefined;
}

export function branchOf(rule: SubRule, data: JsonSchema | undefined): Branch {
  return new Map(rule.map(([path, leaf]) => [path, takenOf(leaf, fieldOf(path, data))]));
}

/** Undefined where no event matches. */
function reduced(branch: Branch, data: JsonSchema | undefined): Branch | undefined {
  if (contradiction(branch) !== undefined) return undefined;
  const left = [...branch].filter(([path, taken]) => {
    const field = fieldOf(path, data);
    return !(field.isAttribute && isWhole(taken, field));
  });
  // Of fields that all hold whatever is there, each can be met one after the other, whichever element was taken before.
  return left.every(([path, taken]) => isWhole(taken, fieldOf(path, data))) ? new Map() : new Map(left);
}

/** Proves that what `a` takes, `b` takes. */
export function isTakenBy(a: Taken, b: Taken): boolean {
  return (!a.absent || b.absent) && a.sets.every((set) => isCovered(set, b.sets));
}

function topOf(path: string): string {
  return path.split('.', 1)[0]!;
}

/**
 * Proves that what matches `a` matches `b`: each field of `b` is one of `a` and takes no less. A field that may be absent
 * is judged within the list elements that the fields before it have chosen, so `b` must choose the same ones.
 */
export function isImplied(a: Branch, b: Branch): boolean {
  for (const [path, wanted] of b) {
    const given = a.get(path);
    if (given === undefined || !isTakenBy(given, wanted)) return false;
  }
  for (const [path, given] of a) {
    if (!given.absent || !b.has(path) || topOf(path) !== 'data') continue;
    for (const before of a.keys()) if (before < path && topOf(before) === 'data' && !b.has(before)) return false;
  }
  return true;
}

/** Each branch of `a` implies one of `b`. */
export function implies(a: NormalForm, b: NormalForm): boolean {
  return a.every((ours) => b.some((theirs) => isImplied(ours, theirs)));
}

/** The field in which two branches of the same fields differ, if it is one; '' where they are the same. */
function onlyDifference(a: Branch, b: Branch): string | undefined {
  if (a.size !== b.size) return undefined;
  let different = '';
  for (const [path, ours] of a) {
    const theirs = b.get(path);
    if (theirs === undefined) return undefined;
    if (isTakenBy(ours, theirs) && isTakenBy(theirs, ours)) continue;
    if (different !== '') return undefined;
    different = path;
  }
  return different;
}

/** Two branches that differ in one field are one branch that takes either there. */
function joined(a: Branch, b: Branch, data: JsonSchema | undefined): Branch | undefined {
  const path = onlyDifference(a, b);
  if (path === undefined) return undefined;
  if (path === '') return a;
  const [ours, theirs] = [a.get(path)!, b.get(path)!];
  const either = withSets(ours.absent || theirs.absent, [...ours.sets, ...theirs.sets]);
  return reduced(new Map(a).set(path, either), data);
}

// Joining compares all pairs again after each success. More branches than this are left as they are.
const MAX_JOINED = 64;

function joinAll(branches: readonly Branch[], data: JsonSchema | undefined): readonly Branch[] {
  if (branches.length > MAX_JOINED) return branches;
  for (const [i, a] of branches.entries()) {
    for (const [k, b] of branches.entries()) {
      const both = k > i ? joined(a, b, data) : undefined;
      if (both !== undefined) return joinAll(branches.toSpliced(k, 1).with(i, both), data);
    }
  }
  return branches;
}

export function normalForm(pattern: Pattern, data: JsonSchema | undefined): NormalForm {
  const branches = subRulesOf(pattern).flatMap((rule) => {
    const branch = reduced(branchOf(rule, data), data);
    return branch === undefined ? [] : [branch];
  });
  return joinAll(branches, data);
}

export function neverMatches(form: NormalForm): boolean {
  return form.length === 0;
}

export function alwaysMatches(form: NormalForm): boolean {
  return form.some((branch) => branch.size === 0);
}
