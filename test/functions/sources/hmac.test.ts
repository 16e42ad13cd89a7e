import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { open } from '../../../functions/sources/hmac.ts';
import { sources } from '../../../functions/sources/registry.ts';
import { checkOptions, type Problem } from '../../../router/config.ts';
import { RouterError } from '../../../router/errors.ts';
import { type CloudEvent, dataValue } from '../../../router/event.ts';
import { sourceSuite } from '../../contract/source.ts';
import { rawRequest } from '../../contract/source-request.ts';
import vectors from '../../fixtures/sources/vectors.json' with { type: 'json' };

const now = new Date('2026-03-05T07:08:09Z');
const secret = 'a shared secret';

/** Through the option table, as a document goes. */
function opened(options: Readonly<Record<string, unknown>>, name = 'shop') {
  const problems: Problem[] = [];
  const checked = checkOptions(options, sources['hmac']!.options, '', problems);
  assert.deepEqual(problems, []);
  return open(checked, { name });
}

function request(body: string | Buffer, headers: Readonly<Record<string, string | undefined>> = {}) {
  return rawRequest({ headers: { 'Content-Type': 'application/json' }, body: Buffer.from(body as string) }, headers);
}

function eventOf(options: Readonly<Record<string, unknown>>, ...sent: Parameters<typeof request>): CloudEvent {
  const [one] = opened({ header: 'X-Signature', ...options }).normalize(request(...sent));
  assert.ok(one?.kind === 'event');
  return one.event;
}

const noStamp = (reason: string) =>
  [
    { test: 'a signed header changed by one byte, or missing, is rejected', reason },
    { test: 'a stale and a future timestamp are rejected, 300 s either way is not', reason },
    { test: 'a timestamp that is not a whole number of seconds is rejected', reason },
  ] as const;

sourceSuite('hmac', {
  open: () => opened({ header: 'X-Shop-Signature' }),
  signature: 'x-shop-signature',
  fixtures: [
    {
      says: 'RFC 4231, case 2',
      request: request(vectors.rfc4231.body, {
        'content-type': 'text/plain',
        'x-shop-signature': vectors.rfc4231.sha256,
      }),
      secret: vectors.rfc4231.secret,
      now,
      events: [{ source: '/webhooks/shop', type: 'hmac.shop', datacontenttype: 'text/plain' }],
    },
  ],
  skip: [
    ...noStamp('only the body is signed without `timestamp`'),
    { test: 'a header the event needs is asked for with a code', reason: 'no header is needed by default' },
  ],
});

sourceSuite('hmac with a timestamp, base64 and ids in headers', {
  open: () =>
    opened({
      header: 'X-Sig',
      encoding: 'base64',
      prefix: 'v0=',
      timestamp: 'X-Sent',
      signs: 'v0:{timestamp}:{body}',
      id: 'header:X-Event-Id',
      type: 'header:X-Event-Type',
    }),
  signature: 'x-sig',
  stamp: 'x-sent',
  needed: ['x-event-id', 'x-event-type'],
  fixtures: [
    {
      says: 'signed here by node:crypto',
      request: request('{}', {
        'x-sent': '1700000000',
        'x-sig': `v0=${createHmac('sha256', secret).update('v0:1700000000:{}').digest('base64')}`,
        'x-event-id': 'evt-1',
        'x-event-type': 'order.created',
      }),
      secret,
      now: new Date(1700000000_000),
      events: [{ id: 'evt-1', type: 'order.created' }],
    },
  ],
});

test("hmac: Slack's scheme can be written with the options, and its published request is accepted", () => {
  const { slack } = vectors;
  const source = opened({
    header: 'X-Slack-Signature',
    prefix: 'v0=',
    timestamp: 'X-Slack-Request-Timestamp',
    signs: 'v0:{timestamp}:{body}',
  });
  const sent = request(slack.body, {
    'content-type': 'application/x-www-form-urlencoded',
    'x-slack-signature': slack.signature,
    'x-slack-request-timestamp': slack.timestamp,
  });

  assert.deepEqual(source.verify(sent, [source.key(slack.secret)], new Date(1531420618_000)), { kind: 'accepted' });
  const [one] = source.normalize(sent);
  assert.ok(one?.kind === 'event' && one.event.data?.kind === 'text');
  assert.equal(dataValue(one.event), slack.body);
});

test('hmac: each algorithm and encoding gives the published value', () => {
  const cases = [
    ['sha1', vectors.rfc2202.sha1],
    ['sha256', vectors.rfc4231.sha256],
    ['sha512', vectors.rfc4231.sha512],
  ] as const;
  for (const [algorithm, hex] of cases) {
    for (const [encoding, text] of [
      ['hex', hex],
      ['hex', hex.toUpperCase()],
      ['base64', Buffer.from(hex, 'hex').toString('base64')],
    ] as const) {
      const source = opened({ header: 'x-s', algorithm, encoding, prefix: 'Sig=' });
      const keys = [source.key(vectors.rfc4231.secret)];
      const verify = (value: string) => source.verify(request(vectors.rfc4231.body, { 'x-s': value }), keys, now).kind;

      assert.equal(verify(`Sig=${text}`), 'accepted', `${algorithm} ${encoding}`);
      for (const wrong of [text, `sig=${text}`, `Sig=${text} `, `Sig= ${text}`, `Sig=${text.slice(1)}`]) {
        assert.equal(verify(wrong), 'rejected', wrong);
      }
    }
  }
});

test('hmac: an RFC 3339 time is taken where it is signed, without a separator too', () => {
  const source = opened({ header: 'x-s', timestamp: 'x-t', signs: '{timestamp}{body}' });
  const at = (text: string) =>
    source.verify(
      request('{}', { 'x-t': text, 'x-s': createHmac('sha256', secret).update(`${text}{}`).digest('hex') }),
      [source.key(secret)],
      now,
    );

  assert.equal(at('2026-03-05T08:08:09+01:00').kind, 'accepted');
  assert.equal(at('2026-03-05T07:13:09.999Z').kind, 'accepted');
  for (const [text, code] of [
    ['2026-03-05T07:13:10Z', 'TIMESTAMP_OUT_OF_WINDOW'],
    ['2026-03-05T08:08:09Z', 'TIMESTAMP_OUT_OF_WINDOW'],
    ['2026-03-05 07:08:09', 'TIMESTAMP_INVALID'],
    ['2026-02-30T07:08:09Z', 'TIMESTAMP_INVALID'],
    ['', 'TIMESTAMP_INVALID'],
  ] as const) {
    const verification = at(text);
    assert.ok(verification.kind === 'rejected' && verification.code === code, text);
  }
});

test('hmac: without an id option equal bodies are one event, of one source and one type', () => {
  const id = (options: object, ...sent: Parameters<typeof request>) => eventOf({ ...options }, ...sent).attributes.id;

  assert.equal(id({}, '{"a":1}'), id({}, '{"a":1}', { 'x-signature': 'other', 'user-agent': 'retry' }));
  assert.match(id({}, '{"a":1}'), /^[0-9a-f]{32}$/);
  assert.notEqual(id({}, '{"a":1}'), id({}, '{"a":2}'));
  const named = (name: string) => {
    const [one] = opened({ header: 'x' }, name).normalize(request('{}'));
    return one?.kind === 'event' ? one.event.attributes.id : undefined;
  };
  assert.notEqual(named('a'), named('b'));
  const typed = { type: 'header:X-Topic' };
  assert.notEqual(id(typed, '{}', { 'x-topic': 'a' }), id(typed, '{}', { 'x-topic': 'b' }));
});

test('hmac: id and type are read from the body by path', () => {
  const options = { id: 'body:data.items.0.id', type: 'body:kind' };

  const { id, type } = eventOf(options, '{"kind":"order.paid","data":{"items":[{"id":"o-1"}]}}').attributes;

  assert.equal(id, 'o-1');
  assert.equal(type, 'order.paid');
});

test('hmac: a number beyond 2^53 is an id as it was written', () => {
  const id = (number: string) => eventOf({ id: 'body:id' }, `{"id": ${number} }`).attributes.id;

  assert.equal(id('7'), '7');
  assert.equal(id('9007199254740993'), '9007199254740993');
  assert.notEqual(id('12345678901234567890'), id('12345678901234567891'));
  assert.equal(id('1.5'), '1.5');
});

test('hmac: an id or type that is not where the options say is refused with the place', () => {
  const bad = ['{}', '{"id":""}', '{"id":null}', '{"id":{}}', '{"id":true}', '[]', '"id"', '{"__proto__":{"id":"x"}}'];
  for (const body of bad) {
    assert.throws(() => eventOf({ id: 'body:id' }, body), { code: 'REQUEST_INVALID', message: /'id' in a JSON body/ });
    assert.throws(() => eventOf({ type: 'body:id' }, body), { code: 'REQUEST_INVALID' });
  }
  for (const path of ['body:constructor.name', 'body:toString', 'body:__proto__.x', 'body:length', 'body:a.length']) {
    assert.throws(() => eventOf({ id: path }, '{"a":[1]}'), { code: 'REQUEST_INVALID' }, path);
  }
  const deep = `{"id":1e400,"x":${'['.repeat(50_000)}${']'.repeat(50_000)}}`;
  assert.throws(() => eventOf({ id: 'body:id' }, deep), RouterError);
});

test('hmac: the body becomes JSON, text, binary or nothing, as content type and bytes allow', () => {
  const cases: readonly (readonly [string | undefined, string | Buffer, string | undefined, string | undefined])[] = [
    ['application/json', ' {"a":1}\n', 'json', 'application/json'],
    ['application/vnd.shop+json; charset=utf-8', '[]', 'json', 'application/vnd.shop+json; charset=utf-8'],
    ['text/plain', 'é', 'text', 'text/plain'],
    ['text/csv; charset="UTF-8"', 'é\r\n', 'text', 'text/csv; charset="UTF-8"'],
    ['text/plain', Buffer.from([0xe9]), 'binary', 'text/plain'],
    ['text/plain; charset=iso-8859-1', 'abc', 'binary', 'text/plain; charset=iso-8859-1'],
    ['application/xml', '<a/>', 'text', 'application/xml'],
    ['application/octet-stream', 'abc', 'binary', 'application/octet-stream'],
    ['image/svg+xml', '<svg/>', 'binary', 'image/svg+xml'],
    [undefined, '{"a":1}', 'json', 'application/json'],
    [undefined, 'abc', 'binary', 'application/octet-stream'],
    [undefined, Buffer.from([0x22, 0xff, 0x22]), 'binary', 'application/octet-stream'],
    ['application/json', '', undefined, 'application/json'],
    [undefined, '', undefined, undefined],
  ];
  for (const [contentType, body, kind, datacontenttype] of cases) {
    const event = eventOf({}, body, { 'content-type': contentType });
    assert.equal(event.data?.kind, kind, `${contentType} ${String(body)}`);
    assert.equal(event.attributes.datacontenttype, datacontenttype);
    if (event.data !== undefined) assert.deepEqual(event.data.bytes, Buffer.from(body as string));
  }
});

test('hmac: what is not JSON, or no media type, is refused', () => {
  assert.throws(() => eventOf({}, '{'), { code: 'NOT_JSON' });
  assert.throws(() => eventOf({}, Buffer.from([0x22, 0xff, 0x22])), { code: 'NOT_UTF8' });
  assert.throws(() => eventOf({}, 'a', { 'content-type': 'text/plain, text/plain' }), { code: 'EVENT_INVALID' });
  assert.throws(() => eventOf({}, 'a', { 'content-encoding': 'gzip' }), { code: 'ENCODING_UNSUPPORTED' });
});

test('hmac: header names of the options are taken in any case', () => {
  const source = opened({ header: 'X-SHOP-Signature', timestamp: 'X-Sent', id: 'header:X-ID', type: 'header:X-TYPE' });

  assert.deepEqual(source.headers, ['content-type', 'user-agent', 'x-id', 'x-type', 'x-sent']);
  const sent = rawRequest(source.simulate('order.paid', 's', secret, now));
  assert.equal(source.verify(sent, [source.key(secret)], now).kind, 'accepted');
});

test('hmac: simulate puts id and type where the options look for them', () => {
  const source = opened({ header: 'x', id: 'body:order.reference.id', type: 'body:meta.kind' });

  const [one] = source.normalize(rawRequest(source.simulate('order.paid', 's', secret, now)));

  assert.ok(one?.kind === 'event');
  assert.equal(one.event.attributes.type, 'order.paid');
  assert.match(one.event.attributes.id, /^[0-9a-f-]{36}$/);
});

test('hmac: mistakes in the options are named before anything runs', () => {
  const problemsOf = (options: object) => {
    const problems: Problem[] = [];
    checkOptions(options, sources['hmac']!.options, '', problems);
    return problems.map(({ path, says }) => `${path}: ${says}`).join('\n');
  };

  assert.match(problemsOf({}), /'header' is required/);
  assert.match(problemsOf({ header: 'X Sig' }), /^header: must be the name of a header/);
  assert.match(problemsOf({ header: 'x', algorithm: 'sha265' }), /did you mean 'sha256'/);
  assert.match(problemsOf({ header: 'x', algorithm: 'md5' }), /^algorithm: unknown value/);
  assert.match(problemsOf({ header: 'x', encodin: 'hex' }), /did you mean 'encoding'/);
  assert.match(problemsOf({ header: 'x', id: 'data.id' }), /^id: must begin with/);
  assert.match(problemsOf({ header: 'x', id: 'body:' }), /^id: must hold a path/);
  assert.match(problemsOf({ header: 'x', id: 'body:a..b' }), /^id: must hold a path/);
  assert.match(problemsOf({ header: 'x', id: 'header:Authorization' }), /credentials never enter an event/);
  assert.match(problemsOf({ header: 'x', type: 'header:cookie' }), /credentials never enter an event/);
  assert.match(problemsOf({ header: 'x', timestamp: 'Cookie' }), /credentials never enter an event/);
  assert.match(problemsOf({ header: 'x', timestamp: 'a b' }), /^timestamp: must name a header/);
  assert.match(problemsOf({ header: 'x', timestamp: 't', signs: '{body}' }), /^signs: must read like/);
  assert.equal(problemsOf({ header: 'x', type: 'com.example.thing' }), '');
});

test('hmac: options that do not go together are refused at open', () => {
  assert.throws(() => opened({ header: 'x', signs: '{timestamp}.{body}' }), {
    code: 'DOCUMENT_INVALID',
    message: /sources\.shop/,
  });
  for (const other of [{ id: 'header:x-sig' }, { type: 'header:x-sig' }, { timestamp: 'x-sig' }]) {
    assert.throws(() => opened({ header: 'X-Sig', ...other }), { code: 'DOCUMENT_INVALID' });
  }
});

test('hmac: the header with the signature is never on the allow-list, whatever its name', () => {
  assert.deepEqual(opened({ header: 'User-Agent' }).headers, ['content-type']);
});
