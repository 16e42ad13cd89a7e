// busway test as a user runs it: findings of lint and rule tests, what a failure says, and the exit code. And what dev
// says of the same document when it starts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cliScene } from '../../harness/cli.ts';

const event = { specversion: '1.0', id: '1', source: '/s', type: 'com.github.push', data: { ref: 'Main' } };
const pushes = { name: 'pushes', when: { type: ['com.github.push'] }, to: { log: {} } };
const main = { name: 'main', when: { data: { ref: ['main'] } }, to: { log: {} } };
const config = ['--config', 'router.json'];

test('test: rules whose tests pass and that lint has nothing against give 0', async (t) => {
  const { write, run } = cliScene(t);
  write('router.json', { rules: [pushes, main], tests: [{ name: 'a push', event, rules: ['pushes'] }] });

  const { code, out, err } = await run(['test', ...config]);

  assert.deepEqual([code, err], [0, '']);
  assert.equal(
    out,
    'ok    a push\ncomplexity: 2 rules, 2 alternatives, 2 fields, no wildcards\n' +
      '1 rule test: 1 passed, 0 failed; lint: 0 errors, 0 warnings, 0 notes\n',
  );
});

test('test: a test that fails says what was expected, what matched and why, and gives 1', async (t) => {
  const { write, run } = cliScene(t);
  write('router.json', { rules: [pushes, main], tests: [{ name: 'on main', event, rules: ['main'] }] });

  const { code, out } = await run(['test', ...config]);

  assert.equal(code, 1);
  assert.match(out, /^FAIL {2}on main \(router\.json\)\n {6}expected rules: main\n {6}matched rules: pushes\n/);
  assert.match(out, /\n {6}rule 'main' does not match at data\.ref\n/);
  assert.match(out, /\n1 rule test: 0 passed, 1 failed; /);
});

test('test: a lint error gives 1, a warning is told and passes', async (t) => {
  const { write, run } = cliScene(t);
  write('warned.json', { rules: [{ ...pushes, when: { type: ['t', 't'] } }] });
  write('wrong.json', { rules: [{ ...pushes, when: { Type: ['t'] } }] });

  const [warned, wrong] = await Promise.all([
    run(['test', '--config', 'warned.json']),
    run(['test', '--config', 'wrong.json']),
  ]);

  assert.equal(warned.code, 0);
  assert.match(warned.out, /^warning: rule 'pushes': when\.type\[1\] "t" is in the list twice; /);
  assert.match(warned.err, /there are no rule tests yet/);
  assert.equal(wrong.code, 1);
  assert.match(wrong.out, /^error: rule 'pushes': when never matches: .*did you mean 'type'\?/);
});

test('test: lists in *.rules.test.ts files beside the document run too', async (t) => {
  const { write, run } = cliScene(t);
  write('router.json', { rules: [pushes], tests: [{ name: 'own', event, rules: ['pushes'] }] });
  write(
    'b.rules.test.ts',
    `export default [{ name: 'of b', event: ${JSON.stringify(event)}, rules: [] as string[] }];`,
  );
  write('a.rules.test.ts', `export default [{ name: 'of a', event: ${JSON.stringify(event)}, rules: ['pushes'] }];`);
  write('c.test.ts', `throw new Error('not a list of rule tests');`);

  const { code, out } = await run(['test', ...config]);

  assert.equal(code, 1);
  assert.match(out, /^ok {4}own\nok {4}of a\nFAIL {2}of b \(b\.rules\.test\.ts\)\n/);
});

test('test: mistakes in a list are told with file and path', async (t) => {
  const { write, run } = cliScene(t);
  write('router.json', { rules: [pushes] });
  write('a.rules.test.ts', `export default [{ name: 'x', event: {}, rules: ['pushs'] }];`);

  const wrong = await run(['test', ...config]);
  write('a.rules.test.ts', 'export const tests = [];');
  const none = await run(['test', ...config]);

  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /a\.rules\.test\.ts\[0\]\.event: is no valid CloudEvent/);
  assert.match(wrong.err, /a\.rules\.test\.ts\[0\]\.rules\[0\]: unknown rule 'pushs'; did you mean 'pushes'\?/);
  assert.equal(none.code, 1);
  assert.match(none.err, /a\.rules\.test\.ts: has no default export; write export default defineRuleTests/);
});

test('test: --json gives a line for each finding and each test, and one for the complexity', async (t) => {
  const { write, run } = cliScene(t);
  const rules = [pushes, { ...main, when: { data: { ref: ['main', 'main'] } } }];
  write('router.json', { rules, tests: [{ name: 'on main', event, rules: ['main', 'pushes'] }] });

  const { code, out } = await run(['test', '--json', ...config]);

  const [first, second, third, ...more] = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(code, 1);
  assert.deepEqual(more, []);
  assert.deepEqual(Object.keys(first!), ['finding']);
  const { rule, kind, level, at } = first!['finding'] as Record<string, unknown>;
  assert.deepEqual([rule, kind, level, at], ['main', 'shadowed', 'warning', 'when.data.ref[1]']);
  const { missing, ...told } = second!['test'] as Record<string, unknown>;
  assert.deepEqual(told, {
    name: 'on main',
    file: 'router.json',
    ok: false,
    expected: ['main', 'pushes'],
    matched: ['pushes'],
  });
  assert.match((missing as { text: string }[])[0]!.text, /rule 'main' does not match/);
  assert.deepEqual(third, { complexity: { rules: 2, alternatives: 2, fields: 2, wildcards: [] } });
});

test('test: the complexity of the wildcards is told with its field, and is an error over --max-complexity', async (t) => {
  const { write, run } = cliScene(t);
  const branches = [{ type: ['t'] }, { data: { ref: [{ wildcard: '*/b/*' }] } }];
  write('router.json', {
    rules: [
      { ...pushes, when: { data: { ref: [{ wildcard: 'refs/*a' }] } } },
      { ...main, when: { $or: branches } },
    ],
  });

  const [free, within, over] = await Promise.all(
    [[], ['--max-complexity', '5'], ['--max-complexity=4']].map((option) => run(['test', ...config, ...option])),
  );

  const told = /^complexity: 2 rules, 3 alternatives, 2 fields, wildcard complexity 5 at data\.ref$/m;
  for (const { out } of [free!, within!, over!]) assert.match(out, told);
  assert.deepEqual([free!.code, within!.code, over!.code], [0, 0, 1]);
  assert.match(
    over!.out,
    /^error: rule 'main': when\.\$or\[1\]\.data\.ref has wildcards .* keeps 5 prefixes alive at once, and 4 are allowed: 'main' adds 4, 'pushes' adds 1; /,
  );
  assert.match(over!.out, /\n0 rule tests: 0 passed, 0 failed; lint: 1 error, 0 warnings, 0 notes\n$/);
});

test('test: wrong use gives 2', async (t) => {
  const { run } = cliScene(t);

  const [word, option, many] = await Promise.all([
    run(['test', 'infra/router.ts']),
    run(['test', '--rule', 'x']),
    run(['test', '--max-complexity', 'many']),
  ]);

  assert.deepEqual([word.code, option.code, many.code], [2, 2, 2]);
  assert.match(many.err, /--max-complexity must be an integer from 0 to \d+, found 'many'/);
});

test('dev: what lint warns of is said at start, a line each, and notes are not', async (t) => {
  const { write, dev } = cliScene(t, { BUSWAY_SECRET_EVENTS: 'c4n4ry' });
  write('router.json', {
    sources: { events: { use: 'cloudevents' } },
    rules: [
      { ...pushes, when: { type: ['t', 't'] } },
      { ...main, when: { type: [5] } },
      { name: 'all', when: { id: [{ exists: true }] }, to: { log: {} } },
    ],
  });

  const router = await dev(config);
  const lines = router.err().trimEnd().split('\n');
  const code = await router.stop();

  assert.equal(code, 0);
  assert.match(lines[0]!, /^warning: rule 'pushes': when\.type\[1\] "t" is in the list twice; /);
  assert.match(lines[1]!, /^error: rule 'main': when never matches: /);
  assert.match(lines[2]!, /^warning: rule 'main': when\.type\[0\] never matches, /);
  assert.equal(lines.length, 3, lines.join('\n'));
});
