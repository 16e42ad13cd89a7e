import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open } from '../../../functions/sources/cloudevents.ts';
import type { RawRequest } from '../../../router/http.ts';
import { sourceSuite } from '../../contract/source.ts';
import { rawRequest } from '../../contract/source-request.ts';

const source = open({}, { name: 'partner' });
const secret = 'mF_9.B5f-4.1JqM';
const keys = [source.key(secret)];
const now = new Date('2026-03-05T07:08:09Z');

const event = { specversion: '1.0', id: '1', source: '/a', type: 'b' };

function structured(value: unknown, headers: Readonly<Record<string, string>> = {}): RawRequest {
  const sent = { 'Content-Type': 'application/cloudevents+json', Authorization: `Bearer ${secret}` };
  return rawRequest({ headers: sent, body: Buffer.from(JSON.stringify(value)) }, headers);
}

function options(headers: Readonly<Record<string, string>>): RawRequest {
  return { ...rawRequest({ headers, body: Buffer.alloc(0) }), method: 'OPTIONS' };
}

function codeOf(request: RawRequest, of = source): string {
  const verification = of.verify(request, keys, now);
  return verification.kind === 'rejected' ? verification.code : verification.kind;
}

function attributesOf(request: RawRequest) {
  return source.normalize(request).map((one) => {
    assert.ok(one.kind === 'event');
    return one.event.attributes;
  });
}

const tokenOnly = 'a bearer token covers neither body nor time';

sourceSuite('cloudevents', {
  open: () => open({}, { name: 'partner' }),
  signature: 'authorization',
  fixtures: [
    {
      says: 'the structured example of the HTTP binding',
      request: structured(
        { ...event, data: { hello: 'world' } },
        { 'content-type': 'application/cloudevents+json; charset=utf-8' },
      ),
      secret,
      now,
      events: [event],
    },
    {
      says: 'the binary example of the HTTP binding',
      request: rawRequest({
        headers: {
          Authorization: `Bearer ${secret}`,
          'ce-specversion': '1.0',
          'ce-type': 'com.example.someevent',
          'ce-time': '2018-04-05T03:56:24Z',
          'ce-id': '1234-1234-1234',
          'ce-source': '/mycontext/subcontext',
          'Content-Type': 'application/json; charset=utf-8',
        },
        body: Buffer.from('{"a":1}'),
      }),
      secret,
      now,
      events: [
        { id: '1234-1234-1234', time: '2018-04-05T03:56:24Z', datacontenttype: 'application/json; charset=utf-8' },
      ],
    },
    {
      says: 'a batch of two',
      request: structured([event, { ...event, id: '2' }], { 'content-type': 'application/cloudevents-batch+json' }),
      secret,
      now,
      events: [event, { ...event, id: '2' }],
    },
  ],
  skip: [
    { test: 'a body changed by one byte is rejected', reason: tokenOnly },
    { test: 'a signed header changed by one byte, or missing, is rejected', reason: tokenOnly },
    { test: 'a stale and a future timestamp are rejected, 300 s either way is not', reason: tokenOnly },
    { test: 'a timestamp that is not a whole number of seconds is rejected', reason: tokenOnly },
    {
      test: 'the data is the raw body, byte for byte',
      reason: 'a structured body holds the data; the wire tests cover it',
    },
    { test: 'a header the event needs is asked for with a code', reason: 'a structured event needs no header' },
  ],
});

test('cloudevents: attributes that describe an earlier intake are passed on unchanged', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const sent = {
    ...event,
    time: '2020-01-01T00:00:00.123456789+02:00',
    recordedtime: '2020-01-01T00:00:01Z',
    traceparent,
  };

  assert.deepEqual(attributesOf(structured(sent)), [sent]);
});

test('cloudevents: data in binary mode is the body, byte for byte', () => {
  const body = Buffer.from('{ "n": 12345678901234567890.0,\t"k":1,"k":2 }\r\n');
  const headers = {
    'ce-specversion': '1.0',
    'ce-id': '1',
    'ce-source': '/a',
    'ce-type': 'b',
    'Content-Type': 'application/json',
  };

  const [one] = source.normalize(rawRequest({ headers, body }));

  assert.ok(one?.kind === 'event');
  assert.deepEqual(one.event.data?.bytes, body);
});

test('cloudevents: an empty batch is no event, and one bad event refuses the batch', () => {
  const batch = { 'content-type': 'application/cloudevents-batch+json' };

  assert.deepEqual(source.normalize(structured([], batch)), []);
  assert.throws(() => source.normalize(structured([event, { ...event, id: '' }], batch)), { code: 'EVENT_INVALID' });
});

test('cloudevents: a request that is no CloudEvent is refused with its code', () => {
  const cases = [
    [structured({ ...event, specversion: '2.0' }), 'SPECVERSION_UNSUPPORTED'],
    [structured({ id: '1' }), 'SPECVERSION_UNSUPPORTED|EVENT_INVALID'],
    [{ ...structured({}), body: Buffer.from('{') }, 'NOT_JSON'],
    [structured(event, { 'content-type': 'application/json' }), 'CONTENT_TYPE_UNSUPPORTED'],
    [structured(event, { 'content-encoding': 'gzip' }), 'ENCODING_UNSUPPORTED'],
  ] as const;
  for (const [request, codes] of cases) {
    assert.throws(
      () => source.normalize(request),
      (error: { readonly code?: string }) => codes.split('|').includes(error.code ?? ''),
    );
  }
});

test('cloudevents: the token is taken from the header in any spelling of the scheme, or from the query', () => {
  const bare = rawRequest({ headers: {}, body: Buffer.alloc(0) });
  const withHeader = (authorization: string) => codeOf(rawRequest(bare, { authorization }));
  const withQuery = (query: string) => codeOf({ ...bare, query });

  for (const scheme of ['Bearer', 'bearer', 'BEARER']) assert.equal(withHeader(`${scheme} ${secret}`), 'accepted');
  assert.equal(withQuery(`a=1&access_token=${secret}`), 'accepted');
  assert.equal(withQuery(`access_token=${encodeURIComponent(secret)}`), 'accepted');
  for (const text of [
    secret,
    `Basic ${secret}`,
    `Bearer${secret}`,
    'Bearer',
    `Bearer ${secret} x`,
    `Bearer ${secret.toUpperCase()}`,
  ]) {
    assert.equal(withHeader(text), 'SIGNATURE_INVALID', text);
  }
  for (const query of [
    'access_token=',
    'access_token=x',
    `access_token=${secret}&access_token=${secret}`,
    `access_token=%ff`,
  ]) {
    assert.equal(withQuery(query), 'SIGNATURE_INVALID', query);
  }
  for (const query of ['', 'a=1', `Access_Token=${secret}`, '%', '&&&='])
    assert.equal(withQuery(query), 'SIGNATURE_MISSING', query);
  const wrongHeader = rawRequest(bare, { authorization: 'Bearer x' });
  assert.equal(codeOf({ ...wrongHeader, query: `access_token=${secret}` }), 'SIGNATURE_INVALID');
});

test('cloudevents: open: true takes events without a token, and nothing else does', () => {
  const request = rawRequest({ headers: {}, body: Buffer.alloc(0) });
  const isOpen = open({ open: true }, { name: 'partner' });

  assert.equal(isOpen.needsSecret, false);
  assert.equal(codeOf(request, isOpen), 'accepted');
  assert.deepEqual(isOpen.verify(request, [], now), { kind: 'accepted' });
  for (const other of [{}, { open: false }, { open: 'true' }, { open: 1 }]) {
    const closed = open(other, { name: 'partner' });
    assert.equal(closed.needsSecret, true);
    assert.equal(codeOf(request, closed), 'SIGNATURE_MISSING');
  }
});

test('cloudevents: the handshake is answered with consent to the origin and the rate that was asked', () => {
  const origin = 'eventgrid.azure.net';
  const answer = (headers: Readonly<Record<string, string>>) => {
    const verification = source.verify(options({ 'WebHook-Request-Origin': origin, ...headers }), keys, now);
    assert.ok(verification.kind === 'challenge');
    return verification.response;
  };

  assert.deepEqual(answer({ 'WebHook-Request-Rate': '120' }), {
    status: 200,
    headers: { allow: 'POST', 'webhook-allowed-origin': origin, 'webhook-allowed-rate': '120' },
    body: '',
  });
  assert.equal(answer({}).headers['webhook-allowed-rate'], '*');
  assert.deepEqual(answer({ 'WebHook-Request-Callback': 'http://169.254.169.254/' }), answer({}));
});

test('cloudevents: OPTIONS without an origin, or with one that could carry something else, is no consent', () => {
  assert.equal(codeOf(options({})), 'METHOD_NOT_ALLOWED');
  assert.equal(codeOf(options({ authorization: `Bearer ${secret}` })), 'METHOD_NOT_ALLOWED');
  for (const origin of ['a b', 'a\r\nset-cookie: x', 'a, b', 'é', 'https://a/b', '<script>', 'x'.repeat(300)]) {
    assert.equal(codeOf(options({ 'webhook-request-origin': origin })), 'REQUEST_INVALID', origin);
  }
  for (const rate of ['0', '-1', '1.5', '1e3', '', '*', '9'.repeat(30)]) {
    const request = options({ 'webhook-request-origin': 'a.example', 'webhook-request-rate': rate });
    assert.equal(codeOf(request), 'REQUEST_INVALID', rate);
  }
});

test('cloudevents: a secret that no header can carry is refused', () => {
  for (const bad of ['a b', 'é', 'a\nb', 'x'.repeat(5000)]) {
    assert.throws(() => source.key(bad), { code: 'SECRET_INVALID' }, bad);
  }
});
