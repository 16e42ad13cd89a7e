// Failure records as SQS messages, without a server: what is written comes back, fits, and is what SQS takes; what others put
// into such a queue is read too.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { decodePushed } from '../../../adapters/eventbridge/decode.ts';
import { decodeFailure, encodeFailure, messageBytes } from '../../../adapters/eventbridge/failure-message.ts';
import { limitsOf, toEventBridgeOptions } from '../../../adapters/eventbridge/options.ts';
import type { Received, SentMessage } from '../../../adapters/eventbridge/sqs.ts';
import { toEntry } from '../../../adapters/eventbridge/wire.ts';
import type { ErrorCode } from '../../../router/errors.ts';
import { type CloudEvent, textData } from '../../../router/event.ts';
import { type FailureRecord, failureId } from '../../../router/failure.ts';
import { hostileShapes } from '../../contract/adapter-cases.ts';
import { codeOf, made } from '../../contract/adapter-harness.ts';
import { readContent } from '../../fakes/sqs-message.ts';
import { event as anyEvent, sameEvent } from '../../harness/events.ts';
import { envelopeOf } from './scene.ts';

const MIB = 1_048_576;
const nowhere = { queueRule: undefined, ruleOfQueue: () => undefined };

/** What the strict fake makes of it, as a reader gets it. Throws for what SQS refuses. */
function throughSqs({ body, attributes }: SentMessage, maxBytes = MIB): Received {
  const given = Object.entries(attributes).map(([name, value]) => [name, { DataType: 'String', StringValue: value }]);
  const content = readContent({ MessageBody: body, MessageAttributes: Object.fromEntries(given) }, maxBytes);
  const texts = new Map(Array.from(content.attributes, ([name, { value }]) => [name, value.toString()]));
  return { ...received(content.body), attributes: texts };
}

function received(body: string, more: Partial<Received> = {}): Received {
  const fixed = { messageId: 'm1', handle: 'h1', receiveCount: 1, sentMs: Date.UTC(2030, 0, 1), sourceArn: '' };
  return { ...fixed, body, attributes: new Map(), ...more };
}

function failureOf(event: CloudEvent | null, more: Partial<FailureRecord> = {}): FailureRecord {
  const about = { code: 'TARGET_STATUS', reason: 'answered 500', attempts: 5, at: '2030-01-01T00:00:00.000Z' } as const;
  const whose = { id: '0123456789abcdef', rule: 'r', ruleHash: 'fedcba9876543210' };
  return { ...whose, ...about, event, ...more };
}

const code = fc.constantFrom<ErrorCode>('TARGET_STATUS', 'DECODE_FAILED', 'ATTEMPTS_EXHAUSTED');
const reason = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('', '\u0000\uffff\ud800'),
);

test('failure message: any event of any rule comes back exactly, in a message that SQS takes', () => {
  fc.assert(
    fc.property(anyEvent, code, reason, fc.nat(), (event, known, why, attempts) => {
      const record = failureOf(event, { code: known, reason: why, attempts });
      const back = decodeFailure(throughSqs(encodeFailure(record, MIB)), nowhere);

      assert.ok(back.event !== null && sameEvent(back.event, event), inspect(back));
      assert.equal(
        back.reason,
        why.toWellFormed().replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd'),
      );
      assert.deepEqual({ ...back, event, reason: why }, record);
    }),
    { numRuns: 500 },
  );
});

test('failure message: any bytes that were no event come back exactly', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map((list) => Buffer.from(list)),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
    fc.constantFrom(Buffer.alloc(0), Buffer.from('='), Buffer.from(' '), Buffer.from('\ufeff{'), Buffer.from('\uffff')),
  );
  fc.assert(
    fc.property(bytes, (given) => {
      const record = failureOf(null, { rule: null, ruleHash: null, code: 'DECODE_FAILED', bytes: given });
      assert.deepEqual(decodeFailure(throughSqs(encodeFailure(record, MIB)), nowhere), record);
    }),
    { numRuns: 500 },
  );
});

test('failure message: a tool that knows nothing of it finds the event in the body, and our handler its rule', () => {
  for (const event of hostileShapes()) {
    const { body, attributes } = encodeFailure(failureOf(event, { rule: 'big-orders' }), MIB);
    const messageAttributes = Object.fromEntries(
      Object.entries(attributes).map(([name, stringValue]) => [name, { stringValue, dataType: 'String' }]),
    );

    const [decoded] = decodePushed({ Records: [{ messageId: 'm', body, messageAttributes }] }, () => undefined);

    assert.ok(decoded?.ok === true && sameEvent(decoded.event, event), event.attributes.id);
    assert.equal(decoded.rule, 'big-orders');
  }
});

test('failure message: an event with a character that SQS does not take is kept in base64', () => {
  const event = { ...made('odd'), data: textData('a\uffffb') };
  const odd = { ...event, attributes: { ...event.attributes, datacontenttype: 'text/plain' } };

  const message = encodeFailure(failureOf(odd), MIB);

  assert.equal(message.attributes['busway-body'], 'event-base64');
  const back = decodeFailure(throughSqs(message), nowhere);
  assert.ok(back.event !== null && sameEvent(back.event, odd));
});

function sized(bytes: number): CloudEvent {
  const frame = toEntry({ ...made('l'), data: textOf('') }).bytes;
  return { ...made('l'), data: textOf('x'.repeat(bytes - frame)) };
}

const textOf = (text: string): NonNullable<CloudEvent['data']> => ({ kind: 'json', bytes: Buffer.from(`"${text}"`) });

test('failure message: the largest event that is published fits with its record and a long reason, and in its envelope', () => {
  for (const maxBytes of [8_192, 262_144, MIB]) {
    const { eventBytes } = limitsOf(toEventBridgeOptions({ bus: 'b', maxBytes }));
    const event = sized(eventBytes);
    assert.equal(toEntry(event).bytes, eventBytes);
    const why = `é${'😀'.repeat(200)}`;
    const record = failureOf(event, {
      rule: 'r'.repeat(64),
      code: 'TARGET_ADDRESS_FORBIDDEN',
      reason: why,
      attempts: 1e9,
    });

    const back = decodeFailure(throughSqs(encodeFailure(record, maxBytes), maxBytes), nowhere);
    assert.deepEqual(back.reason, why);
    const arn = `arn:aws:events:eu-west-1:123456789012:rule/${'b'.repeat(256)}/${'r'.repeat(64)}`;
    const transformed = `{"rule":"${arn}","event":${envelopeOf(event)}}`;
    assert.ok(Buffer.byteLength(transformed) < maxBytes, `${Buffer.byteLength(transformed)}`);
  }
});

test('failure message: where room is short the reason is cut at a character, then left out; the event never', () => {
  const event = sized(7_000);
  const least = messageBytes(encodeFailure(failureOf(event, { reason: '' }), MIB));
  for (let room = 0; room < 80; room++) {
    const record = failureOf(event, { reason: 'né'.repeat(100) });

    const message = encodeFailure(record, least + room);

    assert.ok(messageBytes(message) <= least + room);
    const back = decodeFailure(throughSqs(message, least + room), nowhere);
    assert.ok(back.event !== null && sameEvent(back.event, event));
    assert.match(back.reason, /^(?:(?:né)*n?(?:\.\.\.)?|\.\.?)$/);
    assert.ok(room < 40 || back.reason.length > 8, `${room}: ${back.reason}`);
  }
});

test('failure message: what does not fit even so is EVENT_TOO_LARGE and names both sizes', async () => {
  const event = sized(7_000);
  const least = messageBytes(encodeFailure(failureOf(event, { reason: '' }), MIB));
  assert.equal(await codeOf(async () => encodeFailure(failureOf(event), least - 1)), 'EVENT_TOO_LARGE');
  assert.throws(() => encodeFailure(failureOf(event), least - 1), new RegExp(`${least} bytes.*${least - 1}`));
});

test('failure message: what SQS moved out of a rule is ATTEMPTS_EXHAUSTED, with its attempts and the rule of its queue', () => {
  const event = made('moved');
  const moved = received(envelopeOf(event), {
    receiveCount: 4,
    sourceArn: 'arn:aws:sqs:eu-west-1:123456789012:orders',
  });

  const found = decodeFailure(moved, { queueRule: 'big', ruleOfQueue: () => 'by-source' });

  assert.ok(found.event !== null && sameEvent(found.event, event));
  const { event: _event, reason: why, ...rest } = found;
  const due = { id: failureId('big', event), rule: 'big', ruleHash: null, code: 'ATTEMPTS_EXHAUSTED', attempts: 3 };
  assert.deepEqual(rest, { ...due, at: '2030-01-01T00:00:00.000Z' });
  assert.match(why, /^SQS gave it up/);
  const shared = decodeFailure(moved, {
    queueRule: undefined,
    ruleOfQueue: (queue) => (queue === 'orders' ? 'by-source' : undefined),
  });
  assert.deepEqual([shared.rule, shared.id], ['by-source', failureId('by-source', event)]);
  assert.equal(decodeFailure(moved, nowhere).rule, null);
});

test("failure message: EventBridge's own dead letters say why, how often, and by RULE_ARN whose they are", () => {
  const attributes = new Map([
    ['RULE_ARN', 'arn:aws:events:eu-west-1:123456789012:rule/orders/big-orders'],
    ['TARGET_ARN', 'arn:aws:sqs:eu-west-1:123456789012:big'],
    ['ERROR_CODE', 'NO_PERMISSIONS'],
    ['ERROR_MESSAGE', `not\nauthorized ${'x'.repeat(1_000)}`],
    ['RETRY_ATTEMPTS', '184'],
  ]);

  const found = decodeFailure(received(envelopeOf(made('a')), { attributes }), nowhere);

  assert.deepEqual([found.rule, found.code, found.attempts], ['big-orders', 'ATTEMPTS_EXHAUSTED', 185]);
  assert.match(
    found.reason,
    /^EventBridge could not hand it to its target: NO_PERMISSIONS \(not authorized x+\.\.\.\)$/,
  );
  assert.ok(found.reason.length < 400);
  const bare = new Map([['RULE_ARN', attributes.get('RULE_ARN')!]]);
  assert.deepEqual(decodeFailure(received('{', { attributes: bare }), nowhere).rule, 'big-orders');
  assert.equal(decodeFailure(received('{', { attributes: bare }), nowhere).attempts, 1);
});

test('failure message: nothing is hidden or crashes: any body with any attributes is a record', () => {
  const names = [
    'busway-id',
    'busway-code',
    'busway-at',
    'busway-attempts',
    'busway-body',
    'busway-rule',
    'RETRY_ATTEMPTS',
    'ERROR_CODE',
  ];
  const value = fc.oneof(
    fc.string(),
    fc.constantFrom('TARGET_STATUS', '5', '2030-01-01T00:00:00Z', 'event', 'bytes-base64', 'toString'),
  );
  const attributes = fc.dictionary(fc.constantFrom(...names), value).map((given) => new Map(Object.entries(given)));
  const body = fc.oneof(fc.string(), fc.json(), fc.constant(envelopeOf(made('a'))), fc.constant('null'));
  fc.assert(
    fc.property(body, attributes, fc.integer(), (given, told, receiveCount) => {
      const found = decodeFailure(received(given, { attributes: told, receiveCount }), nowhere);
      assert.ok(found.id !== '' && found.attempts >= 0, inspect(found));
      assert.ok(found.event !== null || found.bytes !== undefined);
    }),
    { numRuns: 1_000 },
  );
});
