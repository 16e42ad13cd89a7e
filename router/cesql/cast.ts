// The three types of CESQL and the casts between them. Integers are signed, 32 bits.
// Source: cloudevents/spec cesql@v1.0.0, sections 3.1 and 3.7.

import type { CesqlValue } from './expression.ts';

export type CesqlType = 'String' | 'Integer' | 'Boolean';

export const MAX_INTEGER = 2147483647;
export const MIN_INTEGER = -2147483648;

export function isInteger32(value: number): boolean {
  return Number.isInteger(value) && value >= MIN_INTEGER && value <= MAX_INTEGER;
}

/** What an expression of this type evaluates to when there is an error instead of a value. */
export const zeroValues: Readonly<Record<CesqlType, CesqlValue>> = { String: '', Integer: 0, Boolean: false };

export function typeOf(value: CesqlValue): CesqlType {
  if (typeof value === 'string') return 'String';
  return typeof value === 'number' ? 'Integer' : 'Boolean';
}

const INTEGER = /^[+-]?[0-9]+$/;

function toInteger(value: CesqlValue): number | undefined {
  if (typeof value !== 'string') return Number(value);
  if (!INTEGER.test(value)) return undefined;
  const number = Number(value);
  // + 0: "-0" is 0.
  return isInteger32(number) ? number + 0 : undefined;
}

function toBoolean(value: CesqlValue): boolean | undefined {
  if (typeof value !== 'string') return Boolean(value);
  if (value.length > 5) return undefined;
  const lower = value.toLowerCase();
  return lower === 'true' ? true : lower === 'false' ? false : undefined;
}

/** The value as that type, or undefined if the cast fails; a cast to String never does. */
export function castTo(value: CesqlValue, type: CesqlType): CesqlValue | undefined {
  switch (type) {
    case 'String':
      return String(value);
    case 'Integer':
      return toInteger(value);
    case 'Boolean':
      return toBoolean(value);
  }
}
