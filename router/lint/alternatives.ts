// Lint of one leaf list: alternatives that nothing can meet, that another covers, or that take everything together.
// The items of a list are joined by 'or', which is where most of these come from.

import type { Leaf, Test } from '../pattern.ts';
import { showTest, testJson } from '../pattern-json.ts';
import { type Field, impossible, withinField } from './field.ts';
import type { Finding } from './finding.ts';
import { takenOf } from './normal-form.ts';
import { isEveryString, isWithin, type Values, valuesOf } from './values.ts';

export type LeafFinding = Omit<Finding, 'rule'>;

export interface Place {
  /** Of the leaf list: 'when.data.n'. */
  readonly at: string;
  readonly field: Field;
}

function typeFix(test: Test, { path, kinds, isAttribute }: Field): string {
  if (kinds.size === 0) return 'take it out';
  if (test.op === 'equals' && kinds.has('string') && test.value !== null) {
    return `write it as text, ${JSON.stringify(String(test.value))}, or take it out`;
  }
  if (test.op === 'equals' && isAttribute) return 'write { "exists": false } for an attribute that is not there';
  if (test.op === 'numeric' && isAttribute)
    return `compare a number of the data, such as data.${path}, or use a text operator`;
  return `use an operator for ${[...kinds].join(' or ')}`;
}

function impossibleTest(test: Test, { at, field }: Place): LeafFinding | undefined {
  if (test.op === 'exists' && !test.value) {
    if (field.mayBeAbsent) return undefined;
    const says = `never matches: every CloudEvent has '${field.path}'`;
    return { kind: 'never-matches', level: 'warning', at, says, fix: 'take it out' };
  }
  const why = impossible(valuesOf(test)!, field);
  if (why === undefined) return undefined;
  const says = `never matches, for ${why.says}; it is ${showTest(test)}`;
  if (why.kind === 'type') return { kind: 'type-mismatch', level: 'warning', at, says, fix: typeFix(test, field) };
  return { kind: 'never-matches', level: 'warning', at, says, fix: 'correct it or take it out' };
}

interface Alternative {
  readonly test: Test;
  readonly at: string;
  readonly values: Values;
}

/** Of a single value; JSON tells 5 from "5". */
function keyOf({ values }: Alternative): string | undefined {
  return values.kind === 'one' ? JSON.stringify(values.value) : undefined;
}

/** Who covers each alternative; of two equal ones the earlier stays. Long lists are of exact values, found by a map. */
function coversOf(alternatives: readonly Alternative[]): (one: Alternative) => Alternative | undefined {
  const exact = new Map<string, Alternative>();
  const wide: Alternative[] = [];
  const order = new Map(alternatives.map((one, i) => [one, i]));
  for (const one of alternatives) {
    const key = keyOf(one);
    if (key === undefined) wide.push(one);
    else if (!exact.has(key)) exact.set(key, one);
  }
  return (one) => {
    const same = exact.get(keyOf(one) ?? '');
    if (same !== undefined && same !== one) return same;
    return wide.find((other) => {
      if (other === one || !isWithin(one.values, other.values)) return false;
      return order.get(other)! < order.get(one)! || !isWithin(other.values, one.values);
    });
  };
}

function shadowed(alternatives: readonly Alternative[]): LeafFinding[] {
  const coverOf = coversOf(alternatives);
  return alternatives.flatMap((one): LeafFinding[] => {
    const by = coverOf(one);
    if (by === undefined) return [];
    const same = testJson(by.test) === testJson(one.test);
    const says = same
      ? `${showTest(one.test)} is in the list twice`
      : `${showTest(one.test)} is covered by ${showTest(by.test)} beside it, which takes all of it and stands in an 'or' with it`;
    return [{ kind: 'shadowed', level: 'warning', at: one.at, says, fix: 'take one of them out' }];
  });
}

function listed(at: string, says: string, fix: string): LeafFinding {
  return { kind: 'matches-everything-listed', level: 'warning', at, says, fix };
}

/** `[{ "exists": true }]` says openly that it takes everything; here is what says so by accident. */
function everything(leaf: Leaf, alternatives: readonly Alternative[], { at, field }: Place): LeafFinding[] {
  const exists = leaf.anyOf.flatMap((test) => (test.op === 'exists' ? [test.value] : []));
  if (exists.includes(true)) {
    if (!exists.includes(false) || !field.mayBeAbsent) return [];
    const says = 'holds whether the field is there or not: exists true and exists false stand in one list';
    return [listed(at, says, 'keep one of them, or leave the field out')];
  }
  // specversion: whatever takes its one value takes all there is, and is harmless.
  if (field.only !== undefined) return [];
  const wide = alternatives.find(({ values }) => values.kind === 'any' || isEveryString(values));
  if (wide !== undefined) {
    const excludesNothing = wide.test.op === 'anything-but';
    const what = excludesNothing ? `takes every value: ${field.says}, so nothing is left out` : 'takes every string';
    const fix = excludesNothing ? 'correct what it leaves out' : 'write { "exists": true } if that is meant';
    return [listed(wide.at, `${showTest(wide.test)} ${what}`, fix)];
  }
  if (!takenOf(leaf, field).sets.some(({ kind }) => kind === 'any')) return [];
  const but = alternatives.filter(({ test }) => test.op === 'anything-but');
  const says = `takes every value: the items of a list are alternatives, and what one leaves out the other takes`;
  const fix = but.length > 1 ? 'join them into one anything-but with a list' : 'keep one of them';
  return [listed(at, says, fix)];
}

/** Without the rule's name, which whoever knows it adds. */
export function lintLeaf(leaf: Leaf, place: Place): readonly LeafFinding[] {
  const { at, field } = place;
  const findings = leaf.anyOf.flatMap((test, i) => impossibleTest(test, { at: `${at}[${i}]`, field }) ?? []);
  const alternatives = leaf.anyOf.flatMap((test, i): Alternative[] => {
    const values = valuesOf(test);
    const within = values === undefined ? undefined : withinField(values, field);
    return within === undefined ? [] : [{ test, at: `${at}[${i}]`, values: within }];
  });
  const absences = leaf.anyOf.flatMap((test, i) => (test.op === 'exists' && !test.value ? [`${at}[${i}]`] : []));
  const again = absences.slice(1).map((at): LeafFinding => {
    const says = '{"exists":false} is in the list twice';
    return { kind: 'shadowed', level: 'warning', at, says, fix: 'take one of them out' };
  });
  return [...findings, ...everything(leaf, alternatives, place), ...shadowed(alternatives), ...again];
}
