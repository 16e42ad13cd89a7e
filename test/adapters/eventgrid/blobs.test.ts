// Logins of the failure log's container and what comes back when something is wrong: Azurite for what it judges by itself
// (keys, signatures, containers), a scripted server for what it cannot be made to do. No secret is ever shown.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { inspect } from 'node:util';
import type { Adapter } from '../../../adapters/adapter.ts';
import { openBlobLogin } from '../../../adapters/eventgrid/blob-login.ts';
import { type Blobs, openBlobs } from '../../../adapters/eventgrid/blobs.ts';
import { RouterError } from '../../../router/errors.ts';
import { type FailureRecord, failureId } from '../../../router/failure.ts';
import { type Azurite, account, accountKey, LOGIN, startAzurite } from './azurite.ts';
import { key, orderEvent, type Scene, withEventGrid } from './scene.ts';

let azurite: Azurite;
before(async () => {
  azurite = await startAzurite();
});
after(() => azurite.stop());

const idle = new AbortController().signal;
const HOUR = 3_600_000;

async function rejection(work: Promise<unknown>): Promise<RouterError> {
  const thrown = await work.then(
    () => assert.fail('it did not reject'),
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof RouterError, inspect(thrown));
  return thrown;
}

const record: FailureRecord = {
  id: failureId('placed', orderEvent('a')),
  rule: 'placed',
  ruleHash: null,
  code: 'TARGET_STATUS',
  reason: 'answered 500',
  attempts: 1,
  at: '2026-08-13T21:30:00.000Z',
  event: orderEvent('a'),
};

/** The bus with its failures at `url`, the login in the variable LOGIN. */
function openWith({ open: openBus, topic }: Scene, url: string, login: string, more: object = {}): Promise<Adapter> {
  const env = (name: string): string | undefined => (name === LOGIN ? login : name === 'THE_KEY' ? key : undefined);
  return openBus({ ...topic(), failures: url, failuresLogin: LOGIN, ...more }, { env });
}

const connection = (key: string, endpoint = ''): string =>
  `DefaultEndpointsProtocol=https;AccountName=${account};AccountKey=${key};${endpoint}EndpointSuffix=core.windows.net`;

async function roundTrip(adapter: Adapter): Promise<void> {
  const log = adapter.failures!;
  await log.write(record);
  assert.deepEqual(
    (await Array.fromAsync(log.list(idle))).map(({ id }) => id),
    [record.id],
  );
  await log.remove([record.id]);
  assert.deepEqual(await Array.fromAsync(log.list(idle)), []);
}

test('eventgrid failures: a connection string opens the container, with a key and with a signature, and a signature alone', () =>
  withEventGrid({}, async (scene) => {
    const { url } = await azurite.container();
    const sas = azurite.sas('rwdl', Date.now() + HOUR);
    for (const login of [
      connection(accountKey),
      connection(accountKey, `BlobEndpoint=${url.origin}/${account}/;`),
      ` ${connection(accountKey)}\n`,
      `BlobEndpoint=${url.origin}/${account};SharedAccessSignature=${sas}`,
      sas,
      `?${sas}`,
    ]) {
      await roundTrip(await openWith(scene, url.href, login));
    }
  }));

test('eventgrid failures: a wrong key, a signature without the right and a missing container are told, nothing secret with it', () =>
  withEventGrid({}, async (scene) => {
    const { url } = await azurite.container();
    const wrongKey = Buffer.from('canary-wrong-key').toString('base64');
    const readOnly = azurite.sas('rl', Date.now() + HOUR);
    const wrong = await openWith(scene, url.href, connection(wrongKey));
    const reader = await openWith(scene, url.href, readOnly);
    const lost = await openWith(scene, azurite.missing().url.href, connection(accountKey));

    const refusals = await Promise.all([
      rejection(wrong.failures!.write(record)),
      rejection(Array.fromAsync(wrong.failures!.list(idle))),
      rejection(wrong.failures!.remove([record.id])),
      rejection(reader.failures!.write(record)),
    ]);
    assert.deepEqual(
      refusals.map(({ code }) => code),
      Array(4).fill('UNAUTHORIZED'),
    );
    assert.match(refusals[0]!.message, /^eventgrid: the container 'failures-\d+' at 127\.0\.0\.1:\d+ .* \(status 403/);
    const missing = await Promise.all([
      rejection(lost.check(idle)),
      rejection(lost.failures!.write(record)),
      rejection(Array.fromAsync(lost.failures!.list(idle))),
      rejection(lost.failures!.remove([record.id])),
    ]);
    for (const { code, message } of missing) {
      assert.equal(code, 'NOT_FOUND');
      assert.match(message, /make it: az storage container create --account-name buswaytests --name not-there/);
    }
    const shown = inspect([...refusals, ...missing, scene.warnings], { depth: 10 });
    const signature = new URLSearchParams(readOnly).get('sig')!;
    for (const secret of [wrongKey, accountKey, signature, encodeURIComponent(signature), 'SharedKey']) {
      assert.ok(!shown.includes(secret), secret);
    }
  }));

test('eventgrid failures: the start-up check lists the container, and stores nothing in it', () =>
  withEventGrid({}, async (scene) => {
    const { url, blobs } = await azurite.container();
    await (await openWith(scene, url.href, connection(accountKey))).check(idle);

    assert.deepEqual((await Array.fromAsync(blobs().list(idle))).flat(), []);
  }));

test('eventgrid failures: logins that cannot work are refused when the bus is opened, without showing them', () =>
  withEventGrid({}, async (scene) => {
    const url = 'https://shop.blob.core.windows.net/busway-failures';
    const secret = 'canary-of-a-login';
    const rows: readonly (readonly [login: string, code: string, options?: object])[] = [
      ['', 'SECRET_MISSING'],
      [secret, 'SECRET_INVALID'],
      [`sv=2025-11-05&sig=${secret}\u0001`, 'SECRET_INVALID'],
      [`AccountName=shop;AccountKey=${secret} not base64`, 'SECRET_INVALID'],
      [`AccountKey=${Buffer.from(secret).toString('base64')}`, 'SECRET_INVALID'],
      [azurite.sas('rwdl', Date.UTC(2020, 0, 1)), 'SECRET_INVALID'],
      [connection(accountKey, 'BlobEndpoint=https://other.blob.core.windows.net;'), 'CONFIG_INVALID'],
      [connection(accountKey), 'CONFIG_INVALID', { failures: undefined }],
      [connection(accountKey), 'CONFIG_INVALID', { failuresLogin: undefined }],
    ];
    for (const [login, code, options] of rows) {
      const error = await rejection(openWith(scene, url, login, options));
      assert.equal(error.code, code, login);
      assert.ok(!inspect(error).includes(secret) && !inspect(error).includes(accountKey), error.message);
    }
    await openWith(scene, 'http://blobs.internal/busway-failures', connection(accountKey));
    assert.match(scene.warnings.join(), /in the clear.*'failures'/);
  }));

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

interface Scripted {
  readonly url: URL;
  readonly requests: IncomingMessage[];
  /** What the next requests are answered with; 404 BlobNotFound when empty. */
  readonly answers: Answer[];
}

const status =
  (code: number, headers: Readonly<Record<string, string>> = {}, body = ''): Answer =>
  (_, response) =>
    response.writeHead(code, headers).end(body);

async function withServer(check: (server: Scripted) => Promise<void>): Promise<void> {
  const requests: IncomingMessage[] = [];
  const answers: Answer[] = [];
  const server = createServer((request, response) => {
    request.resume();
    requests.push(request);
    (answers.shift() ?? status(404, { 'x-ms-error-code': 'BlobNotFound' }))(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/busway-failures`);
    await check({ url, requests, answers });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function blobsAt(url: URL, env: Readonly<Record<string, string>> = {}): Blobs {
  const parts = { env: (name: string) => env[name], now: Date.now };
  const failuresLogin = env[LOGIN] === undefined ? undefined : LOGIN;
  const login = openBlobLogin({ container: url, failuresLogin, entra: true }, parts);
  return openBlobs({ container: url, login, now: Date.now });
}

const byKey = { [LOGIN]: connection(accountKey) };

test("eventgrid failures: a token of the host's managed identity opens the container, and a new one where it ended", () =>
  withServer(async ({ url, requests, answers }) => {
    let issued = 0;
    const token: Answer = (_, response) =>
      response.end(JSON.stringify({ access_token: `token-${++issued}`, expires_on: `${Date.now() / 1_000 + 3_600}` }));
    const blobs = blobsAt(url, { IDENTITY_ENDPOINT: `${url.origin}/msi`, IDENTITY_HEADER: 'the-header' });
    answers.push(
      token,
      status(201),
      status(401, { 'x-ms-error-code': 'InvalidAuthenticationInfo' }),
      token,
      status(201),
    );

    await blobs.put('a', Buffer.from('1'), {}, idle);
    await blobs.put('b', Buffer.from('2'), {}, idle);

    const asked = requests.map(({ url: path, headers }) => [path!.split('?')[0], headers.authorization]);
    assert.deepEqual(asked, [
      ['/msi', undefined],
      ['/busway-failures/a', 'Bearer token-1'],
      ['/busway-failures/b', 'Bearer token-1'],
      ['/msi', undefined],
      ['/busway-failures/b', 'Bearer token-2'],
    ]);
    const query = new URL(requests[0]!.url!, url).searchParams;
    assert.equal(query.get('resource'), 'https://storage.azure.com/');
    assert.equal(requests[0]!.headers['x-identity-header'], 'the-header');
    assert.equal(requests[1]!.headers['x-ms-version'], '2025-11-05');
  }));

test('eventgrid failures: what may pass is tried again, and what lasts is told with when to come again', () =>
  withServer(async ({ url, requests, answers }) => {
    const blobs = blobsAt(url, byKey);
    const reset: Answer = (request) => request.socket.destroy();
    const busy = status(503, { 'x-ms-error-code': 'ServerBusy', 'retry-after': '0' });

    answers.push(busy, reset, status(201));
    assert.equal(await blobs.put('a', Buffer.from('1'), {}, idle), true);
    assert.equal(requests.length, 3);

    answers.push(busy, busy, busy);
    assert.equal((await rejection(blobs.get('a', idle))).code, 'BUS_UNAVAILABLE');
    answers.push(status(429, { 'retry-after': '100' }));
    const throttled = await rejection(blobs.get('a', idle));
    assert.deepEqual([throttled.code, throttled.facts['retryAfterMs']], ['THROTTLED', 100_000]);
    assert.equal(requests.length, 7, 'who asks for 100 s is not asked again');
  }));

test('eventgrid failures: each status has its code, and the service is not quoted', () =>
  withServer(async ({ url, answers }) => {
    const blobs = blobsAt(url, byKey);
    const rows: readonly (readonly [Answer, string])[] = [
      [status(400, { 'x-ms-error-code': 'InvalidHeaderValue' }), 'NOT_FOUND'],
      [status(403, { 'x-ms-error-code': 'AuthorizationPermissionMismatch' }, 'canary-body'), 'UNAUTHORIZED'],
      [status(404, { 'x-ms-error-code': 'ContainerNotFound' }), 'NOT_FOUND'],
      [status(404, {}, '<html>canary-body'), 'NOT_FOUND'],
      [status(409, { 'x-ms-error-code': 'ContainerBeingDeleted' }), 'BUS_UNAVAILABLE'],
      [status(413), 'EVENT_TOO_LARGE'],
    ];
    for (const [answer, code] of rows) {
      answers.push(answer, answer, answer);
      const error = await rejection(blobs.put('a', Buffer.from('1'), {}, idle));
      assert.equal(error.code, code, error.message);
      assert.ok(!inspect(error).includes('canary-body'));
      answers.length = 0;
    }
    const none = await rejection(blobsAt(new URL('http://nowhere.invalid/busway-failures'), byKey).check(idle));
    assert.equal(none.code, 'NOT_FOUND');
  }));

test('eventgrid failures: a blob that is archived or far too large is told apart from one that is gone', () =>
  withServer(async ({ url, answers }) => {
    const blobs = blobsAt(url, byKey);
    answers.push(
      status(409, { 'x-ms-error-code': 'BlobArchived' }),
      (_, response) => void response.writeHead(200, { 'content-length': String(2 ** 32) }).write('x'),
      status(409, { 'x-ms-error-code': 'ContainerDisabled' }),
    );

    assert.match(inspect(await blobs.get('a', idle)), /ok: false.*BlobArchived/s);
    assert.match(inspect(await blobs.get('a', idle)), /ok: false.*over \d+ bytes/s);
    await rejection(blobs.get('a', AbortSignal.any([idle])));
    assert.equal(await blobs.get('a', idle), undefined);
  }));

test('eventgrid failures: a page of something else in the place of a listing is an error, and not "none"', () =>
  withServer(async ({ url, answers }) => {
    const blobs = blobsAt(url, byKey);
    for (const body of ['', '<html>sign in</html>']) {
      const page: Answer = (_, response) => void response.writeHead(200).end(body);
      answers.push(page, page);
      assert.equal((await rejection(blobs.check(idle))).code, 'BUS_UNAVAILABLE');
      assert.equal((await rejection(Array.fromAsync(blobs.list(idle)))).code, 'BUS_UNAVAILABLE');
    }
  }));

test('eventgrid failures: a listing that leads back to its own page ends', () =>
  withServer(async ({ url, requests, answers }) => {
    const page: Answer = (_, response) =>
      void response.end('<EnumerationResults><Blobs/><NextMarker>here</NextMarker></EnumerationResults>');
    answers.push(...Array(10).fill(page));

    assert.equal((await rejection(Array.fromAsync(blobsAt(url, byKey).list(idle)))).code, 'BUS_UNAVAILABLE');
    assert.equal(requests.length, 2);
  }));

test('eventgrid failures: a blob that says nothing of its size and has no end is not read to it', () =>
  withServer(async ({ url, answers }) => {
    const some = Buffer.alloc(1024 * 1024);
    answers.push((_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(some));
      };
      response.writeHead(200).on('drain', more);
      more();
    });

    assert.match(inspect(await blobsAt(url, byKey).get('a', idle)), /ok: false.*over \d+ bytes/s);
  }));

test('eventgrid failures: a redirect is not followed, so a signature goes nowhere else', () =>
  withServer(async ({ url, requests, answers }) => {
    const blobs = blobsAt(url, { [LOGIN]: azurite.sas('rwdl', Date.now() + HOUR) });
    answers.push(...Array(3).fill(status(307, { location: '/elsewhere' })));

    const error = await rejection(blobs.check(idle));
    assert.equal(error.code, 'BUS_UNAVAILABLE');
    assert.ok(requests.every((request) => request.url!.startsWith('/busway-failures?')));
    assert.ok(!inspect(error, { depth: 10 }).includes('sig='));
  }));

test('eventgrid failures: a call that is given up, and a bus that is closed, end within a second', () =>
  withServer(async ({ url, answers }) => {
    const hang: Answer = () => undefined;
    await withEventGrid({}, async (scene) => {
      const adapter = await openWith(scene, url.href, connection(accountKey));
      const begun = performance.now();

      answers.push(hang);
      const aborted = await rejection(Array.fromAsync(adapter.failures!.list(AbortSignal.timeout(50))));
      answers.push(hang);
      const writing = rejection(adapter.failures!.write(record));
      await adapter.close();

      assert.equal(aborted.code, 'ABORTED');
      assert.equal((await writing).code, 'CLOSED');
      assert.equal((await rejection(adapter.failures!.remove(['a']))).code, 'CLOSED');
      assert.ok(performance.now() - begun < 1_000);
    });
  }));
