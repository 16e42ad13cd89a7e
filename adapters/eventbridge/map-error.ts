// An SDK error or an entry's ErrorCode becomes one of our codes. Pure. Never repeats the service's text, which may quote an
// event, and never hands the SDK's error on as a cause: it holds the request with its session token. What is kept is the
// error's name, the status and the request id.
// Sources: EventBridge API reference, PutEventsResultEntry and "Common Errors" (read 2026-11-21).

import { type ErrorCode, errorTable, RouterError } from '../../router/errors.ts';
import type { PublishResult } from '../adapter.ts';

/** What an error of the service, or of the way to it, means. */
export interface Meaning {
  readonly code: ErrorCode;
  readonly says: string;
  /** Where it is not what the code's line of the table says. */
  readonly retryable?: boolean;
}

const denied: Meaning = {
  code: 'UNAUTHORIZED',
  says: 'is refused to these credentials; they need events:PutEvents, and events:DescribeEventBus for the check',
};
const badCredentials: Meaning = { code: 'UNAUTHORIZED', says: 'is refused: the credentials are missing or not valid' };
const throttled: Meaning = { code: 'THROTTLED', says: 'is over its rate; events are taken later' };
const missing: Meaning = { code: 'NOT_FOUND', says: 'does not exist; an adapter never creates it' };
const badEvent: Meaning = { code: 'NOT_CARRIABLE', says: 'refuses this event as malformed' };
const broken: Meaning = { code: 'BUS_UNAVAILABLE', says: 'did not take it; the fault is on its side' };
const unknown: Meaning = { code: 'BUS_UNAVAILABLE', says: 'does not answer as it should; the outcome is unknown' };

/** An entry's ErrorCode, or the name of an exception. What is not here is taken for a passing fault and retried. */
const byName: Readonly<Record<string, Meaning>> = {
  InternalFailure: broken,
  InternalException: broken,
  InternalServiceException: broken,
  ServiceUnavailable: broken,
  ThrottlingException: throttled,
  Throttling: throttled,
  TooManyRequestsException: throttled,
  RequestLimitExceeded: throttled,
  AccessDeniedException: denied,
  AccessDenied: denied,
  NotAuthorized: denied,
  OptInRequired: denied,
  NotAuthorizedForSourceException: { code: 'UNAUTHORIZED', says: "refuses this event's source to these credentials" },
  NotAuthorizedForDetailTypeException: { code: 'UNAUTHORIZED', says: "refuses this event's type to these credentials" },
  UnrecognizedClientException: badCredentials,
  InvalidClientTokenId: badCredentials,
  InvalidSignatureException: badCredentials,
  SignatureDoesNotMatch: badCredentials,
  IncompleteSignature: badCredentials,
  IncompleteSignatureException: badCredentials,
  MissingAuthenticationToken: badCredentials,
  MissingAuthenticationTokenException: badCredentials,
  ExpiredTokenException: badCredentials,
  ExpiredToken: badCredentials,
  RequestExpired: badCredentials,
  CredentialsProviderError: badCredentials,
  TokenProviderError: badCredentials,
  ResourceNotFoundException: missing,
  InvalidAccountIdException: { code: 'NOT_FOUND', says: 'does not exist: its ARN names no valid account' },
  InvalidArgument: badEvent,
  MalformedDetail: badEvent,
  // The trail of the account could not be written without the event's contents; documented as no case for a retry.
  RedactionFailure: { code: 'BUS_UNAVAILABLE', says: 'could not redact the event for its trail', retryable: false },
  UnknownOperationException: { code: 'UNSUPPORTED', says: 'does not know this call' },
};

const byStatus: Readonly<Record<number, Meaning>> = { 401: badCredentials, 403: denied, 404: missing, 429: throttled };

/** EventBridge says no time; bus.ts doubles its own wait on top. */
export const DEFAULT_RETRY_AFTER_MS = 100;
const MAX_RETRY_AFTER_MS = 60_000;

interface Loose {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly $metadata?: {
    readonly httpStatusCode?: unknown;
    readonly requestId?: unknown;
    readonly clockSkewCorrected?: unknown;
  };
  readonly $response?: { readonly headers?: Readonly<Record<string, unknown>> };
}

function looseOf(thrown: unknown): Loose {
  return typeof thrown === 'object' && thrown !== null ? (thrown as Loose) : {};
}

/** A name as it may stand in a message: what is longer or stranger is not one. */
function shown(name: unknown): string | undefined {
  return typeof name === 'string' && /^[A-Za-z0-9_.:-]{1,80}$/.test(name) ? name : undefined;
}

function statusOf({ $metadata }: Loose): number {
  const status = $metadata?.httpStatusCode;
  return typeof status === 'number' ? status : 0;
}

function meaningOf(error: Loose): Meaning {
  const name = shown(error.name);
  const known = name !== undefined && Object.hasOwn(byName, name) ? byName[name] : byStatus[statusOf(error)];
  if (known !== undefined) {
    // The SDK has set its clock by the answer, so the same call passes now.
    return error.$metadata?.clockSkewCorrected === true ? { ...known, retryable: true } : known;
  }
  if (error.message === 'Region is missing') {
    const says = "has no region: give the bus 'region' or its ARN, or set AWS_REGION";
    return { code: 'CONFIG_INVALID', says };
  }
  return unknown;
}

function nameOf(error: Loose): string {
  const names = [shown(error.name), shown(error.code)].filter((name) => name !== undefined && name !== 'Error');
  const status = statusOf(error);
  return [...new Set(names), ...(status === 0 ? [] : [status])].join(', ') || 'unknown error';
}

function textOf(what: string, { says }: Meaning, shownAs: string): string {
  return `eventbridge: ${what} ${says} (${shownAs})`;
}

/** `what`: what was asked, such as "bus 'orders'". Total; a RouterError passes as it is. */
export function mapAwsError(thrown: unknown, what: string): RouterError {
  if (thrown instanceof RouterError) return thrown;
  const error = looseOf(thrown);
  if (error.name === 'AbortError') return new RouterError('ABORTED', `eventbridge: the call to ${what} was given up`);
  const meaning = meaningOf(error);
  const requestId = shown(error.$metadata?.requestId);
  const facts = requestId === undefined ? {} : { requestId };
  return new RouterError(meaning.code, textOf(what, meaning, nameOf(error)), facts);
}

function retryAfterOf({ $response }: Loose): number {
  const seconds = Number($response?.headers?.['retry-after']);
  return seconds > 0 ? Math.min(MAX_RETRY_AFTER_MS, Math.ceil(seconds * 1_000)) : DEFAULT_RETRY_AFTER_MS;
}

function refusalOf(what: string, meaning: Meaning, shownAs: string, retryAfterMs: number): PublishResult {
  const { code } = meaning;
  const retryable = meaning.retryable ?? errorTable[code].retry;
  const hint = code === 'THROTTLED' ? { retryAfterMs } : {};
  return { ok: false, code, reason: textOf(what, meaning, shownAs), retryable, ...hint };
}

/** The result of one entry by its ErrorCode. */
export function resultOfErrorCode(errorCode: string, what: string): PublishResult {
  const meaning = Object.hasOwn(byName, errorCode) ? byName[errorCode]! : broken;
  return refusalOf(what, meaning, shown(errorCode) ?? 'unknown error', DEFAULT_RETRY_AFTER_MS);
}

const settled: ReadonlySet<ErrorCode> = new Set([
  'THROTTLED',
  'UNAUTHORIZED',
  'NOT_FOUND',
  'UNSUPPORTED',
  'CONFIG_INVALID',
]);

/** The result of each entry of a call that was refused as a whole; undefined when nobody knows what became of it. */
export function resultOfRefusedCall(thrown: unknown, what: string): PublishResult | undefined {
  const error = looseOf(thrown);
  if (thrown instanceof RouterError) {
    const { code, message, retryable } = thrown;
    return settled.has(code) ? { ok: false, code, reason: message, retryable } : undefined;
  }
  if (error.name === 'AbortError') return undefined;
  const meaning = meaningOf(error);
  return settled.has(meaning.code) ? refusalOf(what, meaning, nameOf(error), retryAfterOf(error)) : undefined;
}

/** The call was refused for what it holds, and nothing of it was taken. */
export function isRefusedContent(thrown: unknown): boolean {
  const error = looseOf(thrown);
  if (thrown instanceof RouterError) return false;
  return error.name === 'ValidationException' || statusOf(error) === 413;
}

/** What a single event is told whose call was refused for what it holds. The service says the cause in its text only. */
export function resultOfRefusedContent(thrown: unknown, what: string): PublishResult {
  const error = looseOf(thrown);
  const isSize = statusOf(error) === 413 || (typeof error.message === 'string' && /\bsize\b/i.test(error.message));
  const meaning: Meaning = isSize
    ? { code: 'EVENT_TOO_LARGE', says: "takes no event of this size; lower the bus's maxBytes to its limit" }
    : badEvent;
  return refusalOf(what, meaning, nameOf(error), DEFAULT_RETRY_AFTER_MS);
}
