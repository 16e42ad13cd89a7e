// The memory of batches: what it keeps of one that comes again, and that it has a bound.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBatches } from '../../functions/batch.ts';
import type { Delivery } from '../../router/consume.ts';
import { ack, consumerScene, down } from './consumer-scene.ts';

const idle = new AbortController().signal;

function delivery(id: string, attempt = 1): Delivery {
  return { event: { attributes: { specversion: '1.0', id, source: '/s', type: 'a' } }, rule: 'a', attempt };
}

test('batch: what was done is acknowledged without a call until its batch ends well', async () => {
  const { consumer, calls } = consumerScene({ targets: { a: () => ack } });
  const begin = createBatches(consumer);

  const [first, second, third] = [begin(), begin(), begin()];
  await first.deliver(delivery('1'), idle);
  first.end(false);
  await second.deliver(delivery('1'), idle);
  second.end(true);
  await third.deliver(delivery('1'), idle);

  assert.deepEqual(calls, ['a 1 1', 'a 1 1']);
});

test('batch: what its rule did not take is not remembered as done: the rule may change', async () => {
  const { consumer } = consumerScene({ targets: { a: () => ack } });
  let judged = 0;
  const begin = createBatches({
    ...consumer,
    deliver(delivery, signal) {
      judged++;
      return consumer.deliver(delivery, signal);
    },
  });
  const { event, ...rest } = delivery('1');
  const other = { ...rest, event: { attributes: { ...event.attributes, type: 'b' } }, unchecked: true } as const;

  for (let i = 0; i < 2; i++) {
    const batch = begin();
    assert.equal((await batch.deliver(other, idle)).kind, 'ack');
    batch.end(false);
  }

  assert.equal(judged, 2);
});

test('batch: attempts go on from the higher of two counts, and one that was not made counts for neither', async () => {
  const verdicts = [down, { ...down, code: 'TARGET_BUSY' as const }, down, down, ack];
  const { consumer, calls } = consumerScene({ targets: { a: () => verdicts.shift()! }, attempts: 20 });
  const batch = createBatches(consumer)();

  for (const attempt of [1, 1, 1, 7, 1]) await batch.deliver(delivery('1', attempt), idle);

  assert.deepEqual(calls, ['a 1 1', 'a 1 2', 'a 1 2', 'a 1 7', 'a 1 8']);
});

test('batch: of too many that did not end, the oldest is forgotten first', async () => {
  const { consumer, calls } = consumerScene({ targets: { a: () => ack } });
  const begin = createBatches(consumer, 3);

  for (const id of ['1', '2', '3', '4']) await begin().deliver(delivery(id), idle);
  for (const id of ['2', '3', '4', '1']) await begin().deliver(delivery(id), idle);

  assert.deepEqual(calls, ['a 1 1', 'a 2 1', 'a 3 1', 'a 4 1', 'a 1 1']);
});
