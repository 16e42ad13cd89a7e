// What the HTTP and the Kafka binding share: the three content modes, and which events binary mode carries unaltered.
// In binary mode attributes are header strings and data is the body as it is, so types of attribute values and the kind
// of data must follow from the strings; an event that would come out different is not put into it.
// Source: cloudevents/spec ce@v1.0.2, bindings, with the clarifications of the 1.0.3 draft (prefix in any case).

import { isAscii, isUtf8 } from 'node:buffer';
import { RouterError } from '../errors.ts';
import { binaryData, type CloudEvent, type EventData, isJsonMediaType, isMediaType, jsonData } from '../event.ts';
import { jsonOrBinary, parseJson } from './json.ts';

export type ContentMode = 'binary' | 'structured' | 'batch';

const STRUCTURED = /^application\/cloudevents/i;
const BATCH = /^application\/cloudevents-batch/i;

/** By prefix alone, as the bindings say; checkFormat judges the rest. */
export function contentMode(contentType: string | undefined): ContentMode {
  if (contentType === undefined || !STRUCTURED.test(contentType)) return 'binary';
  return BATCH.test(contentType) ? 'batch' : 'structured';
}

function charsets(contentType: string): string[] {
  return Array.from(contentType.matchAll(/; *charset="?([^";]*)/gi), (match) => match[1]!.trim().toLowerCase());
}

const JSON_FORMAT = /^application\/cloudevents(?:-batch)?\+json *(?:;|$)/i;

/** Throws CONTENT_TYPE_UNSUPPORTED unless a structured or batch content type names JSON in UTF-8. */
export function checkFormat(contentType: string): void {
  const shown = JSON.stringify(contentType.slice(0, 80));
  if (!isMediaType(contentType) || !JSON_FORMAT.test(contentType)) {
    throw new RouterError(
      'CONTENT_TYPE_UNSUPPORTED',
      `content type ${shown} is not taken; send application/cloudevents+json or application/cloudevents-batch+json`,
    );
  }
  if (charsets(contentType).some((charset) => charset !== 'utf-8')) {
    throw new RouterError(
      'CONTENT_TYPE_UNSUPPORTED',
      `content type ${shown} is not taken; JSON is sent with charset=utf-8`,
    );
  }
}

const TEXT = /^(?:text\/|[^;]*[/+]xml *(?:;|$))/i;
const ASCII_BASED = /^(?:us-ascii|ascii|iso-8859-\d+|windows-125\d)$/;

/** Whether these bytes, read as UTF-8, are the text that the content type's charset says. */
function readsAsUtf8(bytes: Buffer, contentType: string): boolean {
  if (!isUtf8(bytes)) return false;
  return charsets(contentType).every(
    (charset) => charset === 'utf-8' || charset === 'utf8' || (ASCII_BASED.test(charset) && isAscii(bytes)),
  );
}

/**
 * The body of a binary-mode message, not empty. JSON is UTF-8 whatever its charset says (RFC 8259 section 8.1 and 11).
 * `strict`: a JSON type with other bytes throws NOT_UTF8 or NOT_JSON; else such bytes are binary data.
 */
export function readBody(bytes: Buffer, contentType: string | undefined, judge: 'strict' | 'lenient'): EventData {
  if (contentType === undefined) return binaryData(bytes);
  if (isJsonMediaType(contentType)) {
    if (judge === 'lenient') return jsonOrBinary(bytes);
    return jsonData(bytes, parseJson(bytes, `data of type '${contentType.slice(0, 64)}'`));
  }
  return TEXT.test(contentType) && readsAsUtf8(bytes, contentType) ? { kind: 'text', bytes } : binaryData(bytes);
}

/** Why binary mode would alter this event, in words; undefined when it carries it exactly. */
export function binaryGap({ attributes, data }: CloudEvent): string | undefined {
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== undefined && typeof value !== 'string')
      return `attribute '${name}' is a ${typeof value}, headers are strings`;
  }
  const contentType = attributes.datacontenttype;
  if (contentMode(contentType) !== 'binary') return 'its datacontenttype would be taken for structured mode';
  return data === undefined ? undefined : dataGap(data, contentType);
}

function dataGap(data: EventData, contentType: string | undefined): string | undefined {
  if (contentType === undefined) return 'it has data but no datacontenttype';
  if (data.bytes.length === 0) return 'empty data would be taken for absent data';
  if ((data.kind === 'json') !== isJsonMediaType(contentType)) return 'its data is not what its datacontenttype says';
  if (data.kind === 'text' && !readsAsUtf8(data.bytes, contentType)) return 'its text is not in the charset it names';
  return undefined;
}
