// Whether a request to a fake of AWS is signed as AWS asks, computed anew by the published algorithm.
// Source: AWS General Reference, "Signature Version 4 signing process" (read 2026-11-21).

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly region: string;
}

/** Who may ask, and what. */
export interface Due {
  readonly keys: Keys;
  /** As in a credential scope. */
  readonly service: string;
  /** The path as the algorithm writes it; '/' if absent. */
  readonly path?: string;
  /** Without these a signature would not bind the request to its host, its time and what it asks. */
  readonly mustBeSigned?: readonly string[];
}

/** The exception that a request without a good signature gets. */
export interface SignatureProblem {
  readonly type: string;
  readonly says: string;
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/,]+)\/(\d{8})\/([a-z0-9-]+)\/([a-z0-9-]+)\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/;
const MAX_SKEW_MS = 300_000;
const ofJsonCalls = ['host', 'x-amz-date', 'x-amz-target'];

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();

function timeOf(text: string): number {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (parts === null) return Number.NaN;
  const [, year, month, day, hour, minute, second] = parts;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

function canonicalRequest(
  request: IncomingMessage,
  body: Buffer,
  { signed, path }: { signed: string; path: string },
): string {
  const headers = signed.split(';').map((name) => `${name}:${String(request.headers[name]).trim()}\n`);
  return [request.method, path, '', headers.join(''), signed, sha256(body)].join('\n');
}

/** Undefined when the signature is good. */
export function signatureProblem(
  request: IncomingMessage,
  body: Buffer,
  { keys, service: dueService, path = '/', mustBeSigned = ofJsonCalls }: Due,
): SignatureProblem | undefined {
  const bad = (says: string): SignatureProblem => ({ type: 'InvalidSignatureException', says });
  const { authorization } = request.headers;
  if (authorization === undefined) return { type: 'MissingAuthenticationTokenException', says: 'no authorization' };
  const [, keyId = '', day = '', region = '', service = '', signed = '', signature = ''] =
    AUTHORIZATION.exec(authorization) ?? [];
  if (signature === '') return { type: 'IncompleteSignatureException', says: 'the authorization has another form' };
  if (keyId !== keys.accessKeyId) return { type: 'UnrecognizedClientException', says: 'the key is not known' };
  const token = request.headers['x-amz-security-token'];
  if (token !== keys.sessionToken) return { type: 'UnrecognizedClientException', says: 'the token is not valid' };
  if (region !== keys.region || service !== dueService) return bad(`the scope ${region}/${service} is another's`);
  if (mustBeSigned.some((name) => !signed.split(';').includes(name))) return bad('a header is not signed');
  const date = String(request.headers['x-amz-date']);
  if (!date.startsWith(day)) return bad('the day of the scope is another');
  if (!(Math.abs(timeOf(date) - Date.now()) <= MAX_SKEW_MS)) return bad('the signature is expired or of the future');
  const scope = `${day}/${region}/${service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', date, scope, sha256(canonicalRequest(request, body, { signed, path }))].join('\n');
  const key = [day, region, service, 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${keys.secretAccessKey}`);
  const due = hmac(key, text);
  return timingSafeEqual(due, Buffer.from(signature, 'hex')) ? undefined : bad('the signature does not match');
}
