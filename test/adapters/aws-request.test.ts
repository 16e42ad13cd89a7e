// Our signatures against the SDK's own signer and AWS's published examples, over what fetch really sends; and credentials
// from the environment and the container endpoint.

import assert from 'node:assert/strict';
import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { type AwsRequest, credentialsFromEnv, signRequest } from '../../adapters/aws-request.ts';
import { RouterError } from '../../router/errors.ts';

type SigningScope = Parameters<typeof signRequest>[1];

/** What the SDK wants of a hash. */
class Sha256 {
  readonly #hash: Hash | Hmac;
  constructor(secret?: unknown) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as Uint8Array);
  }
  update(data: unknown): void {
    this.#hash.update(data as Uint8Array);
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
  reset(): void {
    throw new Error('not used');
  }
}

const escapedBySdk = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** The headers that the SDK would send; for S3 the path is escaped as the SDK writes it. */
async function signedBySdk({ method, url, headers, body }: AwsRequest, how: SigningScope) {
  const { service, region, credentials, now } = how;
  const isS3 = service === 's3';
  const signer = new SignatureV4({ service, region, credentials, sha256: Sha256, uriEscapePath: !isS3 });
  const query = Object.fromEntries(Array.from(url.searchParams.keys(), (key) => [key, url.searchParams.getAll(key)]));
  const path = isS3 ? url.pathname.split('/').map(decodeURIComponent).map(escapedBySdk).join('/') : url.pathname;
  const request = { method, protocol: url.protocol, hostname: url.hostname, path, query, body };
  return (await signer.sign({ ...request, headers: { ...headers, host: url.host } }, { signingDate: new Date(now) }))
    .headers;
}

const text = (...units: readonly string[]) => fc.string({ unit: fc.constantFrom(...units), maxLength: 6 });
const segment = fc.oneof(
  text('a', 'Z', '9', ' ', 'ü', '😀', '+', '%', '.', '~', '!', "'", '(', ')', '*', ':', '=', '&', ';', '$', '@', ','),
  fc.constantFrom('', '.', '..', '%2F', '%41', '%e4', 'a%20b'),
);
/** As encodeURIComponent writes it, or as somebody writes it who escapes only what URL needs. */
const written = (segments: readonly string[], all: boolean): string =>
  segments.map((one) => (all ? encodeURIComponent(one) : one.replaceAll('%', '%25'))).join('/');
const word = text('a', 'B', '0', ' ', 'é', '+', '%', '/', '=', '&', '-', '_', '*', "'", '?');
const name = text('a', 'b', 'Z', '-', '.', ' ', '+', 'ß', '[', ']');
const header = fc.tuple(
  fc.constantFrom(
    'Content-Type',
    'x-amz-target',
    'X-Amz-Meta-A',
    'range',
    'User-Agent',
    'x-b',
    'Sec-x',
    'proxy-x',
    'TE',
  ),
  text('a', ' ', '\t', ',', '"', 'Z').map((value) => `v${value}v`),
);

const request: fc.Arbitrary<AwsRequest> = fc
  .record({
    method: fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'HEAD'),
    segments: fc.array(segment, { maxLength: 5 }),
    all: fc.boolean(),
    pairs: fc.array(fc.tuple(name, word), { maxLength: 5 }),
    form: fc.constantFrom('params', 'percent', 'bare'),
    headers: fc.uniqueArray(header, { maxLength: 5, selector: ([title]) => title.toLowerCase() }),
    body: fc.uint8Array({ maxLength: 40 }),
  })
  .map(({ method, segments, all, pairs, form, headers, body }) => {
    const url = new URL('http://127.0.0.1:4566/');
    url.pathname = `/${written(segments, all)}`;
    if (form === 'params') for (const [key, value] of pairs) url.searchParams.append(key, value);
    else {
      const end = (value: string): string => (form === 'bare' && value === '' ? '' : `=${encodeURIComponent(value)}`);
      url.search = pairs.map(([key, value]) => encodeURIComponent(key) + end(value)).join('&');
    }
    return { method, url, headers: Object.fromEntries(headers), body: Buffer.from(body) };
  });

const scope: fc.Arbitrary<SigningScope> = fc.record({
  service: fc.constantFrom('s3', 'sqs', 'secretsmanager', 'dynamodb'),
  region: fc.constantFrom('eu-west-1', 'us-gov-east-1'),
  now: fc.integer({ min: 0, max: 4_102_444_800_000 }),
  credentials: fc.record(
    { accessKeyId: fc.constant('AKID'), secretAccessKey: word, sessionToken: fc.constant('a/token+of=it') },
    { requiredKeys: ['accessKeyId', 'secretAccessKey'] },
  ),
});

test('aws request: any request is signed as the SDK signs it, for S3 and for other services', async () => {
  await fc.assert(
    fc.asyncProperty(request, scope, async (one, how) => {
      const due = await signedBySdk(one, how);
      const found = signRequest(one, how);
      for (const [title, value] of Object.entries(due)) assert.equal(found[title.toLowerCase()], value, title);
      assert.equal(Object.keys(found).length, Object.keys(due).length);
    }),
    { numRuns: 1_000 },
  );
});

const example = {
  service: 's3',
  region: 'us-east-1',
  credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' },
  now: Date.UTC(2013, 4, 24),
};

test("aws request: the examples of S3's documentation have the signatures that stand there", () => {
  const date = 'Fri, 24 May 2013 00:00:00 GMT';
  const put = { date, 'x-amz-storage-class': 'REDUCED_REDUNDANCY' };
  const cases: readonly (readonly [string, string, Record<string, string>, string, string])[] = [
    [
      'GET',
      '/test.txt',
      { range: 'bytes=0-9' },
      '',
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ],
    [
      'PUT',
      '/test$file.text',
      put,
      'Welcome to Amazon S3.',
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    ],
    ['GET', '/?lifecycle', {}, '', 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'],
    ['GET', '/?max-keys=2&prefix=J', {}, '', '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7'],
  ];
  for (const [method, path, headers, body, signature] of cases) {
    const url = new URL(path, 'https://examplebucket.s3.amazonaws.com');
    const { authorization } = signRequest({ method, url, headers, body: Buffer.from(body) }, example);
    assert.equal(authorization?.split('Signature=')[1], signature, path);
  }
});

test('aws request: what fetch sends is what was signed, to the byte', async (t) => {
  const arrived: IncomingMessage[] = [];
  const server = createServer((incoming, response) => {
    arrived.push(incoming);
    incoming.resume().on('end', () => response.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  for (const service of ['s3', 'sqs']) {
    const url = new URL("/b/a b+c/ü/%25/(x)!*'/", origin);
    url.searchParams.append('prefix', 'a b+c/é');
    const how = { ...example, service };
    const one = { method: 'PUT', url, headers: { 'x-amz-meta-a': ' a  b ' }, body: Buffer.from('body') };
    const headers = signRequest(one, how);
    await fetch(url, { method: 'PUT', headers, body: one.body });

    const { url: target = '', headers: came } = arrived.at(-1)!;
    const signed = /SignedHeaders=([^,]+)/.exec(came.authorization ?? '')?.[1]?.split(';') ?? [];
    const seen = Object.fromEntries(signed.map((title) => [title, String(came[title])]));
    assert.deepEqual(signed, ['host', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-meta-a']);
    const { host: _host, ...others } = seen;
    const again = await signedBySdk({ ...one, url: new URL(target, origin), headers: others }, how);
    assert.equal(again['authorization'], came.authorization);
    assert.equal(came.host, url.host);
  }
});

interface Answer {
  readonly status?: number;
  readonly body: string;
}

describe('credentials from the environment', () => {
  const seen: IncomingMessage[] = [];
  let answer: Answer = { body: '' };
  let url = '';
  const server = createServer((incoming, response) => {
    seen.push(incoming);
    response.writeHead(answer.status ?? 200).end(answer.body);
  });
  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2/credentials?id=1`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  const start = Date.UTC(2030, 0, 1);
  const lent = (key: string, expires: number): Answer => ({
    body: JSON.stringify({
      AccessKeyId: key,
      SecretAccessKey: `secret-${key}`,
      Token: `token-${key}`,
      Expiration: new Date(expires).toISOString(),
    }),
  });
  const opened = (vars: Readonly<Record<string, string>>, now: () => number = () => start) =>
    credentialsFromEnv((key) => vars[key], now);
  const full = () => ({ AWS_CONTAINER_CREDENTIALS_FULL_URI: url });

  test('credentials: keys of the environment are taken, with the token of a role, and read anew each time', async () => {
    const vars: Record<string, string> = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_SESSION_TOKEN: '' };
    const credentials = opened(vars);

    assert.deepEqual(await credentials(), { accessKeyId: 'a', secretAccessKey: 'b' });
    vars['AWS_SESSION_TOKEN'] = 'c';
    assert.deepEqual(await credentials(), { accessKeyId: 'a', secretAccessKey: 'b', sessionToken: 'c' });
  });

  test('credentials: of a container they are asked once for all callers, and again five minutes before their end', async () => {
    let now = start;
    const credentials = opened({ ...full(), AWS_CONTAINER_AUTHORIZATION_TOKEN: 'Basic abc' }, () => now);
    const before = seen.length;
    answer = lent('one', start + 3_600_000);

    const both = await Promise.all([credentials(), credentials()]);
    assert.deepEqual(both[0], { accessKeyId: 'one', secretAccessKey: 'secret-one', sessionToken: 'token-one' });
    assert.equal(both[1], both[0]);
    assert.deepEqual([seen.at(-1)?.url, seen.at(-1)?.headers.authorization], ['/v2/credentials?id=1', 'Basic abc']);
    answer = lent('two', start + 7_200_000);
    now = start + 3_600_000 - 300_001;
    assert.equal((await credentials()).accessKeyId, 'one');
    assert.equal(seen.length - before, 1);
    now += 1;
    assert.equal((await credentials()).accessKeyId, 'two');
    assert.equal(seen.length - before, 2);
  });

  test('credentials: while the old ones hold, an endpoint that fails changes nothing; then it is an error', async () => {
    let now = start;
    const credentials = opened(full(), () => now);
    answer = lent('old', start + 600_000);
    await credentials();
    answer = { status: 500, body: 'secret-old' };

    now = start + 400_000;
    assert.equal((await credentials()).accessKeyId, 'old');
    now = start + 600_000;
    await assert.rejects(credentials(), { code: 'UNAUTHORIZED', message: /answered 500/ });
  });

  test('credentials: the token file of a container is read at each renewal', async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'busway-token-'));
    t.after(() => rm(dir, { recursive: true }));
    const file = join(dir, 'token');
    const credentials = opened({ ...full(), AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file });
    answer = lent('short', start + 1_000);

    for (const token of ['first', 'second']) {
      await writeFile(file, `${token}\n`);
      await credentials();
      assert.equal(seen.at(-1)?.headers.authorization, token);
    }
  });

  test('credentials: what is missing or wrong is UNAUTHORIZED, says what to set, and shows no secret', async () => {
    const secret = 'canary-9917';
    const token = { AWS_CONTAINER_AUTHORIZATION_TOKEN: `${secret}\nx` };
    const relative = 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI';
    const where = 'AWS_CONTAINER_CREDENTIALS_FULL_URI';
    const cases: readonly (readonly [Readonly<Record<string, string>>, RegExp, Answer?])[] = [
      [{}, /set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/],
      [{ AWS_SECRET_ACCESS_KEY: secret }, /both or neither/],
      [{ AWS_ACCESS_KEY_ID: secret }, /both or neither/],
      [{ [relative]: 'v2/x' }, /must begin with '\/'/],
      [{ [where]: 'http://169.254.170.2.example.com/x' }, /must be an https URL/],
      [{ [where]: 'ftp://127.0.0.1/x' }, /must be an https URL/],
      [{ [where]: 'http://127.0.0.1:1/x' }, /does not answer/],
      [{ ...full(), ...token }, /one line of ASCII/],
      [{ ...full(), AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/nowhere/token' }, /no file that can be read/],
      [full(), /answered 404/, { status: 404, body: secret }],
      [full(), /without AccessKeyId/, { body: `"${secret}"` }],
      [full(), /without AccessKeyId/, { body: `{"AccessKeyId":"${secret}"` }],
      [full(), /without AccessKeyId/, { body: 'null' }],
    ];
    for (const [vars, message, given] of cases) {
      if (given !== undefined) answer = given;
      await assert.rejects(opened(vars)(), (thrown: unknown) => {
        assert.ok(thrown instanceof RouterError && thrown.code === 'UNAUTHORIZED', inspect(thrown));
        assert.match(thrown.message, message);
        assert.ok(!inspect(thrown, { depth: 9 }).includes(secret), inspect(thrown));
        return true;
      });
    }
  });
});
