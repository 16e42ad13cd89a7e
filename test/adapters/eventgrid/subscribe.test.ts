// Pulling a namespace, beyond the laws: how retries are given back, locks renewed, rules taken over, faults outlived.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { Adapter, Routed } from '../../../adapters/adapter.ts';
import { compileEventGrid, subscriptionName } from '../../../adapters/eventgrid/filter.ts';
import { createSettler, releaseDelays } from '../../../adapters/eventgrid/settle.ts';
import { RouterError } from '../../../router/errors.ts';
import { ack, type Call, type Recorder, record, retryAfter, subscribe, until } from '../../contract/adapter-harness.ts';
import type { FakeEventGrid } from '../../fakes/eventgrid.ts';
import { scaledClock } from '../../fakes/eventgrid-clock.ts';
import { orderEvent, orderEvents, ruleOf, type Scene, withEventGrid } from './scene.ts';

const WAIT_MS = 8_000;
const idle = new AbortController().signal;
const settings = { tier: 'namespace', filterable: [] } as const;
const every = ruleOf('every', { source: ['/orders'] });

function nameOf({ name, when }: Routed): string {
  return subscriptionName('busway', name, compileEventGrid(when, settings).native);
}

async function create(fake: FakeEventGrid, rule: Routed, queue = {}): Promise<void> {
  const { native } = compileEventGrid(rule.when, settings);
  await fake.subscribe('orders', nameOf(rule), { ...(native === null ? {} : { filter: native }), queue });
}

interface Pulling extends Scene {
  readonly adapter: Adapter;
  readonly rules: Routed[];
}

/** A namespace that runs twenty times as fast, so that a lock ends after 3 s; with subscriptions for the rules. */
function withPulling(given: readonly Routed[], check: (pulling: Pulling) => Promise<void>, more = {}): Promise<void> {
  return withEventGrid({ clock: scaledClock(20), ...more }, async (scene) => {
    const rules = [...given];
    for (const rule of rules) await create(scene.fake, rule);
    const adapter = await scene.open(scene.namespace(), { rules: () => rules });
    await check({ ...scene, adapter, rules });
  });
}

/** A lock ends after a second. */
const fast = { clock: scaledClock(60) };

/** What was asked of the subscriptions, without receives. */
function settled({ requests }: FakeEventGrid): readonly string[] {
  return requests
    .filter(({ operation }) => !['receive', 'publish'].includes(operation))
    .map(({ operation, url }) => {
      const delay = new URL(url, 'http://x').searchParams.get('releaseDelayInSeconds');
      return delay === null ? operation : `${operation} ${delay}`;
    });
}

async function during(adapter: Adapter, recorder: Recorder, work: () => Promise<void>): Promise<void> {
  const running = subscribe(adapter, recorder);
  try {
    await work();
  } finally {
    await running.stop();
  }
}

test('eventgrid: a retry is released with the longest delay below its time, and the rest is waited for with the lock held', () =>
  withPulling([every], async ({ adapter, fake }) => {
    const answers: Record<string, number> = {
      short: 200,
      tens: 10_200,
      minutes: 60_000,
      long: 700_000,
      day: 86_400_000,
    };
    const deliver = ({ id, attempt }: Call) => (attempt === 1 ? retryAfter(answers[id]!) : ack);
    const recorder = record({ every: { deliver } });

    await during(adapter, recorder, async () => {
      await adapter.publish(
        Object.keys(answers).map((id) => orderEvent(id)),
        idle,
      );
      await until(() => recorder.acked('every').length === 3, 'three come again', WAIT_MS);
    });

    const releases = settled(fake).filter((asked) => asked.startsWith('release'));
    assert.deepEqual(releases.sort(), ['release 0', 'release 10', 'release 3600', 'release 3600', 'release 60']);
    const { startedAt, endedAt } = recorder.calls[0]!;
    assert.ok(recorder.calls.every((call) => call.startedAt >= startedAt) && endedAt !== undefined);
  }));

test('eventgrid: what was not tried is tried again from here, without a release and at the same attempt', () =>
  withPulling([every], async ({ adapter, fake }) => {
    let busy = 3;
    const recorder = record({ every: { deliver: () => (busy-- > 0 ? retryAfter(20, false) : ack) } });

    await during(adapter, recorder, async () => {
      await adapter.publish([orderEvent('a')], idle);
      await until(() => recorder.acked('every').length === 1, 'it is delivered', WAIT_MS);
    });

    assert.deepEqual(
      recorder.calls.map(({ attempt }) => attempt),
      [1, 1, 1, 1],
    );
    assert.deepEqual(settled(fake), ['acknowledge']);
  }));

test('eventgrid: at the last delivery the service makes, retries go on from here', () =>
  withPulling([every], async ({ adapter, fake }) => {
    const recorder = record({ every: { deliver: ({ attempt }) => (attempt < 13 ? retryAfter(1) : ack) } });

    await during(adapter, recorder, async () => {
      await adapter.publish([orderEvent('a')], idle);
      await until(() => recorder.acked('every').length === 1, 'it is delivered', WAIT_MS);
    });

    assert.deepEqual(
      recorder.calls.map(({ attempt }) => attempt),
      Array.from({ length: 13 }, (_, i) => i + 1),
    );
    assert.deepEqual(fake.queue('orders', nameOf(every)).deadLetters, []);
    assert.equal(settled(fake).filter((asked) => asked === 'release 0').length, 9);
  }));

test('eventgrid: locks are renewed while a delivery is under way', async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  try {
    await withPulling(
      [every],
      async ({ adapter, fake }) => {
        let finish = (): void => undefined;
        const held = new Promise<void>((resolve) => {
          finish = resolve;
        });
        const recorder = record({ every: { deliver: () => held.then(() => ack) } });
        await during(adapter, recorder, async () => {
          await adapter.publish([orderEvent('slow')], idle);
          await until(() => recorder.calls.length === 1, 'it is under way', WAIT_MS);
          for (let i = 0; i < 5; i++) {
            mock.timers.tick(20_000);
            await new Promise((resolve) => setTimeout(resolve, 333));
          }
          assert.equal(fake.queue('orders', nameOf(every)).locked(), 1);
          finish();
          await until(() => recorder.acked('every').length === 1, 'it ends', WAIT_MS);
        });

        assert.equal(recorder.calls.length, 1, 'it did not come again');
        assert.deepEqual(settled(fake), [...Array(5).fill('renewLock'), 'acknowledge']);
      },
      fast,
    );
  } finally {
    mock.timers.reset();
  }
});

test('eventgrid: what is no event is acknowledged once it is recorded, so Event Grid puts no second copy away', () =>
  withPulling([every], async ({ fake, adapter }) => {
    const recorder = record({});
    fake.queue('orders', nameOf(every)).push({ text: '{"specversion":"9"}', publishedAt: fake.clock.now() });

    await during(adapter, recorder, () =>
      until(() => fake.queue('orders', nameOf(every)).size() === 0, 'it is settled', WAIT_MS),
    );

    assert.equal(recorder.refused.length, 1);
    assert.deepEqual(settled(fake), ['acknowledge']);
    assert.deepEqual(fake.queue('orders', nameOf(every)).deadLetters, []);
  }));

test('eventgrid: what ends together is acknowledged together', () =>
  withPulling([every], async ({ adapter, fake }) => {
    const recorder = record({ every: {} });

    await during(adapter, recorder, async () => {
      await adapter.publish(orderEvents(200), idle);
      await until(() => fake.queue('orders', nameOf(every)).size() === 0, 'all are acknowledged', WAIT_MS);
    });

    assert.ok(settled(fake).length < 20, `${settled(fake).length} requests`);
  }));

test('eventgrid: a rule that comes or goes while it runs is taken over', () =>
  withPulling([every], async ({ adapter, fake, rules }) => {
    const placed = ruleOf('placed', { type: ['order.placed'] });
    const recorder = record({ every: {}, placed: {} });

    await during(adapter, recorder, async () => {
      await create(fake, placed);
      rules.push(placed);
      await adapter.publish([orderEvent('a')], idle);
      await until(() => recorder.acked('placed').length === 1, 'the new rule is delivered to', WAIT_MS);
      rules.shift();
      let seen = performance.now();
      // Between two receives nobody waits either, for a moment.
      const isQuiet = (): boolean => {
        if (fake.queue('orders', nameOf(every)).waiting() > 0) seen = performance.now();
        return performance.now() - seen > 200;
      };
      await until(isQuiet, 'the old one ends', WAIT_MS);
      const asked = fake.requests.length;
      await adapter.publish([orderEvent('b')], idle);
      await until(() => recorder.acked('placed').length === 2, 'the new rule goes on', WAIT_MS);
      assert.ok(!fake.requests.slice(asked).some(({ url }) => url.includes(`${nameOf(every)}:receive`)));
    });
  }));

test('eventgrid: a subscription that is not there yet is said once, waited for, and holds back no other rule', () =>
  withPulling([every], async ({ adapter, fake, rules, warnings }) => {
    const late = ruleOf('late', { type: ['order.placed'] });
    rules.push(late);
    const recorder = record({ every: {}, late: {} });

    await during(adapter, recorder, async () => {
      await adapter.publish([orderEvent('a')], idle);
      await until(() => recorder.acked('every').length === 1, 'the other rule is delivered to', WAIT_MS);
      await until(() => fake.refused.length >= 2, 'it is asked for again', WAIT_MS);
      await create(fake, late);
      await adapter.publish([orderEvent('b')], idle);
      await until(() => recorder.acked('late').includes('b'), 'it begins', WAIT_MS);
    });

    assert.deepEqual(warnings.length, 1);
    assert.match(warnings[0]!, /subscription 'busway-late-[0-9a-f]{16}' does not exist/);
  }));

test('eventgrid: seeded faults in receiving and settling lose nothing', () =>
  withPulling(
    [every],
    async ({ adapter, fake }) => {
      const events = orderEvents(60);
      const moment = (id: string) => new Promise((resolve) => setTimeout(resolve, Number(id.slice(1)) * 4));
      const deliver = ({ id, attempt }: Call) => moment(id).then(() => (attempt === 1 ? retryAfter(5) : ack));
      const recorder = record({ every: { deliver } });
      for (let left = [...events]; left.length > 0; ) {
        const results = await adapter.publish(left.slice(0, 10), idle).catch(() => []);
        left = left.filter((_, i) => results[i]?.ok !== true);
      }

      await during(adapter, recorder, () =>
        until(() => fake.queue('orders', nameOf(every)).size() === 0, 'all are acknowledged', 20_000),
      );

      assert.equal(new Set(recorder.acked('every')).size, 60);
      assert.ok(fake.witnessed.length > 1, `${fake.witnessed.length} faults`);
    },
    { chaos: { seed: 11, percent: 35 } },
  ));

test('eventgrid: a lock that was lost is said, and the event comes again', () =>
  withPulling(
    [every],
    async ({ adapter, fake, warnings }) => {
      const recorder = record({ every: {} });
      const lost = JSON.stringify({ failedLockTokens: [{ lockToken: 'x' }], succeededLockTokens: [] });
      fake.faults.push({ on: 'acknowledge', status: 200, body: lost });

      await during(adapter, recorder, async () => {
        await adapter.publish([orderEvent('a')], idle);
        await until(() => recorder.acked('every').length === 2, 'it comes again when its lock ends', WAIT_MS);
      });

      assert.equal(warnings.length, 1);
      assert.match(warnings[0]!, /1 events could not be settled and come again/);
    },
    fast,
  ));

test('eventgrid: without rules a namespace cannot be pulled, and a custom topic cannot at all', () =>
  withEventGrid({}, async ({ open, topic, namespace }) => {
    const adapter = await open(namespace());

    await assert.rejects(adapter.subscribe!(record({}).consumer, idle), { code: 'UNSUPPORTED' });
    assert.equal((await open(topic())).subscribe, undefined);
  }));

test('eventgrid: a service that hangs does not hold up a stop for longer than its last word is waited for', async () => {
  const [giveUp, cut] = [new AbortController(), new AbortController()];
  const warnings: string[] = [];
  const settler = createSettler({
    post: ({ signal }) =>
      new Promise((_, reject) => {
        const end = (): void => reject(new RouterError('ABORTED', 'given up'));
        if (signal.aborted) end();
        else signal.addEventListener('abort', end);
      }),
    operation: (name) => new URL(`http://127.0.0.1:9/${name}`),
    what: 'it',
    onWarning: (text) => void warnings.push(text),
    signal: giveUp.signal,
    cut: cut.signal,
  });
  const acknowledged = Array.from({ length: 250 }, (_, i) => settler.settle(`a${i}`, { kind: 'acknowledge' }));
  const released = releaseDelays.map((delaySeconds) => settler.settle('r', { kind: 'release', delaySeconds }));

  giveUp.abort();
  cut.abort();
  const begun = performance.now();
  await Promise.all([...acknowledged, ...released]);

  assert.ok(performance.now() - begun < 1_000, `took ${performance.now() - begun} ms`);
  assert.equal(warnings.length, 3 + releaseDelays.length, 'each request that was not made is told');
});
