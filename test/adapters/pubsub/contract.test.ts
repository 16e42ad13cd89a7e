// The Pub/Sub bus through the adapter laws, on the fake service: pulled over gRPC as on an emulator, and pushed with the
// light publisher over REST as in a function.

import { after } from 'node:test';
import { encodeMessage } from '../../../adapters/pubsub/wire.ts';
import type { CloudEvent } from '../../../router/event.ts';
import { adapterSuite } from '../../contract/adapter.ts';
import type { AdapterHarness, BusScene, Special } from '../../contract/adapter-harness.ts';
import { type PubSubFake, startPubSubFake } from '../../fakes/pubsub.ts';
import { parseFilter } from '../../fakes/pubsub-filter.ts';
import { pushRequest } from '../../fakes/pubsub-push.ts';
import { openScene, type SceneOptions } from './scene.ts';

const canary = 'ya29.pubsub-canary-7e41';
const fake = await startPubSubFake({ login: true, accessToken: canary });
after(() => fake.close());

/** What the service would push of all that is in the topic. */
function pushedFrom({ broker, issuer }: PubSubFake, topic: string): readonly unknown[] {
  const { log } = broker.getTopic(topic);
  const spec = {
    name: `${topic.replace('/topics/', '/subscriptions/')}-all`,
    topic,
    filter: '',
    ackDeadlineSeconds: 10,
    enableMessageOrdering: false,
  };
  const subscription = { spec, passes: () => true, queue: undefined as never, waiting: new Set<never>() };
  return log.map((message) => {
    const { body } = pushRequest(subscription, { ackId: 'a', message, attempt: 1 }, issuer, Date.now());
    return JSON.parse(body.toString()) as unknown;
  });
}

async function sceneOf(given: Omit<SceneOptions, 'address'>): Promise<BusScene> {
  const scene = await openScene({ ...given, address: fake.address });
  return {
    adapter: await scene.open(),
    warnings: scene.warnings,
    reopen: () => scene.open(),
    async writeGarbage() {
      const data = Buffer.from('{"specversion":"9"}');
      const attributes = { 'content-type': 'application/cloudevents+json', 'ce-id': 'x', 'ce-type': 'x' };
      fake.broker.publish(scene.topic, [{ data, attributes, orderingKey: '' }], 0);
      return data;
    },
    pushed: async () => pushedFrom(fake, scene.topic),
    cleanup: () => scene.close(),
  };
}

/** On a service of its own, which goes wrong. */
async function specialOf(given: Omit<SceneOptions, 'address'>, prepare: (fake: PubSubFake) => void): Promise<Special> {
  const own = await startPubSubFake({ login: true, accessToken: canary });
  const env = given.rest ? { GCE_METADATA_HOST: own.address } : {};
  const scene = await openScene({ ...given, address: own.address, env });
  prepare(own);
  return {
    adapter: await scene.open(),
    warnings: scene.warnings,
    async cleanup() {
      await scene.close();
      await own.close();
    },
  };
}

/** What each kind of delivery needs besides. */
function harnessOf(given: Omit<SceneOptions, 'address'>): Omit<AdapterHarness, 'delivery'> {
  return {
    canary,
    waitMs: 8_000,
    open: () => sceneOf(given),
    openRules: (rules) =>
      sceneOf({ ...given, rules: rules.map(({ ordered, ...rule }) => (ordered ? { ...rule, order: 'key' } : rule)) }),
    async openMissing() {
      const scene = await openScene({ ...given, address: fake.address });
      const adapter = await scene.open({ options: { topic: 'no-such-topic' } });
      return { adapter, warnings: scene.warnings, cleanup: () => scene.close() };
    },
    openStalled: () => specialOf(given, ({ faults }) => faults.add({ method: 'Publish', answer: 'hang', times: 99 })),
    openThrottled: () =>
      specialOf(given, ({ faults }) =>
        faults.add({ method: 'Publish', answer: 'RESOURCE_EXHAUSTED', retryDelayMs: 1_500 }),
      ),
    nativePasses(native: unknown, event: CloudEvent) {
      const filter = parseFilter(String(native));
      if (!filter.ok) throw new Error(`${native}: ${filter.reason}`);
      return filter.passes(encodeMessage(event).attributes);
    },
  };
}

adapterSuite('pubsub, pulled', { ...harnessOf({}), delivery: 'pull' });

const push = { audience: 'https://deliver.example', serviceAccount: 'pusher@test-project.iam.gserviceaccount.com' };
adapterSuite('pubsub, pushed', {
  ...harnessOf({ rest: true, options: { push }, env: { GCE_METADATA_HOST: fake.address } }),
  delivery: 'push',
  keepsFailures: true,
});
