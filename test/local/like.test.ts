// busway dev --like as a user runs it: a real process on the embedded bus that behaves like a cloud's, without its SDK, its
// credentials or a network; and what it refuses to imitate.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Io, readArgs } from '../../local/command.ts';
import { dev } from '../../local/commands/dev.ts';
import { RouterError } from '../../router/errors.ts';
import { startHttp } from '../functions/targets/server.ts';
import { cliScene } from '../harness/cli.ts';

const secrets = { BUSWAY_SECRET_HOOKS: 'c4n4ry-hooks' };
const config = ['--config', 'router.json'];

function documentFor(url: string, rule: object = {}): object {
  const rules = [{ name: 'pushes', when: { type: ['com.github.push'] }, to: { http: { url } }, ...rule }];
  return { sources: { hooks: { use: 'github' } }, rules };
}

function post(url: string, event: object): Promise<Response> {
  return fetch(`${url}/webhooks/hooks`, {
    method: 'POST',
    headers: { 'content-type': 'application/cloudevents+json' },
    body: JSON.stringify({ specversion: '1.0', id: 'a', source: '/a', type: 't', ...event }),
  });
}

test('dev --like eventgrid: a webhook is delivered, and the line at the start says what is imitated and the seed', async (t) => {
  const target = await startHttp((_request, response) => void response.writeHead(204).end());
  t.after(() => target.close());
  const { dev: start, run, write } = cliScene(t, secrets);
  write('router.json', documentFor(target.url));

  const router = await start([...config, '--bus', 'embedded', '--like', 'eventgrid', '--seed', '7']);
  const sent = await run(['send', 'hooks/push', ...config, '--id', 'one']);
  await router.says(/pushes: delivered to/);

  assert.equal(sent.code, 0, sent.err);
  assert.match(router.out(), /^1 rule on the embedded \(like eventgrid\) bus/m);
  assert.match(router.out(), /^behaves like eventgrid: .*handshake.*30 s.*; the same again with --seed 7$/m);
  assert.equal((JSON.parse(target.received[0]!.body.toString()) as { type: string }).type, 'com.github.push');
  assert.equal(await router.stop(), 0, router.err());
});

for (const [bus, again] of [
  ['eventgrid', /pushes: .* failed .*, again in 1[01]\.\d s/],
  ['pubsub', /pushes: .* failed .*, again in (?:2\.[7-9]|3\.[0-3]) s/],
] as const) {
  test(`dev --like ${bus}: a failure comes again as that bus has it, and not at the rule's exact time`, async (t) => {
    const target = await startHttp((_request, response) => void response.writeHead(500).end());
    t.after(() => target.close());
    const { dev: start, run, write } = cliScene(t, secrets);
    const retry = { attempts: 3, firstMs: 2_100, maxMs: 9_000 };
    write('router.json', documentFor(target.url, { retry }));

    const router = await start([...config, '--like', bus]);
    await run(['send', 'hooks/push', ...config]);
    await router.says(again);

    assert.match(router.out(), /the same again with --seed \d+$/m);
    await router.stop();
  });
}

test("dev --like pubsub: what that bus cannot carry is refused at the door, by the document's own bus", async (t) => {
  const { dev: start, write } = cliScene(t, { BUSWAY_SECRET_HOOKS: 'c4n4ry-hooks' });
  const sources = { hooks: { use: 'cloudevents', open: true } };
  const filterable = { use: 'eventgrid', filterable: ['data.n'] };
  write('router.json', { bus: filterable, sources, rules: [] });

  const pubsub = await start([...config, '--bus', 'embedded', '--like', 'pubsub']);
  const long = await post(pubsub.url, { subject: 'x'.repeat(2_000) });
  await pubsub.stop();
  const eventgrid = await start([...config, '--bus', 'embedded', '--like', 'eventgrid']);
  const listed = await post(eventgrid.url, { data: { n: [{ x: 1 }] } });
  const plain = await post(eventgrid.url, { data: { n: 1 } });
  await eventgrid.stop();

  assert.deepEqual([long.status, listed.status, plain.status], [422, 422, 202]);
  assert.match(await long.text(), /NOT_CARRIABLE/);
  assert.match(await listed.text(), /filterable/);
});

for (const bus of ['eventbridge', 'eventgrid']) {
  test(`dev --like ${bus}: with oversize, an event over its limit is delivered whole to a rule over its data`, async (t) => {
    const target = await startHttp((_request, response) => void response.writeHead(204).end());
    t.after(() => target.close());
    const { dev: start, write } = cliScene(t);
    const rules = [{ name: 'large', when: { data: { n: [1] } }, to: { http: { url: target.url } } }];
    const sources = { hooks: { use: 'cloudevents', open: true } };
    write('router.json', { oversize: { store: { folder: 'data' } }, sources, rules });
    const data = { n: 1, text: 'x'.repeat(1_500_000) };

    const router = await start([...config, '--like', bus, '--max-body', '4000000']);
    const taken = await post(router.url, { data });
    await router.says(/large: delivered to/);

    assert.equal(taken.status, 202);
    assert.deepEqual((JSON.parse(target.received[0]!.body.toString()) as { data: unknown }).data, data);
    await router.stop();
  });
}

/** In this process: a wrong use ends before anything is opened. */
async function wrongUse(cwd: string, options: readonly string[]): Promise<string> {
  const nothing = (): never => assert.fail('it went on');
  const io: Io = {
    ...{ env: () => undefined, cwd, stdin: process.stdin, out: nothing, err: nothing, now: () => 0, random: () => 0 },
    ...{ randomBytes: (size: number) => Buffer.alloc(size), signal: AbortSignal.abort() },
  };
  try {
    await dev.run(readArgs(dev, [...config, ...options]), io);
  } catch (thrown) {
    assert.ok(thrown instanceof RouterError && thrown.code === 'USAGE', String(thrown));
    return thrown.message;
  }
  return assert.fail('it was taken');
}

test('dev --like: what is no cloud bus, or stands on one, is refused with what is allowed', async (t) => {
  const { dir, write } = cliScene(t);
  write('router.json', documentFor('http://127.0.0.1:1'));
  const says = (...options: string[]): Promise<string> => wrongUse(dir, options);

  assert.match(await says('--like', 'kafka'), /allowed: eventbridge, eventgrid, pubsub/);
  assert.match(await says('--bus', 'kafka', '--like', 'embedded'), /allowed: eventbridge, eventgrid, pubsub/);
  assert.match(await says('--like', 'eventgird'), /did you mean 'eventgrid'\?/);
  assert.match(await says('--bus', 'pubsub', '--like', 'pubsub'), /found 'pubsub'; use --bus embedded or --bus kafka/);
  assert.match(await says('--bus', 'pubsub', '--like', 'eventgrid'), /found 'pubsub'; use --bus embedded or/);
  assert.match(await says('--seed', '7'), /--seed is for --like/);
  assert.match(
    await says('--like', 'pubsub', '--seed', '4294967296'),
    /--seed must be an integer from 0 to 4294967295/,
  );
});
