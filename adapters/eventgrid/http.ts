// Requests to Event Grid: signed, never along a redirect, each failure one of our codes. Plain HTTP and no SDK, because
// the SDK re-serialises data, drops extension attributes and adds a time (README.md); node:http and no fetch, which costs
// half as much again for a small request (measured on loopback). Never retries.

import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { RouterError } from '../../router/errors.ts';
import { skipSpace } from '../../router/wire/json-scan.ts';
import type { Access, Grant } from './access.ts';
import { type Answer, mapAnswer, mapNetworkError, reasonOf } from './map-error.ts';

const OPEN_LIST = 0x5b;
const OPEN_OBJECT = 0x7b;

export interface Call {
  readonly url: URL;
  readonly contentType?: string;
  readonly body?: Buffer;
  /** For messages: "topic 'orders'". */
  readonly what: string;
  readonly signal: AbortSignal;
}

export interface Http {
  /** Resolves with the body of a 2xx answer; throws RouterError for everything else. May be called concurrently. */
  readonly post: (call: Call) => Promise<Buffer>;
  /** Ends idle connections; what is under way goes on. Idempotent. */
  close(): void;
}

export type Post = Http['post'];

function readAll(response: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () => resolve(Buffer.concat(chunks)));
    response.on('error', reject);
  });
}

function headerOf({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

type Send = (call: Call, headers: Readonly<Record<string, string>>) => Promise<Answer>;

function createSend(agent: HttpAgent | HttpsAgent): Send {
  return ({ url, contentType, body = Buffer.alloc(0), signal }, grant) =>
    new Promise((resolve, reject) => {
      const type = contentType === undefined ? {} : { 'content-type': contentType };
      const headers = { ...grant, ...type, 'content-length': body.length };
      const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
        method: 'POST',
        agent,
        headers,
        signal,
      });
      request.on('error', reject);
      request.on('response', (response) => {
        const status = response.statusCode ?? 0;
        const header = (name: string): string | undefined => headerOf(response, name);
        readAll(response).then((read) => resolve({ status, header, body: read }), reject);
      });
      request.end(body);
    });
}

/** The service answers JSON or nothing. A page, of a proxy or of a wrong url, is no word of its: it has taken no event. */
function checkOwn(body: Buffer, what: string): Buffer {
  const first = body[skipSpace(body, 0)];
  if (first === undefined || first === OPEN_OBJECT || first === OPEN_LIST) return body;
  throw new RouterError('BUS_UNAVAILABLE', `eventgrid: ${what} answered with something else than Event Grid does`);
}

/** An expired token is no refusal for good: the next call has a new one. */
function refused(error: RouterError, access: Access, grant: Grant): RouterError {
  if (error.code !== 'UNAUTHORIZED' || error.facts['status'] !== 401) return error;
  access.drop(grant);
  return grant.renewable ? new RouterError(error.code, error.message, { ...error.facts, again: true }) : error;
}

/** Opens no connection yet. */
export function openHttp({ protocol }: URL, access: Access, now: () => number): Http {
  const agent = new (protocol === 'https:' ? HttpsAgent : HttpAgent)({ keepAlive: true });
  const send = createSend(agent);

  async function exchange(call: Call, grant: Grant): Promise<Answer> {
    const { signal, what } = call;
    try {
      return await send(call, grant.headers);
    } catch (thrown) {
      throw signal.aborted ? reasonOf(signal, `asking ${what}`) : mapNetworkError(thrown, what);
    }
  }

  return {
    async post(call) {
      const { signal, what } = call;
      if (signal.aborted) throw reasonOf(signal, `asking ${what}`);
      const grant = await access.grant(signal);
      const answer = await exchange(call, grant);
      if (answer.status >= 200 && answer.status < 300) return checkOwn(answer.body, what);
      throw refused(mapAnswer(answer, what, now()), access, grant);
    },
    close() {
      for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy();
    },
  };
}
