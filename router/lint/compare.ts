// Lint of rules beside each other: two of one meaning, or one whose events another brings to the same target already.
// Rules are compared through an index over exact values, as most rules have one; the others are compared each with each
// up to a limit, and then it is said that they were not.

import { canonicalJson } from '../rule.ts';
import type { Finding } from './finding.ts';
import { type Branch, implies, type NormalForm, type Taken } from './normal-form.ts';

export interface Compared {
  readonly name: string;
  readonly form: NormalForm;
  readonly to: unknown;
}

// Pairs of branches; a second at most. A thousand rules without any exact value stay below it.
const MAX_COMPARISONS = 1_000_000;

/** Exact values, each as a key; undefined where the field takes something else too. */
function exactKeys(path: string, { absent, sets }: Taken): readonly string[] | undefined {
  if (absent) return undefined;
  const keys = sets.flatMap((set) => (set.kind === 'one' ? [`${path} ${JSON.stringify(set.value)}`] : []));
  return keys.length < sets.length ? undefined : keys;
}

function allKeys(branch: Branch): string[] {
  return [...branch].flatMap(([path, taken]) => exactKeys(path, taken) ?? []);
}

/** The keys of the field whose exact values are rarest; undefined where no field has only such. */
function rarestKeys(branch: Branch, uses: ReadonlyMap<string, number>): readonly string[] | undefined {
  let best: readonly string[] | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const [path, taken] of branch) {
    const keys = exactKeys(path, taken);
    const used = keys?.reduce((sum, key) => sum + uses.get(key)!, 0) ?? least;
    if (used < least) [best, least] = [keys, used];
  }
  return best;
}

type Index = ReadonlyMap<string, readonly number[]>;
const ANY = '';

function indexOf(rules: readonly Compared[]): Index {
  const uses = new Map<string, number>();
  for (const { form } of rules) {
    for (const branch of form) for (const key of allKeys(branch)) uses.set(key, (uses.get(key) ?? 0) + 1);
  }
  const index = new Map<string, number[]>();
  for (const [i, { form }] of rules.entries()) {
    const keys = form.flatMap((branch) => rarestKeys(branch, uses) ?? [ANY]);
    for (const key of new Set(keys)) {
      const listed = index.get(key);
      if (listed === undefined) index.set(key, [i]);
      else listed.push(i);
    }
  }
  return index;
}

/** The rules that this one can imply: each of its branches must imply one of theirs, so its first branch tells. */
function candidates({ form }: Compared, index: Index): readonly number[] {
  const [first] = form;
  if (first === undefined) return [];
  const found = [ANY, ...allKeys(first)].flatMap((key) => index.get(key) ?? []);
  return [...new Set(found)].sort((a, b) => a - b);
}

function duplicate(rule: Compared, of: Compared): Finding {
  const about = { rule: rule.name, kind: 'duplicate', at: 'when' } as const;
  if (canonicalJson(rule.to) === canonicalJson(of.to)) {
    const says = `means the same as that of rule '${of.name}', and the target is the same, so it gets every event twice`;
    return { ...about, level: 'warning', says, fix: 'take one of the rules out' };
  }
  const says = `means the same as that of rule '${of.name}', which has another target`;
  return { ...about, level: 'note', says, fix: 'nothing is wrong if both targets are meant' };
}

function implied(rule: Compared, by: Compared): Finding {
  const says = `is covered by rule '${by.name}' of the same target, which so gets every event of this rule twice`;
  const fix = `take this rule out, or leave its events out of '${by.name}'`;
  return { rule: rule.name, kind: 'shadowed', level: 'warning', at: 'when', says, fix };
}

/** The first rule that says the same, else the first of the same target that says more. */
function lintAgainst(
  rule: Compared,
  at: number,
  others: readonly (readonly [Compared, number])[],
): Finding | undefined {
  const wider = others.filter(([other]) => implies(rule.form, other.form));
  const same = wider.filter(([other]) => implies(other.form, rule.form));
  const earlier = same.find(([, i]) => i < at);
  if (earlier !== undefined) return duplicate(rule, earlier[0]);
  const target = canonicalJson(rule.to);
  const by = wider.find((pair) => !same.includes(pair) && canonicalJson(pair[0].to) === target);
  return by === undefined ? undefined : implied(rule, by[0]);
}

/** Rules that never match or always do are left out: that is told already, and all implies the one, none the other. */
export function compareRules(rules: readonly Compared[]): readonly Finding[] {
  const index = indexOf(rules);
  const findings: Finding[] = [];
  let comparisons = 0;
  for (const [i, rule] of rules.entries()) {
    const found = candidates(rule, index).filter((k) => k !== i);
    comparisons += found.reduce((sum, k) => sum + rules[k]!.form.length * rule.form.length, 0);
    if (comparisons > MAX_COMPARISONS) {
      const says = `and the rules after it were not compared with the others: over ${MAX_COMPARISONS} comparisons`;
      const fix = 'split the document, or name an exact value such as a type in each rule';
      return [...findings, { rule: rule.name, kind: 'not-compared', level: 'note', at: 'when', says, fix }];
    }
    const finding = lintAgainst(
      rule,
      i,
      found.map((k) => [rules[k]!, k]),
    );
    if (finding !== undefined) findings.push(finding);
  }
  return findings;
}
