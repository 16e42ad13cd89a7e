// What matches: the operators over attributes and data, arrays, absence, and data that is not what it says.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { binaryData, type CloudEvent, type EventData, jsonData, textData } from '../../router/event.ts';
import { compilePattern } from '../../router/matcher.ts';
import { parsePattern } from '../../router/read-pattern.ts';
import { event as anyEvent } from '../harness/events.ts';

function made(data?: EventData, more: Readonly<Record<string, string | number | boolean>> = {}): CloudEvent {
  const attributes = { specversion: '1.0', id: '1', source: '/m', type: 'com.example.made', ...more } as const;
  return data === undefined ? { attributes } : { attributes, data };
}

const json = (text: string): CloudEvent => made(jsonData(Buffer.from(text)));

function matches(when: unknown, event: CloudEvent): boolean {
  const pattern = parsePattern(when, 'when', []);
  assert.ok(pattern !== undefined, JSON.stringify(when));
  return compilePattern(pattern)(event);
}

type Case = readonly [when: unknown, data: string, expected: boolean];
const onData: Readonly<Record<string, readonly Case[]>> = {
  'a value matches its own type only': [
    [{ a: ['1'] }, '{"a":1}', false],
    [{ a: [1] }, '{"a":1.0}', true],
    [{ a: [true] }, '{"a":"true"}', false],
    [{ a: [null] }, '{"a":null}', true],
    [{ a: [null] }, '{}', false],
    [{ a: ['x', 2] }, '{"a":2}', true],
  ],
  'prefix and suffix are for text, case and all': [
    [{ a: [{ prefix: 'ab' }] }, '{"a":"abc"}', true],
    [{ a: [{ prefix: 'AB' }] }, '{"a":"abc"}', false],
    [{ a: [{ prefix: '1' }] }, '{"a":12}', false],
    [{ a: [{ suffix: '😀' }] }, '{"a":"x😀"}', true],
    [{ a: [{ suffix: '' }] }, '{"a":"x"}', true],
  ],
  'numeric holds for numbers within the bounds': [
    [{ a: [{ numeric: ['>', 0, '<=', 10] }] }, '{"a":10}', true],
    [{ a: [{ numeric: ['>', 0, '<=', 10] }] }, '{"a":0}', false],
    [{ a: [{ numeric: ['=', 3] }] }, '{"a":3e0}', true],
    [{ a: [{ numeric: ['>', 0] }] }, '{"a":"5"}', false],
    [{ a: [{ numeric: ['>', 0] }] }, '{"a":1e999}', false],
  ],
  'exists asks for a leaf': [
    [{ a: [{ exists: true }] }, '{"a":null}', true],
    [{ a: [{ exists: true }] }, '{"a":{"b":1}}', false],
    [{ a: [{ exists: true }] }, '{"a":[]}', false],
    [{ a: [{ exists: false }] }, '{}', true],
    [{ a: [{ exists: false }] }, '{"a":0}', false],
    [{ a: [{ exists: false }, 'x'] }, '{"a":"x"}', true],
  ],
  'anything-but needs something that is not it': [
    [{ a: [{ 'anything-but': 'x' }] }, '{"a":"y"}', true],
    [{ a: [{ 'anything-but': 'x' }] }, '{"a":"x"}', false],
    [{ a: [{ 'anything-but': 'x' }] }, '{}', false],
    [{ a: [{ 'anything-but': ['x', 'y'] }] }, '{"a":["x",1]}', true],
    [{ a: [{ 'anything-but': { prefix: 'x' } }] }, '{"a":"xy"}', false],
    [{ a: [{ 'anything-but': 1 }] }, '{"a":"1"}', true],
  ],
  'any element of an array will do, however nested': [
    [{ a: ['x'] }, '{"a":["y","x"]}', true],
    [{ a: ['x'] }, '{"a":[[["x"]]]}', true],
    [{ a: ['x'] }, '{"a":["y"]}', false],
    [{ a: { b: ['x'] } }, '{"a":[{"b":"y"},{"b":"x"}]}', true],
  ],
  'fields below one array hold in one element': [
    [{ a: { b: [1], c: [2] } }, '{"a":[{"b":1,"c":2}]}', true],
    [{ a: { b: [1], c: [2] } }, '{"a":[{"b":1},{"c":2}]}', false],
    [{ a: { b: [{ exists: false }] } }, '{"a":[{"b":1},{"c":2}]}', false],
  ],
  'all fields and one of each $or': [
    [{ a: [1], b: [2] }, '{"a":1,"b":3}', false],
    [{ $or: [{ a: [1] }, { b: [2] }] }, '{"b":2}', true],
    [{ c: [1], $or: [{ a: [1] }, { b: [2] }] }, '{"b":2}', false],
    [{ d: { $or: [{ a: [1] }, { b: [2] }] } }, '{"d":{"a":1}}', true],
  ],
  'only own members count': [
    [{ constructor: [{ exists: true }] }, '{}', false],
    [{ length: [1] }, '["x"]', false],
    [{ toString: [{ exists: false }] }, '{}', true],
  ],
  'a field below a scalar is absent': [
    [{ a: { b: ['x'] } }, '{"a":"x"}', false],
    [{ a: { b: [{ exists: false }] } }, '{"a":"x"}', true],
    [{ a: { b: [{ exists: false }] } }, 'null', true],
  ],
};

for (const [says, cases] of Object.entries(onData)) {
  test(`matcher: ${says}`, () => {
    for (const [when, data, expected] of cases) {
      assert.equal(matches({ data: when }, json(data)), expected, `${JSON.stringify(when)} on ${data}`);
    }
  });
}

test('matcher: attributes are matched by name and type', () => {
  const event = made(undefined, { partitionkey: 'k', count: 3, urgent: true });
  assert.equal(matches({ type: ['com.example.made'], count: [3], urgent: [true] }, event), true);
  assert.equal(matches({ count: ['3'] }, event), false);
  assert.equal(matches({ subject: [{ exists: false }] }, event), true);
  assert.equal(matches({ $or: [{ type: ['x'] }, { partitionkey: [{ prefix: 'k' }] }] }, event), true);
});

test('matcher: text is a leaf, bytes and absent data are nothing', () => {
  const absent = { data: [{ exists: false }] };
  assert.equal(matches({ data: ['hello'] }, made(textData('hello'))), true);
  assert.equal(matches({ data: [null] }, json('null')), true);
  assert.equal(matches(absent, made()), true);
  assert.equal(matches(absent, made(binaryData(Buffer.from('hello')))), true);
});

test('matcher: data that says JSON and is not never throws, and its attributes still count', () => {
  const event = made(jsonData(Buffer.from('{"a":')));
  assert.equal(matches({ type: ['com.example.made'] }, event), true);
  assert.equal(matches({ data: { a: ['x'] } }, event), false);
});

test('matcher: attributes are looked at first, so data that cannot matter is never parsed', () => {
  const event = json('{"a":1}');
  assert.equal(matches({ type: ['other'], data: { a: [1] } }, event), false);
  assert.equal(event.data?.parsed, undefined);
});

test('matcher: nesting of any depth in the event is no matter', () => {
  const depth = 100_000;
  const deep = json(`{"a":${'['.repeat(depth)}"x"${']'.repeat(depth)}}`);
  assert.equal(matches({ data: { a: ['x'] } }, deep), true);
  assert.equal(matches({ data: { a: { b: ['x'] } } }, deep), false);
});

test('matcher: anything-but is the opposite of its value wherever there is one leaf', () => {
  const scalar = fc.oneof(
    fc.constantFrom('a', 'b', 'ab'),
    fc.integer({ min: 0, max: 2 }),
    fc.boolean(),
    fc.constant(null),
  );
  fc.assert(
    fc.property(scalar, fc.oneof(fc.constantFrom('a', 'b', 'ab'), fc.integer({ min: 0, max: 2 })), (found, word) => {
      const event = json(JSON.stringify({ f: found }));
      assert.equal(
        matches({ data: { f: [{ 'anything-but': word }] } }, event),
        !matches({ data: { f: [word] } }, event),
      );
    }),
  );
});

test('matcher: no event makes it throw, and exists true and false never agree', () => {
  const names = ['id', 'subject', 'partitionkey', 'data', '0', 'constructor'];
  fc.assert(
    fc.property(anyEvent, fc.constantFrom(...names), (event, name) => {
      const there = matches({ [name]: [{ exists: true }] }, event);
      assert.equal(matches({ [name]: [{ exists: false }] }, event), !there);
      assert.equal(matches({ [name]: { deeper: [{ 'anything-but': 'x' }] } }, event) && there, false);
    }),
    { numRuns: 500 },
  );
});
