// Signed calls of AWS's services at one endpoint, by the protocols that they speak: JSON, query (IAM) and REST
// (Lambda, S3, API Gateway).
// For setting a scene up and looking at it; the functions under test call by themselves.
// Source: Smithy, "AWS JSON 1.0 and 1.1 protocols", "AWS query protocol"; the services' API references (read 2026-11-21).

import { type AwsCredentials, signRequest } from '../../../adapters/aws-request.ts';
import { isObject } from '../../../router/config.ts';

export type Answer = Readonly<Record<string, unknown>>;

export interface AwsCalls {
  json(service: keyof typeof targets, operation: string, input: object): Promise<Answer>;
  /** Answers XML. */
  iam(action: string, input: Readonly<Record<string, string>>): Promise<string>;
  /** `path` without the version, which every path of Lambda's begins with. Answers what the body says as JSON. */
  lambda(method: 'POST' | 'PUT', path: string, input: object): Promise<Answer>;
  /** Makes something of API Gateway. */
  gateway(path: string, input: object): Promise<Answer>;
  /** Answers what the function answers; rejects where it threw. */
  invoke(functionName: string, event: unknown): Promise<unknown>;
  /** Answers the body. */
  s3(method: 'GET' | 'PUT', path: string): Promise<string>;
}

export interface CallsParts {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: AwsCredentials;
}

/** Service, as in a credential scope -> what stands before the operation in X-Amz-Target, and the version of the protocol. */
const targets = {
  events: ['AWSEvents', '1.1'],
  sqs: ['AmazonSQS', '1.0'],
  dynamodb: ['DynamoDB_20120810', '1.0'],
  secretsmanager: ['secretsmanager', '1.1'],
  logs: ['Logs_20140328', '1.1'],
} as const;

const IAM_VERSION = '2010-05-08';
const LAMBDA = '/2015-03-31';
const CALL_MS = 30_000;
const MAX_SHOWN = 500;
const EMPTY = Buffer.alloc(0);
const JSON_TYPE = { 'content-type': 'application/json' };

interface Request {
  readonly service: string;
  /** For messages. */
  readonly what: string;
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

interface Response {
  readonly text: string;
  /** Lambda's: the function threw. */
  readonly threw: boolean;
}

const objectIn = (text: string): Answer => {
  const value: unknown = text === '' ? {} : JSON.parse(text);
  return isObject(value) ? value : {};
};

/** Every call rejects with Error for an answer that is no success: what was asked, the status and the service's text. */
export function createCalls({ endpoint, region, credentials }: CallsParts): AwsCalls {
  async function send({ service, what, method, path, headers = {}, body = EMPTY }: Request): Promise<Response> {
    const url = new URL(path, endpoint);
    const scope = { service, region, credentials, now: Date.now() };
    const { host: _host, ...signed } = signRequest({ method, url, headers, body }, scope);
    const content = method === 'GET' ? {} : { body };
    const response = await fetch(url, { method, headers: signed, ...content, signal: AbortSignal.timeout(CALL_MS) });
    const text = await response.text();
    if (response.ok) return { text, threw: response.headers.has('x-amz-function-error') };
    throw new Error(`${service} ${what}: ${response.status} ${text.slice(0, MAX_SHOWN)}`);
  }

  async function lambda(method: 'POST' | 'PUT', path: string, input: unknown): Promise<Response> {
    const body = Buffer.from(JSON.stringify(input));
    return send({ service: 'lambda', what: path, method, path: LAMBDA + path, headers: JSON_TYPE, body });
  }

  return {
    async json(service, operation, input) {
      const [target, version] = targets[service];
      const headers = { 'content-type': `application/x-amz-json-${version}`, 'x-amz-target': `${target}.${operation}` };
      const body = Buffer.from(JSON.stringify(input));
      return objectIn((await send({ service, what: operation, method: 'POST', path: '/', headers, body })).text);
    },
    async iam(action, input) {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const body = Buffer.from(new URLSearchParams({ Action: action, Version: IAM_VERSION, ...input }).toString());
      return (await send({ service: 'iam', what: action, method: 'POST', path: '/', headers, body })).text;
    },
    lambda: async (method, path, input) => objectIn((await lambda(method, path, input)).text),
    async gateway(path, input) {
      const request = {
        method: 'POST',
        path: `/v2${path}`,
        headers: JSON_TYPE,
        body: Buffer.from(JSON.stringify(input)),
      };
      return objectIn((await send({ service: 'apigateway', what: path, ...request })).text);
    },
    async invoke(functionName, event) {
      const { text, threw } = await lambda('POST', `/functions/${functionName}/invocations`, event);
      if (threw) throw new Error(`function ${functionName} threw: ${text.slice(0, MAX_SHOWN)}`);
      return JSON.parse(text) as unknown;
    },
    s3: async (method, path) => (await send({ service: 's3', what: path, method, path })).text,
  };
}
