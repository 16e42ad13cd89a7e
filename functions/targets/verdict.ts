// An answer over HTTP → a verdict. Pure. A reason names who answered and how, never a body, a query or a secret.

import { type ErrorCode, toRouterError } from '../../router/errors.ts';
import type { Verdict } from './target.ts';

/** `failed`: there was no answer, or none that is HTTP. */
export type Answer =
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfter?: string }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly reason: string };

export const ACK: Verdict = { kind: 'ack' };

/** Longest wait a target may ask for; a longer one would only fill the bus's own waiting room. */
const MAX_RETRY_AFTER_MS = 3_600_000;

const IMF_DATE =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT$/;
const RFC850_DATE = /^[A-Z][a-z]+day, \d\d-[A-Z][a-z]{2}-\d\d \d\d:\d\d:\d\d GMT$/;
const ASCTIME_DATE = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/;

/** Seconds or an HTTP date (RFC 9110, 10.2.3) → milliseconds from `now`, 0 to one hour; undefined for anything else. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1_000, MAX_RETRY_AFTER_MS);
  const dated = ASCTIME_DATE.test(text) ? `${text} GMT` : text;
  if (dated === text && !IMF_DATE.test(text) && !RFC850_DATE.test(text)) return undefined;
  const at = Date.parse(dated);
  return Number.isNaN(at) ? undefined : Math.min(Math.max(0, at - now), MAX_RETRY_AFTER_MS);
}

function retryStatus(reason: string, afterMs: number | undefined): Verdict {
  const verdict = { kind: 'retry', code: 'TARGET_STATUS', reason } as const;
  return afterMs === undefined ? verdict : { ...verdict, afterMs };
}

/** What a status means for the delivery, whoever sent it. `now` is in milliseconds, for a Retry-After that is a date. */
export function verdictOf(answer: Answer, label: string, now: () => number): Verdict {
  if (answer.kind === 'failed') {
    const kind = answer.code === 'TARGET_ADDRESS_FORBIDDEN' ? 'dead' : 'retry';
    return { kind, code: answer.code, reason: `${label}: ${answer.reason}` };
  }
  const { status } = answer;
  if (status >= 200 && status < 300) return ACK;
  const reason = `${label} answered ${status}`;
  if (status >= 300 && status < 400) {
    const fix = 'redirects are not followed; give the final url';
    return { kind: 'dead', code: 'TARGET_REDIRECT', reason: `${reason}; ${fix}` };
  }
  if (status === 408 || status === 429 || (status >= 500 && status < 600)) {
    return retryStatus(reason, retryAfterMs(answer.retryAfter, now()));
  }
  if (status >= 400 && status < 500) return { kind: 'dead', code: 'TARGET_STATUS', reason };
  return { kind: 'retry', code: 'TARGET_RESPONSE_INVALID', reason: `${reason}, which is no final HTTP status` };
}

/** Where a broken event ends: no attempt can help it, and deliver never rejects. */
export function encodingFailed(thrown: unknown): Verdict {
  const error = toRouterError(thrown, 'NOT_CARRIABLE');
  return { kind: 'dead', code: error.code, reason: error.message };
}
