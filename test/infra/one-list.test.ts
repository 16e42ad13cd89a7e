// serverless.yml is the single list of functions: the CDK, the bundler, osls and `busway dev` go by it, and a function that is
// added or left out in one place is missed by the others aloud.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { functionsOf } from '../../infra/bundle/modules.ts';
import { bundleFunctions } from '../../infra/bundle.ts';
import { loadService, readFunctions } from '../../infra/functions.ts';
import { serverlessFile } from '../../infra/serverless.ts';
import { devFunctions, functionWarnings } from '../../local/dev-functions.ts';
import { cliScene } from '../harness/cli.ts';
import { folder, list, orders, standard, synthesize } from './stack-scene.ts';

const text = readFileSync(list, 'utf8');
const cdc = `
  cdc:
    handler: dist/cdc/index.handler
    memorySize: 512
    timeout: 60
    package:
      patterns: ['dist/cdc/**']
`;
const added = text.replace(/\nresources:/, `${cdc}\nresources:`);
const removed = text.replace(/\n {2}# Called by people[\s\S]*?(?=\nresources:)/, '');

const names = (functions: readonly { readonly name: string }[]): readonly string[] =>
  functions.map(({ name }) => name).sort();

test('one list: serverless.yml, the CDK, the bundler and busway dev have the same functions', () => {
  const listed = names(readFunctions(list));

  assert.deepEqual(listed, ['deliver', 'redrive', 'webhook']);
  assert.deepEqual([...standard().router.functions.keys()].sort(), listed);
  assert.deepEqual(Object.keys(functionsOf.aws).sort(), listed);
  assert.deepEqual(Object.keys(devFunctions).sort(), listed);
  assert.deepEqual(functionWarnings(join(list, '..')), []);
});

test('one list: a function that is added to it alone is missed by the CDK, the bundler and busway dev', async (t) => {
  const dir = folder(t);
  const file = join(dir, 'serverless.yml');
  writeFileSync(file, added);
  const functions = readFunctions(file);

  assert.deepEqual(names(functions), ['cdc', 'deliver', 'redrive', 'webhook']);
  assert.throws(
    () => synthesize(t, orders, { functionsFile: file }),
    /serverless\.yml functions\.cdc: nothing in the stack/,
  );
  assert.throws(
    () => bundleFunctions({ document: orders, baseDir: dir, functions, outDir: dir, cloud: 'aws' }),
    /'cdc'/,
  );
  assert.deepEqual(functionWarnings(dir), ["serverless.yml lists 'cdc', which busway dev does not run"]);
  const scene = cliScene(t);
  scene.write('serverless.yml', added);
  scene.write('router.json', { sources: {}, rules: [] });
  const dev = await scene.dev(['--config', 'router.json']);
  assert.match(dev.err(), /^warning: serverless\.yml lists 'cdc', which busway dev does not run$/m);
});

test('one list: a function that is taken out of it alone is missed by the CDK and busway dev', (t) => {
  const dir = folder(t);
  const file = join(dir, 'serverless.yml');
  writeFileSync(file, removed);

  assert.deepEqual(names(readFunctions(file)), ['deliver', 'webhook']);
  assert.throws(
    () => synthesize(t, orders, { functionsFile: file }),
    /'redrive' is not listed, and the router needs it/,
  );
  assert.match(
    functionWarnings(dir).join(),
    /does not list 'redrive', so a deployment would be without busway redrive/,
  );
});

test('one list: a slip in it is refused by the CDK and told by busway dev, with its line', (t) => {
  const dir = folder(t);
  const file = join(dir, 'serverless.yml');
  writeFileSync(file, text.replace('memorySize: 512', 'memmorySize: 512'));
  const says =
    /serverless\.yml:\d+: functions\.webhook\.memmorySize: unknown key 'memmorySize'; did you mean 'memorySize'/m;

  assert.throws(() => synthesize(t, orders, { functionsFile: file }), says);
  assert.match(functionWarnings(dir).join('\n'), says);
});

test('one list: what follows from the rules is taken from the file that synth writes, for each function', () => {
  // It carries no types.
  const { load } = createRequire(import.meta.url)('js-yaml') as { load(text: string): unknown };
  const { functions, resources } = load(text) as {
    readonly functions: Readonly<Record<string, { readonly role: string; readonly environment: string }>>;
    readonly resources: string;
  };
  const file = serverlessFile(standard().router.plan);

  assert.equal(resources, `\${file(dist/serverless.json):resources}`);
  for (const [name, { role, environment }] of Object.entries(functions)) {
    assert.equal(environment, `\${file(dist/serverless.json):environment.${name}}`);
    assert.ok(Object.hasOwn(file.environment, name), name);
    assert.equal(file.resources.Resources[role]?.Type, 'AWS::IAM::Role', role);
  }
  assert.equal(readFunctions(list).find(({ name }) => name === 'deliver')?.eventsFrom, 'dist/serverless.json:deliver');
});

test('one list: it runs on the Node that package.json asks for, and a function lives longer than what it waits for', () => {
  const { engines } = JSON.parse(readFileSync(join(list, '../package.json'), 'utf8')) as { engines: { node: string } };
  const { runtime, functions } = loadService(list);
  const [webhook, deliver] = ['webhook', 'deliver'].map((name) => functions.find((one) => one.name === name)!);

  assert.equal(runtime, `nodejs${/\d+/.exec(engines.node)?.[0]}.x`);
  assert.deepEqual(webhook!.routes, ['POST /webhooks/{source}', 'OPTIONS /webhooks/{source}']);
  // The bus's deadline of 5 s for the webhook; a target's default 30 s for deliver.
  assert.ok(webhook!.timeout > 5 && deliver!.timeout > 30);
});
