// Sets of integers by their decimal text, so that one algebra serves both: an integer is in the set where its text is. What
// comes down to ranges is kept in one form, a list of few integers or a test on ranges; the rest are tests on digits.

import {
  allIntegers,
  commonIntegers,
  countIntegers,
  type IntegerSet,
  integersBetween,
  joinIntegers,
  listIntegers,
  otherIntegers,
} from './integer-set.ts';
import { allOfTexts, anyOfTexts, integerTexts, listedTexts, type TextSet } from './text-set.ts';
import { integerOf, partsOf, type TextTest } from './text-test.ts';

// Up to here a set, or what it leaves out, is a list.
const MAX_LISTED = 64;

/** The text that an integer has in any dialect. */
export function isIntegerText(text: string): boolean {
  const integer = integerOf(text);
  return integer !== undefined && String(integer) === text;
}

/** Integers whose text begins so: the number itself, ten of its next size, a hundred, and so on. */
function integersWithPrefix(prefix: string): IntegerSet {
  if (prefix === '-') return integersBetween(Number.NEGATIVE_INFINITY, -1);
  if (!/^-?(?:0|[1-9][0-9]{0,9})$/.test(prefix) || prefix === '-0') return [];
  const sign = prefix.startsWith('-') ? -1 : 1;
  const first = Math.abs(Number(prefix));
  const sets: IntegerSet[] = [];
  for (let size = 1; size <= 1e9 && (first > 0 || size === 1); size *= 10) {
    const [low, high] = [first * size, first * size + size - 1];
    sets.push(sign === 1 ? integersBetween(low, high) : integersBetween(-high, -low));
  }
  return joinIntegers(sets);
}

/** Undefined where the test is on digits in a way that ranges cannot say. */
function integersOfTest(test: TextTest): IntegerSet | undefined {
  if (test.op === 'integer') return test.set;
  if (test.op === 'prefix' && !test.ignoreCase) return integersWithPrefix(test.value);
  const parts = partsOf(test);
  // An address has a dot or a colon; a test that ignores case has a letter.
  if (parts === undefined) return [];
  return parts.some((part) => /[^-0-9]/.test(part)) ? [] : undefined;
}

/** The integers of a set as ranges; undefined where these cannot say it. */
export function rangesOf(set: TextSet): IntegerSet | undefined {
  switch (set.kind) {
    case 'listed': {
      const listed = [...set.values].filter(isIntegerText).map(Number);
      const joined = joinIntegers(listed.map((value) => [[value, value]]));
      return set.but ? otherIntegers(joined) : joined;
    }
    case 'test': {
      const integers = integersOfTest(set.test);
      return integers !== undefined && set.not ? otherIntegers(integers) : integers;
    }
    default: {
      const parts = set.of.map(rangesOf);
      const known = parts.filter((part) => part !== undefined);
      if (known.length < parts.length) return undefined;
      return set.kind === 'any' ? joinIntegers(known) : known.reduce(commonIntegers, allIntegers);
    }
  }
}

export function integersIn(set: IntegerSet): TextSet {
  if (countIntegers(set) <= MAX_LISTED) return listedTexts(listIntegers(set).map(String));
  const others = otherIntegers(set);
  if (countIntegers(others) <= MAX_LISTED) return listedTexts(listIntegers(others).map(String), true);
  return integerTexts(set);
}

/** The integers whose text is in the set, in the form that makes equal sets look alike; of that form, itself. */
export function integersOf(set: TextSet): TextSet {
  const ranges = rangesOf(set);
  if (ranges !== undefined) return integersIn(ranges);
  if (set.kind !== 'all' && set.kind !== 'any') return set;
  const simpler = (set.kind === 'all' ? allOfTexts : anyOfTexts)(set.of.map(integersOf));
  // A part that ranges cannot say may be gone now: 5_5 and below 0 is nothing. No step adds a part, so this ends.
  return simpler.key === set.key ? set : integersOf(simpler);
}
