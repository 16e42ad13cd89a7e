// When a subscription of an earlier filter counts as drained: nothing for a while that only it has, nothing under way, nothing
// that waits for its next try.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDrainWatch, type DrainWatch } from '../../../adapters/pubsub/drain.ts';

const BEGIN = 1_000_000;

interface Scene {
  readonly watch: DrainWatch;
  /** Times at which it was called drained, in ms since the begin. */
  readonly drained: number[];
  /** Answers once a second until then. */
  until(ms: number): void;
  newer: number | undefined;
}

function scene(newer: number | undefined): Scene {
  let now = BEGIN;
  const drained: number[] = [];
  const made: Scene = {
    drained,
    newer: newer === undefined ? undefined : BEGIN + newer,
    watch: createDrainWatch({
      now: () => now,
      newerSince: () => made.newer,
      onDrained: () => void drained.push(now - BEGIN),
    }),
    until(ms) {
      while (now < BEGIN + ms) {
        now = Math.min(BEGIN + ms, now + 1_000);
        made.watch.answered();
      }
    },
  };
  return made;
}

test('pubsub drain: ten quiet seconds after its last own message it is drained, and told once', () => {
  const { watch, drained, until } = scene(0);
  until(5_000);
  watch.took(BEGIN)();

  until(60_000);

  assert.deepEqual(drained, [15_000]);
});

test('pubsub drain: without a new subscription nothing is ever drained', () => {
  const one = scene(undefined);
  one.until(100_000);
  assert.deepEqual(one.drained, []);

  one.newer = BEGIN + 100_000;
  one.until(200_000);
  assert.deepEqual(one.drained, [110_000]);
});

test('pubsub drain: a message under way, or put off for its next try, keeps it', () => {
  const { watch, drained, until } = scene(0);
  const ended = watch.took(BEGIN);
  until(60_000);
  watch.postponed(600);
  ended();
  until(600_000);
  assert.deepEqual(drained, []);

  until(700_000);

  assert.deepEqual(drained, [670_000]);
});

test('pubsub drain: what is in both does not keep it, whatever the clocks say within a minute', () => {
  const { watch, drained, until } = scene(0);
  for (let second = 1; second <= 90; second++) {
    until(second * 1_000);
    watch.took(BEGIN + second * 1_000)();
  }

  assert.deepEqual(drained, [70_000]);
});
