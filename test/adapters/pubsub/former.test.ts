// Subscriptions that earlier filters of a rule left behind: drained by the rule as it is now, delivered once where both bring
// an event, told when they are empty, and quietly let go when somebody deletes them.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Adapter, Routed } from '../../../adapters/adapter.ts';
import { open } from '../../../adapters/pubsub/adapter.ts';
import { subscriptionName, subscriptionPath } from '../../../adapters/pubsub/definitions.ts';
import { ids, made, publishAll, record, subscribe, until } from '../../contract/adapter-harness.ts';
import { type PubSubFake, startPubSubFake } from '../../fakes/pubsub.ts';
import { openScene, PROJECT, pattern, type Scene } from './scene.ts';

const WAIT_MS = 8_000;
const closers: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const close of closers.reverse()) await close();
});

const old = { name: 'r', when: pattern({ type: ['contract.a', 'contract.b'] }) };
const now = { name: 'r', when: pattern({ type: [{ prefix: 'contract.' }] }) };

interface Opened {
  readonly fake: PubSubFake;
  readonly scene: Scene;
  readonly former: string;
  readonly adapter: Adapter<string>;
  rules: readonly Routed[];
}

/** An emulator with the subscriptions of `there`, whose empty pulls end soon; a clock of ours that runs faster. */
async function openOn(there: readonly Routed[], speed = 1): Promise<Opened> {
  const fake = await startPubSubFake({ secondMs: 10 });
  const scene = await openScene({ address: fake.address, rules: there });
  const former = subscriptionPath(PROJECT, subscriptionName(scene.options, old));
  const begun = Date.now();
  const adapter = await open(
    { ...scene.options },
    {
      dataDir: '',
      now: () => begun + (Date.now() - begun) * speed,
      env: (name) => (name === 'PUBSUB_EMULATOR_HOST' ? fake.address : undefined),
      onWarning: (text) => void scene.warnings.push(text),
      rules: () => opened.rules,
    },
  );
  const opened: Opened = { fake, scene, former, adapter, rules: [{ ...now, formerly: [former] }] };
  closers.push(fake.close, scene.close, () => adapter.close());
  return opened;
}

test('pubsub former: what is left in an old subscription is delivered, and what both bring once', async () => {
  const { adapter, fake, former } = await openOn([old, now]);
  await publishAll(adapter, [made('a', { type: 'contract.a' }), made('b', { type: 'contract.c' })]);
  const recorder = record({ r: {} });
  const running = subscribe(adapter, recorder);
  await publishAll(adapter, [made('c', { type: 'contract.b' })]);

  await until(() => recorder.acked('r').length >= 3, 'all are delivered', WAIT_MS);
  await until(() => fake.broker.getSubscription(former).queue.size === 0, 'the old one is empty', WAIT_MS);
  await running.stop();

  assert.deepEqual(ids(recorder.calls.map(({ event }) => event)).sort(), ['a', 'b', 'c']);
});

test('pubsub former: an old subscription alone is read while the new one is missing', async () => {
  const { adapter, scene } = await openOn([old]);
  const recorder = record({ r: {} });
  const running = subscribe(adapter, recorder);
  await publishAll(adapter, [made('a', { type: 'contract.a' })]);

  await until(() => recorder.acked('r').includes('a'), 'it is delivered', WAIT_MS);
  await until(() => scene.warnings.some((text) => /does not exist/.test(text)), 'the new one is missed', WAIT_MS);
  await running.stop();
});

test('pubsub former: it is told once that it is drained, when the new one exists', async () => {
  // Ten quiet seconds of this clock are a quarter of one.
  const { adapter, scene, former } = await openOn([old, now], 40);
  const running = subscribe(adapter, record({ r: {} }));
  const told = (): readonly string[] => scene.warnings.filter((text) => /is drained; delete it/.test(text));

  await until(() => told().length > 0, 'it is told', WAIT_MS);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await running.stop();

  assert.deepEqual(told(), [`pubsub: subscription '${former}' of an earlier filter is drained; delete it`]);
});

test('pubsub former: one that is gone is let go without a word, and is read again when its filter comes back', async () => {
  const opened = await openOn([now]);
  const { adapter, scene, fake, former } = opened;
  const recorder = record({ r: {} });
  const running = subscribe(adapter, recorder);
  await until(() => (fake.faults.calls.get('Pull') ?? 0) >= 5, 'both were asked', WAIT_MS);
  assert.deepEqual(scene.warnings, []);

  const { topic } = scene;
  fake.broker.createSubscription({
    name: former,
    topic,
    filter: '',
    ackDeadlineSeconds: 10,
    enableMessageOrdering: false,
  });
  opened.rules = [old];
  await publishAll(adapter, [made('a', { type: 'contract.a' })]);
  await until(() => fake.broker.getSubscription(former).queue.size === 0, 'it is read', WAIT_MS);
  await running.stop();
});
