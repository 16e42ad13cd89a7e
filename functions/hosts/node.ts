// The webhook function, or any other over HTTP, on node:http. Reads raw bytes up to the limit, answers, drains on close. The
// route stands on node:http itself because a framework costs a fifth of a request's CPU here; the rest goes to `rest`.

import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { HttpFunction } from '../middleware.ts';
import { refusal, tooLarge } from './http-answer.ts';
import { readBody, send, toRequest } from './node-http.ts';

export interface NodeHostOptions {
  readonly port: number;
  /** Where it listens: 127.0.0.1 unless told, so that nobody else's machine comes in by a forgotten setting. */
  readonly host?: string;
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
  /** As this machine reaches it, at 127.0.0.1. */
  readonly url: string;
  /** Stops listening, lets requests under way end (5 s at most), then cuts what is left. Idempotent. */
  close(): Promise<void>;
}

const DRAIN_MS = 5_000;

/** Rejects when the port is taken. */
export async function serveNode(webhook: HttpFunction, options: NodeHostOptions): Promise<NodeHost> {
  const { host = '127.0.0.1', maxBody, rest, headersTimeoutMs = 10_000, requestTimeoutMs = 30_000 } = options;
  let closing: Promise<void> | undefined;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request, maxBody);
    if (body === undefined) {
      send(response, refusal(tooLarge(maxBody)), true);
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
  await listen(server, options.port, host);
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

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
