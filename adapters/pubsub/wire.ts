// Event <-> Pub/Sub message. Pure. The data is the whole structured event, so nothing is lost; every attribute stands
// beside it as `ce-<name>`, because filters look there and nowhere else. An attribute that does not fit is refused: left
// out, it would make filters lose the event.
// Source: googleapis/google-cloudevents docs/spec/pubsub.md (structured mode with repeated attributes; binary is read too).

import { RouterError } from '../../router/errors.ts';
import { type CloudEvent, checkAttributeName, checkAttributes, checkEvent } from '../../router/event.ts';
import { checkFormat, contentMode, readBody } from '../../router/wire/binary.ts';
import { decodeStructured, encodeStructured } from '../../router/wire/json.ts';
import { serviceLimits } from './options.ts';

export interface PubSubMessage {
  readonly data: Buffer;
  readonly attributes: Readonly<Record<string, string>>;
  /** '' for none. */
  readonly orderingKey: string;
}

const PREFIX = 'ce-';
const STRUCTURED_TYPE = 'application/cloudevents+json; charset=utf-8';

function refuse(says: string): never {
  throw new RouterError('NOT_CARRIABLE', `pubsub: ${says}`);
}

function checkValue(name: string, value: string): void {
  const { attributeKeyBytes, attributeValueBytes } = serviceLimits;
  // 3: bytes of UTF-8 for a unit of UTF-16, at most.
  if (value.length * 3 > attributeValueBytes) {
    const bytes = Buffer.byteLength(value);
    if (bytes > attributeValueBytes) {
      refuse(`attribute '${name.slice(0, 64)}' takes ${bytes} bytes, at most ${attributeValueBytes} are carried`);
    }
  }
  if (name.length + PREFIX.length > attributeKeyBytes) {
    refuse(`the name of attribute '${name.slice(0, 64)}...' takes ${name.length} bytes, too many beside '${PREFIX}'`);
  }
}

/** All of the message but its data. Throws NOT_CARRIABLE, and what checkEvent throws. */
export function encodeEnvelope(event: CloudEvent): Omit<PubSubMessage, 'data'> {
  const { attributes } = checkEvent(event);
  const carried: Record<string, string> = { 'content-type': STRUCTURED_TYPE };
  let count = 1;
  for (const name in attributes) {
    const value = attributes[name];
    if (value === undefined) continue;
    const text = String(value);
    checkValue(name, text);
    carried[PREFIX + name] = text;
    count++;
  }
  if (count > serviceLimits.attributes) {
    refuse(`the event has ${count - 1} attributes, at most ${serviceLimits.attributes - 1} are carried`);
  }
  const key = attributes['partitionkey'];
  return { attributes: carried, orderingKey: typeof key === 'string' ? key : '' };
}

/** Inverse of decodeMessage. Throws what encodeEnvelope throws. */
export function encodeMessage(event: CloudEvent): PubSubMessage {
  return { data: encodeStructured(event), ...encodeEnvelope(event) };
}

/** What a message may be when somebody else wrote it. */
export interface ReceivedData {
  readonly data: Buffer;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Throws RouterError only. Structured by its content type; else binary, whose attributes are all strings. */
export function decodeMessage({ data, attributes }: ReceivedData): CloudEvent {
  const contentType = Object.hasOwn(attributes, 'content-type') ? attributes['content-type'] : undefined;
  const mode = contentMode(contentType);
  if (mode === 'binary') return decodeBinary(data, attributes, contentType);
  checkFormat(contentType!);
  if (mode === 'batch') {
    throw new RouterError('CONTENT_TYPE_UNSUPPORTED', 'pubsub: a message holds one event; there is no batch mode');
  }
  return decodeStructured(data);
}

function decodeBinary(
  data: Buffer,
  given: Readonly<Record<string, string>>,
  contentType: string | undefined,
): CloudEvent {
  const attributes: Record<string, string> = {};
  for (const name in given) {
    if (!name.startsWith(PREFIX)) continue;
    const attribute = name.slice(PREFIX.length);
    checkAttributeName(attribute);
    attributes[attribute] = given[name]!;
  }
  if (attributes['specversion'] === undefined) {
    throw new RouterError(
      'EVENT_INVALID',
      "pubsub: the message is no CloudEvent: it has neither attribute 'ce-specversion' nor a content-type application/cloudevents+json",
    );
  }
  // The binding says content-type and its example ce-datacontenttype; both are read.
  const type = contentType ?? attributes['datacontenttype'];
  if ((attributes['datacontenttype'] ?? type) !== type) {
    throw new RouterError('EVENT_INVALID', "pubsub: 'content-type' and 'ce-datacontenttype' disagree; send one");
  }
  if (type !== undefined) attributes['datacontenttype'] = type;
  const checked = checkAttributes(attributes);
  return data.length === 0 ? { attributes: checked } : { attributes: checked, data: readBody(data, type, 'lenient') };
}

/** Attributes as they come from outside; undefined where they are no map of strings. */
export function readAttributes(value: unknown): Record<string, string> | undefined {
  const attributes: Record<string, string> = Object.create(null);
  if (value === undefined || value === null) return attributes;
  if (typeof value !== 'object' || Array.isArray(value)) return undefined;
  for (const [name, text] of Object.entries(value)) {
    if (typeof text !== 'string') return undefined;
    attributes[name] = text;
  }
  return attributes;
}
