// The examples do what their READMEs say, with the package as it is built and nothing of this tree but copies of packages.

import assert from 'node:assert/strict';
import { cpSync, existsSync, globSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { commands } from '../local/commands.ts';
import { type Cli, cliIn } from './harness/cli.ts';
import { mustRun, placeInstalled, repoDir, run, tempDir, userEnv } from './harness/installed.ts';

const examples = join(repoDir, 'examples');
const readmes = globSync('*/README.md', { cwd: examples });

test('examples: each README names commands and files that are there', () => {
  assert.ok(readmes.length > 2);
  for (const readme of readmes) {
    const text = readFileSync(join(examples, readme), 'utf8');
    const named = [...text.matchAll(/busway ([a-z]+)\b/g)].map(([, name]) => name!);
    const links = [...text.matchAll(/\]\(([^)#:]+)\)/g)].map(([, link]) => join(examples, dirname(readme), link!));

    assert.deepEqual(
      named.filter((name) => !Object.hasOwn(commands, name)),
      [],
      readme,
    );
    assert.deepEqual(
      links.filter((link) => !existsSync(link)),
      [],
      readme,
    );
  }
});

describe('examples', () => {
  const root = tempDir();
  before(async () => {
    cpSync(examples, root, { recursive: true, filter: (path) => !/node_modules|cdk\.out|\.busway/.test(path) });
    await placeInstalled(root, ['aws-cdk', 'aws-cdk-lib', 'constructs', 'esbuild', 'fast-check']);
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  type Test = Parameters<typeof cliIn>[0];
  const program = [join(root, 'node_modules/.bin/busway')] as const;
  const busway = (t: Test, name: string): Cli => cliIn(t, join(root, name), { env: userEnv(), program });

  test('1-first-event: the event of the README is taken, delivered once, and explained when it is another', async (t) => {
    const { dev, run } = busway(t, '1-first-event');
    const readme = readFileSync(join(root, '1-first-event/README.md'), 'utf8');
    const [, body] = /-d '([^']+)'/.exec(readme)!;
    const router = await dev();
    const post = async (): Promise<string> => {
      const headers = { 'content-type': 'application/cloudevents+json' };
      const answer = await fetch(`${router.url}/webhooks/shop`, { method: 'POST', headers, body: body! });
      return `${answer.status} ${await answer.text()}`;
    };

    const [first, again] = [await post(), await post()];
    await router.says(/came again/);
    const why = await run(['explain', '--rule', 'orders', '--event', 'event.json']);

    assert.deepEqual([first, again], ['202 {"accepted":["1"]}', '202 {"accepted":["1"]}']);
    assert.ok(readme.includes(first));
    assert.equal(router.out().match(/orders: delivered to log/g)?.length, 1);
    assert.match(why.out, /wants {2}"com\.example\.order\.placed"\n {2}has {4}"com\.example\.order\.payed"/);
    assert.equal(await router.stop(), 0);
  });

  test('2-rules: npm test passes, and match answers what the README shows', async (t) => {
    const cli = busway(t, '2-rules');
    const cwd = join(root, '2-rules');

    const tests = await run(['npm', 'test', '--silent'], { cwd });
    const matched = await cli.run(['match'], readFileSync(join(cwd, 'events.jsonl'), 'utf8'));

    assert.equal(tests.code, 0, tests.out + tests.err);
    assert.match(tests.out, /5 rule tests: 5 passed, 0 failed; lint: 0 errors, 0 warnings, 0 notes/);
    assert.match(tests.out, /(?:pass|ℹ pass) 6\n/, 'node --test runs the same rule tests, and the handler’s');
    assert.ok(readFileSync(join(cwd, 'README.md'), 'utf8').includes(`\`\`\`\n${matched.out}\`\`\``), matched.out);
  });

  interface Template {
    readonly Resources: Readonly<
      Record<string, { readonly Type: string; readonly Properties: Readonly<Record<string, unknown>> }>
    >;
  }

  test('3-cdk-app: cdk synth makes the stack, with a rule and its queues for each rule and the handler in its bundle', async () => {
    const cwd = join(root, '3-cdk-app');
    // The CLI keeps a cache in the home folder.
    const env = { HOME: root, CI: 'true' };

    const { code, out, err } = await run(['node', join(root, 'node_modules/aws-cdk/bin/cdk'), 'synth', '--quiet'], {
      cwd,
      env,
    });

    assert.equal(code, 0, out + err);
    const template = JSON.parse(readFileSync(join(cwd, 'cdk.out/Shop.template.json'), 'utf8')) as Template;
    const ofType = (type: string) => Object.values(template.Resources).filter(({ Type }) => Type === type);
    assert.deepEqual(
      ofType('AWS::Events::Rule')
        .map(({ Properties }) => Properties['Name'])
        .sort(),
      ['large-orders', 'warehouse'],
    );
    assert.equal(ofType('AWS::SQS::Queue').length, 4);
    assert.equal(ofType('AWS::Lambda::Function').length, 3);
    const bundles = globSync('asset.*/index.mjs', { cwd: join(cwd, 'cdk.out') });
    const withHandler = bundles.filter((path) =>
      readFileSync(join(cwd, 'cdk.out', path), 'utf8').includes('a large order'),
    );
    assert.equal(withHandler.length, 1);
  });

  test('4-own-bus: the adapter keeps every law and skips none, and the example runs', async () => {
    const cwd = join(root, '4-own-bus');

    const laws = await run(['node', '--test', '--test-reporter=tap'], { cwd });
    const { out } = await mustRun(['node', 'main.ts'], { cwd });

    assert.equal(laws.code, 0, laws.out);
    assert.match(laws.out, /^# fail 0$/m);
    assert.match(laws.out, /^# skipped 0$/m);
    assert.ok(Number(/^# pass (\d+)$/m.exec(laws.out)![1]) >= 20);
    assert.equal(out, 'published: true, true\n1: large-orders\n2: no rule\n');
  });
});
