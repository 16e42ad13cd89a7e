// The small HTTP client of functions against real servers: what it sends once, what it may send twice, what it refuses to read.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createHttpClient, type HttpClient, type HttpRequest } from '../../adapters/http-client.ts';

const idle = new AbortController().signal;

async function listening(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

interface Scene {
  readonly client: HttpClient;
  readonly server: Server;
  send(more?: Partial<HttpRequest>): ReturnType<HttpClient['send']>;
}

async function scene(t: TestContext, listener: RequestListener): Promise<Scene> {
  const server = createServer(listener);
  const url = new URL(`http://127.0.0.1:${await listening(t, server)}/x?y=1`);
  const client = createHttpClient();
  t.after(client.close);
  const request = { method: 'POST', url, headers: { 'x-a': 'b' }, body: Buffer.from('héllo'), signal: idle };
  return { client, server, send: (more = {}) => client.send({ ...request, ...more }) };
}

test('http client: a request arrives as it was given, its answer comes whole, and the connection is kept', async (t) => {
  const seen: unknown[] = [];
  const { send } = await scene(t, async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    const { method, url, headers } = request;
    seen.push([method, url, headers['x-a'], headers['content-length'], body, request.socket.remotePort]);
    response.writeHead(201, { 'x-answer': 'yes' }).end('ünd');
  });

  const first = await send();
  await send();

  assert.deepEqual([first.status, first.headers['x-answer'], first.text], [201, 'yes', 'ünd']);
  const [one, two] = seen as [unknown[], unknown[]];
  assert.deepEqual(one, ['POST', '/x?y=1', 'b', '6', 'héllo', one[5]]);
  assert.deepEqual(one, two);
});

test('http client: a redirect is an answer and is not followed', async (t) => {
  let asked = 0;
  const { send } = await scene(t, (request, response) => {
    asked++;
    request.resume();
    response.writeHead(302, { location: '/elsewhere' }).end();
  });

  assert.equal((await send()).status, 302);
  assert.equal(asked, 1);
});

/** Keeps the connection after the first request, and breaks it at the second. */
function closingLater(): { readonly listener: RequestListener; readonly asked: () => number } {
  let asked = 0;
  return {
    asked: () => asked,
    listener(request, response) {
      asked++;
      if (asked === 2) request.socket.destroy();
      else request.resume().on('end', () => response.end('ok'));
    },
  };
}

test('http client: on a kept connection that is closed, what may be done twice is sent again and all else is told', async (t) => {
  const [twice, once_] = [closingLater(), closingLater()];
  const repeatable = await scene(t, twice.listener);
  const single = await scene(t, once_.listener);

  await repeatable.send();
  const { text } = await repeatable.send({ repeatable: true });
  await single.send();
  await assert.rejects(single.send(), { code: 'ECONNRESET' });

  assert.deepEqual([text, twice.asked(), once_.asked()], ['ok', 3, 2]);
});

test('http client: a new connection that breaks is told at once, though it may be done twice', async (t) => {
  let asked = 0;
  const { send } = await scene(t, (request) => {
    asked++;
    request.socket.destroy();
  });

  await assert.rejects(send({ repeatable: true }), { code: 'ECONNRESET' });
  assert.equal(asked, 1);
});

test('http client: an answer that breaks off, and one that does not end, are errors', async (t) => {
  const broken = await scene(t, (request, response) => {
    request.resume();
    response.writeHead(200, { 'content-length': 10 }).write('12345', () => request.socket.destroy());
  });
  const endless = await scene(t, (request, response) => {
    request.resume();
    const more = (): void => void response.write(Buffer.alloc(256 * 1024), () => !response.destroyed && more());
    more();
  });

  await assert.rejects(broken.send());
  await assert.rejects(endless.send(), /is over 4194304 bytes/);
});

test('http client: an abort ends a request that waits for its answer, and one that is not sent yet', async (t) => {
  const stop = new AbortController();
  const { send } = await scene(t, () => stop.abort());

  await assert.rejects(send({ signal: stop.signal }), { name: 'AbortError' });
  await assert.rejects(send({ signal: stop.signal }), { name: 'AbortError' });
});

test('http client: a server whose certificate nobody vouches for is not spoken to', async (t) => {
  const read = (name: string): Buffer => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));
  let asked = 0;
  const server = createTlsServer({ cert: read('cert.pem'), key: read('key.pem') }, () => void asked++);
  const port = await listening(t, server);
  const client = createHttpClient();
  t.after(client.close);

  const url = new URL(`https://localhost:${port}/`);
  await assert.rejects(client.send({ method: 'GET', url, headers: {}, signal: idle }), {
    code: /SELF_SIGNED|UNABLE_TO_VERIFY/,
  });
  assert.equal(asked, 0);
});
