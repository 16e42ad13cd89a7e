// A pattern as plain conjunctions: each way through its $or lists is one sub-rule, a leaf for each path. What matches is
// any sub-rule; events are judged, indexed and explained by them. Order of overriding and of paths is event-ruler's.

import { RouterError } from './errors.ts';
import type { Leaf, Pattern } from './pattern.ts';

/** Names joined by '.', so that { a: { b } } and { 'a.b' } are the same field; sorted by path, by UTF-16 units. */
export type SubRule = readonly (readonly [path: string, leaf: Leaf])[];

// event-ruler: 256 fields for each sub-rule; no limit on sub-rules, but parallel $or lists multiply.
const MAX_FIELDS = 256;
const MAX_SUB_RULES = 1024;
// Reading an event is recursive along the paths of rules.
const MAX_NAMES = 256;

type Branch = Map<string, Leaf>;
type TooMany = 'branches' | 'fields';

interface Expansion {
  readonly onRepeat: ((path: string) => void) | undefined;
}

function copyOf(branches: readonly Branch[]): Branch[] {
  return branches.length === 0 ? [new Map()] : branches.map((branch) => new Map(branch));
}

/** Adds a pattern's fields to each branch; the result replaces them. A word says what there is too much of. */
function addFields(branches: Branch[], pattern: Pattern, prefix: string, expansion: Expansion): Branch[] | TooMany {
  let current = branches;
  for (const entry of pattern.entries) {
    if (entry.kind === 'or') {
      const forked: Branch[] = [];
      for (const alternative of entry.anyOf) {
        const added = addFields(copyOf(current), alternative, prefix, expansion);
        if (typeof added === 'string') return added;
        if (forked.length + added.length > MAX_SUB_RULES) return 'branches';
        forked.push(...added);
      }
      current = forked;
    } else if (entry.of.kind === 'fields') {
      const added = addFields(current, entry.of, `${prefix}${entry.name}.`, expansion);
      if (typeof added === 'string') return added;
      current = added;
    } else {
      const path = prefix + entry.name;
      for (const branch of current) {
        if (expansion.onRepeat !== undefined && branch.has(path)) expansion.onRepeat(path);
        branch.set(path, entry.of);
        if (branch.size > MAX_FIELDS) return 'fields';
      }
    }
  }
  return current;
}

/** The sub-rules, or a text that says why there are none. `onRepeat` hears of each path set twice in one branch. */
export function expand(pattern: Pattern, onRepeat?: (path: string) => void): readonly SubRule[] | string {
  const repeated = new Set<string>();
  const hear =
    onRepeat === undefined
      ? undefined
      : (path: string) => {
          if (!repeated.has(path)) onRepeat(path);
          repeated.add(path);
        };
  const branches = addFields([new Map()], pattern, '', { onRepeat: hear });
  if (branches === 'branches') return `its $or lists make more than ${MAX_SUB_RULES} combinations`;
  if (branches === 'fields') return `names more than ${MAX_FIELDS} fields in one branch`;
  const long = branches.flatMap((branch) => [...branch.keys()]).find((path) => path.split('.').length > MAX_NAMES);
  if (long !== undefined) return `names a path of more than ${MAX_NAMES} names, '${long.slice(0, 60)}...'`;
  return branches.map((branch) => [...branch].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The sub-rules of a pattern that was read and so is known to have them. */
export function subRulesOf(pattern: Pattern): readonly SubRule[] {
  const rules = expand(pattern);
  if (typeof rules === 'string') throw new RouterError('PATTERN_INVALID', `the pattern ${rules}`);
  return rules;
}
