// Backoff with jitter.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { defaultRetry, retryDelayMs } from '../../router/retry.ts';

test('retry: the wait doubles from firstMs to maxMs, its upper half is jitter', () => {
  const waits = [1, 2, 3, 6, 7, 8].map((attempt) => [
    retryDelayMs(defaultRetry, attempt, 0),
    retryDelayMs(defaultRetry, attempt, 0.999999),
  ]);
  assert.deepEqual(waits, [
    [500, 1_000],
    [1_000, 2_000],
    [2_000, 4_000],
    [16_000, 32_000],
    [30_000, 60_000],
    [30_000, 60_000],
  ]);
});

test('retry: any policy, attempt and chance gives whole milliseconds within the policy', () => {
  const policy = fc.record({
    attempts: fc.integer({ min: 1, max: 100 }),
    firstMs: fc.integer({ min: 1, max: 3_600_000 }),
    maxMs: fc.integer({ min: 1, max: 86_400_000 }),
  });
  fc.assert(
    fc.property(
      policy,
      fc.integer({ min: 1, max: 1e9 }),
      fc.double({ min: 0, max: 0.9999999, noNaN: true }),
      (p, attempt, random) => {
        const wait = retryDelayMs(p, attempt, random);
        assert.ok(Number.isSafeInteger(wait) && wait >= 0 && wait <= p.maxMs, `${wait}`);
        assert.ok(wait >= Math.floor(Math.min(p.firstMs, p.maxMs) / 2));
      },
    ),
  );
});
