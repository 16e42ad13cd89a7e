// The parity run in small, on what needs nothing installed; and shown to notice an event that is lost or not due.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { embedded } from './parity/columns.ts';
import { eventbridge } from './parity/eventbridge.ts';
import { namespace } from './parity/eventgrid.ts';
import { pubsub } from './parity/pubsub.ts';
import { differences, runColumn, sceneOf } from './parity.ts';

const scene = sceneOf(150, 7);

test('parity: the rules between them take and leave events', () => {
  const sizes = [...scene.due.values()].map(({ size }) => size);

  assert.ok(sizes.filter((size) => size > 0 && size < scene.events.length).length >= 12, sizes.join());
});

for (const column of [embedded, eventbridge, pubsub, namespace]) {
  test(`parity: ${column.name} delivers what the rules say`, async () => {
    const { differs } = await runColumn(column, scene);

    assert.deepEqual(differs, []);
  });
}

test('parity: a lost event and one that is not due are differences', () => {
  const due = new Map([['r', new Map([['a', 1]])]]);
  const got = (id: string) => ({ delivered: new Map([['r', new Map([[id, 1]])]]), failures: [] });

  assert.deepEqual(differences(due, got('a')), []);
  assert.deepEqual(differences(due, got('b')), ['r: 1 lost, such as a', 'r: 1 not due, such as b']);
});
