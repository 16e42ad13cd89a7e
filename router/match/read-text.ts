// Reads JSON text as bytes: what rules name is read, what they do not is stepped over and, unless the text is trusted,
// judged on the way. Repeated names all count; numbers keep their text where a double would lose it.

import { isUtf8 } from 'node:buffer';
import { RouterError } from '../errors.ts';
import { afterValue as afterTrusted } from '../wire/json-scan.ts';
import { notJson } from '../wire/json-tree.ts';
import { type FieldNode, type Lookup, lookupOf } from './fields.ts';
import { comparableNumber } from './number-text.ts';
import { readValue } from './read-value.ts';
import { clear, enterArray, enterMember, leaveArray, put, type Reading } from './reading.ts';
import type { Value } from './scalar-test.ts';
import {
  afterColon,
  afterComma,
  afterNumber,
  afterOpen,
  afterSpace,
  afterString,
  afterValue,
  afterWord,
  BROKEN,
  CLOSE_LIST,
  CLOSE_OBJECT,
  COMMA,
  ESCAPED,
  HIGH_BYTES,
  load,
  MAX_TEXT,
  OPEN_LIST,
  OPEN_OBJECT,
  QUOTE,
  saw,
  TOO_DEEP,
  text,
} from './scan-json.ts';

/** One text on its way into a reading. Its bytes are also in `text`, at the same offsets. */
interface Source {
  readonly bytes: Buffer;
  readonly reading: Reading;
  /** Whether a JSON parser has accepted the bytes already. */
  readonly trusted: boolean;
  /** How many names are still to be seen before reading may stop; below zero when it may not. */
  left: number;
}

/** The answer of a step after which nothing is left to read. */
const DONE = -3;

const POWERS = Array.from({ length: 16 }, (_, i) => 10 ** i);
// Digits that always survive the trip through a double, so that the number is comparable (number-text.ts).
const SAFE_DIGITS = 15;

function longNumber(bytes: Buffer, start: number, end: number): Value {
  const digits = bytes.toString('latin1', start, end);
  return comparableNumber(digits) ?? { text: digits };
}

/** Integers and decimals of up to 15 digits: one exact division, correctly rounded, as both sides are exact. */
function numberAt(bytes: Buffer, start: number, end: number): Value {
  const negative = text[start] === 0x2d;
  let at = negative ? start + 1 : start;
  if (end - at > SAFE_DIGITS) return longNumber(bytes, start, end);
  let mantissa = 0;
  let point = -1;
  for (; at < end; at++) {
    const code = text[at]!;
    if (code === 0x2e) point = at;
    else if (code > 0x39 || code < 0x30) return longNumber(bytes, start, end);
    else mantissa = mantissa * 10 + (code - 0x30);
  }
  const value = point === -1 ? mantissa : mantissa / POWERS[end - point - 1]!;
  return negative ? 0 - value : value;
}

/** The string between the quotes. */
function stringAt(bytes: Buffer, start: number, end: number): string {
  if (saw[ESCAPED] !== 0) {
    // Of this string or of an earlier one; either way the parser is right.
    saw[ESCAPED] = 0;
    return JSON.parse(bytes.toString('utf8', start - 1, end + 1)) as string;
  }
  return bytes.toString(saw[HIGH_BYTES] === 0 ? 'latin1' : 'utf8', start, end);
}

function childNamed({ byName, byLength }: Lookup, bytes: Buffer, start: number, end: number): FieldNode | undefined {
  if (saw[ESCAPED] !== 0) return byName.get(stringAt(bytes, start, end));
  const length = end - start;
  if (length >= byLength.length) return undefined;
  const same = byLength[length];
  if (same === undefined) return undefined;
  if (same === null) return byName.get(stringAt(bytes, start, end));
  next: for (let i = 0; i < same.length; i++) {
    const { bytes: name, node } = same[i]!;
    for (let k = length - 1; k >= 0; k--) if (name[k] !== text[start + k]) continue next;
    return node;
  }
  return undefined;
}

function skip({ bytes, trusted }: Source, at: number): number {
  const end = afterValue(at, 0);
  return end === TOO_DEEP && trusted ? afterTrusted(bytes, at) : end;
}

function readObject(source: Source, node: FieldNode, open: number, member: number): number {
  const lookup = lookupOf(node);
  let at = afterOpen(open);
  if (text[at] === CLOSE_OBJECT) return at + 1;
  for (;;) {
    if (text[at] !== QUOTE) return BROKEN;
    const name = at + 1;
    at = afterString(name);
    if (at < 0) return at;
    const child = childNamed(lookup, source.bytes, name, at - 1);
    at = afterColon(at);
    if (at < 0) return at;
    if (child === undefined) at = skip(source, at);
    else {
      // Below arrays names come again with each element, so they are not counted.
      if (member === 0) source.left--;
      at = readAt(source, child, at, member);
      if (source.left === 0) return DONE;
    }
    if (at < 0) return at;
    at = afterItem(at);
    if (text[at] === CLOSE_OBJECT) return at + 1;
    if (text[at] !== COMMA) return BROKEN;
    at = afterComma(at);
  }
}

/** From behind a value to what follows it. */
function afterItem(at: number): number {
  return text[at]! <= 0x20 ? afterSpace(at) : at;
}

/** Lists directly in lists are held on a list of their own, not on the stack: their depth is the event's alone. */
function readArray(source: Source, node: FieldNode, open: number, member: number): number {
  const { reading } = source;
  const outer: number[] = [];
  let array = enterArray(reading);
  let within = member;
  let at = afterOpen(open);
  let isClosed = text[at] === CLOSE_LIST;
  for (;;) {
    if (isClosed) {
      leaveArray(reading, array);
      at++;
      if (outer.length === 0) return at;
      array = outer.pop()!;
      within = outer.pop()!;
    } else if (text[at] === OPEN_LIST) {
      outer.push(within, array);
      within = enterMember(reading, array, within);
      array = enterArray(reading);
      at = afterOpen(at);
      isClosed = text[at] === CLOSE_LIST;
      continue;
    } else at = readAt(source, node, at, text[at] === OPEN_OBJECT ? enterMember(reading, array, within) : within);
    if (at < 0) return at;
    at = afterItem(at);
    isClosed = text[at] === CLOSE_LIST;
    if (isClosed) continue;
    if (text[at] !== COMMA) return BROKEN;
    at = afterComma(at);
  }
}

function readScalar({ bytes, reading }: Source, slot: number, at: number, member: number): number {
  const code = text[at]!;
  if (code === QUOTE) {
    const end = afterString(at + 1);
    if (end > 0) put(reading, slot, stringAt(bytes, at + 1, end - 1), member);
    return end;
  }
  if (code <= 0x39) {
    const end = afterNumber(at);
    if (end > 0) put(reading, slot, numberAt(bytes, at, end), member);
    return end;
  }
  const end = afterWord(at);
  if (end > 0) put(reading, slot, code === 0x6e ? null : code === 0x74, member);
  return end;
}

/**
 * Reads the value at `at` into the slots of `node` and below; answers the offset behind it, or a negative number.
 * Recursion is as deep as the paths that rules name.
 */
function readAt(source: Source, node: FieldNode, at: number, member: number): number {
  const code = text[at];
  if (code === OPEN_OBJECT) return node.children.size === 0 ? skip(source, at) : readObject(source, node, at, member);
  if (code === OPEN_LIST) return readArray(source, node, at, member);
  return node.slot === -1 ? skip(source, at) : readScalar(source, node.slot, at, member);
}

/** The value that the native parser makes of a text; throws NOT_JSON in its words. */
function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw notJson(cause);
  }
}

function checkUtf8(bytes: Buffer): void {
  if (!isUtf8(bytes)) throw new RouterError('NOT_UTF8', 'this JSON is not UTF-8');
}

/** What is known of a text before it is read. */
export interface Trust {
  /** A JSON parser has accepted the bytes: nothing is judged. */
  readonly trusted: boolean;
  /** No name repeats: reading stops when every name that rules use was seen. */
  readonly unique: boolean;
}

/**
 * Reads a JSON text below `node`. Throws NOT_JSON or NOT_UTF8 for what a parser would refuse, unless it is trusted. When
 * it throws, the reading holds what was read so far and must be cleared. Over MAX_TEXT bytes numbers are doubles and of
 * repeated names the last counts.
 */
export function readText(reading: Reading, node: FieldNode, bytes: Buffer, { trusted, unique }: Trust): void {
  if (bytes.length > MAX_TEXT) {
    if (!trusted) checkUtf8(bytes);
    readValue(reading, node, parsed(bytes), 0);
    return;
  }
  load(bytes);
  const start = afterSpace(0);
  const end = readAt({ bytes, reading, trusted, left: unique ? node.below : -1 }, node, start, 0);
  if (trusted) return;
  if (end < 0 || afterSpace(end) !== bytes.length) {
    // Broken, or too deep to be judged here: the parser says which, and what it accepts is read as trusted.
    parsed(bytes);
    checkUtf8(bytes);
    clear(reading);
    readAt({ bytes, reading, trusted: true, left: -1 }, node, start, 0);
  }
  if (saw[HIGH_BYTES] !== 0) checkUtf8(bytes);
}
