// Pub/Sub as it is imitated: the backoff of the subscription that definitions.ts makes for a rule, calls by ordering key.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { personality } from '../../../adapters/pubsub/personality.ts';
import { readPatternText } from '../../../router/pattern-text.ts';
import { made } from '../like-scene.ts';
import { personalityLaws } from '../personality-laws.ts';

const options = { topic: 'events', subscriptionPrefix: 'busway' };
const rule = { name: 'r', when: readPatternText('{"type":["t"]}') };

personalityLaws('pubsub', { options, env: { GOOGLE_CLOUD_PROJECT: 'example', PUBSUB_EMULATOR_HOST: '127.0.0.1:1' } });

test("pubsub personality: a rule's times become the backoff, in whole seconds up to 600", () => {
  const { subscriptionOf } = personality(options);
  const waitsOf = (retry?: { attempts: number; firstMs: number; maxMs: number }): number[] => {
    const { againAfterMs } = subscriptionOf(retry === undefined ? rule : { ...rule, retry });
    return [1, 2, 3, 20].map((attempt) => againAfterMs(attempt, 0.5));
  };

  assert.deepEqual(waitsOf({ attempts: 5, firstMs: 1_200, maxMs: 7_000 }), [2_000, 4_000, 7_000, 7_000]);
  assert.deepEqual(
    waitsOf({ attempts: 5, firstMs: 1, maxMs: 3_600_000 }),
    [1_000, 2_000, 4_000, 524_288_000].map((ms) => Math.min(ms, 600_000)),
  );
  assert.deepEqual(waitsOf(), [10_000, 20_000, 40_000, 600_000]);
});

test('pubsub personality: a call holds one ordering key, and what has none goes together', () => {
  const { callOf, deliveries, deadlineMs } = personality(options);

  assert.deepEqual(
    [made('a', { partitionkey: 'k' }), made('b', { partitionkey: 'k' }), made('c'), made('d', { partitionkey: 7 })].map(
      callOf,
    ),
    ['k', 'k', '', ''],
  );
  assert.deepEqual([deliveries, deadlineMs], [100, 600_000]);
});
