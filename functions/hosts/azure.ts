// The Azure host: `webhook` and `push` as HTTP handlers of @azure/functions v4. Only translates. Loads no SDK: the app is
// handed in. Event Grid comes over HTTP and not by its trigger, which hands out parsed data with its numbers changed.

import type { RawRequest, RawResponse } from '../../router/http.ts';
import { composePush, composeWebhook, type DeliverParts, type Env, opened, type WebhookParts } from './compose.ts';
import { answer, type OpenFunction, tooLarge } from './http-answer.ts';
import { printLine } from './log.ts';

/** The part of HttpRequest that is used. */
export interface AzureRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Iterable<[string, string]>;
  readonly body: AsyncIterable<Uint8Array> | null;
}

/** HttpResponseInit. */
export interface AzureResponse {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

export type AzureFunction = (request: AzureRequest) => Promise<AzureResponse>;

/** The part of `app` that is used. */
export interface AzureApp {
  http(name: string, options: AzureHttpOptions): void;
}

export interface AzureHttpOptions {
  readonly route: string;
  readonly methods: ('POST' | 'OPTIONS')[];
  readonly authLevel: 'anonymous';
  readonly handler: AzureFunction;
}

/** Path and query as they came: URL would decode and resolve. */
const URL_PARTS = /^[a-z]+:\/\/[^/?#]*([^?#]*)(?:\?([^#]*))?/i;
const ROUTE = '/webhooks/';

/** The app's route prefix, 'api' unless host.json says otherwise, stands in front of our paths. */
function withoutPrefix(path: string): string {
  const at = path.indexOf(ROUTE);
  return at < 0 ? path : path.slice(at);
}

/** The host joins what came twice. Null prototype: a name may be `__proto__`. */
function headersOf({ headers }: AzureRequest): Record<string, string> {
  const plain: Record<string, string> = Object.create(null);
  for (const [name, value] of headers) plain[name] = value;
  return plain;
}

async function readBody({ body }: AzureRequest, maxBody: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > maxBody) throw tooLarge(maxBody);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

async function read(request: AzureRequest, maxBody: number): Promise<RawRequest> {
  const [, path = '', query = ''] = URL_PARTS.exec(request.url) ?? [];
  const body = await readBody(request, maxBody);
  return { method: request.method, path: withoutPrefix(path), query, headers: headersOf(request), body };
}

function toResponse({ status, headers, body }: RawResponse): AzureResponse {
  return { status, headers: { ...headers }, body };
}

export function azureFunction(open: () => Promise<OpenFunction>): AzureFunction {
  return async (request) => toResponse(await answer(open, (maxBody) => read(request, maxBody), {}));
}

const env: Env = (name) => process.env[name];

/** Opened while the bundle is loaded; what went wrong then is tried again at the first request, and logged. */
export async function webhook(parts: Omit<WebhookParts, 'print'>): Promise<AzureFunction> {
  return azureFunction(await opened(() => composeWebhook(env, { ...parts, print: printLine })));
}

export async function push(parts: Omit<DeliverParts, 'print'>): Promise<AzureFunction> {
  return azureFunction(await opened(() => composePush(env, { ...parts, print: printLine })));
}

const routes = { webhook: 'webhooks/{source}', push: 'push' } as const;

/** `app`: that of @azure/functions. 'anonymous': the functions verify by themselves. */
export function register(app: AzureApp, name: keyof typeof routes, handler: AzureFunction): void {
  app.http(name, { route: routes[name], methods: ['POST', 'OPTIONS'], authLevel: 'anonymous', handler });
}
