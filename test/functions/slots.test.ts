// Slots: so many at once, so many waiting, so long, and nobody forgotten.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import fc from 'fast-check';
import { createSlots, type Slots } from '../../functions/slots.ts';

function timed(name: string, run: () => Promise<void> | void): void {
  test(`slots: ${name}`, async () => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
    try {
      await run();
    } finally {
      mock.timers.reset();
    }
  });
}

const open = (slots: number, waiting: number, waitMs = 100): Slots => createSlots({ slots, waiting, waitMs }, Date.now);

timed('a free slot is got at once, a full room is refused at once', () => {
  const slots = open(2, 1);
  assert.deepEqual([slots.take(), slots.take()], [true, true]);
  assert.ok(slots.take() instanceof Promise);
  assert.equal(slots.take(), false);
});

timed('who waits gets the slot that is given back, in the order they came', async () => {
  const slots = open(1, 3);
  slots.take();
  const order: number[] = [];
  const waiting = [0, 1, 2].map(async (i) => {
    assert.equal(await slots.take(), true);
    order.push(i);
    slots.release();
  });
  slots.release();
  await Promise.all(waiting);
  assert.deepEqual(order, [0, 1, 2]);
  assert.equal(slots.take(), true, 'the slot is free again');
});

timed('who waits too long is sent away, and no later than others', async () => {
  const slots = open(1, 10, 100);
  slots.take();
  const answers: (readonly [number, boolean])[] = [];
  const wait = (i: number) => void Promise.resolve(slots.take()).then((got) => answers.push([i, got]));
  wait(0);
  mock.timers.tick(60);
  wait(1);
  mock.timers.tick(40);
  await Promise.resolve();
  assert.deepEqual(answers, [[0, false]]);
  mock.timers.tick(60);
  await Promise.resolve();
  assert.deepEqual(answers, [
    [0, false],
    [1, false],
  ]);
  slots.release();
  assert.equal(slots.take(), true, 'those who left took nothing with them');
});

timed('whatever happens, no more than the slots are taken, and everybody gets an answer', async () => {
  const limits = fc.record({ slots: fc.integer({ min: 1, max: 3 }), waiting: fc.integer({ min: 0, max: 4 }) });
  const step = fc.constantFrom('take', 'take', 'release', 'tick');
  await fc.assert(
    fc.asyncProperty(limits, fc.array(step, { maxLength: 60 }), async ({ slots: count, waiting }, steps) => {
      const slots = open(count, waiting);
      let held = 0;
      let unanswered = 0;
      const settle = (got: boolean): void => {
        unanswered--;
        if (got) held++;
        assert.ok(held <= count);
      };
      for (const what of steps) {
        if (what === 'take') {
          unanswered++;
          const got = slots.take();
          if (typeof got === 'boolean') settle(got);
          else void got.then(settle);
        } else if (what === 'tick') mock.timers.tick(70);
        else if (held > 0) {
          held--;
          slots.release();
        }
        await Promise.resolve();
        assert.ok(unanswered <= waiting);
      }
      mock.timers.tick(200);
      await Promise.resolve();
      assert.equal(unanswered, 0, 'somebody waits for ever');
    }),
    { numRuns: 300 },
  );
});
