// A service of AWS's JSON protocol on loopback: signature checked, calls written down, faults as a test asks for them. What
// the calls do is the service's own. Must never answer a request that is not signed well.
// Source: Smithy, "AWS JSON 1.0 and 1.1 protocols" (read 2026-11-21).

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RouterError } from '../../router/errors.ts';
import { type Keys, signatureProblem } from './aws-signature.ts';

export type Loose = Readonly<Record<string, unknown>>;

export function looseOf(value: unknown): Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Loose) : {};
}

/** A whole call refused, with the name of the exception. */
export function refusal(type: string, message: string): RouterError {
  return new RouterError('REQUEST_INVALID', message, { type });
}

/** Faults of any service. */
export type WireFault =
  /** The whole call is refused; nothing of it is taken. */
  | { readonly kind: 'refuse'; readonly type: string; readonly status?: number; readonly retryAfter?: string }
  /** Never answers. */
  | { readonly kind: 'hang' }
  /** The connection breaks: before the call is looked at, or after it was taken. */
  | { readonly kind: 'reset'; readonly taken: boolean }
  /** The call is taken, and the answer is this. */
  | { readonly kind: 'answer'; readonly status?: number; readonly body: string };

export interface Call {
  readonly operation: string;
  readonly input: Loose;
  /** 0 for the first call of this operation. */
  readonly number: number;
}

export interface Refusal {
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface AwsJsonService<F extends { readonly kind: string }> {
  readonly keys: Keys;
  /** As in a credential scope. */
  readonly service: string;
  /** What stands before the operation in X-Amz-Target. */
  readonly target: string;
  readonly contentType: string;
  readonly operations: readonly string[];
  /** Operations that these credentials may not use. */
  readonly denied: readonly string[];
  readonly fault?: ((call: Call) => F | WireFault | undefined) | undefined;
  /** Throws a refusal. `gone` aborts when the caller has hung up. */
  run(call: Call, fault: F | WireFault | undefined, gone: AbortSignal): Loose | Promise<Loose>;
  refused(type: string, message: string): Refusal;
}

export interface AwsJsonServer {
  readonly endpoint: string;
  /** Every call that was signed well, in order. */
  readonly calls: readonly Call[];
  close(): Promise<void>;
}

interface Reply extends Refusal {
  readonly status: number;
}

interface Server<F extends { readonly kind: string }> {
  readonly service: AwsJsonService<F>;
  readonly calls: Call[];
}

function operationOf<F extends { readonly kind: string }>(
  { target, operations }: AwsJsonService<F>,
  request: IncomingMessage,
): string {
  const [service, operation = ''] = String(request.headers['x-amz-target']).split('.');
  const known = service === target && operations.includes(operation);
  return request.method === 'POST' && request.url === '/' && known ? operation : '';
}

/** Throws a refusal. */
function readCall<F extends { readonly kind: string }>(
  { service, calls }: Server<F>,
  request: IncomingMessage,
  body: Buffer,
): Call {
  const operation = operationOf(service, request);
  const problem = signatureProblem(request, body, service);
  if (problem !== undefined) throw refusal(problem.type, problem.says);
  if (operation === '') throw refusal('UnknownOperationException', 'no such operation');
  const number = calls.filter((call) => call.operation === operation).length;
  return { operation, input: looseOf(JSON.parse(body.toString('utf8'))), number };
}

async function replyTo<F extends { readonly kind: string }>(
  service: AwsJsonService<F>,
  call: Call,
  gone: AbortSignal,
): Promise<Reply | 'break' | 'hang'> {
  const fault = service.fault?.(call) as WireFault | undefined;
  if (fault?.kind === 'hang') return 'hang';
  if (fault?.kind === 'refuse') {
    const { body, headers = {} } = service.refused(fault.type, 'a fault that was asked for');
    const after = fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter };
    return { status: fault.status ?? 400, body, headers: { ...headers, ...after } };
  }
  if (fault?.kind === 'reset' && !fault.taken) return 'break';
  if (service.denied.includes(call.operation)) throw refusal('AccessDeniedException', 'not authorized');
  const result = await service.run(call, fault, gone);
  if (fault?.kind === 'reset') return 'break';
  if (fault?.kind === 'answer') return { status: fault.status ?? 200, body: fault.body };
  return { status: 200, body: JSON.stringify(result) };
}

async function serve<F extends { readonly kind: string }>(
  server: Server<F>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { service } = server;
  const send = ({ status, body, headers }: Reply): void => {
    const fixed = { 'content-type': service.contentType, 'x-amzn-requestid': randomUUID() };
    response.writeHead(status, { ...fixed, ...headers }).end(body);
  };
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  try {
    const call = readCall(server, request, Buffer.concat(await request.toArray()));
    server.calls.push(call);
    const reply = await replyTo(service, call, gone.signal);
    if (reply === 'break') request.socket.destroy();
    else if (reply !== 'hang') send(reply);
  } catch (thrown) {
    const type = thrown instanceof RouterError ? thrown.facts['type'] : undefined;
    const named = typeof type === 'string' ? type : 'SerializationException';
    send({ status: 400, ...service.refused(named, (thrown as Error).message) });
  }
}

export async function startAwsJson<F extends { readonly kind: string }>(
  service: AwsJsonService<F>,
): Promise<AwsJsonServer> {
  const calls: Call[] = [];
  const server = createServer((request, response) => void serve({ service, calls }, request, response));
  // A connection is never closed under a client that is about to use it; what that does is shown by the fault 'reset'.
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
