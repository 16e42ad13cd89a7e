// Events <-> what Event Grid takes and gives: a CloudEvents batch going out; one event, a list of them or the answer of a
// receive coming in. Pure. Data travels as the bytes that came; hostile payloads give refusals and never a throw.
// Source: Azure Event Grid, "CloudEvents schema" and "subscriber operations"; CloudEvents JSON format 1.0.2.

import { type RouterError, toRouterError } from '../../router/errors.ts';
import type { CloudEvent } from '../../router/event.ts';
import type { RawRequest } from '../../router/http.ts';
import { decodeHttp } from '../../router/wire/http.ts';
import { decodeStructured, parseJson } from '../../router/wire/json.ts';
import { afterValue, memberName, scanObject, skipSpace } from '../../router/wire/json-scan.ts';
import type { Decoded } from '../adapter.ts';
import { ruleOfSubscription } from './filter.ts';

export const BATCH_TYPE = 'application/cloudevents-batch+json; charset=utf-8';

const OPEN = Buffer.from('[');
const COMMA = Buffer.from(',');
const CLOSE = Buffer.from(']');

/** The body of a publish request, of events in structured form. */
export function joinBatch(encoded: readonly Buffer[]): Buffer {
  return Buffer.concat([OPEN, ...encoded.flatMap((event, i) => (i === 0 ? [event] : [COMMA, event])), CLOSE]);
}

type Loose = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}

/** The items of the list whose bracket is at `open`, in bytes that JSON.parse has accepted. */
export function itemsOf(bytes: Buffer, open: number): readonly Buffer[] {
  const items: Buffer[] = [];
  let at = skipSpace(bytes, open + 1);
  while (at < bytes.length && bytes[at] !== 0x5d) {
    const end = afterValue(bytes, at);
    items.push(bytes.subarray(at, end));
    at = skipSpace(bytes, end);
    if (bytes[at] === 0x2c) at = skipSpace(bytes, at + 1);
  }
  return items;
}

/** The bytes of the member of this name, the last one if it repeats; `bytes` begin with the object's brace. */
export function memberOf(bytes: Buffer, name: string): Buffer | undefined {
  const member = scanObject(bytes, 0).members.findLast((one) => memberName(bytes, one) === name);
  return member === undefined ? undefined : bytes.subarray(member.start, member.end);
}

interface Place {
  /** Names the record to whoever acknowledges. */
  readonly handle: (event: CloudEvent | undefined) => string;
  readonly rule: string | undefined;
}

function refused({ code, message }: RouterError, bytes: Buffer, handle: string): Decoded {
  return { ok: false, code, reason: `eventgrid: ${message}`, bytes, handle };
}

function accepted(event: CloudEvent, { handle, rule }: Place): Decoded {
  return { ok: true, event, handle: handle(event), ...(rule === undefined ? {} : { rule }) };
}

function decodeOne(bytes: Buffer, place: Place): Decoded {
  try {
    return accepted(decodeStructured(bytes), place);
  } catch (thrown) {
    return refused(toRouterError(thrown, 'DECODE_FAILED'), bytes, place.handle(undefined));
  }
}

/** One request may carry the same event twice, so its place in it is part of the handle. */
function placeAt(index: number, rule: string | undefined): Place {
  return {
    rule,
    handle: (event) =>
      event === undefined ? `#${index}` : `${event.attributes.source} ${event.attributes.id} #${index}`,
  };
}

export interface Received {
  readonly lockToken: string;
  /** 1 for the first time. */
  readonly deliveryCount: number;
  readonly decoded: Decoded;
}

/** One item of a receive; undefined where nothing names its lock, so that nothing could be acknowledged. */
function receivedItem(item: Buffer): Received | undefined {
  if (item[0] !== 0x7b) return undefined;
  const broker = memberOf(item, 'brokerProperties');
  const properties: unknown = broker === undefined ? undefined : JSON.parse(broker.toString('utf8'));
  if (!isObject(properties) || typeof properties['lockToken'] !== 'string') return undefined;
  const { lockToken, deliveryCount } = properties as { lockToken: string; deliveryCount?: unknown };
  const count = Number.isSafeInteger(deliveryCount) ? Math.max(1, deliveryCount as number) : 1;
  const event = memberOf(item, 'event') ?? Buffer.alloc(0);
  return { lockToken, deliveryCount: count, decoded: decodeOne(event, { rule: undefined, handle: () => lockToken }) };
}

/** The answer to a receive. Throws RouterError (NOT_JSON, NOT_UTF8) when it is no JSON; items without a lock are left out. */
export function readReceived(body: Buffer): readonly Received[] {
  const parsed = parseJson(body, 'the answer to a receive');
  const list =
    isObject(parsed) && Array.isArray(parsed['value'])
      ? memberOf(body.subarray(skipSpace(body, 0)), 'value')
      : undefined;
  if (list === undefined) return [];
  return itemsOf(list, 0).flatMap((item) => receivedItem(item) ?? []);
}

function isReceived(parsed: unknown): boolean {
  return isObject(parsed) && Array.isArray(parsed['value']) && !Object.hasOwn(parsed, 'specversion');
}

function decodeBytes(body: Buffer, rule: string | undefined): readonly Decoded[] {
  let parsed: unknown;
  try {
    parsed = parseJson(body, 'a pushed payload');
  } catch (thrown) {
    return [refused(toRouterError(thrown, 'DECODE_FAILED'), body, '#0')];
  }
  if (isReceived(parsed)) return readReceived(body).map(({ decoded }) => decoded);
  if (!Array.isArray(parsed)) return [decodeOne(body, placeAt(0, rule))];
  return itemsOf(body, skipSpace(body, 0)).map((item, i) => decodeOne(item, placeAt(i, rule)));
}

function isRequest(value: Loose): value is Loose & Pick<RawRequest, 'headers' | 'body'> {
  return Buffer.isBuffer(value['body']) && isObject(value['headers']);
}

function header(headers: Loose, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

/** A request as a host got it: structured, a batch, or binary mode. */
function decodeRequest(
  { headers, body }: Pick<RawRequest, 'headers' | 'body'>,
  rule: string | undefined,
): readonly Decoded[] {
  if (header(headers, 'ce-specversion') === undefined) return decodeBytes(body, rule);
  try {
    return decodeHttp(headers, body).events.map((event, i) => accepted(event, placeAt(i, rule)));
  } catch (thrown) {
    return [refused(toRouterError(thrown, 'DECODE_FAILED'), body, '#0')];
  }
}

/** A value that was parsed already, as the Functions host gives it: numbers beyond a double are gone by then. */
function textOf(value: unknown): Buffer {
  try {
    return Buffer.from(JSON.stringify(value) ?? '');
  } catch {
    return Buffer.alloc(0); // a cycle, a BigInt: nothing that came as JSON
  }
}

export interface DecodeSettings {
  readonly prefix: string;
  /** The names of the rules in force. */
  readonly rules: () => readonly string[];
}

/** What a host was pushed (a RawRequest, a body, or parsed JSON) or received, as one entry a record. */
export function decodeEventGrid(pushed: unknown, { prefix, rules }: DecodeSettings): readonly Decoded[] {
  if (isObject(pushed) && isRequest(pushed)) {
    const subscription = header(pushed.headers, 'aeg-subscription-name');
    const rule = subscription === undefined ? undefined : ruleOfSubscription(subscription, prefix, rules());
    return decodeRequest(pushed, rule);
  }
  if (Buffer.isBuffer(pushed)) return decodeBytes(pushed, undefined);
  return decodeBytes(typeof pushed === 'string' ? Buffer.from(pushed) : textOf(pushed), undefined);
}

/** How often Event Grid tried before this delivery; 0 where it does not say. */
export function attemptsBefore(headers: RawRequest['headers']): number {
  const count = headers['aeg-delivery-count'];
  return count !== undefined && /^\d{1,4}$/.test(count) ? Number(count) : 0;
}
