// What whoever balances load and restarts processes asks of busway dev: /healthz and /readyz, a stop that takes requests until
// they go elsewhere, and an address that other machines reach, from which the admin endpoints stay shut.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createReadiness } from '../../local/readiness.ts';
import { RouterError } from '../../router/errors.ts';
import { type Cli, cliScene } from '../harness/cli.ts';

const config = ['--config', 'router.json'];
const event = { specversion: '1.0', id: '1', source: '/t', type: 't' };

function scene(t: TestContext): Cli {
  const cli = cliScene(t);
  cli.write('router.json', { sources: { events: { use: 'cloudevents', open: true } } });
  return cli;
}

async function statusOf(url: string): Promise<number> {
  return (await fetch(url)).status;
}

async function post(url: string, id: string): Promise<number> {
  const headers = { 'content-type': 'application/cloudevents+json' };
  const body = JSON.stringify({ ...event, id });
  return (await fetch(`${url}/webhooks/events`, { method: 'POST', headers, body })).status;
}

test('health: a running router is alive and ready, for anybody who asks', async (t) => {
  const { dev } = scene(t);
  const { url } = await dev(config);

  const alive = await fetch(`${url}/healthz`);
  const ready = await fetch(`${url}/readyz`);
  const head = await fetch(`${url}/readyz`, { method: 'HEAD' });

  assert.deepEqual([alive.status, await alive.json()], [200, { alive: true }]);
  assert.deepEqual([ready.status, await ready.json()], [200, { ready: true }]);
  assert.equal(head.status, 200);
  assert.equal(await statusOf(`${url}/readyzz`), 404);
});

test('health: after SIGTERM /readyz is 503 and requests are still taken until --drain is over, then it ends with 0', async (t) => {
  const { dev, run } = scene(t);
  const router = await dev([...config, '--drain', '1000']);
  const before = Date.now();
  const ended = router.stop('SIGTERM');
  await router.says(/stopping/);

  const ready = await fetch(`${router.url}/readyz`);
  const taken = await post(router.url, 'late');
  const alive = await statusOf(`${router.url}/healthz`);

  assert.equal(ready.status, 503);
  assert.deepEqual(await ready.json(), { error: { code: 'CLOSED', message: 'the router is about to stop' } });
  assert.deepEqual([taken, alive], [202, 200]);
  assert.equal(await ended, 0);
  assert.ok(Date.now() - before >= 1000, 'it waited');
  const kept = await run(['tail', '--json', ...config]);
  assert.match(kept.out, /"id":"late"/);
});

/** An address of this machine that is no loopback one; nothing leaves the machine. */
const outside = Object.values(networkInterfaces())
  .flatMap((found) => found ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

/** With a Host of our choice, which fetch does not allow. */
function ask(url: string, path: string, headers: Readonly<Record<string, string>>): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(`${url}${path}`, { method: 'POST', headers }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    asked.on('error', reject);
    asked.end('{}');
  });
}

test('health: on 0.0.0.0 other machines reach webhooks and probes, and never the admin endpoints, whatever they claim', {
  skip: outside === undefined && 'this machine has loopback addresses only',
}, async (t) => {
  const { dir, dev } = scene(t);
  const router = await dev([...config, '--host', '0.0.0.0']);
  const { port } = new URL(router.url);
  const { token } = JSON.parse(readFileSync(join(dir, '.busway/owner.json'), 'utf8')) as { token: string };
  const there = `http://${outside}:${port}`;
  const claims = { host: `127.0.0.1:${port}`, authorization: `Bearer ${token}` };

  assert.match(router.err(), /^warning: on 0\.0\.0\.0 every machine that reaches this one can post to the webhooks/m);
  assert.deepEqual([await statusOf(`${there}/healthz`), await post(there, '1')], [200, 202]);
  assert.equal(await ask(there, '/_busway/redrive', claims), 403);
  assert.equal(await ask(router.url, '/_busway/redrive', { ...claims, host: 'example.com' }), 403);
  assert.equal(await ask(router.url, '/_busway/redrive', claims), 200);
});

test('health: without --host only this machine reaches the router', {
  skip: outside === undefined && 'this machine has loopback addresses only',
}, async (t) => {
  const { dev } = scene(t);
  const router = await dev(config);

  await assert.rejects(fetch(`http://${outside}:${new URL(router.url).port}/healthz`));
});

test('dev: an address that it does not listen on is refused with those that it does', async (t) => {
  const { run } = scene(t);

  const { code, err } = await run(['dev', ...config, '--host', '10.0.0.1']);

  assert.equal(code, 2);
  assert.match(err, /--host must be one of 127\.0\.0\.1, 0\.0\.0\.0, ::, found '10\.0\.0\.1'/);
});

test('readiness: it says what the bus says, asked once in 5 s however often it is asked itself', async () => {
  let [at, checks] = [0, 0];
  let refusal: Error | undefined;
  const check = async (): Promise<void> => {
    checks++;
    if (refusal !== undefined) throw refusal;
  };
  const { problem } = createReadiness({ adapter: { name: 'x', check }, stalled: () => undefined, now: () => at });

  const first = await Promise.all([problem(), problem(), problem()]);
  refusal = new RouterError('NOT_FOUND', 'x: no such topic');
  at = 4_999;
  const kept = await problem();
  at = 5_000;
  const asked = await problem();

  assert.deepEqual(first, [undefined, undefined, undefined]);
  assert.equal(kept, undefined);
  assert.equal(asked?.code, 'NOT_FOUND');
  assert.equal(checks, 2);
});

test('readiness: a bus that does not answer, a delivery that stands still and a stop that was asked are not ready', async () => {
  const silent = (signal: AbortSignal): Promise<void> =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  const adapter = { name: 'x', check: async () => undefined };
  const stood = new RouterError('BUS_UNAVAILABLE', 'x: delivery stopped');
  const standing = createReadiness({ adapter, stalled: () => stood, now: () => 0 });
  const mute = createReadiness({ adapter: { ...adapter, check: silent }, stalled: () => undefined, now: () => 0 });
  const draining = createReadiness({ adapter, stalled: () => undefined, now: () => 0 });

  draining.drain();

  assert.equal(await standing.problem(), stood);
  assert.equal((await mute.problem())?.code, 'BUS_UNAVAILABLE');
  assert.equal((await draining.problem())?.code, 'CLOSED');
});
