// Lambda's events for tests: the samples, and requests put into each of their shapes.

import { readFileSync } from 'node:fs';
import type { HttpResult } from '../../../functions/hosts/aws-http.ts';
import type { Answered, SentRequest } from '../../contract/host-scene.ts';

export type Loose = Record<string, unknown>;

export function sample(name: string, folder = 'lambda-events'): Loose {
  return JSON.parse(readFileSync(new URL(`../../fixtures/${folder}/${name}`, import.meta.url), 'utf8')) as Loose;
}

/** As the gateway does it: text as it is, anything else in base64. */
function bodyOf(body: Buffer, base64: boolean): Loose {
  return base64 || !body.equals(Buffer.from(body.toString()))
    ? { body: body.toString('base64'), isBase64Encoded: true }
    : { body: body.toString(), isBase64Encoded: false };
}

type Headers = SentRequest['headers'];

const valuesOf = (value: string | readonly string[]): readonly string[] =>
  typeof value === 'string' ? [value] : value;
const mapped = <T>(headers: Headers, make: (values: readonly string[]) => T): Record<string, T> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, make(valuesOf(value))]));
const lists = (headers: Headers): Loose => mapped(headers, (values) => values);
const joined = (headers: Headers): Loose => mapped(headers, (values) => values.join(','));
const last = (headers: Headers): Loose => mapped(headers, (values) => values.at(-1));

/** Name → values as they came, or decoded. */
function queryLists(query = '', decode: (text: string) => string = (text) => text): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const pair of query.split('&').filter((text) => text !== '')) {
    const [name = '', value = ''] = pair.split('=').map(decode);
    found[name] = [...(found[name] ?? []), value];
  }
  return found;
}

export const shapes: Readonly<Record<string, (request: SentRequest) => Loose>> = {
  'HTTP API': ({ method, path, query = '', headers, body }) => {
    const event = sample('apigw-v2-request-no-authorizer.json');
    const context = event['requestContext'] as Loose;
    const http = { ...(context['http'] as Loose), method, path };
    const requestContext = { ...context, http };
    const request = { rawPath: path, rawQueryString: query, headers: joined(headers), requestContext };
    return { ...event, ...request, ...bodyOf(body, false) };
  },
  'function URL in base64': ({ method, path, query = '', headers, body }) => {
    const event = sample('lambda-urls-request.json');
    const context = event['requestContext'] as Loose;
    const http = { ...(context['http'] as Loose), method, path };
    const requestContext = { ...context, http };
    const request = { rawPath: path, rawQueryString: query, headers: joined(headers), requestContext };
    return { ...event, ...request, ...bodyOf(body, true) };
  },
  'REST API': ({ method, path, query, headers, body }) => ({
    ...sample('apigw-request.json'),
    httpMethod: method,
    path,
    queryStringParameters: mapped(queryLists(query, decodeURIComponent), (values) => values.at(-1)),
    multiValueQueryStringParameters: queryLists(query, decodeURIComponent),
    headers: last(headers),
    multiValueHeaders: lists(headers),
    ...bodyOf(body, false),
  }),
  'load balancer': ({ method, path, query, headers, body }) => ({
    ...sample('alb-lambda-target-request-headers-only.json'),
    httpMethod: method,
    path,
    queryStringParameters: mapped(queryLists(query), (values) => values.at(-1)),
    headers: last(headers),
    ...bodyOf(body, true),
  }),
  'load balancer with lists': ({ method, path, query, headers, body }) => ({
    ...sample('alb-lambda-target-request-multivalue-headers.json'),
    httpMethod: method,
    path,
    multiValueQueryStringParameters: queryLists(query),
    multiValueHeaders: lists(headers),
    ...bodyOf(body, false),
  }),
};

export function toAnswer({ statusCode, headers, multiValueHeaders, body }: HttpResult): Answered {
  const entries = Object.entries(multiValueHeaders ?? headers ?? {});
  const joined = entries.map(([name, value]) => [name.toLowerCase(), typeof value === 'string' ? value : value[0]]);
  return { status: statusCode, headers: Object.fromEntries(joined) as Answered['headers'], body };
}

export interface QueueMessage {
  readonly id: string;
  readonly body: string;
  readonly rule?: string;
  readonly received?: number;
  readonly queue?: string;
  readonly receipt?: string;
}

export function queueEvent(messages: readonly QueueMessage[]): Loose {
  const [model] = sample('sqs-event.json')['Records'] as [Loose];
  const Records = messages.map(({ id, body, rule, received = 1, queue = 'orders', receipt = 'receipt' }) => ({
    ...model,
    messageId: id,
    receiptHandle: receipt,
    body,
    eventSourceARN: `arn:aws:sqs:us-west-2:123456789012:${queue}`,
    attributes: { ...(model['attributes'] as Loose), ApproximateReceiveCount: String(received) },
    messageAttributes: rule === undefined ? {} : { 'busway-rule': { stringValue: rule, dataType: 'String' } },
  }));
  return { Records };
}

/** `values`: structured CloudEvents. */
export function kafkaEvent(values: readonly string[]): Loose {
  const event = sample('lambda-kafka-event.json', 'kafka');
  const records = values.map((value, offset) => ({
    topic: 'busway.events',
    partition: 0,
    offset,
    value: Buffer.from(value).toString('base64'),
    headers: [{ 'content-type': [...Buffer.from('application/cloudevents+json')] }],
  }));
  return { ...event, records: { 'busway.events-0': records } };
}
