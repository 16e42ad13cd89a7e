import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { RouterError } from '../../../router/errors.ts';
import { binaryData, type CloudEvent, jsonData, textData } from '../../../router/event.ts';
import { binaryGap } from '../../../router/wire/binary.ts';
import { decodeHttp, encodeHttp, encodeHttpBatch, type HttpMessage } from '../../../router/wire/http.ts';
import { attributeText, event, sameEvent } from '../../harness/events.ts';

const core = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 't' };
const none = Buffer.alloc(0);
const base = { specversion: '1.0', id: '1', source: '/s', type: 't' } as const;

function binary(headers: Record<string, string>, body: string | Buffer = none): CloudEvent {
  const { mode, events } = decodeHttp({ ...core, ...headers }, Buffer.from(body));
  assert.equal(mode, 'binary');
  return events[0]!;
}
const extension = (raw: string): unknown => binary({ 'ce-ext': raw }).attributes['ext'];
const refused = (act: () => unknown, code: string, hint = ''): void =>
  assert.throws(act, { name: 'RouterError', code }, hint);

test('http: every valid event comes back from structured mode as it went', () => {
  fc.assert(
    fc.property(event, (one) => {
      const { headers, body } = encodeHttp(one, 'structured');
      const { mode, events } = decodeHttp(headers, body);
      assert.equal(mode, 'structured');
      assert.ok(events.length === 1 && sameEvent(events[0]!, one));
    }),
  );
});

test('http: batches come back in order, an empty one included', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 3 }), (all) => {
      const { headers, body } = encodeHttpBatch(all);
      const { mode, events } = decodeHttp(headers, body);
      assert.equal(mode, 'batch');
      assert.equal(events.length, all.length);
      for (const [i, one] of events.entries()) assert.ok(sameEvent(one, all[i]!));
    }),
    { numRuns: 50 },
  );
});

test('http: binary mode gives an event back as it went, or refuses it with the reason', () => {
  let carried = 0;
  fc.assert(
    fc.property(event, (one) => {
      if (binaryGap(one) !== undefined) return refused(() => encodeHttp(one, 'binary'), 'NOT_CARRIABLE');
      const { headers, body } = encodeHttp(one, 'binary');
      const { mode, events } = decodeHttp(headers, body);
      assert.equal(mode, 'binary');
      assert.ok(sameEvent(events[0]!, one));
      carried++;
    }),
    { numRuns: 500 },
  );
  assert.ok(carried > 30, `only ${carried} of 500 events were carried`);
});

test('http: what binary mode would alter is refused', () => {
  const json = jsonData(Buffer.from('1'));
  const cases: CloudEvent[] = [
    { attributes: { ...base, ext: 1 } },
    { attributes: { ...base, ext: true } },
    { attributes: base, data: json },
    { attributes: { ...base, datacontenttype: 'text/plain' }, data: textData('') },
    { attributes: { ...base, datacontenttype: 'text/plain' }, data: json },
    { attributes: { ...base, datacontenttype: 'application/json' }, data: binaryData(Buffer.from('{')) },
    { attributes: { ...base, datacontenttype: 'application/cloudevents+json' }, data: json },
    { attributes: { ...base, datacontenttype: 'Application/CloudEvents' } },
    { attributes: { ...base, datacontenttype: 'text/plain; charset=iso-8859-1' }, data: textData('é') },
    { attributes: { ...base, datacontenttype: 'text/xml; charset="UTF-16"' }, data: textData('a') },
  ];
  for (const one of cases) refused(() => encodeHttp(one, 'binary'), 'NOT_CARRIABLE', JSON.stringify(one.attributes));
  refused(() => encodeHttp({ attributes: { ...base, ext: 'a\r\nx-evil: 1' } }, 'binary'), 'EVENT_INVALID');
  refused(() => encodeHttp({ attributes: { ...base, 'ext\r\nx': 'a' } }, 'binary'), 'EVENT_INVALID');
});

test('http: header values are encoded as the binding says', () => {
  const { headers } = encodeHttp({ attributes: { ...base, ext: 'Euro € 😀', odd: '"100%" ~!', blank: '' } }, 'binary');
  assert.equal(headers['ce-ext'], 'Euro%20%E2%82%AC%20%F0%9F%98%80');
  assert.equal(headers['ce-odd'], '%22100%25%22%20~!');
  assert.equal(headers['ce-blank'], '');
  fc.assert(
    fc.property(attributeText, (text) => {
      const { headers: one } = encodeHttp({ attributes: { ...base, ext: text } }, 'binary');
      assert.match(one['ce-ext']!, /^(?:[!#$&-~]|%[0-9A-F]{2})*$/);
      assert.equal(extension(one['ce-ext']!), text);
    }),
  );
});

test('http: header values are decoded in one round, needless escapes included', () => {
  assert.equal(extension('%41%62'), 'Ab');
  assert.equal(extension('%e2%82%ac'), '€');
  assert.equal(extension('%2541'), '%41');
  assert.equal(extension('  two words '), 'two words');
  assert.equal(extension('%20a%20'), ' a ');
  assert.equal(extension('a+b'), 'a+b');
  assert.equal(extension(''), '');
});

test('http: a quoted value is unquoted before the escapes are decoded', () => {
  assert.equal(extension('"a b"'), 'a b');
  assert.equal(extension('"a \\"b\\" \\\\ %41"'), 'a "b" \\ A');
  assert.equal(extension('"\\%41"'), 'A');
  assert.equal(extension('""'), '');
  assert.equal(extension('%22a%22'), '"a"');
  assert.equal(extension('a"b"'), 'a"b"');
  for (const raw of ['"', '"a', '"a"b', '"a" "b"', '"a\\"', `"${'a'.repeat(10_000)}"`])
    refused(() => extension(raw), 'EVENT_INVALID', raw);
});

test('http: escapes that are not UTF-8 and percent signs that are no escapes are refused', () => {
  for (const raw of ['%C0%A0', '%ff', '%ED%A0%80', '%E2%82', '%F5%80%80%80', '%', '%4', '%zz', '100%', '% 41']) {
    refused(() => extension(raw), 'EVENT_INVALID', raw);
  }
  for (const raw of ['%00', '%0D%0Ax', '%7F', '%EF%BF%BF', 'é', 'a\tb', 'a\u0000', '\u00a0a']) {
    refused(() => extension(raw), 'EVENT_INVALID', JSON.stringify(raw));
  }
});

test('http: the mode follows from the content type in any case, with parameters', () => {
  const structured = Buffer.from(JSON.stringify(base));
  for (const type of [
    'application/cloudevents+json',
    'Application/CloudEvents+JSON; charset=UTF-8',
    'application/cloudevents+json;charset="utf-8"',
    ' application/cloudevents+json ; charset=utf-8; x=y ',
  ]) {
    assert.equal(decodeHttp({ 'content-type': type }, structured).mode, 'structured', type);
    const batch = type.replace(/events\+/i, 'events-batch+');
    assert.equal(decodeHttp({ 'content-type': batch }, Buffer.from('[]')).mode, 'batch', batch);
  }
});

test('http: a structured content type of another format or charset is refused, ce- headers or not', () => {
  for (const type of [
    'application/cloudevents',
    'application/cloudevents+xml',
    'application/cloudevents+avro',
    'application/cloudevents-batch',
    'application/cloudevents+jsonx',
    'application/cloudevents+json; charset=iso-8859-1',
    'application/cloudevents+json; charset=utf-8; charset=utf-16',
    'application/cloudevents+json, text/plain',
    'application/cloudevents+json\t;x',
    'application/cloudevents/json',
  ]) {
    for (const headers of [{}, core])
      refused(() => decodeHttp({ ...headers, 'content-type': type }, none), 'CONTENT_TYPE_UNSUPPORTED', type);
  }
});

test('http: a request that is no CloudEvent says what is due', () => {
  assert.throws(() => decodeHttp({}, none), { code: 'REQUEST_INVALID', message: /ce-specversion/ });
  assert.throws(() => decodeHttp({ 'content-type': 'application/json' }, Buffer.from('{}')), {
    code: 'CONTENT_TYPE_UNSUPPORTED',
    message: /application\/json.*cloudevents\+json/,
  });
});

test('http: headers of the event are checked like any attributes', () => {
  refused(() => binary({ 'ce-specversion': '0.3' }), 'SPECVERSION_UNSUPPORTED');
  for (const name of ['ce-', 'ce-a_b', 'ce-data', 'ce-__proto__', 'ce-A'])
    refused(() => binary({ [name]: 'x' }), 'EVENT_INVALID', name);
  refused(() => binary({ ['ce-datacontenttype']: 'text/plain', 'content-type': 'text/plain' }), 'EVENT_INVALID');
  refused(() => binary({ 'content-type': 'nonsense' }), 'EVENT_INVALID');
  refused(() => binary({ 'ce-source': 'not%20a%20uri' }), 'EVENT_INVALID');
  refused(() => decodeHttp({ 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s' }, none), 'EVENT_INVALID');
  assert.deepEqual({ ...binary({ accept: '*/*', 'x-ce-y': 'z' }).attributes }, base);
});

test('http: the body is data of the kind its content type says', () => {
  const kindOf = (type: string, body: string | Buffer): string | undefined =>
    binary(type === '' ? {} : { 'content-type': type }, body).data?.kind;
  assert.equal(kindOf('application/json', '{"a":1}'), 'json');
  assert.equal(kindOf('application/vnd.x+json; charset=iso-8859-1', ' "é"\n'), 'json');
  assert.equal(kindOf('text/plain', 'é'), 'text');
  assert.equal(kindOf('application/xml; charset=utf-8', '<a/>'), 'text');
  assert.equal(kindOf('image/svg+xml', '<a/>'), 'text');
  assert.equal(kindOf('text/plain; charset=us-ascii', 'a'), 'text');
  assert.equal(kindOf('text/plain; charset=iso-8859-1', 'é'), 'binary');
  assert.equal(kindOf('text/plain; charset=utf-16', 'a'), 'binary');
  assert.equal(kindOf('text/plain', Buffer.from([0xff])), 'binary');
  assert.equal(kindOf('application/octet-stream', 'a'), 'binary');
  assert.equal(kindOf('', '{}'), 'binary');
  assert.equal(kindOf('application/json', ''), undefined);
});

test('http: JSON data that is no JSON, or no UTF-8, is refused with its code', () => {
  refused(() => binary({ 'content-type': 'application/json' }, '{'), 'NOT_JSON');
  refused(() => binary({ 'content-type': 'application/json' }, ' '), 'NOT_JSON');
  refused(() => binary({ 'content-type': 'application/json' }, Buffer.from([0x22, 0xff, 0x22])), 'NOT_UTF8');
});

async function overTheWire(port: number, { headers, body }: HttpMessage): Promise<void> {
  const sent = request({
    host: '127.0.0.1',
    port,
    method: 'POST',
    headers: { ...headers, 'content-length': body.length },
  });
  const answered = once(sent, 'response');
  sent.end(body);
  const [response] = (await answered) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
}

test('http: what is written survives a real server', async () => {
  const got: CloudEvent[] = [];
  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]));
    try {
      got.push(...decodeHttp(headers, Buffer.concat(chunks)).events);
    } catch (error) {
      assert.ok(error instanceof RouterError, String(error));
    }
    response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    const sent = fc.sample(event, { numRuns: 60, seed: 7 });
    for (const one of sent)
      await overTheWire(port, encodeHttp(one, binaryGap(one) === undefined ? 'binary' : 'structured'));

    assert.equal(got.length, sent.length);
    for (const [i, one] of got.entries()) assert.ok(sameEvent(one, sent[i]!), JSON.stringify(sent[i]!.attributes));
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
