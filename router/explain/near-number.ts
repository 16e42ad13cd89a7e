// How far a number lies outside its bounds, and an address outside its range.

import { cidrOf, ipOf } from '../match/ip.ts';
import { comparableNumber } from '../match/number-text.ts';
import type { Bound, Test } from '../pattern.ts';
import type { Hint } from './hint.ts';

/** How far a value lies on the wrong side of a bound; 0 where it is the bound itself, undefined where it is within. */
function beyond(value: number, { op, value: bound }: Bound): number | undefined {
  if (op === '=') return value === bound ? undefined : Math.abs(value - bound);
  const over = op === '<' || op === '<=' ? value - bound : bound - value;
  if (over > 0) return over;
  return over === 0 && (op === '<' || op === '>') ? 0 : undefined;
}

/** Without the last digits, where a difference of doubles has noise. */
function plain(value: number): string {
  return String(Number(value.toPrecision(12)));
}

export function boundsHint(bounds: readonly Bound[], text: string): Hint | undefined {
  const value = comparableNumber(text);
  if (value === undefined) {
    return { says: 'this number has more digits than a double carries, so numeric does not take it', closeness: 0.3 };
  }
  for (const bound of bounds) {
    const by = beyond(value, bound);
    if (by === undefined) continue;
    if (by === 0) {
      return { says: `is the bound itself, which ${bound.op} leaves out; write ${bound.op}=`, closeness: 0.8 };
    }
    const side = value > bound.value ? 'above' : 'below';
    // A tenth of the bound counts as just outside.
    const closeness = by <= Math.max(1, Math.abs(bound.value) / 10) ? 0.5 : 0.2;
    return { says: `is ${plain(by)} ${side} ${bound.value}`, closeness };
  }
  return undefined;
}

/** Numbers that are one double and not the same text. */
export function digitsHint(test: Test, text: string): Hint | undefined {
  if (test.op !== 'number-text' && !(test.op === 'equals' && typeof test.value === 'number')) return undefined;
  const wanted = test.op === 'number-text' ? Number(test.text) : test.value;
  if (wanted !== Number(text)) return undefined;
  return {
    says: 'numbers with more digits than a double carries are equal only when written with the same characters',
    closeness: 0.7,
  };
}

function addressText(hex: string): string {
  const size = hex.length === 8 ? 2 : 4;
  const parts = Array.from({ length: hex.length / size }, (_, i) =>
    Number.parseInt(hex.slice(i * size, (i + 1) * size), 16),
  );
  return size === 2 ? parts.join('.') : parts.map((part) => part.toString(16)).join(':');
}

// host:port and [host]:port, as logs and proxies write an address
const WITH_PORT = /^(?:\[([^\]]+)\]|([\d.]+)):\d{1,5}$/;

export function addressHint(cidr: string, found: string): Hint | undefined {
  const range = cidrOf(cidr);
  if (typeof range === 'string') return undefined;
  if (found.length > 64) return { says: 'is not an address', closeness: 0.1 };
  const ported = WITH_PORT.exec(found);
  const bare = ipOf(ported?.[1] ?? ported?.[2] ?? found.trim());
  if (bare === undefined) return { says: 'is not an address', closeness: 0.1 };
  if (bare.length !== range.low.length) {
    return {
      says: `is an IPv${bare.length === 8 ? 4 : 6} address, and the range is of the other kind`,
      closeness: 0.2,
    };
  }
  const inside = bare >= range.low && bare <= range.high;
  if (inside) return { says: 'would be within the range without its port or blanks', closeness: 0.8 };
  const side = bare < range.low ? 'below' : 'above';
  return {
    says: `is ${side} the range, which goes from ${addressText(range.low)} to ${addressText(range.high)}`,
    closeness: 0.3,
  };
}
