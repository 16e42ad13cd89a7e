// The one failure record, whichever bus the event came from, and the port to where records are kept.

import { createHash } from 'node:crypto';
import type { ErrorCode } from './errors.ts';
import type { CloudEvent } from './event.ts';

/** One per (event, rule). `event` is null for a record that could not be decoded; then `bytes` holds it. */
export interface FailureRecord {
  readonly id: string;
  readonly rule: string | null;
  readonly ruleHash: string | null;
  readonly code: ErrorCode;
  /** What happened at the last attempt, in words. Never a secret, never a response body. */
  readonly reason: string;
  readonly attempts: number;
  /** RFC 3339, when the last attempt ended. */
  readonly at: string;
  readonly event: CloudEvent | null;
  readonly bytes?: Buffer;
}

export interface FailureLog {
  /** Durable when it resolves. The same id again replaces the record. */
  write(record: FailureRecord): Promise<void>;
  /** Oldest first. */
  list(signal: AbortSignal): AsyncIterable<FailureRecord>;
  /** Unknown ids are ignored. */
  remove(ids: readonly string[]): Promise<void>;
}

/** 16 hex digits, the same for every attempt and every process: one record per (event, rule). */
export function failureId(rule: string | null, subject: CloudEvent | Buffer): string {
  const hash = createHash('sha256')
    .update(rule ?? '')
    .update('\0');
  if (Buffer.isBuffer(subject)) hash.update(subject);
  else hash.update(subject.attributes.source).update('\0').update(subject.attributes.id);
  return hash.digest('hex').slice(0, 16);
}
