// Rule tests under node:test, so that they run with everything else that a project tests. The same tests run by
// `busway test`, which reads the list instead: a file that does both calls testRules only where it is started itself,
// `if (import.meta.main) testRules(router, tests)`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buses, stores } from '../adapters/registry.ts';
import { sources } from '../functions/sources/registry.ts';
import { targets } from '../functions/targets/registry.ts';
import type { Problem } from '../router/config.ts';
import { checkDocument } from '../router/document.ts';
import { RouterError } from '../router/errors.ts';
import { type RuleTest, readRuleTests } from '../router/rule-test.ts';
import { failureText, runRuleTests } from '../router/run-rule-tests.ts';
import type { RouterInput, RuleTestInput } from './define.ts';

function readTests(input: unknown, names: readonly string[]): readonly RuleTest[] {
  const problems: Problem[] = [];
  const tests = readRuleTests(input, { path: 'tests', names, problems });
  if (problems.length === 0) return tests;
  const lines = problems.map(({ path, says }) => `${path}: ${says}`);
  throw new RouterError('DOCUMENT_INVALID', `the rule tests have mistakes\n  ${lines.join('\n  ')}`, { problems });
}

/**
 * Registers one node:test test for each rule test: those given, and those of the document's own `tests`. A failure says
 * which rules were expected, which matched, and why the others did not. Throws DOCUMENT_INVALID for a document or a list
 * with mistakes, and where there is nothing to test, since such a run would pass.
 */
export function testRules(document: RouterInput, tests: readonly RuleTestInput[] = []): void {
  const checked = checkDocument(document, { buses, stores, sources, targets });
  const names = checked.rules.map(({ name }) => name);
  const all = [...checked.tests, ...readTests(tests, names)];
  if (all.length === 0) {
    throw new RouterError(
      'DOCUMENT_INVALID',
      'there are no rule tests; give testRules a list of { name, event, rules }',
    );
  }
  for (const one of all) {
    test(`rules: ${one.name}`, () => {
      const [result] = runRuleTests([one], checked.rules);
      assert.ok(result!.ok, failureText(result!));
    });
  }
}
