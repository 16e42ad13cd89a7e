// Whether a push request comes from the service: its OIDC token. Pure: keys and time come in. The algorithm is pinned, the
// audience and the account are required, and nothing of a token is believed before its signature holds.
// Sources: "Authentication for push subscriptions"; RFC 7515, 7517, 7519; OpenID Connect Core 2.

import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { isObject } from '../../router/config.ts';
import type { ErrorCode } from '../../router/errors.ts';

/** A key of a JWK set, as Google publishes them. */
export interface PushKey {
  readonly kid: string;
  readonly key: KeyObject;
}

export interface ExpectedPush {
  readonly audience: string;
  readonly serviceAccount: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export type PushVerification =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: ErrorCode; readonly reason: string };

const ISSUERS = ['https://accounts.google.com', 'accounts.google.com'];
// Clocks differ; the service makes its tokens for an hour.
const SKEW_S = 60;
const MAX_TOKEN_CHARACTERS = 8_192;
const PARTS = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/;

/** The RSA keys of a JWK set; others are left out. Total. */
export function readPushKeys(set: unknown): readonly PushKey[] {
  const keys = isObject(set) && Array.isArray(set['keys']) ? set['keys'] : [];
  return keys.flatMap((jwk: unknown) => {
    if (!isObject(jwk)) return [];
    const { kid, kty, n, e, alg, use } = jwk;
    if (typeof kid !== 'string' || kty !== 'RSA' || typeof n !== 'string' || typeof e !== 'string') return [];
    if ((alg !== undefined && alg !== 'RS256') || (use !== undefined && use !== 'sig')) return [];
    try {
      return [{ kid, key: createPublicKey({ key: { kty, n, e }, format: 'jwk' }) }];
    } catch {
      return [];
    }
  });
}

function invalid(reason: string): PushVerification {
  return { ok: false, code: 'SIGNATURE_INVALID', reason: `pubsub: ${reason}` };
}

function jsonOf(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The `kid` of a token, so that the caller knows whether its keys are too old; undefined for what is no token. Total. */
export function keyIdOf(token: string): string | undefined {
  const head = token.length > MAX_TOKEN_CHARACTERS ? undefined : jsonOf(PARTS.exec(token)?.[1] ?? '');
  return typeof head?.['kid'] === 'string' ? head['kid'] : undefined;
}

/** The token of an Authorization header; undefined when it carries none. */
export function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1];
}

function checkTimes(claims: Readonly<Record<string, unknown>>, now: number): PushVerification | undefined {
  const { exp, iat, nbf } = claims;
  const seconds = now / 1_000;
  const outside = (says: string): PushVerification => ({
    ok: false,
    code: 'TIMESTAMP_OUT_OF_WINDOW',
    reason: `pubsub: ${says}`,
  });
  if (typeof exp !== 'number' || typeof iat !== 'number') {
    return { ok: false, code: 'TIMESTAMP_INVALID', reason: "pubsub: the token needs 'exp' and 'iat' in seconds" };
  }
  if (seconds > exp + SKEW_S) return outside('the token has expired');
  if (iat > seconds + SKEW_S || (typeof nbf === 'number' && nbf > seconds + SKEW_S))
    return outside('the token is not valid yet');
  return undefined;
}

function checkClaims(claims: Readonly<Record<string, unknown>>, expected: ExpectedPush): PushVerification {
  const { iss, aud, email } = claims;
  if (typeof iss !== 'string' || !ISSUERS.includes(iss))
    return invalid('the token is not of https://accounts.google.com');
  if (aud !== expected.audience) return invalid('the token is made for another audience; see push.audience');
  if (email !== expected.serviceAccount) return invalid('the token is of another account; see push.serviceAccount');
  if (claims['email_verified'] !== true) return invalid('the account of the token is not verified');
  return checkTimes(claims, expected.now) ?? { ok: true };
}

/** `token`: what bearerToken gave. Total; never quotes the token. */
export function verifyPush(
  token: string | undefined,
  keys: readonly PushKey[],
  expected: ExpectedPush,
): PushVerification {
  if (token === undefined) {
    return {
      ok: false,
      code: 'SIGNATURE_MISSING',
      reason: 'pubsub: the request has no bearer token; set an OIDC token on the subscription',
    };
  }
  const [, head = '', body = '', signed = ''] = (token.length <= MAX_TOKEN_CHARACTERS && PARTS.exec(token)) || [];
  const header = jsonOf(head);
  if (header === undefined) return invalid('the bearer token is no signed JWT');
  // Whatever the token names: another algorithm would be the forger's choice.
  if (header['alg'] !== 'RS256' || header['crit'] !== undefined) return invalid('the token must be signed by RS256');
  const key = keys.find(({ kid }) => kid === header['kid']);
  if (key === undefined) return invalid('the token names no key of the issuer');
  if (!verify('RSA-SHA256', Buffer.from(`${head}.${body}`), key.key, Buffer.from(signed, 'base64url'))) {
    return invalid('the signature of the token does not match');
  }
  const claims = jsonOf(body);
  return claims === undefined ? invalid('the claims of the token are no JSON object') : checkClaims(claims, expected);
}
