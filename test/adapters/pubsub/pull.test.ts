// What a pulled subscription does besides the adapter laws, on the fake service: leases that are extended, subscriptions that
// are missing, rules that change, faults by chance, dead letters.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Adapter, Routed } from '../../../adapters/adapter.ts';
import { createAttempts } from '../../../adapters/pubsub/attempts.ts';
import { subscriptionName, subscriptionPath } from '../../../adapters/pubsub/definitions.ts';
import { waitSeconds } from '../../../adapters/pubsub/deliveries.ts';
import type { FailureRecord } from '../../../router/failure.ts';
import {
  ack,
  idle,
  ids,
  made,
  publishAll,
  type RuleScript,
  record,
  retryAfter,
  subscribe,
  until,
} from '../../contract/adapter-harness.ts';
import { type PubSubFake, startPubSubFake } from '../../fakes/pubsub.ts';
import type { Fault, Method } from '../../fakes/pubsub-faults.ts';
import { pstestSkip, startPstest } from '../../fakes/pubsub-pstest.ts';
import { sameEvent } from '../../harness/events.ts';
import { seededRandom } from '../../harness/random.ts';
import { openScene, PROJECT, pattern, type Scene } from './scene.ts';

const closers: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const close of closers.reverse()) await close();
});

const everything = { name: 'r', when: pattern({ source: ['/contract'] }) };

interface Opened {
  readonly fake: PubSubFake;
  readonly scene: Scene;
  readonly adapter: Adapter<string>;
}

async function openOn(
  rules: readonly Routed[],
  fakeOptions: Parameters<typeof startPubSubFake>[0] = {},
): Promise<Opened> {
  const fake = await startPubSubFake(fakeOptions);
  const scene = await openScene({ address: fake.address, rules });
  const adapter = await scene.open();
  closers.push(fake.close, scene.close, () => adapter.close());
  return { fake, scene, adapter };
}

test('pubsub pull: a delivery that takes longer than its lease is extended, and not delivered twice', async () => {
  // The lease is 60 of these seconds, 6 of ours; the first extension comes after 5.
  const { adapter } = await openOn([everything], { secondMs: 100 });
  const slow: RuleScript = {
    deliver: () => new Promise((resolve) => setTimeout(resolve, 9_000, ack)),
  };
  const recorder = record({ r: slow });
  const running = subscribe(adapter, recorder);
  await publishAll(adapter, [made('a')]);
  await until(() => recorder.acked('r').length > 0, 'it ends', 15_000);
  await running.stop();

  assert.deepEqual(recorder.of('r').length, 1);
});

test('pubsub pull: a subscription that is missing is said, holds back no other rule, and is taken up when it is made', async () => {
  const late = { name: 'late', when: pattern({ type: [{ prefix: 'contract' }] }) };
  const { fake, scene, adapter } = await openOn([everything]);
  const opened = await scene.open({ rules: () => [everything, late] });
  closers.push(() => opened.close());
  const recorder = record({ r: {}, late: {} });
  const running = subscribe(opened, recorder);
  await publishAll(adapter, [made('a')]);
  await until(() => recorder.acked('r').length === 1, 'the other rule is delivered to', 5_000);
  await until(() => scene.warnings.some((text) => text.includes("rule 'late'")), 'it is said', 5_000);

  const name = subscriptionPath(PROJECT, subscriptionName(scene.options, late));
  const spec = { topic: scene.topic, filter: '', ackDeadlineSeconds: 10, enableMessageOrdering: false };
  fake.broker.createSubscription({ ...spec, name });
  await publishAll(adapter, [made('b')]);
  await until(() => recorder.acked('late').includes('b'), 'it is taken up', 10_000);
  await running.stop();

  assert.match(scene.warnings.join('\n'), /does not exist; an adapter never creates anything \(NOT_FOUND\)/);
});

test('pubsub pull: rules that come and go while it runs are taken over', async () => {
  const other = { name: 'other', when: pattern({ type: ['x'] }) };
  const { scene } = await openOn([everything, other]);
  let rules: readonly Routed[] = [everything];
  const adapter = await scene.open({ rules: () => rules });
  closers.push(() => adapter.close());
  const recorder = record({ r: {}, other: {} });
  const running = subscribe(adapter, recorder);
  await publishAll(adapter, [made('a', { type: 'x' })]);
  await until(() => recorder.acked('r').length === 1, 'the first rule is delivered to', 5_000);
  assert.equal(recorder.of('other').length, 0);

  rules = [other];
  await until(() => recorder.acked('other').length === 1, 'the other rule is delivered to', 5_000);
  await until(() => scene.warnings.length === 1, 'the old subscription is named', 5_000);
  await publishAll(adapter, [made('b', { type: 'x' })]);
  await until(() => recorder.acked('other').length === 2, 'it goes on', 5_000);
  await running.stop();

  assert.deepEqual(ids(recorder.of('r').map(({ event }) => event)), ['a']);
  assert.match(scene.warnings[0]!, /is no longer asked: its rule changed; drain and delete it/);
});

test('pubsub pull: by a seed calls fail now and then, and every event is delivered in the end', async () => {
  const seed = Date.now() % 1_000_000;
  const { fake, adapter } = await openOn([everything], { secondMs: 50, seed });
  const methods: readonly Method[] = ['Pull', 'Acknowledge', 'ModifyAckDeadline'];
  const faults = methods.flatMap((method): Fault[] => [
    { method, answer: 'UNAVAILABLE' },
    { method, answer: 'RESOURCE_EXHAUSTED', retryDelayMs: 20 },
    { method, answer: 'INTERNAL', after: true },
  ]);
  fake.faults.chaos({ share: 0.2, faults, random: seededRandom(seed) });
  const random = seededRandom(seed + 1);
  const recorder = record({ r: { deliver: () => (random() < 0.2 ? retryAfter(100) : ack) } });
  const running = subscribe(adapter, recorder);
  const events = Array.from({ length: 150 }, (_, i) => made(`e${i}`));
  for (let at = 0; at < events.length; at += 10) await publishAll(adapter, events.slice(at, at + 10));

  await until(() => new Set(recorder.acked('r')).size === events.length, `seed ${seed}: all are delivered`, 25_000);
  await running.stop();
});

test('pubsub pull: a service that hangs does not hold up the stop', async () => {
  const { fake, adapter } = await openOn([everything]);
  fake.faults.add(
    { method: 'Acknowledge', answer: 'hang', times: 100 },
    { method: 'ModifyAckDeadline', answer: 'hang', times: 100 },
  );
  const recorder = record({ r: {} });
  const running = subscribe(adapter, recorder);
  await publishAll(adapter, [made('a')]);
  await until(() => recorder.acked('r').length === 1, 'it is delivered', 5_000);

  const begun = performance.now();
  await running.stop();
  assert.ok(performance.now() - begun < 5_000, `took ${performance.now() - begun} ms`);
});

async function deadLettered(address: string): Promise<{ readonly record: FailureRecord; readonly calls: number }> {
  // Without a hyphen in its filter: the older pstest does not take one.
  const rule = { name: 'busy.rule', when: pattern({ data: { id: [{ exists: true }] } }) };
  const scene = await openScene({ address, rules: [rule], maxDeliveryAttempts: 5 });
  const adapter = await scene.open();
  closers.push(scene.close, () => adapter.close());
  const recorder = record({ 'busy.rule': { deliver: () => retryAfter(0) } });
  const running = subscribe(adapter, recorder);
  await publishAll(adapter, [made('dead')]);
  const found: FailureRecord[] = [];
  for (const end = performance.now() + 20_000; performance.now() < end && found.length === 0; ) {
    for await (const failure of adapter.failures!.list(idle)) found.push(failure);
  }
  await running.stop();
  assert.equal(found.length, 1);
  await adapter.failures!.remove([found[0]!.id]);
  for await (const left of adapter.failures!.list(idle)) assert.fail(`${left.id} is still there`);
  return { record: found[0]!, calls: recorder.calls.length };
}

function checkDeadLetter({ record: found, calls }: Awaited<ReturnType<typeof deadLettered>>): void {
  assert.equal(calls, 5);
  assert.match(found.reason, /the bus gave it up after/);
  assert.ok(found.event !== null && sameEvent(found.event, made('dead')));
}

test('pubsub pull: what the service gives up is a failure record of its rule', async () => {
  const fake = await startPubSubFake();
  closers.push(fake.close);

  const found = await deadLettered(fake.address);

  checkDeadLetter(found);
  assert.deepEqual([found.record.rule, found.record.attempts], ['busy.rule', 5]);
});

const skip = pstestSkip('2.6.0');
test('pubsub pull on pstest 2.6: what it gives up is a failure record', { skip }, async () => {
  const pstest = await startPstest('2.6.0');
  closers.push(pstest.close);

  const found = await deadLettered(pstest.address);

  checkDeadLetter(found);
  // pstest copies a message without saying where it comes from; the service does.
  assert.deepEqual([found.record.rule, found.record.attempts], [null, 0]);
});

test('pubsub pull: waits are whole seconds, never early, and ten minutes at most', () => {
  const waits = [-5, 0, 1, 999, 1_000, 1_001, 599_001, 600_001, 86_400_000];

  assert.deepEqual(waits.map(waitSeconds), [0, 0, 1, 1, 1, 2, 600, 600, 600]);
});

test('pubsub pull: attempts are what was tried, whoever counts the deliveries', () => {
  const attempts = createAttempts();

  assert.equal(attempts.begin('a', 1), 1);
  attempts.uncount('a');
  assert.equal(attempts.begin('a', 2), 1);
  assert.equal(attempts.begin('a', 3), 2);
  assert.equal(attempts.begin('after a restart', 7), 7);
  assert.equal(attempts.begin('not counted', 0), 1);
  assert.equal(attempts.begin('not counted', 0), 2);
  attempts.wait('a', 5_000);
  assert.deepEqual([attempts.leftMs('a', 1_000), attempts.leftMs('a', 9_000), attempts.leftMs('b', 0)], [4_000, 0, 0]);
  attempts.forget('a');
  assert.equal(attempts.begin('a', 1), 1);
  for (let i = 0; i < 30_000; i++) attempts.begin(`${i}`, 0);
  assert.equal(attempts.begin('not counted', 0), 1, 'the oldest are forgotten');
});
