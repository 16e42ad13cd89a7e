// The http target against peers that misbehave: every one ends in a verdict, in time, and holds nothing back.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { ClientExtras } from '../../../functions/targets/client.ts';
import { open } from '../../../functions/targets/http.ts';
import type { Target, Verdict } from '../../../functions/targets/target.ts';
import { targetEvent, targetParts } from '../../contract/target.ts';
import { closedPort, startHttp, startTcp, type TcpPeer } from './server.ts';

const idle = new AbortController().signal;
/** Short where the timeout is what a test waits for, long where it must not come first. */
const TIMEOUT_MS = 150;
const LONG_MS = 10_000;

function deliver(target: Target, id = 'e1', signal = idle): Promise<Verdict> {
  return target.deliver({ event: targetEvent(id), rule: 'r1', attempt: 1 }, signal);
}

interface Opened {
  readonly timeoutMs?: number;
  readonly extras?: ClientExtras;
}

async function openTarget(
  t: TestContext,
  url: string,
  { timeoutMs = LONG_MS, extras = {} }: Opened = {},
): Promise<Target> {
  const target = await open({ url, timeoutMs }, targetParts().parts, extras);
  t.after(() => target.close());
  return target;
}

async function scene(
  t: TestContext,
  onRequest: (socket: Socket) => void,
  timeoutMs = LONG_MS,
): Promise<{ peer: TcpPeer; target: Target }> {
  const peer = await startTcp(onRequest);
  t.after(() => peer.close());
  return { peer, target: await openTarget(t, peer.url, { timeoutMs }) };
}

function isRetry(verdict: Verdict, code: string): void {
  assert.equal(verdict.kind, 'retry');
  assert.equal((verdict as { code: string }).code, code);
}

async function timed<T>(work: Promise<T>): Promise<{ result: T; tookMs: number }> {
  const begun = performance.now();
  return { result: await work, tookMs: performance.now() - begun };
}

/** Sends `text` a byte at a time until the socket is gone. */
function drip(socket: Socket, text: string): void {
  let at = 0;
  const timer = setInterval(() => socket.write(text[at++ % text.length]!), 5);
  socket.on('close', () => clearInterval(timer));
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

test('http: a peer that never answers is TARGET_TIMEOUT, and its connection is dropped', async (t) => {
  const { peer, target } = await scene(t, () => {}, TIMEOUT_MS);

  const { result, tookMs } = await timed(deliver(target));

  isRetry(result, 'TARGET_TIMEOUT');
  assert.ok(tookMs > TIMEOUT_MS / 2 && tookMs < LONG_MS / 2, `${tookMs} ms`);
  await until(() => peer.sockets.every((socket) => socket.destroyed));
});

test('http: a head that drips without end is TARGET_TIMEOUT', async (t) => {
  const head = 'HTTP/1.1 200 OK\r\nx-drip: '.padEnd(4_000, 'x');
  const { peer, target } = await scene(t, (socket) => drip(socket, head), TIMEOUT_MS);

  isRetry(await deliver(target), 'TARGET_TIMEOUT');
  await until(() => peer.sockets.every((socket) => socket.destroyed));
});

test('http: 100 Continue without end is TARGET_TIMEOUT', async (t) => {
  const { target } = await scene(t, (socket) => drip(socket, 'HTTP/1.1 100 Continue\r\n\r\n'), TIMEOUT_MS);

  isRetry(await deliver(target), 'TARGET_TIMEOUT');
});

test('http: the status decides at once where the body drips, and the connection is dropped in time', async (t) => {
  const onRequest = (socket: Socket) => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
    drip(socket, '1\r\nx\r\n');
  };
  const { peer, target } = await scene(t, onRequest, 2_000);

  const { result, tookMs } = await timed(deliver(target));

  assert.deepEqual(result, { kind: 'ack' });
  assert.ok(tookMs < 1_500, `${tookMs} ms`);
  await until(() => peer.sockets.every((socket) => socket.destroyed));
});

test('http: of a body without end only some kilobytes are read', async (t) => {
  let sent = 0;
  const { peer, target } = await scene(t, (socket) => {
    socket.write(`HTTP/1.1 500 Oops\r\ncontent-length: ${1e12}\r\n\r\n`);
    const chunk = Buffer.alloc(8_192);
    const pump = (): void => {
      while (!socket.destroyed && socket.write(chunk)) sent += chunk.length;
      sent += chunk.length;
      socket.once('drain', pump);
    };
    pump();
  });

  isRetry(await deliver(target), 'TARGET_STATUS');
  await until(() => peer.sockets.every((socket) => socket.destroyed));
  assert.ok(sent < 16 * 2 ** 20, `${sent} bytes were taken off the peer`);
});

test('http: a body that breaks off after a good status is still an ack', async (t) => {
  const { target } = await scene(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf', () => socket.resetAndDestroy());
  });

  assert.deepEqual(await deliver(target), { kind: 'ack' });
});

test('http: a closed port, a reset and an empty answer are TARGET_UNREACHABLE', async (t) => {
  const closed = await openTarget(t, `http://127.0.0.1:${await closedPort()}`);
  const reset = await scene(t, (socket) => socket.resetAndDestroy());
  const empty = await scene(t, (socket) => socket.end());
  const half = await scene(t, (socket) => socket.end('HTTP/1.1 200 OK\r\nconte'));

  const refused = await deliver(closed);
  isRetry(refused, 'TARGET_UNREACHABLE');
  assert.match((refused as { reason: string }).reason, /ECONNREFUSED/);
  isRetry(await deliver(reset.target), 'TARGET_UNREACHABLE');
  isRetry(await deliver(empty.target), 'TARGET_UNREACHABLE');
  const broken = await deliver(half.target);
  assert.equal(broken.kind, 'retry');
  assert.equal(reset.peer.sockets.length, 1, 'a fresh connection that resets is not tried twice');
});

test('http: what is not HTTP is TARGET_RESPONSE_INVALID', async (t) => {
  const answers = [
    'SSH-2.0-OpenSSH_9.6\r\n',
    'HTTP/1.1 abc OK\r\n\r\n',
    'HTTP/1.1 200 OK\r\nbad header\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n',
    `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`,
    'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n',
  ];

  for (const answer of answers) {
    const { target } = await scene(t, (socket) => socket.end(answer));
    const verdict = await deliver(target);
    isRetry(verdict, 'TARGET_RESPONSE_INVALID');
    assert.doesNotMatch((verdict as { reason: string }).reason, /SSH|abc|yyy/);
  }
});

test('http: a kept connection that the peer closed meanwhile costs no attempt', async (t) => {
  const { peer, target } = await scene(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
    socket.once('data', () => socket.resetAndDestroy());
  });

  assert.deepEqual(await deliver(target, 'e1'), { kind: 'ack' });
  assert.deepEqual(await deliver(target, 'e2'), { kind: 'ack' });

  assert.equal(peer.sockets.length, 2);
});

test('http: a name that does not resolve is TARGET_UNREACHABLE, and a resolver that hangs is TARGET_TIMEOUT', async (t) => {
  const unknown = await openTarget(t, 'http://unknown.example/', {
    extras: { lookup: () => Promise.reject(Object.assign(new Error('getaddrinfo t0ps3cret'), { code: 'ENOTFOUND' })) },
  });
  const empty = await openTarget(t, 'http://empty.example/', { extras: { lookup: () => Promise.resolve([]) } });
  const extras = { lookup: () => new Promise<never>(() => {}) };
  const hanging = await openTarget(t, 'http://hanging.example/', { timeoutMs: TIMEOUT_MS, extras });

  const verdict = await deliver(unknown);
  isRetry(verdict, 'TARGET_UNREACHABLE');
  assert.equal((verdict as { reason: string }).reason, 'http unknown.example: no answer (ENOTFOUND)');
  isRetry(await deliver(empty), 'TARGET_UNREACHABLE');
  isRetry(await deliver(hanging), 'TARGET_TIMEOUT');
});

test('http: waiting for a connection counts in the timeout, and no more connections are open at once than slots', async (t) => {
  let open = 0;
  let most = 0;
  const peer = await startTcp((socket) => {
    most = Math.max(most, ++open);
    socket.on('close', () => open--);
  });
  t.after(() => peer.close());
  const target = await openTarget(t, peer.url, { timeoutMs: TIMEOUT_MS, extras: { slots: 2 } });

  const verdicts = await Promise.all(Array.from({ length: 6 }, (_, i) => deliver(target, `e${i}`)));

  for (const verdict of verdicts) isRetry(verdict, 'TARGET_TIMEOUT');
  // All wait from the start; one whose time ends a moment later than another's may still get that one's place, and the
  // peer hears of the end a moment later. Without slots all six would be there at once.
  assert.ok(most < 6, `${most} at once`);
});

test('http: an abort leaves other deliveries of the target alone', async (t) => {
  const peer = await startHttp((request, response) => {
    if (!request.body.includes('"hang"')) response.end();
  });
  t.after(() => peer.close());
  const target = await openTarget(t, peer.url);
  const controller = new AbortController();

  const hanging = deliver(target, 'hang', controller.signal);
  const others = [deliver(target, 'e1'), deliver(target, 'e2')];
  await until(() => peer.received.length === 3);
  controller.abort();

  isRetry(await hanging, 'ABORTED');
  for (const verdict of await Promise.all(others)) assert.deepEqual(verdict, { kind: 'ack' });
});

test('http: a certificate is checked: unknown or of another name is TARGET_UNREACHABLE, a trusted one is an ack', async (t) => {
  const folder = new URL('../../fixtures/tls/', import.meta.url);
  const [key, cert] = await Promise.all([readFile(new URL('key.pem', folder)), readFile(new URL('cert.pem', folder))]);
  const peer = await startHttp((_request, response) => response.end(), { key, cert });
  t.after(() => peer.close());
  const lookup = () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
  const openTls = (host: string, extras: ClientExtras) => {
    const options = { url: `https://${host}:${peer.port}`, allow: ['127.0.0.0/8'], timeoutMs: LONG_MS };
    return open(options, targetParts().parts, { lookup, ...extras });
  };
  const targets = await Promise.all([
    openTls('target.example', {}),
    openTls('other.example', { ca: cert.toString() }),
    openTls('target.example', { ca: cert.toString() }),
    openTls('127.0.0.1', { ca: cert.toString() }),
  ]);
  t.after(() => Promise.all(targets.map((target) => target.close())));
  const [untrusted, misnamed, named, byAddress] = await Promise.all(targets.map((target) => deliver(target)));

  isRetry(untrusted!, 'TARGET_UNREACHABLE');
  assert.match((untrusted as { reason: string }).reason, /DEPTH_ZERO_SELF_SIGNED_CERT/);
  isRetry(misnamed!, 'TARGET_UNREACHABLE');
  assert.match((misnamed as { reason: string }).reason, /ERR_TLS_CERT_ALTNAME_INVALID/);
  assert.deepEqual(named, { kind: 'ack' });
  assert.deepEqual(byAddress, { kind: 'ack' });
  assert.equal(peer.received.length, 2);
});
