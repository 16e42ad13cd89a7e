// The same events, small and oversized, through every bus with a store: the same deliveries, and every target gets every event
// whole, byte for byte.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { open as openEmbedded } from '../../../adapters/embedded/adapter.ts';
import { open as openEventBridge } from '../../../adapters/eventbridge/adapter.ts';
import { open as openEventGrid } from '../../../adapters/eventgrid/adapter.ts';
import { subscriptionName } from '../../../adapters/eventgrid/filter.ts';
import { open as openKafka } from '../../../adapters/kafka/adapter.ts';
import { open as openPubSub } from '../../../adapters/pubsub/adapter.ts';
import { createConnection } from '../../../adapters/pubsub/client.ts';
import { definitions } from '../../../adapters/pubsub/definitions.ts';
import { ensureOnEmulator } from '../../../adapters/pubsub/ensure.ts';
import { readEndpoint, toPubSubOptions } from '../../../adapters/pubsub/options.ts';
import { createDeliver } from '../../../functions/deliver.ts';
import type { CloudEvent } from '../../../router/event.ts';
import { startEventBridge } from '../../fakes/eventbridge.ts';
import { startEventGrid } from '../../fakes/eventgrid.ts';
import { startPubSubFake } from '../../fakes/pubsub.ts';
import { sameEvent } from '../../harness/events.ts';
import { kafkaSkip, sharedKafka, topicSet } from '../../harness/kafka.ts';
import { due, events, LIMIT, lightOnes, openScene, rules, type Scene, type StoreKind } from './scene.ts';

const BUS = 'orders';

async function scene(t: TestContext, kind: StoreKind, env: Readonly<Record<string, string>> = {}): Promise<Scene> {
  const opened = await openScene(kind, env);
  t.after(() => opened.close());
  return opened;
}

/** At least once, and each time the very event. */
function assertDelivered({ router }: Scene): void {
  for (const { name } of rules) {
    const wanted = due.get(name)!;
    const got = router.got.get(name)!;
    const idsOf = (list: readonly CloudEvent[]): string[] =>
      [...new Set(list.map(({ attributes }) => attributes.id))].sort();
    assert.deepEqual(idsOf(got), idsOf(wanted), name);
    for (const event of got) {
      const original = events.find(({ attributes }) => attributes.id === event.attributes.id)!;
      assert.ok(sameEvent(event, original), `${name}: ${event.attributes.id} is altered`);
    }
  }
  assert.deepEqual(router.failures, []);
}

/** The events over the limit went without their data, the others with it, and each object was stored once. */
function assertTravelled({ oversize, objects }: Scene, sent: readonly CloudEvent[]): void {
  const light = lightOnes(sent, oversize);
  assert.equal(sent.length, events.length);
  assert.ok(light.length >= 10 && light.length <= 30, `${light.length} are light`);
  assert.equal(new Set(objects()).size, new Set(light.map(({ attributes }) => attributes['dataref'])).size);
  for (const { attributes, data } of sent) {
    assert.ok((data?.bytes.length ?? 0) <= LIMIT, attributes.id);
    const original = events.find((one) => one.attributes.id === attributes.id)!;
    if (original.data!.bytes.length > LIMIT) assert.ok(data === undefined, attributes.id);
  }
}

test('oversize on embedded: the same deliveries, whole', async (t) => {
  const opened = await scene(t, 'folder');
  const sent = await opened.run(await openEmbedded({}, opened.parts));
  assertTravelled(opened, sent);
  assertDelivered(opened);
  const ordered = opened.router.got.get('ordered')!;
  for (const key of ['k0', 'k1', 'k2']) {
    const ofKey = (list: readonly CloudEvent[]): string[] =>
      list.filter(({ attributes }) => attributes['partitionkey'] === key).map(({ attributes }) => attributes.id);
    assert.deepEqual(ofKey(ordered), ofKey(due.get('ordered')!), 'in order per key');
  }
});

test('oversize on kafka: the same deliveries, whole', { skip: await kafkaSkip() }, async (t) => {
  const kafka = await sharedKafka();
  assert.ok(kafka.ok);
  const opened = await scene(t, 'folder');
  const topics = await topicSet(kafka, 3);
  t.after(() => topics.close());
  const sent = await opened.run(await openKafka({ ...topics.options }, opened.parts));
  assertTravelled(opened, sent);
  assertDelivered(opened);
});

test('oversize on eventbridge: the same deliveries, whole', async (t) => {
  const fake = await startEventBridge({ buses: [BUS] });
  t.after(() => fake.close());
  const opened = await scene(t, 's3', {
    AWS_ACCESS_KEY_ID: fake.keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: fake.keys.secretAccessKey,
    AWS_ENDPOINT_URL: fake.endpoint,
    AWS_REGION: fake.keys.region,
    ...(fake.keys.sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: fake.keys.sessionToken }),
    BUSWAY_QUEUES: JSON.stringify(Object.fromEntries(rules.map(({ name }) => [name, name]))),
  });
  const adapter = await openEventBridge({ bus: BUS }, opened.parts);
  t.after(() => adapter.close());
  for (const { name, when } of rules) {
    const { native } = adapter.compile(when);
    const pattern = native === null ? '{"source":[{"prefix":""}]}' : JSON.stringify(native);
    fake.addRule({ bus: BUS, name, pattern, queue: fake.queue(name) });
  }
  const sent = await opened.publish(adapter);
  assertTravelled(opened, sent);

  const deliver = createDeliver(opened.router.consumer);
  for (const { name } of rules) {
    for (const batch of fake.queue(name).pushed()) {
      const outcomes = await deliver(adapter.decode(batch), () => 0, new AbortController().signal);
      assert.ok(outcomes.every(({ outcome }) => outcome.kind === 'ack'));
    }
  }
  assertDelivered(opened);
});

test('oversize on pubsub: the same deliveries, whole, and marks let nothing come in vain', async (t) => {
  const fake = await startPubSubFake();
  t.after(() => fake.close());
  const opened = await scene(t, 's3', { PUBSUB_EMULATOR_HOST: fake.address });
  const options = toPubSubOptions({ project: 'test-project' });
  const endpoint = readEndpoint(fake.address, 'clear')!;
  const connection = createConnection({ project: 'test-project', endpoint });
  const defined = definitions(rules, { project: 'test-project', options });
  await ensureOnEmulator({ connection, endpoint }, defined, AbortSignal.timeout(10_000));
  await connection.close();

  const sent = await opened.run(await openPubSub({ ...options }, opened.parts));

  assertTravelled(opened, sent);
  assertDelivered(opened);
  assert.equal(opened.router.inVain(), 0);
});

test('oversize on eventgrid: the same deliveries, whole', async (t) => {
  const key = Buffer.from('an access key of the tests').toString('base64');
  const fake = await startEventGrid({ keys: [key], namespaceTopics: [BUS] });
  t.after(() => fake.close());
  const opened = await scene(t, 'folder', { THE_KEY: key });
  const adapter = await openEventGrid({ endpoint: fake.url, topic: BUS, key: 'THE_KEY' }, opened.parts);
  for (const { name, when } of rules) {
    const { native } = adapter.compile(when);
    const subscription = subscriptionName('busway', name, native as never);
    await fake.subscribe(BUS, subscription, native === null ? {} : { filter: native as never });
  }

  const sent = await opened.run(adapter);

  assertTravelled(opened, sent);
  assertDelivered(opened);
});
