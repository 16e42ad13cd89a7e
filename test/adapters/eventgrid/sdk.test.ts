// The real SDKs on the fake, so that it is known to speak their protocol; what they do to events, which is why the adapter
// speaks HTTP itself; and that what the adapter sends otherwise is what they send.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AzureKeyCredential,
  AzureSASCredential,
  EventGridPublisherClient,
  generateSharedAccessSignature,
} from '@azure/eventgrid';
import {
  EventGridReceiverClient,
  EventGridSenderClient,
  AzureKeyCredential as NamespaceKey,
} from '@azure/eventgrid-namespaces';
import { openAccess } from '../../../adapters/eventgrid/access.ts';
import { openHttp } from '../../../adapters/eventgrid/http.ts';
import { toEventGridOptions } from '../../../adapters/eventgrid/options.ts';
import { createSettler, type Settlement } from '../../../adapters/eventgrid/settle.ts';
import type { Seen } from '../../fakes/eventgrid.ts';
import { scaledClock } from '../../fakes/eventgrid-clock.ts';
import { key, orderEvent, withEventGrid } from './scene.ts';

/** A new object each time: the clients write into it. */
const once = () => ({ retryOptions: { maxRetries: 0 }, allowInsecureConnection: true });
const sent = { id: 'a', source: '/s', type: 't', data: { n: 1 }, extensionAttributes: { tenant: 'x' } };

test('sdk: the publisher of custom topics publishes to the fake by key and by signature, and a wrong key is refused', () =>
  withEventGrid({}, async ({ fake }) => {
    const endpoint = fake.endpointOf('custom');
    const credential = new AzureKeyCredential(key);
    const sas = new AzureSASCredential(
      await generateSharedAccessSignature(endpoint, credential, new Date(Date.now() + 60_000)),
    );
    const wrong = new AzureKeyCredential(Buffer.from('other').toString('base64'));

    await new EventGridPublisherClient(endpoint, 'CloudEvent', credential, once()).send([sent, { ...sent, id: 'b' }]);
    await new EventGridPublisherClient(endpoint, 'CloudEvent', sas, once()).send([{ ...sent, id: 'c' }]);

    assert.equal(fake.published('custom').length, 3);
    await assert.rejects(new EventGridPublisherClient(endpoint, 'CloudEvent', wrong, once()).send([sent]), {
      statusCode: 401,
    });
    await assert.rejects(
      new EventGridPublisherClient(fake.endpointOf('missing'), 'CloudEvent', credential, once()).send([sent]),
      { statusCode: 404 },
    );
  }));

test('sdk: it adds a time and a content type to events and alters their data, so it is passed by', () =>
  withEventGrid({}, async ({ fake }) => {
    const data = JSON.parse('{"n":9007199254740993,"d":1.10}') as object;
    const client = new EventGridPublisherClient(
      fake.endpointOf('custom'),
      'CloudEvent',
      new AzureKeyCredential(key),
      once(),
    );

    await client.send([{ id: 'a', source: '/s', type: 't', data }]);

    const stored = JSON.parse(fake.published('custom')[0]!.text) as Record<string, unknown>;
    assert.ok(typeof stored['time'] === 'string' && stored['datacontenttype'] === 'application/json');
    assert.ok(fake.published('custom')[0]!.text.includes('"data":{"n":9007199254740992,"d":1.1}'));
  }));

test('sdk: the clients of namespaces send, receive and settle on the fake, and drop extension attributes both ways', () =>
  withEventGrid({ clock: scaledClock(50) }, async ({ fake, namespace, open }) => {
    await fake.subscribe('orders', 'mine');
    const credential = new NamespaceKey(key);
    const sender = new EventGridSenderClient(fake.url, credential, 'orders', once());
    const receiver = new EventGridReceiverClient(fake.url, credential, 'orders', 'mine', once());

    await sender.sendEvents([sent, { ...sent, id: 'b' }]);
    await (await open(namespace())).publish([orderEvent('c', { tenant: 'x' })], new AbortController().signal);
    const { details } = await receiver.receiveEvents({ maxEvents: 10, maxWaitTime: 10 });
    const [a, b, c] = details.map(({ brokerProperties }) => brokerProperties.lockToken);

    assert.deepEqual(
      details.map(({ event }) => [event.id, (event as { tenant?: unknown }).tenant]),
      [
        ['a', undefined],
        ['b', undefined],
        ['c', undefined],
      ],
    );
    assert.ok(!fake.published('orders')[0]!.text.includes('tenant'));
    assert.deepEqual((await receiver.renewEventLocks([a!, 'unknown'])).succeededLockTokens, [a]);
    assert.deepEqual((await receiver.acknowledgeEvents([a!])).succeededLockTokens, [a]);
    assert.deepEqual((await receiver.releaseEvents([b!], { releaseDelay: '10' })).succeededLockTokens, [b]);
    assert.deepEqual((await receiver.rejectEvents([c!, a!])).failedLockTokens.length, 1);
    const again = await receiver.receiveEvents({ maxEvents: 10, maxWaitTime: 20 });
    assert.deepEqual(
      again.details.map(({ event, brokerProperties: { deliveryCount } }) => [event.id, deliveryCount]),
      [['b', 2]],
    );
    assert.equal(fake.queue('orders', 'mine').deadLetters.length, 1);
    await assert.rejects(receiver.releaseEvents([b!], { releaseDelay: '7' }), { statusCode: 400 });
  }));

/** What of a request the service looks at. */
function essence({ method, url, headers, body }: Seen): object {
  const { pathname, searchParams } = new URL(url, 'http://x');
  const type = String(headers['content-type']).replace(/; charset=UTF-8$/i, '');
  const query = Object.fromEntries([...searchParams].sort());
  return {
    method,
    pathname,
    query,
    type,
    login: headers['authorization'],
    body: JSON.parse(body.toString('utf8')) as unknown,
  };
}

test('sdk: the adapter settles by the very requests that the SDK sends', () =>
  withEventGrid({}, async ({ fake, namespace }) => {
    await fake.subscribe('orders', 'mine');
    const receiver = new EventGridReceiverClient(fake.url, new NamespaceKey(key), 'orders', 'mine', once());
    const options = toEventGridOptions(namespace() as Record<string, unknown>);
    const settler = createSettler({
      post: openHttp(new URL(fake.url), openAccess(options, { env: () => key, now: Date.now }), Date.now).post,
      operation: (name) => new URL(`${fake.url}/topics/orders/eventsubscriptions/mine:${name}?api-version=2024-06-01`),
      what: 'it',
      onWarning: () => undefined,
      signal: new AbortController().signal,
      cut: new AbortController().signal,
    });
    const pairs: readonly (readonly [Settlement, () => Promise<unknown>])[] = [
      [{ kind: 'acknowledge' }, () => receiver.acknowledgeEvents(['t'])],
      [{ kind: 'release', delaySeconds: 60 }, () => receiver.releaseEvents(['t'], { releaseDelay: '60' })],
    ];
    for (const [settlement, bySdk] of pairs) {
      await bySdk();
      await settler.settle('t', settlement);
      const [theirs, ours] = fake.requests.slice(-2);
      assert.deepEqual(essence(ours!), essence(theirs!));
    }
    await receiver.renewEventLocks(['t']);
    await settler.renew(['t']);
    const [theirs, ours] = fake.requests.slice(-2);
    assert.deepEqual(essence(ours!), essence(theirs!));
  }));

test('sdk: the adapter publishes by the request that the SDK sends, but for the events themselves', () =>
  withEventGrid({}, async ({ fake, topic, namespace, open }) => {
    const credential = new AzureKeyCredential(key);
    await new EventGridPublisherClient(fake.endpointOf('custom'), 'CloudEvent', credential, once()).send([sent]);
    await (await open(topic())).publish([orderEvent('a')], new AbortController().signal);
    await new EventGridSenderClient(fake.url, new NamespaceKey(key), 'orders', once()).sendEvents([sent]);
    await (await open(namespace())).publish([orderEvent('a')], new AbortController().signal);

    const seen = fake.requests.map(({ method, url, headers }) => [
      method,
      url,
      String(headers['content-type']).toLowerCase(),
      headers['aeg-sas-key'] ?? headers['authorization'],
    ]);
    assert.deepEqual(seen[1], seen[0]);
    assert.deepEqual(seen[3], seen[2]);
  }));
