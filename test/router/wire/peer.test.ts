// The cloudevents SDK reads what we write. It is a peer, not the truth: it does not decode percent-escapes, does not know
// +json, loses false and null as structured data, and takes no bytes as Kafka headers, so the events here leave that out.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CloudEventV1, HTTP, Kafka } from 'cloudevents';
import { type CloudEvent, dataValue, jsonData, textData } from '../../../router/event.ts';
import { encodeHttp, encodeHttpBatch, type HttpMessage } from '../../../router/wire/http.ts';
import { encodeKafka } from '../../../router/wire/kafka.ts';

const attributes = {
  specversion: '1.0',
  id: 'A234-1234-1234',
  source: 'https://github.com/acme/widgets',
  type: 'com.github.pull_request.opened',
  subject: 'pulls/42',
  time: '2026-11-21T03:04:05.123Z',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
} as const;
const json: CloudEvent = {
  attributes: { ...attributes, datacontenttype: 'application/json' },
  data: jsonData(Buffer.from('{"a":[1,2,{"b":"€"}]}')),
};
const text: CloudEvent = { attributes: { ...attributes, datacontenttype: 'text/plain' }, data: textData('hello') };
const empty: CloudEvent = { attributes };

function assertRead(read: unknown, sent: CloudEvent): void {
  const one = read as CloudEventV1<unknown>;
  for (const [name, value] of Object.entries(sent.attributes)) assert.equal(one[name], value, name);
  assert.deepEqual(one.data, dataValue(sent));
}

/** What the SDK takes: mutable headers, and a text or nothing as the body. */
function message({ headers, body }: HttpMessage): { headers: Record<string, string>; body: string | undefined } {
  return { headers: { ...headers }, body: body.length === 0 ? undefined : body.toString('utf8') };
}

for (const [name, one] of Object.entries({ json, text, empty })) {
  test(`peer: the SDK reads our HTTP messages with ${name} data`, () => {
    for (const mode of ['structured', 'binary'] as const) {
      assertRead(HTTP.toEvent(message(encodeHttp(one, mode))), one);
    }
  });
}

test('peer: the SDK reads integers and booleans in our structured messages', () => {
  const one: CloudEvent = { ...json, attributes: { ...json.attributes, extinteger: 10, extboolean: true } };
  assertRead(HTTP.toEvent(message(encodeHttp(one, 'structured'))), one);
});

test('peer: the SDK reads our batches', () => {
  const read = HTTP.toEvent(message(encodeHttpBatch([json, empty]))) as unknown[];
  assert.equal(read.length, 2);
  assertRead(read[0], json);
  assertRead(read[1], empty);
});

test('peer: the SDK reads our Kafka records in both modes', () => {
  const structured: CloudEvent = { ...json, attributes: { ...json.attributes, extinteger: 10 } };
  for (const one of [json, text, structured]) {
    const { value, headers } = encodeKafka(one);
    const record = { headers: { ...headers }, value: value!.toString('utf8'), body: value!.toString('utf8') };
    assertRead(Kafka.toEvent(record as unknown as Parameters<typeof Kafka.toEvent>[0]), one);
  }
});
