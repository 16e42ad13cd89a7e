// One test on a text, with what it takes. Tests that a pattern has too are pattern tests as they are; LIKE with _ and text
// that reads as an integer are CESQL's own. Constructors turn what can be said more simply into its simplest form.

import { castTo } from '../cesql/cast.ts';
import { likeTest } from '../cesql/like.ts';
import { scalarTest } from '../match/scalar-test.ts';
import { wildcardOf } from '../match/wildcard.ts';
import { countIntegers, hasInteger, type IntegerSet } from './integer-set.ts';

export type TextTest =
  | { readonly op: 'prefix' | 'suffix'; readonly value: string; readonly ignoreCase: boolean }
  /** `equals`: an IP address in any spelling; other texts are listed, not tested. */
  | { readonly op: 'equals-ignore-case' | 'wildcard' | 'cidr' | 'equals'; readonly value: string }
  /** With at least one _ that stands for a character. */
  | { readonly op: 'like'; readonly pattern: string }
  /** Text that CESQL casts to an integer of the set. */
  | { readonly op: 'integer'; readonly set: IntegerSet };

export type PatternTextTest = Exclude<TextTest, { readonly op: 'like' | 'integer' }>;

export function isPatternTest(test: TextTest): test is PatternTextTest {
  return test.op !== 'like' && test.op !== 'integer';
}

/** The integer that CESQL casts a text to. */
export function integerOf(text: string): number | undefined {
  return castTo(text, 'Integer') as number | undefined;
}

export function textTestOn(test: TextTest): (text: string) => boolean {
  if (test.op === 'like') return likeTest(test.pattern);
  if (isPatternTest(test)) return scalarTest(test);
  const { set } = test;
  return (text) => {
    const integer = integerOf(text);
    return integer !== undefined && hasInteger(set, integer);
  };
}

/** Whether letter case makes no difference to a text, as far as router/match/fold.ts goes. */
export function hasNoCase(text: string): boolean {
  for (const unit of text.split('')) if (unit.toLowerCase() !== unit || unit.toUpperCase() !== unit) return false;
  return true;
}

/** A wildcard's text. */
export function wildcardText(parts: readonly string[]): string {
  return parts.map((part) => part.replace(/[\\*]/g, '\\$&')).join('*');
}

/** The literal parts with any text between them, of a test that is made so; one part alone has no such gap. */
export function partsOf(test: TextTest): readonly string[] | undefined {
  switch (test.op) {
    case 'prefix':
      return test.ignoreCase ? undefined : [test.value, ''];
    case 'suffix':
      return test.ignoreCase ? undefined : ['', test.value];
    case 'wildcard': {
      const wildcard = wildcardOf(test.value);
      return typeof wildcard === 'string' ? undefined : wildcard.parts;
    }
    case 'like':
      return likeParts(test.pattern).parts;
    default:
      return undefined;
  }
}

/** The texts that begin with the one and end with the other, and are shorter than both together. */
export function overlapsOf(prefix: string, suffix: string): readonly string[] {
  const overlaps: string[] = [];
  for (let shared = 1; shared <= Math.min(prefix.length, suffix.length); shared++) {
    if (prefix.endsWith(suffix.slice(0, shared))) overlaps.push(prefix + suffix.slice(shared));
  }
  return overlaps;
}

/** A LIKE pattern's literal parts; where `exact` is false, some of the gaps take exactly as many characters as it has _. */
export function likeParts(pattern: string): { readonly parts: readonly string[]; readonly exact: boolean } {
  const parts: string[] = [];
  let part = '';
  let exact = true;
  for (let at = 0; at < pattern.length; at++) {
    const unit = pattern[at]!;
    const next = pattern[at + 1];
    if (unit === '\\' && (next === '%' || next === '_')) {
      part += next;
      at++;
    } else if (unit === '%' || unit === '_') {
      if (unit === '_') exact = false;
      parts.push(part);
      part = '';
    } else part += unit;
  }
  parts.push(part);
  return { parts: parts.filter((one, i) => one !== '' || i === 0 || i === parts.length - 1), exact };
}

/** What no text passes, every text passes, or the test itself. */
export function integerTest(set: IntegerSet): TextTest | undefined {
  return countIntegers(set) === 0 ? undefined : { op: 'integer', set };
}
