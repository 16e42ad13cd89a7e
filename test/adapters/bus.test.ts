// The portable part of every bus, against an adapter whose answers the test gives, under a clock it holds.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import fc from 'fast-check';
import type { Adapter, Limits, PublishResult } from '../../adapters/adapter.ts';
import { type Bus, createBus } from '../../adapters/bus.ts';
import { RouterError } from '../../router/errors.ts';
import { binaryData, type CloudEvent } from '../../router/event.ts';

const ok: PublishResult = { ok: true };
const refused = (retryable: boolean, retryAfterMs?: number): PublishResult => ({
  ok: false,
  code: retryable ? 'THROTTLED' : 'NOT_CARRIABLE',
  reason: 'because',
  retryable,
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
});

/** The data's length is the event's size. */
function made(id: string, bytes = 1): CloudEvent {
  return { attributes: { specversion: '1.0', id, source: '/bus', type: 't' }, data: binaryData(Buffer.alloc(bytes)) };
}

interface Call {
  readonly ids: string[];
  readonly at: number;
  readonly signal: AbortSignal;
}

interface Scene {
  readonly bus: Bus;
  readonly calls: Call[];
  readonly idsOfCalls: () => string[][];
  closed: number;
}

type Answer = (batch: readonly CloudEvent[], signal: AbortSignal, call: number) => unknown;

function openScene(
  answer: Answer = (batch) => batch.map(() => ok),
  given: Partial<Limits & { pendingBytes: number }> = {},
): Scene {
  const { pendingBytes = 1_000_000, ...limits } = given;
  const calls: Call[] = [];
  const adapter: Adapter = {
    name: 'fake',
    limits: { events: 3, callBytes: 100, eventBytes: 1_000, ...limits },
    capabilities: { delivery: 'push', order: true, dedupe: false, replay: false },
    check: async () => undefined,
    sizeOf(event) {
      if (event.attributes.id === 'cannot') throw new RouterError('NOT_CARRIABLE', 'too deep');
      if (event.attributes.id === 'breaks') throw new TypeError('secret-text');
      return event.data?.bytes.length ?? 0;
    },
    async publish(batch, signal) {
      calls.push({ ids: batch.map((event) => event.attributes.id), at: Date.now(), signal });
      return (await answer(batch, signal, calls.length - 1)) as readonly PublishResult[];
    },
    decode: () => [],
    compile: (residual) => ({ kind: 'none', native: null, residual }),
    async close() {
      scene.closed++;
    },
  };
  const bus = createBus(adapter, { deadlineMs: 5_000, pendingBytes, now: Date.now });
  const scene: Scene = { bus, calls, idsOfCalls: () => calls.map((call) => call.ids), closed: 0 };
  return scene;
}

async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Moves the clock in small steps until `work` is done; how long it took by that clock. */
async function after<T>(work: Promise<T>): Promise<{ readonly value: T; readonly tookMs: number }> {
  const begun = Date.now();
  let value: { readonly is: T } | undefined;
  void work.then((is) => {
    value = { is };
  });
  await settled();
  while (value === undefined && Date.now() - begun < 60_000) {
    mock.timers.tick(10);
    await settled();
  }
  assert.ok(value !== undefined, 'it never ended');
  return { value: value.is, tookMs: Date.now() - begun };
}

const codes = (results: readonly PublishResult[]): string[] =>
  results.map((result) => (result.ok ? 'ok' : result.code));
const hangUntilAbort: Answer = (_batch, signal) =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new RouterError('ABORTED', 'given up')));
  });

function timed(name: string, run: () => Promise<void>): void {
  test(`bus: ${name}`, async () => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
    try {
      await run();
    } finally {
      mock.timers.reset();
    }
  });
}

timed('what is published in one turn leaves in one call, and each gets its own results', async () => {
  const scene = openScene((batch) => batch.map(({ attributes: { id } }) => (id === 'b' ? refused(false) : ok)));

  const results = await Promise.all([scene.bus.publish([made('a')]), scene.bus.publish([made('b'), made('c')])]);

  assert.deepEqual(scene.idsOfCalls(), [['a', 'b', 'c']]);
  assert.deepEqual(results.map(codes), [['ok'], ['NOT_CARRIABLE', 'ok']]);
});

timed('what comes while a call is under way leaves with the next', async () => {
  let release = (): void => undefined;
  const scene = openScene((batch, _signal, call) => {
    if (call > 0) return batch.map(() => ok);
    return new Promise((resolve) => {
      release = () => resolve([ok]);
    });
  });
  const first = scene.bus.publish([made('a')]);
  await settled();
  const later = [scene.bus.publish([made('b')]), scene.bus.publish([made('c')])];
  await settled();
  assert.deepEqual(scene.idsOfCalls(), [['a']]);

  release();
  await Promise.all([first, ...later]);

  assert.deepEqual(scene.idsOfCalls(), [['a'], ['b', 'c']]);
});

timed('calls are split by events and by bytes, in order, and an event over a call goes alone', async () => {
  const scene = openScene();
  const events = [made('a'), made('b'), made('c'), made('d', 60), made('e', 60), made('f', 500), made('g', 40)];

  const results = await scene.bus.publish(events);

  assert.deepEqual(scene.idsOfCalls(), [['a', 'b', 'c'], ['d'], ['e'], ['f'], ['g']]);
  assert.ok(results.every((result) => result.ok));
});

timed('room that a call would leave empty is filled by what came later, but never against an order', async () => {
  const scene = openScene();
  const keyed = (id: string, bytes: number, key: string): CloudEvent => {
    const { attributes, data } = made(id, bytes);
    return { attributes: { ...attributes, partitionkey: key }, ...(data && { data }) };
  };

  await Promise.all([
    scene.bus.publishOne(made('a', 60)),
    scene.bus.publish([made('b', 60), made('b2', 10)]),
    scene.bus.publishOne(keyed('c', 50, 'k')),
    scene.bus.publishOne(keyed('c2', 10, 'k')),
    scene.bus.publishOne(made('d', 10)),
    scene.bus.publishOne(keyed('e', 10, 'other')),
  ]);

  assert.deepEqual(scene.idsOfCalls(), [
    ['a', 'd', 'e'],
    ['b', 'b2'],
    ['c', 'c2'],
  ]);
});

/** In which call each event left. */
function callOf(calls: readonly (readonly string[])[], id: string): number {
  return calls.findIndex((ids) => ids.includes(id));
}

/** As many from the front as fit, and the rest in the next call. */
function inOrder(events: readonly CloudEvent[], { events: most, callBytes }: Pick<Limits, 'events' | 'callBytes'>) {
  const calls: string[][] = [];
  let bytes = 0;
  for (const { attributes, data } of events) {
    const size = data!.bytes.length;
    const last = calls.at(-1);
    if (last === undefined || last.length === most || bytes + size > callBytes) {
      calls.push([attributes.id]);
      bytes = size;
    } else {
      last.push(attributes.id);
      bytes += size;
    }
  }
  return calls;
}

test('bus: filling calls keeps the order of keys and calls, and no event leaves later than without it', async () => {
  const limits = { events: 4, callBytes: 100 };
  const groups = fc.array(
    fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 120 }), key: fc.constantFrom('', '', 'k', 'l') }), {
      minLength: 1,
      maxLength: 3,
    }),
    { minLength: 1, maxLength: 20 },
  );
  let overtaken = 0;
  await fc.assert(
    fc.asyncProperty(groups, async (given) => {
      const scene = openScene(undefined, limits);
      const published = given.map((group, g) =>
        group.map(({ bytes, key }, i) => {
          const { attributes, data } = made(`${g}.${i}`, bytes);
          return { attributes: key === '' ? attributes : { ...attributes, partitionkey: key }, data: data! };
        }),
      );
      await Promise.all(published.map((events) => scene.bus.publish(events)));

      const calls = scene.idsOfCalls();
      const sent = calls.flat();
      const all = published.flat();
      const idsOf = (events: readonly CloudEvent[]): string[] => events.map(({ attributes }) => attributes.id);
      const asSent = (ids: readonly string[]): string[] => sent.filter((id) => ids.includes(id));
      assert.deepEqual([...sent].sort(), idsOf(all).sort());
      for (const events of published) assert.deepEqual(asSent(idsOf(events)), idsOf(events));
      for (const key of ['k', 'l']) {
        const ids = idsOf(all.filter(({ attributes }) => attributes['partitionkey'] === key));
        assert.deepEqual(asSent(ids), ids);
      }
      const due = inOrder(all, limits);
      for (const id of sent) assert.ok(callOf(calls, id) <= callOf(due, id), `${id} left later`);
      if (sent.join() !== idsOf(all).join()) overtaken++;
    }),
    { numRuns: 300 },
  );
  assert.ok(overtaken > 50, `events overtook others in only ${overtaken} runs`);
});

timed('nothing to publish makes no call', async () => {
  const scene = openScene();
  assert.deepEqual(await scene.bus.publish([]), []);
  await settled();
  assert.equal(scene.calls.length, 0);
});

timed('an event that is too large or cannot be carried fails alone and is never sent', async () => {
  const scene = openScene();

  const results = await scene.bus.publish([made('a'), made('large', 1_001), made('cannot'), made('breaks'), made('b')]);

  assert.deepEqual(codes(results), ['ok', 'EVENT_TOO_LARGE', 'NOT_CARRIABLE', 'NOT_CARRIABLE', 'ok']);
  assert.deepEqual(scene.idsOfCalls(), [['a', 'b']]);
  assert.ok(!JSON.stringify(results).includes('secret-text'));
});

timed('only what failed and may succeed is sent again, not before the hint', async () => {
  const scene = openScene((batch, _signal, call) =>
    batch.map(({ attributes: { id } }) =>
      call === 0 && id === 'b' ? refused(true, 700) : id === 'c' ? refused(false) : ok,
    ),
  );

  const { value } = await after(scene.bus.publish([made('a'), made('b'), made('c')]));

  assert.deepEqual(codes(value), ['ok', 'ok', 'NOT_CARRIABLE']);
  assert.deepEqual(scene.idsOfCalls(), [['a', 'b', 'c'], ['b']]);
  const waited = scene.calls[1]!.at - scene.calls[0]!.at;
  assert.ok(waited >= 700 && waited <= 720, `waited ${waited} ms`);
});

timed('a whole call that fails is sent again in the same order', async () => {
  const scene = openScene((batch, _signal, call) => {
    if (call === 0) throw new RouterError('BUS_UNAVAILABLE', 'gone');
    return batch.map(() => ok);
  });

  await after(scene.bus.publish([made('a'), made('b'), made('c'), made('d')]));

  assert.deepEqual(scene.idsOfCalls(), [['a', 'b', 'c'], ['a', 'b', 'c'], ['d']]);
});

timed('what always fails is given up at the deadline with its last code, after ever longer waits', async () => {
  const scene = openScene((batch) => batch.map(() => refused(true)));

  const { value, tookMs } = await after(scene.bus.publish([made('a')]));

  assert.deepEqual(codes(value), ['THROTTLED']);
  assert.ok(tookMs <= 5_000, `took ${tookMs} ms`);
  const waits = scene.calls.slice(1).map((call, i) => call.at - scene.calls[i]!.at);
  assert.ok(waits.length >= 5 && waits.length <= 12, `${waits}`);
  assert.ok(waits.every((wait, i) => i === 0 || wait >= waits[i - 1]! - 10) && waits.at(-1)! >= 900, `${waits}`);
});

timed('a hint beyond the deadline is not waited for', async () => {
  const scene = openScene((batch) => batch.map(() => refused(true, 60_000)));
  const { value, tookMs } = await after(scene.bus.publish([made('a')]));
  assert.deepEqual(codes(value), ['THROTTLED']);
  assert.ok(tookMs < 100);
});

timed('a call without an answer is aborted at the deadline: outcome unknown', async () => {
  const scene = openScene(hangUntilAbort);

  const { value, tookMs } = await after(scene.bus.publish([made('a')]));

  assert.deepEqual(codes(value), ['BUS_UNAVAILABLE']);
  assert.match(value[0]!.ok ? '' : value[0]!.reason, /outcome is unknown/);
  assert.ok(tookMs >= 5_000 && tookMs <= 5_050, `took ${tookMs} ms`);
});

timed('an adapter that ignores the abort does not stop the bus', async () => {
  const scene = openScene((batch, _signal, call) => (call === 0 ? new Promise(() => undefined) : batch.map(() => ok)));

  const { value, tookMs } = await after(scene.bus.publish([made('a')]));
  assert.deepEqual(codes(value), ['BUS_UNAVAILABLE']);
  assert.ok(tookMs <= 6_050, `took ${tookMs} ms`);

  assert.deepEqual(codes((await after(scene.bus.publish([made('b')]))).value), ['ok']);
});

timed('what waited behind a hanging call beyond its deadline is answered and not sent', async () => {
  const scene = openScene(
    (batch, signal, call) => (call === 0 ? hangUntilAbort(batch, signal, call) : batch.map(() => ok)),
    {
      events: 1,
    },
  );
  const first = scene.bus.publish([made('a'), made('b')]);
  await settled();
  mock.timers.tick(2_000);
  const second = scene.bus.publish([made('c')]);

  const { value } = await after(Promise.all([first, second]));

  assert.deepEqual(value.map(codes), [['BUS_UNAVAILABLE', 'BUS_UNAVAILABLE'], ['ok']]);
  assert.deepEqual(scene.idsOfCalls(), [['a'], ['c']]);
});

timed('bytes that wait are bounded, and room comes back', async () => {
  let release = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const scene = openScene(async (batch) => gate.then(() => batch.map(() => ok)), { pendingBytes: 100 });
  const held = scene.bus.publish([made('a', 60), made('b', 40)]);

  assert.deepEqual(codes(await scene.bus.publish([made('c', 1)])), ['BUS_OVERLOADED']);
  release();
  await held;
  assert.deepEqual(codes(await scene.bus.publish([made('d', 100)])), ['ok']);
});

timed('an adapter with too few answers leaves no event without one', async () => {
  const scene = openScene((_batch, _signal, call) => (call === 0 ? [ok] : []));
  const { value } = await after(scene.bus.publish([made('a'), made('b')]));
  assert.deepEqual(codes(value), ['ok', 'INTERNAL']);
});

timed('an adapter that answers nonsense, or throws, rejects nobody', async () => {
  for (const nonsense of [undefined, null, {}, new Error('secret-text')]) {
    const scene = openScene(() => {
      if (nonsense instanceof Error) throw nonsense;
      return nonsense;
    });
    const { value } = await after(scene.bus.publish([made('a')]));
    assert.equal(value[0]?.ok, false);
    assert.ok(!JSON.stringify(value).includes('secret-text'));
  }
});

timed('close waits for what is under way, refuses the rest, and closes the adapter once', async () => {
  let release = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const scene = openScene(async (batch) => gate.then(() => batch.map(() => ok)));
  const held = scene.bus.publish([made('a')]);
  await settled();

  const closing = [scene.bus.close(), scene.bus.close()];
  assert.deepEqual(codes(await scene.bus.publish([made('b')])), ['CLOSED']);
  assert.equal(scene.closed, 0);
  release();
  await Promise.all([...closing, scene.bus.close()]);

  assert.deepEqual(codes(await held), ['ok']);
  assert.equal(scene.closed, 1);
});

timed('close gives up what would have to be sent again', async () => {
  const scene = openScene((batch) => batch.map(() => refused(true)));
  const held = scene.bus.publish([made('a')]);
  await settled();

  const { tookMs } = await after(scene.bus.close());

  assert.deepEqual(codes(await held), ['THROTTLED']);
  assert.ok(tookMs <= 1_100, `took ${tookMs} ms`);
});
