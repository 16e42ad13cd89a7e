// Calls of an AWS service in its JSON protocol, signed, without an SDK: for functions, whose start an SDK doubles. Never tries
// again: whoever calls knows whether it may. What is thrown has the form of the SDK's errors, so that one table reads both;
// its text is the service's and must not be shown, for it may quote what was sent.
// Source: Smithy, "AWS JSON 1.0 and 1.1 protocols", "Operation error serialization" (read 2026-11-21).

import { isObject } from '../router/config.ts';
import { RouterError } from '../router/errors.ts';
import { type Credentials, signRequest } from './aws-request.ts';
import { createHttpClient, type HttpAnswer } from './http-client.ts';

type Env = (name: string) => string | undefined;

export interface AwsJsonParts {
  /** As in a credential scope: 'events', 'dynamodb', 'secretsmanager'. */
  readonly service: string;
  /** What stands before the operation in X-Amz-Target. */
  readonly target: string;
  readonly version: '1.0' | '1.1';
  readonly url: URL;
  readonly region: string;
  readonly credentials: Credentials;
  /** ms since the epoch. */
  readonly now: () => number;
}

export interface AwsCall {
  readonly operation: string;
  readonly input: object;
  readonly signal: AbortSignal;
  /** May be done twice without harm. */
  readonly repeatable?: true;
}

export interface AwsJson {
  /** Rejects as HttpClient.send, with an AwsRefusal, or as `credentials`. */
  call(call: AwsCall): Promise<Readonly<Record<string, unknown>>>;
  close(): void;
}

/** An answer that is no success. `name`: the exception, such as ResourceNotFoundException. */
export interface AwsRefusal extends Error {
  readonly $metadata: { readonly httpStatusCode: number; readonly requestId?: string };
  readonly $response: { readonly headers: HttpAnswer['headers'] };
}

/** 'com.amazonaws.sqs#QueueDoesNotExist:http://…' → 'QueueDoesNotExist' */
function exceptionIn(type: string): string {
  return type.split(':')[0]!.split('#').at(-1)!;
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function parsed(text: string): Readonly<Record<string, unknown>> {
  const value: unknown = text === '' ? {} : JSON.parse(text);
  return isObject(value) ? value : {};
}

function looselyParsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return parsed(text);
  } catch {
    return {};
  }
}

function refusalOf({ status, headers, text }: HttpAnswer): AwsRefusal {
  const body = looselyParsed(text);
  const name = exceptionIn(headers['x-amzn-errortype'] ?? textOf(body['__type']));
  const requestId = headers['x-amzn-requestid'];
  const facts = { httpStatusCode: status, ...(requestId === undefined ? {} : { requestId }) };
  const error = new Error(textOf(body['message']) || textOf(body['Message']));
  return Object.assign(error, { name: name || 'Error', $metadata: facts, $response: { headers } });
}

/** The region of the function, or of whoever sets AWS_REGION. */
export function regionIn(env: Env): string | undefined {
  return env('AWS_REGION') || env('AWS_DEFAULT_REGION') || undefined;
}

/**
 * Where a service is asked: AWS_ENDPOINT_URL_<variable>, AWS_ENDPOINT_URL, else its public endpoint. `host`: 'secretsmanager'.
 * Throws CONFIG_INVALID for a variable that holds no http or https URL.
 */
export function serviceUrl(env: Env, { variable, host }: { variable: string; host: string }, region: string): URL {
  const given = env(`AWS_ENDPOINT_URL_${variable}`) || env('AWS_ENDPOINT_URL') || undefined;
  if (given === undefined) {
    return new URL(`https://${host}.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}/`);
  }
  const url = URL.parse(given);
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new RouterError(
    'CONFIG_INVALID',
    `aws: AWS_ENDPOINT_URL_${variable} or AWS_ENDPOINT_URL must be an http or https URL, such as http://127.0.0.1:4566`,
  );
}

/** Connects to nothing yet. */
export function createAwsJson(parts: AwsJsonParts): AwsJson {
  const { service, target, version, url, region, credentials, now } = parts;
  const client = createHttpClient();
  return {
    async call({ operation, input, signal, ...rest }) {
      const body = Buffer.from(JSON.stringify(input));
      const asked = { 'content-type': `application/x-amz-json-${version}`, 'x-amz-target': `${target}.${operation}` };
      const scope = { service, region, credentials: await credentials(), now: now() };
      const headers = signRequest({ method: 'POST', url, headers: asked, body }, scope);
      const answer = await client.send({ method: 'POST', url, headers, body, signal, ...rest });
      if (answer.status < 200 || answer.status > 299) throw refusalOf(answer);
      return parsed(answer.text);
    },
    close: client.close,
  };
}
