// The pure parts of Event Grid: what is decoded, both handshakes, options, answers that become codes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sasExpiry } from '../../../adapters/eventgrid/access.ts';
import { subscriptionName } from '../../../adapters/eventgrid/filter.ts';
import { handshake } from '../../../adapters/eventgrid/handshake.ts';
import { mapAnswer, mapNetworkError } from '../../../adapters/eventgrid/map-error.ts';
import { eventgridOptions } from '../../../adapters/eventgrid/options.ts';
import { sizeOf } from '../../../adapters/eventgrid/publish.ts';
import { attemptsBefore, decodeEventGrid, joinBatch, readReceived } from '../../../adapters/eventgrid/wire.ts';
import { checkOptions, type Problem } from '../../../router/config.ts';
import { dataValue } from '../../../router/event.ts';
import type { RawRequest } from '../../../router/http.ts';
import { encodeStructured } from '../../../router/wire/json.ts';
import { orderEvent } from './scene.ts';

const settings = { prefix: 'busway', rules: () => ['orders.eu', 'other'] };
const one = '{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"n":9007199254740993}}';
const two = '{"specversion":"1.0","id":"2","source":"/s","type":"t"}';

function request(body: string, headers: Readonly<Record<string, string>> = {}, method = 'POST'): RawRequest {
  return { method, path: '/', query: '', headers, body: Buffer.from(body) };
}

const ids = (pushed: unknown) =>
  decodeEventGrid(pushed, settings).map((entry) => (entry.ok ? entry.event.attributes.id : entry.code));

test('eventgrid: a delivery is taken as one object and as a list, as bytes, as text and parsed', () => {
  assert.deepEqual(ids(request(one)), ['1']);
  assert.deepEqual(ids(request(`[${one} , ${two}]`)), ['1', '2']);
  assert.deepEqual(ids(Buffer.from(` [${one}]`)), ['1']);
  assert.deepEqual(ids(one), ['1']);
  assert.deepEqual(ids([JSON.parse(one), JSON.parse(two)]), ['1', '2']);
  assert.deepEqual(ids(JSON.parse(two)), ['2']);
  assert.deepEqual(ids('[]'), []);
  const binary = {
    'ce-specversion': '1.0',
    'ce-id': '3',
    'ce-source': '/s',
    'ce-type': 't',
    'content-type': 'text/plain',
  };
  assert.deepEqual(ids(request('x', binary)), ['3']);
});

test('eventgrid: a bad record in a list is refused alone, and its neighbours keep their bytes', () => {
  const decoded = decodeEventGrid(request(`[${one},{"specversion":"9"},${two}]`), settings);

  const [first, bad, last] = decoded;
  assert.ok(first?.ok && last?.ok);
  assert.equal(first.event.data!.bytes.toString(), '{"n":9007199254740993}');
  assert.ok(
    bad?.ok === false && bad.code === 'SPECVERSION_UNSUPPORTED' && bad.bytes.toString() === '{"specversion":"9"}',
  );
  assert.equal(new Set(decoded.map(({ handle }) => handle)).size, 3);
});

test('eventgrid: the header of the subscription names the rule, in capitals too', () => {
  const name = subscriptionName('busway', 'orders.eu', null).toUpperCase();
  const ruleIn = (subscription: string) => {
    const [entry] = decodeEventGrid(request(one, { 'aeg-subscription-name': subscription }), settings);
    return entry!.ok ? entry!.rule : undefined;
  };

  assert.equal(ruleIn(name), 'orders.eu');
  assert.equal(ruleIn('BUSWAY-GONE-0123456789ABCDEF'), 'GONE');
  assert.equal(ruleIn('hand-made'), undefined);
});

test('eventgrid: what a dead letter adds stays on the event as extensions', () => {
  const dead =
    '[{"specversion":"1.0","id":"1","source":"/s","type":"t","deadletterreason":"MaxDeliveryAttemptsExceeded",' +
    '"deliveryattempts":5,"lastdeliveryoutcome":"NotFound","publishtime":"2026-08-13T21:21:36.4018726Z"}]';
  const [entry] = decodeEventGrid(Buffer.from(dead), settings);

  assert.ok(entry?.ok);
  const { deadletterreason, deliveryattempts, lastdeliveryoutcome } = entry.event.attributes;
  assert.deepEqual(
    [deadletterreason, deliveryattempts, lastdeliveryoutcome],
    ['MaxDeliveryAttemptsExceeded', 5, 'NotFound'],
  );
});

test('eventgrid: a receive gives each event with its lock, and an event that is none with its bytes', () => {
  const item = (token: string, event: string, count = 2): string =>
    `{"event":${event},"brokerProperties":{"lockToken":"${token}","deliveryCount":${count}}}`;
  const received = readReceived(
    Buffer.from(`{"value":[${item('a', one)},${item('b', '{"x":1}')},{"event":${two}},7]}`),
  );

  assert.deepEqual(
    received.map(({ lockToken, deliveryCount, decoded }) => [lockToken, deliveryCount, decoded.ok, decoded.handle]),
    [
      ['a', 2, true, 'a'],
      ['b', 2, false, 'b'],
    ],
  );
  const [, bad] = received;
  assert.ok(!bad!.decoded.ok && bad!.decoded.bytes.toString() === '{"x":1}');
  assert.deepEqual(readReceived(Buffer.from('{"value":[]}')), []);
  assert.deepEqual(readReceived(Buffer.from('{}')), []);
});

test('eventgrid: attempts so far come from the header, and rubbish there is none', () => {
  assert.equal(attemptsBefore({ 'aeg-delivery-count': '3' }), 3);
  for (const headers of [{}, { 'aeg-delivery-count': '-1' }, { 'aeg-delivery-count': '1e9' }])
    assert.equal(attemptsBefore(headers), 0);
});

test('eventgrid: a size is what the event and a comma take in a request', () => {
  const events = [orderEvent('ä'), orderEvent('b', { subject: '日本' }), orderEvent('c', {}, 'x'.repeat(1_000))];
  const body = joinBatch(events.map(encodeStructured));

  assert.equal(body.length, 1 + events.reduce((sum, event) => sum + sizeOf(event), 0));
  assert.deepEqual(
    decodeEventGrid(body, settings).map((entry) => entry.ok && dataValue(entry.event)),
    events.map(dataValue),
  );
});

const origins = ['eventgrid.azure.net'];

test('eventgrid: the CloudEvents handshake consents to a listed origin and to no other', () => {
  const ask = (headers: Readonly<Record<string, string>>) => handshake(request('', headers, 'OPTIONS'), origins);

  assert.deepEqual(ask({ 'webhook-request-origin': 'EventGrid.azure.net', 'webhook-request-rate': '120' }), {
    status: 200,
    headers: { allow: 'POST', 'webhook-allowed-origin': 'EventGrid.azure.net', 'webhook-allowed-rate': '120' },
    body: '',
  });
  assert.equal(ask({ 'webhook-request-origin': 'eventgrid.azure.net' })?.headers['webhook-allowed-rate'], '*');
  for (const origin of ['evil.example', 'eventgrid.azure.net.evil.example', '*', '']) {
    const refused = ask({ 'webhook-request-origin': origin, 'webhook-request-callback': 'http://127.0.0.1/' });
    assert.deepEqual(refused, { status: 403, headers: {}, body: '' }, origin);
  }
  assert.equal(ask({})?.status, 405);
});

test('eventgrid: the validation event is answered with its code, and nothing else is', () => {
  const event = (code: unknown, eventType = 'Microsoft.EventGrid.SubscriptionValidationEvent') =>
    JSON.stringify([{ eventType, data: { validationCode: code } }]);
  const ask = (body: string, type = 'SubscriptionValidation') =>
    handshake(request(body, { 'aeg-event-type': type }), origins);

  assert.deepEqual(ask(event('0-1')), {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: '{"validationResponse":"0-1"}',
  });
  for (const body of [
    '',
    '{',
    '[]',
    '[{},{}]',
    event(7),
    event(''),
    event('x'.repeat(300)),
    event('0', 'Other'),
    'null',
  ]) {
    assert.deepEqual(ask(body), { status: 400, headers: {}, body: '' }, body);
  }
  assert.equal(ask('', 'SubscriptionDeletion')?.status, 200);
  assert.equal(ask(one, 'Notification'), undefined);
  assert.equal(handshake(request(event('0')), origins), undefined, 'without the header it is a delivery');
});

function problemsOf(options: object): readonly string[] {
  const problems: Problem[] = [];
  checkOptions(options, eventgridOptions, 'bus', problems);
  return problems.map(({ path }) => path);
}

test('eventgrid: options are checked where they stand', () => {
  assert.deepEqual(problemsOf({}), []);
  assert.deepEqual(
    problemsOf({ endpoint: 'https://a.westeurope-1.eventgrid.azure.net', topic: 'orders', key: 'KEY' }),
    [],
  );
  assert.deepEqual(problemsOf({ filterable: ['data.a.b'], origins: ['a.example'], entra: true }), []);
  for (const failures of [
    'https://shop.blob.core.windows.net/busway-failures',
    'http://127.0.0.1:10000/devstoreaccount1/abc',
  ]) {
    assert.deepEqual(problemsOf({ failures, failuresLogin: 'BLOBS' }), []);
  }
  const wrong: readonly (readonly [object, string])[] = [
    [{ failures: 'busway-failures' }, 'bus.failures'],
    [{ failures: 'https://shop.blob.core.windows.net' }, 'bus.failures'],
    [{ failures: 'https://shop.blob.core.windows.net/Failures' }, 'bus.failures'],
    [{ failures: 'https://shop.blob.core.windows.net/fail--ures' }, 'bus.failures'],
    [{ failures: 'https://shop.blob.core.windows.net/ab' }, 'bus.failures'],
    [{ failures: 'https://shop.blob.core.windows.net/a/b/failures' }, 'bus.failures'],
    [{ failures: 'https://shop.blob.core.windows.net/failures?sv=1&sig=x' }, 'bus.failures'],
    [{ failuresLogin: 'AccountName=shop;AccountKey=x' }, 'bus.failuresLogin'],
    [{ endpoint: 'orders.eventgrid.azure.net' }, 'bus.endpoint'],
    [{ endpoint: 'https://key@a.example' }, 'bus.endpoint'],
    [{ endpoint: 'https://a.example/?aeg-sas-key=x' }, 'bus.endpoint'],
    [{ topic: 'a' }, 'bus.topic'],
    [{ topic: 'a/b:publish' }, 'bus.topic'],
    [{ subscriptionPrefix: '-a' }, 'bus.subscriptionPrefix'],
    [{ key: 'abc+/=' }, 'bus.key'],
    [{ filterable: ['type'] }, 'bus.filterable[0]'],
    [{ filterable: ['data.a', 'data.$b'] }, 'bus.filterable[1]'],
    [{ origins: ['https://a.example'] }, 'bus.origins[0]'],
    [{ toppic: 'orders' }, 'bus'],
  ];
  for (const [options, path] of wrong) assert.deepEqual(problemsOf(options), [path], JSON.stringify(options));
});

function mapped(status: number, body = '', headers: Readonly<Record<string, string>> = {}) {
  return mapAnswer({ status, header: (name) => headers[name], body: Buffer.from(body) }, "topic 'orders'", 0);
}

test('eventgrid: answers become codes, and what they quote is not shown', () => {
  const quoted = (code: string) => JSON.stringify({ error: { code, message: 'secret-payload' } });
  const cases: readonly (readonly [number, string, string])[] = [
    [400, '', 'NOT_CARRIABLE'],
    [401, '', 'UNAUTHORIZED'],
    [403, quoted('Forbidden'), 'UNAUTHORIZED'],
    [403, quoted('QuotaExceeded'), 'THROTTLED'],
    [403, quoted('MessageTooLarge'), 'EVENT_TOO_LARGE'],
    [404, quoted('NotFound'), 'NOT_FOUND'],
    [410, '', 'NOT_FOUND'],
    [302, '', 'NOT_FOUND'],
    [408, '', 'THROTTLED'],
    [413, '', 'EVENT_TOO_LARGE'],
    [429, '', 'THROTTLED'],
    [500, '<html>', 'BUS_UNAVAILABLE'],
    [503, '', 'BUS_UNAVAILABLE'],
  ];
  for (const [status, body, code] of cases) {
    const error = mapped(status, body);
    assert.equal(error.code, code, `${status} ${body}`);
    assert.ok(!error.message.includes('secret-payload'));
  }
  assert.match(
    mapped(404, quoted('NotFound'), { 'x-ms-request-id': 'r-1' }).message,
    /status 404, NotFound, request r-1/,
  );
  assert.ok(!mapped(404, quoted('not a code, a text')).message.includes('text'));
});

test('eventgrid: a host that does not exist is a missing topic, and other faults of the network are not', () => {
  const caused = (code: string) => mapNetworkError(new TypeError('fetch failed', { cause: { code } }), 'topic').code;

  assert.equal(caused('ENOTFOUND'), 'NOT_FOUND');
  assert.equal(caused('ECONNREFUSED'), 'BUS_UNAVAILABLE');
  assert.equal(mapNetworkError(null, 'topic').code, 'BUS_UNAVAILABLE');
});

test('eventgrid: the end of a signature is read in the forms that tools write', () => {
  const ends = (text: string) => sasExpiry(`r=x&e=${encodeURIComponent(text)}&s=y`);

  assert.equal(ends('6/15/2017 6:20:15 PM'), Date.UTC(2017, 5, 15, 18, 20, 15));
  assert.equal(sasExpiry('r=x&e=6%2f15%2f2017+6%3a20%3a15+PM&s=y'), Date.UTC(2017, 5, 15, 18, 20, 15));
  assert.equal(ends('2026-01-01T12:00:00'), Date.UTC(2026, 0, 1, 12));
  assert.equal(ends('2026-01-01T12:00:00Z'), Date.UTC(2026, 0, 1, 12));
  assert.equal(ends('soon'), undefined);
});
