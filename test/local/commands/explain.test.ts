// busway explain and match --explain as a user runs them: texts, lines for machines, exit codes, wrong use.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Cli, cliScene } from '../../harness/cli.ts';

const document = {
  rules: [
    { name: 'far', when: { type: ['com.shop.refund'], source: ['/other'] }, to: { log: {} } },
    {
      name: 'big-orders',
      when: { type: ['com.shop.order'], data: { total: [{ numeric: ['>', 100] }] } },
      to: { log: {} },
    },
    { name: 'all-orders', when: { type: ['com.shop.order'] }, to: { log: {} } },
  ],
};

const order = (total: unknown, type = 'com.shop.order'): object => ({
  specversion: '1.0',
  id: 'e-1',
  source: '/shop',
  type,
  data: { total },
});

const missed = [
  "rule 'big-orders' does not match at data.total",
  '  wants  a number > 100',
  '  has    "250"',
  '  near   is text, and numeric takes only a number; send 250 instead',
].join('\n');

function scene(cli: Cli): Cli {
  cli.write('router.json', document);
  cli.write('text.json', order('250'));
  cli.write('big.json', order(250));
  cli.write('none.json', order(1, 'com.shop.ordre'));
  return cli;
}

test('explain: says why a rule does not match and which rules do; the exit code tells', async (t) => {
  const { run } = scene(cliScene(t));
  const at = ['explain', '--config', 'router.json', '--rule', 'big-orders', '--event'];

  const [text, stdin, big, none] = await Promise.all([
    run([...at, 'text.json']),
    run([...at, '-'], `${JSON.stringify(order('250'), null, 2)}\n`),
    run([...at, 'big.json']),
    run([...at, 'none.json']),
  ]);

  assert.deepEqual([text.code, text.out, text.err], [1, `${missed}\nrules that match: all-orders\n`, '']);
  assert.deepEqual(stdin, text);
  assert.deepEqual([big.code, big.out], [0, "rule 'big-orders' matches\n"]);
  assert.equal(none.code, 1);
  assert.match(
    none.out,
    /at type\n.*\n.*\n {2}near {3}is one letter away .*\n {2}also {3}data\.total\nno other rule matches\n$/,
  );
});

test('explain: without --rule it tells of every rule, those that match first, then the nearest', async (t) => {
  const { run } = scene(cliScene(t));

  const [some, none] = await Promise.all([
    run(['explain', '--config', 'router.json', '--event', 'text.json']),
    run(['explain', '--config', 'router.json', '--event', 'none.json']),
  ]);

  assert.equal(some.code, 0, some.err);
  assert.ok(some.out.startsWith(`rule 'all-orders' matches\n${missed}\nrule 'far' does not match at type\n`), some.out);
  assert.equal(none.code, 1);
  assert.deepEqual(none.out.match(/^rule '.*?'/gm), ["rule 'all-orders'", "rule 'big-orders'", "rule 'far'"]);
});

test('explain: --json gives the explanation as one object a line', async (t) => {
  const { run } = scene(cliScene(t));
  const at = ['explain', '--config', 'router.json', '--json', '--event'];

  const [one, match, all] = await Promise.all([
    run([...at, 'text.json', '--rule', 'big-orders']),
    run([...at, 'big.json', '--rule', 'big-orders']),
    run([...at, 'text.json']),
  ]);

  const clause = {
    path: 'data.total',
    wants: 'a number > 100',
    has: '"250"',
    near: 'is text, and numeric takes only a number; send 250 instead',
  };
  const rest = { also: [], holds: 1, of: 2, alternatives: 1 };
  assert.deepEqual(JSON.parse(one.out), {
    rule: 'big-orders',
    matched: false,
    clause,
    ...rest,
    matching: ['all-orders'],
  });
  assert.deepEqual(JSON.parse(match.out), { rule: 'big-orders', matched: true });
  const lines = all.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { rule: string; score: number });
  assert.deepEqual(lines[0], { rule: 'all-orders', score: 1, matched: true });
  assert.deepEqual(lines[1], { rule: 'big-orders', score: 0.95, matched: false, clause, ...rest });
  assert.equal(lines.length, 3);
});

test('explain: an unknown rule, no event, an unreadable one and what is no event are wrong use', async (t) => {
  const { run, write } = scene(cliScene(t));
  write('broken.json', '{"specversion":');
  write('plain.json', { total: 5 });
  const at = ['explain', '--config', 'router.json'];

  const results = await Promise.all([
    run([...at, '--rule', 'big-order', '--event', 'text.json']),
    run([...at, '--rule', 'big-orders']),
    run([...at, '--event', 'nowhere.json']),
    run([...at, '--event', 'broken.json']),
    run([...at, '--event', 'plain.json']),
    run(['explain', 'text.json']),
  ]);

  assert.deepEqual(
    results.map(({ code, out }) => [code, out]),
    results.map(() => [2, '']),
  );
  const due = [
    /unknown rule 'big-order'; did you mean 'big-orders'\?/,
    /name an event with --event FILE/,
    /--event nowhere\.json cannot be read/,
    /broken\.json is not one CloudEvent as JSON: .* 15 bytes do not parse/,
    /plain\.json is not one CloudEvent as JSON: .*specversion/,
    /one word too many/,
  ];
  for (const [i, says] of due.entries()) assert.match(results[i]!.err, says);
});

test('match --explain: an event that no rule takes gets its nearest rules, others the line they have without it', async (t) => {
  const { run } = scene(cliScene(t));
  const input = [order(1, 'com.shop.ordre'), order(250), { no: 'event' }]
    .map((event) => JSON.stringify(event))
    .join('\n');

  const [plain, explained] = await Promise.all([
    run(['match', '--config', 'router.json'], input),
    run(['match', '--config', 'router.json', '--explain'], input),
  ]);

  const [first, ...others] = explained.out.split('\n');
  const { nearest, ...rest } = JSON.parse(first!) as { nearest: readonly { rule: string; text: string }[] };
  assert.deepEqual(rest, { id: 'e-1', rules: [] });
  assert.deepEqual(
    nearest.map(({ rule }) => rule),
    ['all-orders', 'big-orders', 'far'],
  );
  assert.match(nearest[0]!.text, /^rule 'all-orders' does not match at type\n {2}wants {2}"com\.shop\.order"\n/);
  assert.deepEqual(others, plain.out.split('\n').slice(1));
  assert.deepEqual([plain.code, explained.code], [1, 1]);
});
