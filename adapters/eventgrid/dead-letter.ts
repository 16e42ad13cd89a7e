// What Event Grid itself gave up, as the blobs that it writes say: a list of events, each with why it is there. Pure. The
// event is given back as it was, without what Event Grid put beside its attributes; what is no event is a record too.
// Sources: Azure Event Grid, "Delivery and retry" and "Set dead-letter location" (custom topics), "Dead lettering for event
// subscriptions to namespace topics". The reasons are not listed there: azure-sdk-for-net issue 26198 shows more of them.

import { type ErrorCode, toRouterError } from '../../router/errors.ts';
import { type FailureRecord, failureId } from '../../router/failure.ts';
import { decodeStructured, parseJson } from '../../router/wire/json.ts';
import { memberName, scanObject, skipSpace } from '../../router/wire/json-scan.ts';
import { ruleOfSubscription } from './filter.ts';
import { itemsOf, memberOf } from './wire.ts';

// <topic or namespace and topic, where there are any>/<subscription, often in capitals>/<year>/<month>/<day>/<hour>/<uuid>.
const NAME = /^(?:[\w-]+\/)*([\w-]+)\/\d{4}\/\d{1,2}\/\d{1,2}\/\d{1,2}\/[\w-]+\.json$/;

/** The rule whose subscription left this blob; undefined for a blob that is no dead letter, or none of ours. */
export function ruleOfDeadLetter(name: string, prefix: string, rules: readonly string[]): string | undefined {
  const subscription = NAME.exec(name)?.[1];
  return subscription === undefined ? undefined : ruleOfSubscription(subscription, prefix, rules);
}

/** One event of such a blob. */
export interface DeadLetter {
  /** As it stands in the blob. */
  readonly item: Buffer;
  readonly record: FailureRecord;
}

type Loose = Readonly<Record<string, unknown>>;

// Beside the attributes of an event of a custom topic, and in an object of its own for a namespace's.
const besides = [
  ...['deadletterreason', 'deliveryattempts', 'lastdeliveryoutcome', 'lasthttpstatuscode'],
  ...['publishtime', 'lastdeliveryattempttime'],
];
const objects = ['deadletterproperties', 'brokerproperties', 'customdeliveryproperties'];

const outcomeCodes: Readonly<Record<string, ErrorCode>> = {
  PayloadTooLarge: 'EVENT_TOO_LARGE',
  TimedOut: 'TARGET_TIMEOUT',
  SocketError: 'TARGET_UNREACHABLE',
  ResolutionError: 'TARGET_UNREACHABLE',
};

function isObject(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Words of the service's own; anything else could be an event's. */
function word(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w .-]{1,64}$/.test(value) ? value : undefined;
}

function timeOf(value: unknown): string | undefined {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}

/** Why it is there. Attempts ran out, or its time did, unless the reason says that no attempt could help. */
function readWhy(given: Loose, otherwiseAt: string): Pick<FailureRecord, 'code' | 'reason' | 'attempts' | 'at'> {
  const why = new Map(Object.entries(given).map(([name, value]) => [name.toLowerCase(), value]));
  const cause = word(why.get('deadletterreason')) ?? 'no reason given';
  const outcome = word(why.get('lastdeliveryoutcome')) ?? word(why.get('deliveryresult'));
  const status = why.get('lasthttpstatuscode');
  const count = Number(why.get('deliveryattempts'));
  const attempts = Number.isSafeInteger(count) && count >= 0 ? count : 0;
  const isHopeless = cause.toLowerCase().startsWith('undeliverable');
  const said = [
    cause,
    outcome === undefined ? undefined : `last outcome ${outcome}`,
    Number.isSafeInteger(status) ? `status ${status}` : undefined,
  ];
  return {
    code: isHopeless ? (outcomeCodes[outcome ?? ''] ?? 'TARGET_STATUS') : 'ATTEMPTS_EXHAUSTED',
    reason: `Event Grid gave it up: ${said.filter(Boolean).join(', ')}`,
    attempts,
    at: timeOf(why.get('lastdeliveryattempttime') ?? why.get('deliveryattemptutc')) ?? otherwiseAt,
  };
}

/** The object without members of these names, the rest as it stands; of a name that repeats only the last one goes. */
function without(object: Buffer, names: readonly string[]): Buffer {
  const { members } = scanObject(object, 0);
  const last = new Map(members.map((member) => [memberName(object, member).toLowerCase(), member]));
  const left = members.filter((member) => !names.some((name) => last.get(name) === member));
  const parts = left.map(({ nameStart, next }) => object.toString('utf8', nameStart - 1, next));
  return Buffer.from(`{${parts.join()}}`);
}

/** The event and why it is there, in each shape that is documented: flat, flat with an object, wrapped with an object. */
function taken(item: Buffer, value: Loose): { readonly event: Buffer; readonly why: Loose } {
  const named = Object.entries(value).find(([name]) => objects.slice(0, 2).includes(name.toLowerCase()))?.[1];
  const isWrapped = isObject(value['event']) && !Object.hasOwn(value, 'specversion');
  if (isWrapped) return { event: memberOf(item, 'event')!, why: isObject(named) ? named : value };
  return isObject(named)
    ? { event: without(item, objects), why: named }
    : { event: without(item, besides), why: value };
}

interface About {
  readonly rule: string;
  /** When Event Grid wrote the blob, as RFC 3339. */
  readonly at: string;
}

function refused(thrown: unknown, bytes: Buffer, { rule, at }: About): FailureRecord {
  const { code, message } = toRouterError(thrown, 'DECODE_FAILED');
  const reason = `Event Grid gave it up, and it is no event: ${message}`;
  return { id: failureId(rule, bytes), rule, ruleHash: null, code, reason, attempts: 0, at, event: null, bytes };
}

function readItem(item: Buffer, value: unknown, about: About): FailureRecord {
  try {
    const { event: bytes, why } = isObject(value) ? taken(item, value) : { event: item, why: {} };
    const event = decodeStructured(bytes);
    const { rule, at } = about;
    return { id: failureId(rule, event), rule, ruleHash: null, ...readWhy(why, at), event };
  } catch (thrown) {
    return refused(thrown, item, about);
  }
}

/** Every event of a blob, in its order; a blob that is no JSON is one record. Never throws. */
export function readDeadLetters(blob: Buffer, about: About): readonly DeadLetter[] {
  // .NET may put a byte order mark first.
  const body = blob[0] === 0xef && blob[1] === 0xbb && blob[2] === 0xbf ? blob.subarray(3) : blob;
  let parsed: unknown;
  try {
    parsed = parseJson(body, 'a dead letter');
  } catch (thrown) {
    return [{ item: blob, record: refused(thrown, blob, about) }];
  }
  const open = skipSpace(body, 0);
  const items = Array.isArray(parsed) ? itemsOf(body, open) : [body.subarray(open)];
  const values: readonly unknown[] = Array.isArray(parsed) ? parsed : [parsed];
  return items.map((item, i) => ({ item, record: readItem(item, values[i], about) }));
}
