// A plan that comes from a file is checked before it is believed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isPlanLike, type Plan, readPlan, rulesOf } from '../../../infra/plan/plan-file.ts';
import { RouterError } from '../../../router/errors.ts';
import { documentOf, planned } from './scene.ts';

const {
  survey: _survey,
  rules: _rules,
  ...report
} = await planned(
  documentOf('eventbridge', [
    { name: 'pattern', when: { type: ['a'] } },
    { name: 'text', when: "type = 'a'" },
  ]),
);
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const refuses = (value: unknown, says: RegExp): void =>
  assert.throws(
    () => readPlan(value, 'old.json'),
    (thrown) => thrown instanceof RouterError && thrown.code === 'CONFIG_INVALID' && says.test(thrown.message),
  );

test('plan file: a plan and a whole report are read, a router document is neither', () => {
  assert.deepEqual(readPlan(plain(report.plan), 'old.json'), plain(report.plan));
  assert.deepEqual(readPlan(plain(report), 'old.json'), plain(report.plan));
  assert.ok(isPlanLike(plain(report)) && isPlanLike(plain(report.plan)));
  assert.ok(!isPlanLike({ bus: 'embedded', rules: [] }));
});

test('plan file: another format is refused with what to do', () => {
  refuses(
    { ...report.plan, format: 'busway-plan/0' },
    /old\.json: is no plan of the format busway-plan\/1; write one by/,
  );
});

test('plan file: a plan with any part of another shape is refused, and never breaks what reads it', () => {
  const paths = (value: unknown, at: readonly string[] = []): (readonly string[])[] =>
    typeof value !== 'object' || value === null
      ? [at]
      : [at, ...Object.entries(value).flatMap(([key, below]) => paths(below, [...at, key]))];
  // Rules' filters and settings are shown, never run.
  const shown = /^(?:document|rules\.\d+\.(?:when|native|residual|retry|hash|kind)|bus\.hash|oversize)/;
  const places = paths(report.plan).filter((at) => at.length > 0 && !shown.test(at.join('.')));
  fc.assert(
    fc.property(fc.constantFrom(...places), fc.constantFrom<unknown>(7, false, [[]], [7]), (at, wrong) => {
      const broken = plain(report.plan) as Record<string, unknown>;
      let parent = broken;
      for (const key of at.slice(0, -1)) parent = parent[key] as Record<string, unknown>;
      parent[at.at(-1)!] = wrong;
      refuses(broken, /is no plan/);
    }),
    { numRuns: 300 },
  );
});

test('plan file: a condition that cannot be read is named with its place', () => {
  const [pattern, text] = report.plan.rules;
  const plan: Plan = {
    ...report.plan,
    rules: [
      { ...pattern!, when: { type: [{ prefx: 'a' }] } },
      { ...text!, when: 'type =' },
    ],
  };

  assert.throws(
    () => rulesOf(plan, 'old.json'),
    (thrown) =>
      thrown instanceof RouterError &&
      thrown.code === 'CONFIG_INVALID' &&
      /old\.json: the plan has mistakes\n {2}rules\[0\]\.when\.type\[0\].*\n {2}rules\[1\]\.when/.test(thrown.message),
  );
});
