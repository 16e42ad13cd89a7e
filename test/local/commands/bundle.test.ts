// busway bundle as a user runs it: what is written for each cloud, and what is refused.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cliScene } from '../../harness/cli.ts';

const rules = [{ name: 'pushes', when: { type: ['com.github.push'] }, to: { log: {} } }];
const sources = { github: { use: 'github' } };
const push = { audience: 'https://deliver.example', serviceAccount: 'pusher@a-project.iam.gserviceaccount.com' };

test('bundle command: AWS gets what serverless.yml lists for the bus, each a line and a folder', async (t) => {
  const { run, write, dir } = cliScene(t);
  write('router.json', { bus: { use: 'eventbridge', bus: 'orders' }, sources, rules });

  const { code, out, err } = await run(['bundle', '--config', 'router.json', '--json']);

  assert.equal(code, 0, err);
  const lines = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  assert.deepEqual(
    lines.map(({ name, dir: at }) => [name, at]),
    [
      ['webhook', 'dist/webhook'],
      ['deliver', 'dist/deliver'],
      ['redrive', 'dist/redrive'],
    ],
  );
  for (const { dir: at, bytes } of lines) assert.equal(readFileSync(join(dir, String(at), 'index.mjs')).length, bytes);
});

test('bundle command: on AWS a bus of another cloud needs the webhook only', async (t) => {
  const { run, write, dir } = cliScene(t);
  write('router.json', { bus: { use: 'pubsub', project: 'a-project' }, sources, rules });

  const { code, out } = await run(['bundle', '--config', 'router.json', '--out', 'build']);

  assert.equal(code, 0);
  assert.match(out, /^webhook: build\/webhook\/index\.mjs, \d+ bytes, rules [0-9a-f]{16}\n$/);
  assert.deepEqual(readdirSync(join(dir, 'build')), ['webhook']);
});

test('bundle command: Google Cloud and Azure get webhook and push, with what their hosts look for', async (t) => {
  const { run, write, dir } = cliScene(t);
  write('gcp.json', { bus: { use: 'pubsub', project: 'a-project', push }, sources, rules });
  write('azure.json', { bus: 'eventgrid', sources, rules });

  await run(['bundle', '--cloud', 'gcp', '--config', 'gcp.json']);
  await run(['bundle', '--cloud', 'azure', '--config', 'azure.json']);

  for (const [cloud, files] of Object.entries({ gcp: ['package.json'], azure: ['host.json', 'package.json'] })) {
    for (const name of ['webhook', 'push']) {
      const all = ['index.mjs', 'index.mjs.map', 'rules.json', ...files].sort();
      assert.deepEqual(readdirSync(join(dir, 'dist', cloud, name)).sort(), all);
    }
  }
});

test('bundle command: an unknown cloud is wrong use; a document that no function could run is told, and nothing is written', async (t) => {
  const { run, write, dir } = cliScene(t);
  write('router.json', { sources, rules });

  const cloud = await run(['bundle', '--cloud', 'azur', '--config', 'router.json']);
  const embedded = await run(['bundle', '--config', 'router.json']);

  assert.deepEqual([cloud.code, embedded.code], [2, 1]);
  assert.match(cloud.err, /unknown cloud 'azur'; did you mean 'azure'/);
  assert.match(embedded.err, /embedded bus lives in a folder of one machine/);
  assert.ok(!existsSync(join(dir, 'dist')));
});
