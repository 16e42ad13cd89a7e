// What a value lacks to pass a test: other letters, another type, another side of a bound. One hint per test and value,
// the likeliest; each says what differs and, where it can, what to write instead.

import { ipOf } from '../match/ip.ts';
import { scalarTest, type Value } from '../match/scalar-test.ts';
import { wildcardOf } from '../match/wildcard.ts';
import type { Leaf, NegatedTest, Test } from '../pattern.ts';
import type { Hint } from './hint.ts';
import { addressHint, boundsHint, digitsHint } from './near-number.ts';
import { nodeText, showPath, testText, textValue } from './text.ts';
import { type Field, type Found, type ScalarTree, scalarValue, spotText } from './view.ts';

// Of a list of alternatives and of values, what is tried against each other: enough for a person, and bounded.
const MAX_TESTS = 50;
const MAX_VALUES = 20;
const MAX_TEXT = 4096;

type TextTest = Extract<Test, { readonly value: string }> | { readonly op: 'equals'; readonly value: string };

function isTextTest(test: Test): test is TextTest {
  return test.op !== 'cidr' && 'value' in test && typeof test.value === 'string' && test.value.length <= MAX_TEXT;
}

const lower = (text: string): string => text.toLowerCase();
// Besides blanks, what has no width.
const EDGE = /[\s\x00-\x20\xad\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/;

function trimmed(text: string): string {
  let from = 0;
  let end = text.length;
  while (from < end && EDGE.test(text[from]!)) from++;
  while (end > from && EDGE.test(text[end - 1]!)) end--;
  return text.slice(from, end);
}

function anyCaseForm(test: TextTest): string {
  const text = textValue(test.value);
  if (test.op === 'equals' || test.op === 'exactly') return `; write {"equals-ignore-case": ${text}}`;
  if (test.op === 'wildcard' || test.op === 'equals-ignore-case') return '';
  return `; write {"${test.op}": {"equals-ignore-case": ${text}}}`;
}

interface Relaxation {
  readonly change: (text: string) => string;
  readonly closeness: number;
  readonly says: (test: TextTest) => string;
}

const relaxations: readonly Relaxation[] = [
  { change: lower, closeness: 0.9, says: (test) => `differs only in letter case${anyCaseForm(test)}` },
  {
    change: trimmed,
    closeness: 0.9,
    says: () =>
      'differs only in blanks or invisible characters at an end; trim what is sent, or write them in the rule',
  },
  {
    change: (text) => trimmed(lower(text)),
    closeness: 0.85,
    says: () => 'differs only in letter case and in blanks at an end',
  },
  {
    change: (text) => text.normalize('NFC'),
    closeness: 0.9,
    says: () => 'looks the same, but its accents are composed of other Unicode characters; normalize both to NFC',
  },
];

function relaxedHint(test: TextTest, found: string): Hint | undefined {
  for (const { change, closeness, says } of relaxations) {
    const [wanted, given] = [change(test.value), change(found)];
    if (wanted === test.value && given === found) continue;
    const relaxed: Test =
      test.op === 'equals-ignore-case' ? { op: 'equals', value: lower(wanted) } : { ...test, value: wanted };
    const tried = test.op === 'equals-ignore-case' ? lower(given) : given;
    if (scalarTest(relaxed)(tried)) return { says: says(test), closeness };
  }
  return undefined;
}

/** Whether one insertion, deletion, replacement or swap of neighbours makes `a` of `b`. Linear. */
export function isOneEdit(a: string, b: string): boolean {
  const [long, short] = a.length >= b.length ? [a, b] : [b, a];
  if (long.length - short.length > 1 || a === b) return false;
  let from = 0;
  while (from < short.length && long[from] === short[from]) from++;
  let end = 0;
  while (end < short.length - from && long[long.length - 1 - end] === short[short.length - 1 - end]) end++;
  const left = long.length - from - end;
  if (left <= 1) return true;
  return left === 2 && long.length === short.length && long[from] === short[from + 1] && long[from + 1] === short[from];
}

const DIGIT = /\d/;

/** Not of short words, where one letter is another word, and not of numbers in names, such as order-1 and order-2. */
function isTypo(wanted: string, found: string): boolean {
  if (Math.min(wanted.length, found.length) < 4 || !isOneEdit(wanted, found)) return false;
  let at = 0;
  while (wanted[at] === found[at]) at++;
  return !DIGIT.test(wanted[at] ?? '') && !DIGIT.test(found[at] ?? '');
}

function typoHint(test: TextTest, found: string): Hint | undefined {
  const { op, value } = test;
  const part = op === 'prefix' ? found.slice(0, value.length) : op === 'suffix' ? found.slice(-value.length) : found;
  if (op === 'wildcard' || !isTypo(value, part)) return undefined;
  return { says: `is one letter away from ${textValue(value)}; one of the two may be a typo`, closeness: 0.8 };
}

const WORD = /[\p{L}\p{N}]/u;

/** Whether a word of `whole` ends where `part` does, so that "main" is a part of "refs/heads/main", not of "domain". */
function isCutAt(whole: string, at: number): boolean {
  return !WORD.test(whole[at - 1] ?? '') || !WORD.test(whole[at] ?? '');
}

// What parts words; half a surrogate pair is none.
const MARK = /[^\p{L}\p{N}\ud800-\udfff]/u;

/** So much of the beginning or the end, and the mark that parts it from the rest: so "main" does not take "domain". */
function withMark(whole: string, length: number, begins: boolean): string {
  if (begins) return whole.slice(0, MARK.test(whole[length] ?? '') ? length + 1 : length);
  const from = whole.length - length;
  return whole.slice(MARK.test(whole[from - 1] ?? '') ? from - 1 : from);
}

/** One text is the beginning or the end of the other. */
function partHint(wanted: string, found: string): Hint | undefined {
  const [whole, part] = wanted.length > found.length ? [wanted, found] : [found, wanted];
  if (part.length < 3 || whole.length === part.length) return undefined;
  const begins = whole.startsWith(part) && isCutAt(whole, part.length);
  const ends = whole.endsWith(part) && isCutAt(whole, whole.length - part.length);
  if (!begins && !ends) return undefined;
  const end = begins ? 'beginning' : 'end';
  if (whole === wanted) return { says: `is only the ${end} of what the rule wants`, closeness: 0.5 };
  const text = textValue(withMark(found, part.length, begins));
  const says = begins
    ? `goes on after what the rule wants; write {"prefix": ${text}}`
    : `ends with what the rule wants; write {"suffix": ${text}}`;
  return { says, closeness: 0.6 };
}

/** A star in plain text: meant as a wildcard. */
function starHint(wanted: string, found: string): Hint | undefined {
  if (!wanted.includes('*') || typeof wildcardOf(wanted) === 'string') return undefined;
  if (!scalarTest({ op: 'wildcard', value: wanted })(found)) return undefined;
  const text = textValue(wanted);
  return { says: `a * in plain text stands for itself; write {"wildcard": ${text}}`, closeness: 0.9 };
}

function onText(test: Test, found: string): Hint | undefined {
  if (!isTextTest(test) || found.length > MAX_TEXT) return undefined;
  const relaxed = relaxedHint(test, found);
  if (relaxed !== undefined || test.op === 'wildcard') return relaxed;
  if (test.op === 'equals' || test.op === 'exactly') {
    const hint = starHint(test.value, found) ?? typoHint(test, found);
    return hint ?? partHint(test.value, found);
  }
  return typoHint(test, found);
}

// As JSON writes them, so that the other reading is the one that a person sees.
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

interface OtherReading {
  readonly value: Value;
  readonly kind: string;
  /** As JSON. */
  readonly text: string;
}

/** The same characters as a value of another type. */
function otherReading(node: ScalarTree): OtherReading | undefined {
  if (node.kind !== 'string') {
    const value = node.kind === 'number' ? node.text : String(node.value);
    return { value, kind: 'text', text: textValue(value) };
  }
  if (node.value.length > MAX_TEXT) return undefined;
  const text = trimmed(node.value);
  if (text === 'null') return { value: null, kind: 'null', text };
  if (text === 'true' || text === 'false') return { value: text === 'true', kind: 'a boolean', text };
  if (!NUMBER.test(text)) return undefined;
  const number: ScalarTree = { kind: 'number', text };
  return { value: scalarValue(number), kind: 'a number', text: nodeText(number) };
}

function kindText(node: ScalarTree): string {
  if (node.kind === 'string') return 'text';
  if (node.kind === 'number') return 'a number';
  return node.value === null ? 'null' : 'a boolean';
}

function otherKindHint(test: Test, node: ScalarTree): Hint | undefined {
  if (test.op === 'exists' || test.op === 'anything-but') return undefined;
  const other = otherReading(node);
  if (other === undefined || !scalarTest(test)(other.value)) return undefined;
  const plain = test.op === 'equals' || test.op === 'number-text' || test.op === 'exactly';
  const says = plain
    ? `the rule wants ${other.kind}; write ${nodeText(node)} in the rule, or send ${other.text}`
    : `${test.op} takes only ${other.kind}; send ${other.text} instead`;
  return { says: `is ${kindText(node)}, and ${says}`, closeness: 0.9 };
}

function excludes(test: NegatedTest, value: Value): boolean {
  if (test.op === 'equals') return test.value === value;
  return scalarTest(test.op === 'prefix' || test.op === 'suffix' ? { ...test, ignoreCase: false } : (test as Test))(
    value,
  );
}

/** What a value that is there runs into where a rule wants others, or none. */
function unwantedHint(test: Test, { value }: Found): Hint | undefined {
  if (test.op === 'exists') {
    const says =
      value === null
        ? 'a null is a value, and the rule wants none; to take both, write [{"exists": false}, null]'
        : 'the field is there, and the rule wants it absent';
    return { says, closeness: 0.2 };
  }
  if (test.op !== 'anything-but') return undefined;
  const by = test.not.find((one) => excludes(one, value));
  if (by === undefined) return undefined;
  if (by.op === 'equals') return { says: 'is exactly what the rule excludes', closeness: 0.2 };
  const which = testText(by.op === 'prefix' || by.op === 'suffix' ? { ...by, ignoreCase: false } : (by as Test));
  return { says: `the rule excludes ${which}`, closeness: 0.2 };
}

function hintFor(test: Test, found: Found): Hint | undefined {
  const { node, value } = found;
  const unwanted = unwantedHint(test, found);
  if (unwanted !== undefined) return unwanted;
  if (test.op === 'numeric' && node.kind === 'number') return boundsHint(test.bounds, node.text);
  if (node.kind === 'number') return digitsHint(test, node.text) ?? otherKindHint(test, node);
  const other = otherKindHint(test, node);
  if (other !== undefined || typeof value !== 'string') return other;
  if (test.op === 'cidr') return addressHint(test.value, value);
  // Two addresses are compared as addresses, not letter by letter.
  if (
    test.op === 'equals' &&
    typeof test.value === 'string' &&
    ipOf(test.value) !== undefined &&
    ipOf(value) !== undefined
  ) {
    return undefined;
  }
  return onText(test, value);
}

/** The likeliest hint over the alternatives of a leaf and the values of its field; the first of equals. */
export function nearValue({ anyOf }: Leaf, { values, count }: Field): Hint | undefined {
  let best: Hint | undefined;
  for (const found of values.slice(0, MAX_VALUES)) {
    for (const test of anyOf.slice(0, MAX_TESTS)) {
      const hint = hintFor(test, found);
      if (hint === undefined || hint.closeness <= (best?.closeness ?? 0)) continue;
      // Of several values, which one is meant.
      best =
        count === 1
          ? hint
          : { ...hint, says: `${nodeText(found.node)} at ${showPath(spotText(found.spot))}: ${hint.says}` };
    }
  }
  return best;
}
