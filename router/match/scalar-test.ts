// One test on one value that is there. The value of a leaf is a string, a boolean, null, a number, or the text of a
// number that no double carries.

import type { Bound, Scalar, Test } from '../pattern.ts';
import { foldTest } from './fold.ts';
import { cidrOf, ipOf } from './ip.ts';
import { wildcardOf, wildcardTest } from './wildcard.ts';

/** A number whose text no double equals. */
export interface NumberText {
  readonly text: string;
}

export type Value = Scalar | NumberText;

export function isNumberText(value: Value): value is NumberText {
  return typeof value === 'object' && value !== null;
}

function withinBound(value: number, bound: Bound): boolean {
  switch (bound.op) {
    case '=':
      return value === bound.value;
    case '<':
      return value < bound.value;
    case '<=':
      return value <= bound.value;
    case '>':
      return value > bound.value;
    case '>=':
      return value >= bound.value;
  }
}

type OnString = (value: string) => boolean;

/** A test that only strings can pass. */
export type StringTest = Extract<Test, { readonly value: string; readonly op: Exclude<Test['op'], 'equals'> }>;

function cidrTest(text: string): OnString {
  const range = cidrOf(text);
  if (typeof range === 'string') return () => false;
  const { low, high } = range;
  return (value) => {
    const ip = ipOf(value);
    return ip !== undefined && ip.length === low.length && ip >= low && ip <= high;
  };
}

function endTest({ op, value: wanted, ignoreCase }: Extract<Test, { op: 'prefix' | 'suffix' }>): OnString {
  if (ignoreCase) {
    const { begins, ends } = foldTest(wanted);
    return op === 'prefix' ? begins : ends;
  }
  return op === 'prefix' ? (value) => value.startsWith(wanted) : (value) => value.endsWith(wanted);
}

/** A test of strings as a function over strings. */
export function stringTest(test: StringTest): OnString {
  switch (test.op) {
    case 'exactly':
      return (value) => value === test.value;
    case 'prefix':
    case 'suffix':
      return endTest(test);
    case 'equals-ignore-case':
      return foldTest(test.value).equals;
    case 'cidr':
      return cidrTest(test.value);
    case 'wildcard': {
      const wildcard = wildcardOf(test.value);
      return typeof wildcard === 'string' ? () => false : wildcardTest(wildcard);
    }
  }
}

function equalsTest(wanted: Scalar): (value: Value) => boolean {
  const ip = typeof wanted === 'string' ? ipOf(wanted) : undefined;
  if (ip === undefined) return (value) => value === wanted;
  return (value) => typeof value === 'string' && (value === wanted || ipOf(value) === ip);
}

/** A test as a function over values that are there; `exists: false` is never true of one. */
export function scalarTest(test: Test): (value: Value) => boolean {
  switch (test.op) {
    case 'equals':
      return equalsTest(test.value);
    case 'number-text':
      return (value) => isNumberText(value) && value.text === test.text;
    case 'numeric':
      return (value) => typeof value === 'number' && test.bounds.every((bound) => withinBound(value, bound));
    case 'exists':
      return () => test.value;
    case 'anything-but':
      return anythingButTest(test);
    default: {
      const matches = stringTest(test);
      return (value) => typeof value === 'string' && matches(value);
    }
  }
}

function anythingButTest({ not }: Extract<Test, { op: 'anything-but' }>): (value: Value) => boolean {
  const listed = new Set<Value>();
  const others: ((value: Value) => boolean)[] = [];
  for (const test of not) {
    // An address literal below anything-but is plain text.
    if (test.op === 'equals') listed.add(test.value);
    else
      others.push(
        scalarTest(test.op === 'prefix' || test.op === 'suffix' ? { ...test, ignoreCase: false } : (test as Test)),
      );
  }
  const [only] = others;
  if (only === undefined) return (value) => !listed.has(value);
  if (others.length === 1) return (value) => !only(value);
  return (value) => {
    for (let i = 0; i < others.length; i++) if (others[i]!(value)) return false;
    return true;
  };
}
