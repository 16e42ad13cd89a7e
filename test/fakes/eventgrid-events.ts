// What the fake Event Grid takes as events: a request is taken or refused as a whole, and what was taken is kept as the
// bytes that came. Its refusals quote what they refuse, as a service may, so that a caller that shows them is caught.
// Sources: CloudEvents 1.0.2 and its JSON format; Azure Event Grid, "Post to custom topic" and limits.

import { afterValue, skipSpace } from '../../router/wire/json-scan.ts';

export type Tier = 'topic' | 'namespace';

export interface Stored {
  /** The event as it was sent. */
  readonly text: string;
  readonly publishedAt: number;
}

export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

export const REQUEST_BYTES = 1_048_576;
export const maxEvents: Readonly<Record<Tier, number>> = { topic: 5_000, namespace: 1_000 };

const STRUCTURED = /^application\/cloudevents\+json(?:; ?charset=utf-8)?$/i;
const BATCH = /^application\/cloudevents-batch\+json(?:; ?charset=utf-8)?$/i;
const TIME = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

function textProblem(event: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = event[name];
  return typeof value === 'string' && value !== '' ? undefined : `'${name}' must be a text that is not empty`;
}

function attributeProblem(name: string, value: unknown): string | undefined {
  if (!/^[a-z0-9]+$/.test(name)) return `'${name}' is no attribute name`;
  if (typeof value === 'string') return value.isWellFormed() ? undefined : `'${name}' is not Unicode`;
  if (typeof value === 'boolean' || value === null) return undefined;
  return typeof value === 'number' && Number.isInteger(value) ? undefined : `'${name}' must be a scalar`;
}

function eventProblem(event: unknown): string | undefined {
  if (typeof event !== 'object' || event === null || Array.isArray(event)) return 'an event must be an object';
  const { data, data_base64: base64, ...attributes } = event as Readonly<Record<string, unknown>>;
  if (attributes['specversion'] !== '1.0') return "'specversion' must be 1.0";
  if (data !== undefined && base64 !== undefined) return "'data' and 'data_base64' exclude each other";
  if (base64 !== undefined && typeof base64 !== 'string') return "'data_base64' must be a text";
  for (const name of ['id', 'source', 'type']) {
    const problem = textProblem(attributes, name);
    if (problem !== undefined) return problem;
  }
  const { time } = attributes;
  if (time !== undefined && time !== null && !(typeof time === 'string' && TIME.test(time)))
    return "'time' is no timestamp";
  for (const [name, value] of Object.entries(attributes)) {
    const problem = attributeProblem(name, value);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** The items of the list that `bytes` are. */
function itemsOf(bytes: Buffer): readonly string[] {
  const items: string[] = [];
  for (let at = skipSpace(bytes, skipSpace(bytes, 0) + 1); bytes[at] !== 0x5d; ) {
    const end = afterValue(bytes, at);
    items.push(bytes.toString('utf8', at, end));
    at = skipSpace(bytes, end);
    if (bytes[at] === 0x2c) at = skipSpace(bytes, at + 1);
  }
  return items;
}

function refusal(status: number, code: string, message: string): Refusal {
  return { status, code, message };
}

export interface EventRules {
  readonly tier: Tier;
  /** Less than documented, where a test wants that. */
  readonly requestBytes?: number;
  /** What the service dislikes beyond the specification; a text says why. */
  readonly dislikes?: (event: unknown) => string | undefined;
}

/** The events of a publish request as texts, or why all of them are refused. */
export function readEvents(contentType: string, body: Buffer, rules: EventRules): readonly string[] | Refusal {
  const { tier, requestBytes = REQUEST_BYTES, dislikes } = rules;
  if (body.length > requestBytes) {
    return refusal(413, 'PayloadTooLarge', `the request has ${body.length} bytes, at most ${requestBytes} are taken`);
  }
  const isBatch = BATCH.test(contentType);
  if (!isBatch && !STRUCTURED.test(contentType)) return refusal(415, 'UnsupportedMediaType', contentType);
  const bad = (says: string): Refusal =>
    refusal(400, 'BadRequest', `${says}: ${body.toString('utf8', 0, 400)} (shortened)`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return bad('the request is not JSON');
  }
  if (isBatch !== Array.isArray(parsed)) return bad('the request does not look like its content type');
  const events = isBatch ? (parsed as readonly unknown[]) : [parsed];
  if (events.length === 0) return bad('the request has no events');
  if (events.length > maxEvents[tier])
    return refusal(413, 'PayloadTooLarge', `at most ${maxEvents[tier]} events are taken`);
  for (const [i, event] of events.entries()) {
    const problem = eventProblem(event) ?? dislikes?.(event);
    if (problem !== undefined) return bad(`event ${i}: ${problem}`);
  }
  return isBatch ? itemsOf(body) : [body.toString('utf8')];
}
