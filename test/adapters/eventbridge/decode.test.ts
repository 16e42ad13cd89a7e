// What targets of EventBridge rules get -> events: from queues with every byte, to functions as far as a parsed payload has
// it, with the rule where anything names it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { inspect } from 'node:util';
import type { Decoded } from '../../../adapters/adapter.ts';
import { decodePushed, ruleOfArn } from '../../../adapters/eventbridge/decode.ts';
import { ruleOfQueueIn } from '../../../adapters/eventbridge/queues.ts';
import { RouterError } from '../../../router/errors.ts';
import { type CloudEvent, jsonData } from '../../../router/event.ts';
import { encodeStructuredText } from '../../../router/wire/json.ts';
import { made } from '../../contract/adapter-harness.ts';
import { sameEvent } from '../../harness/events.ts';
import { BUS, envelopeOf, openScene } from './scene.ts';

const nobody = (): undefined => undefined;
const RULE = 'arn:aws:events:eu-west-1:123456789012:rule/orders/big-orders';

function record(body: unknown, more: object = {}): object {
  return { messageId: 'm-1', body, eventSource: 'aws:sqs', eventSourceARN: 'arn:aws:sqs:eu-west-1:1:big', ...more };
}

function only(decoded: readonly Decoded[]): Decoded & { ok: true } {
  const [one, ...more] = decoded;
  assert.ok(one?.ok === true && more.length === 0, inspect(decoded));
  return one;
}

const odd: CloudEvent = {
  attributes: { specversion: '1.0', id: 'odd', source: '/a', type: 't' },
  data: jsonData(Buffer.from(' {"n":9007199254740993,"d":1.10,"a":1,"a":2,"e":"\\u0041"}\n')),
};

test('eventbridge decode: a message of a queue gives the event with every byte of its data', () => {
  const { event, handle, rule } = only(decodePushed({ Records: [record(envelopeOf(odd))] }, nobody));

  assert.ok(sameEvent(event, odd), inspect(event));
  assert.deepEqual([handle, rule], ['m-1', undefined]);
});

test('eventbridge decode: of an envelope with two details the last counts, as for every other reader', () => {
  const body = envelopeOf(odd).replace('"detail":', '"detail":{"specversion":"1.0"},"det\\u0061il":');
  assert.equal(only(decodePushed({ Records: [record(body)] }, nobody)).event.attributes.id, 'odd');
});

test('eventbridge decode: a function gets the event by its parsed payload, named by the id of the envelope', () => {
  const { event, handle } = only(decodePushed(JSON.parse(envelopeOf(made('a'))), nobody));

  assert.ok(sameEvent(event, made('a')), inspect(event));
  assert.equal(handle, '6a7e8feb-b491-4cf7-a9f1-bf3703467718');
});

test('eventbridge decode: a parsed payload loses the text of numbers, and no number becomes another kind of value', () => {
  const numbers = { ...odd, data: jsonData(Buffer.from('[1e999,-1e999,-0,1.10]')) };
  const { event } = only(decodePushed(JSON.parse(envelopeOf(numbers)), nobody));

  assert.equal(event.data?.bytes.toString(), '[1e999,-1e999,-0,1.1]');
});

test('eventbridge decode: an event itself, and one that a transformer put beside its rule, are taken too', () => {
  const plain = only(decodePushed({ Records: [record(encodeStructuredText(odd))] }, nobody));
  const transformed = `{"rule":"${RULE}","event":${envelopeOf(odd)}}`;
  const queued = only(decodePushed({ Records: [record(transformed)] }, nobody));
  const direct = only(decodePushed(JSON.parse(transformed), nobody));

  assert.ok(sameEvent(plain.event, odd) && sameEvent(queued.event, odd));
  assert.deepEqual([plain.rule, queued.rule, direct.rule], [undefined, 'big-orders', 'big-orders']);
});

test("eventbridge decode: a message's own word names the rule, then EventBridge's at a dead-letter queue, then the queue", () => {
  const ruleOfQueue = ruleOfQueueIn('{"big":"by-queue"}');
  const of = (more: object): string | undefined =>
    only(decodePushed({ Records: [record(envelopeOf(odd), more)] }, ruleOfQueue)).rule;
  const named = { 'busway-rule': { stringValue: 'by-word' }, RULE_ARN: { stringValue: RULE } };

  assert.equal(of({ messageAttributes: named }), 'by-word');
  assert.equal(of({ messageAttributes: { RULE_ARN: { stringValue: RULE } } }), 'big-orders');
  assert.equal(of({ messageAttributes: {} }), 'by-queue');
  assert.equal(of({ eventSourceARN: 'arn:aws:sqs:eu-west-1:1:other' }), undefined);
});

test('eventbridge decode: the ARN of a rule on the default bus, on a bus and on a partner bus ends in its name', () => {
  const arn = (rest: string): string => `arn:aws:events:eu-west-1:123456789012:rule/${rest}`;

  assert.deepEqual(
    ['r.1', 'bus/r.1', 'aws.partner/a/b/r.1'].map((rest) => ruleOfArn(arn(rest))),
    ['r.1', 'r.1', 'r.1'],
  );
  assert.equal(ruleOfArn('arn:aws:sqs:eu-west-1:123456789012:queue'), undefined);
});

test('eventbridge decode: BUSWAY_QUEUES that is no object of names is CONFIG_INVALID', () => {
  for (const text of ['x', '[]', '{}', '{"a":1}', '{"a":""}', 'null']) {
    assert.throws(
      () => ruleOfQueueIn(text),
      (thrown) => thrown instanceof RouterError && thrown.code === 'CONFIG_INVALID',
      text,
    );
  }
  assert.equal(ruleOfQueueIn(undefined)('a'), undefined);
  assert.equal(ruleOfQueueIn('{"a":"r"}')('constructor'), undefined);
});

test('eventbridge decode: one bad message of a batch is refused alone, with its bytes and its handle', () => {
  const bodies = [
    envelopeOf(odd),
    '{"detail-type":"x","detail":{"specversion":"1.0"}}',
    'no JSON',
    7,
    envelopeOf(made('b')),
  ];
  const decoded = decodePushed({ Records: bodies.map((body, i) => record(body, { messageId: `m${i}` })) }, nobody);

  assert.deepEqual(
    decoded.map((one) => (one.ok ? 'ok' : one.code)),
    ['ok', 'EVENT_INVALID', 'NOT_JSON', 'DECODE_FAILED', 'ok'],
  );
  assert.deepEqual(
    decoded.map(({ handle }) => handle),
    ['m0', 'm1', 'm2', 'm3', 'm4'],
  );
  const refused = decoded[2]!;
  assert.ok(!refused.ok && refused.bytes.toString() === 'no JSON');
});

test("eventbridge decode: AWS's own sample of a queue, whose bodies are no events, gives refusals with their ids", () => {
  const file = new URL('../../fixtures/lambda-events/sqs-event.json', import.meta.url);
  const payload = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly Records: readonly { readonly messageId: string }[];
  };
  const decoded = decodePushed(payload, nobody);

  assert.deepEqual(
    decoded.map(({ handle }) => handle),
    payload.Records.map(({ messageId }) => messageId),
  );
  assert.ok(decoded.every(({ ok }) => !ok));
});

test('eventbridge decode: an event of AWS itself, which is no CloudEvent, is refused', () => {
  const ec2 = {
    version: '0',
    id: 'x',
    'detail-type': 'EC2 Instance State-change Notification',
    source: 'aws.ec2',
    detail: { state: 'running' },
  };
  const [decoded] = decodePushed(ec2, nobody);

  assert.ok(decoded?.ok === false && decoded.code === 'EVENT_INVALID' && decoded.handle === 'x', inspect(decoded));
});

test('eventbridge decode: what a rule with a transformer sent through the bus names its rule', async () => {
  const { fake, adapter, close } = await openScene();
  const queue = fake.queue('big');
  const template = '{"rule":<aws.events.rule-arn>,"event":<aws.events.event.json>}';
  fake.addRule({ bus: BUS, name: 'big-orders', pattern: '{"detail":{"id":["odd"]}}', queue, template });

  await adapter.publish([odd, made('other')], AbortSignal.timeout(5_000));

  const { event, rule } = only(queue.pushed().flatMap((payload) => adapter.decode(payload)));
  assert.ok(sameEvent(event, odd));
  assert.equal(rule, 'big-orders');
  await close();
});
