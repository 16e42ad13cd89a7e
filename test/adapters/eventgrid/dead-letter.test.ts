// What Event Grid writes where it gives up, read as failure records: every documented shape, the event as it was, and
// anything else as a record that is no event. And our own records as blobs. All of it pure.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readDeadLetters, ruleOfDeadLetter } from '../../../adapters/eventgrid/dead-letter.ts';
import { decodeFailure, encodeFailure, failureIdOf, failureName } from '../../../adapters/eventgrid/failure-blob.ts';
import { subscriptionName } from '../../../adapters/eventgrid/filter.ts';
import type { CloudEvent } from '../../../router/event.ts';
import { type FailureRecord, failureId } from '../../../router/failure.ts';
import { decodeStructured, encodeStructuredText } from '../../../router/wire/json.ts';
import { hostileShapes } from '../../contract/adapter-cases.ts';
import { event as anyEvent, sameEvent } from '../../harness/events.ts';

const about = { rule: 'orders.eu', at: '2026-03-04T05:06:07.000Z' };
const subscription = subscriptionName('busway', 'orders.eu', null);
const ONE =
  '{"specversion":"1.0","id":"1","source":"/s","type":"t","level":5,"data":{"n":9007199254740993, "a":1,"a":2}}';
const original = decodeStructured(Buffer.from(ONE));

/** As the page on custom topics shows it, with what blobs in the field hold besides. */
const flat = (why: object): string => `${ONE.slice(0, -1)},${JSON.stringify(why).slice(1)}`;

function only(blob: string): FailureRecord {
  const letters = readDeadLetters(Buffer.from(blob), about);
  assert.equal(letters.length, 1);
  return letters[0]!.record;
}

test('eventgrid dead letters: the rule is read from the subscription in the path, in each tier and in capitals', () => {
  const upper = subscription.toUpperCase();
  const ruleIn = (name: string) => ruleOfDeadLetter(name, 'busway', ['orders.eu', 'other']);
  const id = '480b2295-0c38-40d0-b25a-f34b30aac1a9';

  assert.equal(ruleIn(`${upper}/2026/8/8/5/${id}.json`), 'orders.eu');
  assert.equal(ruleIn(`shop-topic/${upper}/2026/11/21/15/${id}.json`), 'orders.eu');
  assert.equal(ruleIn(`mynamespace/mytopic/${subscription}/2026/9/23/2/${id}.json`), 'orders.eu');
  assert.equal(ruleIn(`BUSWAY-GONE-0123456789ABCDEF/2026/8/8/5/${id}.json`), 'GONE');
  for (const foreign of [
    `HAND-MADE/2026/8/8/5/${id}.json`,
    `${upper}/2026/8/8/${id}.json`,
    `${upper}/2026/8/8/5/${id}.txt`,
    `../${upper}/2026/8/8/5/${id}.json`,
    `busway/${id}.json`,
    '',
  ]) {
    assert.equal(ruleIn(foreign), undefined, foreign);
  }
});

test('eventgrid dead letters: the event is given back as it was, from each documented shape', () => {
  const why = {
    deadletterreason: 'MaxDeliveryAttemptsExceeded',
    deliveryattempts: 3,
    lastdeliveryoutcome: 'NotFound',
    publishtime: '2026-08-13T21:21:36.4018726Z',
  };
  const object = {
    deadletterreason: 'Undeliverable due to client error',
    deliveryattempts: 3,
    deliveryresult: 'Unauthorized',
    publishutc: '2026-06-19T23:28:08.3063899Z',
    deliveryattemptutc: '2026-06-19T23:28:09.3220145Z',
  };
  const custom = { 'custom-header-1': 'value1', 'x-busway-secret': 'secret-in-a-header' };
  const beside = { customDeliveryProperties: custom, deadletterProperties: object };
  const wrapped = `{"event":${ONE},${JSON.stringify(beside).slice(1)}`;

  for (const blob of [
    `[${flat(why)}]`,
    flat(why),
    `\ufeff[ ${flat({ ...why, lasthttpstatuscode: 404, lastdeliveryattempttime: why.publishtime })} ]`,
    `[${flat(beside)}]`,
    flat({ brokerProperties: object, customDeliveryProperties: custom }),
    `[${wrapped}]`,
    wrapped,
  ]) {
    const { event, rule, attempts, id } = only(blob);
    assert.ok(event !== null && sameEvent(event, original), blob);
    assert.deepEqual([rule, attempts, id], ['orders.eu', 3, failureId('orders.eu', original)]);
  }
});

test('eventgrid dead letters: why and when are told, and the code follows the reason', () => {
  const rows: readonly (readonly [string, string, string])[] = [
    ['MaxDeliveryAttemptsExceeded', 'TimedOut', 'ATTEMPTS_EXHAUSTED'],
    ['TimeToLiveExceeded', 'Probation', 'ATTEMPTS_EXHAUSTED'],
    ['MaxRetryDurationExceeded', 'Busy', 'ATTEMPTS_EXHAUSTED'],
    ['SomethingNew', 'NotFound', 'ATTEMPTS_EXHAUSTED'],
    ['UndeliverableDueToHttpBadRequest', 'BadRequest', 'TARGET_STATUS'],
    ['Undeliverable due to client error', 'Unauthorized', 'TARGET_STATUS'],
    ['UndeliverableDueToProbationCausedByClientError', 'Probation', 'TARGET_STATUS'],
    ['UndeliverableDueToClientError', 'PayloadTooLarge', 'EVENT_TOO_LARGE'],
    ['UndeliverableDueToClientError', 'TimedOut', 'TARGET_TIMEOUT'],
    ['UndeliverableDueToClientError', 'ResolutionError', 'TARGET_UNREACHABLE'],
  ];
  for (const [deadletterreason, lastdeliveryoutcome, code] of rows) {
    const record = only(flat({ deadletterreason, lastdeliveryoutcome, lasthttpstatuscode: 418 }));
    assert.equal(record.code, code, deadletterreason);
    assert.equal(
      record.reason,
      `Event Grid gave it up: ${deadletterreason}, last outcome ${lastdeliveryoutcome}, status 418`,
    );
  }
  const timed = only(flat({ deadletterreason: 'x', lastdeliveryattempttime: '2026-08-13T17:18:14.0465788Z' }));
  assert.equal(timed.at, '2026-08-13T17:18:14.046Z');
  assert.equal(
    only(flat({ deadletterreason: 'x' })).at,
    about.at,
    'when the blob was written, where nothing else is told',
  );
  const hostile = only(flat({ deadletterreason: '<a\u0000>', deliveryattempts: -1, lastdeliveryattempttime: 'never' }));
  assert.deepEqual([hostile.reason, hostile.attempts], ['Event Grid gave it up: no reason given', 0]);
  assert.equal(hostile.at, about.at);
});

test('eventgrid dead letters: an own attribute of a name that Event Grid uses too stays', () => {
  const own = `${ONE.slice(0, -1)},"publishtime":"mine"}`;
  const blob = `${own.slice(0, -1)},"deadletterreason":"x","publishtime":"2026-08-13T21:21:36Z"}`;

  assert.ok(sameEvent(only(blob).event!, decodeStructured(Buffer.from(own))));
});

test('eventgrid dead letters: what is no event is a record beside the others, with its bytes', () => {
  const letters = readDeadLetters(Buffer.from(`[${ONE},{"specversion":"9"},7,${ONE}]`), about);

  assert.deepEqual(
    letters.map(({ record }) => record.event?.attributes.id ?? record.bytes?.toString()),
    ['1', '{"specversion":"9"}', '7', '1'],
  );
  const [, bad] = letters;
  assert.deepEqual([bad!.record.rule, bad!.record.code], ['orders.eu', 'SPECVERSION_UNSUPPORTED']);
  assert.equal(bad!.record.id, failureId('orders.eu', Buffer.from('{"specversion":"9"}')));
  assert.deepEqual(readDeadLetters(Buffer.from('[]'), about), []);
});

test('eventgrid dead letters: nothing that may stand in a blob is thrown for, and each record can be named', () => {
  const blob = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.json().map((text) => Buffer.from(text)),
    fc
      .array(
        fc.constantFrom(ONE, flat({ deadletterreason: 'x' }), '{"event":{}}', '{"deadletterProperties":[]}', 'null'),
      )
      .map((items) => Buffer.from(`[${items.join()}]`)),
  );
  fc.assert(
    fc.property(blob, (bytes) => {
      for (const { record } of readDeadLetters(bytes, about)) {
        assert.match(record.id, /^[0-9a-f]{16}$/);
        assert.ok(record.event !== null || Buffer.isBuffer(record.bytes));
      }
    }),
  );
});

function recordOf(event: CloudEvent): FailureRecord {
  return {
    id: failureId('r', event),
    rule: 'r',
    ruleHash: '0123456789abcdef',
    code: 'TARGET_STATUS',
    reason: 'answered 500 "<é\u2028"',
    attempts: 5,
    at: '2026-03-04T05:06:07.000Z',
    event,
  };
}

test('eventgrid failures: a record comes back from its blob with the very bytes of its event', () => {
  const check = (event: CloudEvent): void => {
    const { event: found, ...rest } = decodeFailure(recordOf(event).id, encodeFailure(recordOf(event)));
    const { event: _event, ...due } = recordOf(event);
    assert.ok(found !== null && sameEvent(found, event), encodeStructuredText(event));
    assert.deepEqual(rest, due);
  };
  for (const event of hostileShapes()) check(event);
  fc.assert(fc.property(anyEvent, check));

  const bytes = Buffer.from([0, 255, 1]);
  const none = { ...recordOf(original), rule: null, ruleHash: null, event: null, bytes };
  assert.deepEqual(decodeFailure(none.id, encodeFailure(none)), none);
});

test('eventgrid failures: the name of a record follows from its id, and no other blob has such a name', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', minLength: 1 }).filter((id) => id.isWellFormed()),
      (id) => {
        assert.equal(failureIdOf('busway', failureName('busway', id)), id);
        assert.equal(failureName('busway', id).split('/').length, 2);
      },
    ),
  );
  for (const name of [
    'busway/a/b.json',
    'other/a.json',
    'busway/a.txt',
    'busway/%.json',
    'busway/a b.json',
    'a.json',
  ]) {
    assert.equal(failureIdOf('busway', name), undefined, name);
  }
});
