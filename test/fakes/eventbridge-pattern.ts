// An event pattern as PutRule takes it, and whether an event matches it: the filter of the fake bus. Written from the User
// Guide and measurements of event-ruler 2.1.0, apart from the router's matcher and from the adapter's compiler.
// Sources: EventBridge User Guide, "Event pattern syntax", "Arrays in event patterns", "OR matching" (read 2026-11-21).

import { type Json, readJson } from './eventbridge-json.ts';
import { type Alternative, badPattern, readAlternative, type Value } from './eventbridge-operators.ts';

/** One way through the $or lists: what each path must hold. Paths in order, because absence depends on it. */
type Way = readonly (readonly [path: string, anyOf: readonly Alternative[]])[];

export interface EventPattern {
  readonly wildcard: boolean;
  /** Undefined when the event is no JSON object. */
  matches(eventText: string): boolean | undefined;
}

type Fields = ReadonlyMap<string, readonly Alternative[]>;

// What is an operator, now or planned, is no name of a field below $or.
const RESERVED =
  /^(?:exactly|(?:not-)?equals-ignore-case|prefix|suffix|anything-but|exists|(?:not-)?wildcard|numeric|cidr|regex|[<>]=?|=|date-(?:on-or-)?(?:after|before)|in-date-range|ip-address-(?:not-)?in-range)$/;
/** "over 1000 combinations" are refused. */
const MAX_WAYS = 1_000;

function addMembers(ways: readonly Fields[], json: Json, prefix: string, belowOr: boolean): readonly Fields[] {
  if (json.kind !== 'object' || json.members.length === 0) badPattern('an object of fields is due');
  let now = ways;
  for (const [name, value] of new Map(json.members)) {
    if (belowOr && RESERVED.test(name)) badPattern(`${name} below $or`);
    if (name === '$or') now = addBranches(now, value, prefix);
    else if (value.kind === 'object') now = addMembers(now, value, `${prefix}${name}\0`, belowOr);
    else if (value.kind === 'array' && value.items.length > 0) {
      const anyOf = value.items.map(readAlternative);
      // A path that is set twice: the later one counts.
      now = now.map((way) => new Map([...way, [prefix + name, anyOf]]));
    } else badPattern(`${name} takes a list`);
  }
  return now;
}

function addBranches(ways: readonly Fields[], json: Json, prefix: string): readonly Fields[] {
  if (json.kind !== 'array' || json.items.length < 2) badPattern('$or takes two objects or more');
  const all = json.items.flatMap((branch) => addMembers(ways, branch, prefix, true));
  if (all.length > MAX_WAYS) badPattern('too many combinations');
  return all;
}

/** Where a value stands: array by array, which element. Elements that are plain values are not told apart. */
type Standing = ReadonlyMap<number, number>;

interface Leaf {
  readonly value: Value;
  readonly standing: Standing;
}

/** The leaves of an event by path; names that are joined by a dot are the same as nested ones. */
function leavesOf(event: Json): ReadonlyMap<string, readonly Leaf[]> {
  const leaves = new Map<string, Leaf[]>();
  let arrays = 0;
  const walk = (json: Json, path: string, standing: Standing): void => {
    if (json.kind === 'object') {
      for (const [name, value] of json.members) walk(value, `${path}${path === '' ? '' : '.'}${name}`, standing);
    } else if (json.kind === 'array') {
      const array = arrays++;
      for (const [i, item] of json.items.entries()) {
        const plain = item.kind !== 'object' && item.kind !== 'array';
        walk(item, path, plain ? standing : new Map([...standing, [array, i]]));
      }
    } else {
      const same = leaves.get(path);
      if (same === undefined) leaves.set(path, [{ value: json, standing }]);
      else same.push({ value: json, standing });
    }
  };
  walk(event, '', new Map());
  return leaves;
}

function together(chosen: Standing, one: Standing): Standing | undefined {
  for (const [array, element] of one) {
    const other = chosen.get(array);
    if (other !== undefined && other !== element) return undefined;
  }
  return new Map([...chosen, ...one]);
}

function holds(way: Way, from: number, leaves: ReadonlyMap<string, readonly Leaf[]>, chosen: Standing): boolean {
  const clause = way[from];
  if (clause === undefined) return true;
  const [path, anyOf] = clause;
  let found = false;
  for (const { value, standing } of leaves.get(path) ?? []) {
    const joined = together(chosen, standing);
    if (joined === undefined) continue;
    found = true;
    if (anyOf.some(({ test }) => test(value)) && holds(way, from + 1, leaves, joined)) return true;
  }
  return !found && anyOf.some(({ absent }) => absent) && holds(way, from + 1, leaves, chosen);
}

/** Throws PATTERN_INVALID for what PutRule refuses. */
export function readEventPattern(text: string): EventPattern {
  const json = readJson(text);
  if (json === undefined) badPattern('no JSON');
  const ways = addMembers([new Map()], json, '', false).map(
    (fields): Way =>
      [...fields]
        .map(([path, anyOf]) => [path.replaceAll('\0', '.'), anyOf] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  return {
    wildcard: ways.some((way) => way.some(([, anyOf]) => anyOf.some(({ wildcard }) => wildcard))),
    matches(eventText) {
      const event = readJson(eventText);
      if (event?.kind !== 'object') return undefined;
      const leaves = leavesOf(event);
      return ways.some((way) => holds(way, 0, leaves, new Map()));
    },
  };
}
