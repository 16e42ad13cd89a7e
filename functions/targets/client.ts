// The one HTTP client of the targets: POST to one url, never to an address that is not allowed, never along a redirect.
// A name is resolved once per connection, every address it gives is judged, the connection goes to one of those and to
// no other, and the connected peer is judged again before a byte of the request is written: a name that resolves
// otherwise a moment later changes nothing. Stands on node:http, since the global fetch takes no lookup.
// A response body is never looked at: it is drained up to a cap so that the connection can be used again.

import { lookup as resolveName } from 'node:dns/promises';
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ErrorCode, RouterError } from '../../router/errors.ts';
import { type AddressPolicy, forbidden, parseAddress } from './address.ts';
import { createUnderWay, type Stop, type UnderWay } from './under-way.ts';
import type { Answer } from './verdict.ts';

export type Resolved = readonly { readonly address: string; readonly family: number }[];

/** What only tests and special set-ups give. */
export interface ClientExtras {
  /** All addresses of a name; the system's resolver if absent. */
  readonly lookup?: (hostname: string) => Promise<Resolved>;
  /** Certificate authorities in PEM, instead of Node's. */
  readonly ca?: string;
  /** Connections at once. 64 if absent. */
  readonly slots?: number;
}

export interface ClientSettings {
  /** Checked by urlProblem. */
  readonly url: URL;
  readonly policy: AddressPolicy;
  /** For a whole exchange: waiting for a connection, connecting, request, response head; the drain after it too. */
  readonly timeoutMs: number;
  /** Who a forbidden address is reported for: "rule 'x'". */
  readonly owner: string;
}

export interface Client {
  /** `headers`: name, value, name, value; host and content-length are added. Never rejects. May be called concurrently. */
  post(body: Buffer, headers: readonly string[], signal: AbortSignal): Promise<Answer>;
  /** Gives up what is under way with CLOSED. Idempotent. */
  close(): void;
}

/** Response bytes read for the sake of keeping the connection; beyond that a new connection is cheaper. */
const DRAIN_BYTES = 16_384;

const failed = (code: ErrorCode, reason: string): Answer => ({ kind: 'failed', code, reason });

const CLOSED = failed('CLOSED', 'this target was closed');
const ABORTED = failed('ABORTED', 'the delivery was given up before an answer');

/** Throws TARGET_ADDRESS_FORBIDDEN for an address written in the url that may never be reached; names pass. */
function checkLiteral(hostname: string, { owner, policy }: ClientSettings): void {
  if (parseAddress(hostname) === undefined) return;
  const wrong = forbidden(hostname, policy);
  if (wrong === undefined) return;
  throw new RouterError('TARGET_ADDRESS_FORBIDDEN', `${owner}: ${hostname} ${wrong}`, { hostname });
}

/** One bad address among many refuses the name: which one a connection takes is not ours to choose. */
function badAddress(hostname: string, addresses: Resolved, policy: AddressPolicy): Error | undefined {
  for (const { address } of addresses) {
    const wrong = forbidden(address, policy);
    if (wrong === undefined) continue;
    const says = `${hostname} resolves to ${address}, which ${wrong}`;
    return new RouterError('TARGET_ADDRESS_FORBIDDEN', says, { hostname });
  }
  return addresses.length > 0 ? undefined : Object.assign(new Error('no address'), { code: 'ENOTFOUND' });
}

function guardedLookup(policy: AddressPolicy, lookup: NonNullable<ClientExtras['lookup']>): LookupFunction {
  return (hostname, options, callback) => {
    const answer = (addresses: Resolved): void => {
      const bad = badAddress(hostname, addresses, policy);
      const first = addresses[0];
      if (bad !== undefined || first === undefined) callback(bad ?? null, '');
      else if (options.all) callback(null, [...addresses]);
      else callback(null, first.address, first.family);
    };
    lookup(hostname).then(answer, (error: Error) => callback(error, ''));
  };
}

/** Destroys a connection whose peer is not allowed, before anything that waits for 'connect' writes to it. */
export function guardPeer(socket: Socket, policy: AddressPolicy): Socket {
  return socket.prependOnceListener('connect', () => {
    const peer = socket.remoteAddress;
    if (peer === undefined) return;
    const wrong = forbidden(peer, policy);
    if (wrong !== undefined) {
      socket.destroy(new RouterError('TARGET_ADDRESS_FORBIDDEN', `the connection went to ${peer}, which ${wrong}`));
    }
  });
}

function openAgent({ policy, url }: ClientSettings, extras: ClientExtras): HttpAgent {
  const options = {
    keepAlive: true,
    maxSockets: extras.slots ?? 64,
    lookup: guardedLookup(policy, extras.lookup ?? ((hostname) => resolveName(hostname, { all: true }))),
    ...(extras.ca === undefined ? {} : { ca: extras.ca }),
  };
  const agent = url.protocol === 'https:' ? new HttpsAgent(options) : new HttpAgent(options);
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (connection) => guardPeer(connect(connection) as Socket, policy);
  return agent;
}

function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[A-Z0-9_]{1,60}$/.test(code) ? code : 'unknown error';
}

// Only the code of a foreign error is shown: texts of TLS errors quote what the peer sent.
function failureOf(error: Error): Answer {
  if (error instanceof RouterError) return failed(error.code, error.message);
  const code = errorCode(error);
  if (code.startsWith('HPE_')) return failed('TARGET_RESPONSE_INVALID', `the answer is not HTTP (${code})`);
  return failed('TARGET_UNREACHABLE', `no answer (${code})`);
}

/** Reads the rest of a response, as far as that is worth it. */
function drain(response: IncomingMessage): void {
  let left = DRAIN_BYTES;
  response.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) response.destroy();
  });
  response.on('error', ignore);
}

// A body that breaks off changes nothing: the status has been read.
function ignore(): void {}

function refuseUpgrade(this: ClientRequest, _response: IncomingMessage, socket: Duplex): void {
  socket.destroy();
  // Not destroy(error): a request that was upgraded is over for Node, and would keep the error to itself.
  this.emit('error', new RouterError('TARGET_RESPONSE_INVALID', 'the answer switches protocols'));
}

function answerOf(response: IncomingMessage): Answer {
  const status = response.statusCode ?? 0;
  const retryAfter = status < 400 ? undefined : response.headers['retry-after'];
  return retryAfter === undefined ? { kind: 'answered', status } : { kind: 'answered', status, retryAfter };
}

type Send = (onResponse: (response: IncomingMessage) => void) => ClientRequest;

interface Bounds {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly underWay: UnderWay;
}

/** One request and the head of its response. Never rejects. */
function exchange(send: Send, { timeoutMs, signal, underWay }: Bounds): Promise<Answer> {
  return new Promise((resolve) => {
    let request: ClientRequest;
    const stop: Stop = (answer) => {
      clearTimeout(timer);
      settle(answer);
      request.destroy();
    };
    const stops = underWay.add(signal, stop);
    const settle = (answer: Answer): void => {
      if (stops.delete(stop)) resolve(answer);
    };
    // After the verdict the same timer bounds the drain.
    const timer = setTimeout(() => stop(failed('TARGET_TIMEOUT', `no answer within ${timeoutMs} ms`)), timeoutMs);
    const onResponse = (response: IncomingMessage): void => {
      const answer = answerOf(response);
      drain(response);
      response.on('close', () => {
        clearTimeout(timer);
        settle(answer);
      });
      // A body that came along with the head is drained first, so that the next call finds this connection free; the
      // verdict waits for no other body. At the next tick the parser is done with the bytes that brought the head.
      process.nextTick(() => {
        if (!response.complete) settle(answer);
      });
    };
    const start = (mayRepeat: boolean): void => {
      request = send(onResponse);
      request.on('error', (error) => {
        // The peer closed a kept connection while we wrote to it. That is no attempt; webhook-id covers a repeat.
        const stale = mayRepeat && request.reusedSocket && errorCode(error) === 'ECONNRESET';
        if (stale && stops.has(stop)) start(false);
        else stop(failureOf(error));
      });
      request.on('upgrade', refuseUpgrade);
    };
    start(true);
  });
}

/** Throws TARGET_ADDRESS_FORBIDDEN when the url holds an address that is not allowed. Nothing connects before post(). */
export function openClient(settings: ClientSettings, extras: ClientExtras = {}): Client {
  const { url, timeoutMs } = settings;
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  checkLiteral(hostname, settings);
  const agent = openAgent(settings, extras);
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const { host, port } = url;
  const path = url.pathname + url.search;
  const underWay = createUnderWay(ABORTED);
  let closed = false;

  return {
    post(body, headers, signal) {
      if (closed) return Promise.resolve(CLOSED);
      if (signal.aborted) return Promise.resolve(ABORTED);
      // One flat list of headers spares Node a map per request; an empty port is the scheme's own.
      const all = ['host', host, 'content-length', `${body.length}`, ...headers];
      const options = { agent, method: 'POST', hostname, port, path, headers: all };
      return exchange((onResponse) => request(options, onResponse).end(body), { timeoutMs, signal, underWay });
    },
    close() {
      closed = true;
      underWay.stopAll(CLOSED);
      agent.destroy();
    },
  };
}
