// One delivery of what two subscriptions of one rule bring, and never fewer: the second copy is held back only by a delivery.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createDeliverOnce } from '../../adapters/deliver-once.ts';
import type { Consumer, Delivery, Outcome } from '../../router/consume.ts';
import { made } from '../contract/adapter-harness.ts';

const idle = new AbortController().signal;
const ack: Outcome = { kind: 'ack' };
const unmatched: Outcome = { kind: 'ack', unmatched: true };
const later: Outcome = { kind: 'retry', afterMs: 10, counts: true };

function of(id: string, rule = 'r'): Delivery {
  return { event: made(id), rule, attempt: 1, unchecked: true };
}

/** Answers in this order, the last one for ever. */
function scene(...answers: (Outcome | Promise<Outcome>)[]) {
  const asked: string[] = [];
  const consumer: Consumer = {
    match: () => [],
    deliver: async ({ event, rule }) => {
      asked.push(`${rule} ${event.attributes.id}`);
      return (answers.length > 1 ? answers.shift() : answers[0]) ?? ack;
    },
    refuse: async () => undefined,
    ordered: () => false,
  };
  const once = createDeliverOnce(consumer);
  return { once, asked, deliver: (delivery: Delivery) => once.consumer.deliver(delivery, idle) };
}

test('deliver once: of a rule with several subscriptions the second copy is acknowledged and goes nowhere', async () => {
  const { once, asked, deliver } = scene(ack);
  once.share(new Set(['r']));

  assert.deepEqual([await deliver(of('a')), await deliver(of('a')), await deliver(of('a', 's'))], [ack, ack, ack]);
  assert.deepEqual(asked, ['r a', 's a']);
});

test('deliver once: a rule with one subscription gets a repeated event again', async () => {
  const { asked, deliver } = scene(ack);

  await deliver(of('a'));
  await deliver(of('a'));

  assert.deepEqual(asked, ['r a', 'r a']);
});

test('deliver once: what was delivered before the rule had a second subscription counts', async () => {
  const { once, asked, deliver } = scene(ack);
  await deliver(of('a'));

  once.share(new Set(['r']));
  await deliver(of('a'));

  assert.deepEqual(asked, ['r a']);
});

test('deliver once: what the rule did not take at the time is asked again, for the rule may have changed', async () => {
  const { once, asked, deliver } = scene(unmatched, ack);
  once.share(new Set(['r']));

  assert.deepEqual([await deliver(of('a')), await deliver(of('a')), await deliver(of('a'))], [unmatched, ack, ack]);
  assert.deepEqual(asked, ['r a', 'r a']);
});

test('deliver once: two copies at once are one delivery; the second one fails with the first and counts no attempt', async () => {
  const first = Promise.withResolvers<Outcome>();
  const { once, asked, deliver } = scene(first.promise, ack);
  once.share(new Set(['r']));

  const both = [deliver(of('a')), deliver(of('a'))];
  first.resolve(later);

  assert.deepEqual(await Promise.all(both), [later, { ...later, counts: false }]);
  assert.deepEqual(asked, ['r a']);
  assert.deepEqual(await deliver(of('a')), ack);
});

test('deliver once: a copy that waits for one the rule did not take is delivered on its own', async () => {
  const first = Promise.withResolvers<Outcome>();
  const { once, asked, deliver } = scene(first.promise, ack);
  once.share(new Set(['r']));

  const both = [deliver(of('a')), deliver(of('a'))];
  first.resolve(unmatched);

  assert.deepEqual(await Promise.all(both), [unmatched, ack]);
  assert.deepEqual(asked, ['r a', 'r a']);
});

test('deliver once: whatever comes in which order, each event is delivered, and once while the memory lasts', async () => {
  const copies = fc.array(fc.tuple(fc.nat(8), fc.boolean()), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(
      copies,
      fc.array(fc.constantFrom(ack, later, unmatched), { maxLength: 20 }),
      async (given, plan) => {
        const delivered = new Map<string, number>();
        const consumer: Consumer = {
          match: () => [],
          async deliver({ event }) {
            await Promise.resolve();
            const outcome = plan.shift() ?? ack;
            const { id } = event.attributes;
            if (outcome === ack) delivered.set(id, (delivered.get(id) ?? 0) + 1);
            return outcome;
          },
          refuse: async () => undefined,
          ordered: () => false,
        };
        const once = createDeliverOnce(consumer);
        once.share(new Set(['r']));
        const settle = async (id: string): Promise<void> => {
          for (let tries = 0; tries < 100; tries++) {
            const outcome = await once.consumer.deliver(of(id), idle);
            if (outcome.kind === 'ack' && outcome.unmatched !== true) return;
          }
          assert.fail(`${id} never ends`);
        };
        const running: Promise<void>[] = [];
        for (const [n, wait] of given) {
          running.push(settle(`e${n}`));
          if (wait) await running.at(-1);
        }
        await Promise.all(running);

        assert.deepEqual([...delivered.keys()].sort(), [...new Set(given.map(([n]) => `e${n}`))].sort());
        assert.ok([...delivered.values()].every((times) => times === 1));
      },
    ),
  );
});

test('deliver once: its memory is bounded', async () => {
  const { once, asked, deliver } = scene(ack);
  once.share(new Set(['r']));
  for (let i = 0; i < 10_001; i++) await deliver(of(`e${i}`));

  await deliver(of('e10000'));
  await deliver(of('e0'));

  assert.deepEqual(asked.length, 10_002);
  assert.equal(asked.at(-1), 'r e0');
});
