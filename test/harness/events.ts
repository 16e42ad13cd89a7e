// Random valid events for property tests, and what it means that two events are the same. Covers what codecs lose:
// types of extensions, unicode, numbers beyond a double, duplicate keys, depth, padding, null against absent data.

import fc from 'fast-check';
import {
  type Attributes,
  binaryData,
  type CloudEvent,
  type EventData,
  isAttributeString,
  isJsonMediaType,
  isUriReference,
  jsonData,
  textData,
} from '../../router/event.ts';

/** Any CloudEvents String: no control characters, noncharacters or lone surrogates; may be empty. */
export const attributeText: fc.Arbitrary<string> = fc
  .oneof(
    fc.string({ unit: 'grapheme-ascii', maxLength: 30 }),
    fc.string({ unit: 'grapheme-composite', maxLength: 10 }),
    fc.string({ unit: 'binary', maxLength: 10 }),
    fc.constantFrom(
      ' ',
      '  two  ',
      '%',
      '%41',
      '%zz',
      '"',
      '"quoted"',
      '\\',
      ',',
      'a, b',
      '\u00a0',
      '\ufeff',
      '😀',
      'null',
      'true',
      '10',
    ),
  )
  .map((text) => Array.from(text).filter(isAttributeString).join(''));

const required = attributeText.map((text) => (text === '' ? 'x' : text));

const source = fc.oneof(
  fc.constantFrom(
    '/',
    '#fragment',
    'https://cloudevents.io',
    'mailto:a@b.example',
    'urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66',
    '//authority/p?q#f',
    '/a%20b/%E2%82%AC',
  ),
  fc.webUrl({ withFragments: true, withQueryParameters: true }).filter(isUriReference),
);

const time = fc.oneof(
  fc
    .date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31T23:59:59Z') })
    .map((date) => date.toISOString()),
  fc.constantFrom(
    '2018-04-05T17:31:00.123456789Z',
    '2018-04-05T17:31:00+05:30',
    '2016-12-31t23:59:60z',
    '2020-02-29T00:00:00-12:00',
  ),
);

const core = new Set([
  'specversion',
  'id',
  'source',
  'type',
  'datacontenttype',
  'dataschema',
  'subject',
  'time',
  'data',
]);

const extensionName = fc
  .oneof(
    fc.string({ unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz0123456789'), minLength: 1, maxLength: 20 }),
    fc.constantFrom('constructor', '0', '42', 'partitionkey', 'traceparent', 'sequence'),
  )
  .filter((name) => !core.has(name));

const extensionValue = fc.oneof(
  { arbitrary: attributeText, weight: 6 },
  fc.integer({ min: -2147483648, max: 2147483647 }),
  fc.boolean(),
  fc.constantFrom(0, 2147483647, -2147483648),
);

const deepList = fc.integer({ min: 1, max: 300 }).map((depth) => '['.repeat(depth) + ']'.repeat(depth));

/** JSON texts that JSON.parse and JSON.stringify would not give back. */
export const jsonText: fc.Arbitrary<string> = fc.oneof(
  fc.json(),
  fc.json().map((json) => JSON.stringify(JSON.parse(json), null, 2)),
  fc.constantFrom(
    'null',
    'true',
    '0',
    '""',
    '{}',
    '[]',
    '-0',
    '1.0',
    '1e3',
    '1e999',
    '9007199254740993',
    '0.1000000000000000055511151231257827',
  ),
  fc.constantFrom(
    '{"a":1,"a":2}',
    '{"__proto__":{"a":1}}',
    '"\\ud800"',
    '"\\u0000"',
    '"\\u0041\\/"',
    '{"data":"}"}',
    '"\\\\"',
    '["\\"",{}]',
    '"€😀"',
  ),
  deepList,
);

const padding = fc.constantFrom('', '', '', ' ', '\n', '\r\n', '\t ');
const paddedJson = fc.tuple(padding, jsonText, padding).map((parts) => parts.join(''));

const jsonTypes = fc.constantFrom(
  'application/json',
  'application/json; charset=utf-8',
  'Application/JSON',
  'text/json',
  'application/vnd.a+json',
  'application/cloudevents+json',
);
const otherTypes = fc.constantFrom(
  'text/plain',
  'text/plain; charset=UTF-8',
  'text/plain;charset=iso-8859-1',
  'text/xml; charset="utf-16"',
  'application/xml',
  'image/svg+xml',
  'application/octet-stream',
  'application/x-www-form-urlencoded',
  'application/cloudevents+xml',
  'application/jsonish',
);

export interface DataCase {
  readonly datacontenttype?: string;
  readonly data?: EventData;
}

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const notJson = bytes.filter((buffer) => {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(buffer));
    return false;
  } catch {
    return true;
  }
});
const typed = (type: fc.Arbitrary<string>, data: fc.Arbitrary<EventData>): fc.Arbitrary<DataCase> =>
  fc.record({ datacontenttype: type, data });

const json = paddedJson.map((text) => jsonData(Buffer.from(text)));
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 30 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  jsonText,
);

/** Data with a content type that fits its kind; bytes of a JSON type that are JSON are always kind json. */
export const dataCase: fc.Arbitrary<DataCase> = fc.oneof(
  fc.constant<DataCase>({}),
  fc.oneof(jsonTypes, otherTypes).map((datacontenttype): DataCase => ({ datacontenttype })),
  typed(jsonTypes, json),
  json.map((data): DataCase => ({ data })),
  typed(otherTypes, text.map(textData)),
  typed(otherTypes, bytes.map(binaryData)),
  typed(jsonTypes, notJson.map(binaryData)),
  bytes.map((buffer): DataCase => ({ data: binaryData(buffer) })),
);

const attributes = fc.record(
  {
    specversion: fc.constant('1.0' as const),
    id: required,
    source,
    type: required,
    subject: required,
    time,
    dataschema: fc.constantFrom('https://cloudevents.io/dataschema', 'urn:x:y'),
  },
  { requiredKeys: ['specversion', 'id', 'source', 'type'] },
);

/** Any valid CloudEvent. */
export const event: fc.Arbitrary<CloudEvent> = fc
  .record({
    attributes,
    extensions: fc.dictionary(extensionName, extensionValue, { maxKeys: 4, noNullPrototype: true }),
    dataCase,
  })
  .map(({ attributes, extensions, dataCase: { datacontenttype, data } }) => ({
    attributes: {
      ...extensions,
      ...attributes,
      ...(datacontenttype === undefined ? {} : { datacontenttype }),
    } as Attributes,
    ...(data === undefined ? {} : { data }),
  }));

function present(attributes: Attributes): Map<string, unknown> {
  return new Map(Object.entries(attributes).filter(([, value]) => value !== undefined));
}

/**
 * Same attributes with the same types of values, same data bytes, and JSON in both or in neither. Text against binary is
 * no difference: not every wire form can tell them apart.
 */
export function sameEvent(a: CloudEvent, b: CloudEvent): boolean {
  const left = present(a.attributes);
  const right = present(b.attributes);
  if (left.size !== right.size) return false;
  for (const [name, value] of left) if (!Object.is(value, right.get(name))) return false;
  if (a.data === undefined || b.data === undefined) return a.data === b.data;
  return (a.data.kind === 'json') === (b.data.kind === 'json') && a.data.bytes.equals(b.data.bytes);
}

/** Whether the content type of this event says JSON; absent does in the JSON format only. */
export function saysJson({ attributes }: CloudEvent): boolean {
  return attributes.datacontenttype !== undefined && isJsonMediaType(attributes.datacontenttype);
}

/** The rules that take an event, each asked alone: what an index of them must answer too. */
export function askEach(
  rules: ReadonlyMap<string, { matches(event: CloudEvent): boolean }>,
  event: CloudEvent,
): readonly string[] {
  return [...rules].filter(([, rule]) => rule.matches(event)).map(([name]) => name);
}
