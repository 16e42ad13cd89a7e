// The raw body of a request as event data. The bytes that came in are the bytes that go out: parsed for reading only.
// Text is data only when it is UTF-8 to the last byte: a raw splice of other bytes would make an event that strict
// readers refuse.

import { isUtf8 } from 'node:buffer';
import { RouterError } from '../../router/errors.ts';
import { binaryData, type EventData, isJsonMediaType, jsonData } from '../../router/event.ts';
import type { RawRequest } from '../../router/http.ts';
import { jsonOrBinary, parseJson } from '../../router/wire/json.ts';

/** Lower case, without parameters; '' when the request names none. */
export function mediaType(contentType: string | undefined): string {
  if (contentType === undefined || contentType === 'application/json') return contentType ?? '';
  const end = contentType.indexOf(';');
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}

/** No source here signs the inflated body, so a compressed one is refused instead of guessed at. */
export function refuseCompressed(kind: string, request: RawRequest): void {
  const encoding = request.headers['content-encoding'];
  if (encoding === undefined || encoding === '' || encoding.toLowerCase() === 'identity') return;
  throw new RouterError(
    'ENCODING_UNSUPPORTED',
    `${kind}: content-encoding must be absent; send the body uncompressed`,
    {
      source: kind,
    },
  );
}

export interface Body {
  readonly data?: EventData;
  readonly datacontenttype?: string;
}

const TEXT = /^(?:text\/.+|application\/(?:x-www-form-urlencoded|xml|yaml|.+\+xml|.+\+yaml))$/;
const CHARSET = /;[ \t]*charset[ \t]*=[ \t]*"?([^";, \t]+)/i;

function isTextInUtf8(contentType: string, body: Buffer): boolean {
  if (!TEXT.test(mediaType(contentType))) return false;
  const charset = CHARSET.exec(contentType)?.[1]?.toLowerCase() ?? 'utf-8';
  return (charset === 'utf-8' || charset === 'utf8' || charset === 'us-ascii') && isUtf8(body);
}

/**
 * JSON when the content type says so; then it must be JSON. Without a content type: JSON if it reads as such, which
 * RFC 9110 8.3 leaves to the receiver, else binary. Text that is not UTF-8 is binary. An empty body is absent data.
 */
export function bodyData(kind: string, request: RawRequest): Body {
  const { body } = request;
  const contentType = request.headers['content-type'];
  const declared = contentType === undefined || contentType === '' ? undefined : contentType;
  if (body.length === 0) return declared === undefined ? {} : { datacontenttype: declared };
  if (declared === undefined) return undeclared(body);
  if (isJsonMediaType(declared)) {
    return { data: jsonData(body, parseJson(body, `${kind}: the body`)), datacontenttype: declared };
  }
  const data: EventData = isTextInUtf8(declared, body) ? { kind: 'text', bytes: body } : binaryData(body);
  return { data, datacontenttype: declared };
}

function undeclared(body: Buffer): Body {
  const data = jsonOrBinary(body);
  return { data, datacontenttype: data.kind === 'json' ? 'application/json' : 'application/octet-stream' };
}
