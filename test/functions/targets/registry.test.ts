// The registry of target kinds: tables that check a document, and one loadable implementation per kind.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { targets } from '../../../functions/targets/registry.ts';
import { checkOptions, type Options, type Problem } from '../../../router/config.ts';

function check(kind: string, options: unknown): { options: Options; problems: readonly Problem[] } {
  const problems: Problem[] = [];
  return { options: checkOptions(options, targets[kind]!.options, `to.${kind}`, problems), problems };
}

test('targets: every kind loads and opens by the same call', async () => {
  assert.deepEqual(Object.keys(targets), ['http', 'slack', 'fn', 'log']);
  for (const kind of Object.values(targets)) assert.equal(typeof (await kind.load()).open, 'function');
});

test('targets: options are checked and defaults filled in', () => {
  assert.deepEqual(check('http', { url: 'https://x.example/?a=1' }).options, {
    url: 'https://x.example/?a=1',
    timeoutMs: 10_000,
  });
  assert.deepEqual(check('fn', { module: './h.ts' }).options, { module: './h.ts', timeoutMs: 30_000 });
  assert.deepEqual(check('slack', { webhook: 'SLACK_URL', text: '{{ id }}' }).problems, []);
  assert.deepEqual(check('log', {}).problems, []);
});

test('targets: a mistake is named with its path', () => {
  const paths = (kind: string, options: unknown) => check(kind, options).problems.map(({ path }) => path);

  assert.deepEqual(paths('http', { url: 'ftp://x', secret: 'whsec_abc=', allow: ['10.0.0.1/8'], timeoutMs: 0, x: 1 }), [
    'to.http',
    'to.http.url',
    'to.http.secret',
    'to.http.allow[0]',
    'to.http.timeoutMs',
  ]);
  assert.deepEqual(paths('http', {}), ['to.http']);
  assert.deepEqual(paths('slack', { webhook: 'https://hooks.slack.com/x', text: '{{ x' }), [
    'to.slack.webhook',
    'to.slack.text',
  ]);
  assert.deepEqual(paths('fn', { arn: 'orders' }), ['to.fn.arn']);
});
