// What the signing sources share: keys, constant-time comparison, the replay window. Pure but for node:crypto.
// It must never put a secret, a signature or a body into a reason: reasons go back to the sender and into logs.

import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { type ErrorCode, RouterError } from '../../router/errors.ts';
import { isTimestamp } from '../../router/event.ts';
import type { Verification } from './source.ts';

export const accepted: Verification = { kind: 'accepted' };

export function rejected(code: ErrorCode, reason: string): Verification {
  return { kind: 'rejected', code, reason };
}

export function invalidSecret(kind: string, due: string): RouterError {
  return new RouterError('SECRET_INVALID', `${kind}: the secret must be ${due}`, { source: kind });
}

/**
 * A KeyObject is made once per secret: with a raw-bytes key each HMAC costs four times as much on Node 24 (measured).
 * White space at either end is refused: it is a slip of copying, and would reject every request without a word.
 */
export function textKey(kind: string, secret: string): KeyObject {
  if (secret === '') throw invalidSecret(kind, 'a text of at least one character, found an empty one');
  if (secret.trim() !== secret) throw invalidSecret(kind, 'without white space at its start and end');
  return createSecretKey(secret, 'utf8');
}

/** Constant time for texts of one length; a different length answers at once. */
export function sameText(expected: string, given: string): boolean {
  if (expected.length !== given.length) return false;
  const left = Buffer.from(expected, 'utf8');
  // utf8, not latin1: that would fold U+0161 onto 'a'
  const right = Buffer.from(given, 'utf8');
  return left.length === right.length && timingSafeEqual(left, right);
}

export interface Mac {
  readonly algorithm: 'sha1' | 'sha256' | 'sha512';
  readonly encoding: 'hex' | 'base64';
}

/** The MAC over `before` and the raw bytes, as its text. */
export function mac({ algorithm, encoding }: Mac, key: KeyObject, before: string, body: Buffer): string {
  const hmac = createHmac(algorithm, key);
  if (before !== '') hmac.update(before, 'utf8');
  return hmac.update(body).digest(encoding);
}

/** Both ways: a clock that runs ahead is as wrong as one that runs behind, and Standard Webhooks asks for both. */
export const windowSeconds = 300;

// up to 12 digits: 13 would be milliseconds, the usual slip
const SECONDS = /^[1-9]\d{0,11}$/;

/** Whole seconds since 1970, and nothing a lenient parser would make of `1e9`, `17.5`, `-1` or `0x10`. */
export function unixSeconds(text: string): number | undefined {
  return SECONDS.test(text) ? Number(text) : undefined;
}

/** Seconds, or an RFC 3339 text. */
export function anyTime(text: string): number | undefined {
  const seconds = unixSeconds(text);
  if (seconds !== undefined) return seconds;
  // Date.parse knows no leap second: NaN
  const ms = isTimestamp(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000);
}

/** The rejection of a stamp that is missing, unreadable or out of the window; undefined when it is good. */
export function checkStamp(stamp: number | undefined, header: string, now: Date): Verification | undefined {
  if (stamp === undefined) {
    return rejected('TIMESTAMP_INVALID', `header '${header}' must hold whole seconds since 1970, such as 1700000000`);
  }
  const ahead = stamp - Math.floor(now.getTime() / 1000);
  if (Math.abs(ahead) <= windowSeconds) return undefined;
  const side = ahead > 0 ? 'in the future' : 'in the past';
  return rejected(
    'TIMESTAMP_OUT_OF_WINDOW',
    `header '${header}' lies ${Math.abs(ahead)} s ${side}; allowed: ${windowSeconds} s; check the clocks`,
  );
}
