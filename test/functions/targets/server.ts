// Servers on loopback for the tests of targets: one that answers HTTP as told, one that only moves bytes.

import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export interface HttpPeer {
  readonly url: string;
  readonly port: number;
  readonly received: readonly Received[];
  /** Connections so far. */
  readonly connections: () => number;
  close(): Promise<void>;
}

type Answer = (request: Received, response: Parameters<RequestListener>[1]) => void;

/** Answers by `answer` once a request is whole. */
export async function startHttp(
  answer: Answer,
  tls?: { readonly key: Buffer; readonly cert: Buffer },
): Promise<HttpPeer> {
  const received: Received[] = [];
  let connections = 0;
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers, rawHeaders } = request;
      const whole = { method, path: url, headers, rawHeaders, body: Buffer.concat(chunks) };
      received.push(whole);
      answer(whole, response);
    });
  };
  const server: Server = tls === undefined ? createHttpServer(listener) : createHttpsServer(tls, listener);
  server.on(tls === undefined ? 'connection' : 'secureConnection', () => connections++);
  const port = await listen(server);
  return {
    url: `http${tls === undefined ? '' : 's'}://127.0.0.1:${port}`,
    port,
    received,
    connections: () => connections,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface TcpPeer {
  readonly url: string;
  readonly port: number;
  readonly sockets: readonly Socket[];
  /** Bytes received over all connections. */
  readonly bytes: () => number;
  close(): Promise<void>;
}

/** `onRequest` runs at the first bytes of each connection. */
export async function startTcp(onRequest: (socket: Socket) => void): Promise<TcpPeer> {
  const sockets: Socket[] = [];
  let bytes = 0;
  const server = createTcpServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      bytes += chunk.length;
    });
    socket.once('data', () => onRequest(socket));
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    sockets,
    bytes: () => bytes,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function listen(server: { listen(port: number, host: string): unknown; address(): unknown }): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server as never, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A port of loopback where nothing listens. */
export async function closedPort(): Promise<number> {
  const peer = await startTcp(() => {});
  await peer.close();
  return peer.port;
}
