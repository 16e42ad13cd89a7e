// A rule engine as slow and plain as can be: every value of the event against every leaf of every sub-rule, with no index
// and no memory. The engine of router/match is held against it; it is itself held against event-ruler's vectors.
// Reading of the language: event-ruler's documentation and the facts of its oracle (docs/rules.md).

import { comparableNumber } from '../../router/match/number-text.ts';
import { scalarTest, type Value } from '../../router/match/scalar-test.ts';
import type { Leaf, Pattern } from '../../router/pattern.ts';
import { subRulesOf } from '../../router/sub-rule.ts';
import { type JsonTree, readJsonTree } from '../../router/wire/json-tree.ts';

/** Which element of which array a value stands in. */
type Membership = ReadonlyMap<number, number>;

interface Found {
  readonly path: string;
  readonly value: Value;
  readonly membership: Membership;
}

function scalarIn(tree: JsonTree): Value | undefined {
  if (tree.kind === 'number') return comparableNumber(tree.text) ?? { text: tree.text };
  return tree.kind === 'string' || tree.kind === 'literal' ? tree.value : undefined;
}

function flatten(tree: JsonTree): readonly Found[] {
  const found: Found[] = [];
  let arrays = 0;
  const visit = (value: JsonTree, path: readonly string[], membership: Membership): void => {
    if (value.kind === 'object') {
      for (const [name, member] of value.members) visit(member, [...path, name], membership);
    } else if (value.kind === 'list') {
      const id = arrays++;
      for (const [i, item] of value.items.entries()) {
        const nested = item.kind === 'object' || item.kind === 'list';
        visit(item, path, nested ? new Map([...membership, [id, i]]) : membership);
      }
    } else found.push({ path: path.join('.'), value: scalarIn(value)!, membership });
  };
  visit(tree, [], new Map());
  return found;
}

/** Both together, or undefined where one array is entered at two places. */
function joined(a: Membership, b: Membership): Membership | undefined {
  for (const [id, index] of b) if (a.has(id) && a.get(id) !== index) return undefined;
  return new Map([...a, ...b]);
}

function holds(rule: readonly (readonly [string, Leaf])[], found: readonly Found[], so: Membership): boolean {
  const [first, ...rest] = rule;
  if (first === undefined) return true;
  const [path, leaf] = first;
  const here = found.filter((one) => one.path === path && joined(so, one.membership) !== undefined);
  const absence = leaf.anyOf.some((test) => test.op === 'exists' && !test.value);
  if (absence && here.length === 0 && holds(rest, found, so)) return true;
  const tests = leaf.anyOf.map(scalarTest);
  return here.some(
    ({ value, membership }) => tests.some((test) => test(value)) && holds(rest, found, joined(so, membership)!),
  );
}

/** Whether the event, a JSON text of an object, matches; throws where it is not. */
export function referenceMatches(pattern: Pattern, event: string): boolean {
  const tree = readJsonTree(event);
  if (tree.kind !== 'object') throw new Error('an event must be an object');
  const found = flatten(tree);
  return subRulesOf(pattern).some((rule) => holds(rule, found, new Map()));
}
