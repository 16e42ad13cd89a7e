// A bucket as a store: the laws against a strict fake and against MiniStack, and what a service can do to it.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mock, type TestContext, test } from 'node:test';
import { open, uriPrefixOf } from '../../../adapters/oversize/s3.ts';
import type { DataStore } from '../../../adapters/oversize/store.ts';
import { type FakeS3, type FakeS3Settings, type S3Fault, startS3 } from '../../fakes/s3.ts';
import { findMiniStack, region } from '../eventbridge/ministack.ts';
import { codeOf, idle, nameOf, storeLaws } from './store-laws.ts';

const canary = 's3-canary-51c0';
const bytes = Buffer.from('some data');

function envOf({ keys }: Pick<FakeS3, 'keys'>, more: Readonly<Record<string, string>> = {}) {
  const known: Readonly<Record<string, string | undefined>> = {
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    AWS_SESSION_TOKEN: keys.sessionToken,
    AWS_REGION: keys.region,
    ...more,
  };
  return (name: string): string | undefined => known[name];
}

interface Scene {
  readonly fake: FakeS3;
  readonly store: DataStore;
}

async function openScene(t: TestContext, settings: FakeS3Settings = {}, options: object = {}): Promise<Scene> {
  const fake = await startS3({ secretAccessKey: canary, sessionToken: `token-${canary}`, ...settings });
  t.after(() => fake.close());
  const given = { bucket: fake.bucket, endpoint: fake.endpoint, ...options };
  return { fake, store: await open(given, { baseDir: '/', env: envOf(fake), now: Date.now }) };
}

storeLaws('s3, the fake', async () => {
  const fake = await startS3();
  const options = { bucket: fake.bucket, prefix: "large/(1)!'*/", endpoint: fake.endpoint };
  const store = await open(options, { baseDir: '/', env: envOf(fake), now: Date.now });
  return { store, uriPrefix: uriPrefixOf(options), close: fake.close };
});

const mini = findMiniStack();

storeLaws(
  's3, MiniStack',
  async () => {
    assert.ok(mini.ok);
    const stack = await mini.start();
    const keys = { accessKeyId: 'test', secretAccessKey: 'test', region };
    // The scope alone says which service is meant; MiniStack looks at no signature.
    const authorization = `AWS4-HMAC-SHA256 Credential=test/20260101/${region}/s3/aws4_request, SignedHeaders=host, Signature=0`;
    const made = await fetch(`${stack.endpoint}/data`, { method: 'PUT', headers: { authorization } });
    assert.equal(made.status, 200);
    const options = { bucket: 'data', prefix: 'large/' };
    const env = envOf({ keys }, { AWS_ENDPOINT_URL: stack.endpoint });
    return {
      store: await open(options, { baseDir: '/', env, now: Date.now }),
      uriPrefix: uriPrefixOf(options),
      close: stack.stop,
    };
  },
  mini.ok ? false : mini.reason,
);

test('s3: an object lies under prefix and hash, and the reference says where', async (t) => {
  const { fake, store } = await openScene(t, {}, { prefix: 'a/b-' });
  await store.put(nameOf(bytes), bytes, idle);
  assert.deepEqual([...fake.objects.keys()], [`a/b-${nameOf(bytes)}`]);
  assert.equal(uriPrefixOf({ bucket: 'data', prefix: 'a/b-' }), 's3://data/a/b-');
});

test('s3: on AWS the bucket is in the host, and in the path where TLS would not know its dots', async (t) => {
  const asked: string[] = [];
  const fetched = mock.method(globalThis, 'fetch', async (url: URL, init: RequestInit) => {
    asked.push(`${init.method} ${url.href}`);
    assert.equal((init.headers as Record<string, string>)['host'], url.host);
    return new Response('', { status: 200 });
  });
  t.after(() => fetched.mock.restore());
  const cases = [
    [{ bucket: 'data', region: 'eu-west-1', prefix: 'p/' }, 'https://data.s3.eu-west-1.amazonaws.com/p/n'],
    [{ bucket: 'my.data', region: 'eu-west-1' }, 'https://s3.eu-west-1.amazonaws.com/my.data/n'],
    [{ bucket: 'data', region: 'cn-north-1' }, 'https://data.s3.cn-north-1.amazonaws.com.cn/n'],
    [{ bucket: 'data', endpoint: 'https://minio.example:9000/s3/' }, 'https://minio.example:9000/s3/data/n'],
  ] as const;
  for (const [options, url] of cases) {
    const env = (name: string): string | undefined =>
      name.startsWith('AWS_') && name.includes('KEY') ? 'k' : undefined;
    const store = await open(options, { baseDir: '/', env, now: Date.now });
    await store.get('n');
    assert.equal(asked.at(-1), `GET ${url}`);
  }
});

test('s3: each answer of the service becomes the code that says what to do', async (t) => {
  const cases: readonly (readonly [fault: S3Fault, code: string, says: RegExp])[] = [
    [{ kind: 'answer', status: 500, code: 'InternalError' }, 'DATA_UNAVAILABLE', /500 \(InternalError\)/],
    [{ kind: 'answer', status: 503, code: 'SlowDown' }, 'DATA_UNAVAILABLE', /SlowDown/],
    [{ kind: 'answer', status: 404, code: 'NoSuchBucket' }, 'DATA_UNAVAILABLE', /NoSuchBucket/],
    [{ kind: 'answer', status: 403, code: 'AccessDenied' }, 'UNAUTHORIZED', /s3:ListBucket/],
    [
      {
        kind: 'answer',
        status: 301,
        code: 'PermanentRedirect',
        headers: { 'x-amz-bucket-region': 'us-west-2', location: 'http://127.0.0.1:1/' },
      },
      'DATA_UNAVAILABLE',
      /the bucket is in us-west-2/,
    ],
    [{ kind: 'reset' }, 'DATA_UNAVAILABLE', /does not answer/],
  ];
  for (const [fault, code, says] of cases) {
    const { store } = await openScene(t, { fault: () => fault });
    for (const work of [() => store.put(nameOf(bytes), bytes, idle), () => store.get(nameOf(bytes))]) {
      await assert.rejects(work, (error: Error & { code: string }) => {
        assert.equal(error.code, code);
        assert.match(error.message, says);
        assert.ok(!JSON.stringify([error.message, error]).includes(canary));
        return true;
      });
    }
  }
});

/** Something that answers 200 or 404 to whatever it is asked. */
async function openPretender(t: TestContext, answer: (response: ServerResponse) => void): Promise<DataStore> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => answer(response));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const env = envOf({ keys: { accessKeyId: 'AK', secretAccessKey: canary, region: 'eu-west-1' } });
  return open({ bucket: 'data', endpoint }, { baseDir: '/', env, now: Date.now });
}

test('s3: a 200 that names no object is not taken for stored, whoever gives it', async (t) => {
  for (const body of ['', '<html>sign in</html>']) {
    const store = await openPretender(t, (response) => response.writeHead(200).end(body));
    assert.equal(await codeOf(store.put(nameOf(bytes), bytes, idle)), 'DATA_UNAVAILABLE');
  }
});

test('s3: only the service itself can say that an object is gone', async (t) => {
  for (const body of ['', '<html>no such site</html>', '<Error><Code>NoSuchUpload</Code></Error>']) {
    const store = await openPretender(t, (response) => response.writeHead(404).end(body));
    assert.equal(await codeOf(store.get(nameOf(bytes))), 'DATA_UNAVAILABLE', body);
  }
  const { store } = await openScene(t);
  assert.equal(await codeOf(store.get(nameOf(bytes))), 'DATA_GONE');
});

test('s3: an object without an end is not read to it', async (t) => {
  const some = Buffer.alloc(1024 * 1024);
  const store = await openPretender(t, (response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(some));
    };
    response.writeHead(200).on('drain', more);
    more();
  });
  assert.equal(await codeOf(store.get(nameOf(bytes))), 'DATA_ALTERED');
});

test('s3: a put that does not end is given up when its caller does', async (t) => {
  const { store } = await openScene(t, { fault: () => ({ kind: 'hang' }) });
  const control = new AbortController();
  const put = codeOf(store.put(nameOf(bytes), bytes, control.signal));
  setTimeout(() => control.abort(), 50);
  assert.equal(await put, 'DATA_UNAVAILABLE');
});

test('s3: data that is damaged on its way in is not kept', async (t) => {
  const { fake, store } = await openScene(t, { fault: () => ({ kind: 'damage' }) });
  assert.notEqual(await codeOf(store.put(nameOf(bytes), bytes, idle)), 'ok');
  assert.equal(fake.objects.size, 0);
});

test('s3: who may not list is told a 403 for what is not there, and it is not taken for gone', async (t) => {
  const { store } = await openScene(t, { mayList: false });
  assert.equal(await codeOf(store.get(nameOf(bytes))), 'UNAUTHORIZED');
});

test('s3: a wrong key is refused, and a missing one says what to set', async (t) => {
  const fake = await startS3({ secretAccessKey: canary });
  t.after(() => fake.close());
  const options = { bucket: fake.bucket, endpoint: fake.endpoint };
  const wrong = await open(options, {
    baseDir: '/',
    env: envOf(fake, { AWS_SECRET_ACCESS_KEY: 'wrong' }),
    now: Date.now,
  });
  assert.equal(await codeOf(wrong.put(nameOf(bytes), bytes, idle)), 'UNAUTHORIZED');
  const none = await open(options, { baseDir: '/', env: () => undefined, now: Date.now });
  await assert.rejects(none.get(nameOf(bytes)), { code: 'UNAUTHORIZED', message: /AWS_ACCESS_KEY_ID/ });
});

test('s3: without a region, or with an endpoint that is none, it is refused at start', async () => {
  const parts = { baseDir: '/', now: Date.now };
  await assert.rejects(open({ bucket: 'data' }, { ...parts, env: () => undefined }), {
    code: 'CONFIG_INVALID',
    message: /region/,
  });
  const env = (name: string): string | undefined => (name === 'AWS_ENDPOINT_URL_S3' ? 'ftp://x' : undefined);
  await assert.rejects(open({ bucket: 'data' }, { ...parts, env }), {
    code: 'CONFIG_INVALID',
    message: /http or https/,
  });
});
