// Signed AWS requests without an SDK: Signature Version 4 over what fetch will send, and credentials as AWS's own hosts give
// them. For services of a few calls (SQS, S3, Secrets Manager, DynamoDB). A secret never stands in an error.
// Sources: IAM User Guide, "Create a signed AWS API request"; S3 API reference, "Authenticating Requests (Signature Version
// 4)"; SDKs and Tools guide, "Container credential provider"; @smithy/signature-v4 5.7.5, against which it is tested.

import { createHash, createHmac } from 'node:crypto';
import { promises as files } from 'node:fs';
import { RouterError } from '../router/errors.ts';

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Those in force now; asked before each request. */
export type Credentials = () => Promise<AwsCredentials>;

/** As fetch will send it. In a query write %20 for a blank: a '+' is signed as one, as URLSearchParams means it. */
export interface AwsRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

interface SigningScope {
  /** As in a credential scope: 'sqs', 's3', 'secretsmanager', 'dynamodb'. */
  readonly service: string;
  readonly region: string;
  readonly credentials: AwsCredentials;
  /** ms since the epoch; a service refuses what is off by more than some minutes. */
  readonly now: number;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
/** What proxies and clients change on the way. */
const NOT_SIGNED =
  /^(?:authorization|cache-control|connection|expect|from|keep-alive|max-forwards|pragma|referer|te|trailer|transfer-encoding|upgrade|user-agent|x-amzn-trace-id|proxy-.*|sec-.*)$/;

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();

/** Each character but the unreserved as %XX; `%` too. Of ASCII, which is all that a URL holds. */
function escaped(text: string): string {
  return text.replace(
    /[^A-Za-z0-9._~-]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

/** As if decoded and escaped by AWS's rules, which escape more than URL does: `!`, `'`, `(`, `)`, `*`, `+`, `:` and others. */
function escapedOnce(text: string): string {
  return text.replace(/%[0-9A-Fa-f]{2}|[^%]/g, (part) =>
    escaped(part.length === 3 ? String.fromCharCode(Number.parseInt(part.slice(1), 16)) : part),
  );
}

function canonicalPath(path: string, service: string): string {
  // A key of S3 is any text, so nothing in it is folded, and it is escaped once.
  if (service === 's3') return path.split('/').map(escapedOnce).join('/');
  const segments = path.split('/').filter((segment) => segment !== '');
  if (segments.length === 0) return '/';
  return `/${segments.map(escaped).join('/')}${path.endsWith('/') ? '/' : ''}`;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function canonicalQuery(search: string): string {
  const pairs = search
    .slice(1)
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const [name = '', ...value] = pair.replaceAll('+', '%20').split('=');
      return [escapedOnce(name), escapedOnce(value.join('='))] as const;
    });
  pairs.sort(([a, x], [b, y]) => compare(a, b) || compare(x, y));
  return pairs.map(([name, value]) => `${name}=${value}`).join('&');
}

/**
 * All headers to send, names in lower case: those of the request, `host`, `x-amz-date`, `x-amz-content-sha256`,
 * `x-amz-security-token` where there is a session, and `authorization`. Pure; throws nothing.
 */
export function signRequest(
  { method, url, headers, body }: AwsRequest,
  { service, region, credentials, now }: SigningScope,
): Readonly<Record<string, string>> {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const date = new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const payload = sha256(body);
  const all: Record<string, string> = {
    ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    host: url.host,
    'x-amz-date': date,
    'x-amz-content-sha256': payload,
    ...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }),
  };
  const names = Object.keys(all)
    .filter((name) => !NOT_SIGNED.test(name))
    .sort();
  const lines = names.map((name) => `${name}:${all[name]!.replace(/[ \t\r\n]+/g, ' ').replace(/^ | $/g, '')}\n`);
  const signed = names.join(';');
  const path = canonicalPath(url.pathname, service);
  const canonical = [method, path, canonicalQuery(url.search), lines.join(''), signed, payload].join('\n');
  const scope = [date.slice(0, 8), region, service, 'aws4_request'];
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
  const signature = hmac(key, [ALGORITHM, date, scope.join('/'), sha256(canonical)].join('\n')).toString('hex');
  const credential = `${accessKeyId}/${scope.join('/')}`;
  return {
    ...all,
    authorization: `${ALGORITHM} Credential=${credential}, SignedHeaders=${signed}, Signature=${signature}`,
  };
}

type Env = (name: string) => string | undefined;

const RELATIVE = 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI';
const FULL = 'AWS_CONTAINER_CREDENTIALS_FULL_URI';
const TOKEN = 'AWS_CONTAINER_AUTHORIZATION_TOKEN';
const CONTAINER_MS = 5_000;
// Credentials of a container are made anew at least five minutes before the old ones end.
const BEFORE_EXPIRY_MS = 300_000;
/** Where credentials may be asked for without TLS: this machine, ECS, EKS. */
const PLAIN_HOSTS = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\]|169\.254\.170\.2|169\.254\.170\.23|\[fd00:ec2::23\])$/;

function unauthorized(says: string): RouterError {
  return new RouterError('UNAUTHORIZED', `aws: ${says}`);
}

function filled(env: Env, name: string): string | undefined {
  const value = env(name);
  return value === '' ? undefined : value;
}

/** Undefined where the environment holds no keys at all. */
function keysOf(env: Env): AwsCredentials | undefined {
  const [accessKeyId, secretAccessKey] = [filled(env, 'AWS_ACCESS_KEY_ID'), filled(env, 'AWS_SECRET_ACCESS_KEY')];
  if (accessKeyId === undefined && secretAccessKey === undefined) return undefined;
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw unauthorized('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set both or neither; one is missing');
  }
  const sessionToken = filled(env, 'AWS_SESSION_TOKEN');
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

function containerUrl(env: Env): URL {
  const [relative, full] = [filled(env, RELATIVE), filled(env, FULL)];
  if (relative === undefined && full === undefined) {
    throw unauthorized(
      `no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN of a role), or run where AWS sets ${RELATIVE} or ${FULL}`,
    );
  }
  if (relative !== undefined) {
    if (relative.startsWith('/')) return new URL(`http://169.254.170.2${relative}`);
    throw unauthorized(`${RELATIVE} must begin with '/'`);
  }
  const url = URL.parse(full!);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && PLAIN_HOSTS.test(url.hostname))) return url;
  throw unauthorized(`${FULL} must be an https URL, or an http URL of this machine or of AWS's container agents`);
}

async function containerToken(env: Env): Promise<string | undefined> {
  const file = filled(env, `${TOKEN}_FILE`);
  const failed = (): never => {
    throw unauthorized(`${TOKEN}_FILE names no file that can be read`);
  };
  // Read each time: it is rotated.
  const text = file === undefined ? filled(env, TOKEN) : await files.readFile(file, 'utf8').catch(failed);
  const token = text?.trim();
  // What is no header would be quoted by the error that says so.
  if (token !== undefined && !/^[\x20-\x7e]+$/.test(token)) throw unauthorized(`${TOKEN} must be one line of ASCII`);
  return token;
}

interface Lent {
  readonly credentials: AwsCredentials;
  /** ms since the epoch. */
  readonly expires: number;
}

function readLent(text: string): Lent {
  let answer: Readonly<Record<string, unknown>> = {};
  try {
    answer = Object(JSON.parse(text));
  } catch {
    // Named below: what came is not shown, it may hold keys.
  }
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: sessionToken, Expiration } = answer;
  const expires = Date.parse(String(Expiration));
  if (typeof accessKeyId !== 'string' || typeof secretAccessKey !== 'string' || Number.isNaN(expires)) {
    throw unauthorized(
      'the container credentials endpoint answered without AccessKeyId, SecretAccessKey and Expiration',
    );
  }
  const session = typeof sessionToken === 'string' ? { sessionToken } : {};
  return { credentials: { accessKeyId, secretAccessKey, ...session }, expires };
}

async function askContainer(env: Env): Promise<Lent> {
  const url = containerUrl(env);
  const token = await containerToken(env);
  const headers: Record<string, string> = token === undefined ? {} : { authorization: token };
  let status = 0;
  let text = '';
  try {
    const response = await fetch(url, { headers, redirect: 'error', signal: AbortSignal.timeout(CONTAINER_MS) });
    status = response.status;
    text = await response.text();
  } catch {
    throw unauthorized(
      `the container credentials endpoint at ${url.host} does not answer; is this still the container?`,
    );
  }
  if (status === 200) return readLent(text);
  throw unauthorized(`the container credentials endpoint at ${url.host} answered ${status}; check the task's role`);
}

/**
 * AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN as Lambda sets them; else the container credentials
 * endpoint of ECS, EKS and Lambda SnapStart (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI, with
 * AWS_CONTAINER_AUTHORIZATION_TOKEN or _TOKEN_FILE), asked once for all callers and kept until five minutes before its end.
 * Rejects with UNAUTHORIZED that says what to set. `now`: ms since the epoch.
 */
export function credentialsFromEnv(env: Env, now: () => number): Credentials {
  let lent: Lent | undefined;
  let asked: Promise<Lent> | undefined;

  async function renewed(): Promise<Lent> {
    asked ??= askContainer(env).finally(() => {
      asked = undefined;
    });
    try {
      lent = await asked;
    } catch (thrown) {
      if (lent === undefined || lent.expires <= now()) throw thrown;
    }
    return lent;
  }

  return async () => {
    const keys = keysOf(env);
    if (keys !== undefined) return keys;
    const { credentials } = lent !== undefined && now() < lent.expires - BEFORE_EXPIRY_MS ? lent : await renewed();
    return credentials;
  };
}
