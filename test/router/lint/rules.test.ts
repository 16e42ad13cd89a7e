// Lint by meaning, by example: what is told of each kind of slip, where, and that what is meant is left in peace.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Problem } from '../../../router/config.ts';
import type { JsonSchema } from '../../../router/lint/field.ts';
import { type Finding, findingText } from '../../../router/lint/finding.ts';
import { lintRules } from '../../../router/lint/rules.ts';
import type { Pattern } from '../../../router/pattern.ts';
import { parsePattern } from '../../../router/read-pattern.ts';

const log = { kind: 'log', options: {} };
const http = (path: string) => ({ kind: 'http', options: { url: `https://ci.example.com/${path}` } });

function patternOf(input: unknown): Pattern {
  const problems: Problem[] = [];
  const pattern = parsePattern(input, 'when', problems);
  assert.deepEqual(problems, []);
  return pattern!;
}

function lint(inputs: Readonly<Record<string, unknown>>, to: object = log, data?: JsonSchema): readonly Finding[] {
  const rules = Object.entries(inputs).map(([name, input]) => ({ name, when: patternOf(input), to: to as typeof log }));
  return lintRules(rules, data === undefined ? {} : { data });
}

const brief = ({ kind, level, at }: Finding): string => `${level} ${kind} ${at}`;
const t = { type: ['t'] };

const slips: readonly (readonly [what: string, input: unknown, found: readonly string[], says: RegExp])[] = [
  [
    'an attribute compared as a number',
    { type: [{ numeric: ['>', 5] }] },
    ['error never-matches when', 'warning type-mismatch when.type[0]'],
    /'type' is a string in every CloudEvent/,
  ],
  [
    'a number beside a string',
    { type: ['t', 5] },
    ['warning type-mismatch when.type[1]'],
    /never matches, for 'type' is a string in every CloudEvent; it is 5; write it as text, "5"/,
  ],
  [
    'a null for an attribute',
    { ...t, subject: [null, 'x'] },
    ['warning type-mismatch when.subject[0]'],
    /write \{ "exists": false \}/,
  ],
  [
    'an attribute with capital letters',
    { Type: ['t'] },
    ['error never-matches when'],
    /no attribute can have the name 'Type', .* did you mean 'type'\?/,
  ],
  [
    "EventBridge's detail-type",
    { 'detail-type': ['t'] },
    ['error never-matches when'],
    /no attribute can have the name 'detail-type', .* did you mean 'type'\?/,
  ],
  [
    "EventBridge's detail",
    { detail: { state: ['x'] } },
    ['error never-matches when'],
    /there is no 'detail'; what a source sends lies below 'data'/,
  ],
  [
    'fields below an attribute',
    { ...t, source: { host: ['x'] } },
    ['error never-matches when'],
    /'source' is an attribute, which has no fields below it/,
  ],
  [
    'an attribute that is always there, wanted absent',
    { ...t, id: [{ exists: false }] },
    ['error never-matches when'],
    /every CloudEvent has 'id'/,
  ],
  [
    'an attribute that is always there, wanted absent as one alternative',
    { ...t, id: [{ exists: false }, 'x'] },
    ['warning never-matches when.id[0]'],
    /every CloudEvent has 'id'/,
  ],
  ['an empty text', { type: [''] }, ['error never-matches when'], /'type' is never empty/],
  ['another specversion', { specversion: ['0.3'] }, ['error never-matches when'], /is "1.0" in every event/],
  ['a fraction of an extension', { count: [1.5] }, ['error never-matches when'], /a 32-bit integer/],
  [
    'a range between two integers of an extension',
    { count: [{ numeric: ['>', 1, '<', 2] }] },
    ['error never-matches when'],
    /a 32-bit integer/,
  ],
  [
    'fields of data that is text',
    { datacontenttype: ['text/plain'], data: { a: ['x'] } },
    ['error never-matches when'],
    /'data.a' needs JSON data/,
  ],
  [
    'a branch that is never taken',
    { $or: [{ type: ['t'] }, { id: [{ exists: false }] }] },
    ['warning never-matches when.$or[1]', 'warning never-matches when.$or[1].id[0]'],
    /this branch is never taken/,
  ],
  [
    'a branch that another covers',
    { $or: [{ type: [{ prefix: 't' }] }, { type: ['t.u'], subject: ['x'] }] },
    ['warning shadowed when.$or[1]'],
    /is covered by when.\$or\[0\]/,
  ],
  [
    'two anything-but side by side',
    { ...t, data: { s: [{ 'anything-but': 'x' }, { 'anything-but': 'y' }] } },
    ['warning matches-everything-listed when.data.s'],
    /takes every value.*join them into one anything-but with a list/,
  ],
  [
    'a value beside an anything-but of the same',
    { ...t, data: { s: [{ 'anything-but': 'x' }, 'x'] } },
    ['warning matches-everything-listed when.data.s'],
    /takes every value/,
  ],
  [
    'an empty prefix',
    { ...t, data: { s: [{ prefix: '' }] } },
    ['warning matches-everything-listed when.data.s[0]'],
    /\{"prefix":""\} takes every string; write \{ "exists": true \}/,
  ],
  [
    'a lone star',
    { ...t, subject: [{ wildcard: '*' }] },
    ['warning matches-everything-listed when.subject[0]'],
    /takes every string/,
  ],
  [
    'an anything-but that leaves nothing out',
    { ...t, subject: [{ 'anything-but': 5 }] },
    ['warning matches-everything-listed when.subject[0]'],
    /takes every value: 'subject' is a string in every CloudEvent, so nothing is left out/,
  ],
  [
    'exists true and false',
    { ...t, subject: [{ exists: true }, { exists: false }] },
    ['warning matches-everything-listed when.subject'],
    /whether the field is there or not/,
  ],
  [
    'a prefix beside a shorter one',
    { type: [{ prefix: 'com.github.' }, { prefix: 'com.github.push' }] },
    ['warning shadowed when.type[1]'],
    /\{"prefix":"com.github.push"\} is covered by \{"prefix":"com.github."\}/,
  ],
  [
    'a value beside an anything-but that takes it',
    { ...t, data: { s: ['x', { 'anything-but': 'y' }] } },
    ['warning shadowed when.data.s[0]'],
    /"x" is covered by \{"anything-but":"y"\}/,
  ],
  [
    'a value in two ways of writing it',
    { ...t, data: { n: [5, 'a', { numeric: ['=', 5] }, { wildcard: 'a' }] } },
    ['warning shadowed when.data.n[2]', 'warning shadowed when.data.n[3]'],
    /\{"numeric":\["=",5\]\} is covered by 5 beside it/,
  ],
  ['a value twice', { type: ['t', 'u', 't'] }, ['warning shadowed when.type[2]'], /"t" is in the list twice/],
  ['every event', { id: [{ exists: true }] }, ['note always-matches when'], /matches every event/],
  [
    'every event by accident',
    { $or: [{ subject: [{ exists: true }] }, { subject: [{ exists: false }] }] },
    ['warning always-matches when'],
    /matches every event/,
  ],
];

for (const [what, input, found, says] of slips) {
  test(`lint: ${what} is told`, () => {
    const findings = lint({ r: input });

    assert.deepEqual(findings.map(brief).sort(), [...found].sort());
    assert.ok(
      findings.some((finding) => says.test(`${finding.says}; ${finding.fix}`)),
      findings.map(findingText).join('\n'),
    );
    for (const finding of findings)
      assert.match(findingText(finding), /^(?:error|warning|note): rule 'r': when\S* [^\n]+$/);
  });
}

const fine: readonly (readonly [what: string, input: unknown])[] = [
  ['an ordinary rule', { type: ['com.github.push'], data: { repository: { private: [false] } } }],
  ['several exact values', { type: ['a', 'b', 'c'] }],
  ['one anything-but with a list', { data: { s: [{ 'anything-but': ['x', 'y'] }] } }],
  ['ranges that only touch', { data: { n: [{ numeric: ['<', 5] }, { numeric: ['>=', 10] }] } }],
  ['ranges that overlap', { data: { n: [{ numeric: ['<', 5] }, { numeric: ['>', 3, '<', 8] }] } }],
  ['absence below a field that is there', { data: { a: [{ exists: false }], 'a.b': ['x'] } }],
  ['a value and a field below it, which a list can hold both', { data: { a: ['x'], 'a.b': ['y'] } }],
  ['an extension in any type', { retries: [{ numeric: ['>', 3] }, 'many', true] }],
  ['data that is one text', { datacontenttype: ['text/plain'], data: ['hello'] }],
  ['JSON by a suffix', { datacontenttype: ['application/vnd.x+json', 'text/plain'], data: { a: ['x'] } }],
  ['a field that may be missing', { data: { s: [{ exists: false }, 'x'] } }],
  ['a large number', { data: { n: [{ numeric: ['>', 3e9] }] } }],
  ['another case', { type: ['Push', { 'equals-ignore-case': 'pull' }] }],
  ['letter case beyond ASCII', { data: { s: ['straße', { 'equals-ignore-case': 'STRASSE' }] } }],
  ['branches over different fields', { $or: [{ type: ['a'] }, { subject: ['a'] }] }],
];

for (const [what, input] of fine) {
  test(`lint: nothing is said of ${what}`, () => {
    assert.deepEqual(lint({ r: input }).map(findingText), []);
  });
}

test('lint: two rules of one meaning are told, whatever the order and the way they are written', () => {
  const first = { type: ['a', 'b'], data: { n: [{ numeric: ['=', 5] }], s: ['x'] } };
  const second = { 'data.s': ['x', 'x'], 'data.n': [5], $or: [{ type: ['b'] }, { type: ['a'] }] };
  const one = (findings: readonly Finding[]) => findings.find(({ kind }) => kind === 'duplicate');

  const same = one(lint({ first, second }));
  const apart = one(
    lintRules([
      { name: 'first', when: patternOf(first), to: http('a') },
      { name: 'second', when: patternOf(second), to: http('b') },
    ]),
  );

  assert.deepEqual([same?.rule, same?.level], ['second', 'warning']);
  assert.match(same!.says, /the same as that of rule 'first', and the target is the same/);
  assert.deepEqual([apart?.rule, apart?.level], ['second', 'note']);
  assert.match(apart!.says, /rule 'first', which has another target/);
});

test('lint: a rule that another rule of the same target covers is told, one of another target is not', () => {
  const narrow = { type: ['com.github.push'], data: { repository: { private: [false] } } };
  const wide = { type: [{ prefix: 'com.github.' }] };

  const told = lint({ narrow, wide });
  const apart = lintRules([
    { name: 'narrow', when: patternOf(narrow), to: http('a') },
    { name: 'wide', when: patternOf(wide), to: http('b') },
  ]);

  assert.deepEqual(
    told.map(({ rule, kind }) => [rule, kind]),
    [['narrow', 'shadowed']],
  );
  assert.match(told[0]!.says, /covered by rule 'wide' of the same target/);
  assert.deepEqual(apart, []);
});

test('lint: absence in a list of objects is no reason to call a rule covered', () => {
  // items: [{a: 1}, {b: 1}] matches the first rule, in whose chosen element b is absent, and not the second.
  const narrow = { data: { items: { a: [1], b: [{ exists: false }] } } };
  const wide = { data: { items: { b: [{ exists: false }] } } };

  assert.deepEqual(lint({ narrow, wide }), []);
});

const schema: JsonSchema = {
  type: 'object',
  properties: {
    state: { type: 'string' },
    count: { type: 'integer' },
    size: { type: ['number', 'null'] },
    owner: { type: 'object', properties: { login: { type: 'string' } } },
    labels: { type: 'array', items: { type: 'object', properties: { name: { type: 'string' } } } },
    open: {},
  },
};

const bySchema: readonly (readonly [what: string, data: unknown, found: readonly string[]])[] = [
  ['a numeric test of a string', { state: [{ numeric: ['>', 5] }, 'x'] }, ['warning type-mismatch when.data.state[0]']],
  ['a text for a number', { count: ['5', 6] }, ['warning type-mismatch when.data.count[0]']],
  ['a fraction of an integer', { count: [1.5, 6] }, ['warning never-matches when.data.count[0]']],
  ['a field of listed objects', { labels: { name: [5, 'bug'] } }, ['warning type-mismatch when.data.labels.name[0]']],
  ['a leaf where an object is', { owner: ['ada', { exists: false }] }, ['warning never-matches when.data.owner[0]']],
  ['a null where one may be', { size: [null, 5] }, []],
  ['a field the schema does not know', { other: [{ numeric: ['>', 5] }] }, []],
  ['a field the schema leaves open', { open: [{ numeric: ['>', 5] }, 'x'] }, []],
  ['fields below what the schema leaves open', { open: { x: [5] } }, []],
];

for (const [what, data, found] of bySchema) {
  test(`lint: by a schema of the data, ${what} is ${found.length === 0 ? 'fine' : 'told'}`, () => {
    assert.deepEqual(lint({ r: { ...t, data } }, log, schema).map(brief), found);
  });
}

test('lint: findings stand in the order of the rules, and rules that are no patterns are passed over', () => {
  const rules = [
    { name: 'cesql', when: { kind: 'cesql' }, to: log },
    { name: 'a', when: patternOf({ type: ['x', 'x'] }), to: log },
    { name: 'b', when: patternOf({ type: [5] }), to: log },
    { name: 'c', when: patternOf({ type: ['x'] }), to: log },
  ];

  assert.deepEqual(
    lintRules(rules).map(({ rule, kind }) => [rule, kind]),
    [
      ['a', 'shadowed'],
      ['b', 'never-matches'],
      ['b', 'type-mismatch'],
      ['c', 'duplicate'],
    ],
  );
});

test('lint: thousands of rules are compared by their exact values', () => {
  const rules = Array.from({ length: 5_000 }, (_, i) => ({
    name: `r${i}`,
    when: patternOf({ type: [`type.${i % 4_999}`], data: { tenant: [`t${i % 7}`] } }),
    to: log,
  }));
  const twins = [...rules, { ...rules[17]!, name: 'twin' }];

  const findings = lintRules(twins);

  assert.deepEqual(
    findings.map(({ rule, kind }) => [rule, kind]),
    [['twin', 'duplicate']],
  );
});

test('lint: rules that are too many to compare are said not to be compared', () => {
  const rules = Array.from({ length: 2_000 }, (_, i) => ({
    name: `r${i}`,
    when: patternOf({ data: { n: [{ numeric: ['>', i, '<', i + 1] }] } }),
    to: log,
  }));

  const findings = lintRules(rules);

  assert.deepEqual(
    findings.map(({ kind }) => kind),
    ['not-compared'],
  );
});
