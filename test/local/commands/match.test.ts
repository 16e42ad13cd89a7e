// busway match --cases as a user runs it: the published vectors piped in as they are, broken lines, wrong use; and match
// over a document that holds CESQL beside patterns.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { cliScene } from '../../harness/cli.ts';

const file = new URL('../../fixtures/pattern-vectors/pattern-vectors.jsonl.gz', import.meta.url);

interface Answer {
  readonly verdict: string;
  readonly reason?: string;
}

function linesOf<T>(text: string): readonly T[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

test('match --cases: the vectors get their verdicts, each refusal with a reason', async (t) => {
  const { run } = cliScene(t);
  const vectors = gunzipSync(readFileSync(file)).toString('utf8');
  const { code, out } = await run(['match', '--cases'], vectors);
  const answers = linesOf<Answer>(out);

  assert.equal(code, 0);
  const wrong = linesOf<{ id: string; v: string; rec?: string }>(vectors).filter(({ v, rec }, i) => {
    const { verdict, reason } = answers[i]!;
    return (verdict !== v && verdict !== rec) || (verdict.endsWith('match') ? reason !== undefined : !reason);
  });
  assert.deepEqual(wrong, []);
  assert.equal(answers.length, 6352);
});

test('match --cases: a line that is no case is told by its number, and the others are judged', async (t) => {
  const { run } = cliScene(t);
  const good = JSON.stringify({ pattern: '{"a":[1]}', event: '{"a":1.0}', note: 'ignored' });
  const { code, out } = await run(['match', '--cases'], `${good}\nnot json\n{"p":{"a":[1]},"e":"{}"}\n${good}\n`);
  const answers = linesOf<Answer>(out);

  assert.equal(code, 1);
  assert.deepEqual(
    answers.map(({ verdict }) => verdict),
    ['match', 'invalid', 'invalid', 'match'],
  );
  assert.match(answers[1]!.reason!, /^line 2: the line is not JSON/);
  assert.match(answers[2]!.reason!, /^line 3: .*both JSON texts/);
});

test('match --cases: goes without a document', async (t) => {
  const { run } = cliScene(t);
  const { code, err } = await run(['match', '--cases', '--explain'], '');

  assert.equal(code, 2);
  assert.match(err, /--cases goes without --explain/);
});

test('match: CESQL and patterns answer together, and a CESQL rule is explained too', async (t) => {
  const { run, write } = cliScene(t);
  write('router.json', {
    rules: [
      { name: 'sql', when: "type = 'a' AND subject LIKE 'order-%'", to: { log: {} } },
      { name: 'pattern', when: { type: ['a'] }, to: { log: {} } },
    ],
  });
  const event = { specversion: '1.0', id: '1', source: '/s', type: 'a', subject: 'order-7' };
  const missed = { ...event, type: 'b', subject: 'x' };
  const all = await run(['match', '--config', 'router.json'], JSON.stringify(event));
  const none = await run(['match', '--config', 'router.json', '--explain'], JSON.stringify(missed));

  assert.deepEqual(JSON.parse(all.out), { id: '1', rules: ['sql', 'pattern'] });
  const { nearest } = JSON.parse(none.out) as { nearest: { rule: string; text: string }[] };
  const sql = nearest.find(({ rule }) => rule === 'sql');
  assert.equal(
    sql?.text,
    [
      "rule 'sql' does not match at when",
      "  wants  type = 'a'",
      '  has    type "b"',
      `  also   "subject LIKE 'order-%'"`,
    ].join('\n'),
  );
});
