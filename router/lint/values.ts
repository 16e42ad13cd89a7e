// Leaf tests as sets of values, and what can be proved of them: that one set lies within another, that two do not meet.
// Both answers are one-sided: true is a proof, false only means that none was found. Lint says nothing without a proof.
// The values of a field are strings, numbers, number texts, booleans and null; absence is kept apart (leaf-values.ts).

import { cidrOf, ipOf } from '../match/ip.ts';
import { isNumberText, scalarTest, type Value } from '../match/scalar-test.ts';
import { wildcardOf, wildcardTest } from '../match/wildcard.ts';
import type { NegatedTest, Test } from '../pattern.ts';

/** Whether one value is in the set; exact. */
type Has = (value: Value) => boolean;

export interface Interval {
  readonly low: number;
  readonly high: number;
  readonly withLow: boolean;
  readonly withHigh: boolean;
}

export type Values =
  /** Every value that is there. */
  | { readonly kind: 'any'; readonly has: Has }
  | { readonly kind: 'one'; readonly value: Value; readonly has: Has }
  /** Strings made of the parts with any text between them; one part alone has no such gap. `fold`: ASCII in any case. */
  | { readonly kind: 'text'; readonly parts: readonly string[]; readonly fold: boolean; readonly has: Has }
  /** Letter case beyond ASCII, which no proof here looks into. */
  | { readonly kind: 'folded'; readonly op: string; readonly text: string; readonly has: Has }
  /** Strings that spell an IP address of the range, ends included, in hex. */
  | { readonly kind: 'address'; readonly low: string; readonly high: string; readonly has: Has }
  | ({ readonly kind: 'number'; readonly has: Has } & Interval)
  | { readonly kind: 'but'; readonly not: readonly Values[]; readonly has: Has };

type Text = Extract<Values, { kind: 'text' }>;

const ASCII = /^[\x00-\x7f]*$/;
const LETTER = /[A-Za-z]/;

export const anyValue: Values = { kind: 'any', has: () => true };

export function oneValue(value: Value): Values {
  const has: Has = isNumberText(value)
    ? (other) => isNumberText(other) && other.text === value.text
    : (other) => other === value;
  return { kind: 'one', value, has };
}

/** The parts of a text with gaps; without letters, case says nothing. */
function textValues(parts: readonly string[], op: { readonly fold: boolean; readonly has: Has }): Values {
  const fold = op.fold && parts.some((part) => LETTER.test(part));
  if (!fold && parts.length === 1) return oneValue(parts[0]!);
  return { kind: 'text', parts, fold, has: op.has };
}

function foldedValues(op: string, text: string, { parts, has }: { parts: readonly string[]; has: Has }): Values {
  return ASCII.test(text) ? textValues(parts, { fold: true, has }) : { kind: 'folded', op, text, has };
}

function intervalOf(test: Extract<Test, { op: 'numeric' }>): Interval {
  let interval: Interval = { low: -Infinity, high: Infinity, withLow: false, withHigh: false };
  for (const { op, value } of test.bounds) {
    if (op === '=') interval = { low: value, high: value, withLow: true, withHigh: true };
    else if (op.startsWith('>')) interval = { ...interval, low: value, withLow: op === '>=' };
    else interval = { ...interval, high: value, withHigh: op === '<=' };
  }
  return interval;
}

function equalValues(value: Value): Values {
  const ip = typeof value === 'string' ? ipOf(value) : undefined;
  if (ip === undefined) return oneValue(value);
  return { kind: 'address', low: ip, high: ip, has: (other) => typeof other === 'string' && ipOf(other) === ip };
}

/** Below anything-but an address literal is plain text, and prefix and suffix heed letter case. */
function negatedValues(test: NegatedTest): Values {
  if (test.op === 'equals') return oneValue(test.value);
  return valuesOf(test.op === 'prefix' || test.op === 'suffix' ? { ...test, ignoreCase: false } : (test as Test))!;
}

function cidrValues(text: string, has: Has): Values {
  const range = cidrOf(text);
  return typeof range === 'string' ? { kind: 'folded', op: 'cidr', text, has } : { kind: 'address', ...range, has };
}

/** The values that a test takes; undefined for exists: false, which takes none. */
export function valuesOf(test: Test): Values | undefined {
  const has: Has = scalarTest(test);
  switch (test.op) {
    case 'exists':
      return test.value ? anyValue : undefined;
    case 'equals':
      return equalValues(test.value);
    case 'exactly':
      return oneValue(test.value);
    case 'number-text':
      return oneValue({ text: test.text });
    case 'prefix':
    case 'suffix': {
      const parts = test.op === 'prefix' ? [test.value, ''] : ['', test.value];
      return test.ignoreCase
        ? foldedValues(test.op, test.value, { parts, has })
        : textValues(parts, { fold: false, has });
    }
    case 'equals-ignore-case':
      return foldedValues(test.op, test.value, { parts: [test.value], has });
    case 'wildcard': {
      const wildcard = wildcardOf(test.value);
      if (typeof wildcard === 'string') return { kind: 'folded', op: test.op, text: test.value, has };
      return textValues(wildcard.parts, { fold: false, has });
    }
    case 'cidr':
      return cidrValues(test.value, has);
    case 'numeric': {
      const interval = intervalOf(test);
      return interval.low === interval.high ? oneValue(interval.low) : { kind: 'number', ...interval, has };
    }
    case 'anything-but':
      return { kind: 'but', not: test.not.map(negatedValues), has };
  }
}

/** Every string, and nothing else. */
export function isEveryString(values: Values): boolean {
  return values.kind === 'text' && values.parts.length === 2 && values.parts.join('') === '';
}

/** Sets of strings only; `one` is asked by its value. */
export function areStrings(values: Values): boolean {
  if (values.kind === 'one') return typeof values.value === 'string';
  return values.kind === 'text' || values.kind === 'folded' || values.kind === 'address';
}

// Only the letters that the engine's fold knows for an ASCII unit: toLowerCase() would also take the Kelvin sign for k.
function asciiLower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** A unit that stands in none of the texts: it can meet only a gap. */
function gapUnit(texts: readonly string[]): string {
  let code = 0xe000;
  while (texts.some((text) => text.includes(String.fromCharCode(code)))) code++;
  return String.fromCharCode(code);
}

/** A gap of `a` is written as a unit that `b` can take only into a gap of its own; then any text there fits too. */
function textWithin(a: Text, b: Text): boolean {
  if (a.fold && !b.fold) return false;
  const written = b.fold ? asciiLower : (text: string) => text;
  const [ours, theirs] = [a.parts.map(written), b.parts.map(written)];
  const sample = ours.join(gapUnit([...ours, ...theirs]));
  return wildcardTest({ parts: theirs })(sample);
}

function intervalWithin(a: Interval, b: Interval): boolean {
  const low = a.low > b.low || (a.low === b.low && (b.withLow || !a.withLow));
  const high = a.high < b.high || (a.high === b.high && (b.withHigh || !a.withHigh));
  return low && high;
}

/** Proves that every value of `a` is one of `b`. */
export function isWithin(a: Values, b: Values): boolean {
  if (b.kind === 'any') return true;
  if (a.kind === 'one') return b.has(a.value);
  if (b.kind === 'but') {
    // What is outside `not`: the complement of a larger set is the smaller one.
    if (a.kind === 'but') return b.not.every((out) => a.not.some((ours) => isWithin(out, ours)));
    return b.not.every((out) => areApart(a, out));
  }
  if (isEveryString(b)) return areStrings(a);
  switch (a.kind) {
    case 'text':
      return b.kind === 'text' && textWithin(a, b);
    case 'folded':
      return b.kind === 'folded' && a.op === b.op && a.text === b.text;
    case 'address':
      return b.kind === 'address' && a.low.length === b.low.length && a.low >= b.low && a.high <= b.high;
    case 'number':
      return b.kind === 'number' && intervalWithin(a, b);
    default:
      return false;
  }
}

/** Whether no text begins with both heads; a fold of either side is taken as a fold of both. */
function headsApart(a: string, b: string, fold: boolean): boolean {
  const length = Math.min(a.length, b.length);
  const [ours, theirs] = [a.slice(0, length), b.slice(0, length)];
  return fold ? asciiLower(ours) !== asciiLower(theirs) : ours !== theirs;
}

function tailsApart(a: string, b: string, fold: boolean): boolean {
  const length = Math.min(a.length, b.length);
  const [ours, theirs] = [a.slice(a.length - length), b.slice(b.length - length)];
  return fold ? asciiLower(ours) !== asciiLower(theirs) : ours !== theirs;
}

function textsApart(a: Text, b: Text): boolean {
  const fold = a.fold || b.fold;
  if (headsApart(a.parts[0]!, b.parts[0]!, fold) || tailsApart(a.parts.at(-1)!, b.parts.at(-1)!, fold)) return true;
  const least = (text: Text): number => text.parts.reduce((sum, part) => sum + part.length, 0);
  if (a.parts.length === 1 && b.parts.length === 1) return least(a) !== least(b);
  if (a.parts.length === 1) return least(a) < least(b);
  return b.parts.length === 1 && least(b) < least(a);
}

const NOT_OF_ADDRESSES = /[^0-9A-Fa-f:.]/;

function apartInOrder(a: Values, b: Values): boolean {
  if (a.kind === 'one') return !b.has(a.value);
  if (a.kind === 'but') return a.not.some((out) => isWithin(b, out));
  if (a.kind === 'number') {
    if (b.kind !== 'number') return areStrings(b);
    return a.high < b.low || (a.high === b.low && !(a.withHigh && b.withLow));
  }
  if (a.kind === 'text' && b.kind === 'text') return textsApart(a, b);
  if (a.kind !== 'address') return false;
  if (b.kind === 'address') return a.low.length !== b.low.length || a.high < b.low;
  return b.kind === 'text' && b.parts.some((part) => NOT_OF_ADDRESSES.test(part));
}

/** Proves that no value is in both. */
export function areApart(a: Values, b: Values): boolean {
  return apartInOrder(a, b) || apartInOrder(b, a);
}

/** Proves that every value of `a` is in one of the sets; one set is enough, or the rest fills what an anything-but leaves. */
export function isCovered(a: Values, sets: readonly Values[]): boolean {
  if (sets.some((set) => isWithin(a, set))) return true;
  const taken = a.kind === 'but' ? a.not : [];
  return sets.some((set, i) => {
    if (set.kind !== 'but' || (a.kind !== 'but' && a.kind !== 'any')) return false;
    const others = sets.toSpliced(i, 1);
    const left = set.not.filter((out) => !taken.some((ours) => isWithin(out, ours)));
    return left.every((out) => others.some((other) => isWithin(out, other)));
  });
}
