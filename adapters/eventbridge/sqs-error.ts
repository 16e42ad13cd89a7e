// What SQS answers when it does not do as asked, as one of our codes. Pure. As in map-error.ts the service's text is never
// repeated, since it may quote a message; what is kept is the error's name, the status and the request id.
// Sources: SQS API reference, "Common Errors" and the errors of each call; Developer Guide, "Interpreting Amazon SQS JSON API
// responses" (read 2026-11-21).

import { type ErrorCode, RouterError } from '../../router/errors.ts';

interface Meaning {
  readonly code: ErrorCode;
  readonly says: string;
}

const missing: Meaning = { code: 'NOT_FOUND', says: 'does not exist; an adapter never creates it' };
const denied: Meaning = { code: 'UNAUTHORIZED', says: 'is refused to these credentials' };
const badCredentials: Meaning = {
  code: 'UNAUTHORIZED',
  says: "is refused: the credentials are missing, expired or not valid, or this machine's clock is wrong",
};
const badKey: Meaning = { code: 'UNAUTHORIZED', says: 'cannot be used: its KMS key is refused or cannot be used' };
const throttled: Meaning = { code: 'THROTTLED', says: 'is over its rate; try again later' };
const tooMany: Meaning = { code: 'THROTTLED', says: 'has too many messages in flight; try again in a minute' };
const tooLarge: Meaning = { code: 'EVENT_TOO_LARGE', says: "takes no message of this size; lower the bus's maxBytes" };
const badText: Meaning = { code: 'NOT_CARRIABLE', says: 'refuses a character of the message' };
const unknown: Meaning = { code: 'BUS_UNAVAILABLE', says: 'does not answer as it should; the outcome is unknown' };

/** By name without the ending Exception; names of the JSON protocol and of the query protocol before it. */
const byName: readonly (readonly [RegExp, Meaning])[] = [
  [/^(?:QueueDoesNotExist|AWS\.SimpleQueueService\.NonExistentQueue|QueueDeletedRecently|InvalidAddress)$/, missing],
  [/^(?:AccessDenied|NotAuthorized|OptInRequired|InvalidSecurity)$/, denied],
  [
    /^(?:UnrecognizedClient|InvalidClientTokenId|InvalidAccessKeyId|AuthFailure|SignatureDoesNotMatch)$/,
    badCredentials,
  ],
  [/^(?:(?:Invalid|Incomplete)Signature|MissingAuthenticationToken|ExpiredToken|RequestExpired)$/, badCredentials],
  [/^(?:RequestThrottled|Throttling|Throttled|TooManyRequests|RequestLimitExceeded|KmsThrottled)$/, throttled],
  [/^Kms[A-Za-z]+$/, badKey],
  [/^OverLimit$/, tooMany],
  [/^(?:MessageTooLong|RequestEntityTooLarge)$/, tooLarge],
  [/^InvalidMessageContents$/, badText],
];

const byStatus: Readonly<Record<number, Meaning>> = {
  401: badCredentials,
  403: denied,
  404: missing,
  413: tooLarge,
  429: throttled,
};

/** An answer that is no success. */
export interface Refusal {
  readonly status: number;
  /** The body's __type and the header x-amzn-query-error: 'com.amazonaws.sqs#QueueDoesNotExist', 'InvalidAddress;Sender'. */
  readonly type: string;
  readonly queryError: string;
  readonly requestId: string;
  /** Only looked at, never shown. */
  readonly message: string;
}

/** A name as it may stand in a message: what is longer or stranger is not one. */
const isName = (text: string): boolean => /^[A-Za-z.]{1,80}$/.test(text);

/** `what`: what was asked of, such as "queue 'orders-failures'". */
export function mapSqsRefusal({ status, type, queryError, requestId, message }: Refusal, what: string): RouterError {
  const given = [type.split('#').at(-1) ?? '', queryError.split(';')[0] ?? ''];
  const names = given.map((name) => name.replace(/Exception$/, ''));
  // A message that is too large has no name of its own.
  const isLong = names.includes('InvalidParameterValue') && /shorter than \d+ bytes/.test(message);
  const named = names.flatMap((name) => byName.find(([pattern]) => pattern.test(name))?.[1] ?? [])[0];
  const { code, says } = isLong ? tooLarge : (named ?? byStatus[status] ?? unknown);
  const shown = [...new Set(given.filter(isName)), status].join(', ');
  const facts = /^[0-9a-fA-F-]{1,64}$/.test(requestId) ? { requestId } : {};
  return new RouterError(code, `eventbridge: ${what} ${says} (${shown})`, facts);
}
