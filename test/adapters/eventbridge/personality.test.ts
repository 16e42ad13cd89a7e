// EventBridge as it is imitated: its formula and refusals, and the waits of a queue of SQS.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { personality } from '../../../adapters/eventbridge/personality.ts';
import { personalityLaws } from '../personality-laws.ts';

const options = { bus: 'orders', maxBytes: 1_048_576, maxPattern: 2_048 };

personalityLaws('eventbridge', { options, env: { AWS_REGION: 'us-east-1' } });

test('eventbridge personality: a message that failed is hidden for 30 s each time, for four days', () => {
  const { deadlineMs, deliveries, subscriptionOf } = personality(options);
  const { againAfterMs } = subscriptionOf({ name: 'r', when: { kind: 'fields', entries: [] } });

  assert.deepEqual([deadlineMs, againAfterMs(1, 0.5), againAfterMs(100, 0)], [30_000, 30_000, 30_000]);
  assert.equal(deliveries * deadlineMs, 4 * 24 * 3_600_000);
});

test('eventbridge personality: the limit of a partition that has the old one is taken over', () => {
  assert.equal(personality({ ...options, maxBytes: 262_144 }).limits.callBytes, 262_143);
});
