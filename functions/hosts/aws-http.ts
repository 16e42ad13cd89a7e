// Lambda's HTTP events ↔ plain requests and answers. Pure. Decodes base64 first, since signatures are over the raw bytes,
// and never parses a body. API Gateway HTTP API and function URL (payload 2.0), REST API (payload 1.0), load balancer.
// Source: AWS Lambda and API Gateway developer guides; shapes as in aws-lambda-go events/testdata.

import { RouterError } from '../../router/errors.ts';
import type { RawRequest, RawResponse } from '../../router/http.ts';
import { type Foreign, objectOf, textOf } from './foreign.ts';
import { tooLarge } from './http-answer.ts';

/** `lists`: the load balancer was told to send, and therefore takes, headers as lists. */
export type HttpShape = 'v2' | 'v1' | 'alb' | 'alb-lists';

export interface HttpResult {
  readonly statusCode: number;
  readonly statusDescription?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly multiValueHeaders?: Readonly<Record<string, readonly string[]>>;
  readonly body: string;
  readonly isBase64Encoded: false;
}

/** Undefined for what is no HTTP event: a queue's batch, a WebSocket's message, a test call. */
export function shapeOf(event: unknown): HttpShape | undefined {
  const { version, requestContext, httpMethod, multiValueHeaders, path } = objectOf(event);
  const context = objectOf(requestContext);
  if (version === '2.0' && typeof objectOf(context['http'])['method'] === 'string') return 'v2';
  // A WebSocket's message comes with a method in some forms, and nobody waits for an answer to it.
  if (typeof httpMethod !== 'string' || typeof path !== 'string' || 'connectionId' in context) return undefined;
  if (context['elb'] === undefined) return 'v1';
  return typeof multiValueHeaders === 'object' && multiValueHeaders !== null ? 'alb-lists' : 'alb';
}

/** Lower case; what came twice, or in two cases, is joined as node does. Null prototype: a name may be `__proto__`. */
function headersOf(event: Foreign): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  const add = (name: string, value: unknown): void => {
    if (typeof value !== 'string') return;
    const key = name.toLowerCase();
    headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`;
  };
  const lists = objectOf(event['multiValueHeaders']);
  for (const [name, values] of Object.entries(lists))
    if (Array.isArray(values)) for (const one of values) add(name, one);
  // REST sends both forms of the same headers; the lists lose nothing.
  if (Object.keys(lists).length === 0) {
    for (const [name, value] of Object.entries(objectOf(event['headers']))) add(name, value);
  }
  return headers;
}

/** A stage other than $default stands in front of an HTTP API's path. */
function withoutStage(path: string, stage: unknown): string {
  const prefix = typeof stage === 'string' && stage !== '$default' ? `/${stage}` : '';
  const rest = prefix !== '' && path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path;
  return rest.startsWith('/webhooks/') ? rest : path;
}

/** The REST API hands out decoded names and values, the load balancer leaves them as they came. */
function queryOf(event: Foreign, decoded: boolean): string {
  const lists = objectOf(event['multiValueQueryStringParameters']);
  const given = Object.keys(lists).length > 0 ? lists : objectOf(event['queryStringParameters']);
  const write = (text: string): string => (decoded ? encodeURIComponent(text.toWellFormed()) : text);
  return Object.entries(given)
    .flatMap(([name, values]) => (Array.isArray(values) ? values : [values]).map((value) => [name, textOf(value)]))
    .map(([name, value]) => `${write(name!)}=${write(value!)}`)
    .join('&');
}

/** Bytes of the body without decoding it. */
function bodyBytes(event: Foreign): number {
  const body = textOf(event['body']);
  return event['isBase64Encoded'] === true ? Buffer.byteLength(body, 'base64') : Buffer.byteLength(body);
}

/** Throws REQUEST_INVALID for what is no HTTP event, BODY_TOO_LARGE before anything is decoded. */
export function toRequest(given: unknown, maxBody: number): RawRequest {
  const shape = shapeOf(given);
  const event = objectOf(given);
  if (shape === undefined) {
    throw new RouterError(
      'REQUEST_INVALID',
      'aws: the webhook function takes events of API Gateway (HTTP API, REST API), function URLs and load balancers; this one has no HTTP method',
    );
  }
  if (bodyBytes(event) > maxBody) throw tooLarge(maxBody);
  const context = objectOf(event['requestContext']);
  const http = objectOf(context['http']);
  const v2 = shape === 'v2';
  return {
    method: textOf(v2 ? http['method'] : event['httpMethod']),
    path: v2 ? withoutStage(textOf(event['rawPath']), context['stage']) : textOf(event['path']),
    query: v2 ? textOf(event['rawQueryString']) : queryOf(event, shape === 'v1'),
    headers: headersOf(event),
    body: Buffer.from(textOf(event['body']), event['isBase64Encoded'] === true ? 'base64' : 'utf8'),
  };
}

export function toResult({ status, headers, body }: RawResponse, shape: HttpShape): HttpResult {
  const base = { statusCode: status, body, isBase64Encoded: false } as const;
  if (shape !== 'alb-lists') return { ...base, headers };
  const lists = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
  return { ...base, multiValueHeaders: lists };
}
