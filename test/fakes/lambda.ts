// AWS Lambda's Invoke on loopback, strict: what does not look like a signed RequestResponse call with a CloudEvent is
// answered as Lambda would refuse it and counted in `refused`, so that a test cannot pass by a wrong request.
// Source: AWS Lambda API reference, Invoke (path, X-Amz-Invocation-Type, X-Amz-Function-Error); AWS Signature Version 4.

import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface LambdaAnswer {
  readonly status?: number;
  /** 'Handled' or 'Unhandled': the function itself failed. */
  readonly functionError?: string;
  /** x-amzn-errortype of an error status. */
  readonly errorType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Never answers. */
  readonly hang?: boolean;
}

export interface FakeLambda {
  readonly endpoint: string;
  /** Payloads of the calls that were in order. */
  readonly payloads: readonly string[];
  /** Why calls were refused. */
  readonly refused: readonly string[];
  close(): Promise<void>;
}

export interface FakeLambdaSettings {
  readonly arn: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly answer: (payload: string) => LambdaAnswer;
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([a-z0-9-]+)\/lambda\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/;

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();

/** What is wrong with the signature, computed anew by the published algorithm. */
function signatureProblem(request: IncomingMessage, body: Buffer, settings: FakeLambdaSettings): string | undefined {
  const parts = AUTHORIZATION.exec(request.headers.authorization ?? '');
  if (parts === null) return 'no SigV4 authorization';
  const [, keyId, day, region, signed, signature] = parts as unknown as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const time = String(request.headers['x-amz-date']);
  if (keyId !== settings.accessKeyId) return `access key ${keyId}`;
  if (region !== settings.arn.split(':')[3]) return `region ${region}`;
  if (!time.startsWith(day)) return `date ${time}`;
  if (!signed.split(';').includes('host')) return 'host is not signed';
  const headers = signed.split(';').map((name) => `${name}:${String(request.headers[name]).trim()}\n`);
  // Services other than S3 encode the path twice.
  const path = (request.url ?? '').split('/').map(encodeURIComponent).join('/');
  const canonical = [request.method, path, '', headers.join(''), signed, sha256(body)].join('\n');
  const scope = `${day}/${region}/lambda/aws4_request`;
  const key = ['aws4_request', 'lambda', region, day].reduceRight<string | Buffer>(
    hmac,
    `AWS4${settings.secretAccessKey}`,
  );
  const due = hmac(key as Buffer, ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n')).toString('hex');
  return due === signature ? undefined : 'the signature does not match';
}

function problem(request: IncomingMessage, body: Buffer, settings: FakeLambdaSettings): string | undefined {
  if (request.method !== 'POST') return `method ${request.method}`;
  if (request.url !== `/2015-03-31/functions/${encodeURIComponent(settings.arn)}/invocations`)
    return `path ${request.url}`;
  const kind = request.headers['x-amz-invocation-type'];
  if (kind !== 'RequestResponse') return `invocation type ${kind}`;
  try {
    const event = JSON.parse(body.toString('utf8')) as { specversion?: unknown };
    if (event.specversion !== '1.0') return 'the payload is not a CloudEvent';
  } catch {
    return 'the payload is not JSON';
  }
  return signatureProblem(request, body, settings);
}

function reply(response: ServerResponse, { status = 200, headers = {}, body = 'null', ...answer }: LambdaAnswer): void {
  const error = answer.functionError === undefined ? {} : { 'x-amz-function-error': answer.functionError };
  const type = answer.errorType === undefined ? {} : { 'x-amzn-errortype': answer.errorType };
  response.writeHead(status, { 'content-type': 'application/json', ...error, ...type, ...headers }).end(body);
}

export async function startLambda(settings: FakeLambdaSettings): Promise<FakeLambda> {
  const payloads: string[] = [];
  const refused: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const wrong = problem(request, body, settings);
      if (wrong !== undefined) {
        refused.push(wrong);
        reply(response, { status: 400, errorType: 'InvalidRequestContentException', body: '{}' });
        return;
      }
      payloads.push(body.toString('utf8'));
      const answer = settings.answer(body.toString('utf8'));
      if (answer.hang !== true) reply(response, answer);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    payloads,
    refused,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
