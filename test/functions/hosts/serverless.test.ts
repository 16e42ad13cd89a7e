// serverless.yml is the single list of functions: what it names exists.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';

const root = new URL('../../../', import.meta.url);
// It carries no types.
const { load } = createRequire(import.meta.url)('js-yaml') as { load(text: string): unknown };

interface Listed {
  readonly handler: string;
  readonly timeout: number;
  readonly events?: readonly { readonly httpApi: string }[];
}

interface Service {
  readonly provider: { readonly runtime: string };
  readonly functions: Readonly<Record<string, Listed>>;
}

const { provider, functions } = load(readFileSync(new URL('serverless.yml', root), 'utf8')) as Service;

test('serverless.yml: every handler is a file that exports a function of that name', async () => {
  assert.deepEqual(Object.keys(functions), ['webhook', 'deliver']);
  for (const { handler } of Object.values(functions)) {
    const dot = handler.lastIndexOf('.');
    const file = new URL(`${handler.slice(0, dot)}.ts`, root);
    assert.ok(existsSync(file), handler);
    const module = (await import(file.href)) as Readonly<Record<string, unknown>>;
    assert.equal(typeof module[handler.slice(dot + 1)], 'function', handler);
  }
});

test('serverless.yml: it runs on the Node that package.json asks for, and routes what the webhook takes', () => {
  const { engines } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { engines: { node: string } };

  assert.equal(provider.runtime, `nodejs${/\d+/.exec(engines.node)?.[0]}.x`);
  assert.deepEqual(
    functions['webhook']?.events?.map(({ httpApi }) => httpApi),
    ['POST /webhooks/{source}', 'OPTIONS /webhooks/{source}'],
  );
});

test('serverless.yml: a function lives longer than what it waits for', () => {
  // The bus's deadline of 5 s for the webhook; a target's default 30 s for deliver.
  assert.ok(functions['webhook']!.timeout > 5);
  assert.ok(functions['deliver']!.timeout > 30);
});
