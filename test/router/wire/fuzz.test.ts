// Whatever comes in, a decoder gives a valid event or a RouterError, and nothing else changes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { errorTable, RouterError } from '../../../router/errors.ts';
import { type CloudEvent, checkEvent } from '../../../router/event.ts';
import { decodeHttp } from '../../../router/wire/http.ts';
import { decodeBatch, decodeStructured, encodeBatch, encodeStructured } from '../../../router/wire/json.ts';
import { decodeKafka, encodeKafka, type KafkaMessage } from '../../../router/wire/kafka.ts';
import { event, jsonText, sameEvent } from '../../harness/events.ts';

const prototypeBefore = Object.getOwnPropertyNames(Object.prototype).join();

/** The number of events that came out. */
function decodes(act: () => readonly CloudEvent[]): number {
  let events: readonly CloudEvent[] = [];
  try {
    events = act();
  } catch (error) {
    assert.ok(error instanceof RouterError, `a ${(error as Error)?.stack} came out, which is no RouterError`);
    assert.ok(error.code in errorTable && error.code !== 'INTERNAL', error.message);
  }
  for (const one of events) {
    checkEvent(one);
    if (one.data?.kind === 'json') JSON.parse(one.data.bytes.toString('utf8'));
    assert.ok(sameEvent(decodeStructured(encodeStructured(one)), one));
    assert.ok(sameEvent(decodeKafka(encodeKafka(one)), one));
  }
  assert.equal(Object.getOwnPropertyNames(Object.prototype).join(), prototypeBefore);
  return events.length;
}

const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));

test('fuzz: random bytes are refused by every decoder', () => {
  fc.assert(
    fc.property(bytes, (body) => {
      decodes(() => [decodeStructured(body)]);
      decodes(() => decodeBatch(body));
      decodes(() => decodeHttp({ 'content-type': 'application/cloudevents+json' }, body).events);
      decodes(() => [decodeKafka({ value: body, headers: { 'content-type': 'application/cloudevents+json' } })]);
    }),
    { numRuns: 500 },
  );
});

test('fuzz: events with bytes changed, removed or added are valid or refused', () => {
  let survived = 0;
  const edit = fc.record({
    at: fc.nat(),
    remove: fc.nat({ max: 3 }),
    add: fc.oneof(
      bytes,
      fc
        .constantFrom('"', '\\', ',', '{', '}', '\t', '0', '\\u0064', ',"data":1', ',"__proto__":{}')
        .map((text) => Buffer.from(text)),
    ),
  });
  fc.assert(
    fc.property(event, edit, (one, { at, remove, add }) => {
      const wire = encodeBatch([one]);
      const cut = at % (wire.length + 1);
      const mutated = Buffer.concat([wire.subarray(0, cut), add, wire.subarray(cut + remove)]);
      survived += decodes(() => decodeBatch(mutated));
      decodes(() => [decodeStructured(mutated.subarray(1, -1))]);
    }),
    { numRuns: 1000 },
  );
  assert.ok(survived > 10, `only ${survived} mutants were valid: the mutation is too rough`);
});

const memberName = fc.oneof(
  fc.constantFrom(
    'specversion',
    'id',
    'source',
    'type',
    'time',
    'data',
    'data_base64',
    'datacontenttype',
    '__proto__',
    'constructor',
    'toString',
    'ext',
    '\\u0064ata',
    '',
  ),
  fc.string({ maxLength: 5 }).map((text) => JSON.stringify(text).slice(1, -1)),
);

test('fuzz: objects of random members, duplicates included, are valid or refused', () => {
  let read = 0;
  const member = fc.tuple(
    memberName,
    fc.oneof(jsonText, fc.constantFrom('"1.0"', '"x"', '1', 'null', '"TWE="', '"text/plain"')),
  );
  const core = fc.constantFrom('"specversion":"1.0","id":"1","source":"/s","type":"t"', '"specversion":"1.0"', '');
  fc.assert(
    fc.property(core, fc.array(member, { maxLength: 5 }), (start, members) => {
      const parts = [start, ...members.map(([name, value]) => `"${name}":${value}`)].filter((part) => part !== '');
      read += decodes(() => [decodeStructured(Buffer.from(`{${parts.join(',')}}`))]);
    }),
    { numRuns: 1000 },
  );
  assert.ok(read > 20, `only ${read} were valid`);
});

const headerName = (prefix: string) =>
  fc.oneof(
    fc
      .constantFrom('specversion', 'id', 'source', 'type', 'time', 'datacontenttype', '__proto__', 'constructor', 'ext')
      .map((name) => prefix + name),
    fc.constantFrom('content-type', 'accept', '__proto__'),
    fc.string({ maxLength: 6 }),
  );
const contentType = fc.constantFrom(
  'application/json',
  'text/plain',
  'application/cloudevents+json',
  'application/cloudevents-batch+json',
  'application/cloudevents',
  '',
  'x',
  'text/xml; charset=utf-16',
);
const headerText = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.string({ unit: 'binary', maxLength: 8 }),
  contentType,
  fc.constantFrom('1.0', '%', '%C0%A0', '"a', '"a"', '/s', '2018-04-05T17:31:00Z'),
);

/** Headers as a null-prototype map, half of them with a whole envelope to begin with. */
function headers<T>(prefix: string, value: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T | string>> {
  const core = {
    [`${prefix}specversion`]: '1.0',
    [`${prefix}id`]: '1',
    [`${prefix}source`]: '/s',
    [`${prefix}type`]: 't',
  };
  const more = fc.array(fc.tuple(headerName(prefix), value), { maxLength: 4 });
  return fc.tuple(fc.boolean(), fc.option(contentType), more).map(([whole, type, entries]) => {
    const all: Record<string, T | string> = Object.assign(Object.create(null), whole ? core : {});
    if (type !== null) all['content-type'] = type;
    for (const [name, one] of entries) all[name] = one;
    return all;
  });
}
const body = fc.oneof(
  bytes,
  jsonText.map((text) => Buffer.from(text)),
  event.map(encodeStructured),
);

test('fuzz: random HTTP messages are valid or refused', () => {
  let read = 0;
  fc.assert(
    fc.property(headers('ce-', headerText), body, (given, content) => {
      read += decodes(() => decodeHttp(given, content).events);
    }),
    { numRuns: 1000 },
  );
  assert.ok(read > 20, `only ${read} were valid`);
});

test('fuzz: random Kafka records are valid or refused', () => {
  let read = 0;
  const value = fc.oneof(
    headerText,
    bytes,
    fc.array(fc.oneof(headerText, bytes), { maxLength: 3 }),
    fc.constantFrom(null, undefined, 1, {}),
  );
  fc.assert(
    fc.property(headers('ce_', value), fc.option(body), (given, content) => {
      read += decodes(() => [decodeKafka({ value: content, headers: given as KafkaMessage['headers'] })]);
    }),
    { numRuns: 1000 },
  );
  assert.ok(read > 20, `only ${read} were valid`);
});
