// A formula as a pattern. A pattern has one list for each field of an alternative and no 'and' over $or lists, so the
// formula is multiplied out; what all alternatives share stands beside $or.

import type { Entry, Leaf, Pattern } from '../pattern.ts';
import { parsePattern } from '../read-pattern.ts';
import { allOfClaims, anyOfClaims, type Claim, isNever, isWhole, saidText } from './claim.ts';
import { writeLeaf } from './claim-leaf.ts';
import { claimsIn, type Formula, isAlways, never, settle } from './formula.ts';
import { type Converted, distinctLossy, type Lossy, lossyClause, namedBeside } from './lossy.ts';
import { leafText } from './write-pattern.ts';

/** What one alternative asks of each attribute. */
type Branch = ReadonlyMap<string, Claim>;

// As many as a pattern may have.
const MAX_BRANCHES = 1024;
const tooMany = `a pattern has at most ${MAX_BRANCHES} combinations of alternatives; wider: any event`;

/** The rule for every event, and the one for none. */
export const everyEvent: Pattern = existence('id', true);
export const noEvent: Pattern = existence('specversion', false);

function existence(name: string, value: boolean): Pattern {
  return { kind: 'fields', entries: [{ kind: 'field', name, of: { kind: 'leaf', anyOf: [{ op: 'exists', value }] } }] };
}

function bothBranches(a: Branch, b: Branch): Branch | undefined {
  const both = new Map(a);
  for (const [name, claim] of b) {
    const given = both.get(name);
    const joined = given === undefined ? claim : allOfClaims([given, claim]);
    if (isNever(joined)) return undefined;
    both.set(name, joined);
  }
  return both;
}

function multiplied(branches: readonly Branch[], more: readonly Branch[]): readonly Branch[] {
  return branches.flatMap((a) => more.flatMap((b) => bothBranches(a, b) ?? []));
}

/** The formula multiplied out. What would be too much is left out of an 'and', so that the rest takes more. */
function branchesOf(formula: Formula, lossy: Lossy[]): readonly Branch[] {
  if (formula.kind === 'claim') return [new Map([[formula.name, formula]])];
  if (formula.kind === 'open') return [new Map()];
  const giveUp = (part: Formula): void => {
    for (const claim of claimsIn(part)) lossy.push(lossyClause(claim.name, saidText(claim), tooMany));
  };
  if (formula.kind === 'any') {
    const branches = formula.of.flatMap((one) => branchesOf(one, lossy));
    if (branches.length <= MAX_BRANCHES) return branches;
    giveUp(formula);
    return [new Map()];
  }
  // The small ones first, so that what is left out is the largest.
  const parts = formula.of.map((one) => ({ one, branches: branchesOf(one, lossy) }));
  parts.sort((a, b) => a.branches.length - b.branches.length);
  let product: readonly Branch[] = [new Map()];
  for (const { one, branches } of parts) {
    if (product.length * branches.length <= MAX_BRANCHES) product = multiplied(product, branches);
    else giveUp(one);
  }
  return product;
}

/** The attribute in which two branches differ, if it is one; '' where they are the same. */
function onlyDifference(a: Branch, b: Branch): string | undefined {
  if (a.size !== b.size) return undefined;
  const different = [...a].filter(([name, claim]) => b.get(name)?.key !== claim.key);
  const [first] = different;
  if (different.length > 1 || (first !== undefined && !b.has(first[0]))) return undefined;
  return first?.[0] ?? '';
}

// Each pair is looked at, again after each success.
const MAX_JOINED = 64;

function joinBranches(branches: readonly Branch[]): readonly Branch[] {
  if (branches.length > MAX_JOINED) return branches;
  for (const [i, a] of branches.entries()) {
    for (const [k, b] of branches.entries()) {
      const name = k > i ? onlyDifference(a, b) : undefined;
      if (name === undefined) continue;
      const joined = new Map(a);
      if (name !== '') {
        const claim = anyOfClaims([a.get(name)!, b.get(name)!]);
        if (isWhole(claim)) joined.delete(name);
        else joined.set(name, claim);
      }
      return joinBranches(branches.toSpliced(k, 1).with(i, joined));
    }
  }
  return branches;
}

/** Without those that ask for all that another one asks for, and more. */
function withoutCovered(branches: readonly Branch[]): readonly Branch[] {
  if (branches.length > MAX_JOINED) return branches;
  const asksNoMore = (a: Branch, b: Branch): boolean => [...a].every(([name, { key }]) => b.get(name)?.key === key);
  return branches.filter((b) => !branches.some((a) => a.size < b.size && asksNoMore(a, b)));
}

type Fields = ReadonlyMap<string, Leaf>;

/** Below $or the reader takes no name of an operator, as event-ruler. */
function mayStandBelowOr(name: string): boolean {
  const fields = { [name]: ['a'] };
  return parsePattern({ $or: [fields, fields] }, '', []) !== undefined;
}

function writeBranch(branch: Branch, shared: ReadonlySet<string>, lossy: Lossy[]): Fields {
  const fields = new Map<string, Leaf>();
  for (const [name, claim] of branch) {
    const { leaf, wider } = writeLeaf(claim);
    for (const why of wider) lossy.push(lossyClause(name, saidText(claim), why));
    if (shared.has(name) || mayStandBelowOr(name)) fields.set(name, leaf);
    else {
      const why = `no field below $or may have the name of an operator, '${name}'; wider: any value is taken`;
      lossy.push(lossyClause(name, saidText(claim), why));
    }
  }
  return fields;
}

/** Attributes of which every branch asks the same. */
function sharedNames([first, ...rest]: readonly Branch[]): ReadonlySet<string> {
  const shared = [...(first ?? [])].filter(([name, { key }]) => rest.every((branch) => branch.get(name)?.key === key));
  return new Set(shared.map(([name]) => name));
}

function entriesOf(fields: Fields, wanted: (name: string) => boolean): readonly Entry[] {
  return [...fields].flatMap(([name, of]) => (wanted(name) ? [{ kind: 'field', name, of } as const] : []));
}

/** Undefined where a branch is left with nothing but what is shared: then nothing else is asked. */
function alternatives(all: readonly Fields[], shared: ReadonlySet<string>, lossy: Lossy[]): readonly Pattern[] {
  const anyOf = all.map((fields) => entriesOf(fields, (name) => !shared.has(name)));
  if (anyOf.every((entries) => entries.length > 0)) return anyOf.map((entries) => ({ kind: 'fields', entries }));
  const left = all.flatMap((fields) => [...fields]).filter(([name]) => !shared.has(name));
  namedBeside(
    lossy,
    left.map(([name, leaf]) => [name, leafText(leaf)]),
  );
  return [];
}

/** Of at least one branch. */
function writeBranches(branches: readonly Branch[], lossy: Lossy[]): Pattern {
  const shared = sharedNames(branches);
  const all = branches.map((branch) => writeBranch(branch, shared, lossy));
  const entries: Entry[] = [...entriesOf(all[0]!, (name) => shared.has(name))];
  if (all.length > 1) {
    const anyOf = alternatives(all, shared, lossy);
    if (anyOf.length > 0) entries.push({ kind: 'or', anyOf });
  }
  return { kind: 'fields', entries };
}

/** The widest pattern that is safe; by the strict profile. */
export function formulaToPattern(formula: Formula): Converted<Pattern> {
  const settled = settle(formula);
  const lossy = [...settled.lossy];
  if (isAlways(settled.formula)) {
    return { result: lossy.length === 0 ? everyEvent : undefined, lossy: distinctLossy(lossy) };
  }
  // Nothing is less, so nothing was lost.
  if (settled.formula.key === never.key) return { result: noEvent, lossy: [] };
  const branches = withoutCovered(joinBranches(branchesOf(settled.formula, lossy)));
  if (lossy.length === 0 && branches.some(({ size }) => size === 0)) return { result: everyEvent, lossy };
  if (branches.length === 0) return { result: noEvent, lossy: [] };
  const pattern = writeBranches(branches, lossy);
  return { result: pattern.entries.length === 0 ? undefined : pattern, lossy: distinctLossy(lossy) };
}
