// A bucket as the store of oversized data: Amazon S3, or another service that speaks its protocol. Without an SDK: two signed
// requests. A reference is never followed as a URL: bucket and prefix come from the document, the name from a hash.
// Sources: S3 API reference, PutObject, GetObject, "Error responses"; User Guide, "Virtual hosting of general purpose buckets",
// "Checking object integrity" (read 2026-11-21).

import type { Options } from '../../router/config.ts';
import { RouterError } from '../../router/errors.ts';
import { credentialsFromEnv, signRequest } from '../aws-request.ts';
import { readUpTo } from '../read-up-to.ts';
import { endpointProblem, type S3Options, s3UriPrefix, toS3Options } from './options.ts';
import type { DataStore, StoreParts } from './store.ts';

export function uriPrefixOf(options: Options): string {
  return s3UriPrefix(toS3Options(options));
}

type Env = StoreParts['env'];

function firstSet(env: Env, names: readonly string[]): string | undefined {
  return names.map(env).find((value) => value !== undefined && value !== '');
}

function endpointOf({ endpoint }: S3Options, env: Env): string | undefined {
  const given = endpoint ?? firstSet(env, ['AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL']);
  const wrong = given === undefined ? undefined : endpointProblem(given);
  if (wrong === undefined) return given;
  throw new RouterError('CONFIG_INVALID', `oversize: the endpoint of the bucket ${wrong}`);
}

function regionOf({ region }: S3Options, env: Env, endpoint: string | undefined): string {
  const given = region ?? firstSet(env, ['AWS_REGION', 'AWS_DEFAULT_REGION']);
  if (given !== undefined) return given;
  // Other services take any; this is what their tools send.
  if (endpoint !== undefined) return 'us-east-1';
  throw new RouterError('CONFIG_INVALID', "oversize: no region: give the store 'region' or set AWS_REGION");
}

/** Where the objects lie: the bucket in the host as AWS has it, in the path elsewhere and where TLS would not know its dots. */
function baseOf({ bucket }: S3Options, region: string, endpoint: string | undefined): string {
  if (endpoint !== undefined) return `${endpoint.replace(/\/$/, '')}/${bucket}/`;
  const domain = `s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
  return bucket.includes('.') ? `https://${domain}/${bucket}/` : `https://${bucket}.${domain}/`;
}

const REQUEST_MS = 30_000;
const EMPTY = Buffer.alloc(0);
// As much as may wait for a bus (busDefaults): no event with more ever got as far as here.
const MAX_OBJECT_BYTES = 64 * 1024 * 1024;

interface Answer {
  readonly status: number;
  /** Undefined when it is over MAX_OBJECT_BYTES. */
  readonly body: Buffer | undefined;
  readonly region: string | null;
  readonly etag: string | null;
}

/** The service's own word for what is wrong, such as NoSuchKey; '' where it says none. */
function errorCodeOf({ body = EMPTY }: Answer): string {
  return /<Code>([A-Za-z0-9]{1,64})<\/Code>/.exec(body.subarray(0, 4_096).toString('latin1'))?.[1] ?? '';
}

function refusal(answer: Answer, what: string): RouterError {
  const { status, region } = answer;
  const code = errorCodeOf(answer);
  const said = `${what} answered ${status}${code === '' ? '' : ` (${code})`}`;
  if (status === 401 || status === 403) {
    const says = `${said}; allow s3:PutObject, s3:GetObject and s3:ListBucket (without it an object that is not there is a 403)`;
    return new RouterError('UNAUTHORIZED', says);
  }
  const elsewhere = region === null || status === 200 ? '' : `; the bucket is in ${region}`;
  return new RouterError('DATA_UNAVAILABLE', said + elsewhere);
}

/** Connects to nothing yet. Throws CONFIG_INVALID. */
export async function open(given: Options, { env, now }: StoreParts): Promise<DataStore> {
  const options = toS3Options(given);
  const endpoint = endpointOf(options, env);
  const region = regionOf(options, env, endpoint);
  const base = baseOf(options, region, endpoint) + (options.prefix ?? '');
  const credentials = credentialsFromEnv(env, now);
  const what = `oversize: bucket '${options.bucket}'`;

  async function ask(name: string, put?: { readonly bytes: Buffer; readonly signal: AbortSignal }): Promise<Answer> {
    const body = put?.bytes;
    const url = new URL(base + name);
    const method = body === undefined ? 'GET' : 'PUT';
    // The service compares: what it got damaged it does not keep.
    const checksum = Buffer.from(name.slice(0, 64), 'hex').toString('base64');
    const own = body && { 'content-type': 'application/octet-stream', 'x-amz-checksum-sha256': checksum };
    const scope = { service: 's3', region, credentials: await credentials(), now: now() };
    const headers = signRequest({ method, url, headers: { ...own }, body: body ?? EMPTY }, scope);
    try {
      const limit = AbortSignal.timeout(REQUEST_MS);
      const signal = put === undefined ? limit : AbortSignal.any([put.signal, limit]);
      const init = { method, headers, redirect: 'manual', signal } as const;
      const response = await fetch(url, body === undefined ? init : { ...init, body });
      const { status, headers: found } = response;
      const read = await readUpTo(response, MAX_OBJECT_BYTES);
      return { status, body: read, region: found.get('x-amz-bucket-region'), etag: found.get('etag') };
    } catch (cause) {
      throw new RouterError('DATA_UNAVAILABLE', `${what} does not answer`, { cause });
    }
  }

  return {
    async put(name, bytes, signal) {
      const answer = await ask(name, { bytes, signal });
      if (answer.status !== 200) throw refusal(answer, what);
      // A proxy may say 200 to anything; S3 and all that speak its protocol give what they keep a tag.
      if (answer.etag === null)
        throw new RouterError('DATA_UNAVAILABLE', `${what} answered without an ETag; is it S3?`);
    },
    async get(name) {
      const answer = await ask(name);
      const { status, body } = answer;
      const object = `${options.prefix ?? ''}${name}`;
      if (status === 200 && body !== undefined) return body;
      if (status === 200)
        throw new RouterError('DATA_ALTERED', `${what}: ${object} is larger than what is ever put there`);
      // Gone is for good, so the service itself has to say it.
      if (status !== 404 || errorCodeOf(answer) !== 'NoSuchKey') throw refusal(answer, what);
      throw new RouterError('DATA_GONE', `${what} has no object ${object}`);
    },
  };
}
