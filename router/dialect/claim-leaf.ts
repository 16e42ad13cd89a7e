// A claim as a pattern's leaf list. A list is 'or' only, and knows no negation but anything-but, which takes every value of
// another type; so what a list cannot say is widened, and each widening is told in words.

import { ipOf } from '../match/ip.ts';
import type { Bound, Leaf, NegatedTest, Test } from '../pattern.ts';
import { testJson } from '../pattern-json.ts';
import { type Claim, isAlwaysText, isNever, isPresence, presentPart } from './claim.ts';
import { allIntegers, countIntegers, type IntegerSet, listIntegers } from './integer-set.ts';
import { rangesOf } from './integer-text.ts';
import { everyText, type TextSet } from './text-set.ts';
import { isPatternTest, overlapsOf, partsOf, type TextTest, wildcardText } from './text-test.ts';

export interface WrittenLeaf {
  readonly leaf: Leaf;
  /** What the leaf takes that the claim does not; empty when it is exact. */
  readonly wider: readonly string[];
}

interface Writing {
  /** Every value that is no text is taken anyway, so that anything-but may be written. */
  readonly mayNegate: boolean;
  readonly wider: Set<string>;
}

const everyTextTest: Test = { op: 'prefix', value: '', ignoreCase: false };

/** A wildcard without a star is the one exact test for a text that spells an address. */
function exactly(value: string): Test {
  return ipOf(value) === undefined ? { op: 'equals', value } : { op: 'wildcard', value: wildcardText([value]) };
}

function widened(writing: Writing, says: string, tests: readonly Test[] = [everyTextTest]): readonly Test[] {
  writing.wider.add(says);
  return tests;
}

// ---- texts ----

function wildcardOfParts(parts: readonly string[]): Test {
  const [head, tail] = [parts[0]!, parts.at(-1)!];
  if (parts.length > 2 || (head !== '' && tail !== '')) return { op: 'wildcard', value: wildcardText(parts) };
  if (head !== '') return { op: 'prefix', value: head, ignoreCase: false };
  return { op: 'suffix', value: tail, ignoreCase: false };
}

function positiveTests(test: TextTest, writing: Writing): readonly Test[] {
  if (isPatternTest(test)) return [test];
  if (test.op === 'like') {
    const says = 'a pattern has nothing for exactly one character (_); wider: any number of characters is taken there';
    return widened(writing, says, [wildcardOfParts(partsOf(test)!)]);
  }
  const [first, second] = countIntegers(test.set) <= 2 ? listIntegers(test.set) : [];
  if (first === undefined || second !== undefined) {
    return widened(writing, 'a pattern does not read text as a number; wider: any text is taken');
  }
  const digits = String(Math.abs(first));
  const says = `a pattern does not read text as a number; wider: any text that ends in ${digits} is taken`;
  return widened(writing, says, [{ op: 'suffix', value: digits, ignoreCase: false }]);
}

/** What anything-but has to hold, or undefined where it has no such operator. */
function negatedTests(set: TextSet): readonly NegatedTest[] | undefined {
  if (set.kind === 'listed') return [...set.values].map((value) => ({ op: 'equals', value }));
  if (set.kind !== 'test') return undefined;
  const { test } = set;
  if (test.op === 'equals-ignore-case' || test.op === 'wildcard') return [{ op: test.op, value: test.value }];
  if ((test.op === 'prefix' || test.op === 'suffix') && !test.ignoreCase) return [{ op: test.op, value: test.value }];
  return undefined;
}

/** An anything-but holds one operator; a wildcard says the others that heed letter case. */
function underOneOperator(not: readonly NegatedTest[]): readonly NegatedTest[] | undefined {
  if (new Set(not.map(({ op }) => op)).size <= 1) return not;
  if (not.some(({ op }) => op === 'equals-ignore-case')) return undefined;
  return not.map((one) => {
    const { op, value } = one as { readonly op: NegatedTest['op']; readonly value: string };
    if (op === 'wildcard') return { op, value };
    const parts = { equals: [value], prefix: [value, ''], suffix: ['', value] }[op as 'equals' | 'prefix' | 'suffix'];
    return { op: 'wildcard', value: wildcardText(parts) };
  });
}

/** Texts that none of the sets, each negated, holds. Dropping one of them takes more texts. */
function allNegated(sets: readonly TextSet[], writing: Writing): readonly Test[] {
  const known = sets.map(negatedTests).filter((not) => not !== undefined);
  if (known.length < sets.length) {
    writing.wider.add('anything-but has no such operator; wider: what it would leave out is taken');
  }
  if (known.length === 0) return [writing.mayNegate ? { op: 'exists', value: true } : everyTextTest];
  const folded = known.filter(([first]) => first?.op === 'equals-ignore-case');
  const others = known.filter(([first]) => first?.op !== 'equals-ignore-case');
  if (folded.length > 0 && others.length > 0) {
    writing.wider.add('anything-but holds one operator; wider: what equals-ignore-case would leave out is taken');
  }
  const not = underOneOperator((others.length > 0 ? others : folded).flat())!;
  if (not.length === 0) return [writing.mayNegate ? { op: 'exists', value: true } : everyTextTest];
  if (!writing.mayNegate) {
    writing.wider.add('anything-but takes every value that is no text; wider: so do integers and booleans here');
  }
  return [{ op: 'anything-but', not }];
}

function isNegated(set: TextSet): boolean {
  return (set.kind === 'listed' && set.but) || (set.kind === 'test' && set.not);
}

/** Begins so and ends so: with a star between, and where both share characters, the texts that are shorter than both. */
function bothEnds(sets: readonly TextSet[]): readonly Test[] | undefined {
  const [a, b, more] = sets.map((set) => (set.kind === 'test' && !set.not ? set.test : undefined));
  if (sets.length !== 2 || more !== undefined || a === undefined || b === undefined) return undefined;
  const [prefix, suffix] = a.op === 'prefix' ? [a, b] : [b, a];
  if (prefix.op !== 'prefix' || suffix.op !== 'suffix' || prefix.ignoreCase || suffix.ignoreCase) return undefined;
  const overlaps = overlapsOf(prefix.value, suffix.value).map(exactly);
  return [{ op: 'wildcard', value: wildcardText([prefix.value, suffix.value]) }, ...overlaps];
}

/** How much a set asks for, by the length of what is fixed. */
function weight(set: TextSet): number {
  switch (set.kind) {
    case 'listed':
      return set.but ? 0 : Number.MAX_VALUE;
    case 'any':
      return set.of.reduce((least, one) => Math.min(least, weight(one)), Number.MAX_VALUE);
    case 'all':
      return set.of.reduce((most, one) => Math.max(most, weight(one)), 0);
    case 'test':
      if (set.not || set.test.op === 'integer') return 0;
      return (partsOf(set.test) ?? [JSON.stringify(set.test)]).join('').length;
  }
}

/** A list has no 'and' on one field: the conjunct that asks for most is kept. */
function conjunction(sets: readonly TextSet[], writing: Writing): readonly Test[] {
  if (sets.every(isNegated)) return allNegated(sets, writing);
  const ends = bothEnds(sets);
  if (ends !== undefined) return ends;
  const positive = sets.filter((set) => !isNegated(set));
  const [kept] = positive.toSorted((a, b) => weight(b) - weight(a));
  const tests = bothEnds(positive) ?? textTests(kept!, writing);
  const asked = `[${tests.map(testJson).join(',')}]`;
  const says = `a field's list is 'or' only, and no operator says 'and' on one field; wider: of the text only ${asked} is asked`;
  return widened(writing, says, tests);
}

function textTests(set: TextSet, writing: Writing): readonly Test[] {
  if (set.key === everyText.key) return [everyTextTest];
  if (isNegated(set)) return allNegated([set], writing);
  switch (set.kind) {
    case 'listed':
      return [...set.values].map(exactly);
    case 'test':
      return positiveTests(set.test, writing);
    case 'any':
      return set.of.flatMap((one) => textTests(one, writing));
    case 'all':
      return conjunction(set.of, writing);
  }
}

// ---- integers ----

function rangeTest([low, high]: IntegerSet[number]): Test {
  if (low === high) return { op: 'equals', value: low };
  const [[least, most]] = allIntegers as readonly [IntegerSet[number]];
  const bounds: Bound[] = [];
  if (low !== least || high === most) bounds.push({ op: '>=', value: low });
  if (high !== most) bounds.push({ op: '<=', value: high });
  return { op: 'numeric', bounds };
}

function integerTests(integers: TextSet, writing: Writing): readonly Test[] {
  const ranges = rangesOf(integers);
  if (ranges !== undefined) return ranges.map(rangeTest);
  const says = 'a pattern does not compare a number as text; wider: every integer is taken';
  return widened(writing, says, allIntegers.map(rangeTest));
}

// ---- claims ----

function isEvery(set: TextSet): boolean {
  return set.key === everyText.key;
}

/** Every text, both booleans, and all integers but few. */
function exceptIntegers({ text, integers, yes, no }: Claim): readonly Test[] | undefined {
  if (!isEvery(text) || !yes || !no || integers.kind !== 'listed' || !integers.but) return undefined;
  return [{ op: 'anything-but', not: [...integers.values].map((value) => ({ op: 'equals', value: Number(value) })) }];
}

function presentTests(claim: Claim, wider: Set<string>): readonly Test[] {
  const { name, text, integers, yes, no } = claim;
  if (isNever(claim)) return [];
  if (isPresence(claim)) return [{ op: 'exists', value: true }];
  const others = exceptIntegers(claim);
  if (others !== undefined && !isAlwaysText(name)) return others;
  const mayNegate = isAlwaysText(name) || (isEvery(integers) && yes && no);
  const writing = { mayNegate, wider };
  const texts = textTests(text, writing);
  const takesOthers = texts.some(({ op }) => op === 'anything-but' || op === 'exists');
  if (takesOthers) return texts;
  if (mayNegate && !isAlwaysText(name) && texts.includes(everyTextTest)) return [{ op: 'exists', value: true }];
  return [
    ...texts,
    ...integerTests(integers, writing),
    ...(yes ? [{ op: 'equals', value: true } as const] : []),
    ...(no ? [{ op: 'equals', value: false } as const] : []),
  ];
}

/** For a claim that takes something. */
export function writeLeaf(claim: Claim): WrittenLeaf {
  const wider = new Set<string>();
  const absence: readonly Test[] = claim.absent ? [{ op: 'exists', value: false }] : [];
  const anyOf = [...absence, ...presentTests(presentPart(claim), wider)];
  return { leaf: { kind: 'leaf', anyOf }, wider: [...wider] };
}
