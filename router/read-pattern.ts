// Reads a pattern. One reader, two profiles: `library` has event-ruler's verdicts; `strict`, which router documents use,
// also refuses what a bus would refuse or silently misread: a name written twice, a path set twice in one branch,
// operators that only the library knows. What is unknown is refused with its path, never ignored.

import { type Problem, show } from './config.ts';
import type { Entry, Leaf, Pattern } from './pattern.ts';
import { type Profile, type Report, readTest } from './read-test.ts';
import { expand } from './sub-rule.ts';
import { type JsonTree, showTree, treeOf } from './wire/json-tree.ts';

// Far over any event; reading and compiling are recursive, and a document written as code may hold a cycle.
const MAX_DEPTH = 200;

// Names that event-ruler keeps for operators, now or later: below $or they are most likely a list forgotten.
const reserved: ReadonlySet<string> = new Set([
  ...['exactly', 'equals-ignore-case', 'prefix', 'suffix', 'anything-but', 'exists', 'wildcard', 'numeric', 'cidr'],
  ...['=', '<', '<=', '>', '>=', 'regex', 'not-wildcard', 'not-equals-ignore-case'],
  ...['date-after', 'date-on-or-after', 'date-before', 'date-on-or-before', 'in-date-range'],
  ...['ip-address-in-range', 'ip-address-not-in-range'],
]);

interface Place {
  readonly path: string;
  readonly profile: Profile;
  readonly report: Report;
  readonly belowOr: boolean;
}

// Far over any pattern that a person writes; one that is shared in many places counts in each.
const MAX_VALUES = 100_000;

/** What is too much of a value that was never text: how deep it goes, or how many values it has when written out. */
function tooMuch(input: unknown): string | undefined {
  let level = new Map<unknown, number>([[input, 1]]);
  let values = 0;
  for (let depth = 0; level.size > 0; depth++) {
    if (depth > MAX_DEPTH) return `is nested deeper than ${MAX_DEPTH} levels`;
    const below = new Map<unknown, number>();
    for (const [value, times] of level) {
      for (const item of typeof value === 'object' && value !== null ? Object.values(value) : []) {
        if (typeof item === 'object' && item !== null) below.set(item, (below.get(item) ?? 0) + times);
        values += times;
      }
    }
    if (values > MAX_VALUES) return `holds more than ${MAX_VALUES} values`;
    level = below;
  }
  return undefined;
}

/**
 * Reads a pattern of a router document, by the strict profile; what is wrong is added to `problems` with its path, and
 * then the result is undefined. The input is a JavaScript value, so repeated names are gone already.
 */
export function parsePattern(input: unknown, path: string, problems: Problem[]): Pattern | undefined {
  const before = problems.length;
  const report: Report = (at, says) => void problems.push({ path: at, says });
  const much = tooMuch(input);
  if (much !== undefined) return report(path, much);
  const tree = treeOf(input, path, (at, value) => report(at, `must be a value that JSON has, found ${show(value)}`));
  if (problems.length > before || tree === undefined) return undefined;
  return readPattern(tree, { path, profile: 'strict', report });
}

/** Reads a pattern; each mistake is reported, and then the result is undefined. */
export function readPattern(tree: JsonTree, place: Omit<Place, 'belowOr'>): Pattern | undefined {
  let sound = true;
  const report: Report = (path, says) => {
    sound = false;
    return place.report(path, says);
  };
  const pattern = readFields(tree, { ...place, report, belowOr: false }, 0);
  if (!sound || pattern === undefined) return undefined;
  const onRepeat =
    place.profile === 'strict'
      ? (path: string) => report(place.path, `sets '${path}' twice in one branch; join the lists or use $or`)
      : undefined;
  const wrong = expand(pattern, onRepeat);
  if (typeof wrong === 'string') report(place.path, wrong);
  return sound ? pattern : undefined;
}

function readFields(tree: JsonTree, place: Place, depth: number): Pattern | undefined {
  const { path, report } = place;
  if (depth > MAX_DEPTH) return report(path, `is nested deeper than ${MAX_DEPTH} levels`);
  if (tree.kind !== 'object') return report(path, `must be an object of fields, found ${showTree(tree)}`);
  if (tree.members.length === 0) return report(path, 'must name at least one field');
  const entries: Entry[] = [];
  const seen = new Set<string>();
  for (const [name, value] of tree.members) {
    const at = { ...place, path: path === '' ? name : `${path}.${name}` };
    if (place.profile === 'strict' && seen.has(name)) report(at.path, 'is written twice; a name may stand only once');
    seen.add(name);
    const entry = name === '$or' ? readOr(value, at, depth) : readField(name, value, { place: at, depth });
    if (entry !== undefined) entries.push(entry);
  }
  return { kind: 'fields', entries };
}

function readField(
  name: string,
  value: JsonTree,
  { place, depth }: { place: Place; depth: number },
): Entry | undefined {
  const { path, report } = place;
  if (place.belowOr && reserved.has(name)) {
    return report(path, `'${name}' is the name of an operator; below $or no field may have it`);
  }
  if (value.kind === 'list') {
    const of = readLeaf(value.items, place);
    return of === undefined ? undefined : { kind: 'field', name, of };
  }
  if (value.kind !== 'object') {
    const found = showTree(value);
    return report(path, `must be a list of alternatives or an object, found ${found}; write [${found}]`);
  }
  const of = readFields(value, place, depth + 1);
  return of === undefined ? undefined : { kind: 'field', name, of };
}

function readOr(value: JsonTree, place: Place, depth: number): Entry | undefined {
  if (value.kind !== 'list' || value.items.length < 2) {
    return place.report(place.path, 'must be a list of at least two patterns');
  }
  const anyOf = value.items.map((item, i) =>
    readFields(item, { ...place, path: `${place.path}[${i}]`, belowOr: true }, depth + 1),
  );
  return { kind: 'or', anyOf: anyOf.filter((item) => item !== undefined) };
}

function readLeaf(items: readonly JsonTree[], { path, profile, report }: Place): Leaf | undefined {
  if (items.length === 0) return report(path, 'must list at least one alternative');
  const anyOf = items.map((item, i) => readTest(item, { path: `${path}[${i}]`, profile, report }));
  return { kind: 'leaf', anyOf: anyOf.filter((test) => test !== undefined) };
}
