// CloudEvent -> PutEvents entry: what is carried, how large it is, and what is refused before anything is sent.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toEntry } from '../../../adapters/eventbridge/wire.ts';
import { type ErrorCode, RouterError } from '../../../router/errors.ts';
import { type Attributes, binaryData, type CloudEvent, jsonData, textData } from '../../../router/event.ts';
import { decodeStructured } from '../../../router/wire/json.ts';
import { looseOf } from '../../fakes/aws-json.ts';
import { entryBytes, entryProblem, readEntry } from '../../fakes/eventbridge-entry.ts';
import { event as anyEvent, sameEvent } from '../../harness/events.ts';

function eventWith(more: Readonly<Record<string, string>>, data?: CloudEvent['data']): CloudEvent {
  const attributes = { specversion: '1.0', id: '1', source: '/shop', type: 'order.placed', ...more } as Attributes;
  return data === undefined ? { attributes } : { attributes, data };
}

const json = (text: string): CloudEvent => eventWith({}, jsonData(Buffer.from(text)));

function codeOf(event: CloudEvent): ErrorCode | 'carried' {
  try {
    toEntry(event);
    return 'carried';
  } catch (thrown) {
    assert.ok(thrown instanceof RouterError, String(thrown));
    return thrown.code;
  }
}

test('eventbridge wire: source, type and time are repeated, and the detail is the whole event', () => {
  const event = eventWith(
    { time: '2026-11-21T10:00:00.5+01:00', subject: 'o-1' },
    jsonData(Buffer.from('{"n": 1.10}')),
  );

  assert.deepEqual(toEntry(event).entry, {
    Source: '/shop',
    DetailType: 'order.placed',
    Detail:
      '{"specversion":"1.0","id":"1","source":"/shop","type":"order.placed","time":"2026-11-21T10:00:00.5+01:00","subject":"o-1","data":{"n": 1.10}}',
    Time: new Date('2026-11-21T09:00:00.500Z'),
  });
});

test('eventbridge wire: a time that a Date cannot hold, or from before 1970, stands in the detail only', () => {
  for (const time of ['2016-12-31T23:59:60Z', '1969-12-31T23:59:59Z', '0001-01-01T00:00:00Z']) {
    const { entry } = toEntry(eventWith({ time }));

    assert.equal(entry.Time, undefined, time);
    assert.ok(entry.Detail.includes(time));
  }
  assert.equal(toEntry(eventWith({ time: '2026-11-21t10:00:00z' })).entry.Time?.getTime(), 1_795_255_200_000);
});

test('eventbridge wire: the size is 14 bytes of time and the UTF-8 bytes of source, detail type and detail', () => {
  const event = eventWith({ type: 'größe', time: '2026-11-21T10:00:00Z' }, textData('€'));
  const { entry, bytes } = toEntry({ ...event, attributes: { ...event.attributes, datacontenttype: 'text/plain' } });

  assert.equal(bytes, 14 + 5 + 7 + Buffer.byteLength(entry.Detail));
  assert.equal(toEntry(eventWith({})).bytes, 5 + 12 + Buffer.byteLength(toEntry(eventWith({})).entry.Detail));
});

test('eventbridge wire: of any event the fake measures the same and takes it, and the detail is the event again', () => {
  fc.assert(
    fc.property(anyEvent, (event) => {
      let sized: ReturnType<typeof toEntry>;
      try {
        sized = toEntry(event);
      } catch (thrown) {
        assert.ok(thrown instanceof RouterError && thrown.code === 'NOT_CARRIABLE', String(thrown));
        return;
      }
      const { entry, bytes } = sized;
      const raw = looseOf({ ...entry, ...(entry.Time === undefined ? {} : { Time: entry.Time.getTime() / 1_000 }) });
      assert.equal(bytes, entryBytes(readEntry(raw)));
      assert.equal(entryProblem(raw), undefined);
      assert.ok(sameEvent(decodeStructured(Buffer.from(entry.Detail)), event));
    }),
    { numRuns: 2_000 },
  );
});

test('eventbridge wire: what the service would refuse, drop or alter is NOT_CARRIABLE', () => {
  const deep = (levels: number): CloudEvent => json('['.repeat(levels) + ']'.repeat(levels));
  const cases: readonly (readonly [string, CloudEvent, ErrorCode | 'carried'])[] = [
    ['a type of 128 characters', eventWith({ type: 't'.repeat(128) }), 'carried'],
    ['a type of 129 characters', eventWith({ type: 't'.repeat(129) }), 'NOT_CARRIABLE'],
    ['the source aws.ec2', eventWith({ source: 'aws.ec2' }), 'NOT_CARRIABLE'],
    ['the source awsome', eventWith({ source: 'awsome' }), 'carried'],
    ['the largest integer', json('[9223372036854775807,-9223372036854775808]'), 'carried'],
    ['one more', json('{"a":{"b":[9223372036854775808]}}'), 'NOT_CARRIABLE'],
    ['one less', json('-9223372036854775809'), 'NOT_CARRIABLE'],
    ['a huge integer', json(`[${'9'.repeat(100_000)}]`), 'NOT_CARRIABLE'],
    ['digits in a text', json('"99999999999999999999"'), 'carried'],
    ['large numbers that are no integers', json('[99999999999999999999.5,1e30,-1E+400]'), 'carried'],
    ['1,000 levels with the event around', deep(999), 'carried'],
    ['1,001 levels', deep(1_000), 'NOT_CARRIABLE'],
    ['brackets in a text', json(JSON.stringify('['.repeat(5_000))), 'carried'],
    [
      'JSON under another type',
      eventWith({ datacontenttype: 'text/plain' }, jsonData(Buffer.from('1'))),
      'NOT_CARRIABLE',
    ],
    ['text under a JSON type', eventWith({ datacontenttype: 'application/json' }, textData('a')), 'NOT_CARRIABLE'],
    ['text without a type', eventWith({}, textData('a')), 'NOT_CARRIABLE'],
    ['bytes', eventWith({}, binaryData(Buffer.from([0, 255]))), 'carried'],
  ];
  for (const [name, event, code] of cases) assert.equal(codeOf(event), code, name);
});

test('eventbridge wire: data cannot end the event around it', () => {
  for (const text of ['1}', '1,"type":"forged"', '{}}', ']', '1 2', '', '[1', '{"a":1', ':']) {
    assert.notEqual(codeOf(json(text)), 'carried', JSON.stringify(text));
  }
});

test('eventbridge wire: a refusal names what is wrong and quotes no data', () => {
  const secret = '99999999999999999999';
  assert.throws(
    () => toEntry(json(`{"card":${secret}}`)),
    (thrown) => thrown instanceof RouterError && thrown.message.includes('byte 8') && !thrown.message.includes(secret),
  );
});
