// The REST face of the fake Pub/Sub: publish, look at a topic, test a permission; and beside it the metadata server and the
// issuer's keys. Asks for a login where it is told to, and answers errors in the service's own JSON.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { Broker } from './pubsub-broker.ts';
import type { Faults, Method } from './pubsub-faults.ts';
import { isRefusal, type Message, type Refusal, refusal, type Status } from './pubsub-limits.ts';

/** Who may call. */
export interface Login {
  /** Undefined when the bearer token is good; else why not. */
  refuses(token: string | undefined): string | undefined;
  /** What the metadata server hands out; undefined where there is no account. */
  metadataToken():
    | { readonly access_token: string; readonly expires_in: number; readonly token_type: string }
    | undefined;
  /** Permissions that the caller has. */
  readonly permissions: ReadonlySet<string>;
}

export interface RestParts {
  readonly broker: Broker;
  readonly faults: Faults;
  readonly login: Login | undefined;
  readonly keys: () => object;
}

const httpStatus: Partial<Record<Status, number>> = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  ABORTED: 409,
  RESOURCE_EXHAUSTED: 429,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
};

function answer(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8', ...headers });
  response.end(JSON.stringify(body));
}

function answerError(response: ServerResponse, thrown: unknown): void {
  const found: Refusal = isRefusal(thrown) ? thrown : refusal('INTERNAL', String(thrown));
  const code = httpStatus[found.status] ?? 500;
  const details =
    found.retryDelayMs === undefined
      ? []
      : [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${found.retryDelayMs / 1_000}s` }];
  answer(response, code, { error: { code, message: found.message, status: found.status, details } });
}

const known = new Set(['data', 'attributes', 'orderingKey']);

/** Unknown members are refused, as the service's JSON reader does. */
function messageOf(given: unknown, i: number): Message {
  const at = `Invalid value at 'messages[${i}]'`;
  if (typeof given !== 'object' || given === null) throw refusal('INVALID_ARGUMENT', at);
  const unknown = Object.keys(given).find((name) => !known.has(name));
  if (unknown !== undefined) throw refusal('INVALID_ARGUMENT', `${at}: Unknown name "${unknown}"`);
  const { data = '', attributes = {}, orderingKey = '' } = given as Record<string, unknown>;
  const texts =
    typeof attributes === 'object' && Object.values(attributes ?? { a: 1 }).every((v) => typeof v === 'string');
  const bytes = Buffer.from(String(data), 'base64');
  const encoded = typeof data === 'string' && bytes.toString('base64') === data;
  if (!encoded || !texts || typeof orderingKey !== 'string') {
    throw refusal('INVALID_ARGUMENT', at);
  }
  return { data: bytes, attributes: attributes as Record<string, string>, orderingKey };
}

function readBody(bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(bytes.toString()) as Record<string, unknown>;
  } catch {
    throw refusal('INVALID_ARGUMENT', 'Invalid JSON payload received.');
  }
}

const ROUTE = /^\/v1\/(projects\/[^/]+\/topics\/[^/:]+)(?::(publish|testIamPermissions))?$/;

interface Routed {
  readonly method: Method;
  readonly topic: string;
}

function routeOf({ method, url = '' }: IncomingMessage): Routed {
  const [, topic, verb] = ROUTE.exec(decodeURI(new URL(url, 'http://fake').pathname)) ?? [];
  if (topic !== undefined && method === 'POST' && verb === 'publish') return { method: 'Publish', topic };
  if (topic !== undefined && method === 'POST' && verb !== undefined) return { method: 'TestIamPermissions', topic };
  if (topic !== undefined && method === 'GET' && verb === undefined) return { method: 'GetTopic', topic };
  throw refusal('NOT_FOUND', 'there is nothing at this address');
}

function work({ broker, login }: RestParts, { method, topic }: Routed, body: Buffer): object {
  const may = (permission: string): boolean => login === undefined || login.permissions.has(permission);
  const demand = (permission: string): void => {
    if (!may(permission)) throw refusal('PERMISSION_DENIED', `User not authorized: ${permission}`);
  };
  switch (method) {
    case 'Publish': {
      demand('pubsub.topics.publish');
      const { messages } = readBody(body);
      if (messages !== undefined && !Array.isArray(messages)) throw refusal('INVALID_ARGUMENT', 'Invalid value');
      return { messageIds: broker.publish(topic, ((messages ?? []) as unknown[]).map(messageOf), body.length) };
    }
    case 'GetTopic':
      demand('pubsub.topics.get');
      return { name: broker.getTopic(topic).name };
    default: {
      const { permissions } = readBody(body) as { permissions?: readonly string[] };
      return { permissions: (permissions ?? []).filter(may) };
    }
  }
}

function bearerOf({ headers }: IncomingMessage): string | undefined {
  return /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
}

/** The metadata server's and the issuer's own paths. */
function besides(request: IncomingMessage, response: ServerResponse, { login, keys }: RestParts): boolean {
  const { pathname } = new URL(request.url ?? '', 'http://fake');
  if (pathname === '/oauth2/v3/certs') {
    answer(response, 200, keys(), { 'cache-control': 'public, max-age=600, must-revalidate' });
    return true;
  }
  if (pathname !== '/computeMetadata/v1/instance/service-accounts/default/token') return false;
  const token = request.headers['metadata-flavor'] === 'Google' ? login?.metadataToken() : undefined;
  if (token === undefined) answer(response, 403, {});
  else answer(response, 200, token, { 'metadata-flavor': 'Google' });
  return true;
}

async function serve(request: IncomingMessage, response: ServerResponse, parts: RestParts): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  try {
    if (besides(request, response, parts)) return;
    const body = await buffer(request);
    const refused = parts.login?.refuses(bearerOf(request));
    if (refused !== undefined) throw refusal('UNAUTHENTICATED', refused);
    const route = routeOf(request);
    if (request.method === 'POST' && request.headers['content-type'] !== 'application/json') {
      throw refusal('INVALID_ARGUMENT', 'the body must be application/json');
    }
    const call = {
      signal: gone.signal,
      cut: () => void request.socket.destroy(),
      holds: (text: string) => body.includes(Buffer.from(text).toString('base64').replace(/=+$/, '').slice(0, -1)),
    };
    answer(response, 200, await parts.faults.run(route.method, () => work(parts, route, body), call));
  } catch (thrown) {
    if (!response.destroyed) answerError(response, thrown);
  }
}

export interface RestFace {
  readonly port: number;
  close(): Promise<void>;
}

export async function startRest(parts: RestParts): Promise<RestFace> {
  const server: Server = createServer((request, response) => void serve(request, response, parts));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
