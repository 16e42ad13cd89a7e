// What rules become on Pub/Sub, written out: the texts, the limit of 256 bytes, the mark and its hash, and what the person
// is told. That the filters are right is filter-law.test.ts; here they are held to be short and the same tomorrow.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compilePubSub, filterOf, promotedRules } from '../../../adapters/pubsub/filter.ts';
import { createMarker, markOf, ruleHash } from '../../../adapters/pubsub/promotion.ts';
import { encodeMessage } from '../../../adapters/pubsub/wire.ts';
import { parseCesql } from '../../../router/cesql/parse.ts';
import type { Condition } from '../../../router/condition.ts';
import { type Attributes, type CloudEvent, jsonData } from '../../../router/event.ts';
import { pattern } from './scene.ts';

const cesql = (text: string): Condition => ({ kind: 'cesql', text, expression: parseCesql(text) });

interface Expected {
  readonly when: Readonly<Record<string, unknown>> | string;
  /** Without the mark, whose place is MARK. */
  readonly native: string;
  readonly kind: 'exact' | 'wider';
}

const expected: readonly Expected[] = [
  { when: { type: ['a', 'b'] }, kind: 'exact', native: 'attributes.ce-type = "a" OR attributes.ce-type = "b"' },
  {
    when: { type: ['a'], subject: [{ 'anything-but': ['x'] }] },
    kind: 'exact',
    native: 'attributes:ce-subject AND attributes.ce-subject != "x" AND attributes.ce-type = "a"',
  },
  {
    when: { type: ['a'], subject: ['x', { exists: false }] },
    kind: 'exact',
    native: '(attributes.ce-subject = "x" OR NOT attributes:ce-subject) AND attributes.ce-type = "a"',
  },
  {
    when: { type: ['a'], $or: [{ subject: ['x'] }, { source: [{ prefix: '/s' }] }] },
    kind: 'exact',
    native: 'attributes.ce-type = "a" AND (attributes.ce-subject = "x" OR hasPrefix(attributes.ce-source, "/s"))',
  },
  { when: { subject: ['say "a\\b"'] }, kind: 'exact', native: 'attributes.ce-subject = "say \\"a\\\\b\\""' },
  { when: { subject: [{ wildcard: 'a*' }] }, kind: 'exact', native: 'hasPrefix(attributes.ce-subject, "a")' },
  { when: { type: [{ exists: true }] }, kind: 'exact', native: 'attributes:ce-id' },
  { when: { type: [5] }, kind: 'exact', native: '(attributes:ce-id AND NOT attributes:ce-id)' },
  { when: { type: [''] }, kind: 'wider', native: 'MARK' },
  { when: { data: { a: [1] } }, kind: 'wider', native: 'MARK' },
  { when: { type: ['a'], data: { a: [1] } }, kind: 'wider', native: 'attributes.ce-type = "a" AND MARK' },
  { when: { ext: [5] }, kind: 'wider', native: 'attributes.ce-ext = "5" AND MARK' },
  { when: { ext: ['10.0.0.1'] }, kind: 'wider', native: 'attributes:ce-ext AND MARK' },
  { when: { ext: [{ suffix: 'x' }] }, kind: 'wider', native: 'attributes:ce-ext AND MARK' },
  { when: { ext: [{ 'anything-but': ['5'] }] }, kind: 'wider', native: 'attributes:ce-ext AND MARK' },
  {
    when: { ext: [{ 'anything-but': { prefix: 'x' } }] },
    kind: 'exact',
    native: 'attributes:ce-ext AND NOT hasPrefix(attributes.ce-ext, "x")',
  },
  { when: { subject: [{ suffix: 'x' }, { exists: true }] }, kind: 'exact', native: 'attributes:ce-subject' },
  {
    when: { $or: [{ type: ['a'] }, { data: { x: [1] } }] },
    kind: 'wider',
    native: 'MARK',
  },
  {
    when: "type = 'a' AND subject LIKE 'x%'",
    kind: 'exact',
    native: 'attributes.ce-type = "a" AND hasPrefix(attributes.ce-subject, "x")',
  },
  {
    when: "type IN ('a', 'b') OR EXISTS ext",
    kind: 'exact',
    native: 'attributes.ce-type = "a" OR attributes.ce-type = "b" OR attributes:ce-ext',
  },
  {
    when: "ext = 5 AND type != 'a'",
    kind: 'wider',
    native: 'attributes:ce-ext AND attributes.ce-type != "a" AND MARK',
  },
  {
    when: "subject = 'a' OR type = 'b'",
    kind: 'wider',
    native: '(attributes.ce-subject = "a" OR attributes.ce-type = "b") AND MARK',
  },
  { when: 'LENGTH(type) > 3', kind: 'wider', native: 'MARK' },
];

for (const { when, kind, native } of expected) {
  test(`pubsub filter: ${typeof when === 'string' ? when : JSON.stringify(when)} is ${kind}`, () => {
    const condition = typeof when === 'string' ? cesql(when) : pattern(when);
    const split = compilePubSub(condition);

    assert.equal(split.native, native.replace('MARK', `NOT attributes:${markOf(condition)}`));
    assert.equal(split.kind, kind);
    assert.equal(split.residual, kind === 'exact' ? null : condition);
    assert.equal(split.why === undefined, kind === 'exact');
    assert.equal(split.fix === undefined, kind === 'exact');
  });
}

const longTypes = (stem: string, count: number) => Array.from({ length: count }, (_, i) => `${stem}${i}`);

test('pubsub filter: a list over 256 bytes becomes what its values begin with, and the mark decides', () => {
  const { kind, native, why, fix } = compilePubSub(pattern({ type: longTypes('com.example.order.', 20) }));

  assert.equal(kind, 'wider');
  assert.match(
    String(native),
    /^hasPrefix\(attributes\.ce-type, "com\.example\.order\."\) AND NOT attributes:r_[0-9a-f]{16}$/,
  );
  assert.match(String(why), /^the filter takes \d+ bytes, at most 256 are taken$/);
  assert.match(String(fix), /prefix/);
});

test('pubsub filter: what is too long is dropped part by part, the longest first, and nothing is cut short', () => {
  const when = { type: longTypes('a', 60), subject: longTypes('', 90), ext: ['short'], source: ['x'.repeat(150)] };
  const { native } = compilePubSub(pattern(when));

  assert.ok(Buffer.byteLength(native!) <= 256, native!);
  assert.match(native!, /attributes\.ce-ext = "short"/);
  assert.match(native!, /hasPrefix\(attributes\.ce-type, "a"\)/);
});

test('pubsub filter: the limit is in bytes, and a prefix never ends within a character', () => {
  const emoji = ['😀', '😁', '😂'].map((face) => face + 'é'.repeat(60));
  const { native, kind } = compilePubSub(pattern({ subject: emoji }));

  assert.equal(kind, 'wider');
  assert.match(native!, /^attributes:ce-subject AND NOT/);
  const exact = compilePubSub(pattern({ subject: ['é'.repeat(114)] }));
  assert.deepEqual([exact.kind, Buffer.byteLength(exact.native!)], ['exact', 254]);
});

test('pubsub filter: rules of any size are compiled at once', () => {
  const begun = performance.now();
  const fields = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`x${i}`, longTypes(`v${i}`, 2)]));
  const pairs = Object.entries(fields).map(([name, [one, other]]) => [{ [name]: [one] }, { [name]: [other] }]);
  let nested: Readonly<Record<string, unknown>> = { last: ['x'] };
  for (const [one, other] of pairs)
    nested = { $or: [Object.assign({}, one, nested), Object.assign({}, other, nested)] };

  for (const when of [
    nested,
    { type: longTypes('t', 20_000) },
    { type: [{ 'anything-but': longTypes('t', 5_000) }] },
  ]) {
    const { native } = compilePubSub(pattern(when));
    assert.ok(Buffer.byteLength(native!) <= 256);
  }

  assert.ok(performance.now() - begun < 5_000);
});

test('pubsub mark: the same rule has the same mark however it is written, and another rule another', () => {
  const hash = (when: Readonly<Record<string, unknown>>) => ruleHash(pattern(when));

  assert.equal(hash({ type: ['a', 'b'], data: { x: [1] } }), hash({ data: { x: [1] }, type: ['b', 'a', 'a'] }));
  assert.equal(
    hash({ $or: [{ subject: ['x'] }, { subject: ['y'] }], type: ['a'] }),
    hash({ type: ['a'], $or: [{ subject: ['y'] }, { subject: ['x'] }] }),
  );
  const others = [
    { type: ['a'] },
    { type: ['a', 'b'] },
    { type: [{ prefix: 'a' }] },
    { data: { x: [1] } },
    { data: { x: ['1'] } },
  ];
  assert.equal(new Set(others.map(hash)).size, others.length);
  assert.notEqual(ruleHash(cesql("type = 'a'")), hash({ type: ['a'] }));
  // Running publishers and filters hold this very name.
  assert.equal(hash({ data: { x: [1] } }), 'c225f0455cfce4ff');
});

const base = { specversion: '1.0', id: '1', source: '/s', type: 't' } as const;

function eventWith(more: Readonly<Record<string, string>>, data = '{"x":2}'): CloudEvent {
  return { attributes: { ...base, ...more } as Attributes, data: jsonData(Buffer.from(data)) };
}

function marksOf(rules: readonly { readonly name: string; readonly when: Condition }[], event: CloudEvent, room = 90) {
  return createMarker(promotedRules(rules))(event, encodeMessage(event).attributes, room);
}

test('pubsub mark: it is written where the attributes pass and the rule does not match, and nowhere else', () => {
  const rules = [
    { name: 'other type', when: pattern({ type: ['u'], data: { x: [1] } }) },
    { name: 'no match', when: pattern({ type: ['t'], data: { x: [1] } }) },
    { name: 'match', when: pattern({ type: ['t'], data: { x: [2] } }) },
    { name: 'exact', when: pattern({ type: ['u'] }) },
  ];

  assert.deepEqual(marksOf(rules, eventWith({})), [markOf(rules[1]!.when)]);
});

test('pubsub mark: what a message has no room for is left out, and the event passes', () => {
  const rules = Array.from({ length: 120 }, (_, i) => ({ name: `r${i}`, when: pattern({ data: { x: [i + 10] } }) }));

  const marks = marksOf(rules, eventWith({}), 94);

  assert.deepEqual(
    marks,
    rules.slice(0, 94).map(({ when }) => markOf(when)),
  );
  assert.deepEqual(marksOf(rules, eventWith({}), 0), []);
});

test('pubsub mark: data that does not parse gets a verdict all the same', () => {
  const when = pattern({ data: { x: [1] } });

  assert.deepEqual(marksOf([{ name: 'r', when }], eventWith({}, '{"x":')), [markOf(when)]);
});

test('pubsub filter: its parts are what the mark and the text are made of', () => {
  const when = pattern({ type: ['a'], data: { x: [1] } });
  const { part, mark, text } = filterOf(when);

  assert.deepEqual(part, { kind: 'is', key: 'ce-type', value: 'a' });
  assert.ok(text.endsWith(`NOT attributes:${mark}`));
});
