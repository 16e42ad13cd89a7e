import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { sources } from '../../../functions/sources/registry.ts';

test('sources: every kind in the registry loads and opens under its own name', async () => {
  for (const [kind, { load, options }] of Object.entries(sources)) {
    const { open } = await load();

    const given = options['header'] === undefined ? {} : { header: 'X-Signature' };
    assert.equal(open(given, { name: 'x' }).kind, kind);
  }
});

test('sources: the registry loads no implementation', () => {
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context); } });
    await import(${JSON.stringify(new URL('../../../functions/sources/registry.ts', import.meta.url).href)});
    console.log(JSON.stringify(loaded));
  `;

  const loaded = JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' }),
  ) as string[];

  const ours = loaded.filter((url) => url.includes('/functions/')).map((url) => url.split('/').at(-1));
  assert.deepEqual(ours.sort(), ['options.ts', 'registry.ts']);
});

test('sources: every kind and option says what it is for', () => {
  for (const { says, options } of Object.values(sources)) {
    for (const text of [says, ...Object.values(options).map((option) => option.says)])
      assert.ok(text.length > 10, text);
  }
});

test('sources: whether a kind needs a secret is told without opening it, and rightly', async () => {
  for (const { load, options, secret } of Object.values(sources)) {
    const { open } = await load();
    for (const more of [{}, { open: true }]) {
      const given = { ...(options['header'] === undefined ? {} : { header: 'X-Signature' }), ...more };
      const source = open(given, { name: 'x' });
      const form = secret(given);

      assert.equal(form !== 'none', source.needsSecret, source.kind);
      if (form === 'any') assert.doesNotThrow(() => source.key('0'.repeat(40)));
    }
  }
});
