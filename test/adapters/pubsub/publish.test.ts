// How a batch becomes calls, on the fake service: one ordering key a call, one bad message fails alone, order over failures,
// no retries but those of bus.ts. Each over gRPC and over REST.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { inspect } from 'node:util';
import type { Adapter, PublishResult } from '../../../adapters/adapter.ts';
import { busDefaults, createBus } from '../../../adapters/bus.ts';
import { type CloudEvent, jsonData } from '../../../router/event.ts';
import { idle, made, publishAll } from '../../contract/adapter-harness.ts';
import { type PubSubFake, startPubSubFake } from '../../fakes/pubsub.ts';
import type { Fault } from '../../fakes/pubsub-faults.ts';
import { seededRandom } from '../../harness/random.ts';
import { openScene, pattern } from './scene.ts';

interface Opened {
  readonly fake: PubSubFake;
  readonly adapter: Adapter<string>;
  /** Ids of what is in the topic, in the order it was stored. */
  stored(): readonly string[];
}

const closers: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closers.reverse()) await close();
});

async function openOn(rest: boolean): Promise<Opened> {
  const fake = await startPubSubFake({ login: true });
  const env = rest ? { GCE_METADATA_HOST: fake.address } : {};
  const scene = await openScene({ address: fake.address, rest, env });
  const adapter = await scene.open();
  closers.push(fake.close, scene.close, () => adapter.close());
  const stored = () => fake.broker.getTopic(scene.topic).log.map(({ attributes }) => attributes['ce-id']!);
  return { fake, adapter, stored };
}

const publishes = ({ faults }: PubSubFake): number => faults.calls.get('Publish') ?? 0;
const codes = (results: readonly PublishResult[]): string[] =>
  results.map((result) => (result.ok ? 'ok' : result.code));

for (const rest of [false, true]) {
  const name = rest ? 'pubsub over REST' : 'pubsub over gRPC';
  const fail = (answer: Fault['answer'], more: Partial<Fault> = {}): Fault => ({ method: 'Publish', answer, ...more });

  describe(name, () => {
    test(`${name}: a call has one ordering key, and each key is in order`, async () => {
      const { fake, adapter, stored } = await openOn(rest);
      const events = Array.from({ length: 60 }, (_, i) => made(`${i}`, i % 4 === 3 ? {} : { key: `k${i % 4}` }));

      await publishAll(adapter, events);

      assert.equal(publishes(fake), 4);
      const ofKey = (from: readonly string[], key: number) => from.filter((id) => Number(id) % 4 === key);
      const ids = events.map(({ attributes }) => attributes.id);
      for (const key of [0, 1, 2, 3]) assert.deepEqual(ofKey(stored(), key), ofKey(ids, key));
    });

    test(`${name}: what the service does not take fails alone, and the order of the others is kept`, async () => {
      const { fake, adapter, stored } = await openOn(rest);
      const bad = (id: string): CloudEvent =>
        made(id, { key: 'k', data: jsonData(Buffer.from('"not by the schema"')) });
      // As a topic with a schema: the request that holds a bad message is refused whole.
      const original = fake.broker.publish;
      Object.assign(fake.broker, {
        publish(topic: string, messages: Parameters<typeof original>[1], bytes: number) {
          if (messages.some(({ data }) => data.includes('not by the schema'))) {
            const says = `Request contains an invalid argument: ${messages[0]!.data}`;
            throw Object.assign(new Error(says), { status: 'INVALID_ARGUMENT' });
          }
          return original(topic, messages, bytes);
        },
      });

      const results = await adapter.publish(
        [made('a', { key: 'k' }), bad('b'), made('c', { key: 'k' }), made('d', { key: 'k' }), bad('e')],
        idle,
      );

      assert.deepEqual(codes(results), ['ok', 'NOT_CARRIABLE', 'ok', 'ok', 'NOT_CARRIABLE']);
      assert.deepEqual(stored(), ['a', 'c', 'd']);
      for (const result of results) assert.ok(result.ok || (!result.retryable && !result.reason.includes('schema"')));
      assert.ok(!inspect(results).includes('not by the schema'), 'a body is in what people read');
    });

    test(`${name}: the SDK's retries are off, and an error says whether to come again`, async () => {
      const { fake, adapter } = await openOn(rest);
      const expected = {
        UNAVAILABLE: ['BUS_UNAVAILABLE', true],
        INTERNAL: ['BUS_UNAVAILABLE', true],
        ABORTED: ['BUS_UNAVAILABLE', true],
        DEADLINE_EXCEEDED: ['BUS_UNAVAILABLE', true],
        RESOURCE_EXHAUSTED: ['THROTTLED', true],
        PERMISSION_DENIED: ['UNAUTHORIZED', false],
        NOT_FOUND: ['NOT_FOUND', false],
        FAILED_PRECONDITION: ['NOT_CARRIABLE', false],
        UNIMPLEMENTED: ['UNSUPPORTED', false],
      } as const;
      for (const [status, [code, retryable]] of Object.entries(expected)) {
        fake.faults.add(fail(status as Fault['answer']));
        const before = publishes(fake);
        const [result] = await adapter.publish([made('a')], idle);

        assert.ok(result !== undefined && !result.ok);
        assert.deepEqual([result.code, result.retryable], [code, retryable], status);
        assert.equal(publishes(fake), before + 1, `${status}: one call`);
      }
    });

    test(`${name}: throttling says when to come again, as the service asks`, async () => {
      const { fake, adapter } = await openOn(rest);
      fake.faults.add(fail('RESOURCE_EXHAUSTED', { retryDelayMs: 2_500 }), fail('RESOURCE_EXHAUSTED'));

      const [hinted] = await adapter.publish([made('a')], idle);
      const [bare] = await adapter.publish([made('a')], idle);

      assert.ok(hinted !== undefined && !hinted.ok && hinted.retryAfterMs === 2_500, inspect(hinted));
      assert.ok(bare !== undefined && !bare.ok && bare.retryAfterMs === 1_000, inspect(bare));
    });

    test(`${name}: after a failed call of a key the next one goes on, in order`, async () => {
      const { fake, adapter, stored } = await openOn(rest);
      fake.faults.add(fail('UNAVAILABLE', { about: '"partitionkey":"p"' }));
      const bus = createBus(adapter, { ...busDefaults, now: Date.now });
      const events = ['p0', 'q0', 'p1', 'q1'].map((id) => made(id, { key: id[0]! }));

      const results = await bus.publish(events);
      await bus.publish([made('p2', { key: 'p' })]);

      assert.ok(results.every(({ ok }) => ok));
      const ofP = stored().filter((id) => id.startsWith('p'));
      assert.deepEqual(ofP, ['p0', 'p1', 'p2']);
    });

    test(`${name}: an answer that is lost leaves a result that says so, never silence`, async () => {
      const { fake, adapter, stored } = await openOn(rest);
      fake.faults.add(fail('cut', { after: true }));

      const [result] = await adapter.publish([made('a')], AbortSignal.timeout(5_000));

      assert.ok(result !== undefined && !result.ok);
      assert.deepEqual([result.code, result.retryable], ['BUS_UNAVAILABLE', true]);
      assert.deepEqual(stored(), ['a']);
    });

    test(`${name}: an answer that names fewer messages than were sent is no success`, async () => {
      const { fake, adapter } = await openOn(rest);
      const original = fake.broker.publish;
      Object.assign(fake.broker, { publish: (...given: Parameters<typeof original>) => original(...given).slice(1) });

      const results = await adapter.publish([made('a'), made('b')], idle);

      assert.deepEqual(codes(results), ['BUS_UNAVAILABLE', 'BUS_UNAVAILABLE']);
    });

    test(`${name}: by a seed everything goes wrong now and then, and every event arrives, each key in order`, async () => {
      const seed = Date.now() % 1_000_000;
      const { fake, adapter, stored } = await openOn(rest);
      const chances = [
        ...(['UNAVAILABLE', 'INTERNAL', 'RESOURCE_EXHAUSTED', 'ABORTED'] as const).map((answer) =>
          fail(answer, { retryDelayMs: 10 }),
        ),
        fail('UNAVAILABLE', { after: true }),
        fail('INTERNAL', { after: true }),
      ];
      fake.faults.chaos({ share: 0.3, faults: chances, random: seededRandom(seed) });
      const bus = createBus(adapter, { ...busDefaults, deadlineMs: 30_000, now: Date.now });
      const random = seededRandom(seed + 1);
      const events = Array.from({ length: 200 }, (_, i) => made(`${i}`, { key: `k${Math.floor(random() * 4)}` }));

      const results: PublishResult[] = [];
      for (let at = 0; at < events.length; at += 20) results.push(...(await bus.publish(events.slice(at, at + 20))));

      assert.ok(
        results.every(({ ok }) => ok),
        `seed ${seed}: ${inspect(results.find(({ ok }) => !ok))}`,
      );
      const first = [...new Set(stored())];
      assert.equal(first.length, events.length, `seed ${seed}`);
      for (const key of ['k0', 'k1', 'k2', 'k3']) {
        const ids = events
          .filter(({ attributes }) => attributes['partitionkey'] === key)
          .map(({ attributes }) => attributes.id);
        assert.deepEqual(
          first.filter((id) => ids.includes(id)),
          ids,
          `seed ${seed}`,
        );
      }
    });
  });
}

test('pubsub: a rule that comes into force while it runs is marked from then on', async () => {
  const fake = await startPubSubFake();
  const scene = await openScene({ address: fake.address });
  let rules: readonly { name: string; when: ReturnType<typeof pattern> }[] = [];
  const adapter = await scene.open({ rules: () => rules });
  closers.push(fake.close, scene.close, () => adapter.close());

  await publishAll(adapter, [made('before')]);
  rules = [{ name: 'r', when: pattern({ data: { never: [1] } }) }];
  const size = adapter.sizeOf(made('after'));
  await publishAll(adapter, [made('after')]);

  const marks = fake.broker.getTopic(scene.topic).log.map(({ attributes }) => {
    return Object.entries(attributes).filter(([name]) => name.startsWith('r_'));
  });
  assert.deepEqual(marks[0], []);
  assert.deepEqual(
    marks[1]?.map(([, value]) => value),
    ['0'],
  );
  assert.ok(size >= adapter.sizeOf(made('after')));
});
