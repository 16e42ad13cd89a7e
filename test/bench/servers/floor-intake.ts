// The intake a good engineer writes by hand for one GitHub hook: node:http, HMAC with a KeyObject, JSON.parse, the event's
// attributes. What happens to the event then is the caller's.

import { createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { secret } from '../payload.ts';

export interface FloorEvent {
  readonly attributes: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Calls back once the event is durable. */
export type Store = (event: FloorEvent, done: (error?: Error) => void) => void;

const key = createSecretKey(Buffer.from(secret));

function verified(body: Buffer, header: string | string[] | undefined): boolean {
  if (typeof header !== 'string' || !header.startsWith('sha256=')) return false;
  const given = Buffer.from(header.slice(7), 'hex');
  const expected = createHmac('sha256', key).update(body).digest();
  return given.length === expected.length && timingSafeEqual(given, expected);
}

interface Push {
  readonly ref: string;
  readonly repository: { readonly html_url: string; readonly pushed_at: number };
}

function toEvent(request: IncomingMessage, body: Buffer): FloorEvent {
  const payload = JSON.parse(body.toString('utf8')) as Push;
  const trace = randomBytes(24).toString('hex');
  const attributes = {
    specversion: '1.0',
    id: request.headers['x-github-delivery'] as string,
    source: payload.repository.html_url,
    type: `com.github.${request.headers['x-github-event']}`,
    datacontenttype: 'application/json',
    subject: payload.ref,
    time: new Date(payload.repository.pushed_at * 1000).toISOString(),
    recordedtime: new Date().toISOString(),
    traceparent: `00-${trace.slice(0, 32)}-${trace.slice(32)}-01`,
  };
  return { attributes, body };
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function take(request: IncomingMessage, response: ServerResponse, body: Buffer, store: Store): void {
  if (!verified(body, request.headers['x-hub-signature-256'])) {
    answer(response, 401, '{}');
    return;
  }
  let event: FloorEvent;
  try {
    event = toEvent(request, body);
  } catch {
    answer(response, 400, '{}');
    return;
  }
  store(event, (error) => {
    if (error === undefined) answer(response, 202, JSON.stringify({ accepted: [event.attributes['id']] }));
    else answer(response, 503, JSON.stringify({ error: error.message }));
  });
}

/** Listens on a free port of loopback. */
export async function serveIntake(store: Store): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => take(request, response, chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks), store));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
