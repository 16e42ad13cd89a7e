import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { runLoad, runSteady } from './load.ts';
import { prebuild, pushBodies, secret } from './payload.ts';
import { openSinks, type Posted } from './sink.ts';

const closers: (() => Promise<unknown>)[] = [];
after(() => Promise.all(closers.map((close) => close())));
const { signal } = new AbortController();

interface Got {
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

function answer(response: ServerResponse, status: number, text = '{}'): void {
  response.writeHead(status, { 'content-length': text.length }).end(text);
}

async function startServer(respond: (response: ServerResponse, n: number) => void) {
  const got: Got[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => respond(response, got.push({ headers: request.headers, body: Buffer.concat(chunks) })));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });
  const { port } = server.address() as AddressInfo;
  return { port, got, requests: pushBodies().map((body) => prebuild('/webhooks/github', `127.0.0.1:${port}`, body)) };
}

test('load: every request is signed over its own body and has an id of its own', async () => {
  const { port, got, requests } = await startServer((response) => answer(response, 202));

  const { acked } = await runLoad({ port, requests, connections: 4, forMs: 10_000, limit: 40, run: 't1', signal });

  assert.equal(acked, 40);
  assert.equal(new Set(got.map(({ headers }) => headers['x-github-delivery'])).size, 40);
  for (const { headers, body } of got) {
    const due = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
    assert.equal(headers['x-hub-signature-256'], due);
    assert.equal(body.length, pushBodies()[0]!.length);
  }
});

test('load: any answer but a 2xx ends the run with what the server said', async () => {
  const { port, requests } = await startServer((response, n) => answer(response, n === 5 ? 503 : 202, 'busy'));

  const run = runLoad({ port, requests, connections: 2, forMs: 10_000, limit: 40, run: 't2', signal });

  await assert.rejects(run, /answered 503: busy/);
});

test('load: a connection that the server cuts ends the run', async () => {
  const { port, requests } = await startServer((response, n) => {
    if (n === 5) response.destroy();
    else answer(response, 202);
  });

  const run = runLoad({ port, requests, connections: 2, forMs: 10_000, limit: 40, run: 't3', signal });

  await assert.rejects(run, /closed the connection|ECONNRESET/);
});

test('load: an abort ends a run whose answers never come', async () => {
  const stop = new AbortController();
  const { port, requests } = await startServer(() => stop.abort(new Error('enough')));

  const run = runLoad({ port, requests, connections: 1, forMs: 10_000, run: 't4', signal: stop.signal });

  await assert.rejects(run, /enough/);
});

test('load: an open loop sends all it should, whatever the answers do', async () => {
  const { port, got, requests } = await startServer((response) => response.writeHead(204).end());
  const sent: string[] = [];

  const { acked } = await runSteady({
    port,
    requests,
    connections: 8,
    forMs: 200,
    perSecond: 200,
    run: 't5',
    signal,
    onSend: (id) => sent.push(id),
  });

  assert.deepEqual([acked, got.length, new Set(sent).size], [40, 40, 40]);
});

test('sink: counts what it took, shows it whole, and refuses what it is told to', async () => {
  const sinks = await openSinks(2);
  closers.push(() => sinks.close());
  const seen: Posted[] = [];
  sinks.watch((posted) => seen.push(posted));
  const [first, second] = sinks.urls as [string, string];
  const post = async (url: string, body: string) => (await fetch(url, { method: 'POST', body })).status;
  const large = 'x'.repeat(200_000);

  assert.equal(await post(first, large), 200);
  sinks.fail(1, true);
  assert.equal(await post(second, 'refused'), 500);
  sinks.fail(1, false);
  assert.equal(await post(second, 'taken'), 200);
  await sinks.delivered.until(2, signal);

  assert.deepEqual([sinks.delivered.counts(), sinks.refused()], [[1, 1], 1]);
  assert.deepEqual(
    seen.map(({ sink, body }) => [sink, body.toString()]),
    [
      [0, large],
      [1, 'taken'],
    ],
  );
});
