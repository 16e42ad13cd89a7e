// The operators of EventBridge's pattern language on one value of an event, as the User Guide and measurements of
// event-ruler 2.1.0 describe them. Written apart from the router's matcher, against which it is held.
// Sources: EventBridge User Guide, "Comparison operators for use in event patterns" (read 2026-11-21).

import { RouterError } from '../../router/errors.ts';
import type { Json } from './eventbridge-json.ts';

/** A string, number, true, false or null of an event. */
export type Value = Exclude<Json, { kind: 'object' | 'array' }>;
export type Operator = (value: Value) => boolean;

/** Why PutRule refuses the pattern. */
export function badPattern(says: string): never {
  throw new RouterError('PATTERN_INVALID', says);
}

interface Decimal {
  readonly mantissa: bigint;
  readonly exponent: number;
}

function decimalOf(text: string): Decimal {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = /^(-?)(\d+)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text)!;
  return {
    mantissa: BigInt(`${whole}${fraction}`) * (sign === '-' ? -1n : 1n),
    exponent: Number(exponent) - fraction.length,
  };
}

function sameDecimal(a: Decimal, b: Decimal): boolean {
  const low = Math.min(a.exponent, b.exponent);
  const scaled = ({ mantissa, exponent }: Decimal): bigint => mantissa * 10n ** BigInt(exponent - low);
  return scaled(a) === scaled(b);
}

/** The number that both sides can compare: its shortest decimal must be the very decimal that is written. */
function comparable(text: string): number | undefined {
  const value = Number(text);
  if (!Number.isFinite(value)) return undefined;
  const written = decimalOf(text);
  if (value === 0) return written.mantissa === 0n ? 0 : undefined;
  return sameDecimal(written, decimalOf(String(value))) ? value : undefined;
}

/** IPv4 in four decimal parts, IPv6 in groups; as digits of hex, so that spellings of an address are equal. */
function addressOf(text: string): string | undefined {
  if (/^\d+(?:\.\d+){3}$/.test(text) && text.length <= 15) {
    const parts = text.split('.').map(Number);
    return parts.some((part) => part > 255)
      ? undefined
      : parts.map((part) => part.toString(16).padStart(2, '0')).join('');
  }
  if (!/^[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,8}$/.test(text)) return undefined;
  const sides = text.split('::').map((side) => (side === '' ? [] : side.split(':')));
  const [head = [], tail = [], more] = sides;
  const gap = 8 - head.length - tail.length;
  if (more !== undefined || [...head, ...tail].includes('') || (sides.length === 1 ? gap !== 0 : gap < 1))
    return undefined;
  const groups = [...head, ...new Array<string>(gap).fill('0'), ...tail].map((group) =>
    group.toLowerCase().padStart(4, '0'),
  );
  const digits = groups.join('');
  return /^0{20}ffff/.test(digits) ? digits.slice(24) : digits;
}

function blockOf(text: string): Operator {
  const [address = '', mask = '', more] = text.split('/');
  const digits = addressOf(address);
  const bits = /^\d{1,3}$/.test(mask) ? Number(mask) : Number.NaN;
  if (more !== undefined || digits === undefined || !(bits < digits.length * 4)) badPattern(`cidr ${text}`);
  const shift = BigInt(digits.length * 4 - bits);
  const wanted = BigInt(`0x${digits}`) >> shift;
  return onString((found) => {
    const other = addressOf(found);
    return other !== undefined && other.length === digits.length && BigInt(`0x${other}`) >> shift === wanted;
  });
}

function onString(test: (text: string) => boolean): Operator {
  return (value) => value.kind === 'string' && test(value.text);
}

/** Each letter in its lower or its upper case; the rest of `found`, or undefined. */
function afterFolded(wanted: string, found: string): string | undefined {
  let rest = found;
  for (const letter of wanted) {
    const form = [letter.toLowerCase(), letter.toUpperCase()].find((one) => rest.startsWith(one));
    if (form === undefined) return undefined;
    rest = rest.slice(form.length);
  }
  return rest;
}

const reversed = (text: string): string => [...text].reverse().join('');

/** Stars as null. */
function partsOf(wildcard: string): (string | null)[] {
  const parts: (string | null)[] = [];
  for (let at = 0; at < wildcard.length; at++) {
    const sign = wildcard[at]!;
    if (sign === '*') {
      if (parts.at(-1) === null) badPattern('two stars in a row');
      parts.push(null);
    } else if (sign === '\\') {
      const escaped = wildcard[++at];
      if (escaped !== '*' && escaped !== '\\') badPattern('a bad escape');
      parts.push(escaped);
    } else parts.push(sign);
  }
  return parts;
}

/** Letter by letter; after a failure the last star takes one letter more. */
function globMatches(parts: readonly (string | null)[], text: string): boolean {
  let [part, at, star, from] = [0, 0, -1, 0];
  while (at < text.length) {
    if (part < parts.length && parts[part] === null) [star, from, part] = [part, at, part + 1];
    else if (part < parts.length && parts[part] === text[at]) [part, at] = [part + 1, at + 1];
    else if (star >= 0) [part, from, at] = [star + 1, from + 1, from + 1];
    else return false;
  }
  return parts.slice(part).every((one) => one === null);
}

function textOf(json: Json, what: string): string {
  if (json.kind !== 'string') badPattern(`${what} takes a string`);
  return json.text;
}

function soleMember(json: Json, what: string): readonly [string, Json] {
  if (json.kind !== 'object' || json.members.length !== 1) badPattern(`${what} takes one operator`);
  return json.members[0]!;
}

function endOperator(op: 'prefix' | 'suffix', json: Json): Operator {
  const turned = op === 'prefix' ? (text: string) => text : reversed;
  if (json.kind === 'string') return onString((found) => turned(found).startsWith(turned(json.text)));
  const [name, inner] = soleMember(json, op);
  if (name !== 'equals-ignore-case') badPattern(`${op} with ${name}`);
  const wanted = turned(textOf(inner, name));
  return onString((found) => afterFolded(wanted, turned(found)) !== undefined);
}

const orders: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '=': (a, b) => a === b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

function numericOperator(json: Json): Operator {
  if (json.kind !== 'array' || (json.items.length !== 2 && json.items.length !== 4)) badPattern('numeric');
  const bounds: (readonly [string, number])[] = [];
  for (let at = 0; at < json.items.length; at += 2) {
    const op = textOf(json.items[at]!, 'numeric');
    const operand = json.items[at + 1]!;
    const value = operand.kind === 'number' ? comparable(operand.text) : undefined;
    if (!Object.hasOwn(orders, op) || value === undefined) badPattern('numeric takes an operator and a number');
    bounds.push([op, value]);
  }
  const [low, high] = bounds;
  if (low !== undefined && high !== undefined) {
    const inOrder = low[0].startsWith('>') && high[0].startsWith('<') && low[1] < high[1];
    if (!inOrder) badPattern('numeric takes the lower bound first');
  }
  return (value) => {
    const number = value.kind === 'number' ? comparable(value.text) : undefined;
    return number !== undefined && bounds.every(([op, bound]) => orders[op]!(number, bound));
  };
}

/** A value of the pattern. A number is compared by value where both can be, else by its text. */
function equalTo(wanted: Value, addresses: boolean): Operator {
  if (wanted.kind === 'string') {
    const address = addresses ? addressOf(wanted.text) : undefined;
    return onString((found) => found === wanted.text || (address !== undefined && addressOf(found) === address));
  }
  if (wanted.kind === 'word') return (value) => value.kind === 'word' && value.value === wanted.value;
  const number = comparable(wanted.text);
  return (value) =>
    value.kind === 'number' && (number === undefined ? value.text === wanted.text : comparable(value.text) === number);
}

const negatable: Readonly<Record<string, (json: Json) => Operator>> = {
  prefix: (json) => endOperator('prefix', { kind: 'string', text: notEmpty(textOf(json, 'prefix')) }),
  suffix: (json) => endOperator('suffix', { kind: 'string', text: notEmpty(textOf(json, 'suffix')) }),
  'equals-ignore-case': (json) => operators['equals-ignore-case']!(json),
  wildcard: (json) => operators['wildcard']!(json),
};

function notEmpty(text: string): string {
  if (text === '') badPattern('an empty text in anything-but');
  return text;
}

const itemsOf = (json: Json): readonly Json[] => (json.kind === 'array' ? json.items : [json]);

function anythingBut(json: Json): Operator {
  let items: readonly Operator[];
  if (json.kind === 'object') {
    const [name, inner] = soleMember(json, 'anything-but');
    const known = Object.hasOwn(negatable, name) ? negatable[name] : undefined;
    if (known === undefined) badPattern(`anything-but with ${name}`);
    items = itemsOf(inner).map(known);
  } else {
    const listed = itemsOf(json);
    const kinds = new Set(listed.map(({ kind }) => kind));
    if (kinds.size !== 1 || !(kinds.has('string') || kinds.has('number'))) badPattern('anything-but mixes types');
    const beyond = listed.some((item) => item.kind === 'number' && comparable(item.text) === undefined);
    if (beyond) badPattern('anything-but with a number that cannot be compared');
    items = listed.map((item) => equalTo(item as Value, false));
  }
  if (items.length === 0) badPattern('anything-but of nothing');
  return (value) => !items.some((matches) => matches(value));
}

const operators: Readonly<Record<string, (json: Json) => Operator>> = {
  prefix: (json) => endOperator('prefix', json),
  suffix: (json) => endOperator('suffix', json),
  'equals-ignore-case': (json) => {
    const wanted = textOf(json, 'equals-ignore-case');
    return onString((found) => afterFolded(wanted, found) === '');
  },
  wildcard: (json) => {
    const parts = partsOf(textOf(json, 'wildcard'));
    return onString((found) => globMatches(parts, found));
  },
  numeric: numericOperator,
  cidr: (json) => blockOf(textOf(json, 'cidr')),
  'anything-but': anythingBut,
};

export interface Alternative {
  readonly test: Operator;
  /** Whether nothing at all satisfies it: `exists: false`. */
  readonly absent: boolean;
  readonly wildcard: boolean;
}

/** One item of a leaf list. Throws PATTERN_INVALID. */
export function readAlternative(json: Json): Alternative {
  if (json.kind === 'array') badPattern('a list in a list');
  if (json.kind !== 'object') return { test: equalTo(json, true), absent: false, wildcard: false };
  const [name, operand] = soleMember(json, 'a list');
  if (name === 'exists') {
    if (operand.kind !== 'word' || operand.value === null) badPattern('exists takes true or false');
    const wanted = operand.value;
    return { test: () => wanted, absent: !wanted, wildcard: false };
  }
  const known = Object.hasOwn(operators, name) ? operators[name] : undefined;
  if (known === undefined) badPattern(`unknown operator ${name}`);
  const wildcard = name === 'wildcard' || (operand.kind === 'object' && operand.members[0]?.[0] === 'wildcard');
  return { test: known(operand), absent: false, wildcard };
}
