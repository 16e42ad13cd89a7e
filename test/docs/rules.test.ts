// docs/rules.md says only what is so: each of its near misses is run as written, and busway explain prints what stands
// there.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { cliScene } from '../harness/cli.ts';

interface Example {
  readonly when: unknown;
  readonly event: object;
  readonly text: string;
}

const page = readFileSync(new URL('../../docs/rules.md', import.meta.url), 'utf8');
const section = page.slice(page.indexOf('\n## Why did it not match\n'));
const examples = Array.from(
  section.matchAll(/```\nwhen {3}(.*)\nevent {2}(.*)\n\n([\s\S]*?)```/g),
  (found): Example => {
    const [, when, event, text] = found;
    return { when: JSON.parse(when!), event: JSON.parse(event!) as object, text: text! };
  },
);

test('rules.md: busway explain prints what stands below each of ten near misses', async (t) => {
  const { run, write } = cliScene(t);
  assert.equal(examples.length, 10);

  for (const [i, { when, event }] of examples.entries()) {
    write(`router-${i}.json`, { rules: [{ name: 'example', when, to: { log: {} } }] });
    write(`event-${i}.json`, { specversion: '1.0', id: '1', source: '/docs', ...event });
  }
  const args = (i: number): string[] => [
    '--config',
    `router-${i}.json`,
    '--rule',
    'example',
    '--event',
    `event-${i}.json`,
  ];
  const results = await Promise.all(examples.map((_, i) => run(['explain', ...args(i)])));

  for (const [i, { text }] of examples.entries()) {
    const { code, out, err } = results[i]!;
    assert.deepEqual([code, err], [1, '']);
    assert.equal(out, `${text}no other rule matches\n`);
    assert.match(text, /\n {2}near {3}\S/, 'each example has something to act on');
  }
});
