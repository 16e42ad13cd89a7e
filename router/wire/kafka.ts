// The Kafka binding. Binary mode where it carries the event exactly, structured mode for the rest, so that every valid
// event comes back as it went. The record key is for the partitioner only and never becomes an attribute.
// Source: cloudevents/spec 1.0.3 draft, bindings/kafka-protocol-binding.md; header shapes as kafkajs 2.2.4 delivers them.

import { isUtf8 } from 'node:buffer';
import { RouterError } from '../errors.ts';
import { type CloudEvent, checkAttributeName, checkAttributes } from '../event.ts';
import { binaryGap, checkFormat, contentMode, readBody } from './binary.ts';
import { decodeStructured, encodeStructured } from './json.ts';

type HeaderValue = Buffer | string | null | undefined;

/** What a consumer gets; a repeated header is a list. */
export interface KafkaMessage {
  readonly key?: Buffer | string | null | undefined;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, HeaderValue | readonly HeaderValue[]>> | null | undefined;
}

/** What a producer sends. `value` null is a record without a value: a tombstone where the topic is compacted. */
export interface KafkaRecord {
  readonly key: string | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
}

const PREFIX = 'ce_';
// Spelled as in the binding, section 3.3.1.
const STRUCTURED_TYPE = 'application/cloudevents+json; charset=UTF-8';

/** Inverse of decodeKafka for every event that passed checkAttributes. The key is the partitionkey, if it is a string. */
export function encodeKafka(event: CloudEvent): KafkaRecord {
  const { attributes, data } = event;
  const partitionKey = attributes['partitionkey'];
  const key = typeof partitionKey === 'string' ? partitionKey : null;
  if (binaryGap(event) !== undefined) {
    return { key, value: encodeStructured(event), headers: { 'content-type': STRUCTURED_TYPE } };
  }
  const headers: Record<string, string> = {};
  for (const name in attributes) {
    const value = attributes[name];
    if (typeof value !== 'string') continue;
    if (name === 'datacontenttype') headers['content-type'] = value;
    else headers[PREFIX + name] = value;
  }
  return { key, value: data?.bytes ?? null, headers };
}

/**
 * Throws RouterError only. Strict about the envelope; bytes of a JSON type that are no JSON are binary data, and an empty
 * value is no data, because Kafka tools confuse it with null.
 */
export function decodeKafka({ value, headers: given }: KafkaMessage): CloudEvent {
  const headers = given ?? {};
  const contentType = headerText('content-type', headers['content-type'])?.trim() || undefined;
  const mode = contentMode(contentType);
  if (mode === 'binary') return decodeBinary(headers, contentType, value);
  checkFormat(contentType!);
  if (mode === 'batch') {
    throw new RouterError('CONTENT_TYPE_UNSUPPORTED', 'Kafka has no batch mode; send one event in a record');
  }
  if (!Buffer.isBuffer(value)) throw new RouterError('EVENT_INVALID', 'a structured event has no value in its record');
  return decodeStructured(value);
}

function decodeBinary(
  headers: NonNullable<KafkaMessage['headers']>,
  contentType: string | undefined,
  value: Buffer | null,
): CloudEvent {
  const attributes: Record<string, string> = {};
  for (const name in headers) {
    if (!name.startsWith(PREFIX)) continue;
    const text = headerText(name, headers[name]);
    if (text === undefined) continue;
    const attribute = name.slice(PREFIX.length);
    checkAttributeName(attribute);
    attributes[attribute] = text;
  }
  // The JavaScript SDK repeats the content type here; the same text twice does no harm.
  if ((attributes['datacontenttype'] ?? contentType) !== contentType) {
    throw new RouterError(
      'EVENT_INVALID',
      "header 'ce_datacontenttype' is not allowed; the type of data is content-type",
    );
  }
  if (attributes['specversion'] === undefined) {
    throw new RouterError(
      'EVENT_INVALID',
      "the record is no CloudEvent: it has neither header 'ce_specversion' nor a content-type application/cloudevents+json",
    );
  }
  if (contentType !== undefined) attributes['datacontenttype'] = contentType;
  const checked = checkAttributes(attributes);
  if (!Buffer.isBuffer(value) || value.length === 0) return { attributes: checked };
  return { attributes: checked, data: readBody(value, contentType, 'lenient') };
}

/** A header without a value is an absent one. */
function headerText(name: string, given: unknown): string | undefined {
  const value = Array.isArray(given) && given.length === 1 ? given[0] : given;
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  const shown = JSON.stringify(name.slice(0, 64));
  if (Array.isArray(value))
    throw new RouterError('EVENT_INVALID', `header ${shown} is given ${value.length} times; give it once`);
  if (!Buffer.isBuffer(value))
    throw new RouterError('EVENT_INVALID', `header ${shown} must be bytes, found ${typeof value}`);
  if (!isUtf8(value)) throw new RouterError('NOT_UTF8', `header ${shown} must be UTF-8`);
  return value.toString('utf8');
}
