// Reading patterns: what is understood, and that everything else is refused with its path and the nearest known word.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Problem } from '../../router/config.ts';
import { parsePattern } from '../../router/read-pattern.ts';

function problemsOf(input: unknown): readonly Problem[] {
  const problems: Problem[] = [];
  const pattern = parsePattern(input, 'when', problems);
  assert.equal(pattern === undefined, problems.length > 0, 'a pattern or a problem, never both or neither');
  return problems;
}

const refused: readonly (readonly [what: string, input: unknown, path: string, says: RegExp])[] = [
  ['no object', 'x', 'when', /must be an object of fields, found "x"/],
  ['null', null, 'when', /found null/],
  ['a list', [], 'when', /found a list of 0/],
  ['no field', {}, 'when', /at least one field/],
  ['a nested object without a field', { data: {} }, 'when.data', /at least one field/],
  ['a bare value', { type: 'x' }, 'when.type', /write \["x"\]/],
  ['an empty list', { type: [] }, 'when.type', /at least one alternative/],
  ['a list in a list', { type: [['x']] }, 'when.type[0]', /must be a value or one operator/],
  [
    'an unknown operator',
    { type: [{ prefixx: 'a' }] },
    'when.type[0]',
    /unknown operator 'prefixx'; did you mean 'prefix'/,
  ],
  ['two operators', { type: [{ prefix: 'a', suffix: 'b' }] }, 'when.type[0]', /one operator, found 2/],
  ['no operator', { type: ['x', {}] }, 'when.type[1]', /one operator, found 0/],
  ['a prefix that is no text', { type: [{ prefix: 1 }] }, 'when.type[0].prefix', /must be a string, found 1/],
  ['exists that is no boolean', { type: [{ exists: 'yes' }] }, 'when.type[0].exists', /true or false/],
  ['numeric without a list', { n: [{ numeric: 1 }] }, 'when.n[0].numeric', /must be \[op, number\]/],
  ['an unknown comparison', { n: [{ numeric: ['=>', 1] }] }, 'when.n[0].numeric[0]', /one of = < <= > >=/],
  ['a bound that is no number', { n: [{ numeric: ['>', '1'] }] }, 'when.n[0].numeric[1]', /must be a number/],
  ['bounds the wrong way round', { n: [{ numeric: ['<', 1, '>', 0] }] }, 'when.n[0].numeric', /must be \[op, number\]/],
  ['an empty range', { n: [{ numeric: ['>', 5, '<', 5] }] }, 'when.n[0].numeric', /lower bound 5 must be below/],
  [
    'anything-but nothing',
    { n: [{ 'anything-but': [] }] },
    'when.n[0].anything-but',
    /list of only strings or only numbers/,
  ],
  [
    'anything-but a mix',
    { n: [{ 'anything-but': ['a', 1] }] },
    'when.n[0].anything-but',
    /only strings or only numbers/,
  ],
  [
    'anything-but an unknown operator',
    { n: [{ 'anything-but': { sufix: 'a' } }] },
    'when.n[0].anything-but',
    /'suffix'/,
  ],
  [
    'anything-but an empty prefix',
    { n: [{ 'anything-but': { prefix: '' } }] },
    'when.n[0].anything-but.prefix',
    /non-empty/,
  ],
  ['$or that is no list', { $or: {} }, 'when.$or', /list of at least two patterns/],
  ['$or of one', { $or: [{ type: ['a'] }] }, 'when.$or', /at least two/],
  ['a mistake in $or', { $or: [{ type: ['a'] }, { type: 'b' }] }, 'when.$or[1].type', /write \["b"\]/],
  ['not a number', { n: [Number.NaN] }, 'when.n[0]', /must be a value/],
];

for (const [what, input, path, says] of refused) {
  test(`pattern: ${what} is refused with its path`, () => {
    const [problem, ...more] = problemsOf(input);
    assert.equal(problem?.path, path);
    assert.match(problem.says, says);
    assert.deepEqual(more, []);
  });
}

test('pattern: all mistakes are reported at once', () => {
  const paths = problemsOf({ type: 'x', data: { a: [], b: [{ sufix: 'y' }, { exists: 1 }] } }).map(({ path }) => path);
  assert.deepEqual(paths, ['when.type', 'when.data.a', 'when.data.b[0]', 'when.data.b[1].exists']);
});

test('pattern: every operator is read', () => {
  const all = [
    'a',
    1,
    true,
    null,
    { prefix: 'a' },
    { suffix: '' },
    { exists: false },
    { numeric: ['>=', 1, '<', 2] },
    { 'anything-but': 'a' },
    { 'anything-but': [1, 2] },
    { 'anything-but': { prefix: ['a', 'b'] } },
  ];
  assert.deepEqual(problemsOf({ any: all, $or: [{ a: ['x'] }, { b: ['y'], c: { d: ['z'] } }] }), []);
});

test('pattern: a name such as __proto__ is a field like any other', () => {
  const problems: Problem[] = [];
  const pattern = parsePattern(JSON.parse('{"__proto__":["x"],"constructor":["y"]}'), 'when', problems);
  assert.deepEqual(
    pattern?.entries.map((entry) => entry.kind === 'field' && entry.name),
    ['__proto__', 'constructor'],
  );
});

test('pattern: endless nesting and a cycle are refused, not a crash', () => {
  let deep: unknown = ['x'];
  for (let i = 0; i < 100_000; i++) deep = { a: deep };
  const cycle: Record<string, unknown> = {};
  cycle['a'] = cycle;

  for (const input of [deep, cycle]) assert.match(problemsOf(input)[0]!.says, /nested deeper/);
});

test('pattern: whatever it is given, it answers with a pattern or with problems', () => {
  const word = fc.constantFrom('prefix', 'suffix', 'anything-but', 'numeric', 'exists', '$or', 'a', '>', '=');
  const { any } = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      fc.oneof(word, fc.double(), fc.integer(), fc.boolean(), fc.constant(null), fc.constant(undefined)),
      fc.array(tie('any'), { maxLength: 4 }),
      fc.dictionary(word, tie('any'), { maxKeys: 3 }),
    ),
  }));
  fc.assert(
    fc.property(any, (input) => {
      for (const { path, says } of problemsOf(input)) assert.ok(path.startsWith('when') && says.length > 0);
    }),
    { numRuns: 2_000 },
  );
});
