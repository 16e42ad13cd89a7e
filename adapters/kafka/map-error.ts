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

const byCode: Readonly<Record<string, ErrorCode>> = {
  PLT_KFK_AUTHENTICATION: 'UNAUTHORIZED',
  // Also what became of a login whose connection broke.
  PLT_KFK_NETWORK: 'BUS_UNAVAILABLE',
};

const says: Partial<Record<ErrorCode, string>> = {
  NOT_FOUND: 'does not exist; an adapter never creates topics',
  UNAUTHORIZED: 'is refused to this login, or the login itself is',
  EVENT_TOO_LARGE: 'takes no record of this size',
  THROTTLED: 'is over a quota',
  UNSUPPORTED: 'holds records in a compression that cannot be read here; set its compression.type to zstd or gzip',
  BUS_UNAVAILABLE: 'does not answer; the outcome is unknown',
};

/** An error of either library, unknown as yet. `type`, `apiId`: the protocol's name, of kafkajs and of platformatic. */
export interface Loose {
  readonly name?: unknown;
  readonly type?: unknown;
  readonly apiId?: unknown;
  readonly code?: unknown;
  readonly broker?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
  readonly [fact: string]: unknown;
}

const MAX_ERRORS = 50;

/** Errors side by side. Of tries in a row the last ones, the newest first. */
function listed({ errors }: Loose): readonly unknown[] {
  return Array.isArray(errors) ? errors.slice(-3).reverse() : [];
}

/** The error and what it came from, outermost first. */
export function errorsOf(thrown: unknown): readonly Loose[] {
  const found: Loose[] = [];
  const waiting: unknown[] = [thrown];
  while (waiting.length > 0 && found.length < MAX_ERRORS) {
    const error = waiting.shift();
    if (typeof error !== 'object' || error === null || found.includes(error as Loose)) continue;
    found.push(error as Loose);
    waiting.push((error as Loose).cause, ...listed(error as Loose));
  }
  return found;
}

/** Names and addresses that say what went wrong; never the text of the error. */
export function detailOf(thrown: unknown): string {
  const found = new Set<string>();
  let own: string | undefined;
  for (const { name, type, apiId, code, broker } of errorsOf(thrown)) {
    const known = [type, apiId, code].find((item) => typeof item === 'string');
    // What platformatic calls its own errors tells less than what it wraps.
    if (known?.startsWith('PLT_KFK_')) own ??= known;
    else if (known !== undefined) found.add(known);
    else if (typeof name === 'string' && found.size === 0) found.add(name);
    if (typeof broker === 'string') found.add(broker);
  }
  return [...found].join(', ') || (own ?? 'unknown error');
}

function ownCodeOf({ name, type, apiId, code }: Loose): ErrorCode | undefined {
  const lists = [
    [byType, type],
    [byType, apiId],
    [byName, name],
    [byCode, code],
  ] as const;
  for (const [list, key] of lists) if (typeof key === 'string' && Object.hasOwn(list, key)) return list[key];
  return undefined;
}

/** What is wrapped knows better than its wrapping; of several errors side by side the one that is not just silence. */
function codeOf(thrown: unknown, seen: Set<unknown>): ErrorCode | undefined {
  if (typeof thrown !== 'object' || thrown === null || seen.has(thrown) || seen.size >= MAX_ERRORS) return undefined;
  seen.add(thrown);
  const error = thrown as Loose;
  const inner = [error.cause, ...listed(error)].map((item) => codeOf(item, seen)).filter((code) => code !== undefined);
  return inner.find((code) => code !== 'BUS_UNAVAILABLE') ?? inner[0] ?? ownCodeOf(error);
}

/** `what`: what was asked for, such as "topic 'busway.events'". Total; a RouterError passes as it is. */
export function mapKafkaError(thrown: unknown, what: string): RouterError {
  if (thrown instanceof RouterError) return thrown;
  const code = codeOf(thrown, new Set()) ?? 'BUS_UNAVAILABLE';
  return new RouterError(code, `kafka: ${what} ${says[code] ?? ''} (${detailOf(thrown)})`, { cause: thrown });
}

export function isTooLarge(thrown: unknown): boolean {
  return thrown instanceof RouterError && thrown.code === 'EVENT_TOO_LARGE';
}
