// How large a message will be, without making it: an event may have megabytes, and is measured before it is sent. Pure.
// Counts what encodeStructured writes (held by a test) and what a REST body makes of it; over gRPC it takes less.

import { isUtf8 } from 'node:buffer';
import { type CloudEvent, isJsonMediaType } from '../../router/event.ts';
import type { PubSubMessage } from './wire.ts';

const base64Bytes = (bytes: number): number => Math.ceil(bytes / 3) * 4;

/** A JSON string of this text, without the quotes. */
function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) - 2;
}

function dataBytes({ attributes, data }: CloudEvent): number {
  if (data === undefined) return 0;
  const { kind, bytes } = data;
  const type = attributes.datacontenttype;
  const isJson = type === undefined || isJsonMediaType(type);
  if (kind === 'json' && isJson) {
    // A value with space around it is written after a tab: see the codec.
    const padded = bytes.length > 0 && (bytes[0]! <= 0x20 || bytes[bytes.length - 1]! <= 0x20);
    return ',"data":'.length + (padded ? 1 : 0) + bytes.length;
  }
  if (kind === 'text' && !isJson && isUtf8(bytes)) return ',"data":""'.length + jsonBytes(bytes.toString('utf8'));
  return ',"data_base64":""'.length + base64Bytes(bytes.length);
}

/** Bytes of the event in structured form. */
export function structuredBytes(event: CloudEvent): number {
  return Buffer.byteLength(JSON.stringify(event.attributes)) + dataBytes(event);
}

// {"attributes":{},"data":""}, and a comma behind it; of the attributes the first has none before it
const MESSAGE_BYTES = 27;
const KEY_BYTES = ',"orderingKey":""'.length;
// ,"":"" around a key and its value
const ATTRIBUTE_BYTES = 6;

type Envelope = Omit<PubSubMessage, 'data'>;

function bytesAround(data: number, { attributes, orderingKey }: Envelope): number {
  let bytes = MESSAGE_BYTES + base64Bytes(data);
  if (orderingKey !== '') bytes += KEY_BYTES + jsonBytes(orderingKey);
  for (const name in attributes) bytes += name.length + jsonBytes(attributes[name]!) + ATTRIBUTE_BYTES;
  return bytes;
}

/** Bytes of a message in the body of a publish. */
export function messageBytes(message: PubSubMessage): number {
  return bytesAround(message.data.length, message);
}

/** messageBytes of what the event becomes, for an envelope that was made already. */
export function eventBytes(event: CloudEvent, envelope: Envelope): number {
  return bytesAround(structuredBytes(event), envelope);
}
