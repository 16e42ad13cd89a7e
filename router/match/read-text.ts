// Reads JSON text as bytes: what rules name is read, what they do not is stepped over and, unless the text is trusted,
// judged on the way. Repeated names all count; numbers keep their text where a double would lose it.

import { isUtf8 } from 'node:buffer';
import { RouterError } from '../errors.ts';
import { afterValue } from '../wire/json-scan.ts';
import { type FieldNode, type Lookup, lookupOf } from './fields.ts';
import { comparableNumber } from './number-text.ts';
import { clear, enterArray, enterMember, leaveArray, put, type Reading } from './reading.ts';
import type { Value } from './scalar-test.ts';
import * as scan from './scan-json.ts';
import {
  ANY_HIGH_BYTES,
  afterColon,
  afterNumber,
  afterSpace,
  afterString,
  BROKEN,
  COMMA,
  ESCAPED,
  HIGH_BYTES,
  QUOTE,
  saw,
} from './scan-json.ts';

/** One text on its way into a reading. */
interface Text {
  readonly bytes: Buffer;
  readonly reading: Reading;
  /** Whether a JSON parser has accepted the bytes already. */
  readonly trusted: boolean;
}

const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;

const POWERS = Array.from({ length: 16 }, (_, i) => 10 ** i);
// Digits that always survive the trip through a double, so that the number is comparable (number-text.ts).
const SAFE_DIGITS = 15;

function slowNumber(bytes: Buffer, start: number, end: number): Value {
  const text = bytes.toString('latin1', start, end);
  return comparableNumber(text) ?? { text };
}

/** Integers and decimals of up to 15 digits: one exact division, correctly rounded, as both sides are exact. */
function numberAt(bytes: Buffer, start: number, end: number): Value {
  const negative = bytes[start] === 0x2d;
  let at = negative ? start + 1 : start;
  if (end - at > SAFE_DIGITS + 1) return slowNumber(bytes, start, end);
  let mantissa = 0;
  let point = -1;
  for (; at < end; at++) {
    const code = bytes[at]!;
    if (code === 0x2e) point = at;
    else if (code > 0x39) return slowNumber(bytes, start, end);
    else mantissa = mantissa * 10 + (code - 0x30);
  }
  if (point === -1 && end - start > SAFE_DIGITS) return slowNumber(bytes, start, end);
  const value = point === -1 ? mantissa : mantissa / POWERS[end - point - 1]!;
  return negative ? 0 - value : value;
}

/** The string between the quotes; `saw` still tells of it. */
function stringAt(bytes: Buffer, start: number, end: number): string {
  if (saw[ESCAPED] !== 0) return JSON.parse(bytes.toString('utf8', start - 1, end + 1)) as string;
  return saw[HIGH_BYTES] !== 0 ? bytes.toString('utf8', start, end) : bytes.toString('latin1', start, end);
}

function childNamed(lookup: Lookup, bytes: Buffer, start: number, end: number): FieldNode | undefined {
  if (saw[ESCAPED] !== 0) return lookup.byName.get(stringAt(bytes, start, end));
  const length = end - start;
  if (length >= lookup.byLength.length) return undefined;
  const same = lookup.byLength[length];
  if (same === undefined) return undefined;
  if (same === null) return lookup.byName.get(stringAt(bytes, start, end));
  next: for (let i = 0; i < same.length; i++) {
    const { bytes: name, node } = same[i]!;
    for (let k = length - 1; k >= 0; k--) if (name[k] !== bytes[start + k]) continue next;
    return node;
  }
  return undefined;
}

function readString(text: Text, node: FieldNode, open: number, member: number): number {
  const end = afterString(text.bytes, open + 1);
  if (end > 0 && node.slot !== -1) put(text.reading, node.slot, stringAt(text.bytes, open + 1, end - 1), member);
  return end;
}

function readNumber(text: Text, node: FieldNode, start: number, member: number): number {
  const end = afterNumber(text.bytes, start);
  if (end > 0 && node.slot !== -1) put(text.reading, node.slot, numberAt(text.bytes, start, end), member);
  return end;
}

function readWord(text: Text, node: FieldNode, start: number, member: number): number {
  const end = scan.afterWord(text.bytes, start);
  if (end > 0 && node.slot !== -1) {
    const first = text.bytes[start];
    put(text.reading, node.slot, first === 0x6e ? null : first === 0x74, member);
  }
  return end;
}

function skip(text: Text, at: number): number {
  return text.trusted ? afterValue(text.bytes, at) : scan.afterAny(text.bytes, at, 0);
}

function readObject(text: Text, node: FieldNode, open: number, member: number): number {
  const { bytes } = text;
  const lookup = lookupOf(node);
  let next = afterSpace(bytes, open + 1);
  if (bytes[next] === 0x7d) return next + 1;
  for (;;) {
    if (bytes[next] !== QUOTE) return BROKEN;
    const name = next + 1;
    next = afterString(bytes, name);
    if (next < 0) return next;
    const child = childNamed(lookup, bytes, name, next - 1);
    next = afterColon(bytes, next);
    if (next < 0) return next;
    next = child === undefined ? skip(text, next) : readAt(text, child, next, member);
    if (next < 0) return next;
    if (bytes[next] !== COMMA) next = afterSpace(bytes, next);
    if (bytes[next] === 0x7d) return next + 1;
    if (bytes[next] !== COMMA) return BROKEN;
    next = afterSpace(bytes, next + 1);
  }
}

/** From behind a value in a list: at the next value, or at the bracket that ends the list. */
function afterItem(bytes: Buffer, from: number): number {
  const at = bytes[from] === COMMA ? from : afterSpace(bytes, from);
  if (bytes[at] === CLOSE_LIST) return at;
  if (bytes[at] !== COMMA) return BROKEN;
  const next = afterSpace(bytes, at + 1);
  return bytes[next] === CLOSE_LIST ? BROKEN : next;
}

/** Lists directly in lists are held on a list of their own, not on the stack: their depth is the event's alone. */
function readArray(text: Text, node: FieldNode, open: number, member: number): number {
  const { bytes, reading } = text;
  const outer: number[] = [];
  let array = enterArray(reading);
  let within = member;
  let next = afterSpace(bytes, open + 1);
  for (;;) {
    const code = bytes[next];
    if (code === CLOSE_LIST) {
      leaveArray(reading, array);
      next++;
      if (outer.length === 0) return next;
      array = outer.pop()!;
      within = outer.pop()!;
    } else if (code === OPEN_LIST) {
      outer.push(within, array);
      within = enterMember(reading, array, within);
      array = enterArray(reading);
      next = afterSpace(bytes, next + 1);
      continue;
    } else next = readAt(text, node, next, code === OPEN_OBJECT ? enterMember(reading, array, within) : within);
    if (next >= 0) next = afterItem(bytes, next);
    if (next < 0) return next;
  }
}

/**
 * Reads the value at `at` into the slots of `node` and below; answers the offset behind it, or a negative number.
 * Recursion is as deep as the paths that rules name.
 */
function readAt(text: Text, node: FieldNode, at: number, member: number): number {
  switch (text.bytes[at]) {
    case QUOTE:
      return readString(text, node, at, member);
    case OPEN_OBJECT:
      return node.children.size === 0 ? skip(text, at) : readObject(text, node, at, member);
    case OPEN_LIST:
      return readArray(text, node, at, member);
    case 0x74:
    case 0x66:
    case 0x6e:
      return readWord(text, node, at, member);
    default:
      return readNumber(text, node, at, member);
  }
}

/** The error of a text that was refused, worded by the native parser; undefined when the parser takes it. */
function faultOf(bytes: Buffer): RouterError | undefined {
  try {
    JSON.parse(bytes.toString('utf8'));
    return undefined;
  } catch (cause) {
    return new RouterError('NOT_JSON', `this is not JSON: ${(cause as Error).message}`, { cause });
  }
}

/** Whether the scanner judges the text sound; throws NOT_JSON where the parser agrees that it is not. */
function isSound(bytes: Buffer, end: number): boolean {
  if (end >= 0 && afterSpace(bytes, end) === bytes.length) return true;
  const fault = faultOf(bytes);
  if (fault !== undefined) throw fault;
  return false;
}

/**
 * Reads a JSON text below `node`. Throws NOT_JSON or NOT_UTF8 for what a parser would refuse, unless `trusted`: then the
 * bytes must be what a parser has accepted. When it throws, the reading holds what was read so far and must be cleared.
 */
export function readText(reading: Reading, node: FieldNode, { bytes, trusted }: Omit<Text, 'reading'>): void {
  saw[ANY_HIGH_BYTES] = 0;
  const start = afterSpace(bytes, 0);
  const end = readAt({ bytes, reading, trusted }, node, start, 0);
  if (trusted) return;
  // Too deep to be judged here, so the parser did: from the start, without judging.
  if (!isSound(bytes, end)) {
    clear(reading);
    readAt({ bytes, reading, trusted: true }, node, start, 0);
  }
  if (saw[ANY_HIGH_BYTES] !== 0 && !isUtf8(bytes)) throw new RouterError('NOT_UTF8', 'this JSON is not UTF-8');
}
