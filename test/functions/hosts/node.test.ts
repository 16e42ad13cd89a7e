import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type NodeHost, type NodeHostOptions, serveNode } from '../../../functions/hosts/node.ts';
import type { Published } from '../../../router/ingest.ts';
import { codeOf, testHost, until } from '../../contract/host.ts';
import { maxBody, type Scene, type SentRequest, signed, webhookScene } from '../../contract/host-scene.ts';
import { send } from './send.ts';

testHost({
  name: 'node',
  async open(webhook, limit) {
    const host = await serveNode(webhook, { port: 0, maxBody: limit });
    return { send: (request) => send(host.port, request), close: host.close };
  },
});

const push = Buffer.from('{"ref":"refs/heads/main"}');

interface Raw {
  readonly socket: Socket;
  /** What came back so far. */
  readonly text: () => string;
  readonly closed: () => boolean;
}

async function scene(
  t: TestContext,
  options: Partial<NodeHostOptions> = {},
  publish: () => Published | Promise<Published> = () => ({ ok: true }),
): Promise<{ host: NodeHost; made: Scene }> {
  const made = webhookScene(publish);
  const host = await serveNode(made.webhook, { port: 0, maxBody, ...options });
  t.after(() => host.close());
  return { host, made };
}

async function open(t: TestContext, { port }: NodeHost): Promise<Raw> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  let closed = false;
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    closed = true;
  });
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return { socket, text: () => text, closed: () => closed };
}

function head(request: SentRequest, extra: readonly string[]): string {
  const lines = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`);
  return [`${request.method} ${request.path} HTTP/1.1`, 'host: x', ...lines, ...extra, '', ''].join('\r\n');
}

test('node: a body shorter than its content-length is never taken', async (t) => {
  const { host, made } = await scene(t);
  const request = signed(push);
  const raw = await open(t, host);

  raw.socket.end(head(request, [`content-length: ${push.length + 5}`]) + push);
  await until(raw.closed, 'the end of the connection');

  assert.doesNotMatch(raw.text(), /HTTP\/1\.1 2/);
  assert.equal(made.published.length, 0);
  assert.equal((await send(host.port, request)).status, 202);
});

test('node: a content-length over the limit is 413 before any byte of the body', async (t) => {
  const { host } = await scene(t);
  const raw = await open(t, host);

  raw.socket.write(head(signed(push), [`content-length: ${maxBody + 1}`]));
  await until(() => raw.text().includes('BODY_TOO_LARGE'), 'the answer');

  assert.match(raw.text(), /^HTTP\/1\.1 413 /);
});

test('node: a content-length beside chunks, and two that differ, are refused', async (t) => {
  const { host, made } = await scene(t);
  const liars = [
    [`content-length: ${push.length}`, 'transfer-encoding: chunked'],
    [`content-length: ${push.length}`, `content-length: ${push.length + 1}`],
    ['content-length: -1'],
  ];
  for (const headers of liars) {
    const raw = await open(t, host);
    raw.socket.write(head(signed(push), headers) + push);
    await until(raw.closed, `the end of the connection after ${headers}`);
    assert.match(raw.text(), /^HTTP\/1\.1 400 /, String(headers));
  }
  assert.equal(made.published.length, 0);
});

test('node: an endless chunked body is answered with 413 and cut off', async (t) => {
  const { host } = await scene(t);
  const raw = await open(t, host);
  const chunk = `${(8_192).toString(16)}\r\n${'x'.repeat(8_192)}\r\n`;
  let sent = 0;

  raw.socket.write(head(signed(push), ['transfer-encoding: chunked']));
  const pump = (): void => {
    while (!raw.socket.destroyed && sent < 256 * 1024 * 1024) {
      sent += chunk.length;
      if (!raw.socket.write(chunk)) return void raw.socket.once('drain', pump);
    }
  };
  pump();
  await until(raw.closed, 'the end of the connection');

  assert.match(raw.text(), /^(?:HTTP\/1\.1 413 |$)/);
  assert.ok(sent < 64 * 1024 * 1024, `${sent} bytes were taken`);
  assert.equal((await send(host.port, signed(push))).status, 202);
});

test('node: a client that sends its headers or its body too slowly is cut off', async (t) => {
  const { host, made } = await scene(t, { headersTimeoutMs: 100, requestTimeoutMs: 200 });
  const slowHeaders = await open(t, host);
  const slowBody = await open(t, host);

  slowHeaders.socket.write('POST /webhooks/github HTTP/1.1\r\nhost: x\r\nx-a: ');
  slowBody.socket.write(head(signed(push), [`content-length: ${push.length}`]) + push.subarray(0, 3));
  await until(() => slowHeaders.closed() && slowBody.closed(), 'the end of both');

  assert.match(slowHeaders.text(), /^HTTP\/1\.1 408 /);
  assert.equal(made.calls(), 0);
});

test('node: closing answers the request under way, takes no new one, and may be done twice', async (t) => {
  let release: () => void = () => {};
  const held = new Promise<Published>((resolve) => {
    release = () => resolve({ ok: true });
  });
  const { host, made } = await scene(t, {}, () => held);
  const idle = await open(t, host);

  const answer = send(host.port, signed(push));
  await until(() => made.published.length === 1, 'the publish');
  let closed = false;
  const closing = Promise.all([host.close(), host.close()]).then(() => {
    closed = true;
  });
  await until(idle.closed, 'the end of an idle connection');
  await assert.rejects(send(host.port, signed(push)), { code: 'ECONNREFUSED' });
  assert.equal(closed, false);
  release();

  const { status, headers } = await answer;
  assert.deepEqual([status, headers['connection']], [202, 'close']);
  await closing;
});

test('node: what is not below /webhooks/ goes to the rest, or is 404', async (t) => {
  const { host: bare } = await scene(t);
  const { host } = await scene(t, { rest: (_request, response) => void response.end('rest') });

  const missing = await send(bare.port, { ...signed(push), path: '/healthz' });
  const other = await send(host.port, { ...signed(push), path: '/healthz' });

  assert.deepEqual([missing.status, codeOf(missing)], [404, 'SOURCE_UNKNOWN']);
  assert.deepEqual([other.status, other.body], [200, 'rest']);
});

test('node: it listens on loopback only, and a port that is taken is told', async (t) => {
  const { host, made } = await scene(t);

  assert.equal(host.url, `http://127.0.0.1:${host.port}`);
  await assert.rejects(serveNode(made.webhook, { port: host.port, maxBody }), { code: 'EADDRINUSE' });
});
