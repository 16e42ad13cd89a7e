// The portable part of every bus with a store for oversized data: nothing is published before its data is durable, order is
// kept where it is promised, and what cannot be stored is refused. The adapter and the store answer as the test says.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Adapter, PublishResult } from '../../adapters/adapter.ts';
import { type Bus, createBus } from '../../adapters/bus.ts';
import { createOversize, type Oversize } from '../../adapters/oversize/oversize.ts';
import { RouterError } from '../../router/errors.ts';
import { type Attributes, binaryData, type CloudEvent } from '../../router/event.ts';

const LIMIT = 1_000;
const PREFIX = 's3://b/';

function made(id: string, bytes: number, more: object = {}): CloudEvent {
  const attributes = { specversion: '1.0', id, source: '/bus', type: 't', ...more } as Attributes;
  return { attributes, data: binaryData(Buffer.alloc(bytes, id)) };
}

interface Put {
  readonly name: string;
  readonly bytes: Buffer;
  done(): void;
  fail(error: Error): void;
}

interface Scene {
  readonly bus: Bus;
  readonly oversize: Oversize;
  readonly published: CloudEvent[];
  readonly ids: () => string[];
  /** Puts under way, oldest first. */
  readonly puts: Put[];
}

interface Given {
  readonly deadlineMs?: number;
  readonly pendingBytes?: number;
  /** Answers puts by itself. */
  readonly store?: () => Promise<void>;
}

function openScene({ deadlineMs = 5_000, pendingBytes = 100_000, store }: Given = {}): Scene {
  const published: CloudEvent[] = [];
  const puts: Put[] = [];
  const adapter: Adapter = {
    name: 'fake',
    limits: { events: 10, callBytes: 5_000, eventBytes: LIMIT },
    capabilities: { delivery: 'push', order: true, dedupe: false, replay: false },
    check: async () => undefined,
    sizeOf: ({ attributes, data }) => JSON.stringify(attributes).length + (data?.bytes.length ?? 0),
    async publish(batch) {
      published.push(...batch);
      return batch.map(() => ({ ok: true }));
    },
    decode: () => [],
    compile: (residual) => ({ kind: 'none', native: null, residual }),
    close: async () => undefined,
  };
  const oversize = createOversize(
    {
      put: (name, bytes) =>
        store?.() ??
        new Promise<void>((done, fail) => {
          puts.push({ name, bytes, done, fail });
        }),
      get: () => Promise.reject(new Error('not asked here')),
    },
    PREFIX,
    () => undefined,
  );
  const bus = createBus(adapter, { deadlineMs, pendingBytes, now: Date.now, oversize });
  return { bus, oversize, published, puts, ids: () => published.map(({ attributes }) => attributes.id) };
}

async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
}

const codes = (results: readonly PublishResult[]): string[] => results.map((one) => (one.ok ? 'ok' : one.code));
const down = (): RouterError => new RouterError('DATA_UNAVAILABLE', 'the store is down');

test('oversize: an event over the limit is published without its data, and not before that is stored', async () => {
  const scene = openScene();
  const large = made('large', 2_000, { datacontenttype: 'image/png' });
  const result = scene.bus.publishOne(large);
  await settled();
  assert.deepEqual([scene.ids(), scene.puts.map(({ bytes }) => bytes)], [[], [large.data!.bytes]]);

  scene.puts[0]!.done();
  assert.deepEqual(await result, { ok: true });

  const [light] = scene.published;
  assert.deepEqual(light, { attributes: { ...large.attributes, dataref: PREFIX + scene.puts[0]!.name } });
  assert.equal(scene.oversize.wholeOf(light!), large);
});

test('oversize: what fits is published as it is, at once, also beside one that is being stored', async () => {
  const scene = openScene();
  const held = scene.bus.publishOne(made('large', 2_000));
  assert.deepEqual(await scene.bus.publishOne(made('small', 100)), { ok: true });
  assert.deepEqual([scene.ids(), scene.puts.length], [['small'], 1]);
  assert.ok(scene.published[0]!.data !== undefined);
  scene.puts[0]!.done();
  await held;
});

test('oversize: what comes later with the same partitionkey waits, also behind one that waits itself', async () => {
  const scene = openScene();
  const key = { partitionkey: 'k' };
  const results = [
    scene.bus.publishOne(made('1', 2_000, key)),
    scene.bus.publishOne(made('2', 10, key)),
    scene.bus.publishOne(made('3', 3_000, key)),
    scene.bus.publishOne(made('4', 10, key)),
    scene.bus.publishOne(made('other', 10, { partitionkey: 'o' })),
  ];
  await settled();
  assert.deepEqual(scene.ids(), ['other']);

  scene.puts[1]!.done();
  await settled();
  assert.deepEqual(scene.ids(), ['other'], 'the second to be stored does not overtake the first');
  scene.puts[0]!.done();
  await Promise.all(results);
  assert.deepEqual(scene.ids(), ['other', '1', '2', '3', '4']);

  await scene.bus.publishOne(made('5', 10, key));
  assert.equal(scene.ids().at(-1), '5', 'nothing is waited for any more');
});

test('oversize: the events of one call keep their order', async () => {
  const scene = openScene();
  const results = scene.bus.publish([made('1', 10), made('2', 2_000), made('3', 10), made('4', 2_000), made('5', 10)]);
  await settled();
  scene.puts[1]!.done();
  await settled();
  assert.deepEqual(scene.ids(), ['1']);
  scene.puts[0]!.done();

  assert.deepEqual(codes(await results), ['ok', 'ok', 'ok', 'ok', 'ok']);
  assert.deepEqual(scene.ids(), ['1', '2', '3', '4', '5']);
});

test('oversize: a refused event in a call does not let those behind it overtake those before it', async () => {
  const scene = openScene();
  const results = scene.bus.publish([made('1', 2_000), made('2', 2_000, { dataref: 'x' }), made('3', 10)]);
  await settled();
  assert.deepEqual(scene.ids(), []);
  scene.puts[0]!.done();
  assert.deepEqual(codes(await results), ['ok', 'EVENT_TOO_LARGE', 'ok']);
  assert.deepEqual(scene.ids(), ['1', '3']);
});

test('oversize: a store that fails is asked again, and then the event is refused as worth sending again', async () => {
  let asked = 0;
  const failsTwice = async (): Promise<void> => {
    if (++asked <= 2) throw down();
  };
  assert.deepEqual(await openScene({ store: failsTwice }).bus.publishOne(made('large', 2_000)), { ok: true });
  assert.equal(asked, 3);

  const never = openScene({ store: () => Promise.reject(down()), deadlineMs: 300 });
  const result = await never.bus.publishOne(made('large', 2_000));
  assert.ok(!result.ok && result.code === 'BUS_UNAVAILABLE' && result.retryable);
  assert.match(result.reason, /the store is down; nothing was published/);
  assert.deepEqual(never.ids(), []);
});

test('oversize: a store that does not answer is given up at the deadline, and what waited behind it goes on', async () => {
  const scene = openScene({ deadlineMs: 200 });
  const key = { partitionkey: 'k' };
  const large = scene.bus.publishOne(made('large', 2_000, key));
  await new Promise((resolve) => setTimeout(resolve, 100));
  const later = scene.bus.publishOne(made('later', 10, key));

  assert.deepEqual(codes([await large, await later]), ['BUS_UNAVAILABLE', 'ok']);
  assert.deepEqual(scene.ids(), ['later']);
});

test('oversize: a store that refuses for good is not asked twice', async () => {
  let asked = 0;
  const store = async (): Promise<void> => {
    asked++;
    throw new RouterError('UNAUTHORIZED', 'the bucket answered 403');
  };
  const result = await openScene({ store }).bus.publishOne(made('large', 2_000));
  assert.ok(!result.ok && result.code === 'BUS_UNAVAILABLE' && result.reason.includes('403'));
  assert.equal(asked, 1);
});

test('oversize: what cannot be made smaller is refused, with the reason, and nothing is stored', async () => {
  const scene = openScene();
  const refused: readonly (readonly [event: CloudEvent, says: RegExp])[] = [
    [made('own', 2_000, { dataref: 'https://x/1' }), /'dataref' of its own/],
    [made('attributes', 10, { subject: 's'.repeat(2_000) }), /without its data the event takes 2\d\d\d bytes/],
    [{ attributes: made('none', 0, { subject: 's'.repeat(2_000) }).attributes }, /no data/],
    [made('more than may wait', 200_000), /at most 1000 are carried/],
  ];
  for (const [event, says] of refused) {
    const result = await scene.bus.publishOne(event);
    assert.ok(!result.ok && result.code === 'EVENT_TOO_LARGE' && !result.retryable, event.attributes.id);
    assert.match(result.reason, says);
  }
  assert.deepEqual([scene.puts.length, scene.ids()], [0, []]);
});

test('oversize: data that waits is counted until it is published, and room comes back', async () => {
  const scene = openScene({ pendingBytes: 5_000 });
  const first = scene.bus.publishOne(made('first', 4_000));
  assert.deepEqual(codes([await scene.bus.publishOne(made('second', 2_000))]), ['BUS_OVERLOADED']);
  scene.puts[0]!.done();
  await first;
  const failing = scene.bus.publishOne(made('third', 4_000));
  scene.puts[1]!.fail(new RouterError('UNAUTHORIZED', 'no'));
  await failing;
  const last = scene.bus.publishOne(made('fourth', 4_000));
  await settled();
  scene.puts[2]!.done();
  assert.deepEqual(await last, { ok: true });
});

test('oversize: four are stored at once, and the others in turn', async () => {
  const scene = openScene();
  const results = Array.from({ length: 6 }, (_, i) => scene.bus.publishOne(made(`${i}`, 2_000)));
  await settled();
  assert.equal(scene.puts.length, 4);
  for (let i = 0; i < 6; i++) {
    scene.puts[i]!.done();
    await settled();
  }
  assert.deepEqual(codes(await Promise.all(results)), Array(6).fill('ok'));
});

test('oversize: close waits for what is being stored, and publishes it', async () => {
  const scene = openScene();
  const held = scene.bus.publishOne(made('large', 2_000));
  const closing = scene.bus.close();
  await settled();
  assert.deepEqual(codes([await scene.bus.publishOne(made('late', 2_000))]), ['CLOSED']);
  scene.puts[0]!.done();
  await closing;
  assert.deepEqual([await held, scene.ids()], [{ ok: true }, ['large']]);
});
