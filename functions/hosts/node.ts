// The webhook function on node:http. Reads raw bytes up to the limit, answers, drains on close. The route stands on
// node:http itself because a framework costs a fifth of a request's CPU here; everything else goes to `rest`.

import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { RawRequest, RawResponse } from '../../router/http.ts';
import type { WrappedWebhook } from '../middleware.ts';
import { errorResponse } from '../webhook.ts';

export interface NodeHostOptions {
  readonly port: number;
  readonly maxBody: number;
  /** For the whole of the headers; 10 s unless told. */
  readonly headersTimeoutMs?: number;
  /** For a whole request; 30 s unless told. */
  readonly requestTimeoutMs?: number;
  /** Answers what is not below /webhooks/. */
  readonly rest?: RequestListener;
}

export interface NodeHost {
  readonly port: number;
  readonly url: string;
  /** Stops listening, lets requests under way end (5 s at most), then cuts what is left. Idempotent. */
  close(): Promise<void>;
}

const DRAIN_MS = 5_000;
const EMPTY = Buffer.alloc(0);

/** Resolves to undefined when the body is over the limit. Rejects when the sender goes away. */
function readBody(request: IncomingMessage, maxBody: number): Promise<Buffer | undefined> {
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

function toRequest(request: IncomingMessage, body: Buffer): RawRequest {
  const url = request.url ?? '/';
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

function send(response: ServerResponse, answer: RawResponse, close: boolean): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(answer.status, {
    ...answer.headers,
    'content-length': Buffer.byteLength(answer.body),
    ...(close ? { connection: 'close' } : {}),
  });
  response.end(answer.body);
}

/** Listens on 127.0.0.1. Rejects when the port is taken. */
export async function serveNode(webhook: WrappedWebhook, options: NodeHostOptions): Promise<NodeHost> {
  const { maxBody, rest, headersTimeoutMs = 10_000, requestTimeoutMs = 30_000 } = options;
  let closing: Promise<void> | undefined;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request, maxBody);
    if (body === undefined) {
      send(response, errorResponse('BODY_TOO_LARGE', `the body is over ${maxBody} bytes`), true);
      request.resume();
      return;
    }
    send(response, await webhook(toRequest(request, body), {}), closing !== undefined);
  }

  // Slow clients: the defaults (60 s, 300 s, looked at every 30 s, no cap) would let a few hold the process.
  const slow = {
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: Math.min(1_000, headersTimeoutMs),
  };
  const server = createServer(slow, (request, response) => {
    if (request.url?.startsWith('/webhooks/') || rest === undefined) {
      serve(request, response).catch(() => response.destroy());
    } else rest(request, response);
  });
  server.maxConnections = 10_000;
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await listen(server, options.port);
  const { port } = server.address() as AddressInfo;

  async function shutDown(): Promise<void> {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    // Node counts a connection that never sent a byte as busy: a browser's spare one would hold us to the limit.
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
    await closed;
    clearTimeout(timer);
  }

  return {
    port,
    url: `http://127.0.0.1:${port}`,
    close() {
      closing ??= shutDown();
      return closing;
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
}
