// A bounded load generator over raw sockets: prebuilt requests on keep-alive connections to loopback, one under way per
// connection. Counts 2xx answers and takes nothing else: any other answer or a broken connection ends the run.
// Must stay cheap, since it shares the machine with what it measures.

import { connect, type Socket } from 'node:net';
import { deliveryId, type Prebuilt } from './payload.ts';

export interface LoadOptions {
  readonly port: number;
  readonly requests: readonly Prebuilt[];
  readonly connections: number;
  /** No request starts after this; those under way are waited for. */
  readonly forMs: number;
  /** Unique among all loads. */
  readonly run: string;
  /** No more requests than this. */
  readonly limit?: number;
  readonly signal: AbortSignal;
  /** Just before the request goes out. */
  readonly onSend?: (id: string) => void;
}

export interface LoadResult {
  readonly acked: number;
  readonly tookMs: number;
}

const ANSWER_LIMIT_MS = 15_000;

interface Connection {
  send(request: Prebuilt, id: string): void;
  close(): void;
}

/** Bytes of the answer at the start of `chunk`, or undefined while it is not whole. */
function answerLength(chunk: Buffer): number | undefined {
  const headEnd = chunk.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const head = chunk.toString('latin1', 0, headEnd);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  const status = Number(head.slice(9, 12));
  if (length === undefined && status !== 204) throw new Error(`an answer without a length: ${head.slice(0, 200)}`);
  const whole = headEnd + 4 + Number(length ?? 0);
  if (chunk.length < whole) return undefined;
  if (status < 200 || status > 299) {
    throw new Error(`the server answered ${status}: ${chunk.toString('latin1', headEnd + 4, headEnd + 304)}`);
  }
  return whole;
}

/** `onAnswer` after each 2xx; `onBroken` once, for anything else. */
function openConnection(
  port: number,
  requests: readonly Prebuilt[],
  on: { readonly answer: (connection: Connection) => void; readonly broken: (error: Error) => void },
): Promise<Connection> {
  // Its own copies: the id is written into them, and the one before has been answered by then.
  const own = new Map(requests.map(({ bytes }) => [bytes, Buffer.from(bytes)]));
  let rest: Buffer | undefined;
  let closed = false;
  const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const connection: Connection = {
    send({ bytes, idAt }, id) {
      const copy = own.get(bytes)!;
      copy.write(id, idAt, 'latin1');
      socket.write(copy);
    },
    close() {
      closed = true;
      socket.destroy();
    },
  };
  const broken = (error: Error): void => {
    if (closed) return;
    connection.close();
    on.broken(error);
  };
  socket.on('data', (chunk: Buffer) => {
    const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
    rest = undefined;
    try {
      const length = answerLength(bytes);
      if (length === undefined) rest = bytes;
      else if (length === bytes.length) on.answer(connection);
      else throw new Error('an answer nobody asked for');
    } catch (thrown) {
      broken(thrown as Error);
    }
  });
  socket.on('error', broken);
  socket.on('close', () => broken(new Error('the server closed the connection')));
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(connection));
    socket.once('error', reject);
  });
}

/** Waits until `done`, or rejects at the first failure, an abort, or after `limitMs` without an end. */
function createFinish(signal: AbortSignal, limitMs: number) {
  const finish = Promise.withResolvers<void>();
  const onAbort = (): void => finish.reject(signal.reason);
  const timer = setTimeout(() => finish.reject(new Error(`no end within ${limitMs} ms`)), limitMs);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const promise = finish.promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  });
  return { promise, done: finish.resolve, fail: finish.reject };
}

/** Closed loop: each connection sends again as soon as it is answered. Connections are opened before the clock starts. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { port, requests, connections, forMs, run, limit = Number.POSITIVE_INFINITY, signal, onSend } = options;
  const finish = createFinish(signal, forMs + ANSWER_LIMIT_MS);
  let sent = 0;
  let acked = 0;
  let stopAt = 0;
  const next = (connection: Connection): void => {
    if (sent < limit && performance.now() < stopAt) {
      const id = deliveryId(run, sent);
      onSend?.(id);
      connection.send(requests[sent++ % requests.length]!, id);
    } else if (acked === sent) finish.done();
  };
  const on = {
    answer: (connection: Connection): void => {
      acked++;
      next(connection);
    },
    broken: finish.fail,
  };
  const opening = Array.from({ length: Math.min(connections, limit) }, () => openConnection(port, requests, on));
  // Both are awaited below whatever comes first.
  finish.promise.catch(() => undefined);
  const opened = await Promise.all(opening);
  try {
    const startedAt = performance.now();
    stopAt = startedAt + forMs;
    for (const connection of opened) next(connection);
    await finish.promise;
    return { acked, tookMs: performance.now() - startedAt };
  } finally {
    for (const connection of opened) connection.close();
  }
}

/** Open loop: requests leave at a constant rate whatever the answers do. Rejects when no connection is free any more. */
export async function runSteady(options: LoadOptions & { readonly perSecond: number }): Promise<LoadResult> {
  const { port, requests, connections, forMs, run, signal, onSend, perSecond } = options;
  const finish = createFinish(signal, forMs + ANSWER_LIMIT_MS);
  finish.promise.catch(() => undefined);
  const total = Math.round((forMs / 1_000) * perSecond);
  let sent = 0;
  let acked = 0;
  const on = {
    answer: (connection: Connection): void => {
      idle.push(connection);
      if (++acked === total) finish.done();
    },
    broken: finish.fail,
  };
  const opened = await Promise.all(Array.from({ length: connections }, () => openConnection(port, requests, on)));
  const idle = [...opened];
  const startedAt = performance.now();
  const tick = (): void => {
    const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1_000) * perSecond) + 1);
    for (; sent < due; sent++) {
      const connection = idle.shift();
      if (connection === undefined) {
        finish.fail(new Error(`all ${connections} connections wait for an answer`));
        return;
      }
      const id = deliveryId(run, sent);
      onSend?.(id);
      connection.send(requests[sent % requests.length]!, id);
    }
  };
  const timer = setInterval(tick, 1_000 / perSecond / 2);
  try {
    await finish.promise;
    return { acked, tookMs: performance.now() - startedAt };
  } finally {
    clearInterval(timer);
    for (const connection of opened) connection.close();
  }
}
