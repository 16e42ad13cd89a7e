// Publishing to Event Grid: what a refused batch becomes, what is told when nobody knows, and who may.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { AzureKeyCredential, generateSharedAccessSignature } from '@azure/eventgrid';
import type { PublishResult } from '../../../adapters/adapter.ts';
import { busDefaults, createBus } from '../../../adapters/bus.ts';
import { RouterError } from '../../../router/errors.ts';
import { jsonData } from '../../../router/event.ts';
import { idsOf, key, orderEvent, orderEvents, type Scene, withEventGrid } from './scene.ts';

const idle = new AbortController().signal;
const codes = (results: readonly PublishResult[]) => results.map((result) => (result.ok ? 'ok' : result.code));

async function rejection(work: Promise<unknown>): Promise<RouterError> {
  const thrown = await work.then(
    () => assert.fail('it did not reject'),
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof RouterError);
  return thrown;
}

/** Refuses events whose data says so, as a service may that finds fault where the specification finds none. */
function dislikes(event: unknown): string | undefined {
  return (event as { data?: { bad?: unknown } }).data?.bad === true ? 'data' : undefined;
}

test('eventgrid: one event the service refuses fails alone among a hundred, and each other is stored once', () =>
  withEventGrid({ dislikes }, async ({ fake, topic, open }) => {
    const events = orderEvents(100).map((event, i) => (i === 37 ? orderEvent('bad', {}, { bad: true }) : event));
    const adapter = await open(topic());

    const results = await adapter.publish(events, idle);

    assert.equal(results.filter(({ ok }) => ok).length, 99);
    assert.deepEqual(codes(results)[37], 'NOT_CARRIABLE');
    assert.equal(new Set(idsOf(fake.published('custom'))).size, 99);
    assert.equal(fake.published('custom').length, 99);
    // 1 + 2 for each time the batch is halved.
    assert.ok(fake.requests.length <= 15, `${fake.requests.length} requests`);
  }));

test('eventgrid: every set of poisoned events in a batch of six fails alone, and nothing is sent twice', () =>
  withEventGrid({ dislikes }, async ({ fake, topic, open }) => {
    const adapter = await open(topic());
    for (let bad = 1; bad < 2 ** 6; bad++) {
      const before = fake.published('custom').length;
      const isBad = (i: number): boolean => (bad & (1 << i)) !== 0;
      const events = Array.from({ length: 6 }, (_, i) => orderEvent(`${bad} ${i}`, {}, { bad: isBad(i) }));

      const results = await adapter.publish(events, idle);

      assert.deepEqual(
        codes(results),
        events.map((_, i) => (isBad(i) ? 'NOT_CARRIABLE' : 'ok')),
      );
      const due = events.filter((_, i) => !isBad(i)).map(({ attributes }) => attributes.id);
      assert.deepEqual(idsOf(fake.published('custom').slice(before)), due);
    }
  }));

test('eventgrid: a service that takes less than documented gets smaller requests, and what is too large fails alone', () =>
  withEventGrid({ requestBytes: 2_000 }, async ({ fake, namespace, open }) => {
    const large = orderEvent('large', {}, 'x'.repeat(3_000));
    const adapter = await open(namespace());

    const results = await adapter.publish([...orderEvents(40), large], idle);

    assert.deepEqual(codes(results), [...Array(40).fill('ok'), 'EVENT_TOO_LARGE']);
    assert.equal(fake.published('orders').length, 40);
  }));

test('eventgrid: a topic that refuses everything is not asked for each event', () =>
  withEventGrid({ dislikes: () => 'all' }, async ({ fake, topic, open }) => {
    const results = await (await open(topic())).publish(orderEvents(1_000), idle);

    assert.equal(results.length, 1_000);
    assert.ok(fake.requests.length <= 256, `${fake.requests.length} requests`);
    const left = results.filter((result) => !result.ok && result.code === 'BUS_UNAVAILABLE');
    assert.ok(left.length > 0 && left.every((result) => !result.ok && result.retryable), 'they may be tried again');
  }));

test('eventgrid: data goes out as the bytes that came, with all attributes', () =>
  withEventGrid({}, async ({ fake, topic, open }) => {
    const text = '{"n":9007199254740993,"n":1.10,"e":1e999}';
    const { attributes } = orderEvent('exact', { flag: true, count: 5, partitionkey: 'k' });
    const adapter = await open(topic());

    await adapter.publish([{ attributes, data: { kind: 'json', bytes: Buffer.from(text) } }], idle);

    const [stored] = fake.published('custom');
    assert.ok(stored!.text.endsWith(`"data":${text}}`), stored!.text);
    const [request] = fake.requests;
    assert.equal(request!.headers['content-type'], 'application/cloudevents-batch+json; charset=utf-8');
    assert.equal(request!.url, '/custom/api/events?api-version=2018-01-01');
  }));

test('eventgrid: throttling carries the hint of the service, in seconds or as a date', () =>
  withEventGrid({}, async ({ fake, topic, open }) => {
    const adapter = await open(topic(), { now: () => Date.UTC(2026, 0, 1) });
    fake.faults.push(
      { status: 429, headers: { 'retry-after': '7' } },
      { status: 429, headers: { 'retry-after': 'Thu, 01 Jan 2026 00:00:09 GMT' } },
      { status: 429 },
      { status: 503, headers: { 'retry-after': '3' } },
    );

    const hints = [];
    for (let i = 0; i < 4; i++) hints.push((await adapter.publish([orderEvent('a')], idle))[0]);

    assert.deepEqual(
      hints.map((hint) => hint?.ok === false && [hint.code, hint.retryable, hint.retryAfterMs]),
      [
        ['THROTTLED', true, 7_000],
        ['THROTTLED', true, 9_000],
        ['THROTTLED', true, 1_000],
        ['BUS_UNAVAILABLE', true, 3_000],
      ],
    );
  }));

test('eventgrid: a lost answer is an unknown outcome, and is not sent again by the adapter', () =>
  withEventGrid({}, async ({ fake, topic, open }) => {
    const adapter = await open(topic());
    fake.faults.push({ how: 'lost' });

    const error = await rejection(adapter.publish([orderEvent('a')], idle));

    assert.equal(error.code, 'BUS_UNAVAILABLE');
    assert.deepEqual(idsOf(fake.published('custom')), ['a']);
  }));

test('eventgrid: when a part was taken before the connection broke, each event has its own result', () =>
  withEventGrid({}, async ({ fake, topic, open }) => {
    const adapter = await open(topic());
    // The whole batch, its first half, its second half.
    fake.faults.push({ status: 400 }, { how: 'pass' }, { how: 'reset' });

    const results = await adapter.publish(orderEvents(4), idle);

    assert.deepEqual(codes(results), ['ok', 'ok', 'BUS_UNAVAILABLE', 'BUS_UNAVAILABLE']);
    assert.deepEqual(idsOf(fake.published('custom')), ['e0', 'e1']);
  }));

test('eventgrid: through the bus, seeded faults lose no event', () =>
  withEventGrid({ chaos: { seed: 7, percent: 30 } }, async ({ fake, topic, open }) => {
    const bus = createBus(await open(topic()), { ...busDefaults, deadlineMs: 60_000, now: Date.now });
    const events = orderEvents(60);

    const results = [];
    for (let at = 0; at < events.length; at += 4) results.push(...(await bus.publish(events.slice(at, at + 4))));

    assert.deepEqual(codes(results), Array(60).fill('ok'));
    assert.equal(new Set(idsOf(fake.published('custom'))).size, 60);
    assert.ok(fake.witnessed.length >= 3, `${fake.witnessed.length} faults`);
  }));

test('eventgrid: the start-up check publishes nothing, and tells a wrong key and a missing topic', () =>
  withEventGrid({}, async ({ fake, topic, namespace, open }) => {
    const wrong = { env: () => Buffer.from('another key').toString('base64') };
    for (const options of [topic(), namespace()]) {
      await (await open(options)).check(idle);
      assert.equal((await rejection((await open(options, wrong)).check(idle))).code, 'UNAUTHORIZED');
    }
    const missing = await open({ ...topic(), endpoint: fake.endpointOf('missing') });

    assert.equal((await rejection(missing.check(idle))).code, 'NOT_FOUND');
    assert.equal(fake.published('custom').length + fake.published('orders').length, 0);
    fake.faults.push({ status: 200 });
    await (await open(topic())).check(idle);
  }));

test('eventgrid: a redirect is not followed, so the key goes nowhere else', async () => {
  const visited: string[] = [];
  const server = createServer((request, response) => {
    visited.push(request.url ?? '');
    response.writeHead(307, { location: '/elsewhere' }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await withEventGrid({}, async ({ topic, open }) => {
      const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const adapter = await open({ ...topic(), endpoint });

      assert.deepEqual(codes(await adapter.publish([orderEvent('a')], idle)), ['NOT_FOUND']);
      assert.deepEqual(visited, ['/api/events?api-version=2018-01-01']);
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('eventgrid: a page of something else that answers 200 is no event taken, and fails the start-up check', async () => {
  const elsewhere = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(200).end(' <html>sign in</html>'));
  });
  elsewhere.listen(0, '127.0.0.1');
  await once(elsewhere, 'listening');
  try {
    await withEventGrid({}, async ({ topic, open }) => {
      const endpoint = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
      for (const options of [
        { ...topic(), endpoint },
        { ...topic(), endpoint, topic: 'orders' },
      ]) {
        const adapter = await open(options);
        assert.equal((await rejection(adapter.check(idle))).code, 'BUS_UNAVAILABLE');
        assert.equal((await rejection(adapter.publish([orderEvent('a')], idle))).code, 'BUS_UNAVAILABLE');
      }
    });
  } finally {
    elsewhere.closeAllConnections();
    elsewhere.close();
  }
});

test('eventgrid: an event that breaks what filterable promises is refused before it is sent', () =>
  withEventGrid({}, async ({ fake, topic, namespace, open }) => {
    const filterable = ['data.order.total', 'data.tags'];
    const bodies: readonly (readonly [unknown, topic: string, namespace: string])[] = [
      [{ order: { total: 5 }, tags: 'a' }, 'ok', 'ok'],
      [{ order: null }, 'ok', 'ok'],
      [[1, 2], 'NOT_CARRIABLE', 'NOT_CARRIABLE'],
      [{ order: [{ total: 5 }] }, 'NOT_CARRIABLE', 'NOT_CARRIABLE'],
      [{ tags: ['a', 'b'] }, 'ok', 'NOT_CARRIABLE'],
      [{ tags: ['a', { b: 1 }] }, 'NOT_CARRIABLE', 'NOT_CARRIABLE'],
      [{ tags: [['a']] }, 'NOT_CARRIABLE', 'NOT_CARRIABLE'],
      [{ 'order.total': 5 }, 'NOT_CARRIABLE', 'NOT_CARRIABLE'],
      [{ order: { total: 1, Total: 2 } }, 'NOT_CARRIABLE', 'NOT_CARRIABLE'],
      [{ order: { total: 1e30 } }, 'NOT_CARRIABLE', 'NOT_CARRIABLE'],
      [{ other: [{ a: 1 }] }, 'ok', 'ok'],
    ];
    const twice = { ...orderEvent('twice'), data: jsonData(Buffer.from('{"tags":"a","tags":"b"}')) };
    const events = bodies.map(([body], i) => orderEvent(`e${i}`, {}, body));

    assert.deepEqual(codes(await (await open({ ...topic(), filterable })).publish([twice], idle)), ['NOT_CARRIABLE']);
    const onTopic = await (await open({ ...topic(), filterable })).publish(events, idle);
    const onNamespace = await (await open({ ...namespace(), filterable })).publish(events, idle);

    assert.deepEqual(
      codes(onTopic),
      bodies.map(([, due]) => due),
    );
    assert.deepEqual(
      codes(onNamespace),
      bodies.map(([, , due]) => due),
    );
    assert.equal(fake.requests.length, 2);
  }));

async function publishedWith({ fake, open }: Scene, options: object, env: Readonly<Record<string, string>>) {
  const adapter = await open(options, { env: (name) => env[name] });
  const [result] = await adapter.publish([orderEvent(`e${fake.requests.length}`)], idle);
  return result;
}

test('eventgrid: a shared access signature opens both tiers', () =>
  withEventGrid({}, async (scene) => {
    const { fake } = scene;
    const credential = new AzureKeyCredential(key);
    const custom = await generateSharedAccessSignature(
      fake.endpointOf('custom'),
      credential,
      new Date(Date.now() + 60_000),
    );
    const space = await generateSharedAccessSignature(
      `${fake.url}/topics/orders`,
      credential,
      new Date(Date.now() + 60_000),
    );

    const onTopic = { endpoint: fake.endpointOf('custom'), sas: 'SAS' };
    const onNamespace = { endpoint: fake.url, topic: 'orders', sas: 'SAS' };

    assert.deepEqual(await publishedWith(scene, onTopic, { SAS: custom }), { ok: true });
    assert.deepEqual(await publishedWith(scene, onNamespace, { SAS: space }), { ok: true });
    assert.equal((await publishedWith(scene, onNamespace, { SAS: custom }))?.ok, false);
    assert.equal(fake.requests[0]!.headers['aeg-sas-token'], custom);
    assert.equal(fake.requests[1]!.headers['authorization'], `SharedAccessSignature ${space}`);
  }));

test("eventgrid: a token of the host's managed identity is got once, and again when it is refused", () =>
  withEventGrid({ disableLocalAuth: true }, async ({ fake, open }) => {
    const env: Record<string, string> = {
      IDENTITY_ENDPOINT: `${fake.url}/msi/token`,
      IDENTITY_HEADER: fake.identity.header,
    };
    const options = { endpoint: fake.endpointOf('custom'), entra: true };
    const adapter = await open(options, { env: (name) => env[name] });

    const first = await Promise.all([1, 2, 3].map((i) => adapter.publish([orderEvent(`a${i}`)], idle)));
    fake.identity.revoke();
    const refused = await adapter.publish([orderEvent('b')], idle);
    const renewed = await adapter.publish([orderEvent('c')], idle);

    assert.deepEqual(first.flatMap(codes), ['ok', 'ok', 'ok']);
    assert.deepEqual(
      refused.map((result) => !result.ok && [result.code, result.retryable]),
      [['UNAUTHORIZED', true]],
    );
    assert.deepEqual(codes(renewed), ['ok']);
    assert.equal(fake.identity.issued(), 2);
  }));

test('eventgrid: on a virtual machine the token comes from its metadata service', () =>
  withEventGrid({ disableLocalAuth: true }, async ({ fake, open }) => {
    const options = { endpoint: fake.url, topic: 'orders', entra: true };
    const env: Record<string, string> = { AZURE_POD_IDENTITY_AUTHORITY_HOST: fake.url };
    const adapter = await open(options, { env: (name) => env[name] });

    assert.deepEqual(codes(await adapter.publish([orderEvent('a')], idle)), ['ok']);
  }));

test('eventgrid: logins that cannot work are refused when the bus is opened, without showing them', () =>
  withEventGrid({}, async ({ fake, open }) => {
    const endpoint = fake.endpointOf('custom');
    const ended = await generateSharedAccessSignature(endpoint, new AzureKeyCredential(key), new Date(2020, 0, 1));
    const secrets: Record<string, string> = { KEY: key, LINES: 'secret-x\r\nx: y', SAS: 'secret-y', ENDED: ended };
    const refusals: readonly (readonly [object, string])[] = [
      [{ key: 'KEY', entra: true }, 'CONFIG_INVALID'],
      [{}, 'CONFIG_INVALID'],
      [{ key: 'NOT_SET' }, 'SECRET_MISSING'],
      [{ key: 'LINES' }, 'SECRET_INVALID'],
      [{ sas: 'SAS' }, 'SECRET_INVALID'],
      [{ sas: 'ENDED' }, 'SECRET_INVALID'],
      [{ key: 'KEY', endpoint: 'ftp://x' }, 'CONFIG_INVALID'],
      [{ key: 'KEY', endpoint: undefined }, 'CONFIG_INVALID'],
    ];
    for (const [options, code] of refusals) {
      const error = await rejection(open({ endpoint, ...options }, { env: (name) => secrets[name] }));

      assert.equal(error.code, code, JSON.stringify(options));
      for (const secret of [key, 'secret-x', 'secret-y', ended]) assert.ok(!error.message.includes(secret));
    }
  }));

test('eventgrid: endpoint and key may stand in the environment alone', () =>
  withEventGrid({}, async ({ fake, open }) => {
    const env: Record<string, string> = { EVENTGRID_ENDPOINT: fake.endpointOf('custom'), EVENTGRID_KEY: key };
    const adapter = await open({}, { env: (name) => env[name] });

    assert.deepEqual(codes(await adapter.publish([orderEvent('a')], idle)), ['ok']);
  }));

test('eventgrid: a login over plain http to another machine is warned of', () =>
  withEventGrid({}, async ({ warnings, open, topic }) => {
    await open({ ...topic(), endpoint: 'http://eventgrid.internal' });
    await open(topic());

    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /in the clear/);
  }));
