// An answer of Event Grid, or none, becomes one of our codes. Pure. Never repeats the service's text, which may quote an
// event: only the status, the service's own error code and the request's number get into a message.
// Statuses: Azure Event Grid, "Post to custom topic" (400, 401, 404, 413) and the namespaces' operations, where 403 is a
// quota or a size too and 410 is a missing topic.

import { type ErrorCode, RouterError } from '../../router/errors.ts';

export interface Answer {
  readonly status: number;
  /** By its name in lower case. */
  readonly header: (name: string) => string | undefined;
  readonly body: Buffer;
}

const says: Partial<Record<ErrorCode, string>> = {
  NOT_FOUND: 'does not exist; an adapter never creates topics or subscriptions',
  UNAUTHORIZED: 'is refused to this login, or the login itself is',
  EVENT_TOO_LARGE: 'takes no event of this size',
  NOT_CARRIABLE: 'refuses this event as malformed',
  THROTTLED: 'asks to slow down',
  BUS_UNAVAILABLE: 'does not answer as it should; the outcome is unknown',
};

// Where the service gives no time itself.
const THROTTLED_MS = 1_000;
const MAX_WAIT_MS = 600_000;

/** Seconds or a date, as milliseconds from `now`. */
function retryAfterMs(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\d{1,6}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now;
  return Number.isFinite(ms) ? Math.min(MAX_WAIT_MS, Math.max(0, ms)) : undefined;
}

const TOKEN = /^[A-Za-z0-9_.:-]{1,64}$/;

/** The service's own error code: Blob Storage has a header for it, Event Grid the error object of the body. */
export function serviceCode({ header, body }: Pick<Answer, 'header' | 'body'>): string | undefined {
  const named = header('x-ms-error-code') ?? '';
  if (TOKEN.test(named)) return named;
  if (body.length > 65_536) return undefined;
  try {
    const { error } = JSON.parse(body.toString('utf8')) as { error?: { code?: unknown } };
    return typeof error?.code === 'string' && TOKEN.test(error.code) ? error.code : undefined;
  } catch {
    return undefined;
  }
}

function codeOfForbidden(code: string): ErrorCode {
  if (/large|size/i.test(code)) return 'EVENT_TOO_LARGE';
  return /quota|throttl|limit|exceeded|busy/i.test(code) ? 'THROTTLED' : 'UNAUTHORIZED';
}

function codeOf(status: number, service: string): ErrorCode {
  switch (status) {
    case 400:
    case 422:
      return 'NOT_CARRIABLE';
    case 401:
      return 'UNAUTHORIZED';
    case 403:
      return codeOfForbidden(service);
    case 408:
    case 429:
      return 'THROTTLED';
    case 413:
      return 'EVENT_TOO_LARGE';
    default:
      // Anything else but a fault of the service means that this is no such endpoint.
      return status >= 500 ? 'BUS_UNAVAILABLE' : 'NOT_FOUND';
  }
}

/** `what`: what was asked for, such as "topic 'orders'". The fact `retryAfterMs` says when to come again. */
export function mapAnswer(answer: Answer, what: string, now: number): RouterError {
  const { status, header } = answer;
  const service = serviceCode(answer);
  const code = codeOf(status, service ?? '');
  const request = header('x-ms-request-id') ?? '';
  const detail = [`status ${status}`, service, TOKEN.test(request) ? `request ${request}` : undefined];
  const hint = retryAfterMs(header('retry-after'), now) ?? (code === 'THROTTLED' ? THROTTLED_MS : undefined);
  const text = `eventgrid: ${what} ${says[code]} (${detail.filter(Boolean).join(', ')})`;
  return new RouterError(code, text, { status, ...(hint === undefined ? {} : { retryAfterMs: hint }) });
}

interface Loose {
  readonly code?: unknown;
  readonly cause?: unknown;
}

/** The system's error code, of the error or of what caused it. */
function systemCode(thrown: unknown): string {
  let error = thrown;
  for (let depth = 0; depth < 10 && typeof error === 'object' && error !== null; depth++) {
    const { code, cause } = error as Loose;
    if (typeof code === 'string' && TOKEN.test(code)) return code;
    error = cause;
  }
  return 'unknown error';
}

/** A request that got no answer. Total; a RouterError passes as it is. */
export function mapNetworkError(thrown: unknown, what: string): RouterError {
  if (thrown instanceof RouterError) return thrown;
  const system = systemCode(thrown);
  // Each custom topic has a host of its own, which goes with it.
  const code = system === 'ENOTFOUND' ? 'NOT_FOUND' : 'BUS_UNAVAILABLE';
  const text = code === 'NOT_FOUND' ? 'has no such host; look at its url' : says[code];
  return new RouterError(code, `eventgrid: ${what} ${text} (${system})`, { cause: thrown });
}

/** Why a call was given up: what closed the bus, else that it was aborted. */
export function reasonOf(signal: AbortSignal, what: string): RouterError {
  const { reason } = signal;
  return reason instanceof RouterError ? reason : new RouterError('ABORTED', `eventgrid: given up while ${what}`);
}
