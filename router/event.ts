// The envelope in memory: CloudEvents 1.0.2 attributes plus the data's original bytes. Plain data and functions.
// Data is never re-serialised: it is parsed for matching only, and the bytes that came in are the bytes that go out.
// Source: cloudevents/spec ce@v1.0.2, sections 2 and 3, with the clarifications of its 1.0.3 draft.

import { RouterError } from './errors.ts';

/** Integer is a signed 32-bit number; Binary, URI, URI-reference and Timestamp are carried as their text. */
export type AttributeValue = string | number | boolean;

export interface Attributes {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly datacontenttype?: string;
  readonly dataschema?: string;
  readonly subject?: string;
  readonly time?: string;
  readonly [extension: string]: AttributeValue | undefined;
}

/**
 * `json`: bytes are a JSON text in UTF-8. `text`: bytes are UTF-8. `binary`: anything.
 * `parsed` memoises dataValue(); nobody else writes it. A JSON null is data; no `data` at all is absent data.
 */
export interface EventData {
  readonly kind: 'json' | 'text' | 'binary';
  readonly bytes: Buffer;
  parsed?: unknown;
}

export interface CloudEvent {
  readonly attributes: Attributes;
  readonly data?: EventData;
}

/** The parsed JSON of `json` data, the string of `text` data, undefined for binary or absent data. Memoised. */
export function dataValue(event: CloudEvent): unknown {
  const data = event.data;
  if (data === undefined || data.kind === 'binary') return undefined;
  if (data.parsed === undefined) {
    const text = data.bytes.toString('utf8');
    data.parsed = data.kind === 'json' ? JSON.parse(text) : text;
  }
  return data.parsed;
}

/** `parsed`, when given, must be JSON.parse of `bytes`. */
export function jsonData(bytes: Buffer, parsed?: unknown): EventData {
  return parsed === undefined ? { kind: 'json', bytes } : { kind: 'json', bytes, parsed };
}

/** Throws NOT_UTF8 for a lone surrogate, which no bytes can carry. */
export function textData(text: string): EventData {
  if (!text.isWellFormed())
    throw new RouterError('NOT_UTF8', 'the text has a lone surrogate, which UTF-8 cannot carry');
  return { kind: 'text', bytes: Buffer.from(text, 'utf8'), parsed: text };
}

export function binaryData(bytes: Buffer): EventData {
  return { kind: 'binary', bytes };
}

// RFC 2045 token "/" token, then RFC 2046 parameters; a stray last semicolon is common and harmless. ASCII only, and no
// blank at the end, because HTTP would drop it.
const TOKEN = "[!#$%&'*+.^_`{|}~0-9A-Za-z-]+";
const MEDIA_TYPE = new RegExp(
  `^${TOKEN}/${TOKEN}(?: *; *${TOKEN}=(?:${TOKEN}|"(?:[\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]|\\\\[\\x20-\\x7e])*"))*(?: *;)?$`,
);
const JSON_MEDIA_TYPE = /^[^;/]*\/(?:[^;/]*\+)?json[ \t]*(?:;|$)/i;

/** Whether this is an RFC 2046 media type, with or without parameters. */
export function isMediaType(text: string): boolean {
  // 8192: far over any real one; a regular expression of V8 overflows on tens of megabytes.
  return text === 'application/json' || (text.length <= 8192 && MEDIA_TYPE.test(text));
}

/** Subtype json or a +json suffix, any case, with or without parameters. Absent means JSON in the JSON format only. */
export function isJsonMediaType(datacontenttype: string): boolean {
  return datacontenttype === 'application/json' || JSON_MEDIA_TYPE.test(datacontenttype);
}

const TIMESTAMP = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function twoDigits(text: string, at: number): number {
  return (text.charCodeAt(at) - 48) * 10 + text.charCodeAt(at + 1) - 48;
}

// A source makes an attribute of a value only if it is valid, and the envelope check looks again: the answer is kept.
let knownTimestamp = '';
let knownUri = '';

/** RFC 3339 with real calendar days; second 60 only where UTC can have a leap second, at 23:59. */
export function isTimestamp(text: string): boolean {
  if (text === knownTimestamp && text !== '') return true;
  const valid = readsAsTimestamp(text);
  if (valid) knownTimestamp = text;
  return valid;
}

function readsAsTimestamp(text: string): boolean {
  if (!TIMESTAMP.test(text)) return false;
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  if (month < 1 || month > 12 || day < 1 || day > DAYS[month - 1]!) return false;
  if (month === 2 && day === 29 && !(year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0))) return false;
  const hour = twoDigits(text, 11);
  const minute = twoDigits(text, 14);
  const second = twoDigits(text, 17);
  if (hour > 23 || minute > 59 || second > 60) return false;
  return second < 60 || utcMinuteOfDay(text, hour * 60 + minute) === 23 * 60 + 59;
}

function utcMinuteOfDay(text: string, localMinute: number): number {
  if (/[Zz]$/.test(text)) return localMinute;
  const offset = twoDigits(text, text.length - 5) * 60 + twoDigits(text, text.length - 2);
  const minute = text.at(-6) === '+' ? localMinute - offset : localMinute + offset;
  return (minute + 1440) % 1440;
}

// RFC 3986 in three looks, each linear and without a backtrack stack: characters, percent signs, shape. Shape: a scheme
// or no colon in the first segment; an authority only after "//"; brackets only around its IP literal; one fragment.
// The inside of an IP literal is not checked further.
const URI_CHARACTERS = /^[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+$/;
const BAD_PERCENT = /%(?![0-9A-Fa-f]{2})/;
const URI = /^[A-Za-z][A-Za-z0-9+.-]*:/;
const PLAIN_PATH = /^[A-Za-z0-9\-._~/]+$/;
const URI_SHAPE =
  /^(?:[A-Za-z][A-Za-z0-9+.-]*:|(?![^/?#]*:))(?:\/\/(?:[^/?#@[\]]*@)?(?:\[(?:[0-9A-Fa-f:.]+|[vV][0-9A-Fa-f]+\.[^/?#@[\]]+)\]|[^/?#@:[\]]*)(?::[0-9]*)?(?![^/?#])|(?!\/\/))[^#[\]]*(?:#[^#[\]]*)?$/;

/** RFC 3986 section 4.1. IRIs are not URIs: other characters must be percent-encoded. */
export function isUriReference(text: string): boolean {
  if (text === knownUri && text !== '') return true;
  const valid = readsAsUriReference(text);
  if (valid) knownUri = text;
  return valid;
}

function readsAsUriReference(text: string): boolean {
  if (PLAIN_PATH.test(text)) return true;
  if (!URI_CHARACTERS.test(text) || !URI_SHAPE.test(text)) return false;
  return !text.includes('%') || !BAD_PERCENT.test(text);
}

const MAX_INT = 2147483647;
const MIN_INT = -2147483648;
const PLAIN = /^[\x20-\x7e]*$/;
// CloudEvents String: no C0, no DEL and C1, no noncharacters, no lone surrogates.
const FORBIDDEN =
  /[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef]|\p{Cs}|[\u{fffe}\u{ffff}\u{1fffe}\u{1ffff}\u{2fffe}\u{2ffff}\u{3fffe}\u{3ffff}\u{4fffe}\u{4ffff}\u{5fffe}\u{5ffff}\u{6fffe}\u{6ffff}\u{7fffe}\u{7ffff}\u{8fffe}\u{8ffff}\u{9fffe}\u{9ffff}\u{afffe}\u{affff}\u{bfffe}\u{bffff}\u{cfffe}\u{cffff}\u{dfffe}\u{dffff}\u{efffe}\u{effff}\u{ffffe}\u{fffff}\u{10fffe}\u{10ffff}]/u;

/** A CloudEvents String (spec 2.3): what every string attribute must be. */
export function isAttributeString(text: string): boolean {
  return PLAIN.test(text) || !FORBIDDEN.test(text);
}

function invalid(attribute: string, says: string): never {
  throw new RouterError('EVENT_INVALID', `attribute '${attribute}' ${says}`, { attribute });
}

type TextRule = (text: string) => string | undefined;
const anyText: TextRule = (text) =>
  isAttributeString(text) ? undefined : 'has a control character, a noncharacter or a lone surrogate';
/**
 * The attributes the specification itself defines: all are non-empty strings. The other rules allow printable ASCII only,
 * so what they pass is a CloudEvents String too.
 */
const core: ReadonlyMap<string, TextRule> = new Map<string, TextRule>([
  ['id', anyText],
  ['type', anyText],
  ['subject', anyText],
  [
    'source',
    (text) => (isUriReference(text) ? undefined : 'must be a URI-reference (RFC 3986); percent-encode the rest'),
  ],
  ['dataschema', (text) => (URI.test(text) && isUriReference(text) ? undefined : 'must be an absolute URI')],
  ['datacontenttype', (text) => (isMediaType(text) ? undefined : 'must be a media type such as application/json')],
  ['time', (text) => (isTimestamp(text) ? undefined : 'must be an RFC 3339 timestamp with seconds and an offset')],
]);

function checkNumber(name: string, value: number): void {
  if (Number.isInteger(value) && value <= MAX_INT && value >= MIN_INT && !Object.is(value, -0)) return;
  throw new RouterError(
    'NUMBER_NOT_CARRIABLE',
    `attribute '${name}' must be an integer from ${MIN_INT} to ${MAX_INT}; send other numbers as a string`,
    { attribute: name },
  );
}

const NAME = /^[a-z0-9]+$/;

/**
 * Throws EVENT_INVALID unless `name` can be an attribute. Whoever builds attributes from foreign names asks here before
 * assigning: a name that passes cannot be `__proto__`. `data` is a member of the JSON format, never an attribute.
 */
export function checkAttributeName(name: string): void {
  if (NAME.test(name) && name !== 'data') return;
  throw new RouterError(
    'EVENT_INVALID',
    `attribute name ${JSON.stringify(name.slice(0, 64))} is not allowed: lower-case letters and digits only, and not 'data'`,
  );
}

function checkAttribute(name: string, value: unknown): void {
  const rule = core.get(name);
  if (rule !== undefined) {
    if (typeof value !== 'string')
      invalid(name, value === null ? 'is required' : `must be a string, found ${kindOf(value)}`);
    if (value === '') invalid(name, 'must not be empty');
    const problem = rule(value);
    if (problem !== undefined) invalid(name, problem);
    return;
  }
  checkAttributeName(name);
  if (typeof value === 'string') {
    const problem = anyText(value);
    if (problem !== undefined) invalid(name, problem);
  } else if (typeof value === 'number') checkNumber(name, value);
  else if (typeof value !== 'boolean')
    invalid(name, `must be a string, an integer or a boolean, found ${kindOf(value)}`);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function checkSpecversion(version: unknown): void {
  if (version === '1.0') return;
  if (version === undefined || version === null) invalid('specversion', 'is required');
  // Never JSON.stringify of a foreign value: 10 000 levels of nesting overflow it.
  const found = typeof version === 'string' ? JSON.stringify(version.slice(0, 16)) : kindOf(version);
  throw new RouterError('SPECVERSION_UNSUPPORTED', `specversion must be the string "1.0", found ${found}`);
}

/**
 * Checks attributes against CloudEvents 1.0.2 and returns them typed. Throws RouterError: SPECVERSION_UNSUPPORTED,
 * EVENT_INVALID or NUMBER_NOT_CARRIABLE, naming the attribute. Undefined members are absent. Never alters a value.
 */
export function checkAttributes(attributes: Readonly<Record<string, unknown>>): Attributes {
  checkSpecversion(attributes['specversion']);
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== undefined && name !== 'specversion') checkAttribute(name, value);
  }
  if (attributes['id'] === undefined) invalid('id', 'is required');
  if (attributes['source'] === undefined) invalid('source', 'is required');
  if (attributes['type'] === undefined) invalid('type', 'is required');
  return attributes as Attributes;
}

/** Checks a whole event; see checkAttributes. Of the data only that JSON is not empty: its bytes are not parsed again. */
export function checkEvent(event: CloudEvent): CloudEvent {
  checkAttributes(event.attributes);
  if (event.data?.kind === 'json' && event.data.bytes.length === 0) {
    throw new RouterError(
      'NOT_JSON',
      'data of kind json must be a JSON text, found no bytes; leave data out if there is none',
    );
  }
  return event;
}
