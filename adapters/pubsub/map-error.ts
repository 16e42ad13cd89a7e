// An error of the service or of a client becomes one of our codes. Pure. Never repeats the text of either, which may hold
// a token, an address or a piece of the message: only the name of the status or of the system's error gets into a message.

import { type ErrorCode, RouterError } from '../../router/errors.ts';

/** google.rpc.Code, by number; REST names the same in `error.status`. */
const statusNames = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

export type Status = (typeof statusNames)[number];

const codes: Partial<Record<Status, ErrorCode>> = {
  INVALID_ARGUMENT: 'NOT_CARRIABLE',
  FAILED_PRECONDITION: 'NOT_CARRIABLE',
  NOT_FOUND: 'NOT_FOUND',
  PERMISSION_DENIED: 'UNAUTHORIZED',
  UNAUTHENTICATED: 'UNAUTHORIZED',
  RESOURCE_EXHAUSTED: 'THROTTLED',
  UNIMPLEMENTED: 'UNSUPPORTED',
};

/** For answers whose body does not say: a proxy's, or one that was cut. */
const byHttpStatus: Readonly<Record<number, Status>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  413: 'INVALID_ARGUMENT',
  429: 'RESOURCE_EXHAUSTED',
  501: 'UNIMPLEMENTED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

const says: Partial<Record<ErrorCode, string>> = {
  NOT_CARRIABLE: 'is refused as it is; a schema of the topic or a setting of it does not take it',
  NOT_FOUND: 'does not exist; an adapter never creates anything',
  UNAUTHORIZED: 'is refused to these credentials',
  THROTTLED: 'is over a quota',
  UNSUPPORTED: 'is not offered by this service',
  BUS_UNAVAILABLE: 'does not answer; the outcome is unknown',
};

/** Without a hint of the service. */
export const DEFAULT_RETRY_MS = 1_000;
const MAX_RETRY_MS = 600_000;

export interface ServiceError {
  readonly status: Status;
  /** Asked for by the service. */
  readonly retryAfterMs?: number;
}

export function isStatus(name: unknown): name is Status {
  return typeof name === 'string' && (statusNames as readonly string[]).includes(name);
}

export function statusOfHttp(status: number): Status {
  return byHttpStatus[status] ?? (status >= 500 ? 'UNAVAILABLE' : 'UNKNOWN');
}

/** "1.5s" → 1500; undefined for anything else. */
export function durationMs(value: unknown): number | undefined {
  if (typeof value === 'string') {
    const match = /^(\d{1,9}(?:\.\d{1,9})?)s$/.exec(value);
    return match === null ? undefined : Math.min(MAX_RETRY_MS, Math.ceil(Number(match[1]) * 1_000));
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { seconds, nanos } = value as { seconds?: unknown; nanos?: unknown };
  const ms = Number(seconds ?? 0) * 1_000 + Math.ceil(Number(nanos ?? 0) / 1e6);
  return Number.isFinite(ms) && ms >= 0 ? Math.min(MAX_RETRY_MS, ms) : undefined;
}

/** The hint among the details of an error, as google.rpc.RetryInfo has it. */
export function retryHint(details: unknown): number | undefined {
  if (!Array.isArray(details)) return undefined;
  for (const detail of details) {
    if (typeof detail !== 'object' || detail === null || !('retryDelay' in detail)) continue;
    const ms = durationMs(detail.retryDelay);
    if (ms !== undefined) return ms;
  }
  return undefined;
}

/** What a gRPC client threw. */
export function readGrpcError(thrown: unknown): ServiceError {
  const { code, statusDetails } = (thrown ?? {}) as { code?: unknown; statusDetails?: unknown };
  const status = typeof code === 'number' ? (statusNames[code] ?? 'UNKNOWN') : 'UNAVAILABLE';
  const retryAfterMs = retryHint(statusDetails);
  return retryAfterMs === undefined ? { status } : { status, retryAfterMs };
}

/** `what`: what was asked for, such as "topic 'busway.events'". `facts.retryAfterMs` where the service asks to wait. */
export function mapServiceError({ status, retryAfterMs }: ServiceError, what: string, cause?: unknown): RouterError {
  const code = codes[status] ?? 'BUS_UNAVAILABLE';
  const facts = {
    status,
    ...(code === 'THROTTLED' ? { retryAfterMs: retryAfterMs || DEFAULT_RETRY_MS } : {}),
    ...(cause === undefined ? {} : { cause }),
  };
  return new RouterError(code, `pubsub: ${what} ${says[code] ?? 'failed'} (${status})`, facts);
}

/** Total; a RouterError passes as it is. */
export function mapGrpcError(thrown: unknown, what: string): RouterError {
  return thrown instanceof RouterError ? thrown : mapServiceError(readGrpcError(thrown), what, thrown);
}

export function isStatusOf(thrown: unknown, status: Status): boolean {
  return thrown instanceof RouterError && thrown.facts['status'] === status;
}
