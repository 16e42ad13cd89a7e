// A bus that is offered more than it can take, under a clock that the test holds: what gets an answer in time goes on getting
// one. Calls that are given up just before their answer would be taken by the bus, told to nobody and sent again for ever.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { Adapter, PublishResult } from '../../adapters/adapter.ts';
import { type Bus, busDefaults, createBus } from '../../adapters/bus.ts';
import { RouterError } from '../../router/errors.ts';
import type { CloudEvent } from '../../router/event.ts';

interface Scene {
  readonly bus: Bus;
  /** How long a call takes from now on. */
  slow(ms: number): void;
  /** Events that the bus has taken; one that was sent twice counts twice. */
  readonly taken: () => number;
}

/** Takes three events a call, one call after the other, whether anybody waits for the answer or not. */
function openScene(callMs: number): Scene {
  let [ms, taken] = [callMs, 0];
  const adapter: Adapter = {
    name: 'fake',
    limits: { events: 3, callBytes: 1_000, eventBytes: 1_000 },
    capabilities: { delivery: 'push', order: true, dedupe: false, replay: false },
    check: async () => undefined,
    sizeOf: () => 1,
    publish(batch, signal) {
      taken += batch.length;
      return new Promise<readonly PublishResult[]>((resolve, reject) => {
        setTimeout(() => resolve(batch.map(() => ({ ok: true }))), ms);
        signal.addEventListener('abort', () => reject(new RouterError('ABORTED', 'given up')));
      });
    },
    decode: () => [],
    compile: (residual) => ({ kind: 'none', native: null, residual }),
    close: async () => undefined,
  };
  return {
    bus: createBus(adapter, { ...busDefaults, now: Date.now }),
    slow(given) {
      ms = given;
    },
    taken: () => taken,
  };
}

function eventOf(id: number): CloudEvent {
  return { attributes: { specversion: '1.0', id: String(id), source: '/overload', type: 't' } };
}

const TICK_MS = 20;

async function tick(): Promise<void> {
  mock.timers.tick(TICK_MS);
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Publishes `perSecond` events a second, one by one; how many were told to be taken, second by second. */
async function offer({ bus }: Scene, perSecond: number, seconds: number): Promise<readonly number[]> {
  const told = Array<number>(seconds).fill(0);
  let count = 0;
  for (let ms = 0; ms < seconds * 1_000; ms += TICK_MS) {
    const second = Math.floor(ms / 1_000);
    for (; count <= (ms / 1_000) * perSecond; count++) {
      void bus.publishOne(eventOf(count)).then(({ ok }) => {
        if (ok) told[second]!++;
      });
    }
    await tick();
  }
  return told;
}

const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0);

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

timed('offered more than it can take, it goes on taking what it can, and is sent nothing in vain', async () => {
  // Three in 300 ms: ten a second.
  const scene = openScene(300);
  const told = await offer(scene, 14, 40);

  // The last seconds' events have no answer yet.
  assert.ok(sum(told.slice(15, 35)) >= 0.9 * 10 * 20, `taken of each second: ${told.join(' ')}`);
  assert.ok(scene.taken() <= sum(told) + 6, `${scene.taken()} were sent, ${sum(told)} were told`);
});

timed('one that becomes slower than its queue allows is known to be so after a few calls', async () => {
  const scene = openScene(10);
  await offer(scene, 14, 10);
  scene.slow(300);
  const told = await offer(scene, 30, 35);

  assert.ok(sum(told.slice(15, 30)) >= 0.85 * 10 * 15, `taken of each second: ${told.join(' ')}`);
});
