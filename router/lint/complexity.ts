// Complexity of a rule set: how many ways through $or and how many fields it has, and for each field how many prefixes of
// its wildcards one value can keep alive at once, over all rules together (worst-value.ts). Here matching a wildcard is
// linear in the value whatever that is; matchers that walk an automaton pay for it, and a bus may refuse a rule for it.
// event-ruler 2.1.0 gives the same number for different wildcards that are bare. In rules it also counts the quotes of
// JSON, at most one a wildcard, and some texts that stand twice; it counts those of one list in anything-but a little lower.

import type { Condition } from '../condition.ts';
import { type Wildcard, wildcardOf } from '../match/wildcard.ts';
import type { Leaf, Pattern, Test } from '../pattern.ts';
import type { Finding } from './finding.ts';
import { worstValue } from './worst-value.ts';

export interface ComplexityRule {
  readonly name: string;
  readonly when: Condition;
}

/** A rule that adds to the score of a field. A wildcard of two rules counts once in the score, and for both here. */
export interface Contribution {
  readonly name: string;
  /** Where in the rule the first of its wildcards stands: 'when.data.file'. */
  readonly at: string;
  readonly adds: number;
}

export interface FieldComplexity {
  readonly field: string;
  /** Prefixes of wildcards alive at once; where it is not exact, at least so many, and at most `atMost`. */
  readonly score: number;
  readonly isExact: boolean;
  readonly atMost: number;
  /** What adds most stands first. */
  readonly rules: readonly Contribution[];
}

export interface Complexity {
  readonly rules: number;
  /** Ways through $or, summed over the rules; a rule without $or is one. */
  readonly alternatives: number;
  /** Different paths that patterns name. */
  readonly fields: number;
  /** Fields with wildcards, the highest score first. */
  readonly wildcards: readonly FieldComplexity[];
}

interface Place {
  /** As the rule writes it: 'when.$or[0].data'. */
  readonly at: string;
  /** As an event has it: 'data.'; empty at the top. */
  readonly prefix: string;
}

/** A wildcard of a field, and where each rule that has it names it first. */
interface Used {
  readonly wildcard: Wildcard;
  readonly by: Map<string, string>;
}

type Fields = Map<string, Map<string, Used>>;

function alternativesOf({ entries }: Pattern): number {
  return entries.reduce((product, entry) => {
    if (entry.kind === 'or') return product * entry.anyOf.reduce((sum, branch) => sum + alternativesOf(branch), 0);
    return entry.of.kind === 'leaf' ? product : product * alternativesOf(entry.of);
  }, 1);
}

function wildcardsOf(test: Test): readonly string[] {
  if (test.op === 'wildcard') return [test.value];
  if (test.op !== 'anything-but') return [];
  return test.not.flatMap((not) => (not.op === 'wildcard' ? [not.value] : []));
}

function addLeaf(used: Map<string, Used>, { anyOf }: Leaf, rule: string, at: string): void {
  for (const text of anyOf.flatMap(wildcardsOf)) {
    const wildcard = wildcardOf(text);
    // A pattern that was read has none that are malformed.
    if (typeof wildcard === 'string') continue;
    const { by } = used.get(text) ?? used.set(text, { wildcard, by: new Map() }).get(text)!;
    if (!by.has(rule)) by.set(rule, at);
  }
}

function addFields(fields: Fields, { entries }: Pattern, rule: string, { at, prefix }: Place): void {
  for (const entry of entries) {
    if (entry.kind === 'or') {
      for (const [i, branch] of entry.anyOf.entries()) {
        addFields(fields, branch, rule, { at: `${at}.$or[${i}]`, prefix });
      }
      continue;
    }
    const [here, path] = [`${at}.${entry.name}`, prefix + entry.name];
    if (entry.of.kind === 'fields') addFields(fields, entry.of, rule, { at: here, prefix: `${path}.` });
    else addLeaf(fields.get(path) ?? fields.set(path, new Map()).get(path)!, entry.of, rule, here);
  }
}

function contributionsOf(used: readonly Used[], alive: readonly number[]): readonly Contribution[] {
  const adds = new Map<string, Contribution>();
  for (const [i, { by }] of used.entries()) {
    for (const [name, at] of by) {
      const before = adds.get(name) ?? { name, at, adds: 0 };
      adds.set(name, { ...before, adds: before.adds + alive[i]! });
    }
  }
  return [...adds.values()].filter(({ adds }) => adds > 0).sort((a, b) => b.adds - a.adds);
}

// Shared by all fields of a rule set. Measured: 0.1 s; a few hundred wildcards take some thousands.
const MAX_STEPS = 200_000;

function measured(fields: Fields): readonly FieldComplexity[] {
  let steps = MAX_STEPS;
  const lengthOf = (used: readonly Used[]): number =>
    used.reduce((sum, { wildcard }) => sum + wildcard.parts.reduce((length, part) => length + part.length + 1, 0), 0);
  // Short ones first: if there is not work enough for all, only the long ones are left with bounds.
  const wild = [...fields]
    .filter(([, used]) => used.size > 0)
    .map(([field, used]) => ({ field, used: [...used.values()] }))
    .map((one) => ({ ...one, length: lengthOf(one.used) }))
    .sort((a, b) => a.length - b.length);
  const found = wild.map(({ field, used }): FieldComplexity => {
    const {
      score,
      isExact,
      atMost,
      alive,
      steps: taken,
    } = worstValue(
      used.map(({ wildcard }) => wildcard),
      steps,
    );
    steps = Math.max(0, steps - taken);
    return { field, score, isExact, atMost, rules: contributionsOf(used, alive) };
  });
  return found.sort((a, b) => b.score - a.score || (a.field < b.field ? -1 : 1));
}

/** A condition that is no pattern is one alternative, and its fields are not counted. */
export function complexityOf(rules: readonly ComplexityRule[]): Complexity {
  const fields: Fields = new Map();
  let alternatives = 0;
  for (const { name, when } of rules) {
    alternatives += when.kind === 'fields' ? alternativesOf(when) : 1;
    if (when.kind === 'fields') addFields(fields, when, name, { at: 'when', prefix: '' });
  }
  return { rules: rules.length, alternatives, fields: fields.size, wildcards: measured(fields) };
}

/** "120", or "from 90 to 4000" where it is not known better. */
export function scoreText({ score, isExact, atMost }: FieldComplexity): string {
  return isExact ? `${score}` : `from ${score} to ${atMost}`;
}

function mostOf(rules: readonly Contribution[]): string {
  const named = rules.slice(0, 3).map(({ name, adds }) => `'${name}' adds ${adds}`);
  const more = rules.length - named.length;
  return more === 0 ? named.join(', ') : `${named.join(', ')}, and ${more} more`;
}

// event-ruler's README: 1,250 events a second at 100, of 140,000 at 1.
const NOTED = 100;

const FIX = 'use fewer stars, or begin each wildcard with literal text of its own';

/** With a cap an error for each field that is not proved to stay within it, else a note for those that are far out. */
export function lintComplexity({ wildcards }: Complexity, max?: number): readonly Finding[] {
  return wildcards.flatMap((one): Finding[] => {
    const [first] = one.rules;
    if (first === undefined || (max === undefined ? one.score <= NOTED : one.atMost <= max)) return [];
    const { name: rule, at } = first;
    const what = `has wildcards of which one value at '${one.field}' keeps ${scoreText(one)} prefixes alive at once`;
    const most = mostOf(one.rules);
    if (max !== undefined) {
      return [
        { rule, kind: 'complexity', level: 'error', at, says: `${what}, and ${max} are allowed: ${most}`, fix: FIX },
      ];
    }
    const why = 'Busway stays linear in the value, but EventBridge may refuse rules as too complex';
    return [
      { rule, kind: 'complexity', level: 'note', at, says: `${what}, more than ${NOTED}: ${most}; ${why}`, fix: FIX },
    ];
  });
}
