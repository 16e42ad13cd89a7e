// Targets of a bench: raw HTTP servers on loopback that read a POST and answer. Cheap, since they share the machine with
// what is measured; they look at a body only while asked to.

import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import type { Delivered } from './intake.ts';

export interface Posted {
  readonly sink: number;
  readonly path: string;
  /** As sent, with line ends. */
  readonly head: string;
  readonly body: Buffer;
}

export interface Sinks {
  readonly urls: readonly string[];
  readonly ports: readonly number[];
  readonly delivered: Delivered & {
    /** POSTs answered with 200, by sink. */
    counts(): readonly number[];
    total(): number;
  };
  /** From now on each POST that was taken is shown, whole; undefined ends it. */
  watch(onPost: ((posted: Posted) => void) | undefined): void;
  /** POSTs answered with 500. */
  refused(): number;
  /** Sink number `sink` answers 500 and counts nothing while `failing`. */
  fail(sink: number, failing: boolean): void;
  close(): Promise<void>;
}

const OK = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
const NOT_FOUND = Buffer.from('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n');
const FAILED = Buffer.from('HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n');
const HEAD_LIMIT = 16_384;
const STALL_MS = 15_000;

interface Request {
  readonly head: string;
  readonly bodyLeft: number;
  readonly body: readonly Buffer[];
}

type Take = (head: string, body: Buffer | undefined) => Buffer;

/** Reads requests from one connection; `wantsBody` is asked once a request. */
function serve(socket: Socket, wantsBody: () => boolean, take: Take): void {
  let rest: Buffer | undefined;
  let request: Request | undefined;
  let keeps = false;

  function readHead(bytes: Buffer): Buffer | undefined {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) {
      if (bytes.length > HEAD_LIMIT) socket.destroy();
      else rest = bytes;
      return undefined;
    }
    const head = bytes.toString('latin1', 0, end + 2);
    // A body without a length would need a parser of chunks; no contestant sends one.
    if (/\r\ntransfer-encoding:/i.test(head)) throw new Error('a sink reads no chunked body');
    request = { head, bodyLeft: Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0), body: [] };
    keeps = wantsBody();
    return bytes.subarray(end + 4);
  }

  socket.on('data', (chunk: Buffer) => {
    let bytes: Buffer | undefined = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
    rest = undefined;
    while (bytes !== undefined) {
      if (request === undefined) {
        if (bytes.length === 0) return;
        bytes = readHead(bytes);
        continue;
      }
      const part = bytes.subarray(0, request.bodyLeft);
      const body = keeps ? [...request.body, part] : [];
      const { head, bodyLeft } = request;
      request = bodyLeft > part.length ? { head, bodyLeft: bodyLeft - part.length, body } : undefined;
      if (request === undefined) socket.write(take(head, keeps ? Buffer.concat(body) : undefined));
      bytes = bytes.length > part.length ? bytes.subarray(part.length) : undefined;
    }
  });
  socket.on('error', () => socket.destroy());
}

async function listen(onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ noDelay: true }, onSocket);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return server;
}

function createCounter(size: number) {
  const counts = new Array<number>(size).fill(0);
  let total = 0;
  let waiting: { readonly total: number; readonly resolve: () => void } | undefined;
  return {
    add(sink: number): void {
      counts[sink]!++;
      total++;
      if (waiting !== undefined && total >= waiting.total) waiting.resolve();
    },
    counts: () => counts,
    total: () => total,
    /** Rejects when nothing arrives for a while. */
    async until(wanted: number, signal: AbortSignal): Promise<void> {
      let before = -1;
      while (total < wanted) {
        signal.throwIfAborted();
        if (total === before) throw new Error(`invalid: of ${wanted} acknowledged events only ${total} were delivered`);
        before = total;
        const step = Promise.withResolvers<void>();
        const timer = setTimeout(step.resolve, STALL_MS);
        waiting = { total: wanted, resolve: step.resolve };
        await step.promise;
        clearTimeout(timer);
      }
      waiting = undefined;
    },
  };
}

/** `count` servers on ports of their own; or one for all of `paths`, for a peer that calls one application. */
export async function openSinks(count: number, paths?: readonly string[]): Promise<Sinks> {
  const counter = createCounter(count);
  const failing = new Set<number>();
  const sockets = new Set<Socket>();
  let refused = 0;
  let onPost: ((posted: Posted) => void) | undefined;

  const takeAt = (sink: number | undefined): Take => {
    return (head, body) => {
      const [method, path = ''] = head.slice(0, head.indexOf('\r\n')).split(' ');
      const at = sink ?? paths?.indexOf(path) ?? -1;
      if (method !== 'POST' || at < 0) return NOT_FOUND;
      if (failing.has(at)) {
        refused++;
        return FAILED;
      }
      counter.add(at);
      if (body !== undefined) onPost?.({ sink: at, path, head, body });
      return OK;
    };
  };
  const wantsBody = (): boolean => onPost !== undefined;
  const open = (sink: number | undefined) =>
    listen((socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      serve(socket, wantsBody, takeAt(sink));
    });
  const servers = await Promise.all(
    paths === undefined ? Array.from({ length: count }, (_, i) => open(i)) : [open(undefined)],
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);

  return {
    ports,
    urls: ports.map((port) => `http://127.0.0.1:${port}/hook`),
    delivered: counter,
    watch(next) {
      onPost = next;
    },
    refused: () => refused,
    fail(sink, isFailing) {
      if (isFailing) failing.add(sink);
      else failing.delete(sink);
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
    },
  };
}
