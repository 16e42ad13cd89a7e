// The bound must be one that nobody can go below, and the replay must find out a bus that fills its calls badly.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Adapter, Limits } from '../../adapters/adapter.ts';
import { createBus } from '../../adapters/bus.ts';
import { jsonData } from '../../router/event.ts';
import { type Arrival, leastCalls, replay } from './packing.ts';
import { traceKinds, traceOf } from './traces.ts';

const limits: Limits = { events: 10, callBytes: 1_000, eventBytes: 1_000 };
const CALL_MS = 20;

/** The data's length is the event's size; replay gives it the publish. */
const adapter: Adapter = {
  name: 'fake',
  limits,
  capabilities: { delivery: 'push', order: false, dedupe: false, replay: false },
  check: async () => undefined,
  sizeOf: (event) => event.data!.bytes.length,
  publish: async () => [],
  decode: () => [],
  compile: (residual) => ({ kind: 'none', native: null, residual }),
  close: async () => undefined,
};

function arrivals(...given: readonly (readonly [atMs: number, bytes: number])[]): readonly Arrival[] {
  return given.map(([atMs, bytes], i) => ({
    atMs,
    event: {
      attributes: { specversion: '1.0', id: String(i), source: '/packing', type: 't' },
      data: jsonData(Buffer.alloc(bytes, '1')),
    },
  }));
}

const burst = (count: number, bytes: number): readonly Arrival[] =>
  arrivals(...Array.from({ length: count }, () => [0, bytes] as const));

function leastFor(sizes: readonly number[]): number {
  const least = leastCalls(limits);
  for (const size of sizes) least.arrive(size);
  for (const _ of sizes) least.depart();
  return least.calls();
}

/** The fewest calls that hold all, by trying every way. */
function optimum(sizes: readonly number[], calls: readonly { count: number; bytes: number }[] = []): number {
  const [size, ...rest] = sizes;
  if (size === undefined) return calls.length;
  const ways = [...calls, { count: 0, bytes: 0 }].map(({ count, bytes }, i) => {
    if (count + 1 > limits.events || bytes + size > limits.callBytes) return Number.POSITIVE_INFINITY;
    return optimum(rest, [...calls.slice(0, i), { count: count + 1, bytes: bytes + size }, ...calls.slice(i + 1)]);
  });
  return Math.min(...ways);
}

test('packing: the bound counts events, bytes, and events that fit beside no other of their kind', () => {
  assert.equal(leastFor(Array(25).fill(1)), 3);
  assert.equal(leastFor(Array(7).fill(300)), 3);
  assert.equal(leastFor(Array(4).fill(501)), 4);
  assert.equal(leastFor([]), 0);
});

test('packing: no way to pack is below the bound', () => {
  let tight = 0;
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 1_000 }), { maxLength: 6 }), (sizes) => {
      const best = optimum(sizes);
      assert.ok(leastFor(sizes) <= best, `${leastFor(sizes)} against ${best}`);
      if (leastFor(sizes) === best) tight++;
    }),
    { numRuns: 300 },
  );
  assert.ok(tight > 100, `the bound was met in only ${tight} of 300`);
});

test('packing: what waits together leaves together, and what comes alone leaves alone', async () => {
  assert.deepEqual(await replay(adapter, burst(25, 1), CALL_MS), { events: 25, requests: 3, least: 3, together: 3 });
  assert.deepEqual(await replay(adapter, arrivals([0, 1], [30, 1], [60, 1]), CALL_MS), {
    events: 3,
    requests: 3,
    least: 3,
    together: 1,
  });
  // The first leaves alone, the others while it is under way.
  assert.deepEqual(await replay(adapter, arrivals([0, 1], [5, 1], [10, 1], [20, 1], [41, 1]), CALL_MS), {
    events: 5,
    requests: 3,
    least: 3,
    together: 1,
  });
});

test('packing: a bus that fills its calls badly is found out', async () => {
  const oneByOne: typeof createBus = (given, options) =>
    createBus({ ...given, limits: { ...limits, events: 1 } }, options);

  assert.deepEqual(await replay(adapter, burst(20, 1), CALL_MS, oneByOne), {
    events: 20,
    requests: 20,
    least: 2,
    together: 2,
  });
  const pairs = arrivals([0, 1], [0, 1], [5, 1], [6, 1], [40, 1], [41, 1], [500, 1], [500, 1]);
  assert.deepEqual(await replay(adapter, pairs, CALL_MS), { events: 8, requests: 5, least: 5, together: 1 });
  assert.deepEqual(await replay(adapter, pairs, CALL_MS, oneByOne), { events: 8, requests: 8, least: 5, together: 1 });
});

test('packing: an event that is not taken voids the figures', async () => {
  const small: Adapter = { ...adapter, limits: { ...limits, eventBytes: 100 } };

  await assert.rejects(replay(small, arrivals([0, 50], [0, 200]), CALL_MS), /invalid: 1 of 2 events were taken/);
});

test('traces: the same seed gives the same arrivals, in order, at the share that they are named for', () => {
  // Calls that are as many events as bytes of the small sizes.
  const wide: Adapter = { ...adapter, limits: { events: 100, callBytes: 200_000, eventBytes: 200_000 } };
  for (const kind of traceKinds) {
    const options = { adapter: wide, callMs: CALL_MS, events: 4_000 };
    const [first, again, other] = [1, 1, 2].map((seed) => traceOf(kind, { ...options, seed }));
    const facts = (trace: readonly Arrival[]) => trace.map(({ atMs, event }) => [atMs, wide.sizeOf(event)]);

    assert.deepEqual(facts(again!), facts(first!));
    assert.notDeepEqual(facts(other!), facts(first!));
    assert.ok(first!.every(({ atMs }, i) => i === 0 || atMs >= first![i - 1]!.atMs));
    if (kind.share === undefined) continue;
    const bytes = first!.reduce((sum, { event }) => sum + wide.sizeOf(event), 0);
    const calls = Math.max(first!.length / wide.limits.events, bytes / wide.limits.callBytes);
    const share = (calls * CALL_MS) / first!.at(-1)!.atMs;
    assert.ok(Math.abs(share / kind.share - 1) < 0.1, `${kind.name}: ${share}`);
  }
});
