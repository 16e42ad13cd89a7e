// Oversized events on this machine as a user runs it: the router behaves as EventBridge and takes 1 MB, the data lies in a folder
// beside the document, and everything else goes on as with any event.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { objectOf } from '../../adapters/dataref.ts';
import { uriPrefixOf } from '../../adapters/oversize/folder.ts';
import { jsonData } from '../../router/event.ts';
import { decodeStructured } from '../../router/wire/json.ts';
import { until } from '../contract/host.ts';
import { startHttp } from '../functions/targets/server.ts';
import { type Cli, cliScene, type Dev } from '../harness/cli.ts';

const config = ['--config', 'router.json'];
const MIB = 1024 * 1024;

interface Rule {
  readonly name: string;
  readonly when: object;
}

function documentFor(url: string, rules: readonly Rule[], more: object = {}): object {
  return {
    oversize: { store: { folder: './large' } },
    sources: { shop: { use: 'cloudevents', open: true } },
    rules: rules.map((rule) => ({ ...rule, to: { http: { url: `${url}/${rule.name}` } }, retry: { attempts: 1 } })),
    ...more,
  };
}

/** As a structured CloudEvent; `data` is its JSON, 'null' for none. */
async function post(dev: Dev, id: string, data: string, more: object = {}): Promise<number> {
  const attributes = { specversion: '1.0', id, source: '/shop', type: 'com.shop.upload', ...more };
  const own = data === 'null' ? '' : `,"data":${data}`;
  const response = await fetch(`${dev.url}/webhooks/shop`, {
    method: 'POST',
    headers: { 'content-type': 'application/cloudevents+json' },
    body: `${JSON.stringify(attributes).slice(0, -1)}${own}}`,
  });
  return response.status;
}

const startLarge = (cli: Cli): Promise<Dev> =>
  cli.dev([...config, '--like', 'eventbridge', '--seed', '7', '--max-body', String(4 * MIB)]);

test('dev: an event over the limit of the bus is delivered whole, to the rules that take it by its data', async (t) => {
  const target = await startHttp((_request, response) => void response.writeHead(204).end());
  t.after(() => target.close());
  const cli = cliScene(t);
  const upload = { type: ['com.shop.upload'] };
  cli.write(
    'router.json',
    documentFor(target.url, [
      { name: 'red', when: { ...upload, data: { color: ['red'] } } },
      { name: 'blue', when: { ...upload, data: { color: ['blue'] } } },
      { name: 'all', when: upload },
      { name: 'other', when: { type: ['com.shop.order'] } },
    ]),
  );
  const dev = await startLarge(cli);
  const data = `{"n":9007199254740993,"color":"red","pad":"${randomBytes(MIB).toString('hex')}"}`;

  const status = await post(dev, 'large', data);
  await until(() => ['/all', '/red'].every((path) => target.received.some((one) => one.path === path)), 'both targets');
  const small = await post(dev, 'small', '{"color":"blue"}');
  await until(() => target.received.some(({ path }) => path === '/blue'), 'the small one');

  assert.deepEqual([status, small], [202, 202]);
  for (const { path, body } of target.received) {
    const { attributes, data: got } = decodeStructured(body);
    assert.ok(attributes.id === (path === '/blue' ? 'small' : attributes.id) && path !== '/other');
    assert.equal(attributes['dataref'], undefined);
    if (attributes.id === 'large') assert.ok(got!.bytes.equals(Buffer.from(data)), path);
  }
  const large = target.received.filter(({ body }) => body.length > MIB).map(({ path }) => path);
  assert.deepEqual([...new Set(large)].sort(), ['/all', '/red']);

  const [name] = readdirSync(join(cli.dir, 'large'));
  assert.equal(statSync(join(cli.dir, 'large', name!)).size, data.length);
  const tail = await cli.run(['tail', '--json', '--last', '10', ...config]);
  const [event] = tail.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.ok(String(event!['dataref']).endsWith(`/large/${name}`) && !('data' in event!));

  cli.write('event.json', event);
  const explained = await cli.run(['explain', '--event', 'event.json', '--rule', 'red', ...config]);
  assert.match(explained.err, /the event's data is not here/);
  assert.match(dev.out(), /com\.shop\.upload large → red: delivered/);
});

test('dev: data that is not in the store ends in a failure that says so, and is delivered when it is there', async (t) => {
  const target = await startHttp((_request, response) => void response.writeHead(204).end());
  t.after(() => target.close());
  const cli = cliScene(t);
  const rules = ['red', 'blue'].map((color) => ({ name: color, when: { data: { color: [color] } } }));
  cli.write('router.json', documentFor(target.url, rules));
  const dev = await cli.dev(config);
  // As anybody may write it: a reference into the store, to what nobody put there.
  const data = jsonData(Buffer.from('{"color":"red"}'));
  const { name } = objectOf(data);
  const prefix = uriPrefixOf({ path: 'large' }, cli.dir);
  assert.equal(await post(dev, 'lost', 'null', { dataref: prefix + name }), 202);
  await dev.says(/red: FAILED .*is not in the folder/);
  await dev.says(/blue: FAILED .*is not in the folder/);
  await dev.stop();

  const list = await cli.run(['failures', '--json', ...config]);
  const failed = list.out.trimEnd().split('\n');
  for (const line of failed) {
    const { code, event } = JSON.parse(line) as { code: string; event: Record<string, unknown> };
    assert.deepEqual([code, event['dataref'], 'data' in event], ['DATA_GONE', prefix + name, false]);
  }
  const still = await cli.run(['redrive', '--all', ...config]);
  assert.deepEqual([failed.length, still.code], [2, 1]);
  assert.match(still.out, /failed again: .*DATA_GONE/);

  cli.write(join('large', name), data.bytes.toString());
  const again = await cli.run(['redrive', '--all', ...config]);
  assert.equal(again.code, 0, again.err);
  assert.match(again.out, /red: delivered/);
  assert.match(again.out, /blue: the rule does not take the event/);
  assert.deepEqual(
    target.received.map(({ path, body }) => [path, decodeStructured(body).data!.bytes.toString()]),
    [['/red', '{"color":"red"}']],
  );
  assert.equal((await cli.run(['failures', '--json', ...config])).out, '');
});

test('dev: without a store an event over the limit is refused with the limit', async (t) => {
  const cli = cliScene(t);
  cli.write('router.json', { sources: { shop: { use: 'cloudevents', open: true } } });
  const dev = await startLarge(cli);
  assert.equal(await post(dev, 'large', `"${'x'.repeat(2 * MIB)}"`), 413);
  await dev.says(/refused with 413: .*at most \d+ are carried/);
});
