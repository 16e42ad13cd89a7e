// busway deploy: the template and the bundles without a network, and what is refused before anything is begun.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { knownRegion } from '../../../local/aws-region.ts';
import { type Cli, cliScene } from '../../harness/cli.ts';
import { childEnv } from '../../harness/env.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const counter = new URL('../../infra/count-connections.ts', import.meta.url).href;

const rules = [
  { name: 'orders', when: { type: ['order.placed'] }, to: { http: { url: 'https://ci.example.com/hooks' } } },
  { name: 'chat', when: { data: { note: [null] } }, to: { slack: { webhook: 'CHAT_URL', text: 'new' } } },
];
const router = { sources: { github: { use: 'github' } }, rules };

/** A project with the CDK installed, in which every connection is written down; there must be none. */
function project(t: TestContext, env: Readonly<Record<string, string>> = {}): Cli {
  let file = '';
  // The first to be asked for is the first to run: the folders are there still.
  t.after(() => assert.equal(readFileSync(file, 'utf8'), '', 'connections were made'));
  const { dir } = cliScene(t);
  file = join(dir, 'connections');
  writeFileSync(file, '');
  const counted = { NODE_OPTIONS: `--import ${counter}`, BUSWAY_TEST_CONNECTIONS: file, HOME: dir };
  const scene = cliScene(t, { ...counted, ...env });
  symlinkSync(join(root, 'node_modules'), join(scene.dir, 'node_modules'));
  scene.write('router.json', router);
  return scene;
}

test('deploy: a connection would be seen', (t) => {
  const { dir } = cliScene(t);
  const file = join(dir, 'connections');
  const env = childEnv({ NODE_OPTIONS: `--import ${counter}`, BUSWAY_TEST_CONNECTIONS: file });
  spawnSync(process.execPath, ['-e', "fetch('http://127.0.0.1:65000/').catch(() => {})"], { env });

  assert.match(readFileSync(file, 'utf8'), /127\.0\.0\.1/);
});

test('deploy: --dry-run writes template, bundles and serverless.json without a single connection', async (t) => {
  const { dir, run } = project(t);
  const { code, out, err } = await run(['deploy', '--dry-run', '--config', 'router.json']);

  assert.equal(code, 0, err);
  assert.equal(out, '2 rules in the stack Busway: cdk.out/Busway.template.json (nothing was deployed)\n');
  const template = JSON.parse(readFileSync(join(dir, 'cdk.out/Busway.template.json'), 'utf8'));
  const outputs = Object.keys(template.Outputs).sort();
  assert.deepEqual(outputs, ['RedriveFunction', 'SecretBUSWAYSECRETGITHUB', 'SecretCHATURL', 'WebhookUrl']);
  for (const file of ['webhook/index.mjs', 'deliver/rules.json', 'redrive/index.mjs.map', 'serverless.json']) {
    assert.ok(existsSync(join(dir, 'dist', file)), file);
  }
  // The document is for one machine; the functions are told of the bus that the stack makes.
  const written = JSON.parse(readFileSync(join(dir, 'dist/webhook/rules.json'), 'utf8'));
  assert.deepEqual(written.bus, { use: 'eventbridge', bus: 'busway' });
});

test('deploy: --json says it to machines, and cdk.json names the stack, the bus and secrets that exist', async (t) => {
  const { dir, run, write } = project(t);
  const busway = { stack: 'Shop', prefix: 'shop', bus: 'shop', archiveDays: 0, secrets: { CHAT_URL: 'prod/chat' } };
  write('cdk.json', { context: { busway } });
  const { code, out, err } = await run(['deploy', '--dry-run', '--json', '--config', 'router.json']);

  assert.equal(code, 0, err);
  const due = { stack: 'Shop', template: 'cdk.out/Shop.template.json', rules: 2, deployed: false };
  assert.deepEqual(JSON.parse(out), due);
  const text = readFileSync(join(dir, 'cdk.out/Shop.template.json'), 'utf8');
  assert.match(text, /"QueueName": "shop-orders-[0-9a-f]{8}"/);
  assert.match(text, /:secret:prod\/chat"/);
  assert.doesNotMatch(text, /AWS::Events::Archive/);
});

test('deploy: every mistake is told at once with exit code 1, and nothing is written', async (t) => {
  const { dir, run, write } = project(t);
  const bad = { ruls: [], rules: [{ ...rules[0], order: 'key' }, rules[0], { ...rules[1], to: { slak: {} } }] };
  write('router.json', bad);
  const { code, out, err } = await run(['deploy', '--dry-run', '--config', 'router.json']);

  assert.deepEqual([code, out], [1, '']);
  assert.match(err, /^4 mistakes stand in the way of this router on AWS\n/);
  for (const says of [
    /unknown key 'ruls'; did you mean 'rules'\?/,
    /rules\[1\]\.name: "orders" is the name of rules\[0\] already/,
    /rules\[2\]\.to: unknown target 'slak'; did you mean 'slack'\?/,
    /rules\[0\] 'orders' order: asks for the order of a key, and EventBridge gives none/,
  ]) {
    assert.match(err, says);
  }
  assert.ok(!existsSync(join(dir, 'cdk.out')) && !existsSync(join(dir, 'dist')));
});

test('deploy: a slip in cdk.json or serverless.yml is refused with the nearest known name', async (t) => {
  const { run, write } = project(t);
  write('cdk.json', { context: { busway: { stak: 'A', secrets: { CHAT_URL: 1 } } } });
  const first = await run(['deploy', '--dry-run', '--config', 'router.json']);
  write('cdk.json', {});
  write('serverless.yml', readFileSync(join(root, 'serverless.yml'), 'utf8').replace('timeout: 10', 'timout: 10'));
  const second = await run(['deploy', '--dry-run', '--config', 'router.json']);

  assert.deepEqual([first.code, second.code], [1, 1]);
  assert.match(first.err, /context\.busway: unknown key 'stak'; did you mean 'stack'\?/);
  assert.match(first.err, /context\.busway\.secrets: must be an object of variable and the name/);
  assert.match(
    second.err,
    /^serverless\.yml:\d+: functions\.webhook\.timout: unknown key 'timout'; did you mean 'timeout'\?/,
  );
});

test('deploy: what a deployment needs and nobody has said is told at once, before anything is begun', async (t) => {
  const { dir, run, write } = project(t, {
    AWS_REGION: '',
    AWS_DEFAULT_REGION: '',
    AWS_PROFILE: '',
    AWS_CONFIG_FILE: '',
  });
  const both = await run(['deploy', '--config', 'router.json']);
  write('router.json', { rules: rules.slice(0, 1) });
  const region = await run(['deploy', '--config', 'router.json']);

  assert.deepEqual([both.code, region.code], [1, 1]);
  assert.match(
    both.err,
    /^nothing is deployed, because something is missing\n {2}rules\[1\] 'chat' to\.slack\.webhook: CHAT_URL .*"secrets": \{ "CHAT_URL": "its name" \} \} \}\n {2}region: it is not set; .*\(SECRET_MISSING\)\n$/,
  );
  assert.match(region.err, /^nothing is deployed, .*\n {2}region: it is not set; .*\(CONFIG_INVALID\)\n$/);
  assert.ok(!existsSync(join(dir, 'cdk.out')));
});

test('deploy: the region is that of the environment, else of the profile', async (t) => {
  const { dir, write } = cliScene(t);
  const text =
    '[default]\nregion = eu-west-1\n[profile shop]\noutput = json\ns3 =\n  region = x\nregion=eu-north-1\n[other]\nregion = a\n';
  write('config', text);
  const region = (env: Readonly<Record<string, string>>): Promise<string | undefined> =>
    knownRegion((name) => ({ AWS_CONFIG_FILE: join(dir, 'config'), ...env })[name]);

  assert.equal(await region({}), 'eu-west-1');
  assert.equal(await region({ AWS_PROFILE: 'shop' }), 'eu-north-1');
  assert.equal(await region({ AWS_PROFILE: 'other' }), undefined);
  assert.equal(await region({ AWS_DEFAULT_REGION: 'us-west-2' }), 'us-west-2');
  assert.equal(await region({ AWS_CONFIG_FILE: join(dir, 'none') }), undefined);
});

test('deploy: an account and a region that are not known are refused, both at once', (t) => {
  const { dir } = project(t);
  const asked = { 'busway:config': 'router.json', 'busway:deploy': 'true' };
  const env = childEnv({
    CDK_OUTDIR: join(dir, 'cdk.out'),
    CDK_CONTEXT_JSON: JSON.stringify(asked),
    CDK_DEFAULT_ACCOUNT: undefined,
    CDK_DEFAULT_REGION: undefined,
  });
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'infra/app.ts')], {
    cwd: dir,
    env,
    encoding: 'utf8',
  });

  assert.equal(status, 1);
  assert.match(
    stderr,
    /^nothing is deployed, because its place is not known\n {2}account: .*\n {2}region: .*\(CONFIG_INVALID\)\n$/,
  );
  assert.ok(!existsSync(join(dir, 'cdk.out', 'Busway.template.json')));
});

test('deploy: without the CDK it says what to install, and without a document where to write one', async (t) => {
  const { run, write } = cliScene(t);
  const without = await run(['deploy', '--dry-run']);
  write('router.json', router);
  const { code, err } = await run(['deploy', '--dry-run', '--config', 'router.json']);

  assert.equal(without.code, 1);
  assert.match(
    without.err,
    /there is no router document at infra\/router\.ts; write one there or name it with --config FILE/,
  );
  assert.equal(code, 1);
  assert.match(
    err,
    /npm install --save-dev aws-cdk@2\.1148\.1 aws-cdk-lib@2 constructs@10 esbuild@0\.28 \(UNSUPPORTED\)\n$/,
  );
});
