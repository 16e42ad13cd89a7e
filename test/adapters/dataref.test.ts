// References: what was taken out comes back as it was, for every event there is, and what is not ours is never taken for ours.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bareOf, isLight, lightOf, objectOf, readReference, wholeOf } from '../../adapters/dataref.ts';
import { type CloudEvent, checkEvent, type EventData, isUriReference } from '../../router/event.ts';
import { decodeStructured, encodeStructured } from '../../router/wire/json.ts';
import { hostileShapes } from '../contract/adapter-cases.ts';
import { event as anyEvent } from '../harness/events.ts';

const PREFIX = 's3://bucket/some/';

/** As it is taken out, travels as JSON and comes back. */
function roundTrip(event: CloudEvent): CloudEvent {
  const { bytes } = event.data!;
  const object = objectOf(event.data!);
  const light = decodeStructured(encodeStructured(checkEvent(lightOf(event, object, PREFIX))));
  const read = readReference(light, PREFIX);
  assert.deepEqual(read, object);
  return wholeOf(light, { kind: read!.kind, bytes: Buffer.from(bytes) });
}

function assertSame(back: CloudEvent, event: CloudEvent): void {
  const { kind, bytes } = event.data!;
  assert.deepEqual({ ...back.attributes }, { ...event.attributes });
  assert.deepEqual(back.data, { kind, bytes } satisfies EventData);
}

test('dataref: each of the shapes that codecs alter comes back exactly, with the kind of its data', () => {
  const shapes = hostileShapes().filter(({ data }) => data !== undefined);
  for (const shape of shapes) assertSame(roundTrip(shape), shape);
  assert.ok(new Set(shapes.map(({ data }) => data!.kind)).size === 3);
});

test('dataref: any event comes back exactly, and travels as a valid event', () => {
  const withData = anyEvent.filter(({ attributes, data }) => data !== undefined && attributes['dataref'] === undefined);
  fc.assert(fc.property(withData, (event) => assertSame(roundTrip(event), event)));
});

test('dataref: the name says bytes and kind, and nothing else', () => {
  const bytes = Buffer.from('{"a":1}');
  const [json, text, again] = (['json', 'text', 'json'] as const).map((kind) => objectOf({ kind, bytes }));

  assert.equal(json!.name, '015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862.json');
  assert.equal(text!.name, json!.name.replace('.json', '.text'));
  assert.deepEqual(again, json);
  assert.ok(isUriReference(PREFIX + json!.name));
});

test('dataref: the reference of anybody else is an attribute like any other', () => {
  const { name } = objectOf({ kind: 'json', bytes: Buffer.from('1') });
  const event = (dataref: string | number | boolean, data?: EventData): CloudEvent => ({
    attributes: { specversion: '1.0', id: '1', source: '/s', type: 't', dataref },
    ...(data === undefined ? {} : { data }),
  });
  const foreign = [
    'https://example.com/claim/1',
    `https://bucket/some/${name}`,
    `s3://bucket/${name}`,
    `s3://bucket/some/x/${name}`,
    `${PREFIX}${name}?x=1`,
    `${PREFIX}../${name}`,
    `${PREFIX}${name.toUpperCase()}`,
    `${PREFIX}${name.replace('.json', '.xml')}`,
    `${PREFIX}${name.slice(1)}`,
    PREFIX,
    5,
    true,
  ];

  for (const dataref of foreign) assert.equal(isLight(event(dataref), PREFIX), false, String(dataref));
  assert.equal(
    isLight(event(PREFIX + name, { kind: 'json', bytes: Buffer.from('1') }), PREFIX),
    false,
    'it has its data',
  );
  assert.equal(isLight(event(PREFIX + name), PREFIX), true);
});

test('dataref: a light event is known by its own attributes', () => {
  const [shape] = hostileShapes().filter(({ data }) => data !== undefined);
  const light = lightOf(shape!, objectOf(shape!.data!), PREFIX);

  assert.deepEqual(bareOf(light), { attributes: { ...shape!.attributes } });
});
