// The push function behind each host, called by the fakes of the services: what they make of its answers is their own
// acknowledgement, retry schedule and dead letter.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { compileEventGrid, subscriptionName } from '../../adapters/eventgrid/filter.ts';
import { type CloudEvent, jsonData } from '../../router/event.ts';
import type { FailureRecord } from '../../router/failure.ts';
import { ruleOf, type Scene, withEventGrid } from '../adapters/eventgrid/scene.ts';
import { publishAll, until } from '../contract/adapter-harness.ts';
import { manualClock } from '../fakes/eventgrid-clock.ts';
import { type Pusher, type PushSettings, retrySchedule } from '../fakes/eventgrid-push.ts';
import { ack, type ConsumerOptions, type ConsumerScene, consumerScene, down, type Target } from './consumer-scene.ts';
import { mounts } from './hosts/mount.ts';
import { type Mounted, mount, pubsubScene, secret } from './push-scene.ts';

function event(id: string, type = 'a'): CloudEvent {
  return { attributes: { specversion: '1.0', id, source: '/s', type }, data: jsonData(Buffer.from(`{"id":"${id}"}`)) };
}

for (const host of ['node', 'gcp'] as const) {
  test(`push on ${host}: Pub/Sub pushes until an event is done, and what the rule does not take is done at once`, async (t) => {
    const bus = await pubsubScene(t);
    const { consumer, calls } = consumerScene({
      targets: { a: ({ event, attempt }) => (event.attributes.id === '2' && attempt < 3 ? down : ack) },
      attempts: 5,
    });
    const { push, refused, faults } = mount(bus.adapter, consumer, []);
    bus.pushTo(await mounts[host](t, push));

    await publishAll(bus.adapter, [event('1'), event('2'), event('3', 'of another type'), event('unwanted')]);
    await until(() => calls.length === 4 && bus.size() === 0, 'all are acknowledged', 5_000);

    assert.deepEqual([...calls].sort(), ['a 1 1', 'a 2 1', 'a 2 2', 'a 2 3']);
    assert.deepEqual(
      refused.map(({ code }) => code),
      ['ABORTED', 'ABORTED'],
    );
    assert.deepEqual(faults, []);
  });
}

test('push: what Pub/Sub cannot have delivered is in its failure log once, and stays with it while that is unreachable', async (t) => {
  const bus = await pubsubScene(t);
  const armed = Promise.withResolvers<void>();
  const dead: Target = async () => {
    await armed.promise;
    return { ...down, kind: 'dead' };
  };
  const write = (record: FailureRecord): Promise<void> => bus.adapter.failures!.write(record);
  const { consumer, calls } = consumerScene({ targets: { a: dead }, write });
  const { push, refused } = mount(bus.adapter, consumer, []);
  bus.pushTo(await mounts.node(t, push));

  await publishAll(bus.adapter, [event('1')]);
  bus.fake.faults.add({ method: 'Publish', answer: 'PERMISSION_DENIED', times: 2 });
  armed.resolve();
  await until(() => calls.length > 0 && bus.size() === 0, 'it is acknowledged', 5_000);

  assert.deepEqual([calls.length, refused.map(({ code }) => code)], [3, ['ABORTED', 'ABORTED']]);
  assert.deepEqual(
    bus.failed().map(({ rule, code, event }) => [rule, code, event?.attributes.id]),
    [['a', 'TARGET_STATUS', '1']],
  );
});

test('push: a message that is no event ends in the failure log of the bus with its bytes', async (t) => {
  const bus = await pubsubScene(t);
  const { consumer } = consumerScene({ targets: {}, write: (record) => bus.adapter.failures!.write(record) });
  bus.pushTo(await mounts.gcp(t, mount(bus.adapter, consumer, []).push));
  const [topic] = [...bus.fake.broker.subscriptions.values()].flatMap(({ spec }) =>
    spec.push === undefined ? [] : [spec.topic],
  );

  const garbage = Buffer.from([0xff, 0x00, 0x7b]);
  bus.fake.broker.publish(topic!, [{ data: garbage, attributes: { a: 'b' }, orderingKey: '' }], 100);
  await until(() => bus.size() === 0, 'it is acknowledged', 5_000);

  const [record, ...more] = bus.failed();
  assert.deepEqual([record?.rule, record?.bytes, more], [null, garbage, []]);
});

test('push: Pub/Sub with a token for somebody else delivers nothing and loses nothing', async (t) => {
  const bus = await pubsubScene(t, 'https://somebody.else');
  const { consumer, calls } = consumerScene({ targets: { a: () => ack } });
  const { push, refused } = mount(bus.adapter, consumer, []);
  bus.pushTo(await mounts.node(t, push));

  await publishAll(bus.adapter, [event('1')]);
  await until(() => refused.length >= 3, 'it comes again', 5_000);

  assert.deepEqual([bus.size(), calls], [1, []]);
  assert.equal(refused[0]?.code, 'SIGNATURE_INVALID');
});

const rule = ruleOf('a', { type: ['a'] });
const { native } = compileEventGrid(rule.when, { tier: 'topic', filterable: [] });
const name = subscriptionName('busway', 'a', native);

interface Grid extends Mounted, ConsumerScene {
  publish(...ids: readonly string[]): Promise<void>;
  /** Makes the subscription of rule 'a', after the handshake. */
  subscribe(settings?: Partial<PushSettings>): Promise<Pusher>;
  /** Moves on by the retry schedule until a single event or batch was tried so often, and each attempt answered. */
  tried(pusher: Pusher, times: number): Promise<void>;
}

interface GridOptions extends ConsumerOptions {
  readonly host?: keyof typeof mounts;
  readonly sent?: string;
}

/** A custom topic that pushes what rule 'a' takes; time is the test's. */
function withGrid(t: TestContext, options: GridOptions, check: (grid: Grid) => Promise<void>): Promise<void> {
  const { host = 'node', sent = secret, ...rest } = options;
  const clock = manualClock();
  return withEventGrid({ clock }, async ({ fake, topic, open }: Scene) => {
    const adapter = await open(topic(), { rules: () => [rule] });
    const made = consumerScene(rest);
    const mounted = mount(adapter, made.consumer);
    const url = `${await mounts[host](t, mounted.push)}?secret=${sent}`;
    const publish = async (...ids: readonly string[]): Promise<void> => {
      await publishAll(
        adapter,
        ids.map((id) => event(id)),
      );
    };
    const subscribe = async (settings: Partial<PushSettings> = {}): Promise<Pusher> => {
      await fake.subscribe('custom', name, { filter: native!, push: { url, ...settings } });
      return fake.pusher('custom', name);
    };
    const tried = async (pusher: Pusher, times: number): Promise<void> => {
      for (let n = pusher.attempts.length; n < times; n++) {
        await clock.advance(n === 0 ? 0 : retrySchedule[n - 1]!);
        await until(() => pusher.attempts.length === n + 1, `attempt ${n + 1} is answered`, 5_000);
      }
    };
    await check({ ...mounted, ...made, publish, subscribe, tried });
  });
}

const statusesOf = ({ attempts }: Pusher): readonly number[] => attempts.map(({ status }) => status);

for (const host of ['node', 'azure'] as const) {
  test(`push on ${host}: Event Grid may subscribe by either handshake, and a batch with one failure comes again`, (t) => {
    const flaky: Target = ({ event, attempt }) => (event.attributes.id === '2' && attempt < 3 ? down : ack);
    return withGrid(t, { host, targets: { a: flaky } }, async ({ publish, calls, subscribe, tried, faults }) => {
      await subscribe({ schema: 'EventGridSchema' });
      const pusher = await subscribe({ maxEventsPerBatch: 10 });

      await publish('1', '2', '3');
      await tried(pusher, 3);

      // What was done is not done again, though all three came three times.
      assert.deepEqual([...calls].sort(), ['a 1 1', 'a 2 1', 'a 2 2', 'a 2 3', 'a 3 1']);
      assert.deepEqual([statusesOf(pusher), pusher.size(), faults], [[503, 503, 200], 0, []]);
    });
  });
}

test('push: what Event Grid cannot have delivered ends in a failure record, and no dead letter', (t) =>
  withGrid(t, { targets: { a: () => down }, attempts: 3 }, async ({ publish, failures, subscribe, tried }) => {
    const pusher = await subscribe();

    await publish('1');
    await tried(pusher, 3);

    assert.deepEqual([statusesOf(pusher), pusher.size(), pusher.deadLetters], [[503, 503, 200], 0, []]);
    assert.deepEqual(
      failures.map(({ rule, attempts }) => [rule, attempts]),
      [['a', 3]],
    );
  }));

test('push: while no failure record can be written Event Grid keeps the event', (t) => {
  const failures: FailureRecord[] = [];
  let reachable = false;
  const write = async (record: FailureRecord): Promise<void> => {
    if (!reachable) throw new Error('unreachable');
    failures.push(record);
  };
  return withGrid(t, { targets: { a: () => ({ ...down, kind: 'dead' }) }, write }, async (grid) => {
    const pusher = await grid.subscribe();

    await grid.publish('1');
    await grid.tried(pusher, 4);
    assert.deepEqual([pusher.size(), failures.length, statusesOf(pusher)], [1, 0, [503, 503, 503, 503]]);
    reachable = true;
    await grid.tried(pusher, 5);

    assert.deepEqual([pusher.size(), failures.length, pusher.deadLetters], [0, 1, []]);
  });
});

test('push: a subscription with a wrong secret delivers nothing, and Event Grid keeps the events for a right one', (t) =>
  withGrid(t, { targets: { a: () => ack }, sent: 'not-this-one-please' }, async (grid) => {
    const pusher = await grid.subscribe();

    await grid.publish('1');
    await grid.tried(pusher, 4);

    assert.deepEqual([pusher.size(), pusher.deadLetters, grid.calls], [1, [], []]);
    assert.equal(grid.refused[0]?.code, 'SIGNATURE_INVALID');
  }));
