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

function ofStrings(matches: OnString): (value: Value) => boolean {
  return (value) => typeof value === 'string' && matches(value);
}

function equalsTest(wanted: Scalar): (value: Value) => boolean {
  const ip = typeof wanted === 'string' ? ipOf(wanted) : undefined;
  return ip === undefined ? (value) => value === wanted : ofStrings((value) => value === wanted || ipOf(value) === ip);
}

function cidrTest(text: string): (value: Value) => boolean {
  const range = cidrOf(text);
  if (typeof range === 'string') return () => false;
  const { low, high } = range;
  return ofStrings((value) => {
    const ip = ipOf(value);
    return ip !== undefined && ip.length === low.length && ip >= low && ip <= high;
  });
}

function endTest({ op, value: wanted, ignoreCase }: Extract<Test, { op: 'prefix' | 'suffix' }>) {
  if (ignoreCase) {
    const { begins, ends } = foldTest(wanted);
    return ofStrings(op === 'prefix' ? begins : ends);
  }
  return ofStrings(op === 'prefix' ? (value) => value.startsWith(wanted) : (value) => value.endsWith(wanted));
}

function wildcardOn(text: string): (value: Value) => boolean {
  const wildcard = wildcardOf(text);
  return typeof wildcard === 'string' ? () => false : ofStrings(wildcardTest(wildcard));
}

/** A test as a function over values that are there; `exists: false` is never true of one. */
export function scalarTest(test: Test): (value: Value) => boolean {
  switch (test.op) {
    case 'equals':
      return equalsTest(test.value);
    case 'exactly':
      return (value) => value === test.value;
    case 'number-text':
      return (value) => isNumberText(value) && value.text === test.text;
    case 'prefix':
    case 'suffix':
      return endTest(test);
    case 'equals-ignore-case':
      return ofStrings(foldTest(test.value).equals);
    case 'wildcard':
      return wildcardOn(test.value);
    case 'numeric':
      return (value) => typeof value === 'number' && test.bounds.every((bound) => withinBound(value, bound));
    case 'cidr':
      return cidrTest(test.value);
    case 'exists':
      return () => test.value;
    case 'anything-but':
      return anythingButTest(test);
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
