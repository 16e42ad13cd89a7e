// The types of a router document know every operator: what is written here passes the compiler and the check, and what
// the check refuses the compiler refuses too (each @ts-expect-error is held by `npm run check`).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buses, stores } from '../../adapters/registry.ts';
import { defineRouter, defineRuleTests, type PatternInput, type RouterInput, type Test } from '../../infra/define.ts';
import type { Problem } from '../../router/config.ts';
import { checkDocument } from '../../router/document.ts';
import { parsePattern } from '../../router/read-pattern.ts';

const alternatives: readonly Test[] = [
  'text',
  5,
  true,
  null,
  { prefix: 'a' },
  { suffix: 'a' },
  { prefix: { 'equals-ignore-case': 'a' } },
  { suffix: { 'equals-ignore-case': 'a' } },
  { 'equals-ignore-case': 'a' },
  { wildcard: 'a*b' },
  { numeric: ['=', 5] },
  { numeric: ['>', 0, '<=', 5] },
  { cidr: '10.0.0.0/24' },
  { exists: false },
  { 'anything-but': 'a' },
  { 'anything-but': 5 },
  { 'anything-but': ['a', 'b'] },
  { 'anything-but': [5, 6] },
  { 'anything-but': { prefix: 'a' } },
  { 'anything-but': { suffix: ['a', 'b'] } },
  { 'anything-but': { 'equals-ignore-case': ['a', 'b'] } },
  { 'anything-but': { wildcard: ['a*', 'b*'] } },
];

for (const alternative of alternatives) {
  test(`define: ${JSON.stringify(alternative)} is an alternative for the compiler and for the check`, () => {
    const problems: Problem[] = [];
    const when: PatternInput = { type: ['t'], data: { field: [alternative] } };

    assert.ok(parsePattern(when, 'when', problems) !== undefined, JSON.stringify(problems));
  });
}

const refused: readonly (readonly [says: string, input: unknown])[] = [
  // @ts-expect-error: an operator that is unknown
  ['unknown', { regex: 'a' } satisfies Test],
  // @ts-expect-error: an operator that only the library knows
  ['library', { exactly: 'a' } satisfies Test],
  // @ts-expect-error: prefix folds by equals-ignore-case only
  ['fold', { prefix: { prefix: 'a' } } satisfies Test],
  // @ts-expect-error: anything-but takes strings or numbers, not both
  ['mixed', { 'anything-but': ['a', 5] } satisfies Test],
  // @ts-expect-error: prefix below anything-but has no fold
  ['fold below', { 'anything-but': { prefix: { 'equals-ignore-case': 'a' } } } satisfies Test],
  // @ts-expect-error: a comparison that is none
  ['comparison', { numeric: ['=>', 5] } satisfies Test],
];

for (const [says, alternative] of refused) {
  test(`define: what the compiler refuses the check refuses: ${says}`, () => {
    const problems: Problem[] = [];

    assert.equal(parsePattern({ data: { field: [alternative] } }, 'when', problems), undefined);
    assert.equal(problems.length, 1);
  });
}

test('define: a document and a list of rule tests come back as they were written', () => {
  const tests = defineRuleTests([
    {
      name: 'one',
      event: { specversion: '1.0', id: '1', source: '/s', type: 't', partitionkey: 'k', data: { a: [1] } },
      rules: ['cesql', 'pattern'],
    },
  ]);
  const document: RouterInput = {
    rules: [
      { name: 'cesql', when: "type LIKE 'com.%'", to: { log: {} } },
      { name: 'pattern', when: { $or: [{ type: ['a'] }, { data: { b: [{ exists: true }] } }] }, to: { log: {} } },
    ],
    tests,
  };

  assert.equal(defineRouter(document), document);
  assert.equal(defineRuleTests(tests), tests);
});

const oversized: readonly RouterInput[] = [
  { oversize: { store: { folder: 'large' } } },
  { oversize: { store: { s3: { bucket: 'data', prefix: 'large/', region: 'eu-west-1' } } } },
  // @ts-expect-error: no store of that kind
  { oversize: { store: { disk: 'large' } } },
  // @ts-expect-error: a bucket is needed
  { oversize: { store: { s3: { prefix: 'large/' } } } },
];

test('define: stores of oversized data are known to the compiler and to the check alike', () => {
  const known = { buses, stores, sources: {}, targets: {} };
  const taken = oversized.map((document) => {
    try {
      return checkDocument(document, known).oversize !== undefined;
    } catch {
      return false;
    }
  });
  assert.deepEqual(taken, [true, true, false, false]);
});
