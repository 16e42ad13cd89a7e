// The one wait of the adapters: it ends at its time or when it is given up, and leaves nothing behind.

import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { pause } from '../../adapters/pause.ts';

const LONG_MS = 600_000;

test('pause: a wait that is given up ends at once, before or while it waits, and leaves no listener', async () => {
  const begun = performance.now();
  await pause(LONG_MS, AbortSignal.abort());
  const control = new AbortController();
  const waiting = pause(LONG_MS, control.signal);
  assert.equal(getEventListeners(control.signal, 'abort').length, 1);
  control.abort();
  await waiting;

  assert.equal(getEventListeners(control.signal, 'abort').length, 0);
  assert.ok(performance.now() - begun < 1_000);
});

test('pause: a wait that nobody gives up takes its time, and leaves no listener', async () => {
  const { signal } = new AbortController();
  const begun = performance.now();
  await pause(30, signal);

  // A timer may fire up to a millisecond early.
  assert.ok(performance.now() - begun >= 29);
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});
