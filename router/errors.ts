// The one error class and the one table of codes. docs/errors.md lists each code; test/router/errors.test.ts
// keeps the two in step. Act on `code`, never on the message.

interface ErrorEntry {
  /** HTTP status an intake answers with. */
  readonly status: number;
  /** Whether the same call can succeed later without a change. */
  readonly retry: boolean;
  readonly says: string;
}

export const errorTable = {
  // the request
  SIGNATURE_MISSING: { status: 401, retry: false, says: 'the request carries no signature' },
  SIGNATURE_INVALID: { status: 401, retry: false, says: 'the signature does not match any configured secret' },
  TIMESTAMP_INVALID: { status: 401, retry: false, says: 'the signed timestamp is missing or not a number of seconds' },
  TIMESTAMP_OUT_OF_WINDOW: { status: 401, retry: false, says: 'the signed timestamp is too old or in the future' },
  VERIFIER_FAILED: { status: 401, retry: false, says: 'the verifier broke, so the request is refused' },
  SOURCE_UNKNOWN: { status: 404, retry: false, says: 'no source of this name is configured' },
  METHOD_NOT_ALLOWED: { status: 405, retry: false, says: 'this method is not allowed here' },
  BODY_TOO_LARGE: { status: 413, retry: false, says: 'the request body is over the limit' },
  ENCODING_UNSUPPORTED: { status: 415, retry: false, says: 'this source takes no compressed bodies' },
  CONTENT_TYPE_UNSUPPORTED: { status: 415, retry: false, says: 'this content type is not one the source takes' },
  REQUEST_INVALID: { status: 400, retry: false, says: 'the request lacks something its source needs' },
  // the event
  NOT_JSON: { status: 400, retry: false, says: 'JSON is due here and this is not JSON' },
  NOT_UTF8: { status: 400, retry: false, says: 'text is due here and the bytes are not UTF-8' },
  EVENT_INVALID: { status: 400, retry: false, says: 'this is not a valid CloudEvent 1.0' },
  SPECVERSION_UNSUPPORTED: { status: 400, retry: false, says: 'only CloudEvents 1.0 is taken' },
  NUMBER_NOT_CARRIABLE: {
    status: 400,
    retry: false,
    says: 'an attribute number is outside the CloudEvents integer range',
  },
  NOT_CARRIABLE: { status: 422, retry: false, says: 'the bus cannot carry this event unaltered' },
  EVENT_TOO_LARGE: { status: 413, retry: false, says: 'the event is over what the bus takes' },
  // the configuration
  DOCUMENT_INVALID: { status: 500, retry: false, says: 'the router document has a mistake' },
  PATTERN_INVALID: { status: 500, retry: false, says: 'a rule pattern has a mistake' },
  SECRET_MISSING: { status: 500, retry: false, says: 'a variable that the document names is not set' },
  SECRET_INVALID: { status: 500, retry: false, says: 'a secret has the wrong form' },
  CONFIG_INVALID: { status: 500, retry: false, says: 'a setting has a mistake' },
  DATA_LOCKED: { status: 500, retry: false, says: 'another process owns this data folder' },
  // the bus
  NOT_FOUND: { status: 503, retry: false, says: 'the topic or bus does not exist' },
  UNAUTHORIZED: { status: 503, retry: false, says: 'the bus refuses these credentials' },
  BUS_UNAVAILABLE: { status: 503, retry: true, says: 'the bus does not answer; the outcome is unknown' },
  BUS_OVERLOADED: { status: 503, retry: true, says: 'too much is waiting for the bus already' },
  THROTTLED: { status: 503, retry: true, says: 'the bus asks to slow down' },
  CLOSED: { status: 503, retry: false, says: 'this was closed already' },
  ABORTED: { status: 503, retry: true, says: 'the call was given up before it ended' },
  UNSUPPORTED: { status: 500, retry: false, says: 'this bus or build does not have that capability' },
  DECODE_FAILED: { status: 400, retry: false, says: 'a record from the bus is not an event' },
  // the delivery
  RULE_GONE: { status: 410, retry: false, says: 'the rule this delivery names is no longer in the document' },
  TARGET_STATUS: { status: 502, retry: true, says: 'the target answered with an error status' },
  TARGET_REDIRECT: {
    status: 502,
    retry: false,
    says: 'the target answered with a redirect; redirects are not followed',
  },
  TARGET_TIMEOUT: { status: 504, retry: true, says: 'the target did not answer in time' },
  TARGET_UNREACHABLE: { status: 502, retry: true, says: 'no connection to the target' },
  TARGET_ADDRESS_FORBIDDEN: {
    status: 502,
    retry: false,
    says: 'the target resolves to an address that is not allowed',
  },
  TARGET_BUSY: { status: 503, retry: true, says: 'all slots of this target are taken' },
  TARGET_FAILED: { status: 502, retry: true, says: 'the target function threw' },
  TARGET_RESPONSE_INVALID: { status: 502, retry: true, says: 'the target broke the HTTP protocol' },
  ATTEMPTS_EXHAUSTED: { status: 502, retry: false, says: 'the bus gave it up after too many attempts' },
  DATA_UNAVAILABLE: { status: 503, retry: true, says: "the store of an oversized event's data does not answer" },
  DATA_GONE: { status: 410, retry: false, says: "an oversized event's data is not in its store any more" },
  DATA_ALTERED: { status: 502, retry: false, says: "an oversized event's data is not what was put into its store" },
  // everything else
  USAGE: { status: 400, retry: false, says: 'the command was used wrongly' },
  INTERNAL: { status: 500, retry: true, says: 'a promise inside Busway was broken' },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorTable;

export interface ErrorFacts {
  readonly cause?: unknown;
  readonly [fact: string]: unknown;
}

/** `message`: who, what is wrong, the value (never a secret or a body), what is allowed, how to fix it. */
export class RouterError extends Error {
  readonly code: ErrorCode;
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    const { cause, ...rest } = facts;
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'RouterError';
    this.code = code;
    this.facts = rest;
  }

  get status(): number {
    return errorTable[this.code].status;
  }

  get retryable(): boolean {
    return errorTable[this.code].retry;
  }
}

/** Total: whatever was thrown becomes a RouterError; a foreign error keeps its text only as `cause`. */
export function toRouterError(thrown: unknown, code: ErrorCode = 'INTERNAL'): RouterError {
  if (thrown instanceof RouterError) return thrown;
  return new RouterError(code, errorTable[code].says, { cause: thrown });
}
