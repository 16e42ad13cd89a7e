// Event <-> message: nothing is altered, what does not fit is refused, and sizes are told without making the message.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { publishBody } from '../../../adapters/pubsub/rest.ts';
import { decodeMessage, encodeMessage } from '../../../adapters/pubsub/wire.ts';
import { eventBytes, messageBytes, structuredBytes } from '../../../adapters/pubsub/wire-size.ts';
import { RouterError } from '../../../router/errors.ts';
import { type Attributes, type CloudEvent, jsonData } from '../../../router/event.ts';
import { encodeStructured } from '../../../router/wire/json.ts';
import { hostileShapes } from '../../contract/adapter-cases.ts';
import { event as anyEvent, sameEvent } from '../../harness/events.ts';

const base = { specversion: '1.0', id: '1', source: '/s', type: 't' } as const;

function withAttributes(more: Readonly<Record<string, string | number | boolean>>): CloudEvent {
  return { attributes: { ...base, ...more } as Attributes };
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (thrown) {
    assert.ok(thrown instanceof RouterError);
    return thrown.code;
  }
  return 'none';
}

test('pubsub wire: every event comes back exactly, and its size is told exactly', () => {
  fc.assert(
    fc.property(fc.oneof(anyEvent, fc.constantFrom(...hostileShapes())), (event) => {
      const message = encodeMessage(event);

      assert.ok(sameEvent(decodeMessage(message), event));
      assert.equal(structuredBytes(event), encodeStructured(event).length);
      const body = Buffer.byteLength(publishBody([message]));
      // One comma is counted for what follows.
      assert.equal(messageBytes(message) + '{"messages":[]}'.length, body + 1);
      assert.equal(eventBytes(event, message), messageBytes(message));
    }),
    { numRuns: 1_000 },
  );
});

test('pubsub wire: the data is the structured event, and each attribute stands beside it as text', () => {
  const message = encodeMessage({
    attributes: { ...base, datacontenttype: 'application/json', n: -5, yes: true, partitionkey: 'k' },
    data: jsonData(Buffer.from('{"n":9007199254740993}')),
  });

  assert.equal(
    message.data.toString(),
    '{"specversion":"1.0","id":"1","source":"/s","type":"t","datacontenttype":"application/json","n":-5,"yes":true,"partitionkey":"k","data":{"n":9007199254740993}}',
  );
  assert.deepEqual(message.attributes, {
    'content-type': 'application/cloudevents+json; charset=utf-8',
    'ce-specversion': '1.0',
    'ce-id': '1',
    'ce-source': '/s',
    'ce-type': 't',
    'ce-datacontenttype': 'application/json',
    'ce-n': '-5',
    'ce-yes': 'true',
    'ce-partitionkey': 'k',
  });
  assert.equal(message.orderingKey, 'k');
});

test('pubsub wire: an attribute over 1,024 bytes is refused, never left out', () => {
  const fits = 'é'.repeat(512);

  assert.equal(encodeMessage(withAttributes({ subject: fits })).attributes['ce-subject'], fits);
  assert.equal(
    codeOf(() => encodeMessage(withAttributes({ subject: `${fits}x` }))),
    'NOT_CARRIABLE',
  );
  assert.equal(
    codeOf(() => encodeMessage(withAttributes({ partitionkey: 'k'.repeat(1_025) }))),
    'NOT_CARRIABLE',
  );
});

test('pubsub wire: more attributes than a message holds, or a name too long, are refused', () => {
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`x${i}`, 'v']));

  assert.equal(Object.keys(encodeMessage(withAttributes(many(95))).attributes).length, 100);
  assert.equal(
    codeOf(() => encodeMessage(withAttributes(many(96)))),
    'NOT_CARRIABLE',
  );
  assert.equal(
    codeOf(() => encodeMessage(withAttributes({ ['n'.repeat(253)]: 'v' }))),
    'none',
  );
  assert.equal(
    codeOf(() => encodeMessage(withAttributes({ ['n'.repeat(254)]: 'v' }))),
    'NOT_CARRIABLE',
  );
});

test('pubsub wire: a partitionkey that is no text orders nothing', () => {
  assert.equal(encodeMessage(withAttributes({ partitionkey: 5 })).orderingKey, '');
});

test('pubsub wire: binary mode of others is read, with the type of data under either name', () => {
  const attributes = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 't', other: 'x' };
  const data = Buffer.from('{"a":1}');

  for (const name of ['content-type', 'ce-datacontenttype']) {
    const event = decodeMessage({ data, attributes: { ...attributes, [name]: 'application/json' } });
    assert.deepEqual(event.attributes, { ...base, datacontenttype: 'application/json' });
    assert.equal(event.data?.kind, 'json');
  }
  assert.equal(decodeMessage({ data: Buffer.alloc(0), attributes }).data, undefined);
  const torn = { ...attributes, 'content-type': 'text/plain', 'ce-datacontenttype': 'application/json' };
  assert.equal(
    codeOf(() => decodeMessage({ data, attributes: torn })),
    'EVENT_INVALID',
  );
});

test('pubsub wire: a message that is no event is refused', () => {
  const data = Buffer.from('{"specversion":"1.0","id":"1","source":"/s","type":"t"}');
  const typed = (type: string) => ({ data, attributes: { 'content-type': type } });

  assert.equal(
    codeOf(() => decodeMessage({ data, attributes: {} })),
    'EVENT_INVALID',
  );
  assert.equal(
    codeOf(() => decodeMessage(typed('application/cloudevents-batch+json'))),
    'CONTENT_TYPE_UNSUPPORTED',
  );
  assert.equal(
    codeOf(() => decodeMessage(typed('application/cloudevents+avro'))),
    'CONTENT_TYPE_UNSUPPORTED',
  );
  assert.equal(
    codeOf(() => decodeMessage({ ...typed('application/cloudevents+json'), data: Buffer.from('{') })),
    'NOT_JSON',
  );
});
