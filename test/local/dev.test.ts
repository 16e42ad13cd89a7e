// A router on this machine as a user runs it: dev and the commands beside it, on the embedded bus, with a real target on
// loopback.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { until } from '../contract/host.ts';
import { type HttpPeer, startHttp } from '../functions/targets/server.ts';
import { type Cli, cliScene } from '../harness/cli.ts';

const secrets = { BUSWAY_SECRET_HOOKS: 'c4n4ry-hooks' };
const config = ['--config', 'router.json'];

interface Target extends HttpPeer {
  /** Path → what it answers; 204 where nothing is set. */
  readonly answers: Map<string, number>;
  readonly paths: () => string[];
}

async function startTarget(t: TestContext): Promise<Target> {
  const answers = new Map<string, number>();
  const peer = await startHttp(({ path }, response) => void response.writeHead(answers.get(path) ?? 204).end());
  t.after(() => peer.close());
  return { ...peer, answers, paths: () => peer.received.map(({ path }) => path).sort() };
}

function documentFor(url: string, more: object = {}): object {
  const retry = { attempts: 1 };
  return {
    sources: { hooks: { use: 'github' } },
    rules: [
      { name: 'good', when: { type: ['com.github.push'] }, to: { http: { url: `${url}/good` } }, retry },
      { name: 'bad', when: { type: ['com.github.push'] }, to: { http: { url: `${url}/bad` } }, retry },
    ],
    ...more,
  };
}

async function scene(t: TestContext): Promise<Cli & { readonly target: Target }> {
  const target = await startTarget(t);
  const cli = cliScene(t, secrets);
  cli.write('router.json', documentFor(target.url));
  return { ...cli, target };
}

test('dev: an event is delivered, what fails is listed and redriven to its target only', async (t) => {
  const { dev, run, target } = await scene(t);
  target.answers.set('/bad', 500);
  const router = await dev(config);

  const sent = await run(['send', 'hooks/push', ...config, '--id', 'seed-1']);
  await router.says(/bad: FAILED at .*500.*failure [0-9a-f]{16}/);
  const tail = await run(['tail', '--json', ...config]);
  const list = await run(['failures', '--json', ...config]);
  const plain = await run(['failures', ...config]);

  assert.deepEqual([sent.code, sent.err], [0, '']);
  assert.match(sent.out, /^202 \{"accepted":\["[^"]+"\]\}\n$/);
  const [id] = (JSON.parse(sent.out.slice(4)) as { accepted: string[] }).accepted;
  assert.equal((JSON.parse(tail.out) as { id: string }).id, id);
  const failure = JSON.parse(list.out) as Record<string, unknown>;
  assert.deepEqual([failure['rule'], failure['code'], failure['attempts']], ['bad', 'TARGET_STATUS', 1]);
  assert.equal((failure['event'] as { id: string }).id, id);
  assert.match(plain.out, /bad: com\.github\.push .*TARGET_STATUS, 1 try/);
  assert.match(plain.err, /1 failed; deliver again with: npx busway redrive --all --config router.json/);
  assert.deepEqual(target.paths(), ['/bad', '/good']);

  const again = await run(['redrive', String(failure['id']), ...config]);
  target.answers.delete('/bad');
  const redriven = await run(['redrive', '--rule', 'bad', '--json', ...config]);
  const empty = await run(['failures', '--json', ...config]);

  assert.deepEqual([again.code, redriven.code, empty.out], [1, 0, '']);
  assert.match(again.out, /failed again: .*500/);
  assert.deepEqual(JSON.parse(redriven.out), { id: failure['id'], rule: 'bad', ok: true });
  assert.deepEqual(target.paths(), ['/bad', '/bad', '/bad', '/good']);
  // One delivery of one rule keeps its id over all attempts.
  const ids = target.received.filter(({ path }) => path === '/bad').map(({ headers }) => headers['webhook-id']);
  assert.equal(new Set(ids).size, 1);
  assert.doesNotMatch(router.out() + router.err() + list.out, /c4n4ry/);
});

test('dev: a repeated delivery is accepted and not delivered again, a forged one is refused', async (t) => {
  const { dev, run, target } = await scene(t);
  const router = await dev(config);

  const first = await run(['send', 'hooks/push', ...config, '--id', 'same']);
  const second = await run(['send', 'hooks/push', ...config, '--id', 'same']);
  const forged = await run(['send', 'hooks/push', ...config, '--bad-signature', '--json']);
  await router.says(/came again: already on the bus/);
  await until(() => target.received.length === 2, 'both deliveries');

  assert.equal(first.out, second.out);
  assert.equal(forged.code, 0, forged.err);
  assert.equal((JSON.parse(forged.out) as { status: number }).status, 401);
  assert.match(router.out(), /refused with 401/);
  assert.equal((await run(['tail', '--json', ...config])).out.trimEnd().split('\n').length, 1);
  assert.equal(target.received.length, 2);
});

test('dev: SIGTERM and Ctrl-C finish what is under way and end with 0', async (t) => {
  const { dev, run, write } = cliScene(t, secrets);
  let release: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const target = await startHttp((_request, response) => void held.then(() => response.writeHead(204).end()));
  t.after(() => target.close());
  write('router.json', documentFor(target.url));

  const router = await dev(config);
  await run(['send', 'hooks/push', ...config]);
  await until(() => target.received.length === 2, 'the deliveries');
  const ended = router.stop('SIGTERM');
  await router.says(/stopping/);
  release();

  assert.equal(await ended, 0, router.err());
  assert.equal((await run(['failures', '--json', ...config])).out, '');
  const second = await dev(config);
  assert.equal(await second.stop('SIGINT'), 0, second.err());
  // Done is done: nothing was delivered again after the restart.
  assert.equal(target.received.length, 2);
});

test('dev: after a stop, redrive and the lists work without it', async (t) => {
  const { dev, run, target } = await scene(t);
  target.answers.set('/bad', 400);
  const router = await dev(config);
  await run(['send', 'hooks/push', ...config]);
  await router.says(/bad: FAILED/);
  await router.stop();
  target.answers.clear();

  const list = await run(['failures', ...config]);
  const redriven = await run(['redrive', '--all', ...config]);
  const unknown = await run(['redrive', '0123456789abcdef', ...config]);
  const nothing = await run(['redrive', '--all', ...config]);

  assert.match(list.out, /bad/);
  assert.deepEqual([redriven.code, unknown.code, nothing.code], [0, 1, 0], redriven.err);
  assert.match(unknown.err, /there is no failure 0123456789abcdef/);
  assert.match(nothing.err, /nothing to redrive/);
  assert.deepEqual(target.paths(), ['/bad', '/bad', '/good']);
});

test('dev: a changed document is taken over while running, a broken one is not', async (t) => {
  const { dev, run, write, target } = await scene(t);
  write('old.json', documentFor(target.url));
  const router = await dev(config);

  write('router.json', '{"rules":[');
  await router.says(/the changed document is not taken over: .*router\.json/);
  await run(['send', 'hooks/push', '--config', 'old.json', '--url', router.url]);
  await until(() => target.paths().includes('/good'), 'the delivery of an old rule');
  const rules = [{ name: 'new', when: { type: ['com.github.push'] }, to: { http: { url: `${target.url}/new` } } }];
  write('router.json', documentFor(target.url, { rules }));
  await router.says(/the changed document is in force/);
  await run(['send', 'hooks/push', ...config]);
  await until(() => target.paths().includes('/new'), 'the delivery of the new rule');

  assert.deepEqual(target.paths(), ['/bad', '/good', '/new']);
});

test('dev: one process owns a data folder; a second is refused and told who', async (t) => {
  const { dev, run, dir } = await scene(t);
  const router = await dev(config);

  const second = await run(['dev', '--port', '0', ...config]);
  const elsewhere = await dev([...config, '--data', 'other']);

  assert.equal(second.code, 1);
  assert.match(second.err, /process \d+ runs on .*\.busway already; .*--data DIR \(DATA_LOCKED\)/);
  assert.equal(await elsewhere.stop(), 0);
  assert.equal(await router.stop(), 0);
  assert.deepEqual(readdirSync(dir).sort(), ['.busway', 'other', 'router.json']);
  assert.equal(statSync(join(dir, '.busway')).mode & 0o077, 0, 'only its owner can read it');
});

test('dev: a port that is taken is told, and the data folder is free again', async (t) => {
  const { dev, run } = await scene(t);
  const router = await dev([...config, '--data', 'first']);

  const port = new URL(router.url).port;
  const taken = await run(['dev', ...config, '--port', port]);

  assert.equal(taken.code, 1);
  assert.match(taken.err, new RegExp(`port ${port} .*--port`));
  assert.doesNotMatch(taken.err, /\n\s+at /);
  assert.equal(await (await dev(config)).stop(), 0);
});

test('dev: with --config a secret that is not set is refused at start, of a source and of a target', async (t) => {
  const { run, write } = cliScene(t);
  const target = { http: { url: 'http://127.0.0.1:9/x', secret: 'NO_SUCH_SECRET' } };
  write('source.json', { sources: { 'my-shop': { use: 'github' } } });
  write('target.json', { rules: [{ name: 'r', when: { type: ['t'] }, to: target }] });

  const source = await run(['dev', '--port', '0', '--config', 'source.json']);
  const http = await run(['dev', '--port', '0', '--config', 'target.json']);
  const send = await run(['send', 'my-shop/push', '--config', 'source.json']);

  assert.deepEqual([source.code, http.code, send.code], [1, 1, 1]);
  assert.match(source.err, /set BUSWAY_SECRET_MY_SHOP .*\(SECRET_MISSING\)/);
  assert.match(http.err, /NO_SUCH_SECRET.*\(SECRET_MISSING\)/);
  assert.match(send.err, /SECRET_MISSING/);
});

test('dev: without --config it makes a secret that send signs with, and nobody else can read it', async (t) => {
  const target = await startTarget(t);
  const { dev, run, write, dir } = cliScene(t);
  mkdirSync(join(dir, 'infra'));
  write('infra/router.ts', `export default ${JSON.stringify(documentFor(target.url))};\n`);
  const router = await dev();

  const sent = await run(['send', 'hooks/push']);
  await until(() => target.received.length === 2, 'the deliveries');

  assert.equal(sent.code, 0, sent.err);
  assert.match(router.out(), /send a first event: npx busway send hooks\/push\n/);
  assert.equal(statSync(join(dir, '.busway', 'secrets.json')).mode & 0o077, 0);
});

test('send: an unknown source or event lists what there is; a router that is not there is said', async (t) => {
  const { run } = await scene(t);

  const source = await run(['send', 'hoks/push', ...config]);
  const event = await run(['send', 'hooks/pusj', ...config]);
  const nowhere = await run(['send', 'hooks/push', ...config, '--url', 'http://127.0.0.1:9']);

  assert.deepEqual([source.code, event.code, nowhere.code], [2, 2, 1]);
  assert.match(source.err, /did you mean 'hooks'/);
  assert.match(event.err, /did you mean 'push'/);
  assert.match(nowhere.err, /nothing answers at http:\/\/127\.0\.0\.1:9\/.*busway dev/);
});

test('tail, failures and redrive: a folder without a bus is said, and not made', async (t) => {
  const { run, dir } = await scene(t);

  const [tail, failures] = [await run(['tail', ...config]), await run(['failures', ...config])];
  const [all, bare] = [await run(['redrive', '--all', ...config]), await run(['redrive', ...config])];

  assert.deepEqual([tail.code, failures.code, all.code, bare.code], [1, 1, 1, 2]);
  assert.match(tail.err, /no embedded bus in .*run busway dev.*--data DIR/);
  assert.ok(!existsSync(join(dir, '.busway')));
});

test('redrive: only who can read the data folder may ask a running router', async (t) => {
  const { dev } = await scene(t);
  const router = await dev(config);
  const ask = async (headers: Readonly<Record<string, string>>): Promise<number> =>
    (await fetch(`${router.url}/_busway/redrive`, { method: 'POST', headers, body: '{}' })).status;

  assert.equal(await ask({}), 401);
  assert.equal(await ask({ authorization: 'Bearer guess' }), 401);
});
