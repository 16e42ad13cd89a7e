import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RouterError } from '../../router/errors.ts';
import {
  binaryData,
  checkAttributes,
  checkEvent,
  dataValue,
  isJsonMediaType,
  isMediaType,
  isTimestamp,
  isUriReference,
  jsonData,
  textData,
} from '../../router/event.ts';
import { event } from '../harness/events.ts';

const minimal = { specversion: '1.0', id: '1', source: '/s', type: 't' } as const;

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof RouterError, `a ${error} came out, which is no RouterError`);
    return error.code;
  }
  return 'accepted';
}
const judge = (attributes: Record<string, unknown>): string =>
  codeOf(() => checkAttributes({ ...minimal, ...attributes }));

test('event: every random valid event passes the check and comes back as the same object', () => {
  fc.assert(
    fc.property(event, (one) => {
      assert.equal(checkAttributes(one.attributes), one.attributes);
      assert.equal(checkEvent(one), one);
    }),
  );
});

test('event: a missing, null, empty or non-string required attribute is refused by name', () => {
  for (const name of ['id', 'source', 'type']) {
    for (const value of [undefined, null, '', 25, true, { a: 1 }, ['x']]) {
      assert.throws(() => checkAttributes({ ...minimal, [name]: value }), {
        code: 'EVENT_INVALID',
        message: new RegExp(`^attribute '${name}' `),
      });
    }
  }
});

test('event: an optional attribute of the specification may be absent but not empty, null or a number', () => {
  for (const name of ['subject', 'time', 'datacontenttype', 'dataschema']) {
    assert.equal(judge({ [name]: undefined }), 'accepted');
    for (const value of ['', null, 1, true]) assert.equal(judge({ [name]: value }), 'EVENT_INVALID', name);
  }
});

test('event: only the string "1.0" is a known specversion', () => {
  assert.equal(judge({ specversion: undefined }), 'EVENT_INVALID');
  const deep = JSON.parse('['.repeat(20_000) + ']'.repeat(20_000)) as unknown;
  for (const version of ['0.3', '1.0.2', '1', '', 1, 1n, ['1.0'], deep]) {
    assert.equal(judge({ specversion: version }), 'SPECVERSION_UNSUPPORTED');
  }
});

test('event: attribute names are lower-case letters and digits, and never data', () => {
  for (const name of ['a', '0', 'constructor', 'tostring', 'a'.repeat(100)])
    assert.equal(judge({ [name]: 'x' }), 'accepted');
  for (const name of ['', 'A', 'aB', 'a_b', 'a-b', 'a.b', 'é', 'a\n', 'data', 'data_base64', 'ı', 'ſ']) {
    assert.equal(judge({ [name]: 'x' }), 'EVENT_INVALID', JSON.stringify(name));
  }
});

test('event: an own __proto__ is refused like any bad name, and changes nothing', () => {
  const hostile = JSON.parse('{"specversion":"1.0","id":"1","source":"/s","type":"t","__proto__":{"polluted":1}}');

  assert.equal(
    codeOf(() => checkAttributes(hostile)),
    'EVENT_INVALID',
  );
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
});

test('event: extension values are strings, 32-bit integers and booleans', () => {
  for (const value of ['', 'x', 0, -1, 2147483647, -2147483648, true, false])
    assert.equal(judge({ ext: value }), 'accepted');
  for (const value of [1.5, 2147483648, -2147483649, -0, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.equal(judge({ ext: value }), 'NUMBER_NOT_CARRIABLE', String(value));
  }
  for (const value of [null, {}, [], () => 1, Symbol('x'), 1n]) assert.equal(judge({ ext: value }), 'EVENT_INVALID');
});

test('event: control characters, noncharacters and lone surrogates are refused in every string', () => {
  for (const bad of [
    '\0',
    '\n',
    '\x1f',
    '\x7f',
    '\x80',
    '\x9f',
    '\ufdd0',
    '\ufdef',
    '\ufffe',
    '\uffff',
    '\u{1fffe}',
    '\u{10ffff}',
    '\ud800',
    '\udc00',
    '\udc00\ud800',
  ]) {
    for (const name of ['id', 'type', 'subject', 'ext']) {
      assert.equal(judge({ [name]: `a${bad}b` }), 'EVENT_INVALID', `${name} ${JSON.stringify(bad)}`);
    }
  }
  for (const good of [' ', '~', '\u00a0', '\ufdcf', '\ufdf0', '\ufffd', '\ufeff', '😀', '\u{10fffd}', '\ud800\udead']) {
    assert.equal(judge({ ext: good }), 'accepted', JSON.stringify(good));
  }
});

test('event: source is a URI-reference of RFC 3986', () => {
  const good = [
    '/',
    '#fragment',
    '?q',
    '//',
    '//h:80/x',
    '///p',
    'a:b',
    './1:2',
    '1-555-123-4567',
    'mailto:a@b.c',
    'urn:uuid:6e8bc430',
    'http://u:p@h:1/p?q#f',
    'http://[::1]:80/a',
    'http://[v1.x]/',
    '/a%2f',
    "/!$&'()*+,;=:@",
    'cloudevents/spec/pull/123',
  ];
  const bad = [
    '',
    ' ',
    'a b',
    '/ü',
    '1:2',
    ':',
    '//h:8x',
    'http://[::1/a',
    'http://a@b@c',
    'a#b#c',
    '/a%2',
    '/%zz',
    '/[x]',
    'x/[y]',
    '/a"b',
    '/<b>',
    '/{c}',
    '/a\\b',
    '/a|b',
    '/a^b',
    '/a`b',
  ];

  for (const uri of good) assert.ok(isUriReference(uri), uri);
  for (const uri of bad) assert.ok(!isUriReference(uri), uri);
  assert.equal(judge({ source: 'my source' }), 'EVENT_INVALID');
});

test('event: dataschema is an absolute URI', () => {
  assert.equal(judge({ dataschema: 'https://cloudevents.io/dataschema' }), 'accepted');
  assert.equal(judge({ dataschema: 'urn:x:y' }), 'accepted');
  for (const value of ['/relative', '#f', 'x', '1:2', 'https://a b'])
    assert.equal(judge({ dataschema: value }), 'EVENT_INVALID');
});

test('event: time is an RFC 3339 timestamp of a real day', () => {
  const good = [
    '2018-04-05T17:31:00Z',
    '2018-04-05t17:31:00z',
    '2018-04-05T17:31:00.123456789123Z',
    '2018-04-05T17:31:00+23:59',
    '2018-04-05T17:31:00-00:00',
    '2000-02-29T00:00:00Z',
    '0000-01-01T00:00:00Z',
    '2016-12-31T23:59:60Z',
    '2017-01-01T05:29:60+05:30',
    '2016-12-31T15:59:60-08:00',
  ];
  const bad = [
    '',
    'lunchtime',
    '2018-04-05',
    '2018-04-05T17:31Z',
    '2018-04-05T17:31:00',
    '2018-04-05 17:31:00Z',
    '2018-04-05T17:31:00+25:00',
    '2018-04-05T17:31:00+05',
    '2018-04-05T17:31:00+0500',
    '2018-04-05T17:31:00.Z',
    '2018-04-05T24:00:00Z',
    '2018-04-05T17:60:00Z',
    '2018-04-05T17:31:61Z',
    '2018-04-05T17:31:60Z',
    '2016-12-31T23:59:60+01:00',
    '2018-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2018-04-31T00:00:00Z',
    '2018-13-01T00:00:00Z',
    '2018-00-01T00:00:00Z',
    '2018-01-00T00:00:00Z',
    '2018-4-5T1:1:1Z',
    '12018-04-05T17:31:00Z',
    '2018-04-05T17:31:00Z ',
  ];

  for (const text of good) assert.ok(isTimestamp(text), text);
  for (const text of bad) assert.ok(!isTimestamp(text), text);
});

test('event: datacontenttype is a media type that HTTP gives back unchanged', () => {
  const good = [
    'application/json',
    'text/plain; charset=us-ascii',
    'text/plain;charset=utf-8',
    'a/b ; c="d e\\"f"',
    'multipart/form-data; boundary=x',
    'application/json;',
    'APPLICATION/X.Y+Z',
  ];
  const bad = [
    '',
    'xyz',
    'a/',
    '/b',
    'a/b/c',
    'a b/c',
    'a/b c',
    'a/b; c',
    'a/b; c=',
    'a/b; c="d',
    'a/b, c/d',
    'a/b ',
    ' a/b',
    'a/b; ',
    'é/b',
    'a/b; c="é"',
    'a/b\r\nx: y',
    `a/b; c="${'d'.repeat(9000)}"`,
  ];

  for (const text of good) assert.ok(isMediaType(text), text);
  for (const text of bad) assert.ok(!isMediaType(text), text);
});

test('event: a media type is JSON by its subtype or suffix, in any case, with any parameter', () => {
  for (const text of [
    'application/json',
    'text/json',
    'Application/JSON; charset=UTF-8',
    'application/vnd.x+json',
    'a/b+JSON ;c=d',
  ]) {
    assert.ok(isJsonMediaType(text), text);
  }
  for (const text of [
    'application/jsonx',
    'application/x-json',
    'application/json-seq',
    'text/plain; x=a/json',
    'json',
    'application/json+xml',
  ]) {
    assert.ok(!isJsonMediaType(text), text);
  }
});

test('event: attributes of many megabytes are judged without overflow', () => {
  const long = 'a'.repeat(5_000_000);
  const values = {
    source: `//${long}@`,
    datacontenttype: `a/b; c="${long}"`,
    time: `2018-04-05T17:31:00.${'0'.repeat(5_000_000)}Z`,
    ext: `${long}\n`,
  };
  for (const [name, value] of Object.entries(values))
    assert.match(judge({ [name]: value }), /^(accepted|EVENT_INVALID)$/);
});

test('event: the value of data is parsed once, and is undefined for binary and absent data', () => {
  const json = { attributes: minimal, data: jsonData(Buffer.from('{"a":[1]}')) };
  assert.deepEqual(dataValue(json), { a: [1] });
  assert.equal(dataValue(json), dataValue(json));
  assert.equal(dataValue({ attributes: minimal, data: jsonData(Buffer.from('null')) }), null);
  assert.equal(dataValue({ attributes: minimal, data: textData('\ufeffé') }), '\ufeffé');
  assert.equal(dataValue({ attributes: minimal, data: { kind: 'text', bytes: Buffer.from('\ufeffé') } }), '\ufeffé');
  assert.equal(dataValue({ attributes: minimal, data: binaryData(Buffer.from('1')) }), undefined);
  assert.equal(dataValue({ attributes: minimal }), undefined);
});

test('event: a text that no bytes can carry and an empty JSON text are refused', () => {
  assert.equal(
    codeOf(() => textData('a\ud800')),
    'NOT_UTF8',
  );
  assert.equal(
    codeOf(() => checkEvent({ attributes: minimal, data: jsonData(Buffer.alloc(0)) })),
    'NOT_JSON',
  );
});
