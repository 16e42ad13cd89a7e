// A set of texts as a formula over tests, kept in a simple form: listed texts are joined, what a wider test takes anyway is
// dropped. Negation is exact and costs nothing, so the whole algebra rests on one union. Two sets with the same key are
// equal; sets with different keys may be equal too, which only makes a conversion say less.

import { isWithin, type Values, valuesOf } from '../lint/values.ts';
import { ipOf } from '../match/ip.ts';
import { commonIntegers, type IntegerSet, joinIntegers, otherIntegers } from './integer-set.ts';
import {
  hasNoCase,
  integerTest,
  isPatternTest,
  likeParts,
  type PatternTextTest,
  type TextTest,
  textTestOn,
  wildcardText,
} from './text-test.ts';

interface Keyed {
  readonly key: string;
}

/** `but`: every text that is not listed. */
export interface ListedTexts extends Keyed {
  readonly kind: 'listed';
  readonly values: ReadonlySet<string>;
  readonly but: boolean;
}

export interface TestedTexts extends Keyed {
  readonly kind: 'test';
  readonly test: TextTest;
  /** Every text that fails the test. */
  readonly not: boolean;
  readonly has: (text: string) => boolean;
}

export interface CombinedTexts extends Keyed {
  readonly kind: 'all' | 'any';
  /** At least two. */
  readonly of: readonly TextSet[];
}

export type TextSet = ListedTexts | TestedTexts | CombinedTexts;

export function listedTexts(values: Iterable<string>, but = false): ListedTexts {
  const set = new Set(values);
  return { kind: 'listed', values: set, but, key: `${but ? 'but' : 'one'}${JSON.stringify([...set].sort())}` };
}

export const noText: ListedTexts = listedTexts([]);
export const everyText: ListedTexts = listedTexts([], true);

function tested(test: TextTest, not: boolean): TestedTexts {
  const passes = textTestOn(test);
  const has = not ? (text: string) => !passes(text) : passes;
  return { kind: 'test', test, not, has, key: `${not ? 'not' : 'is'}${JSON.stringify(keyOf(test))}` };
}

/** Spellings of one address are one test. */
function keyOf(test: TextTest): unknown {
  return test.op === 'equals' ? ['address', ipOf(test.value)] : [test.op, ...Object.values(test)];
}

/** Texts made of the parts with any text between them. */
export function textsOfParts(given: readonly string[]): TextSet {
  const parts = given.filter((part, i) => part !== '' || i === 0 || i === given.length - 1);
  const [head, tail] = [parts[0]!, parts.at(-1)!];
  if (parts.length === 1) return listedTexts([head]);
  if (parts.length > 2 || (head !== '' && tail !== '')) {
    return tested({ op: 'wildcard', value: wildcardText(parts) }, false);
  }
  if (head !== '') return tested({ op: 'prefix', value: head, ignoreCase: false }, false);
  return tail === '' ? everyText : tested({ op: 'suffix', value: tail, ignoreCase: false }, false);
}

export function textsLike(pattern: string): TextSet {
  const { parts, exact } = likeParts(pattern);
  return exact ? textsOfParts(parts) : tested({ op: 'like', pattern }, false);
}

/** Letter case ignored as a pattern ignores it. */
export function foldedTexts(op: 'equals-ignore-case' | 'prefix' | 'suffix', text: string): TextSet {
  if (hasNoCase(text))
    return textsOfParts({ 'equals-ignore-case': [text], prefix: [text, ''], suffix: ['', text] }[op]);
  return tested(op === 'equals-ignore-case' ? { op, value: text } : { op, value: text, ignoreCase: true }, false);
}

/** The text itself, or every spelling of the address that it is. */
export function textsEqual(value: string): TextSet {
  return ipOf(value) === undefined ? listedTexts([value]) : tested({ op: 'equals', value }, false);
}

export function textsInCidr(value: string): TextSet {
  return tested({ op: 'cidr', value }, false);
}

export function integerTexts(set: IntegerSet): TextSet {
  const test = integerTest(set);
  return test === undefined ? noText : tested(test, false);
}

export function hasText(set: TextSet, text: string): boolean {
  switch (set.kind) {
    case 'listed':
      return set.values.has(text) !== set.but;
    case 'test':
      return set.has(text);
    case 'all':
      return set.of.every((one) => hasText(one, text));
    case 'any':
      return set.of.some((one) => hasText(one, text));
  }
}

export function otherTexts(set: TextSet): TextSet {
  switch (set.kind) {
    case 'listed':
      return listedTexts(set.values, !set.but);
    case 'test':
      return tested(set.test, !set.not);
    default:
      return combined(set.kind === 'all' ? 'any' : 'all', set.of.map(otherTexts));
  }
}

function combined(kind: 'all' | 'any', of: readonly TextSet[]): TextSet {
  if (of.length === 1) return of[0]!;
  const keys = of.map(({ key }) => key).sort();
  return { kind, of, key: `${kind}(${keys.join()})` };
}

function joinListed(sets: readonly ListedTexts[]): ListedTexts {
  const listed = new Set(sets.filter(({ but }) => !but).flatMap(({ values }) => [...values]));
  const excluding = sets.filter(({ but }) => but);
  const [first, ...rest] = excluding;
  if (first === undefined) return listedTexts(listed);
  const left = [...first.values].filter((value) => rest.every(({ values }) => values.has(value)) && !listed.has(value));
  return listedTexts(left, true);
}

/** What reads as no integer is in every negated test, so sets under a negation are joined under it. */
function joinIntegerTests(sets: readonly TextSet[]): readonly TextSet[] {
  const others: TextSet[] = [];
  const taken: IntegerSet[] = [];
  const refused: IntegerSet[] = [];
  for (const set of sets) {
    if (set.kind !== 'test' || set.test.op !== 'integer') others.push(set);
    else (set.not ? refused : taken).push(set.test.set);
  }
  const all = joinIntegers(taken);
  if (refused.length === 0) return taken.length === 0 ? others : [...others, integerTexts(all)];
  return [...others, otherTexts(integerTexts(commonIntegers(refused.reduce(commonIntegers), otherIntegers(all))))];
}

/** Of a pattern test alone; the proofs of lint know no other. */
function provable(set: TextSet): Values | undefined {
  if (set.kind !== 'test' || !isPatternTest(set.test)) return undefined;
  const values = valuesOf(set.test satisfies PatternTextTest);
  if (values === undefined || !set.not) return values;
  return { kind: 'but', not: [values], has: (value) => typeof value === 'string' && set.has(value) };
}

function isSubset(a: TextSet, b: TextSet): boolean {
  if (a.key === b.key) return true;
  const [ours, theirs] = [provable(a), provable(b)];
  return ours !== undefined && theirs !== undefined && isWithin(ours, theirs);
}

// Each pair is looked at; longer lists are only freed of what stands there twice.
const MAX_PROVED = 32;

/** Undefined where two of them leave no text out. */
function withoutCovered(sets: readonly TextSet[]): readonly TextSet[] | undefined {
  const distinct = [...new Map(sets.map((set) => [set.key, set])).values()];
  if (distinct.length > MAX_PROVED) return distinct;
  const left: TextSet[] = [];
  for (const [i, set] of distinct.entries()) {
    const others = distinct.filter((_, k) => k !== i);
    if (set.kind === 'test' && others.some((other) => isSubset(otherTexts(set), other))) return undefined;
    const isCovered = others.some((other, k) => isSubset(set, other) && (k < i || !isSubset(other, set)));
    if (!isCovered) left.push(set);
  }
  return left;
}

/** Texts that are in any of the sets. */
export function anyOfTexts(sets: readonly TextSet[]): TextSet {
  const flat = sets.flatMap((set) => (set.kind === 'any' ? set.of : [set]));
  const listed = joinListed(flat.filter((set) => set.kind === 'listed'));
  const tests = joinIntegerTests(flat.filter((set) => set.kind !== 'listed'));
  if (tests.some(({ key }) => key === everyText.key)) return everyText;
  const others = withoutCovered(tests.filter(({ key }) => key !== noText.key));
  if (others === undefined) return everyText;
  const values = [...listed.values].filter((value) => !others.some((other) => hasText(other, value)));
  const left = listedTexts(values, listed.but);
  if (left.but || others.length === 0) return left;
  return combined('any', values.length === 0 ? others : [left, ...others]);
}

/** Texts that are in each of the sets. */
export function allOfTexts(sets: readonly TextSet[]): TextSet {
  return otherTexts(anyOfTexts(sets.map(otherTexts)));
}

/** The set with its lists of texts changed. */
export function withListed(set: TextSet, change: (listed: ListedTexts) => TextSet): TextSet {
  if (set.kind === 'listed') return change(set);
  if (set.kind === 'test') return set;
  const of = set.of.map((one) => withListed(one, change));
  return set.kind === 'all' ? allOfTexts(of) : anyOfTexts(of);
}
