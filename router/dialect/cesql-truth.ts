// When a CESQL expression is true and when it is false, each as a formula; an error is neither. So a missing attribute or
// a failing cast is in none of the two, and what the left side settles is not looked at further (spec 3.3 and 4.1).

import { castTo } from '../cesql/cast.ts';
import type { CesqlValue, LogicOperator } from '../cesql/expression.ts';
import { allOf, always, anyOf, depthOf, type Formula, never, sizeOf } from './formula.ts';

export interface Truth {
  readonly yes: Formula;
  readonly no: Formula;
  /** Either of the two: there is no error. */
  readonly known: Formula;
}

export const failing: Truth = { yes: never, no: never, known: never };

export function truth(yes: Formula, no: Formula, known: Formula = anyOf([yes, no])): Truth {
  return { yes, no, known };
}

export function constantTruth(value: CesqlValue): Truth {
  const boolean = castTo(value, 'Boolean');
  if (boolean === undefined) return failing;
  return boolean ? truth(always, never) : truth(never, always);
}

export function swapped(given: Truth, not: boolean): Truth {
  return not ? { ...given, yes: given.no, no: given.yes } : given;
}

/** What the left does not settle is known where both are. */
function combine(op: LogicOperator, a: Truth, b: Truth): Truth {
  switch (op) {
    case 'AND': {
      const no = anyOf([a.no, allOf([a.known, b.no])]);
      return truth(allOf([a.yes, b.yes]), no, anyOf([a.no, allOf([a.known, b.known])]));
    }
    case 'OR': {
      const yes = anyOf([a.yes, allOf([a.known, b.yes])]);
      return truth(yes, allOf([a.no, b.no]), anyOf([a.yes, allOf([a.known, b.known])]));
    }
    case 'XOR': {
      const yes = anyOf([allOf([a.yes, b.no]), allOf([a.no, b.yes])]);
      const no = anyOf([allOf([a.yes, b.yes]), allOf([a.no, b.no])]);
      return truth(yes, no, allOf([a.known, b.known]));
    }
  }
}

// A long chain over attributes that may be missing grows by its square, one of XOR doubles with each operand.
const MAX_SIZE = 3000;
const MAX_DEPTH = 40;

function isTooLarge({ yes, no, known }: Truth): boolean {
  const all = [yes, no, known];
  return all.reduce((sum, one) => sum + sizeOf(one), 0) > MAX_SIZE || all.some((one) => depthOf(one) > MAX_DEPTH);
}

/** Halves joined again and again: each operator alone may be read in any grouping, and so long lists grow once a level. */
export function runTruth(op: LogicOperator, operands: readonly Truth[]): Truth | undefined {
  let level = operands;
  while (level.length > 1) {
    const next: Truth[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const [a, b] = [level[i]!, level[i + 1]];
      next.push(b === undefined ? a : combine(op, a, b));
    }
    if (next.some(isTooLarge)) return undefined;
    level = next;
  }
  return level[0];
}
