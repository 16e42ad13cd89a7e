// Standard Webhooks signatures on what goes out. The secret becomes a KeyObject once, at start: with raw key bytes each
// HMAC costs 3 to 5 times as much on Node 24. Never puts a secret into a message.
// Source: standard-webhooks/standard-webhooks, spec/standard-webhooks.md (signature scheme v1).

import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto';

import { RouterError } from '../../router/errors.ts';
import type { Delivery, TargetParts } from './target.ts';

const SECRET = /^whsec_([A-Za-z0-9+/]+={0,2})$/;
const DEFAULT_VARIABLE = 'BUSWAY_SIGNING_SECRET';

/** Throws SECRET_INVALID, naming the variable and the form that is due. */
export function signingKey(secret: string, variable: string): KeyObject {
  const encoded = SECRET.exec(secret)?.[1];
  const bytes = Buffer.from(encoded ?? '', 'base64');
  // Buffer skips what is not base64, so the way back shows whether anything was skipped.
  const whole = bytes.toString('base64').replace(/=+$/, '') === encoded?.replace(/=+$/, '');
  if (whole && bytes.length >= 24 && bytes.length <= 64) return createSecretKey(bytes);
  throw new RouterError(
    'SECRET_INVALID',
    `the signing secret in ${variable} must be 'whsec_' and the base64 of 24 to 64 bytes; ` +
      'make one with: echo "whsec_$(openssl rand -base64 32)"',
    { variable },
  );
}

/**
 * The key a target signs with: of the variable its `secret` names (SECRET_MISSING when that is not set), else of
 * BUSWAY_SIGNING_SECRET, else none, which is said once.
 */
export function openSigningKey(variable: string | undefined, label: string, parts: TargetParts): KeyObject | undefined {
  const secret = parts.env(variable ?? DEFAULT_VARIABLE);
  if (secret !== undefined && secret !== '') return signingKey(secret, variable ?? DEFAULT_VARIABLE);
  if (variable === undefined) {
    parts.onWarning(
      `rule '${parts.rule}': ${label} goes unsigned; set ${DEFAULT_VARIABLE}, or name a variable in 'secret'`,
    );
    return undefined;
  }
  throw new RouterError(
    'SECRET_MISSING',
    `rule '${parts.rule}': ${label} signs with ${variable}, which is not set; set it, or take 'secret' out of the rule`,
    { variable },
  );
}

/** The same for every attempt of one (rule, event) in every process, so that a receiver can tell a repeat. */
export function messageId({ rule, event }: Delivery): string {
  const { source, id } = event.attributes;
  return `msg_${hash('sha256', `${rule}\0${source}\0${id}`, 'base64url')}`;
}

/** The value of webhook-signature. `seconds` is the value of webhook-timestamp. */
export function sign(key: KeyObject, id: string, { seconds, body }: { seconds: number; body: Buffer }): string {
  return `v1,${createHmac('sha256', key).update(`${id}.${seconds}.`).update(body).digest('base64')}`;
}
