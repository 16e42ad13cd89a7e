// The push function: a request that a bus makes of us in, its records delivered, an answer. Never 2xx before every record is
// delivered or in a durable failure record. One handler for every bus and host: the adapter says what the bus does.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { Adapter, Decoded, Push } from '../adapters/adapter.ts';
import type { Consumer } from '../router/consume.ts';
import { RouterError, toRouterError } from '../router/errors.ts';
import type { RawRequest, RawResponse } from '../router/http.ts';
import { createBatches } from './batch.ts';
import { createDeliver } from './deliver.ts';
import { type TimeLeft, withinTime } from './within-time.ts';

export interface PushParts {
  readonly adapter: Pick<Adapter, 'name' | 'decode' | 'push'>;
  readonly consumer: Consumer;
  /** For a bus that proves nothing by itself: any of them stands in a request. See readPushSecrets. */
  readonly secrets: readonly string[];
  /** Why a request was not answered by 2xx. */
  readonly onRefused?: (error: RouterError) => void;
}

/** Rejects with RouterError for whatever is not done. */
export type PushHandler = (request: RawRequest, context: TimeLeft) => Promise<RawResponse>;

/** A pushed message of 10 MB (Pub/Sub's limit) in base64, and its attributes. */
export const PUSH_MAX_BODY = 16 * 1024 * 1024;

const VARIABLE = 'BUSWAY_PUSH_SECRET';
// The same in a header and, without an escape, in a query.
const SECRET = /^[A-Za-z0-9._~-]{16,256}$/;
const json = { 'content-type': 'application/json' };

/** BUSWAY_PUSH_SECRET: one, or two with a comma while rotating. Throws SECRET_INVALID. */
export function readPushSecrets(text = ''): readonly string[] {
  const secrets = text
    .split(',')
    .map((secret) => secret.trim())
    .filter((secret) => secret !== '');
  if (secrets.every((secret) => SECRET.test(secret))) return secrets;
  throw new RouterError(
    'SECRET_INVALID',
    `${VARIABLE} must be 16 to 256 letters, digits, '-', '.', '_' or '~'; make one by: openssl rand -hex 32`,
  );
}

/** Two digests have one length, so the comparison tells nothing about the secret's. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}

/** Header `x-busway-secret`, else query `secret`: Event Grid can be told to send either. */
function bySecret(secrets: readonly string[]): NonNullable<Push['authenticate']> {
  const due = secrets.map(digest);
  return async ({ headers, query }) => {
    const given = headers['x-busway-secret'] ?? new URLSearchParams(query).get('secret');
    if (given === null) {
      const says = "push: the request has neither header 'x-busway-secret' nor query 'secret'";
      throw new RouterError('SIGNATURE_MISSING', `${says}; set one on the event subscription`);
    }
    const found = digest(given);
    if (due.some((one) => timingSafeEqual(one, found))) return;
    throw new RouterError('SIGNATURE_INVALID', `push: the secret of the request is none of ${VARIABLE}`);
  };
}

function authenticationOf(push: Push, { adapter, secrets }: PushParts): NonNullable<Push['authenticate']> {
  if (push.authenticate !== undefined) return push.authenticate;
  if (secrets.length > 0) return bySecret(secrets);
  throw new RouterError(
    'SECRET_MISSING',
    `${adapter.name} does not sign what it pushes: set ${VARIABLE}, and send it as header 'x-busway-secret' or query 'secret'`,
  );
}

/** Whatever came leaves a trace: a body without a single record is a record that cannot be read. */
function recordsIn(request: RawRequest, adapter: Pick<Adapter, 'decode'>): readonly Decoded[] {
  const records = adapter.decode(request);
  if (records.length > 0) return records;
  const reason = 'push: the request carries no record';
  return [{ ok: false, code: 'DECODE_FAILED', reason, bytes: request.body, handle: '' }];
}

/**
 * Throws UNSUPPORTED for a bus that does not push over HTTP, SECRET_MISSING for one that proves nothing when there is no
 * secret. A request that is not done comes again by the bus's own curve, and as a whole; what of it was done is remembered
 * by this process, another one may deliver it twice.
 */
export function createPush(parts: PushParts): PushHandler {
  const { adapter, consumer, onRefused } = parts;
  const { push } = adapter;
  if (push === undefined) {
    throw new RouterError(
      'UNSUPPORTED',
      `${adapter.name}: as the document sets it up, this bus does not push over HTTP; give pubsub its 'push', and eventgrid no 'topic'`,
    );
  }
  const authenticate = authenticationOf(push, parts);
  const begin = createBatches(consumer);

  async function proven(request: RawRequest): Promise<void> {
    try {
      await authenticate(request);
    } catch (thrown) {
      throw toRouterError(thrown, 'VERIFIER_FAILED');
    }
  }

  async function take(request: RawRequest, answer: Push, signal: AbortSignal): Promise<RawResponse> {
    await proven(request);
    const records = recordsIn(request, adapter);
    const attempts = answer.attemptsBefore(request);
    const batch = begin();
    const outcomes = await createDeliver(batch)(records, () => attempts, signal);
    const open = outcomes.filter(({ outcome }) => outcome.kind === 'retry').length;
    batch.end(open === 0);
    if (open > 0) throw new RouterError('ABORTED', `push: ${open} of ${records.length} records are not done`);
    return { status: 200, headers: json, body: JSON.stringify({ done: records.length }) };
  }

  return async (request, context) => {
    try {
      const answer = push.handshake?.(request);
      if (answer !== undefined) return answer;
      if (request.method !== 'POST') throw new RouterError('METHOD_NOT_ALLOWED', `use POST, not ${request.method}`);
      const ms = Math.min(push.answerMs, context.getRemainingTimeInMillis?.() ?? push.answerMs);
      return await withinTime(ms, (signal) => take(request, push, signal));
    } catch (thrown) {
      onRefused?.(toRouterError(thrown));
      throw thrown;
    }
  };
}
