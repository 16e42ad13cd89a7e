// The table of docs/rules.md, section "Lint", is what lint says.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { findingText } from '../../../router/lint/finding.ts';
import { lintRules } from '../../../router/lint/rules.ts';
import { readPatternText } from '../../../router/pattern-text.ts';

const page = readFileSync(new URL('../../../docs/rules.md', import.meta.url), 'utf8');
const section = page.slice(page.indexOf('\n## Lint\n'), page.indexOf('\n## Test your rules\n'));
const rows = [...section.matchAll(/^\| `(\{.*?\})` \| ([a-z, -]+) \|/gm)];

test('docs: the table of lint was found', () => {
  assert.equal(rows.length, 12);
});

for (const [, text = '', kinds = ''] of rows) {
  test(`docs: lint tells ${text} as ${kinds}`, () => {
    const findings = lintRules([
      { name: 'r', when: readPatternText(text, 'strict'), to: { kind: 'log', options: {} } },
    ]);

    assert.deepEqual(findings.map(({ kind }) => kind).join(', '), kinds, findings.map(findingText).join('\n'));
  });
}

test('lint: a finding is one line, whatever the names of the fields hold', () => {
  const when = readPatternText('{"data":{"a\\nb\\u2028c":["x","x"]},"ty\\npe":["x"]}', 'strict');

  const texts = lintRules([{ name: 'r', when, to: { kind: 'log', options: {} } }]).map(findingText);

  assert.equal(texts.length, 2);
  for (const text of texts) assert.doesNotMatch(text, /[\n\u2028]/);
});
