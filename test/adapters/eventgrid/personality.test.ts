// Event Grid as it is imitated: its schedule, its handshake against ours, and what 'filterable' refuses.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { personality } from '../../../adapters/eventgrid/personality.ts';
import { jsonData } from '../../../router/event.ts';
import { readPatternText } from '../../../router/pattern-text.ts';
import { made } from '../like-scene.ts';
import { personalityLaws } from '../personality-laws.ts';

const options = {
  subscriptionPrefix: 'busway',
  entra: false,
  filterable: [],
  origins: ['eventgrid.azure.net'],
  endpoint: 'http://127.0.0.1:1',
};
const rule = { name: 'r', when: readPatternText('{"data":{"n":[1]}}') };

personalityLaws('eventgrid', { options, env: { EVENTGRID_KEY: Buffer.from('no key').toString('base64') } });

test('eventgrid personality: the documented schedule, with a little added, until the day is over', () => {
  const { subscriptionOf, deliveries, deadlineMs } = personality(options);
  const { againAfterMs } = subscriptionOf(rule);
  const waits = Array.from({ length: deliveries - 1 }, (_, i) => againAfterMs(i + 1, 0) / 1_000);
  const dayMs = 24 * 3_600;

  assert.deepEqual(waits, [10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200]);
  const sum = waits.reduce((total, wait) => total + wait, 0);
  assert.ok(sum < dayMs && sum + 43_200 > dayMs);
  assert.ok(againAfterMs(1, 0.99) > 10_000 && againAfterMs(1, 0.99) <= 11_000);
  assert.equal(deadlineMs, 30_000);
});

test('eventgrid personality: the handshake is answered by our own function, which consents to known origins only', () => {
  assert.equal(personality(options).mayPush!(), true);
  assert.equal(personality({ ...options, origins: ['EventGrid.Azure.net'] }).mayPush!(), true);
  assert.equal(personality({ ...options, origins: ['example.com'] }).mayPush!(), false);
});

test("eventgrid personality: the document's own 'filterable' is filtered by, and refuses what breaks it", () => {
  const { filter, sizeOf } = personality({ ...options, filterable: ['data.n'] });
  const withData = (text: string) => ({ ...made('a'), data: jsonData(Buffer.from(text)) });

  const passes = filter.passes!(rule.when);

  assert.deepEqual([passes(withData('{"n":1}')), passes(withData('{"n":2}'))], [true, false]);
  assert.throws(() => sizeOf(withData('{"n":[{"a":1}]}')), { code: 'NOT_CARRIABLE' });
});

test('eventgrid personality: a namespace has its own limits', () => {
  assert.equal(personality(options).limits.events, 5_000);
  assert.equal(personality({ ...options, topic: 'orders' }).limits.events, 1_000);
});
