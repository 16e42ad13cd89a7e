// A client error becomes one of our codes. Pure. Never repeats the client's text, which may name a login or hold a
// record: only the protocol's error name, the system's error code and the broker's address get into a message.

import { type ErrorCode, RouterError } from '../../router/errors.ts';

const byType: Readonly<Record<string, ErrorCode>> = {
  UNKNOWN_TOPIC_OR_PARTITION: 'NOT_FOUND',
  INVALID_TOPIC_EXCEPTION: 'NOT_FOUND',
  TOPIC_AUTHORIZATION_FAILED: 'UNAUTHORIZED',
  GROUP_AUTHORIZATION_FAILED: 'UNAUTHORIZED',
  CLUSTER_AUTHORIZATION_FAILED: 'UNAUTHORIZED',
  SASL_AUTHENTICATION_FAILED: 'UNAUTHORIZED',
  UNSUPPORTED_SASL_MECHANISM: 'UNAUTHORIZED',
  ILLEGAL_SASL_STATE: 'UNAUTHORIZED',
  SECURITY_DISABLED: 'UNAUTHORIZED',
  MESSAGE_TOO_LARGE: 'EVENT_TOO_LARGE',
  RECORD_LIST_TOO_LARGE: 'EVENT_TOO_LARGE',
  THROTTLING_QUOTA_EXCEEDED: 'THROTTLED',
};

const byName: Readonly<Record<string, ErrorCode>> = {
  KafkaJSSASLAuthenticationError: 'UNAUTHORIZED',
  // A codec that is not there: snappy or lz4 written by somebody else.
  KafkaJSNotImplemented: 'UNSUPPORTED',
};

const says: Partial<Record<ErrorCode, string>> = {
  NOT_FOUND: 'does not exist; an adapter never creates topics',
  UNAUTHORIZED: 'is refused to this login, or the login itself is',
  EVENT_TOO_LARGE: 'takes no record of this size',
  THROTTLED: 'is over a quota',
  UNSUPPORTED: 'holds records in a compression that cannot be read here; set its compression.type to zstd or gzip',
  BUS_UNAVAILABLE: 'does not answer; the outcome is unknown',
};

interface Loose {
  readonly name?: unknown;
  readonly type?: unknown;
  readonly code?: unknown;
  readonly broker?: unknown;
  readonly cause?: unknown;
}

/** The error and its causes, outermost first. */
function* chain(thrown: unknown): Generator<Loose> {
  let error = thrown;
  for (let depth = 0; depth < 10 && typeof error === 'object' && error !== null; depth++) {
    yield error as Loose;
    error = (error as Loose).cause;
  }
}

function detail(thrown: unknown): string {
  const found = new Set<string>();
  for (const { name, type, code, broker } of chain(thrown)) {
    if (typeof type === 'string') found.add(type);
    else if (typeof code === 'string') found.add(code);
    else if (typeof name === 'string' && found.size === 0) found.add(name);
    if (typeof broker === 'string') found.add(broker);
  }
  return [...found].join(', ') || 'unknown error';
}

/** `what`: what was asked for, such as "topic 'busway.events'". Total; a RouterError passes as it is. */
export function mapKafkaError(thrown: unknown, what: string): RouterError {
  if (thrown instanceof RouterError) return thrown;
  let code: ErrorCode = 'BUS_UNAVAILABLE';
  for (const { name, type } of chain(thrown)) {
    const known = (typeof type === 'string' && byType[type]) || (typeof name === 'string' && byName[name]);
    if (known) code = known;
  }
  return new RouterError(code, `kafka: ${what} ${says[code] ?? ''} (${detail(thrown)})`, { cause: thrown });
}

export function isTooLarge(thrown: unknown): boolean {
  return thrown instanceof RouterError && thrown.code === 'EVENT_TOO_LARGE';
}
