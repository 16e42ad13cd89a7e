import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { binaryData, type CloudEvent, jsonData, textData } from '../../../router/event.ts';
import { decodeKafka, encodeKafka, type KafkaMessage, type KafkaRecord } from '../../../router/wire/kafka.ts';
import { event, sameEvent, saysJson } from '../../harness/events.ts';

const base = { specversion: '1.0', id: '1', source: '/s', type: 't' } as const;
const core = { ce_specversion: '1.0', ce_id: '1', ce_source: '/s', ce_type: 't' };

/** As kafkajs gives a record to a consumer: header values are bytes. */
function delivered({ key, value, headers }: KafkaRecord): KafkaMessage {
  const bytes = Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)] as const);
  return { key: key === null ? null : Buffer.from(key), value, headers: Object.fromEntries(bytes) };
}
const isStructured = ({ headers }: KafkaRecord): boolean =>
  headers['content-type'] === 'application/cloudevents+json; charset=UTF-8';
const refused = (message: Partial<KafkaMessage>, code: string): void =>
  assert.throws(() => decodeKafka({ value: null, ...message }), { name: 'RouterError', code });

test('kafka: every valid event comes back as it went, headers as bytes or as text', () => {
  const modes = { binary: 0, structured: 0 };
  fc.assert(
    fc.property(event, (one) => {
      const record = encodeKafka(one);
      assert.ok(sameEvent(decodeKafka(record), one));
      assert.ok(sameEvent(decodeKafka(delivered(record)), one));
      modes[isStructured(record) ? 'structured' : 'binary']++;
    }),
    { numRuns: 700 },
  );
  assert.ok(modes.binary > 40 && modes.structured > 40, JSON.stringify(modes));
});

test('kafka: binary mode is ce_ headers in plain UTF-8, the content type, and the bytes of data', () => {
  const attributes = { ...base, subject: 'a b%41 "€"', partitionkey: 'k', datacontenttype: 'application/json' };
  const bytes = Buffer.from(' {"n":1e999}\n');
  assert.deepEqual(encodeKafka({ attributes, data: jsonData(bytes) }), {
    key: 'k',
    value: bytes,
    headers: {
      ce_specversion: '1.0',
      ce_id: '1',
      ce_source: '/s',
      ce_type: 't',
      ce_subject: 'a b%41 "€"',
      ce_partitionkey: 'k',
      'content-type': 'application/json',
    },
  });
});

test('kafka: an event without data is a record without a value', () => {
  assert.deepEqual(encodeKafka({ attributes: base }), { key: null, value: null, headers: core });
  const typed = encodeKafka({ attributes: { ...base, datacontenttype: 'text/plain' } });
  assert.equal(typed.value, null);
  assert.equal(typed.headers['content-type'], 'text/plain');
});

test('kafka: an event that binary mode would alter goes structured', () => {
  const json = jsonData(Buffer.from('null'));
  const cases: CloudEvent[] = [
    { attributes: { ...base, ext: 1 } },
    { attributes: { ...base, ext: false } },
    { attributes: base, data: json },
    { attributes: base, data: binaryData(Buffer.from('x')) },
    { attributes: { ...base, datacontenttype: 'text/plain' }, data: textData('') },
    { attributes: { ...base, datacontenttype: 'application/octet-stream' }, data: binaryData(Buffer.alloc(0)) },
    { attributes: { ...base, datacontenttype: 'application/json' }, data: binaryData(Buffer.from([0xff])) },
    { attributes: { ...base, datacontenttype: 'application/cloudevents+json' }, data: json },
    { attributes: { ...base, datacontenttype: 'application/CLOUDEVENTS' } },
    { attributes: { ...base, datacontenttype: 'text/plain; charset=iso-8859-1' }, data: textData('é') },
  ];
  for (const one of cases) {
    const record = encodeKafka(one);
    assert.ok(isStructured(record), JSON.stringify(one.attributes));
    assert.deepEqual(Object.keys(record.headers), ['content-type']);
    assert.ok(sameEvent(decodeKafka(delivered(record)), one));
  }
});

test('kafka: JSON null is carried in binary mode and is not absent data', () => {
  const one = { attributes: { ...base, datacontenttype: 'application/json' }, data: jsonData(Buffer.from('null')) };
  assert.equal(encodeKafka(one).value?.toString(), 'null');
  assert.equal(decodeKafka(encodeKafka(one)).data?.kind, 'json');
});

test('kafka: the key is the partitionkey when it is a string, and never becomes an attribute', () => {
  assert.equal(encodeKafka({ attributes: { ...base, partitionkey: 'p' } }).key, 'p');
  assert.equal(encodeKafka({ attributes: { ...base, partitionkey: 7 } }).key, null);
  assert.equal(encodeKafka({ attributes: base }).key, null);
  assert.deepEqual({ ...decodeKafka({ key: Buffer.from('k'), value: null, headers: core }).attributes }, base);
});

test('kafka: bytes of a JSON type that are no JSON are binary data', () => {
  for (const value of [Buffer.from('{'), Buffer.from([0x22, 0xff, 0x22]), Buffer.from(' ')]) {
    const read = decodeKafka({ value, headers: { ...core, 'content-type': 'application/json' } });
    assert.equal(read.data?.kind, 'binary');
    assert.ok(read.data?.bytes.equals(value));
    assert.ok(saysJson(read));
  }
});

test('kafka: an empty value is no data', () => {
  assert.equal(
    decodeKafka({ value: Buffer.alloc(0), headers: { ...core, 'content-type': 'text/plain' } }).data,
    undefined,
  );
});

test('kafka: headers that are not of the event are passed over, absent values too', () => {
  const headers = { ...core, other: [Buffer.from([0xff]), 'x'], ce_ext: null, ce_more: undefined, 'Content-Type': 'x' };
  assert.deepEqual({ ...decodeKafka({ value: null, headers }).attributes }, base);
});

test('kafka: a header given twice is refused', () => {
  refused({ headers: { ...core, ce_id: [Buffer.from('1'), Buffer.from('1')] } }, 'EVENT_INVALID');
  refused({ headers: { ...core, ce_id: [] } }, 'EVENT_INVALID');
  refused({ headers: { ...core, 'content-type': ['text/plain', 'text/plain'] } }, 'EVENT_INVALID');
  assert.equal(decodeKafka({ value: null, headers: { ...core, ce_id: [Buffer.from('1')] } }).attributes.id, '1');
});

test('kafka: header values that are not UTF-8 are refused', () => {
  refused({ headers: { ...core, ce_id: Buffer.from([0xc0, 0xa0]) } }, 'NOT_UTF8');
  refused({ headers: { ...core, 'content-type': Buffer.from([0xff]) } }, 'NOT_UTF8');
  refused({ headers: { ...core, ce_ext: 'a\ud800' } }, 'EVENT_INVALID');
});

test('kafka: the envelope is checked', () => {
  refused({}, 'EVENT_INVALID');
  refused({ headers: null }, 'EVENT_INVALID');
  refused({ headers: { ...core, ce_specversion: '0.3' } }, 'SPECVERSION_UNSUPPORTED');
  refused({ headers: { ce_specversion: '1.0', ce_id: '1' } }, 'EVENT_INVALID');
  for (const name of ['ce_', 'ce_A', 'ce_a_b', 'ce_data', 'ce___proto__'])
    refused({ headers: { ...core, [name]: 'x' } }, 'EVENT_INVALID');
  refused({ headers: { ...core, 'content-type': 'nonsense' } }, 'EVENT_INVALID');
  refused({ headers: { ...core, ce_id: Buffer.from('a\nb') } }, 'EVENT_INVALID');
  refused({ headers: { ...core, ce_id: Buffer.alloc(0) } }, 'EVENT_INVALID');
});

test('kafka: ce_datacontenttype is passed over only where it repeats the content type', () => {
  const headers = { ...core, 'content-type': 'text/plain', ce_datacontenttype: 'text/plain' };
  assert.equal(decodeKafka({ value: null, headers }).attributes.datacontenttype, 'text/plain');
  refused({ headers: { ...headers, ce_datacontenttype: 'text/xml' } }, 'EVENT_INVALID');
  refused({ headers: { ...core, ce_datacontenttype: 'text/plain' } }, 'EVENT_INVALID');
});

test('kafka: structured mode is found by its prefix in any case, and other formats are refused', () => {
  const value = Buffer.from(JSON.stringify({ ...base, ext: 1 }));
  for (const type of ['application/cloudevents+json', 'Application/CloudEvents+Json;charset=utf-8']) {
    assert.equal(
      decodeKafka({ value, headers: { 'content-type': Buffer.from(type), ce_ext: '2' } }).attributes['ext'],
      1,
    );
  }
  for (const type of [
    'application/cloudevents',
    'application/cloudevents+avro',
    'application/cloudevents-batch+json',
    'application/cloudevents+json;charset=utf-16',
  ]) {
    refused({ value, headers: { ...core, 'content-type': type } }, 'CONTENT_TYPE_UNSUPPORTED');
  }
  refused({ headers: { 'content-type': 'application/cloudevents+json' } }, 'EVENT_INVALID');
  refused({ value: Buffer.from('x'), headers: { 'content-type': 'application/cloudevents+json' } }, 'NOT_JSON');
});
