// One alternative of a rule's list as EventBridge's own JSON, and whether it takes there exactly what it takes here. Pure.
// What is not known to be taken, or to mean the same, becomes a test that takes more: `exists: true` at the widest.
// Sources: EventBridge User Guide, "Comparison operators for use in event patterns"; event-ruler 2.1.0, run
// (facts of its defects: docs/rules.md, "Where event-ruler errs").

import { ipOf } from '../../router/match/ip.ts';
import type { NegatedTest, Scalar, Test } from '../../router/pattern.ts';

export interface NativeTest {
  readonly json: unknown;
  /** Why it takes more than the rule does; absent when it does not. */
  readonly why?: string;
  readonly fix?: string;
}

export const anyValue = { exists: true };

const widest = (why: string, fix: string): NativeTest => ({ json: anyValue, why, fix });

const ASCII = /^[\x00-\x7f]*$/;

// The guide gives numeric matching 15 digits from -5e9 to 5e9, six of them behind the point. What equals a number is
// compared by its text too, so that plain digits are safe further out.
const NUMERIC_LIMIT = 5e9;
const MAX_DIGITS = 15;

function digitsOf(value: number): number {
  return String(Math.abs(value)).replace('.', '').replace(/^0+/, '').length;
}

function isPlain(value: number): boolean {
  return Number.isSafeInteger(value) || (/^-?\d+\.\d+$/.test(String(value)) && digitsOf(value) <= MAX_DIGITS);
}

function isWithinNumeric(value: number): boolean {
  return Math.abs(value) <= NUMERIC_LIMIT && isPlain(value) && (String(value).split('.')[1] ?? '').length <= 6;
}

const lone = 'has a lone surrogate, which EventBridge reads as a question mark';

/** What no service can be trusted with in a text, or undefined. */
function textProblem(text: string, ignoreCase: boolean): NativeTest | undefined {
  if (!text.isWellFormed()) return widest(lone, 'leave it out');
  if (!ignoreCase || ASCII.test(text)) return undefined;
  return widest('ignores the case of letters beyond ASCII, which services fold differently', 'list the spellings');
}

/** event-ruler keeps the quotes around a text: a prefix that ends in one takes the text that ends there. */
function touchesQuote(op: 'prefix' | 'suffix', text: string): boolean {
  return op === 'prefix' ? text.endsWith('"') : text.startsWith('"');
}

const quoted = 'ends at a quote, which EventBridge confuses with the end of the text';

function scalarTest(value: Scalar): NativeTest {
  if (typeof value === 'string') return textProblem(value, false) ?? { json: value };
  if (typeof value !== 'number' || isPlain(value)) return { json: value };
  return widest(
    `compares with ${value}, whose digits are more than EventBridge is known to compare`,
    'send it as text',
  );
}

function endTest({ op, value, ignoreCase }: Extract<Test, { op: 'prefix' | 'suffix' }>): NativeTest {
  const json = { [op]: ignoreCase ? { 'equals-ignore-case': value } : value };
  const problem = textProblem(value, ignoreCase);
  if (problem !== undefined) return problem;
  return touchesQuote(op, value) ? { json, why: quoted, fix: 'leave the quote out' } : { json };
}

function cidrTest(value: string): NativeTest {
  const [address = '', bits = ''] = value.split('/');
  const json = { cidr: value };
  // Measured: hex digits are compared without a look at their number. 32: all digits of an IPv4 address are fixed.
  if (ipOf(address)?.length === 32 && Number(bits) >= 32) return { json };
  const why = 'also takes addresses of the other IP version that begin with the same bits, as event-ruler reads blocks';
  return { json, why, fix: 'leave it: the handler checks again' };
}

function numericTest({ bounds }: Extract<Test, { op: 'numeric' }>): NativeTest {
  const json = { numeric: bounds.flatMap(({ op, value }) => [op, value === 0 ? 0 : value]) };
  const beyond = bounds.find(({ value }) => !isWithinNumeric(value));
  if (beyond === undefined) return { json };
  const says = `compares with ${beyond.value}; EventBridge compares from -5e9 to 5e9, with 6 digits behind the point`;
  return widest(says, 'send it in a larger unit');
}

function negatedProblem(not: NegatedTest): NativeTest | undefined {
  if (not.op === 'equals') {
    const { why = '', fix = '' } = scalarTest(not.value);
    return why === '' ? undefined : widest(why, fix);
  }
  const problem = textProblem(not.value, not.op === 'equals-ignore-case');
  if (problem !== undefined || (not.op !== 'prefix' && not.op !== 'suffix')) return problem;
  return touchesQuote(not.op, not.value) ? widest(quoted, 'leave the quote out') : undefined;
}

function anythingButTest({ not }: Extract<Test, { op: 'anything-but' }>): NativeTest {
  const problem = not.map(negatedProblem).find((found) => found !== undefined);
  if (problem !== undefined) return problem;
  const values = not.map(({ value }) => value);
  const listed = values.length === 1 ? values[0] : values;
  const op = not[0]?.op ?? 'equals';
  return { json: { 'anything-but': op === 'equals' ? listed : { [op]: listed } } };
}

/** Law: whatever passes the test passes `json`; without `why` the reverse holds too. */
export function nativeTest(test: Test): NativeTest {
  switch (test.op) {
    case 'equals':
      return scalarTest(test.value);
    case 'exactly':
    case 'number-text':
      // Unknown to the service; what lint says of them is the reason that is shown.
      return widest(`has ${test.op}`, 'write a text');
    case 'prefix':
    case 'suffix':
      return endTest(test);
    case 'equals-ignore-case':
      return textProblem(test.value, true) ?? { json: { 'equals-ignore-case': test.value } };
    case 'wildcard':
      return textProblem(test.value, false) ?? { json: { wildcard: test.value } };
    case 'numeric':
      return numericTest(test);
    case 'cidr':
      return cidrTest(test.value);
    case 'exists':
      return { json: { exists: test.value } };
    case 'anything-but':
      return anythingButTest(test);
  }
}

// Beyond this, each pair of texts costs more than the prefix is worth.
const MAX_LISTED = 1_000;

/** A test that takes all that plain texts and prefixes take which begin alike; undefined where there is no such. */
function commonPrefix(tests: readonly Test[]): unknown {
  if (tests.length > MAX_LISTED) return undefined;
  let common: string | undefined;
  for (const test of tests) {
    const isText = test.op === 'equals' && typeof test.value === 'string' && ipOf(test.value) === undefined;
    if (!isText && (test.op !== 'prefix' || test.ignoreCase)) return undefined;
    const text = test.value as string;
    common ??= text;
    let same = 0;
    while (same < common.length && common[same] === text[same]) same++;
    common = common.slice(0, same);
  }
  if (common === undefined || common === '' || !common.isWellFormed() || common.endsWith('"')) return undefined;
  return { prefix: common };
}

/** Alternatives that take all that these take, in fewer characters; undefined where only nothing at all is left. */
export function shorterTests(tests: readonly Test[]): readonly unknown[] | undefined {
  const acceptsAbsence = tests.some((test) => test.op === 'exists' && !test.value);
  return acceptsAbsence ? undefined : [commonPrefix(tests) ?? anyValue];
}
