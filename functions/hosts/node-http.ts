// Node's requests and responses <-> plain ones, for the hosts that stand on node:http. Reads raw bytes, up to a limit.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RawRequest, RawResponse } from '../../router/http.ts';

const EMPTY = Buffer.alloc(0);

/** Resolves to undefined when the body is over the limit. Rejects when the sender goes away. */
export function readBody(request: IncomingMessage, maxBody: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const declared = request.headers['content-length'];
    if (declared !== undefined && Number(declared) > maxBody) return resolve(undefined);
    let first: Buffer = EMPTY;
    let chunks: Buffer[] | undefined;
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBody) return resolve(undefined);
      if (size === chunk.length) first = chunk;
      else if (chunks === undefined) chunks = [first, chunk];
      else chunks.push(chunk);
    });
    request.on('end', () => resolve(chunks === undefined ? first : Buffer.concat(chunks, size)));
    request.on('error', reject);
    request.on('close', () => {
      // After every request; an error made for nothing would cost as much as reading the body.
      if (!request.complete) reject(new Error('the sender went away'));
    });
  });
}

export function toRequest(request: IncomingMessage, body: Buffer, url = request.url ?? '/'): RawRequest {
  const mark = url.indexOf('?');
  return {
    method: request.method ?? 'GET',
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? '' : url.slice(mark + 1),
    // Node lower-cases names and joins repeated headers; only set-cookie is a list, and no source reads it.
    headers: request.headers as Readonly<Record<string, string>>,
    body,
  };
}

export function send(response: ServerResponse, answer: RawResponse, close = false): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(answer.status, {
    ...answer.headers,
    'content-length': Buffer.byteLength(answer.body),
    ...(close ? { connection: 'close' } : {}),
  });
  response.end(answer.body);
}
