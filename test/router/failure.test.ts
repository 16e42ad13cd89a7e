// The id of a failure record: one per (event, rule), the same in every process.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { CloudEvent } from '../../router/event.ts';
import { failureId } from '../../router/failure.ts';

const made = (source: string, id: string): CloudEvent => ({
  attributes: { specversion: '1.0', id, source, type: 't' },
});

test('failure: an id is the same for every attempt and process, 16 hex digits', () => {
  const event = made('/s', '1');
  const later = { ...event, attributes: { ...event.attributes, recordedtime: '2030-01-01T00:00:00Z' } };
  assert.equal(failureId('r', event), failureId('r', later));
  assert.equal(failureId('r', event), 'ed9fbaa545ee66be');
});

test('failure: rule, source and id each make another id, and none runs into the next', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', '/', ' '), maxLength: 4 });
  const names = fc.tuple(word, word, word);
  fc.assert(
    fc.property(names, names, (a, b) => {
      const same = a.every((text, i) => text === b[i]);
      assert.equal(failureId(a[0], made(a[1], a[2])) === failureId(b[0], made(b[1], b[2])), same);
    }),
  );
});

test('failure: a record that is no event is known by its bytes', () => {
  assert.equal(failureId(null, Buffer.from('x')), failureId(null, Buffer.from('x')));
  assert.notEqual(failureId(null, Buffer.from('x')), failureId(null, Buffer.from('y')));
});
