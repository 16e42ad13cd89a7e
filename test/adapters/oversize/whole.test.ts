// Giving deliveries the whole event: fetched once for all who ask, held against its hash, and bounded in memory.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lightOf, objectOf } from '../../../adapters/dataref.ts';
import { createWhole, type WholeLimits } from '../../../adapters/oversize/whole.ts';
import type { Whole } from '../../../router/consume.ts';
import { RouterError } from '../../../router/errors.ts';
import { binaryData, type CloudEvent } from '../../../router/event.ts';

const PREFIX = 's3://b/';
const idle = new AbortController().signal;

function made(id: string, bytes = 10): CloudEvent {
  const attributes = { specversion: '1.0', id, source: '/w', type: 't' } as const;
  return { attributes, data: binaryData(Buffer.alloc(bytes, id)) };
}

interface Get {
  readonly name: string;
  done(bytes?: Buffer): void;
  fail(error: Error): void;
}

interface Scene {
  readonly whole: Whole;
  readonly gets: Get[];
  readonly warnings: string[];
  light(event: CloudEvent): CloudEvent;
}

function openScene(limits: Partial<WholeLimits> = {}): Scene {
  const gets: Get[] = [];
  const warnings: string[] = [];
  const objects = new Map<string, Buffer>();
  const store = {
    put: async () => undefined,
    get: (name: string) =>
      new Promise<Buffer>((resolve, fail) => {
        gets.push({ name, fail, done: (bytes) => resolve(bytes ?? objects.get(name)!) });
      }),
  };
  const all = { inUseBytes: 1_000, keptBytes: 500, waitMs: 5_000, ...limits };
  const onWarning = (text: string): void => void warnings.push(text);
  return {
    whole: createWhole({ store, uriPrefix: PREFIX, onWarning, limits: all }),
    gets,
    warnings,
    light(event) {
      const object = objectOf(event.data!);
      objects.set(object.name, event.data!.bytes);
      return lightOf(event, object, PREFIX);
    },
  };
}

async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A user that holds the event until it is let go. */
function hold(whole: Whole, light: CloudEvent): { readonly ended: Promise<CloudEvent>; readonly go: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const ended = whole.use(light, idle, async (event) => {
    await promise;
    return event;
  });
  ended.catch(() => undefined);
  return { ended, go: resolve };
}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'ok',
    (thrown: unknown) => (thrown instanceof RouterError ? thrown.code : String(thrown)),
  );

test('whole: deliveries that ask at once, and a little later, share one fetch', async () => {
  const { whole, gets, light } = openScene();
  const event = made('a');
  const users = [
    hold(whole, light(event)),
    hold(whole, light(event)),
    hold(whole, light({ ...event, attributes: { ...event.attributes, id: 'b' } })),
  ];
  await settled();
  gets[0]!.done();
  for (const { go } of users) go();

  const [first, second, other] = await Promise.all(users.map(({ ended }) => ended));
  assert.deepEqual([first, second], [event, event]);
  assert.equal(other!.attributes.id, 'b');
  assert.deepEqual(await whole.use(light(event), idle, async (again) => again), event);
  assert.equal(gets.length, 1);
});

test('whole: other bytes than were put there, and fewer, are DATA_ALTERED, and are not kept', async () => {
  const { whole, gets, light } = openScene();
  const event = made('a');
  for (const bytes of [Buffer.from('other'), event.data!.bytes.subarray(1), Buffer.alloc(0)]) {
    const used = whole.use(light(event), idle, async () => assert.fail('it was handed out'));
    used.catch(() => undefined);
    await settled();
    gets.at(-1)!.done(bytes);
    assert.equal(await codeOf(used), 'DATA_ALTERED');
  }
  const used = whole.use(light(event), idle, async (again) => again);
  await settled();
  gets.at(-1)!.done();
  assert.deepEqual(await used, event);
  assert.equal(gets.length, 4);
});

test('whole: what the store says is handed on, and a store that is down is told of once', async () => {
  const { whole, gets, light, warnings } = openScene();
  const ask = async (id: string, error?: Error): Promise<string> => {
    const used = codeOf(whole.use(light(made(id)), idle, async () => 'used'));
    await settled();
    if (error === undefined) gets.at(-1)!.done();
    else gets.at(-1)!.fail(error);
    return used;
  };
  const down = new RouterError('DATA_UNAVAILABLE', 'the store is down');

  assert.equal(await ask('a', new RouterError('DATA_GONE', 'gone')), 'DATA_GONE');
  assert.equal(await ask('b', down), 'DATA_UNAVAILABLE');
  assert.equal(await ask('c', down), 'DATA_UNAVAILABLE');
  assert.equal(warnings.length, 1);
  assert.equal(await ask('d'), 'ok');
  assert.equal(await ask('e', new TypeError('a fault')), 'DATA_UNAVAILABLE');
  assert.deepEqual([warnings.length, warnings.some((text) => text.includes('a fault'))], [2, false]);
});

test('whole: what the user throws is handed on as it is', async () => {
  const { whole, gets, light } = openScene();
  const used = whole.use(light(made('a')), idle, async () => {
    throw new TypeError('its own');
  });
  used.catch(() => undefined);
  await settled();
  gets[0]!.done();
  await assert.rejects(used, { name: 'TypeError', message: 'its own' });
});

test('whole: an abort ends the wait of its own delivery, and not that of others', async () => {
  const { whole, gets, light } = openScene();
  const control = new AbortController();
  const event = made('a');
  const given = codeOf(whole.use(light(event), control.signal, async () => 'used'));
  const other = codeOf(whole.use(light(event), idle, async () => 'used'));
  control.abort();
  assert.equal(await given, 'ABORTED');
  await settled();
  gets[0]!.done();
  assert.equal(await other, 'ok');
  assert.equal(await codeOf(whole.use(light(made('b')), AbortSignal.abort(), async () => 'used')), 'ABORTED');
});

test('whole: a fetch that fails when nobody waits for it any more disturbs nobody', async () => {
  const { whole, gets, light } = openScene();
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', note);
  try {
    assert.equal(await codeOf(whole.use(light(made('a')), AbortSignal.abort(), async () => 'used')), 'ABORTED');
    await settled();
    for (const get of gets) get.fail(new RouterError('DATA_GONE', 'gone'));
    await settled();
  } finally {
    process.off('unhandledRejection', note);
  }
  assert.deepEqual([gets.length, unhandled], [1, []]);
});

test('whole: a fetch that takes too long costs its delivery only, and is there for the next try', async () => {
  const { whole, gets, light } = openScene({ waitMs: 50 });
  const event = made('a');
  assert.equal(await codeOf(whole.use(light(event), idle, async () => 'used')), 'DATA_UNAVAILABLE');
  gets[0]!.done();
  await settled();
  assert.equal(await codeOf(whole.use(light(event), idle, async () => 'used')), 'ok');
  assert.equal(gets.length, 1);
});

test('whole: data in use is bounded, also when hundreds ask at once, and all are served in the end', async () => {
  const { whole, gets, light } = openScene({ inUseBytes: 1_000, keptBytes: 0 });
  const users = Array.from({ length: 50 }, (_, i) => hold(whole, light(made(`<${i}>`, 400))));
  let most = 0;
  for (let served = 0; served < users.length; served++) {
    await settled();
    for (const get of gets) get.done();
    await settled();
    most = Math.max(most, gets.length - served);
    users[served]!.go();
    await users[served]!.ended;
  }
  assert.equal(gets.length, 50);
  // 1,000 bytes are three of them, and four are fetched at once.
  assert.ok(most <= 3 + 4, `${most} at once`);
});

test('whole: what nobody uses is kept up to a bound, the least recently used goes first', async () => {
  const { whole, gets, light } = openScene({ keptBytes: 500 });
  const use = async (id: string): Promise<void> => {
    const before = gets.length;
    const used = whole.use(light(made(id, 200)), idle, async () => undefined);
    await settled();
    if (gets.length > before) gets.at(-1)!.done();
    await used;
  };
  for (const id of ['a', 'b', 'a', 'c', 'a', 'b']) await use(id);

  const names = gets.map(({ name }) => name);
  const nameOf = (id: string): string => objectOf(made(id, 200).data!).name;
  assert.deepEqual(names, ['a', 'b', 'c', 'b'].map(nameOf));
});
