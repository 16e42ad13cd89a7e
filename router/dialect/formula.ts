// A condition between the dialects: claims on attributes joined by 'all' and 'any'. There is no 'not': a claim's complement
// is a claim. A clause that is out of reach is `open`: true or false, nobody knows; negated it is open still, so a formula
// that is read with open clauses as true takes every event that the rule takes. Building simplifies as it goes.

import { allOfClaims, anyOfClaims, type Claim, isNever, isPresence, isWhole, otherClaim, saidText } from './claim.ts';
import { type Lossy, namedBeside } from './lossy.ts';

export interface OpenClause {
  readonly kind: 'open';
  readonly lossy: Lossy;
  readonly key: string;
}

export interface Joined {
  readonly kind: 'all' | 'any';
  readonly of: readonly Formula[];
  /** Claims and open clauses below, and levels. */
  readonly size: number;
  readonly depth: number;
  readonly key: string;
}

export type Formula = Joined | Claim | OpenClause;

export function sizeOf(formula: Formula): number {
  return formula.kind === 'claim' || formula.kind === 'open' ? 1 : formula.size;
}

export function depthOf(formula: Formula): number {
  return formula.kind === 'claim' || formula.kind === 'open' ? 0 : formula.depth;
}

function joined(kind: Joined['kind'], of: readonly Formula[]): Formula {
  if (of.length === 1) return of[0]!;
  const size = of.reduce((sum, one) => sum + sizeOf(one), 0);
  const depth = of.reduce((most, one) => Math.max(most, depthOf(one)), 0) + 1;
  const keys = of.map(({ key }) => key).sort();
  return { kind, of, size, depth, key: `${kind}(${keys.join('\n')})` };
}

export const always: Formula = joined('all', []);
export const never: Formula = joined('any', []);

export function isAlways({ key }: Formula): boolean {
  return key === always.key;
}

export function openClause(lossy: Lossy): OpenClause {
  return { kind: 'open', lossy, key: JSON.stringify(lossy) };
}

function fromClaim(claim: Claim): Formula {
  if (isNever(claim)) return never;
  return isWhole(claim) ? always : claim;
}

interface Side {
  readonly kind: Joined['kind'];
  /** One of these settles it. */
  readonly settled: Formula;
  readonly merge: (claims: readonly Claim[]) => Claim;
}

const sides: Readonly<Record<Joined['kind'], Side>> = {
  all: { kind: 'all', settled: never, merge: allOfClaims },
  any: { kind: 'any', settled: always, merge: anyOfClaims },
};

/** One formula for all claims on an attribute, where the first of them stood. */
function mergeClaims(list: readonly Formula[], side: Side): readonly Formula[] {
  const byName = new Map<string, Claim[]>();
  for (const one of list) {
    if (one.kind !== 'claim') continue;
    const same = byName.get(one.name);
    if (same === undefined) byName.set(one.name, [one]);
    else same.push(one);
  }
  return list.flatMap((one) => {
    if (one.kind !== 'claim') return [one];
    const same = byName.get(one.name);
    byName.delete(one.name);
    if (same === undefined) return [];
    return same.length === 1 ? [one] : [fromClaim(side.merge(same))];
  });
}

/**
 * A claim beside a joined child that makes a claim on the same attribute: `a or (b and c)` is `a or ((a or b) and c)`, and
 * likewise with the words changed. So the inner claim goes where it says nothing more, or the child does.
 */
function relax(child: Joined, beside: ReadonlyMap<string, Claim>, side: Side): Formula | undefined {
  const left: Formula[] = [];
  for (const inner of child.of) {
    const outer = inner.kind === 'claim' ? beside.get(inner.name) : undefined;
    if (inner.kind !== 'claim' || outer === undefined) {
      left.push(inner);
      continue;
    }
    const merged = side.merge([outer, inner]);
    if (merged.key === outer.key) return undefined;
    if (fromClaim(merged).key === side.settled.key) continue;
    left.push(side.kind === 'any' && isPresence(merged) ? { ...merged, said: inner.said } : inner);
  }
  return join(child.kind, left);
}

function relaxAll(list: readonly Formula[], side: Side): readonly Formula[] {
  const beside = new Map(list.flatMap((one) => (one.kind === 'claim' ? [[one.name, one] as const] : [])));
  if (beside.size === 0) return list;
  return list.flatMap((one) => {
    if (one.kind === 'claim' || one.kind === 'open') return [one];
    const relaxed = relax(one, beside, side);
    return relaxed === undefined ? [] : [relaxed];
  });
}

/** Two children that differ in one claim become one that joins it: `(a and b) or (a and c)` is `a and (b or c)`. */
function factor(a: Formula, b: Formula, side: Side): Formula | undefined {
  if (a.kind === 'claim' || a.kind === 'open' || b.kind !== a.kind || a.of.length !== b.of.length) return undefined;
  const theirs = new Set(b.of.map(({ key }) => key));
  const [mine, more] = a.of.filter(({ key }) => !theirs.has(key));
  const ours = new Set(a.of.map(({ key }) => key));
  const other = b.of.find(({ key }) => !ours.has(key));
  if (more !== undefined || mine?.kind !== 'claim' || other?.kind !== 'claim' || mine.name !== other.name)
    return undefined;
  return join(
    a.kind,
    a.of.map((one) => (one === mine ? fromClaim(side.merge([mine, other])) : one)),
  );
}

// Each pair is looked at, again after each success.
const MAX_FACTORED = 48;

function factorAll(list: readonly Formula[], side: Side): readonly Formula[] {
  if (list.length > MAX_FACTORED) return list;
  for (const [i, a] of list.entries()) {
    for (const [k, b] of list.entries()) {
      const both = k > i ? factor(a, b, side) : undefined;
      if (both !== undefined) return list.toSpliced(k, 1).with(i, both);
    }
  }
  return list;
}

function join(kind: Joined['kind'], given: readonly Formula[]): Formula {
  const side = sides[kind];
  let list = given;
  for (;;) {
    const flat = list.flatMap((one) => (one.kind === kind ? one.of : [one]));
    const distinct = [...new Map(flat.map((one) => [one.key, one])).values()];
    const merged = mergeClaims(distinct, side).flatMap((one) => (one.kind === kind ? one.of : [one]));
    if (merged.some(({ key }) => key === side.settled.key)) return side.settled;
    const next = factorAll(relaxAll(merged, side), side);
    if (next.length === merged.length && next.every((one, i) => one.key === merged[i]!.key)) return joined(kind, next);
    list = next;
  }
}

export function allOf(list: readonly Formula[]): Formula {
  return join(
    'all',
    list.map((one) => (one.kind === 'claim' ? fromClaim(one) : one)),
  );
}

export function anyOf(list: readonly Formula[]): Formula {
  return join(
    'any',
    list.map((one) => (one.kind === 'claim' ? fromClaim(one) : one)),
  );
}

export function negated(formula: Formula): Formula {
  if (formula.kind === 'open') return formula;
  if (formula.kind === 'claim') return fromClaim(otherClaim(formula));
  return (formula.kind === 'all' ? anyOf : allOf)(formula.of.map(negated));
}

export function claimsIn(formula: Formula): readonly Claim[] {
  if (formula.kind === 'claim') return [formula];
  return formula.kind === 'open' ? [] : formula.of.flatMap(claimsIn);
}

/** The clauses of a formula, each with its attribute. */
export function saidIn(formula: Formula): readonly (readonly [name: string, clause: string])[] {
  return claimsIn(formula).map((claim) => [claim.name, saidText(claim)]);
}

export interface Settled {
  readonly formula: Formula;
  readonly lossy: readonly Lossy[];
}

/** Open clauses taken as true, and named as far as they matter: the formula left has none. */
export function settle(formula: Formula): Settled {
  if (formula.kind === 'open') return { formula: always, lossy: [formula.lossy] };
  if (formula.kind === 'claim') return { formula, lossy: [] };
  const parts = formula.of.map(settle);
  const lossy = parts.flatMap((part) => part.lossy);
  if (formula.kind === 'all') return { formula: allOf(parts.map((part) => part.formula)), lossy };
  if (!parts.some((part) => isAlways(part.formula)))
    return { formula: anyOf(parts.map((part) => part.formula)), lossy };
  const named = [...lossy];
  namedBeside(named, saidIn(formula));
  return { formula: always, lossy: named };
}
