// EventBridge's envelope and CloudEvents: the same event in both forms meets both patterns, or the clause is named.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { eventBridgePath, fromEventBridge, toEventBridge } from '../../../router/dialect/event-bridge.ts';
import { writePattern } from '../../../router/dialect/write-pattern.ts';
import { readPatternText } from '../../../router/pattern-text.ts';
import { referenceMatches } from '../../harness/reference-matcher.ts';
import { patternOver } from './arbitrary.ts';
import { assertTold, check, judgePattern, newTally, runs } from './judge.ts';

const text = fc.constantFrom('a', 'ab', 'b', 'k', '5', 'aba', '10.0.0.1', 'true');
const detail = fc.record(
  {
    state: fc.constantFrom<unknown>('a', 'ab', 5, true, null, ['a', 5]),
    l: fc.constantFrom<unknown>(0, [{ x: 'a' }, { y: 5 }], [{ x: 'a', y: 5 }]),
  },
  { requiredKeys: [] },
);
/** The same event, as the bus has it and as a CloudEvent. */
const pair = fc
  .record({
    source: text,
    type: text,
    id: text,
    time: fc.constantFrom('2026-11-21T10:00:00Z', '2025-01-01T00:00:00Z'),
    detail,
  })
  .chain(({ source, type, id, time, detail: data }) =>
    fc
      .record({
        account: text,
        region: text,
        resources: fc.array(text, { maxLength: 2 }),
        own: text,
        subject: fc.option(text),
      })
      .map(({ account, region, resources, own, subject }) => {
        const bus = { version: '0', source, 'detail-type': type, account, region, resources, detail: data };
        const cloud = { specversion: '1.0', source, type, data };
        return {
          bus: JSON.stringify({ ...bus, id, time }),
          cloud: JSON.stringify({ ...cloud, id, time }),
          // Sent by us: the bus gives an id and a time of its own.
          sent: JSON.stringify({ ...cloud, id, ...(subject === null ? {} : { subject, time }) }),
          onBus: JSON.stringify({ ...bus, id: own, time: '2026-11-21T10:00:01Z' }),
        };
      }),
  );
const below = ['state', 'l.x', 'l.y', 'z'];
const envelopePattern = patternOver([
  ...['source', 'detail-type', 'id', 'time', 'account', 'resources', 'type', 'data'],
  ...below.map((name) => `detail.${name}`),
]);
const eventPattern = patternOver([
  ...['source', 'type', 'id', 'time', 'subject', 'specversion', 'detail', 'n'],
  ...below.map((name) => `data.${name}`),
]);

test('event-bridge: a pattern for the envelope holds for the CloudEvent, exactly or wider', () => {
  const tally = newTally();
  fc.assert(
    fc.property(envelopePattern, fc.array(pair, { minLength: 20, maxLength: 20 }), (pattern, pairs) => {
      const before = (one: (typeof pairs)[number]): boolean => referenceMatches(pattern, one.bus);
      const events = pairs.map((one) => ({ attributes: {}, json: one.cloud, before: before(one) }));
      const known = new Map(events.map((one) => [one, one.before]));
      check(
        { before: (one) => known.get(one as never)!, converted: fromEventBridge(pattern), after: judgePattern, tally },
        events,
      );
    }),
    runs,
  );
  assertTold(tally, { exact: 60, lossy: 60 });
});

test('event-bridge: a pattern over CloudEvents holds for the envelope it is sent in, exactly or wider', () => {
  const tally = newTally();
  fc.assert(
    fc.property(eventPattern, fc.array(pair, { minLength: 20, maxLength: 20 }), (pattern, pairs) => {
      const events = pairs.map((one) => ({ attributes: {}, json: one.onBus }));
      const known = new Map(events.map((one, i) => [one, referenceMatches(pattern, pairs[i]!.sent)]));
      check(
        { before: (one) => known.get(one as never)!, converted: toEventBridge(pattern), after: judgePattern, tally },
        events,
      );
    }),
    runs,
  );
  assertTold(tally, { exact: 60, lossy: 60 });
});

test('event-bridge: what both sides have goes there and back unchanged', () => {
  fc.assert(
    fc.property(patternOver(['source', 'detail-type', 'detail.state', 'detail.l.x', 'detail']), (pattern) => {
      const there = fromEventBridge(pattern);
      const back = toEventBridge(there.result!);

      assert.deepEqual([there.lossy, back.lossy], [[], []]);
      assert.deepEqual(back.result, pattern);
    }),
  );
});

function converted(by: typeof fromEventBridge, text: string): readonly [string | undefined, ...string[]] {
  const { result, lossy } = by(readPatternText(text, 'strict'));
  const told = lossy.map(({ path, clause, why }) => `${path}: ${clause} because ${why}`);
  return [result === undefined ? undefined : writePattern(result), ...told];
}

test('event-bridge: fields without a counterpart are named and left out', () => {
  assert.deepEqual(
    converted(
      fromEventBridge,
      '{"detail-type":["T"],"account":["1"],"detail":{"a":[1]},"typ":["x"],"time":[{"prefix":"2026"}]}',
    ),
    [
      '{"type":["T"],"data":{"a":[1]},"time":[{"prefix":"2026"}]}',
      'account: ["1"] because a CloudEvent has no counterpart of \'account\'; wider: any account is taken',
      "typ: [\"x\"] because EventBridge's envelope has no field 'typ'; wider: it is not asked for",
    ],
  );
  assert.deepEqual(converted(toEventBridge, '{"type":["t"],"id":["1"],"time":[{"exists":false}],"subject":["s"]}'), [
    '{"detail-type":["t"]}',
    'id: ["1"] because EventBridge gives every event an id of its own; wider: any id is taken',
    'time: [{"exists":false}] because EventBridge sets a time that is missing and writes it in its own form; wider: any time is taken',
    "subject: [\"s\"] because EventBridge's envelope has no field for the attribute 'subject'; wider: any subject is taken",
  ]);
});

test('event-bridge: a field that says nothing is left out without loss', () => {
  assert.deepEqual(converted(toEventBridge, '{"source":["s"],"id":[{"exists":true}],"specversion":["1.0"]}'), [
    '{"source":["s"]}',
  ]);
  assert.deepEqual(converted(toEventBridge, '{"id":[{"exists":true}]}'), ['{"id":[{"exists":true}]}']);
});

test('event-bridge: an alternative that comes to take everything takes the others along, each named', () => {
  assert.deepEqual(converted(fromEventBridge, '{"$or":[{"region":["eu"]},{"source":["s"],"detail":{"a":[1]}}]}'), [
    undefined,
    '$or[0].region: ["eu"] because a CloudEvent has no counterpart of \'region\'; wider: any region is taken',
    '$or[1].source: ["s"] because an alternative beside it came to take every event; wider: any event',
    '$or[1].detail: {"a":[1]} because an alternative beside it came to take every event; wider: any event',
  ]);
});

test('event-bridge: paths over CloudEvents are told by the names of the envelope', () => {
  assert.deepEqual(['data.a', 'data', 'type', 'database', 'source', 'types.x'].map(eventBridgePath), [
    'detail.a',
    'detail',
    'detail-type',
    'database',
    'source',
    'types.x',
  ]);
});
