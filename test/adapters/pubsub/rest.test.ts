// The light publisher: its bodies against those of the SDK's REST fallback, and its logins.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { v1 } from '@google-cloud/pubsub';
import fc from 'fast-check';
import { open } from '../../../adapters/pubsub/adapter.ts';
import { createRestPublisher, publishBody } from '../../../adapters/pubsub/rest.ts';
import { readServiceAccount } from '../../../adapters/pubsub/token.ts';
import { encodeMessage, type PubSubMessage } from '../../../adapters/pubsub/wire.ts';
import { RouterError } from '../../../router/errors.ts';
import { hostileShapes } from '../../contract/adapter-cases.ts';
import { idle, made } from '../../contract/adapter-harness.ts';
import { startPubSubFake } from '../../fakes/pubsub.ts';
import { event as anyEvent } from '../../harness/events.ts';
import { openScene, PROJECT } from './scene.ts';

const closers: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const close of closers.reverse()) await close();
});

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly type: string | undefined;
  readonly body: Buffer;
}

/** Answers every request as if all were published, and keeps it. */
async function startSink(): Promise<{ readonly port: number; readonly sent: Sent[] }> {
  const sent: Sent[] = [];
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    const { pathname: path } = new URL(request.url ?? '', 'http://sink');
    sent.push({ method: request.method ?? '', path, type: request.headers['content-type'], body });
    const { messages } = JSON.parse(body.toString()) as { messages: readonly unknown[] };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ messageIds: messages.map((_, i) => String(i + 1)) }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { port: (server.address() as AddressInfo).port, sent };
}

/** The SDK's generated client, speaking REST to the sink. */
function fallbackClient(port: number): v1.PublisherClient {
  const headers = async (): Promise<Headers> => new Headers({ authorization: 'Bearer t' });
  const auth = {
    getClient: async () => ({ getRequestHeaders: headers }),
    getRequestHeaders: headers,
    getProjectId: async () => PROJECT,
    getUniverseDomain: async () => 'googleapis.com',
    fetch: async (url: string, init: RequestInit) => fetch(url, init),
  };
  const options = { fallback: true, protocol: 'http', apiEndpoint: '127.0.0.1', port, auth, projectId: PROJECT };
  return new v1.PublisherClient(options as unknown as ConstructorParameters<typeof v1.PublisherClient>[0]);
}

/** As one gives it to the SDK: an ordering key only where there is one. */
function asCaller({ orderingKey, ...message }: PubSubMessage) {
  return orderingKey === '' ? message : { ...message, orderingKey };
}

test("pubsub REST: a publish is byte for byte what the SDK's REST fallback sends", async () => {
  const { port, sent } = await startSink();
  const client = fallbackClient(port);
  closers.push(() => client.close());
  const light = createRestPublisher({ endpoint: { host: '127.0.0.1', port, tls: false } });
  const topic = `projects/${PROJECT}/topics/busway.events`;
  const seed = Date.now() % 1_000_000;
  const events = [...hostileShapes(), ...fc.sample(anyEvent, { numRuns: 150, seed })];
  const encoded = events.map(encodeMessage);
  const marked = { ...encoded[0]!, attributes: { ...encoded[0]!.attributes, r_0123456789abcdef: '0' } };
  const batches: (readonly PubSubMessage[])[] = [encoded.filter(({ orderingKey }) => orderingKey === ''), [marked]];
  for (const message of encoded.filter(({ orderingKey }) => orderingKey !== '')) batches.push([message]);

  for (const messages of batches) {
    await light.send(topic, messages, idle);
    await client.publish({ topic, messages: messages.map(asCaller) }, { retry: null, timeout: 5_000 });

    const [ours, theirs] = sent.splice(0);
    assert.deepEqual([ours!.method, ours!.path, ours!.type], [theirs!.method, theirs!.path, theirs!.type]);
    const at = ours!.body.findIndex((byte, i) => byte !== theirs!.body[i]);
    const near = (body: Buffer): string => body.subarray(Math.max(0, at - 40), at + 40).toString();
    assert.ok(ours!.body.equals(theirs!.body), `seed ${seed}: at ${at}\n${near(ours!.body)}\n${near(theirs!.body)}`);
    assert.equal(ours!.body.toString(), publishBody(messages));
  }
});

async function restScene(
  options: Parameters<typeof startPubSubFake>[0],
  env: (address: string) => Record<string, string>,
) {
  const fake = await startPubSubFake({ login: true, ...options });
  const scene = await openScene({ address: fake.address, rest: true, env: env(fake.address) });
  const adapter = await scene.open();
  closers.push(fake.close, scene.close, () => adapter.close());
  return { fake, scene, adapter };
}

const fromMetadata = (address: string): Record<string, string> => ({ GCE_METADATA_HOST: address });

test('pubsub REST: a token of the metadata server is kept, and a new one fetched when it was revoked', async () => {
  const { fake, adapter } = await restScene({ accessToken: 'ya29.first' }, fromMetadata);
  assert.deepEqual(await adapter.publish([made('a')], idle), [{ ok: true }]);
  assert.deepEqual(await adapter.publish([made('b')], idle), [{ ok: true }]);

  fake.revoke('ya29.second');
  const [refused] = await adapter.publish([made('c')], idle);
  const again = await adapter.publish([made('c')], idle);

  assert.ok(refused !== undefined && !refused.ok);
  assert.deepEqual([refused.code, refused.retryable], ['UNAUTHORIZED', true]);
  assert.ok(!refused.reason.includes('ya29'));
  assert.deepEqual(again, [{ ok: true }]);
});

test('pubsub REST: a token that is nearly over is not used', async () => {
  const { fake, adapter } = await restScene({ accessToken: 'ya29.first', expiresIn: 200 }, fromMetadata);
  await adapter.publish([made('a')], idle);
  fake.revoke('ya29.second');

  assert.deepEqual(await adapter.publish([made('b')], idle), [{ ok: true }]);
});

function credentialsFile(text: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'busway-pubsub-'));
  closers.push(async () => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'key.json');
  writeFileSync(file, text);
  return file;
}

test("pubsub REST: a token signed with a service account's key, in a file or as it is, is taken by the service", async () => {
  const fake = await startPubSubFake({ login: true });
  closers.push(fake.close);
  for (const credentials of [credentialsFile(fake.credentials), fake.credentials]) {
    const env = { GOOGLE_APPLICATION_CREDENTIALS: credentials };
    const scene = await openScene({ address: fake.address, rest: true, env });
    const adapter = await scene.open();
    closers.push(scene.close, () => adapter.close());

    assert.deepEqual(await adapter.publish([made('a')], idle), [{ ok: true }]);
  }
});

test('pubsub REST: a login that is refused at once is final', async () => {
  const [fake, other] = [await startPubSubFake({ login: true }), await startPubSubFake({ login: true })];
  const env = { GOOGLE_APPLICATION_CREDENTIALS: credentialsFile(other.credentials) };
  const scene = await openScene({ address: fake.address, rest: true, env });
  const adapter = await scene.open();
  closers.push(fake.close, other.close, scene.close, () => adapter.close());

  const [result] = await adapter.publish([made('a')], idle);

  assert.ok(result !== undefined && !result.ok);
  assert.deepEqual([result.code, result.retryable], ['UNAUTHORIZED', false]);
  await assert.rejects(adapter.check(idle), { code: 'UNAUTHORIZED' });
});

test('pubsub REST: who may publish but not look passes the start-up check, who may do neither does not', async () => {
  const publisher = await restScene({ permissions: ['pubsub.topics.publish'] }, fromMetadata);
  const nobody = await restScene({ permissions: [] }, fromMetadata);

  await publisher.adapter.check(idle);
  await assert.rejects(nobody.adapter.check(idle), { code: 'UNAUTHORIZED' });
  assert.deepEqual(await publisher.adapter.publish([made('a')], idle), [{ ok: true }]);
});

test('pubsub REST: without credentials and without a metadata server it is said what to do', async () => {
  const server = createServer((_request, response) => {
    response.statusCode = 404;
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => server.close());
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { adapter } = await restScene({}, () => ({ GCE_METADATA_HOST: host }));

  const [result] = await adapter.publish([made('a')], idle);

  assert.ok(result !== undefined && !result.ok);
  assert.equal(result.code, 'UNAUTHORIZED');
  assert.match(result.reason, /metadata server gives no token; it answered 404/);
});

const parts = (env: Readonly<Record<string, string>>) => ({
  dataDir: tmpdir(),
  now: Date.now,
  env: (name: string) => env[name],
  onWarning: () => undefined,
});

test('pubsub REST: credentials that cannot be read are named, and never quoted', async () => {
  const secret = 'pem-canary-19d3';
  const key = { type: 'service_account', client_email: 'a@b.c', private_key_id: '1', private_key: secret };
  const other = JSON.stringify({ type: 'external_account', secret });
  const files = [
    credentialsFile('{'),
    credentialsFile(JSON.stringify(key)),
    join(tmpdir(), 'no-such-busway-file.json'),
  ];
  const bad = [...files, `{"private_key":"${secret}`, JSON.stringify(key), other];

  for (const file of bad) {
    const opening = open({ project: PROJECT }, parts({ GOOGLE_APPLICATION_CREDENTIALS: file }));
    await assert.rejects(opening, (thrown: unknown) => {
      assert.ok(thrown instanceof RouterError && thrown.code === 'CONFIG_INVALID');
      return !`${thrown.message}${thrown.stack}`.includes(secret);
    });
  }
  assert.equal(readServiceAccount({ type: 'external_account' }), undefined, 'the SDK knows how to use it');
});
