// Objects of Amazon S3 on loopback: PUT and GET, the bucket in the path. Strict: signature, content hash and checksum are
// looked at as S3 does, an object that is not there is a 403 to who may not list. Faults by a script.
// Sources: S3 API reference, PutObject, GetObject, "Error responses", "Signature calculations for the authorization header".

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { type Keys, signatureProblem } from './aws-signature.ts';

export type S3Fault =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly code: string;
      readonly headers?: Record<string, string>;
    }
  /** Never answers. */
  | { readonly kind: 'hang' }
  /** The connection breaks before anything is done. */
  | { readonly kind: 'reset' }
  /** What was taken is damaged on the way in. */
  | { readonly kind: 'damage' };

export interface S3Call {
  readonly method: string;
  readonly key: string;
  /** 0 for the first call. */
  readonly number: number;
}

export interface FakeS3Settings extends Partial<Keys> {
  readonly bucket?: string;
  /** Whether who asks may list the bucket; true if absent. */
  readonly mayList?: boolean;
  readonly fault?: (call: S3Call) => S3Fault | undefined;
}

export interface FakeS3 {
  readonly endpoint: string;
  readonly keys: Keys;
  readonly bucket: string;
  readonly objects: Map<string, Buffer>;
  readonly calls: readonly S3Call[];
  close(): Promise<void>;
}

interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly headers?: Record<string, string>;
}

const mustBeSigned = ['host', 'x-amz-date', 'x-amz-content-sha256'];
const hashOf = (body: Buffer, encoding: 'hex' | 'base64'): string => createHash('sha256').update(body).digest(encoding);

/** Each segment decoded and escaped anew, as the algorithm asks. */
function canonicalPath(path: string): string {
  const hex = (char: string): string => `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
  const segment = (text: string): string => encodeURIComponent(decodeURIComponent(text)).replace(/[!'()*]/g, hex);
  return path.split('/').map(segment).join('/');
}

function integrityProblem({ headers }: IncomingMessage, body: Buffer): Refusal | undefined {
  if (headers['x-amz-content-sha256'] !== hashOf(body, 'hex'))
    return { status: 400, code: 'XAmzContentSHA256Mismatch' };
  const checksum = headers['x-amz-checksum-sha256'];
  if (checksum === undefined || checksum === hashOf(body, 'base64')) return undefined;
  return { status: 400, code: 'BadDigest' };
}

function answer(response: ServerResponse, { status, code, headers }: Refusal): void {
  response.writeHead(status, { 'content-type': 'application/xml', ...headers });
  response.end(`<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>no</Message></Error>`);
}

export async function startS3(settings: FakeS3Settings = {}): Promise<FakeS3> {
  const { bucket = 'data', mayList = true, fault, ...given } = settings;
  const keys: Keys = { accessKeyId: 'AKIDFAKE', secretAccessKey: 'fake-secret', region: 'eu-west-1', ...given };
  const objects = new Map<string, Buffer>();
  const calls: S3Call[] = [];

  function refusalOf(request: IncomingMessage, body: Buffer, path: string): Refusal | undefined {
    const due = { keys, service: 's3', path: canonicalPath(path), mustBeSigned };
    if (signatureProblem(request, body, due) !== undefined) return { status: 403, code: 'SignatureDoesNotMatch' };
    if (path.split('/')[1] !== bucket) return { status: 404, code: 'NoSuchBucket' };
    return integrityProblem(request, body);
  }

  function serve(request: IncomingMessage, response: ServerResponse, asked: { key: string; body: Buffer }): void {
    const { key, body } = asked;
    if (request.method === 'PUT') {
      objects.set(key, body);
      response.writeHead(200, { etag: `"${hashOf(body, 'hex').slice(0, 32)}"` }).end();
      return;
    }
    const found = objects.get(key);
    if (request.method !== 'GET') answer(response, { status: 405, code: 'MethodNotAllowed' });
    else if (found === undefined) {
      answer(response, mayList ? { status: 404, code: 'NoSuchKey' } : { status: 403, code: 'AccessDenied' });
    } else response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(found);
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const path = (request.url ?? '').split('?')[0]!;
    const key = decodeURIComponent(path.split('/').slice(2).join('/'));
    const call: S3Call = { method: request.method ?? '', key, number: calls.length };
    calls.push(call);
    const wrong = fault?.(call);
    if (wrong?.kind === 'hang') return;
    if (wrong?.kind === 'reset') return void request.socket.destroy();
    if (wrong?.kind === 'answer') return answer(response, wrong);
    const refused = refusalOf(request, wrong?.kind === 'damage' ? Buffer.from(body).fill(0, 0, 1) : body, path);
    if (refused === undefined) serve(request, response, { key, body });
    else answer(response, refused);
  }

  const server = createServer((request, response) => {
    handle(request, response).catch(() => request.socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    keys,
    bucket,
    objects,
    calls,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
