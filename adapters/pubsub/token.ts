// Access tokens for the light publisher, without an SDK: from the metadata server of the machine, or made here from the
// key of a service account. A token is kept until shortly before it expires. Must never put a token or a key into a message.
// Sources: "Access tokens from the metadata server"; "Self-signed JWTs" (AIP-4111); env names as Google's clients read them.

import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { RouterError } from '../../router/errors.ts';
import { createHttpClient } from '../http-client.ts';

export interface Token {
  readonly text: string;
  /** True when it was made for this call: then a refusal is final. */
  readonly fresh: boolean;
}

export interface Tokens {
  /** Rejects with UNAUTHORIZED, BUS_UNAVAILABLE or the reason of `signal`. */
  get(signal: AbortSignal): Promise<Token>;
  /** The service refused it: the next is a new one. */
  forget(): void;
}

interface Made {
  readonly text: string;
  readonly expiresAt: number;
}

// What is sent in the last minutes of a token could arrive after them.
const EARLY_MS = 240_000;
const LIFE_S = 3_600;
const AUDIENCE = 'https://pubsub.googleapis.com/';
const METADATA_HOST = 'metadata.google.internal';
const TOKEN_PATH = '/computeMetadata/v1/instance/service-accounts/default/token';

/** One token for all calls; calls that need a new one at once wait for the same. */
function kept(make: (signal: AbortSignal) => Promise<Made>, now: () => number): Tokens {
  let made: Made | undefined;
  return {
    async get(signal) {
      if (made !== undefined && now() < made.expiresAt - EARLY_MS) return { text: made.text, fresh: false };
      made = await make(signal);
      return { text: made.text, fresh: true };
    },
    forget() {
      made = undefined;
    },
  };
}

export interface ServiceAccountKey {
  readonly email: string;
  readonly keyId: string;
  readonly key: KeyObject;
}

function refuse(says: string): never {
  throw new RouterError('CONFIG_INVALID', `pubsub: GOOGLE_APPLICATION_CREDENTIALS: ${says}`);
}

/** The credentials file, parsed. Undefined when it is of another kind than a service account's key. */
export function readServiceAccount(file: unknown): ServiceAccountKey | undefined {
  if (typeof file !== 'object' || file === null) return refuse('the file must hold a JSON object');
  const { type, client_email: email, private_key: pem, private_key_id: keyId } = file as Record<string, unknown>;
  if (type !== 'service_account') return undefined;
  if (typeof email !== 'string' || typeof pem !== 'string' || typeof keyId !== 'string') {
    return refuse("the key of a service account needs 'client_email', 'private_key' and 'private_key_id'");
  }
  try {
    return { email, keyId, key: createPrivateKey(pem) };
  } catch {
    // The parser's own message may quote the key.
    return refuse("'private_key' is no private key in PEM");
  }
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A JWT that the service takes as an access token; nobody is asked for it. */
export function signedToken({ email, keyId, key }: ServiceAccountKey, nowMs: number): Made {
  const iat = Math.floor(nowMs / 1_000);
  const head = part({ alg: 'RS256', typ: 'JWT', kid: keyId });
  const claims = part({ iss: email, sub: email, aud: AUDIENCE, iat, exp: iat + LIFE_S });
  const signed = sign('RSA-SHA256', Buffer.from(`${head}.${claims}`), key).toString('base64url');
  return { text: `${head}.${claims}.${signed}`, expiresAt: (iat + LIFE_S) * 1_000 };
}

export function serviceAccountTokens(account: ServiceAccountKey, now: () => number): Tokens {
  return kept(async () => signedToken(account, now()), now);
}

const NO_METADATA =
  'pubsub: no credentials: set GOOGLE_APPLICATION_CREDENTIALS to the key file of a service account, or run where there is a metadata server';

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function askMetadata(host: string, signal: AbortSignal): Promise<{ status: number; body: unknown }> {
  const client = createHttpClient();
  try {
    const { status, text } = await client.send({
      method: 'GET',
      url: new URL(`http://${host}${TOKEN_PATH}`),
      headers: { 'metadata-flavor': 'Google' },
      signal: AbortSignal.any([signal, AbortSignal.timeout(5_000)]),
    });
    return { status, body: jsonOf(text) };
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    const { code } = cause as { code?: unknown };
    // The name is known inside of Google's network only.
    if (code === 'ENOTFOUND') throw new RouterError('UNAUTHORIZED', NO_METADATA, { cause });
    throw new RouterError('BUS_UNAVAILABLE', 'pubsub: the metadata server does not answer', { cause });
  } finally {
    client.close();
  }
}

/** GCE_METADATA_HOST where set, as Google's own clients do. */
export function metadataTokens(env: (name: string) => string | undefined, now: () => number): Tokens {
  const host = env('GCE_METADATA_HOST') || METADATA_HOST;
  return kept(async (signal) => {
    const { status, body } = await askMetadata(host, signal);
    if (status !== 200) {
      const code = status >= 500 || status === 429 ? 'BUS_UNAVAILABLE' : 'UNAUTHORIZED';
      throw new RouterError(code, `pubsub: the metadata server gives no token; it answered ${status}`);
    }
    const { access_token: text, expires_in: seconds } = (body ?? {}) as Record<string, unknown>;
    if (typeof text !== 'string' || typeof seconds !== 'number') {
      throw new RouterError('BUS_UNAVAILABLE', 'pubsub: the metadata server gives something other than a token');
    }
    return { text, expiresAt: now() + seconds * 1_000 };
  }, now);
}
