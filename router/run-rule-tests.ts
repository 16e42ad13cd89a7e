// Runs rule tests with the matcher that routes, and explains each rule that was expected and does not match.

import { indexRules } from './condition.ts';
import { eventTree } from './explain/event-tree.ts';
import { explain, explanationText } from './explain.ts';
import type { Rule } from './rule.ts';
import type { RuleTest } from './rule-test.ts';

export interface RuleTestResult {
  readonly name: string;
  readonly ok: boolean;
  readonly expected: readonly string[];
  /** In the order of the document. */
  readonly matched: readonly string[];
  readonly unexpected: readonly string[];
  /** Expected and not matched, each with the text of `busway explain`. */
  readonly missing: readonly { readonly rule: string; readonly text: string }[];
}

type TestedRule = Pick<Rule, 'name' | 'when'>;

/** One result for each test, in order. */
export function runRuleTests(tests: readonly RuleTest[], rules: readonly TestedRule[]): readonly RuleTestResult[] {
  const match = indexRules(rules);
  return tests.map(({ name, event, rules: expected }) => {
    const matched = match(event);
    const unexpected = matched.filter((rule) => !expected.includes(rule));
    const missing = rules
      .filter((rule) => expected.includes(rule.name) && !matched.includes(rule.name))
      .map(({ name, when }) => ({ rule: name, text: explanationText(name, explain(when, eventTree(event))) }));
    return { name, ok: unexpected.length + missing.length === 0, expected, matched, unexpected, missing };
  });
}

function namesText(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}

/** What a person needs to mend it, in lines: expected, matched, and why not. */
export function failureText({ expected, matched, missing }: RuleTestResult): string {
  const lines = [`expected rules: ${namesText(expected)}`, `matched rules: ${namesText(matched)}`];
  return [...lines, ...missing.map(({ text }) => text)].join('\n');
}
