// The JSON event format and its batch. Data is spliced in and out as bytes and never re-serialised, so that numbers,
// duplicate keys, escapes and depth survive. Strict: what the format does not allow is refused, never mended.
// Source: cloudevents/spec ce@v1.0.2, formats/json-format.md.

import { isAscii, isUtf8 } from 'node:buffer';
import { RouterError } from '../errors.ts';
import {
  binaryData,
  type CloudEvent,
  checkAttributeName,
  checkAttributes,
  type EventData,
  isJsonMediaType,
  jsonData,
  textData,
} from '../event.ts';
import { isInexactNumber, isNamedData, isTabbed, type Member, memberName, scanObject, skipSpace } from './json-scan.ts';

/** JSON.parse of bytes that must be UTF-8: NOT_UTF8 or NOT_JSON, naming `what`. Quotes nothing of the text. */
export function parseJson(bytes: Buffer, what: string): unknown {
  // Most bodies are ASCII, and telling so plus this decoding is cheaper than the decoding of UTF-8.
  const ascii = isAscii(bytes);
  if (!ascii && !isUtf8(bytes)) {
    throw new RouterError('NOT_UTF8', `${what} must be JSON in UTF-8; the bytes are not UTF-8`);
  }
  try {
    return JSON.parse(bytes.toString(ascii ? 'latin1' : 'utf8'));
  } catch {
    // The parser's own message quotes the text, so it is not passed on.
    throw new RouterError('NOT_JSON', `${what} must be JSON; ${bytes.length} bytes do not parse`);
  }
}

/** Bytes that came without a wire form of their own, under a JSON media type: json if they are JSON, else binary. */
export function jsonOrBinary(bytes: Buffer): EventData {
  const ascii = isAscii(bytes);
  if (bytes.length === 0 || (!ascii && !isUtf8(bytes))) return binaryData(bytes);
  try {
    return jsonData(bytes, JSON.parse(bytes.toString(ascii ? 'latin1' : 'utf8')));
  } catch {
    return binaryData(bytes);
  }
}

/** One event. Throws RouterError: NOT_UTF8, NOT_JSON, EVENT_INVALID, SPECVERSION_UNSUPPORTED, NUMBER_NOT_CARRIABLE. */
export function decodeStructured(bytes: Buffer): CloudEvent {
  const parsed = parseJson(bytes, 'a structured event');
  return readEvent(bytes, skipSpace(bytes, 0), parsed).event;
}

/** Events in order; one bad event refuses the batch, with its index. An empty batch is valid. Errors as decodeStructured. */
export function decodeBatch(bytes: Buffer): CloudEvent[] {
  const parsed = parseJson(bytes, 'a batch');
  if (!Array.isArray(parsed))
    throw new RouterError('EVENT_INVALID', `a batch must be a JSON array, found ${kind(parsed)}`);
  const events: CloudEvent[] = [];
  let at = skipSpace(bytes, 0);
  for (const [index, item] of parsed.entries()) {
    try {
      const { event, end } = readEvent(bytes, skipSpace(bytes, at + 1), item);
      events.push(event);
      at = skipSpace(bytes, end);
    } catch (error) {
      if (!(error instanceof RouterError)) throw error;
      throw new RouterError(error.code, `batch[${index}]: ${error.message}`, { ...error.facts, index });
    }
  }
  return events;
}

function kind(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : typeof value;
}

/** `open` is the offset of the event's brace, `parsed` the value JSON.parse found there. */
function readEvent(bytes: Buffer, open: number, parsed: unknown): { event: CloudEvent; end: number } {
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new RouterError('EVENT_INVALID', `an event must be a JSON object, found ${kind(parsed)}`);
  }
  const { members, end } = scanObject(bytes, open);
  const names = Object.keys(parsed);
  // JSON.parse keeps the last of several members of one name; the event would depend on who reads it.
  if (names.length !== members.length) refuseDuplicate(bytes, members);

  const values = parsed as Readonly<Record<string, unknown>>;
  const checked = checkAttributes(pickAttributes(names, values));
  const dataMember = checkNumbers(bytes, members);
  const data = readData(bytes, dataMember, values, checked.datacontenttype);
  return { event: data === undefined ? { attributes: checked } : { attributes: checked, data }, end };
}

function pickAttributes(names: readonly string[], values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const attributes: Record<string, unknown> = {};
  for (const name of names) {
    const value = values[name];
    if (value === null || name === 'data' || name === 'data_base64') continue; // a null attribute is an absent one
    if (name === '__proto__') checkAttributeName(name); // the one name that assignment would not add
    attributes[name] = value;
  }
  return attributes;
}

function refuseDuplicate(bytes: Buffer, members: readonly Member[]): never {
  const seen = new Set<string>();
  for (const member of members) {
    const name = memberName(bytes, member);
    if (seen.has(name)) {
      throw new RouterError(
        'EVENT_INVALID',
        `member ${JSON.stringify(name.slice(0, 64))} is given twice; give it once`,
      );
    }
    seen.add(name);
  }
  throw new RouterError('INTERNAL', 'the JSON scan and JSON.parse disagree about the members of an event');
}

/** Judges attribute numbers by their text, because JSON.parse makes 1.0 and 1e0 the integer 1. Returns the data member. */
function checkNumbers(bytes: Buffer, members: readonly Member[]): Member | undefined {
  let data: Member | undefined;
  for (const member of members) {
    if (isNamedData(bytes, member)) data = member;
    else if (isInexactNumber(bytes, member)) {
      const attribute = memberName(bytes, member);
      throw new RouterError(
        'NUMBER_NOT_CARRIABLE',
        `attribute '${attribute}' must be a plain integer, without fraction or exponent; send other numbers as a string`,
        { attribute },
      );
    }
  }
  return data;
}

function readData(
  bytes: Buffer,
  member: Member | undefined,
  values: Readonly<Record<string, unknown>>,
  contentType: string | undefined,
): EventData | undefined {
  const base64 = Object.hasOwn(values, 'data_base64') ? values['data_base64'] : null;
  const isJson = contentType === undefined || isJsonMediaType(contentType);
  if (base64 !== null) {
    if (member !== undefined)
      throw new RouterError('EVENT_INVALID', "'data' and 'data_base64' exclude each other; send one");
    const decoded = decodeBase64(base64);
    // Without a datacontenttype, data_base64 does not imply JSON (clarified in 1.0.3).
    return isJson && contentType !== undefined ? jsonOrBinary(decoded) : binaryData(decoded);
  }
  if (member === undefined) return undefined;
  const value = values['data'];
  if (isJson) {
    const raw = isTabbed(bytes, member)
      ? bytes.subarray(member.colon + 1, member.next)
      : bytes.subarray(member.start, member.end);
    return jsonData(raw, value);
  }
  if (typeof value !== 'string') {
    throw new RouterError(
      'EVENT_INVALID',
      `'data' must be a string when datacontenttype is '${contentType.slice(0, 64)}', found ${kind(value)}; send bytes as 'data_base64'`,
    );
  }
  return textData(value);
}

function decodeBase64(value: unknown): Buffer {
  if (typeof value !== 'string')
    throw new RouterError('EVENT_INVALID', `'data_base64' must be a string, found ${kind(value)}`);
  const bytes = Buffer.from(value, 'base64');
  // Buffer skips what is not base64; only a text that comes out again was base64.
  if (bytes.toString('base64') !== value) {
    throw new RouterError('EVENT_INVALID', "'data_base64' must be base64 with padding (RFC 4648 section 4)");
  }
  return bytes;
}

/** The event up to its data, and the data's bytes if they are spliced in; a closing brace ends it. */
function encodeParts(event: CloudEvent): { readonly head: string; readonly raw: Buffer | undefined } {
  const { attributes, data } = event;
  // The checked attributes are flat and JSON.stringify leaves out undefined ones; one call is 2x faster than one per value.
  const head = JSON.stringify(attributes).slice(0, -1);
  if (data === undefined) return { head, raw: undefined };
  const contentType = attributes.datacontenttype;
  const isJson = contentType === undefined || isJsonMediaType(contentType);
  if (data.kind === 'json' && isJson) {
    // A tab before the colon says that the space around the value belongs to the data: legal for every reader, and it
    // gives our own the very bytes, such as a webhook body that ends in a newline.
    return { head: `${head}${isPadded(data.bytes) ? ',"data"\t:' : ',"data":'}`, raw: data.bytes };
  }
  if (data.kind === 'text' && !isJson && isUtf8(data.bytes)) {
    return { head: `${head},"data":${JSON.stringify(data.bytes.toString('utf8'))}`, raw: undefined };
  }
  return { head: `${head},"data_base64":"${data.bytes.toString('base64')}"`, raw: undefined };
}

function isPadded(bytes: Buffer): boolean {
  return bytes.length > 0 && (bytes[0]! <= 0x20 || bytes[bytes.length - 1]! <= 0x20);
}

// An allocation per event costs more than copying 7 KB. Events up to half a slab share one; a slab lives as long as its
// longest-lived event.
const SLAB_BYTES = 64 * 1024;
let slab = Buffer.alloc(0);
let slabUsed = 0;

/** Inverse of decodeStructured for every event that passed checkAttributes; they are not checked again. */
export function encodeStructured(event: CloudEvent): Buffer {
  const { head, raw } = encodeParts(event);
  if (raw === undefined) return Buffer.from(`${head}}`, 'utf8');
  // At most three bytes of UTF-8 for a unit of UTF-16.
  const most = head.length * 3 + raw.length + 1;
  if (most > SLAB_BYTES / 2) return Buffer.concat([Buffer.from(head, 'utf8'), raw, CLOSE]);
  if (slabUsed + most > slab.length) [slab, slabUsed] = [Buffer.allocUnsafeSlow(SLAB_BYTES), 0];
  const start = slabUsed;
  const end = start + slab.write(head, start, 'utf8') + raw.length;
  slab.set(raw, end - raw.length);
  slab[end] = 0x7d;
  slabUsed = end + 1;
  return slab.subarray(start, slabUsed);
}

const CLOSE = Buffer.from('}');

/** encodeStructured as a string, for SDKs that take nothing else. */
export function encodeStructuredText(event: CloudEvent): string {
  const { head, raw } = encodeParts(event);
  return raw === undefined ? `${head}}` : `${head}${raw.toString('utf8')}}`;
}

/** Inverse of decodeBatch. */
export function encodeBatch(events: readonly CloudEvent[]): Buffer {
  const parts: Buffer[] = [];
  for (const event of events) parts.push(Buffer.from(parts.length === 0 ? '[' : ','), encodeStructured(event));
  parts.push(Buffer.from(events.length === 0 ? '[]' : ']'));
  return Buffer.concat(parts);
}
