// Rule tests under node:test, as a project runs them: a folder with a document and its tests, and node --test over it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { testRules } from '../../infra/rule-tests.ts';
import { RouterError } from '../../router/errors.ts';
import { childEnv } from '../harness/env.ts';

const infra = new URL('../../infra/', import.meta.url).href;

const router = `
import { defineRouter } from '${infra}define.ts';
export default defineRouter({
  rules: [
    { name: 'pushes', when: { type: ['com.github.push'], data: { repository: { private: [false] } } }, to: { log: {} } },
    { name: 'all', when: { type: [{ prefix: 'com.' }] }, to: { log: {} } },
  ],
});
`;

function rulesTest(cases: string): string {
  return `
import { defineRuleTests } from '${infra}define.ts';
import { testRules } from '${infra}rule-tests.ts';
import router from './router.ts';
const event = { specversion: '1.0', id: '1', source: '/s', type: 'com.github.push' } as const;
const tests = defineRuleTests([${cases}]);
export default tests;
if (import.meta.main) testRules(router, tests);
`;
}

async function nodeTest(
  t: TestContext,
  cases: string,
): Promise<{ readonly code: number | null; readonly out: string }> {
  const dir = mkdtempSync(join(tmpdir(), 'busway-rule-tests-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(join(dir, 'router.ts'), router);
  writeFileSync(join(dir, 'router.rules.test.ts'), rulesTest(cases));
  const child = spawn(process.execPath, ['--test', '--test-reporter=tap'], {
    cwd: dir,
    env: childEnv({ NODE_TEST_CONTEXT: undefined }),
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [out, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return { code: code as number | null, out };
}

test('rule tests: those that hold pass under node --test, each by its name', async (t) => {
  const { code, out } = await nodeTest(
    t,
    `{ name: 'public', event: { ...event, data: { repository: { private: false } } }, rules: ['all', 'pushes'] },
     { name: 'other', event: { ...event, type: 'org.x' }, rules: [] }`,
  );

  assert.equal(code, 0, out);
  assert.match(out, /^ok 1 - rules: public$/m);
  assert.match(out, /^ok 2 - rules: other$/m);
});

test('rule tests: one that fails says what was expected, what matched, and why', async (t) => {
  const { code, out } = await nodeTest(
    t,
    `{ name: 'private', event: { ...event, data: { repository: { private: true } } }, rules: ['pushes'] }`,
  );

  assert.equal(code, 1);
  assert.match(out, /^not ok 1 - rules: private$/m);
  assert.match(out, /expected rules: pushes/);
  assert.match(out, /matched rules: all/);
  assert.match(out, /rule 'pushes' does not match at data\.repository\.private/);
});

test('rule tests: a mistake in them is refused with its path, and so is a run of none', () => {
  const document = { rules: [{ name: 'all', when: { type: ['t'] }, to: { log: {} } }] } as const;
  const event = { specversion: '1.0', id: '1', source: '/s', type: 't' } as const;
  const refused = (says: RegExp) => (thrown: unknown) =>
    thrown instanceof RouterError && thrown.code === 'DOCUMENT_INVALID' && says.test(thrown.message);

  assert.throws(
    () => testRules(document, [{ name: 'x', event, rules: ['al'] }]),
    refused(/tests\[0\]\.rules\[0\]: unknown rule 'al'; did you mean 'all'\?/),
  );
  assert.throws(() => testRules(document), refused(/there are no rule tests/));
});
