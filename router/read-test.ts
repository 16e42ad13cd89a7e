// The operators of a pattern's leaf list: one item, read into a Test. Each takes exactly what event-ruler takes; the
// strict profile knows only what the services know.

import { unknownName } from './config.ts';
import { cidrOf } from './match/ip.ts';
import { comparableNumber } from './match/number-text.ts';
import { wildcardOf } from './match/wildcard.ts';
import type { Bound, NegatedTest, Test } from './pattern.ts';
import { type JsonTree, showTree } from './wire/json-tree.ts';

export type Profile = 'library' | 'strict';

/** Reports a mistake at a path; always answers undefined, so that a reader can return it. */
export type Report = (path: string, says: string) => undefined;

interface Place {
  readonly path: string;
  readonly profile: Profile;
  readonly report: Report;
}

type Read = (value: JsonTree, place: Place) => Test | undefined;

function readString(value: JsonTree, { path, report }: Place): string | undefined {
  return value.kind === 'string' ? value.value : report(path, `must be a string, found ${showTree(value)}`);
}

function readNumber(value: JsonTree, { path, report }: Place): number | undefined {
  if (value.kind !== 'number') return report(path, `must be a number, found ${showTree(value)}`);
  const number = comparableNumber(value.text);
  if (number !== undefined) return number;
  return report(path, `cannot be compared: ${value.text.slice(0, 60)} has more digits than a double keeps`);
}

/** The one member of an object that holds one operator. */
function onlyMember(
  value: Extract<JsonTree, { kind: 'object' }>,
  { path, report }: Place,
): readonly [string, JsonTree] | undefined {
  const [first] = value.members;
  if (value.members.length === 1 && first !== undefined) return first;
  const found = value.members.length;
  return report(path, `must hold one operator, found ${found}; alternatives are separate items of the list`);
}

function below(place: Place, name: string): Place {
  return { ...place, path: `${place.path}.${name}` };
}

/** prefix and suffix: a string, or { "equals-ignore-case": string }. */
function readEnd(op: 'prefix' | 'suffix'): Read {
  return (value, place) => {
    if (value.kind !== 'object') {
      const text = readString(value, place);
      return text === undefined ? undefined : { op, value: text, ignoreCase: false };
    }
    const member = onlyMember(value, place);
    if (member === undefined) return undefined;
    const [name, of] = member;
    if (name !== 'equals-ignore-case') {
      return place.report(place.path, unknownName('operator', name, ['equals-ignore-case']));
    }
    const text = readString(of, below(place, name));
    return text === undefined ? undefined : { op, value: text, ignoreCase: true };
  };
}

const readWildcard: Read = (value, place) => {
  const text = readString(value, place);
  if (text === undefined) return undefined;
  const wildcard = wildcardOf(text);
  return typeof wildcard === 'string' ? place.report(place.path, wildcard) : { op: 'wildcard', value: text };
};

const readCidr: Read = (value, place) => {
  const text = readString(value, place);
  if (text === undefined) return undefined;
  const range = cidrOf(text);
  return typeof range === 'string' ? place.report(place.path, range) : { op: 'cidr', value: text };
};

const readExists: Read = (value, { path, report }) => {
  if (value.kind === 'literal' && value.value !== null) return { op: 'exists', value: value.value };
  return report(path, `must be true or false, found ${showTree(value)}`);
};

const readExactText =
  (op: 'equals-ignore-case' | 'exactly'): Read =>
  (value, place) => {
    const text = readString(value, place);
    return text === undefined ? undefined : { op, value: text };
  };

const comparisons: readonly string[] = ['=', '<', '<=', '>', '>='];

function readBound(op: JsonTree, value: JsonTree, { place, at }: { place: Place; at: number }): Bound | undefined {
  const { path, report } = place;
  if (op.kind !== 'string' || !comparisons.includes(op.value)) {
    return report(`${path}[${at}]`, `must be one of ${comparisons.join(' ')}, found ${showTree(op)}`);
  }
  const number = readNumber(value, { ...place, path: `${path}[${at + 1}]` });
  return number === undefined ? undefined : { op: op.value as Bound['op'], value: number };
}

const readNumeric: Read = (value, place) => {
  const { path, report } = place;
  const form = 'must be [op, number] or [">" or ">=", low, "<" or "<=", high]';
  if (value.kind !== 'list' || (value.items.length !== 2 && value.items.length !== 4)) return report(path, form);
  const bounds: Bound[] = [];
  for (let at = 0; at < value.items.length; at += 2) {
    const bound = readBound(value.items[at]!, value.items[at + 1]!, { place, at });
    if (bound === undefined) return undefined;
    bounds.push(bound);
  }
  const [low, high] = bounds;
  if (low !== undefined && high !== undefined) {
    if (!low.op.startsWith('>') || !high.op.startsWith('<')) return report(path, form);
    if (low.value >= high.value) {
      return report(path, `the lower bound ${low.value} must be below the upper bound ${high.value}`);
    }
  }
  return { op: 'numeric', bounds };
};

const negatable: readonly string[] = ['prefix', 'suffix', 'equals-ignore-case', 'wildcard'];

/** A string or a list of strings; prefix and suffix take no empty one, which every string has. */
function readNegatedTexts(op: Exclude<NegatedTest['op'], 'equals'>, value: JsonTree, place: Place): Test | undefined {
  const items = value.kind === 'list' ? value.items : [value];
  const filled = op === 'prefix' || op === 'suffix';
  const not: NegatedTest[] = [];
  for (const item of items) {
    if (item.kind !== 'string' || (filled && item.value === '')) {
      const due = filled ? 'must be a non-empty string or a list of them' : 'must be a string or a list of strings';
      return place.report(place.path, `${due}, found ${showTree(item)}`);
    }
    const wildcard = op === 'wildcard' ? wildcardOf(item.value) : undefined;
    if (typeof wildcard === 'string') return place.report(place.path, wildcard);
    not.push({ op, value: item.value });
  }
  if (not.length === 0) return place.report(place.path, 'must be a string or a list of at least one');
  return { op: 'anything-but', not };
}

const readAnythingBut: Read = (value, place) => {
  if (value.kind === 'object') {
    const member = onlyMember(value, place);
    if (member === undefined) return undefined;
    const [name, of] = member;
    if (!negatable.includes(name)) return place.report(place.path, unknownName('operator', name, negatable));
    return readNegatedTexts(name as Exclude<NegatedTest['op'], 'equals'>, of, below(place, name));
  }
  const items = value.kind === 'list' ? value.items : [value];
  const kinds = new Set(items.map((item) => item.kind));
  if (kinds.size !== 1 || !(kinds.has('string') || kinds.has('number'))) {
    const due = 'must be a string, a number, or a list of only strings or only numbers';
    return place.report(place.path, `${due}, found ${showTree(value)}`);
  }
  const not: NegatedTest[] = [];
  for (const item of items) {
    const scalar = item.kind === 'string' ? item.value : readNumber(item, place);
    if (scalar === undefined) return undefined;
    not.push({ op: 'equals', value: scalar });
  }
  return { op: 'anything-but', not };
};

const strictReaders: Readonly<Record<string, Read>> = {
  prefix: readEnd('prefix'),
  suffix: readEnd('suffix'),
  'equals-ignore-case': readExactText('equals-ignore-case'),
  wildcard: readWildcard,
  'anything-but': readAnythingBut,
  numeric: readNumeric,
  exists: readExists,
  cidr: readCidr,
};
const readers: Readonly<Record<Profile, Readonly<Record<string, Read>>>> = {
  strict: strictReaders,
  library: { ...strictReaders, exactly: readExactText('exactly') },
};

/** Reads one item of a leaf list; a mistake is reported, and then the result is undefined. */
export function readTest(item: JsonTree, place: Place): Test | undefined {
  switch (item.kind) {
    case 'string':
    case 'literal':
      return { op: 'equals', value: item.value };
    case 'number': {
      const number = comparableNumber(item.text);
      return number === undefined ? { op: 'number-text', text: item.text } : { op: 'equals', value: number };
    }
    case 'list':
      return place.report(place.path, `must be a value or one operator, found ${showTree(item)}`);
    case 'object': {
      const member = onlyMember(item, place);
      if (member === undefined) return undefined;
      const [name, value] = member;
      const known = readers[place.profile];
      const read = Object.hasOwn(known, name) ? known[name] : undefined;
      if (read === undefined) return place.report(place.path, unknownName('operator', name, Object.keys(known)));
      return read(value, below(place, name));
    }
  }
}
