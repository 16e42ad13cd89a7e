// The HTTP binding in binary, structured and batch mode. Header values are percent-encoded, so nothing that an event
// says can end a header or start another. Never alters an event: what binary mode cannot carry is refused.
// Source: cloudevents/spec ce@v1.0.2, bindings/http-protocol-binding.md, section 3.1.3.2 for header values.

import { RouterError } from '../errors.ts';
import { type CloudEvent, checkAttributeName, checkAttributes } from '../event.ts';
import { binaryGap, type ContentMode, checkFormat, contentMode, readBody } from './binary.ts';
import { decodeBatch, decodeStructured, encodeBatch, encodeStructured } from './json.ts';

export interface HttpEvents {
  readonly mode: ContentMode;
  readonly events: readonly CloudEvent[];
}

export interface HttpMessage {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const PREFIX = 'ce-';
// Lower case: the JavaScript SDK takes no other spelling of the charset.
const STRUCTURED_TYPE = 'application/cloudevents+json; charset=utf-8';
const BATCH_TYPE = 'application/cloudevents-batch+json; charset=utf-8';

/**
 * `headers` have lower-case names, as in RawRequest. Throws RouterError: CONTENT_TYPE_UNSUPPORTED or REQUEST_INVALID when
 * this is no CloudEvent at all, else what is wrong with the event; JSON data that is not JSON is NOT_JSON or NOT_UTF8.
 */
export function decodeHttp(headers: Readonly<Record<string, string>>, body: Buffer): HttpEvents {
  const contentType = headers['content-type']?.trim() || undefined;
  const mode = contentMode(contentType);
  if (mode === 'binary') return { mode, events: [decodeBinary(headers, contentType, body)] };
  checkFormat(contentType!);
  return { mode, events: mode === 'batch' ? decodeBatch(body) : [decodeStructured(body)] };
}

function decodeBinary(
  headers: Readonly<Record<string, string>>,
  contentType: string | undefined,
  body: Buffer,
): CloudEvent {
  if (headers['ce-specversion'] === undefined) refuseForeign(contentType);
  const attributes: Record<string, string> = {};
  for (const name in headers) {
    if (!name.startsWith(PREFIX)) continue;
    const attribute = name.slice(PREFIX.length);
    if (attribute === 'datacontenttype') {
      throw new RouterError(
        'EVENT_INVALID',
        "header 'ce-datacontenttype' is not allowed; the type of data is content-type",
      );
    }
    checkAttributeName(attribute);
    attributes[attribute] = decodeHeader(attribute, headers[name]!);
  }
  if (contentType !== undefined) attributes['datacontenttype'] = contentType;
  const checked = checkAttributes(attributes);
  // HTTP cannot tell an empty body from none.
  if (body.length === 0) return { attributes: checked };
  return { attributes: checked, data: readBody(body, contentType, 'strict') };
}

function refuseForeign(contentType: string | undefined): never {
  const due =
    'send application/cloudevents+json, application/cloudevents-batch+json, or ce- headers with ce-specversion: 1.0';
  if (contentType === undefined) {
    throw new RouterError('REQUEST_INVALID', `the request has no content-type and no header 'ce-specversion'; ${due}`);
  }
  throw new RouterError(
    'CONTENT_TYPE_UNSUPPORTED',
    `content type ${JSON.stringify(contentType.slice(0, 80))} without header 'ce-specversion' is no CloudEvent; ${due}`,
  );
}

const HEADER_TEXT = /^[\x20-\x7e]*$/;
const QUOTED = /^"(?:[^"\\]|\\.)*"$/;

/**
 * Unquotes a value that is one quoted string, then one round of percent-decoding; needless escapes are fine. A percent
 * sign without two hex digits is refused: the binding makes senders encode it, and guessing would alter an event.
 */
function decodeHeader(attribute: string, raw: string): string {
  const refuse = (says: string): never => {
    throw new RouterError('EVENT_INVALID', `header 'ce-${attribute}' ${says}`, { attribute });
  };
  if (!HEADER_TEXT.test(raw)) refuse('has characters outside visible ASCII; percent-encode them as UTF-8');
  let text = raw.trim();
  if (text.startsWith('"')) {
    if (text.length > 8192 || !QUOTED.test(text)) refuse('begins a quoted string that does not end with the value');
    text = text.slice(1, -1).replace(/\\(.)/g, '$1');
  }
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return refuse('has a percent sign that is no escape, or escapes that are not UTF-8; write a percent sign as %25');
  }
}

/** Space, double quote, percent and everything outside U+0021 to U+007E, as upper-case escapes of the UTF-8 bytes. */
function encodeHeader(value: string): string {
  return value.replace(/[^\x21\x23\x24\x26-\x7e]+/g, encodeURIComponent);
}

/**
 * Throws NOT_CARRIABLE for mode `binary` when the event would come out different (attributes that are not strings, data
 * without a datacontenttype, empty data), and what checkAttributes throws. Structured carries every event.
 */
export function encodeHttp(event: CloudEvent, mode: 'binary' | 'structured'): HttpMessage {
  const attributes = checkAttributes(event.attributes);
  if (mode === 'structured') return { headers: { 'content-type': STRUCTURED_TYPE }, body: encodeStructured(event) };
  const gap = binaryGap(event);
  if (gap !== undefined) {
    throw new RouterError('NOT_CARRIABLE', `HTTP binary mode would alter this event: ${gap}; send it structured`);
  }
  const headers: Record<string, string> = {};
  for (const name in attributes) {
    const value = attributes[name];
    if (typeof value !== 'string') continue;
    if (name === 'datacontenttype') headers['content-type'] = value;
    else headers[PREFIX + name] = encodeHeader(value);
  }
  return { headers, body: event.data?.bytes ?? Buffer.alloc(0) };
}

/** Only for receivers that asked for batches. May be empty. */
export function encodeHttpBatch(events: readonly CloudEvent[]): HttpMessage {
  for (const event of events) checkAttributes(event.attributes);
  return { headers: { 'content-type': BATCH_TYPE }, body: encodeBatch(events) };
}
