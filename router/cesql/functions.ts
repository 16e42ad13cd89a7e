// The functions of CESQL: their parameters, their result, and what they do. Characters are code points. A function is
// known by its name and the number of its arguments; nobody can add one.
// Source: cloudevents/spec cesql@v1.0.0, section 3.5, and its TCK for INT, BOOL and STRING; IS_INT and IS_BOOL are of the
// drafts before it.

import { type CesqlType, castTo, MAX_INTEGER, MIN_INTEGER } from './cast.ts';
import type { CesqlValue } from './expression.ts';

/** An error that comes with a value of the function's type. */
export interface FunctionFailure {
  readonly kind: 'math' | 'functionEvaluation';
  readonly says: string;
  readonly value: CesqlValue;
}

export interface CesqlFunction {
  readonly name: string;
  readonly takes: readonly (CesqlType | 'Any')[];
  /** Of any further arguments; absent: none may follow. */
  readonly rest?: 'String';
  readonly returns: CesqlType;
  /** The values are already of the types above. Never throws. */
  readonly run: (values: readonly CesqlValue[]) => CesqlValue | FunctionFailure;
}

interface Types {
  readonly String: string;
  readonly Integer: number;
  readonly Boolean: boolean;
  readonly Any: CesqlValue;
}

type Run<T extends readonly (keyof Types)[], R extends CesqlType> = (
  ...values: { readonly [I in keyof T]: Types[T[I]] }
) => Types[R] | FunctionFailure;

function define<const T extends readonly (keyof Types)[], R extends CesqlType>(
  name: string,
  takes: T,
  returns: R,
  run: Run<T, R>,
): CesqlFunction {
  const spread = run as (...values: readonly CesqlValue[]) => CesqlValue | FunctionFailure;
  return { name, takes, returns, run: (values) => spread(...values) };
}

// Far over any attribute. V8 throws on strings over 2^29 characters, and an expression may name a long attribute often.
const MAX_RESULT = 16_777_216;

function joined(delimiter: string, parts: readonly CesqlValue[]): CesqlValue | FunctionFailure {
  const texts = parts.map(String);
  const length = texts.reduce((sum, text) => sum + text.length, delimiter.length * Math.max(0, texts.length - 1));
  if (length <= MAX_RESULT) return texts.join(delimiter);
  return { kind: 'functionEvaluation', says: `the result would be longer than ${MAX_RESULT} characters`, value: '' };
}

const SURROGATE = /[\ud800-\udfff]/;

function lengthOf(text: string): number {
  if (!SURROGATE.test(text)) return text.length;
  let length = 0;
  for (const _ of text) length++;
  return length;
}

/** As String.slice, by characters. */
function slice(text: string, start: number, end?: number): string {
  return SURROGATE.test(text) ? Array.from(text).slice(start, end).join('') : text.slice(start, end);
}

const WHITE_SPACE = /^\p{White_Space}$/u;

// Not String.trim, which takes U+FEFF and leaves U+0085; not one expression over all, which would look back at each blank.
function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && WHITE_SPACE.test(text[start]!)) start++;
  while (end > start && WHITE_SPACE.test(text[end - 1]!)) end--;
  return text.slice(start, end);
}

const negativeCount = (text: string, count: number): FunctionFailure => ({
  kind: 'functionEvaluation',
  says: `cannot take ${count} characters; the number must be 0 or more`,
  value: text,
});

function substring(text: string, from: number, count?: number): string | FunctionFailure {
  const length = lengthOf(text);
  const fail = (says: string): FunctionFailure => ({ kind: 'functionEvaluation', says, value: '' });
  if (from > length || from < -length) {
    return fail(`position ${from} is outside of the ${length} characters; they count from 1, or from -1 at the end`);
  }
  if (count !== undefined && count < 0) return fail(`cannot take ${count} characters; the number must be 0 or more`);
  // From 0 there is nothing: it counts as past the end.
  const start = from > 0 ? from - 1 : length + from;
  return slice(text, start, count === undefined ? undefined : start + count);
}

const definitions: readonly CesqlFunction[] = [
  define('LENGTH', ['String'], 'Integer', lengthOf),
  { name: 'CONCAT', takes: [], rest: 'String', returns: 'String', run: (parts) => joined('', parts) },
  {
    name: 'CONCAT_WS',
    takes: ['String'],
    rest: 'String',
    returns: 'String',
    run: ([delimiter, ...parts]) => joined(String(delimiter), parts),
  },
  define('LOWER', ['String'], 'String', (text) => text.toLowerCase()),
  define('UPPER', ['String'], 'String', (text) => text.toUpperCase()),
  define('TRIM', ['String'], 'String', trimmed),
  define('LEFT', ['String', 'Integer'], 'String', (text, count) =>
    count < 0 ? negativeCount(text, count) : slice(text, 0, count),
  ),
  define('RIGHT', ['String', 'Integer'], 'String', (text, count) =>
    count < 0 ? negativeCount(text, count) : slice(text, Math.max(0, lengthOf(text) - count)),
  ),
  define('SUBSTRING', ['String', 'Integer'], 'String', (text, from) => substring(text, from)),
  define('SUBSTRING', ['String', 'Integer', 'Integer'], 'String', substring),
  define('ABS', ['Integer'], 'Integer', (number) =>
    number === MIN_INTEGER
      ? { kind: 'math', says: `${MIN_INTEGER} has no absolute value of 32 bits`, value: MAX_INTEGER }
      : Math.abs(number),
  ),
  // The cast of the argument is all they do.
  define('INT', ['Integer'], 'Integer', (number) => number),
  define('BOOL', ['Boolean'], 'Boolean', (boolean) => boolean),
  define('STRING', ['String'], 'String', (text) => text),
  define('IS_INT', ['Any'], 'Boolean', (value) => castTo(value, 'Integer') !== undefined),
  define('IS_BOOL', ['Any'], 'Boolean', (value) => castTo(value, 'Boolean') !== undefined),
];

const byName: ReadonlyMap<string, readonly CesqlFunction[]> = Map.groupBy(definitions, ({ name }) => name);

export const functionNames: readonly string[] = [...byName.keys()];

/** The function that a call reaches; undefined if the name is unknown or takes another number of arguments. */
export function functionFor(name: string, count: number): CesqlFunction | undefined {
  const takesSo = ({ takes, rest }: CesqlFunction): boolean =>
    rest === undefined ? takes.length === count : takes.length <= count;
  return byName.get(name)?.find(takesSo);
}

/** "SUBSTRING(String, Integer), SUBSTRING(String, Integer, Integer)"; empty if the name is unknown. */
export function signaturesOf(name: string): string {
  const signature = ({ takes, rest }: CesqlFunction): string =>
    `${name}(${[...takes, ...(rest === undefined ? [] : [`${rest}...`])].join(', ')})`;
  return (byName.get(name) ?? []).map(signature).join(', ');
}
