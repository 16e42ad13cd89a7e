// What rules become on EventBridge, rule by rule: the pattern as it is where it is exact, and what is said where it is not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { compileFilter } from '../../../adapters/eventbridge/filter.ts';
import { parseCesql } from '../../../router/cesql/parse.ts';
import { type Condition, compileCondition } from '../../../router/condition.ts';
import type { Problem } from '../../../router/config.ts';
import { type CloudEvent, jsonData } from '../../../router/event.ts';
import { readPatternText } from '../../../router/pattern-text.ts';
import { parsePattern } from '../../../router/read-pattern.ts';
import { readEventPattern } from '../../fakes/eventbridge-pattern.ts';
import { nativePasses } from './scene.ts';

function read(when: object): Condition {
  const problems: Problem[] = [];
  const pattern = parsePattern(when, 'when', problems);
  assert.ok(pattern !== undefined, inspect(problems));
  return pattern;
}

const exact: readonly object[] = [
  { type: ['com.github.push'] },
  { type: [{ prefix: 'com.github.' }], source: [{ suffix: '/api' }] },
  { data: { repository: { private: [false], name: [null, 'a', 5, 2.5] } } },
  { subject: [{ 'equals-ignore-case': 'Main' }, { prefix: { 'equals-ignore-case': 'REF' } }] },
  { data: { file: [{ wildcard: 'src/*/a\\*.ts' }], size: [{ numeric: ['>', 0, '<=', 5e9] }] } },
  { data: { a: [{ exists: false }], b: [{ exists: true }] } },
  { type: [{ 'anything-but': ['a', 'b'] }], data: { n: [{ 'anything-but': [1, 2] }] } },
  { type: [{ 'anything-but': { prefix: ['a', 'b'] } }], subject: [{ 'anything-but': { wildcard: '*x*' } }] },
  { $or: [{ type: ['a'] }, { data: { $or: [{ a: [1] }, { b: [2] }] } }], source: ['/s'] },
  { data: { ip: ['10.0.0.1'], net: [{ cidr: '2001:db8::/32' }] } },
  JSON.parse('{"data":{"__proto__":["x"],"constructor":{"prototype":[1]}}}') as object,
];

test('eventbridge filter: a pattern is exact and stands as it is below detail', () => {
  for (const when of exact) {
    const split = compileFilter(read(when));

    assert.deepEqual(split, { kind: 'exact', native: { detail: when }, residual: null }, inspect(split));
    readEventPattern(JSON.stringify(split.native));
  }
});

interface Case {
  readonly text: string;
  readonly native: unknown;
  readonly why: RegExp;
}

const wider: readonly Case[] = [
  {
    text: '{"data":{"n":[9007199254740993,"a"]}}',
    native: { data: { n: [{ exists: true }] } },
    why: /data\.n\[0\]: .*9007199254740993/,
  },
  {
    text: '{"data":{"n":[{"numeric":[">",1700000000000]}]}}',
    native: { data: { n: [{ exists: true }] } },
    why: /1700000000000/,
  },
  { text: '{"type":["a"],"data":{"a.b":["x"]}}', native: { type: ['a'] }, why: /'a\.b' has a dot/ },
  {
    text: '{"subject":[{"equals-ignore-case":"straße"}]}',
    native: { subject: [{ exists: true }] },
    why: /beyond ASCII/,
  },
  { text: '{"subject":[{"prefix":"a\\""}]}', native: { subject: [{ prefix: 'a"' }] }, why: /quote/ },
  { text: '{"subject":[{"anything-but":{"suffix":"\\"a"}}]}', native: { subject: [{ exists: true }] }, why: /quote/ },
  {
    text: '{"data":{"ip":[{"cidr":"10.0.0.0/8"}]}}',
    native: { data: { ip: [{ cidr: '10.0.0.0/8' }] } },
    why: /IP version/,
  },
  { text: '{"type":["a"],"data_base64":[{"exists":true}]}', native: { type: ['a'] }, why: /bytes/ },
  {
    text: '{"type":["a"],"subject":["\\ud800"]}',
    native: { type: ['a'], subject: [{ exists: true }] },
    why: /surrogate/,
  },
];

for (const { text, native, why } of wider) {
  test(`eventbridge filter: ${text} is wider, says why and what to write, and leaves the whole rule to the handler`, () => {
    const when = readPatternText(text);
    const split = compileFilter(when);

    assert.equal(split.kind, 'wider');
    assert.deepEqual(split.native, { detail: native });
    assert.equal(split.residual, when);
    assert.match(split.why ?? '', why);
    assert.ok((split.fix ?? '').length > 0);
    readEventPattern(JSON.stringify(split.native));
  });
}

test('eventbridge filter: a rule of which nothing can be said is none', () => {
  const split = compileFilter(readPatternText('{"data":{"a.b":["x"]}}'));

  assert.deepEqual([split.kind, split.native], ['none', null]);
  assert.match(split.why ?? '', /has a dot/);
});

const long = Array.from({ length: 200 }, (_, i) => `com.github.event-${String(i).padStart(4, '0')}`);

test('eventbridge filter: a list over 2,048 characters becomes the prefix that its texts share', () => {
  const split = compileFilter(read({ type: long, source: ['/a'] }));

  assert.equal(split.kind, 'wider');
  assert.deepEqual(split.native, { detail: { type: [{ prefix: 'com.github.event-0' }], source: ['/a'] } });
  assert.match(split.why ?? '', /2048/);
  assert.match(split.fix ?? '', /maxPattern/);
});

test('eventbridge filter: with the quota raised the same list is exact', () => {
  const half = long.slice(0, 140);
  assert.equal(compileFilter(read({ type: half })).kind, 'wider');
  assert.equal(compileFilter(read({ type: half }), { maxPattern: 4_096 }).kind, 'exact');
});

test('eventbridge filter: of a rule that is too long the largest clauses go and the others stay', () => {
  const when = { type: ['a'], data: { x: Array.from({ length: 600 }, (_, i) => i), y: ['z'] } };
  const split = compileFilter(read(when));

  assert.deepEqual(split.native, { detail: { type: ['a'], data: { x: [{ exists: true }], y: ['z'] } } });
});

test('eventbridge filter: no branch of $or is ever left empty or out', () => {
  const branch = (i: number): object => ({ type: [`t${i}`], data: { x: [`${i}`.repeat(40)] } });
  const split = compileFilter(read({ $or: Array.from({ length: 40 }, (_, i) => branch(i)), source: ['/a'] }));

  assert.equal(split.kind, 'wider');
  const { detail } = split.native as { detail: { $or: readonly { readonly type: unknown }[] } };
  assert.equal(detail.$or.length, 40);
  assert.ok(detail.$or.every(({ type }) => type !== undefined));
  assert.ok(JSON.stringify(split.native).length <= 2_048);
});

test('eventbridge filter: $or lists that multiply beyond a thousand are not given to the bus', () => {
  const pair = (name: string): object => ({ $or: [{ [`${name}1`]: ['x'] }, { [`${name}2`]: ['x'] }] });
  const when = { type: ['a'], data: Object.fromEntries([...'abcdefghij'].map((name) => [name, pair(name)])) };
  const split = compileFilter(read(when));

  assert.equal(split.kind, 'wider');
  assert.match(split.why ?? '', /1024 combinations/);
  readEventPattern(JSON.stringify(split.native));
});

const chosen: CloudEvent = {
  attributes: { specversion: '1.0', id: '1', source: '/a', type: 't' },
  data: jsonData(Buffer.from('[{"items":[{"a":1}]},{"a.b":"x","list":["y"]}]')),
};

test('eventbridge filter: exists: false on data goes with a clause that is left out, which had chosen its element', () => {
  // By 'a.b' the second element is chosen, which has no items.a; without it the first one has.
  const when = readPatternText('{"data":{"a.b":["x"],"items":{"a":[{"exists":false}]},"list":["y"]},"type":["t"]}');
  const split = compileFilter(when);

  assert.equal(compileCondition(when)(chosen), true);
  assert.deepEqual(split.native, { detail: { data: { list: ['y'] }, type: ['t'] } });
  assert.match(split.why ?? '', /exists: false/);
  assert.ok(nativePasses(split.native as object, chosen));
});

test('eventbridge filter: exists: false on an attribute stays, whatever is left out', () => {
  const split = compileFilter(readPatternText('{"data":{"a.b":["x"]},"subject":[{"exists":false}]}'));

  assert.deepEqual(split.native, { detail: { subject: [{ exists: false }] } });
});

test('eventbridge filter: CESQL is exact where a pattern says the same, wider where it says less, none where nothing', () => {
  const compile = (text: string) => compileFilter({ kind: 'cesql', text, expression: parseCesql(text) });

  assert.deepEqual(compile("type = 'a' AND source LIKE '/s%'"), {
    kind: 'exact',
    native: { detail: { type: ['a'], source: [{ prefix: '/s' }] } },
    residual: null,
  });
  const half = compile("type = 'a' AND LENGTH(subject) > 3");
  assert.deepEqual([half.kind, half.native], ['wider', { detail: { type: ['a'], subject: [{ exists: true }] } }]);
  assert.equal(half.residual?.kind, 'cesql');
  assert.equal(compile("UPPER(type) = 'X'").kind, 'none');
});
