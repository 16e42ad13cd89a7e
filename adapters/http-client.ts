// One HTTP exchange at a time over node's own client, connections kept: for what has to start fast. fetch loads undici at its
// first call, which takes 40 ms of CPU (measured), half of a cold start. Never follows a redirect, never tries again what a
// service may have done. Whoever opens it closes it.

import * as http from 'node:http';
import * as https from 'node:https';

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly signal: AbortSignal;
  /** May be done twice without harm: then a kept connection that turns out to be closed costs nothing. */
  readonly repeatable?: true;
}

export interface HttpAnswer {
  readonly status: number;
  /** Lower case; what came twice is joined by node. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly text: string;
}

export interface HttpClient {
  /** Rejects with node's own errors: AbortError when `signal` says so, else one with a code such as ECONNREFUSED. */
  send(request: HttpRequest): Promise<HttpAnswer>;
  /** Ends connections that nobody uses. Idempotent. */
  close(): void;
}

// Answers of the services asked here hold some kilobytes.
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
const MAX_SOCKETS = 50;

async function readText(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`the answer is over ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes).toString('utf8');
}

/** The other side has closed a connection that was kept, and this request was the first to find out. */
function wasClosed(request: http.ClientRequest, thrown: unknown): boolean {
  const { code } = (thrown ?? {}) as { code?: unknown };
  return request.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE');
}

export function createHttpClient(): HttpClient {
  const options = { keepAlive: true, maxSockets: MAX_SOCKETS };
  let agents: { readonly plain: http.Agent; readonly tls: https.Agent } | undefined;

  function agentFor({ protocol }: URL): http.Agent {
    agents ??= { plain: new http.Agent(options), tls: new https.Agent(options) };
    return protocol === 'https:' ? agents.tls : agents.plain;
  }

  function exchange(given: HttpRequest, agent: http.Agent | false): Promise<HttpAnswer> {
    const { method, url, headers, body, signal } = given;
    const length: Record<string, string> = body === undefined ? {} : { 'content-length': String(body.length) };
    const options: http.RequestOptions = { method, headers: { ...headers, ...length }, agent, signal };
    const ask = url.protocol === 'https:' ? https.request : http.request;
    return new Promise((resolve, reject) => {
      const request = ask(url, options, (response) => {
        const { statusCode: status = 0 } = response;
        const found = response.headers as HttpAnswer['headers'];
        readText(response).then((text) => resolve({ status, headers: found, text }), reject);
      });
      request.on('error', (error) => {
        const again = given.repeatable && agent !== false && wasClosed(request, error) && !signal.aborted;
        // On a connection of its own: the others may be closed as well.
        if (again) exchange(given, false).then(resolve, reject);
        else reject(error);
      });
      request.end(body);
    });
  }

  return {
    send: (request) => exchange(request, agentFor(request.url)),
    close() {
      agents?.plain.destroy();
      agents?.tls.destroy();
      agents = undefined;
    },
  };
}
