// Keys of the fake: the issuer that signs push tokens and publishes its keys, and a service account whose own tokens the
// fake takes for logins. Made anew in each process; nothing of them is secret elsewhere.

import { generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';

export interface Signer {
  readonly keyId: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export function createSigner(keyId: string): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { keyId, privateKey, publicKey };
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export interface TokenParts {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** A JWT; the header may be any, so that forged ones can be made too. */
export function makeToken({ keyId, privateKey }: Signer, { header = {}, claims }: TokenParts): string {
  const signed = `${part({ alg: 'RS256', typ: 'JWT', kid: keyId, ...header })}.${part(claims)}`;
  return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), privateKey).toString('base64url')}`;
}

/** What Google's service puts into a push token. */
export function pushClaims(
  { email, audience }: { readonly email: string; readonly audience: string },
  nowMs: number,
): Record<string, unknown> {
  const iat = Math.floor(nowMs / 1_000);
  const iss = 'https://accounts.google.com';
  return { aud: audience, azp: '1', email, email_verified: true, exp: iat + 3_600, iat, iss, sub: '1' };
}

export function keySet(signers: readonly Signer[]): { readonly keys: readonly object[] } {
  return {
    keys: signers.map(({ keyId, publicKey }) => ({
      ...publicKey.export({ format: 'jwk' }),
      kid: keyId,
      alg: 'RS256',
      use: 'sig',
    })),
  };
}

/** The claims of a token that this signer has signed; undefined for any other. */
export function readToken(token: string, { keyId, publicKey }: Signer): Readonly<Record<string, unknown>> | undefined {
  const [head = '', claims = '', signed = ''] = token.split('.');
  try {
    const header = JSON.parse(Buffer.from(head, 'base64url').toString()) as { alg?: unknown; kid?: unknown };
    if (header.alg !== 'RS256' || header.kid !== keyId) return undefined;
    const holds = verify('RSA-SHA256', Buffer.from(`${head}.${claims}`), publicKey, Buffer.from(signed, 'base64url'));
    return holds ? (JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The key file of a service account, as the console gives it out. */
export function keyFile({ keyId, privateKey }: Signer, email: string): string {
  return JSON.stringify({
    type: 'service_account',
    project_id: 'test-project',
    private_key_id: keyId,
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    client_email: email,
    token_uri: 'https://oauth2.googleapis.com/token',
  });
}
