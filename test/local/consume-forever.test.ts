// A subscription that the bus ends is taken up again, and the time without one is told to who asks whether we are ready.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { consumeForever } from '../../local/consume-forever.ts';
import { RouterError } from '../../router/errors.ts';
import { record } from '../contract/adapter-harness.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('consume forever: it is stalled from the end of a subscription until a new one has held for 5 s', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const stop = new AbortController();
  const warnings: string[] = [];
  const stalled: (string | undefined)[] = [];
  let subscriptions = 0;
  const subscribe = async (_: unknown, signal: AbortSignal): Promise<void> => {
    if (++subscriptions < 3) throw new RouterError('BUS_UNAVAILABLE', `end ${subscriptions}`);
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  };

  const running = consumeForever({ name: 'x', subscribe }, record({}).consumer, {
    signal: stop.signal,
    onWarning: (text) => warnings.push(text),
    onStalled: (why) => stalled.push(why?.message),
  });
  await turn();
  assert.deepEqual([subscriptions, stalled], [1, ['end 1']]);
  t.mock.timers.tick(5_000);
  await turn();
  assert.deepEqual([subscriptions, stalled], [2, ['end 1', 'end 2']]);
  t.mock.timers.tick(5_000);
  await turn();
  t.mock.timers.tick(4_999);
  await turn();
  assert.deepEqual([subscriptions, stalled], [3, ['end 1', 'end 2']], 'not taken for begun yet');
  t.mock.timers.tick(1);
  stop.abort();
  await running;

  assert.deepEqual(stalled, ['end 1', 'end 2', undefined]);
  assert.deepEqual(warnings[0], 'x: delivery stopped and is tried again in 5 s: end 1');
});
