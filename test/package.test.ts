// The package as its users get it: packed, installed into an empty project with what the README says and nothing else, and
// used: a first project, a signed webhook, the library, the laws. One installation serves all tests here.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { optionalPackages } from '../router/optional-package.ts';
import { type Cli, cliIn } from './harness/cli.ts';
import { testEnv } from './harness/env.ts';
import { manifest, mustRun, pack, repoDir, run, type Tarball, tempDir, userEnv } from './harness/installed.ts';

const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
// 2026-11-21: 0.6 MB. Something does not belong into a package that grows by half.
const MAX_BYTES = 900_000;

describe('package', { concurrency: false }, () => {
  const root = tempDir();
  const project = join(root, 'project');
  let tarball: Tarball;

  before(async () => {
    mkdirSync(project);
    tarball = await pack(root);
    await mustRun(['npm', 'install', ...quiet, tarball.file], { cwd: project });
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  const cli = (t: Parameters<typeof cliIn>[0]): Cli =>
    cliIn(t, project, { env: userEnv(), program: [join(project, 'node_modules/.bin/busway')] });

  /** Runs a program of the project on this Node. */
  async function runText(name: string, text: string): Promise<Awaited<ReturnType<typeof run>>> {
    writeFileSync(join(project, name), text);
    return run(['node', name], { cwd: project });
  }

  test('package: the tarball holds JavaScript and types, the bin and the list of functions, and no test but the suites', () => {
    const { paths, bytes } = tarball;
    const other = paths.filter((path) => !/^lib\/.*(?:\.js|\.d\.ts)$/.test(path));
    const tests = paths.filter((path) => path.startsWith('lib/test/'));

    assert.deepEqual(other.sort(), ['LICENSE', 'README.md', 'lib/serverless.yml', 'local/bin.cjs', 'package.json']);
    assert.deepEqual(
      tests.filter(
        (path) => !/^lib\/test\/contract\/(?:adapter|source|target)[a-z-]*\.|^lib\/test\/harness\/events\./.test(path),
      ),
      [],
      'fakes and tests of our own stay here',
    );
    assert.ok(!paths.some((path) => /^lib\/infra\/router\.|\.test\./.test(path)));
    assert.ok(bytes < MAX_BYTES, `the tarball takes ${bytes} bytes`);
  });

  test('package: it brings its dependencies and none of the optional packages, each of which it can name', () => {
    const peers = manifest()['peerDependencies'] as Readonly<Record<string, string>>;
    const meta = manifest()['peerDependenciesMeta'] as Readonly<Record<string, { optional?: boolean }>>;
    const installed = readdirSync(join(project, 'node_modules'));

    assert.deepEqual(Object.keys(peers), Object.keys(optionalPackages).sort());
    for (const [name, version] of Object.entries(optionalPackages)) {
      assert.equal(meta[name]?.optional, true, name);
      assert.ok(
        `${peers[name]!.replace('^', '')}.`.startsWith(`${version}.`),
        `${name}: ${peers[name]}, told ${version}`,
      );
      assert.ok(!installed.includes(name.split('/')[0]!), name);
    }
  });

  test('package: busway init, test, dev and send work in the project that was empty', async (t) => {
    const { run: busway, dev } = cli(t);

    const init = await run(['npx', '--no', 'busway', 'init'], { cwd: project });
    const tests = await busway(['test']);
    const router = await dev();
    const sent = await busway(['send', 'github/issues.opened']);
    assert.deepEqual([sent.code, sent.err], [0, '']);
    await router.says(/^issue #\d+ was opened: /m);
    await router.says(/opened-issues: delivered to fn \.\/handlers\/opened-issue\.ts/);
    const forged = await busway(['send', 'github/push', '--bad-signature', '--json']);

    assert.equal(init.code, 0, init.err);
    assert.doesNotMatch(init.out, /npm install/, 'it is installed');
    assert.deepEqual([tests.code, tests.err], [0, '']);
    assert.match(tests.out, /3 rule tests: 3 passed/);
    assert.match(sent.out, /^202 /);
    assert.equal((JSON.parse(forged.out) as { status: number }).status, 401);
    assert.equal(await router.stop(), 0, router.err());
  });

  test('package: quickstart runs as installed', async (t) => {
    const { code, out, err } = await cli(t).run(['quickstart']);

    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /delivered to http/);
  });

  test('package: what busway exports is what it is said to, for import and for require', async () => {
    const said = [
      ...['RouterError', 'binaryData', 'busDefaults', 'checkEvent', 'compileCondition', 'createBus', 'dataValue'],
      ...['decodeBatch', 'decodeHttp', 'decodeKafka', 'decodeStructured', 'defineRouter', 'defineRuleTests'],
      ...['encodeBatch', 'encodeHttp', 'encodeHttpBatch', 'encodeKafka', 'encodeStructured', 'errorTable', 'eventTree'],
      ...['explain', 'explanationText', 'failureId', 'indexRules', 'jsonData', 'readCondition', 'textData'],
      ...['toRouterError', 'unfiltered'],
    ];

    const imported = await runText('i.mjs', `console.log(JSON.stringify(Object.keys(await import('busway'))));`);
    const required = await runText('r.cjs', `console.log(JSON.stringify(Object.keys(require('busway'))));`);

    assert.deepEqual([imported.code, imported.err], [0, '']);
    assert.deepEqual((JSON.parse(imported.out) as string[]).sort(), said.sort());
    assert.deepEqual([required.code, required.err], [0, '']);
    assert.deepEqual(JSON.parse(required.out), JSON.parse(imported.out));
  });

  test('package: events, rules and explanations work from the library', async () => {
    const { code, out, err } = await runText(
      'lib.mjs',
      `import { decodeStructured, encodeHttp, eventTree, explain, explanationText, indexRules, readCondition } from 'busway';
       const problems = [];
       const when = readCondition({ type: ['a'] }, 'when', problems);
       const text = (type) => Buffer.from(JSON.stringify({ specversion: '1.0', id: '1', source: '/s', type }));
       const [a, b] = [decodeStructured(text('a')), decodeStructured(text('b'))];
       const index = indexRules([{ name: 'r', when }]);
       console.log(JSON.stringify([index(a), index(b), encodeHttp(a, 'binary').headers['ce-type'], problems]));
       console.log(explanationText('r', explain(when, eventTree(b))));`,
    );

    assert.deepEqual([code, err], [0, '']);
    assert.equal(out.split('\n')[0], '[["r"],[],"a",[]]');
    assert.match(out, /rule 'r' does not match at type/);
  });

  test('package: a missing optional package is named with the command that installs it', async (t) => {
    const bus = (use: object): string => JSON.stringify({ bus: use, sources: {}, rules: [] });
    writeFileSync(join(project, 'aws.json'), bus({ use: 'eventbridge', bus: 'b', region: 'eu-west-1' }));
    writeFileSync(join(project, 'kafka.json'), bus({ use: 'kafka', client: 'platformatic', brokers: ['127.0.0.1:1'] }));
    const { run: busway } = cli(t);

    const aws = await busway(['tail', '--config', 'aws.json', '--data', 'aws']);
    const cdk = await runText('cdk.mjs', `import 'busway/infra';`);
    const laws = await runText('laws.mjs', `import { adapterSuite } from 'busway/contract'; adapterSuite('x', {});`);

    assert.equal(aws.code, 1);
    assert.match(
      aws.err,
      /eventbridge: the bus needs the package @aws-sdk\/client-eventbridge.*npm install @aws-sdk\/client-eventbridge@3 \(UNSUPPORTED\)/,
    );
    assert.equal(cdk.code, 1);
    assert.match(
      cdk.err,
      /busway\/infra needs the packages aws-cdk-lib, constructs.*npm install aws-cdk-lib@2 constructs@10/,
    );
    assert.equal(laws.code, 1);
    assert.match(laws.err, /the adapter suite needs the package fast-check.*npm install fast-check@4/);
  });

  test('package: the suites of sources and targets are there; that of targets needs nothing more', async () => {
    const laws = ['takes', 'shapes', 'fails', 'hangs', 'aborted', 'concurrent', 'closed', 'close under way'];
    const skip = [...laws, 'broken event', 'no canary'].map((law) => ({ test: law, reason: 'not here' }));
    const { out, err } = await runText(
      'suites.mjs',
      `import { sourceSuite, targetSuite } from 'busway/contract';
       targetSuite({ name: 'x', env: {}, skip: ${JSON.stringify(skip)}, open() { throw new Error('opened'); } });
       try { sourceSuite('x', {}); } catch ({ message }) { console.log(message); }`,
    );

    assert.match(out, /busway\/contract: the source suite needs the package fast-check/);
    assert.match(out, /skipped 10\b/, out + err);
    assert.match(out, /fail 0\b/);
  });

  test('package: the types hold for a strict TypeScript project, in every entry', async () => {
    mkdirSync(join(project, 'typed'));
    writeFileSync(
      join(project, 'typed/index.ts'),
      `import { type Adapter, type CloudEvent, createBus, busDefaults, defineRouter, jsonData } from 'busway';
       import { type AdapterHarness, adapterSuite, testRules } from 'busway/contract';
       const event: CloudEvent = {
         attributes: { specversion: '1.0', id: '1', source: '/s', type: 't' },
         data: jsonData(Buffer.from('1')),
       };
       export const publish = (adapter: Adapter) => createBus(adapter, { ...busDefaults, now: Date.now }).publishOne(event);
       export const laws = (harness: AdapterHarness) => adapterSuite('mine', harness);
       const router = defineRouter({ bus: 'kafka', rules: [{ name: 'r', when: { type: ['t'] }, to: { log: {} } }] });
       testRules(router);
       // @ts-expect-error no such bus
       defineRouter({ bus: 'rabbit' });\n`,
    );
    const options = { module: 'nodenext', target: 'es2024', strict: true, noEmit: true, types: ['node'] };
    const typeRoots = [join(repoDir, 'node_modules/@types')];
    const compilerOptions = { ...options, typeRoots, exactOptionalPropertyTypes: true };
    writeFileSync(join(project, 'typed/tsconfig.json'), JSON.stringify({ compilerOptions }));

    const { code, out } = await run([join(repoDir, 'node_modules/.bin/tsc'), '-p', 'typed'], { cwd: project });

    assert.equal(code, 0, out);
  });

  /** The first Node in PATH that is not this project's own. */
  function otherNode(): string | undefined {
    const path = (testEnv('PATH') ?? '').split(delimiter).filter((dir) => !dir.includes('node_modules'));
    for (const dir of path) {
      const { status, stdout } = spawnSync(join(dir, 'node'), ['--version'], { encoding: 'utf8' });
      if (status === 0) return Number(/^v(\d+)/.exec(stdout)?.[1]) < 24 ? join(dir, 'node') : undefined;
    }
    return undefined;
  }

  function checkRefusal({ status, stdout, stderr }: ReturnType<typeof spawnSync>, version: string): void {
    assert.deepEqual([status, String(stdout)], [2, '']);
    const lines = String(stderr).trimEnd().split('\n');
    assert.equal(lines.length, 1, String(stderr));
    assert.ok(lines[0]!.startsWith(`busway needs Node 24.15 or newer and this is v${version}`), lines[0]);
    assert.match(lines[0]!, /npx -p node@24\.\d+\.\d+ -p busway busway/);
  }

  const bin = (): string => join(project, 'node_modules/busway/local/bin.cjs');

  for (const version of ['20.20.2', '24.14.9', '8.0.0']) {
    test(`package: told that it runs on Node ${version}, the bin says in one sentence what it needs and exits with 2`, () => {
      const fake = `Object.defineProperty(process, 'versions', { value: { node: '${version}' } }); require(${JSON.stringify(bin())});`;

      checkRefusal(spawnSync(process.execPath, ['--eval', fake, '--', 'dev'], { encoding: 'utf8' }), version);
    });
  }

  test('package: on the older Node of this machine the bin does the same', (t) => {
    const node = otherNode();
    if (node === undefined) return t.skip('no Node below 24 in PATH');
    const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' });

    checkRefusal(spawnSync(node, [bin(), 'dev'], { encoding: 'utf8' }), stdout.trim().slice(1));
  });

  test('package: nothing in it names the machine it was packed on', () => {
    const texts = readdirSync(join(project, 'node_modules/busway'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(
        (entry) =>
          [join(entry.parentPath, entry.name), readFileSync(join(entry.parentPath, entry.name), 'utf8')] as const,
      );

    assert.ok(texts.length > 200);
    assert.deepEqual(
      texts.filter(([, text]) => text.includes(repoDir) || text.includes(root)).map(([path]) => path),
      [],
    );
  });
});
