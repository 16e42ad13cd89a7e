// What the service pushes → one entry. Pure. Hostile payloads give refusals and never a throw. Taken are the wrapped form
// (the parsed body, its bytes, or the HTTP request), the form without wrapper with or without metadata (the HTTP request),
// and the event that Eventarc and Cloud Run functions put around a message.
// Source: google/pubsub/v1/pubsub.proto, PushConfig; "Receive messages from push subscriptions", payload unwrapping.

import { isUtf8 } from 'node:buffer';
import { isObject } from '../../router/config.ts';
import { toRouterError } from '../../router/errors.ts';
import type { Decoded } from '../adapter.ts';
import { ruleOfSubscription } from './definitions.ts';
import type { PubSubOptions } from './options.ts';
import { decodeMessage, readAttributes } from './wire.ts';

type Loose = Readonly<Record<string, unknown>>;
type Prefix = Pick<PubSubOptions, 'subscriptionPrefix'>;

interface Pushed {
  readonly data: Buffer;
  readonly attributes: Readonly<Record<string, string>>;
  readonly handle: string;
  readonly subscription: string;
  readonly attempt: number;
}

interface Refusal {
  readonly reason: string;
  readonly bytes: Buffer;
  readonly handle: string;
}

const NO_HANDLE = 'message';

/** Undefined when the text is no base64: Buffer skips what it does not know. */
function fromBase64(text: unknown): Buffer | undefined {
  if (typeof text !== 'string') return undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function bytesOf(value: unknown): Buffer {
  if (Buffer.isBuffer(value)) return value;
  if (typeof value === 'string') return Buffer.from(value);
  try {
    return Buffer.from(JSON.stringify(value) ?? '');
  } catch {
    return Buffer.alloc(0); // a cycle, a BigInt: nothing that came as JSON
  }
}

function refused(reason: string, bytes: Buffer, handle = NO_HANDLE): Refusal {
  return { reason: `pubsub: ${reason}`, bytes, handle };
}

/** 1 where the service does not count: it does so only with a dead letter policy. */
function attemptOf(value: unknown): number {
  const attempt = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
  return Number.isSafeInteger(attempt) && (attempt as number) >= 1 ? (attempt as number) : 1;
}

function fromWrapper(wrapper: Loose): Pushed | Refusal {
  const { message, subscription, deliveryAttempt } = wrapper;
  if (!isObject(message)) return refused("'message' must be an object", bytesOf(message));
  const handle = textOf(message['messageId']) || textOf(message['message_id']) || NO_HANDLE;
  const data = fromBase64(message['data'] ?? '');
  if (data === undefined) return refused('the data of a message must be base64', bytesOf(message['data']), handle);
  const attributes = readAttributes(message['attributes']);
  if (attributes === undefined) return refused('the attributes of a message must be texts', data, handle);
  return { data, attributes, handle, subscription: textOf(subscription), attempt: attemptOf(deliveryAttempt) };
}

/** JSON of an object, or undefined. */
function objectOf(bytes: Buffer): Loose | undefined {
  if (!isUtf8(bytes)) return undefined;
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const METADATA = 'x-goog-pubsub-';

/** The body is the data. With metadata the attributes are headers; without, only an event that says what it is can be read. */
function fromUnwrapped(headers: Readonly<Record<string, string>>, body: Buffer, parsed: Loose | undefined): Pushed {
  const has = (name: string): string => textOf(headers[METADATA + name]);
  const handle = has('message-id') || NO_HANDLE;
  const about = {
    handle,
    subscription: has('subscription-name'),
    attempt: attemptOf(headers[`${METADATA}delivery-attempt`]),
  };
  const saysEvent = 'ce-specversion' in headers || /^application\/cloudevents/i.test(headers['content-type'] ?? '');
  if (!saysEvent && parsed?.['specversion'] !== undefined) {
    return { ...about, data: body, attributes: { 'content-type': 'application/cloudevents+json' } };
  }
  return { ...about, data: body, attributes: headers };
}

function fromRequest(request: Loose): Pushed | Refusal {
  const { headers: given, body } = request;
  const headers = readAttributes(given);
  if (headers === undefined) return refused('the headers of a request must be texts', bytesOf(given));
  if (!Buffer.isBuffer(body)) return refused('the body of a request must be bytes', bytesOf(body));
  const parsed = objectOf(body);
  const wrapped = parsed !== undefined && isObject(parsed['message']) && parsed['specversion'] === undefined;
  return wrapped ? fromWrapper(parsed) : fromUnwrapped(headers, body, parsed);
}

function read(pushed: unknown): Pushed | Refusal {
  if (Buffer.isBuffer(pushed) || typeof pushed === 'string') {
    const parsed = objectOf(bytesOf(pushed));
    return parsed === undefined ? refused('a pushed body must be a JSON object', bytesOf(pushed)) : fromWrapper(parsed);
  }
  if (!isObject(pushed)) return refused("a pushed payload must be an object with 'message'", bytesOf(pushed));
  if ('body' in pushed && 'headers' in pushed) return fromRequest(pushed);
  const data = pushed['data'];
  if (pushed['message'] === undefined && isObject(data) && isObject(data['message'])) return fromWrapper(data);
  return fromWrapper(pushed);
}

/** Inverse of what publish wrote, as the service hands it on. One entry, always. */
export function decodePush(pushed: unknown, prefix: Prefix): readonly Decoded[] {
  const found = read(pushed);
  if ('reason' in found) return [{ ok: false, code: 'DECODE_FAILED', ...found }];
  const { data, handle, subscription } = found;
  try {
    const event = decodeMessage(found);
    const rule = ruleOfSubscription(prefix, subscription);
    return [rule === undefined ? { ok: true, event, handle } : { ok: true, event, handle, rule }];
  } catch (thrown) {
    const { code, message } = toRouterError(thrown, 'DECODE_FAILED');
    return [{ ok: false, code, reason: message, bytes: data, handle }];
  }
}

/** How often this was delivered, this time included; for createDeliver. Total. */
export function pushAttempt(pushed: unknown): number {
  const found = read(pushed);
  return 'reason' in found ? 1 : found.attempt;
}
