// Every control of the threat model names the tests that prove it, and those tests are there.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '..');

interface Named {
  readonly row: string;
  readonly file: string;
  readonly title: string;
}

/** The last cell of each row: `file`: title · `file`: title */
function namedTests(text: string): readonly Named[] {
  const rows = text.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| threat'));
  return rows.flatMap((line) => {
    const [row = '', , proof = ''] = line.slice(2, -2).split(' | ');
    return proof.split(' · ').map((item) => {
      const [, file = '', title = ''] = /^`([^`]+)`: (.+)$/.exec(item) ?? [];
      return { row, file, title };
    });
  });
}

/** What the file's string literals say; titles of tests and of laws are among them. */
function literalsOf(source: string): readonly string[] {
  return [...source.matchAll(/(['"`])((?:\\.|(?!\1)[^\\\n])*)\1/g)].map((match) => match[2]!);
}

test('threat model: every row names a test, and a test of that name is in that file', async () => {
  const named = namedTests(await readFile(join(root, 'docs/threat-model.md'), 'utf8'));
  const missing: string[] = [];
  for (const { row, file, title } of named) {
    const source = file === '' ? '' : await readFile(join(root, file), 'utf8').catch(() => '');
    if (title.length < 6 || !literalsOf(source).some((text) => text.includes(title)))
      missing.push(`${row} → ${file}: ${title}`);
  }

  assert.ok(named.length > 20, 'the table was read');
  assert.deepEqual(missing, []);
});
