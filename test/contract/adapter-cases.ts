// Events that codecs alter: what must come back exactly from every bus. Also values that a push endpoint may be sent.

import {
  type Attributes,
  binaryData,
  type CloudEvent,
  type EventData,
  jsonData,
  textData,
} from '../../router/event.ts';

const base = { specversion: '1.0', source: '/contract/shapes', type: 'contract.shape' } as const;

function shape(id: string, more: Readonly<Record<string, string | number | boolean>>, data?: EventData): CloudEvent {
  const attributes = { ...base, id, ...more } as Attributes;
  return data === undefined ? { attributes } : { attributes, data };
}

const json = (text: string): EventData => jsonData(Buffer.from(text));
const typed = { datacontenttype: 'application/json' };

/** Each with an id of its own. */
export function hostileShapes(): readonly CloudEvent[] {
  return [
    shape('no data', {}),
    shape('no data, typed', typed),
    shape('null', typed, json('null')),
    shape('null, untyped', {}, json('null')),
    shape('extensions', {
      text: 'a, b "c" \\ %41',
      integer: -2147483648,
      big: 2147483647,
      zero: 0,
      yes: true,
      no: false,
    }),
    shape('looks like others', { digits: '10', truth: 'true', nothing: 'null', empty: '', blank: ' a ' }),
    shape('names', { constructor: 'x', tostring: 'y', '0': 'z', partitionkey: 'k', sequence: '00001' }),
    shape('ünïcödé €😀 \u00a0', { subject: '日本語 e\u0301', text: '\ufeff😀' }, json('{"é":"€😀"}')),
    shape('every attribute', {
      ...typed,
      subject: 's',
      time: '2018-04-05T17:31:00.123456789+05:30',
      dataschema: 'https://schemas.example/a?b#c',
      source: 'urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    }),
    shape('duplicate keys', typed, json('{"a":1,"a":2}')),
    shape('2^53 + 1', typed, json('{"n":9007199254740993,"d":0.1000000000000000055511151231257827}')),
    shape('minus zero', typed, json('-0')),
    shape('beyond a double', typed, json('[1e999,-1e999,1e-999]')),
    shape('digits kept', typed, json('[1.0,1.10,1e3,1E+3]')),
    shape('blanks kept', typed, json(' {\r\n\t"a" : 1 }\n')),
    shape('escapes kept', typed, json('"\\u0041\\/\\u0000\\ud800"')),
    shape('__proto__', typed, json('{"__proto__":{"a":1},"constructor":1}')),
    shape('deep', typed, json('['.repeat(5_000) + ']'.repeat(5_000))),
    shape('text', { datacontenttype: 'text/plain; charset=utf-8' }, textData('a\u0000b\r\n€😀')),
    shape('xml', { datacontenttype: 'application/xml' }, textData('<a b="c">&#xe9;</a>')),
    shape('text that is JSON', { datacontenttype: 'text/plain' }, textData('{"a":1}')),
    shape(
      'bytes',
      { datacontenttype: 'application/octet-stream' },
      binaryData(Buffer.from([0, 255, 254, 10, 13, 128])),
    ),
    shape('bytes, untyped', {}, binaryData(Buffer.from([0, 159, 146, 150]))),
    shape(
      'every byte',
      { datacontenttype: 'image/png' },
      binaryData(Buffer.from(Array.from({ length: 256 }, (_, i) => i))),
    ),
    shape('JSON type, no JSON', typed, binaryData(Buffer.from('{"a":'))),
  ];
}

/** No bus may take these for events; each must get an answer of its own. */
export function poisons(secret: string): readonly CloudEvent[] {
  const data = textData(secret);
  return [
    { attributes: { specversion: '1.0', source: '/contract', type: 't' } as unknown as Attributes, data },
    { attributes: { ...base, id: 'null', broken: null } as unknown as Attributes, data },
    { attributes: { ...base, id: 'list', broken: ['a'] } as unknown as Attributes, data },
    { attributes: { ...base, id: 'fraction', broken: 0.5 } as Attributes, data },
    { attributes: { ...base, id: 'lone \ud800' } as Attributes, data },
    { attributes: { ...base, id: 'name', 'NOT A NAME': 'x' } as Attributes, data },
    { attributes: { ...base, id: 'version', specversion: '2.0' } as unknown as Attributes, data },
  ];
}

/** Payloads nobody should send to a push endpoint. */
export function hostilePayloads(): readonly unknown[] {
  const cycle: Record<string, unknown> = {};
  cycle['records'] = cycle;
  const deep = JSON.parse(`${'{"records":'.repeat(2_000)}1${'}'.repeat(2_000)}`) as unknown;
  const bodies = [null, 1, '', 'x', '{', '[]', '{}', [], {}, [null], [[]], [{}], { body: null }, { value: 7 }];
  const wrapped = ['records', 'Records', 'message', 'detail', 'data'].flatMap((name) =>
    bodies.map((body) => ({ [name]: body })),
  );
  const records = bodies.map((body) => ({ records: { 'topic-0': [body] }, Records: [body] }));
  const named = JSON.parse('{"__proto__":{"records":1},"records":{"__proto__":[1]}}') as unknown;
  const texts = ['not base64!', Buffer.from('{"specversion":"1.0"}').toString('base64'), '\ud800'];
  const values = texts.map((value) => ({ records: { t: [{ value, headers: [{ ce_id: [300, 'x'] }] }] } }));
  return [
    undefined,
    Symbol('s'),
    10n,
    () => 1,
    Buffer.alloc(8),
    new Map(),
    ...bodies,
    ...wrapped,
    ...records,
    cycle,
    deep,
    named,
    ...values,
  ];
}
