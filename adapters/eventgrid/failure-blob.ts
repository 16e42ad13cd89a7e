// A failure record <-> a blob of its own: one JSON object, the event in it as the bytes that travel on the bus. Pure. The
// name follows from the record's id alone, so writing a record again replaces it and removing it needs no search.

import { type ErrorCode, errorTable, RouterError } from '../../router/errors.ts';
import { isTimestamp } from '../../router/event.ts';
import type { FailureRecord } from '../../router/failure.ts';
import { decodeStructured, encodeStructured, parseJson } from '../../router/wire/json.ts';
import { skipSpace } from '../../router/wire/json-scan.ts';
import { memberOf } from './wire.ts';

/** `prefix`: the first part of the names of this router's subscriptions; routers with other prefixes can share a container. */
export function failureName(prefix: string, id: string): string {
  return `${prefix}/${encodeURIComponent(id)}.json`;
}

/** The id in such a name; undefined for any other blob. */
export function failureIdOf(prefix: string, name: string): string | undefined {
  if (!name.startsWith(`${prefix}/`) || !name.endsWith('.json')) return undefined;
  try {
    const id = decodeURIComponent(name.slice(prefix.length + 1, -'.json'.length));
    return failureName(prefix, id) === name ? id : undefined;
  } catch {
    return undefined;
  }
}

export function encodeFailure({ event, bytes, ...about }: FailureRecord): Buffer {
  const head = Buffer.from(`${JSON.stringify(about).slice(0, -1)},"event":`);
  if (event !== null) return Buffer.concat([head, encodeStructured(event), Buffer.from('}')]);
  return Buffer.concat([head, Buffer.from(`null,"bytes":"${bytes?.toString('base64') ?? ''}"}`)]);
}

type Loose = Readonly<Record<string, unknown>>;

function isTextOrNull(value: unknown): value is string | null {
  return typeof value === 'string' || value === null;
}

/** What stands in the blob beside the event; undefined when a part is missing or no such value. */
function readAbout(value: Loose): Omit<FailureRecord, 'id' | 'event'> | undefined {
  const { rule, ruleHash, code, reason, attempts, at } = value;
  if (!isTextOrNull(rule) || !isTextOrNull(ruleHash) || typeof reason !== 'string') return undefined;
  if (typeof code !== 'string' || !Object.hasOwn(errorTable, code)) return undefined;
  if (!Number.isSafeInteger(attempts) || typeof at !== 'string' || !isTimestamp(at)) return undefined;
  return { rule, ruleHash, code: code as ErrorCode, reason, attempts: attempts as number, at };
}

/** Throws RouterError (DECODE_FAILED, NOT_JSON or an event's own) where the blob holds no record. */
export function decodeFailure(id: string, blob: Buffer): FailureRecord {
  const parsed = parseJson(blob, 'a failure record');
  const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
  const about = isObject ? readAbout(parsed as Loose) : undefined;
  if (about === undefined) throw new RouterError('DECODE_FAILED', 'a part of the failure record is missing or altered');
  const { event, bytes } = parsed as Loose;
  if (event === null && typeof bytes === 'string') {
    return { id, ...about, event, bytes: Buffer.from(bytes, 'base64') };
  }
  return {
    id,
    ...about,
    event: decodeStructured(memberOf(blob.subarray(skipSpace(blob, 0)), 'event') ?? Buffer.alloc(0)),
  };
}
