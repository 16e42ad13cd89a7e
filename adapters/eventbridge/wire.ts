// CloudEvent -> PutEvents entry. Pure; never touches the network. Detail is the whole structured event with the bytes of its
// data untouched; Source, DetailType and Time repeat three attributes only because people and archives look there. What
// EventBridge would refuse, drop or alter is refused here first, so that nothing is lost on the way.
// Sources: EventBridge API reference, PutEvents and PutEventsRequestEntry; User Guide, "Calculating Amazon EventBridge
// PutEvents event entry size" (read 2026-11-21).

import { isUtf8 } from 'node:buffer';
import { RouterError } from '../../router/errors.ts';
import { type CloudEvent, checkEvent, type EventData, isJsonMediaType } from '../../router/event.ts';
import { encodeStructuredText } from '../../router/wire/json.ts';
import { afterValue } from '../../router/wire/json-scan.ts';

export interface Entry {
  readonly Source: string;
  readonly DetailType: string;
  readonly Detail: string;
  /** Absent where the event has no time, or one that a Date cannot hold. The event's own text is in Detail. */
  readonly Time?: Date;
}

export interface SizedEntry {
  readonly entry: Entry;
  /** By the documented formula, in UTF-8 bytes. */
  readonly bytes: number;
}

const TIME_BYTES = 14;
const MAX_DETAIL_TYPE = 128;
/** Of Detail, whose own braces are the first. */
const MAX_DEPTH = 1_000;
const MIN_INTEGER = -(2n ** 63n);
const MAX_INTEGER = 2n ** 63n - 1n;
/** Any integer of so many characters fits. */
const SAFE_LENGTH = 18;
const LAST_TIME = Date.parse('9999-12-31T23:59:59.999Z');

function refuse(says: string): never {
  throw new RouterError('NOT_CARRIABLE', `eventbridge: ${says}`);
}

function checkAttributes({ attributes: { source, type } }: CloudEvent): void {
  if (source.startsWith('aws.')) {
    refuse(`the source '${source.slice(0, 60)}' begins with 'aws.', which is kept for AWS; choose another`);
  }
  if (type.length > MAX_DETAIL_TYPE) {
    refuse(`the type has ${type.length} characters; the detail-type that carries it takes ${MAX_DETAIL_TYPE}`);
  }
}

function checkInteger(bytes: Buffer, start: number, end: number): void {
  if (end - start <= SAFE_LENGTH) return;
  const text = bytes.toString('latin1', start, end);
  if (!/^-?\d+$/.test(text)) return;
  // A text of a million digits is no BigInt that anybody wants to make.
  const fits = text.length <= 20 && BigInt(text) >= MIN_INTEGER && BigInt(text) <= MAX_INTEGER;
  if (!fits) refuse(`the integer at byte ${start} of the data is beyond 64 bits; send it as a string`);
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;

/** Whether more digits than any integer that fits for certain stand in a row; a look at each nineteenth byte tells. */
function hasLongNumber(bytes: Buffer): boolean {
  for (let at = SAFE_LENGTH; at < bytes.length; at += SAFE_LENGTH + 1) {
    if (!isDigit(bytes[at])) continue;
    let [from, to] = [at, at + 1];
    while (isDigit(bytes[from - 1])) from--;
    while (isDigit(bytes[to])) to++;
    if (to - from > SAFE_LENGTH) return true;
  }
  return false;
}

const BRACKETS = ['{', '['];

/** Whether there are so few brackets that nothing can be nested too deep; a search costs a tenth of a walk. */
function isShallow(text: string): boolean {
  let left = MAX_DEPTH - 1;
  for (const bracket of BRACKETS) {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) if (left-- === 0) return false;
  }
  return true;
}

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/** One pass over JSON: nesting, integers, and that it is one value, since it is spliced into a larger text. */
function walkJson(bytes: Buffer): void {
  let depth = 1;
  let values = 0;
  let at = 0;
  while (at < bytes.length) {
    const byte = bytes[at]!;
    if (isSpace(byte)) at++;
    else if (byte === 0x5b || byte === 0x7b) {
      if (depth === 1) values++;
      if (++depth > MAX_DEPTH) refuse(`the data is nested so deep that the event has more than ${MAX_DEPTH} levels`);
      at++;
    } else if (byte === 0x5d || byte === 0x7d || byte === 0x2c || byte === 0x3a) {
      // Below 2 it would belong to the event around the data.
      if (depth < 2) values = Number.NaN;
      if (byte === 0x5d || byte === 0x7d) depth--;
      at++;
    } else {
      if (depth === 1) values++;
      const end = afterValue(bytes, at);
      if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) checkInteger(bytes, at, end);
      // A control character is no value; the service will say so.
      at = Math.max(end, at + 1);
    }
  }
  if (values !== 1 || depth !== 1) {
    throw new RouterError('NOT_JSON', 'eventbridge: data of kind json must be one JSON value, found something else');
  }
}

/** What was parsed before is one value; then only what looks odd is walked through. */
function checkJson({ bytes, parsed }: EventData): void {
  if (parsed === undefined || hasLongNumber(bytes) || !isShallow(bytes.toString('latin1'))) walkJson(bytes);
}

/** Data that the JSON format would carry as bytes although rules read it: a bus's filter would not see it. */
function checkData(data: EventData, contentType: string | undefined): void {
  const { kind, bytes } = data;
  const isJson = contentType === undefined || isJsonMediaType(contentType);
  if (kind === 'json' && isJson) checkJson(data);
  else if (kind === 'json') refuse(`data is JSON, but datacontenttype is '${contentType?.slice(0, 60)}'`);
  else if (kind === 'text' && isJson) refuse('data is text, but datacontenttype is absent or says JSON');
  else if (kind === 'text' && !isUtf8(bytes)) refuse('data is text, but its bytes are not UTF-8');
}

/** Leap seconds and years before 1970 are left to the event's own time. */
function timeOf(time: string | undefined): Date | undefined {
  const ms = time === undefined ? Number.NaN : Date.parse(time.toUpperCase());
  return ms >= 0 && ms <= LAST_TIME ? new Date(ms) : undefined;
}

/** Throws NOT_CARRIABLE for what EventBridge cannot carry, EVENT_INVALID, NOT_JSON and the like for what is no event. */
export function toEntry(event: CloudEvent): SizedEntry {
  const { attributes, data } = checkEvent(event);
  checkAttributes(event);
  if (data !== undefined) checkData(data, attributes.datacontenttype);
  const { source, type, time } = attributes;
  const Detail = encodeStructuredText(event);
  const Time = timeOf(time);
  const bytes = Buffer.byteLength(source) + Buffer.byteLength(type) + Buffer.byteLength(Detail);
  const entry = { Source: source, DetailType: type, Detail, ...(Time === undefined ? {} : { Time }) };
  return { entry, bytes: Time === undefined ? bytes : bytes + TIME_BYTES };
}
