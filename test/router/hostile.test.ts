// What hostile rules and events must not do to matching: each of these once did.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { indexRules } from '../../router/condition.ts';
import { checkDocument } from '../../router/document.ts';
import { RouterError } from '../../router/errors.ts';
import type { CloudEvent } from '../../router/event.ts';
import { eventTree } from '../../router/explain/event-tree.ts';
import { explain } from '../../router/explain.ts';
import { lintRules } from '../../router/lint/rules.ts';
import { createMatcher } from '../../router/matcher.ts';
import { readPatternText } from '../../router/pattern-text.ts';
import { readJsonTree } from '../../router/wire/json-tree.ts';

const kinds = { buses: { embedded: { options: {} } }, sources: {}, targets: { log: { options: {} } } };

function matcherOf(...patterns: readonly string[]) {
  const matcher = createMatcher();
  for (const [i, pattern] of patterns.entries()) matcher.add(`r${i}`, readPatternText(pattern));
  return matcher;
}

function refused(work: () => unknown): RouterError {
  try {
    work();
  } catch (thrown) {
    assert.ok(thrown instanceof RouterError, String(thrown));
    return thrown;
  }
  return assert.fail('nothing was thrown');
}

test('hostile: a number of a million digits costs no more than its length', () => {
  const matcher = matcherOf('{"a":[{"numeric":[">",5]}]}');
  const cost = (zeros: number): number => {
    const event = Buffer.from(`{"a":0.1${'0'.repeat(zeros)}1}`);
    const before = process.cpuUsage();
    assert.deepEqual(matcher.matchText(event), []);
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };
  cost(1000);

  // Quadratic, this took minutes.
  assert.ok(cost(1_000_000) < 2_000_000);
});

test('hostile: bytes that are not UTF-8 are refused however deep they stand', () => {
  const matcher = matcherOf('{"a":["x"]}');
  const deep = (inside: Buffer): Buffer =>
    Buffer.concat([Buffer.from(`{"a":"x","z":${'['.repeat(205)}"`), inside, Buffer.from(`"${']'.repeat(205)}}`)]);

  assert.equal(refused(() => matcher.matchText(deep(Buffer.from([0xff])))).code, 'NOT_UTF8');
  assert.deepEqual(matcher.matchText(deep(Buffer.from('\u00e9'))), ['r0']);
});

test('hostile: an event that throws while it is read leaves nothing for the next one', () => {
  const matcher = matcherOf('{"a":["x"],"b":["y"]}');
  const broken = {
    a: 'x',
    get b(): string {
      throw new TypeError('gone');
    },
  };

  assert.throws(() => matcher.matchValue(broken), TypeError);
  assert.deepEqual(matcher.matchValue({ b: 'y' }), []);
});

test('hostile: names with half a surrogate pair are told from the replacement character', () => {
  const matcher = matcherOf('{"\\ud800":["x"]}', '{"\ufffd":["x"]}');

  assert.deepEqual(matcher.matchText(Buffer.from('{"\ufffd":"x"}')), ['r1']);
  assert.deepEqual(matcher.matchText(Buffer.from('{"\\ud800":"x"}')), ['r0']);
});

test('hostile: an error about text that is no JSON quotes nothing of it', () => {
  const matcher = matcherOf('{"a":["x"]}');
  const { message } = refused(() => matcher.matchText(Buffer.from('{"a":\u001b[2J secret')));

  assert.doesNotMatch(message, /secret|\u001b/);
  assert.match(message, /^this is not JSON/);
});

test('hostile: many rules over an event that repeats names share one budget of steps', () => {
  const matcher = createMatcher();
  for (let i = 0; i < 100; i++) {
    const rule = { t: ['x'], a: { f0: [1], g1: [1], g2: [1], z: [1] }, [`u${i}`]: [{ exists: false }] };
    matcher.add(`r${i}`, readPatternText(JSON.stringify(rule)));
  }
  const repeated = '"a":[{"g1":1,"g2":1},{"g1":1,"g2":1}]';
  const event = Buffer.from(`{"t":"x","a":[{"z":1},{"f0":1}],${Array(400).fill(repeated).join(',')}}`);
  const before = process.cpuUsage();
  matcher.matchText(event);
  const { user, system } = process.cpuUsage(before);

  assert.ok(user + system < 1_500_000, `${user + system} us`);
});

test('hostile: a pattern that is a circle or shares its parts is refused, not written out', () => {
  const circle: Record<string, unknown> = {};
  Object.assign(circle, { a: circle, b: circle });
  let shared: Record<string, unknown> = { x: ['y'] };
  for (let i = 0; i < 40; i++) shared = { a: shared, b: shared };
  for (const when of [circle, shared]) {
    const error = refused(() => checkDocument({ rules: [{ name: 'r', when, to: { log: {} } }] }, kinds));
    assert.match(error.message, /rules\[0\]\.when: (?:is nested deeper|holds more than)/);
  }
});

test('hostile: a document that is too deep anywhere is refused', () => {
  let deep: unknown = 1;
  for (let i = 0; i < 100_000; i++) deep = { a: deep };
  const event = { specversion: '1.0', id: '1', source: '/s', type: 't', data: deep };
  const error = refused(() => checkDocument({ tests: [{ name: 'a', event, rules: [] }] }, kinds));

  assert.equal(error.code, 'DOCUMENT_INVALID');
});

test('hostile: slots, values and places are used again when rules come and go', () => {
  const matcher = createMatcher();
  const grown: number[] = [];
  for (let i = 0; i < 60_000; i++) {
    matcher.add('r', readPatternText(`{"a${i}":["x${i}"],"b${i}":[{"prefix":"y${i}"}]}`));
    matcher.remove('r');
    if (i === 20_000 || i === 59_999) grown.push(process.memoryUsage().arrayBuffers);
  }

  assert.ok(grown[1]! - grown[0]! < 1_000_000, `${grown}`);
});

test('hostile: explain and match agree on a CESQL expression whose sides are cast', () => {
  const { rules } = checkDocument({ rules: [{ name: 'r', when: "flag AND type = 't'", to: { log: {} } }] }, kinds);
  const match = indexRules(rules);
  for (const flag of ['true', 'false', true, 1, 'x']) {
    const event: CloudEvent = { attributes: { specversion: '1.0', id: '1', source: '/s', type: 't', flag } };
    assert.equal(explain(rules[0]!.when, eventTree(event)).matched, match(event).length > 0, String(flag));
  }
});

test('hostile: no branch is called covered where a field beside it asks for absence', () => {
  const when = JSON.stringify({
    data: { l: { y: [{ exists: false }] } },
    $or: [{ data: { l: { x: ['a'] } }, source: [{ exists: true }] }, { source: [{ exists: true }] }],
  });
  const event = readJsonTree('{"source":"/s","data":{"l":[{"y":0},{"x":"a"}]}}');
  const pattern = readPatternText(when);

  assert.deepEqual(
    lintRules([{ name: 'r', when: pattern, to: { kind: 'log', options: {} } }], {}).filter(
      ({ kind }) => kind === 'shadowed',
    ),
    [],
  );
  assert.equal(explain(pattern, event).matched, true);
});
