// What can be held of the container files where no engine is: each names only what exists, and the start command of the image
// runs in a folder laid out as the image is, from a mount as Kubernetes makes it, as a user like OpenShift's, on a real Kafka
// where one is. That the image builds and the manifests apply is not shown here; docs/deploy.md says so.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { planTopics } from '../adapters/kafka/definitions.ts';
import { toKafkaOptions } from '../adapters/kafka/options.ts';
import { deleteTopics } from '../adapters/kafka/topics.ts';
import { secretVariable } from '../functions/open-sources.ts';
import { readArgs } from '../local/command.ts';
import { dev } from '../local/commands/dev.ts';
import { kinds } from '../local/document-file.ts';
import { kafkaVersion } from '../local/kafka/runtime.ts';
import { checkDocument, type RouterDocument } from '../router/document.ts';
import { type Cli, cliIn, type Dev } from './harness/cli.ts';
import { placeInstalled, repoDir, tempDir, userEnv } from './harness/installed.ts';
import { plainConnection, sharedKafka } from './harness/kafka.ts';

const { load, loadAll } = createRequire(import.meta.url)('js-yaml') as {
  load: (text: string) => unknown;
  loadAll: (text: string) => unknown[];
};
const read = (file: string): string => readFileSync(join(repoDir, file), 'utf8');

const dockerfile = read('Dockerfile').replaceAll(/\\\n\s*/g, '');
/** The last of its kind, as JSON where it is written so. */
function instruction(name: string): string {
  const found = [...dockerfile.matchAll(/^([A-Z]+) (.+)$/gm)].filter((match) => match[1] === name).at(-1);
  assert.ok(found !== undefined, name);
  return found[2]!;
}
const entrypoint = JSON.parse(instruction('ENTRYPOINT')) as [string, string];
const command = JSON.parse(instruction('CMD')) as [string, ...string[]];
const port = Number(/default (\d+)/.exec(dev.options['port']!.says)![1]);

interface Container {
  readonly ports: readonly { readonly containerPort: number }[];
  readonly env: readonly { readonly name: string }[];
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
  readonly [probe: `${string}Probe`]: { readonly httpGet: { readonly path: string; readonly port: string } };
}
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data: Readonly<Record<string, string>>;
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly securityContext: Readonly<Record<string, unknown>>;
        readonly containers: readonly [Container];
        readonly volumes: readonly { readonly name: string; readonly configMap?: { readonly name: string } }[];
        readonly terminationGracePeriodSeconds: number;
      };
    };
  };
}
interface Service {
  readonly image?: string;
  readonly environment: Readonly<Record<string, string | number>>;
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly read_only?: boolean;
}

const manifests = loadAll(read('deploy/kubernetes.yaml')) as Manifest[];
const ofKind = (kind: string): Manifest => manifests.find((one) => one.kind === kind)!;
const pod = ofKind('Deployment').spec.template.spec;
const [container] = pod.containers;
const { services } = load(read('compose.yaml')) as { services: { kafka: Service; router: Service } };

/** The document as checked, with the package's entry taken from the sources. */
async function deployed(t: TestContext): Promise<RouterDocument> {
  const dir = tempDir();
  t.after(() => rmSync(dir, { recursive: true }));
  const entry = pathToFileURL(join(repoDir, 'exports/busway.ts')).href;
  writeFileSync(join(dir, 'router.ts'), read('deploy/router.ts').replace("'busway'", `'${entry}'`));
  const { default: input } = (await import(pathToFileURL(join(dir, 'router.ts')).href)) as { default: unknown };
  return checkDocument(input, kinds);
}

/** The variables that the router reads for a document on Kafka. */
function variablesOf({ sources }: RouterDocument): readonly string[] {
  return ['KAFKA_BROKERS', ...sources.map(({ name }) => secretVariable(name))].sort();
}

test('container: what the Dockerfile copies is there, is let through by .dockerignore, and is all that is packed', () => {
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+)$/gm)].flatMap(([, paths]) =>
    paths!.split(' ').slice(0, -1),
  );
  const admitted = read('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));
  const { include } = JSON.parse(read('tsconfig.build.json')) as { include: readonly string[] };

  assert.deepEqual(
    copied.filter((path) => !existsSync(join(repoDir, path))),
    [],
  );
  assert.deepEqual(admitted.sort(), [...copied].sort());
  // router/ and the suites are reached from the others.
  assert.deepEqual(
    [...include, 'router'].filter((path) => !copied.includes(path)),
    [],
  );
});

test('container: the start command is one that busway takes, on the port that is exposed and asked', () => {
  const args = readArgs(dev, command.slice(1));

  assert.equal(command[0], 'dev');
  assert.deepEqual([args.string('host'), args.string('data'), args.string('port')], ['0.0.0.0', '/data', undefined]);
  assert.ok(args.integer('drain', { default: 0, min: 0, max: 300_000 }) > 0);
  assert.equal(instruction('EXPOSE'), String(port));
  assert.ok(instruction('HEALTHCHECK').includes(`http://127.0.0.1:${port}/healthz`));
  assert.match(instruction('USER'), /^[1-9]\d*:0$/);
  assert.ok(!/:latest\b/.test(dockerfile));
  const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: Readonly<Record<string, string>> };
  for (const [, version] of dockerfile.matchAll(/^FROM node:([\d.]+)-slim/gm))
    assert.equal(version, devDependencies['node']);
});

test('container: compose.yaml names the variables that the document needs, the port and the Kafka that we test with', async (t) => {
  const { kafka, router } = services;

  assert.equal(kafka.image, `apache/kafka:${kafkaVersion}`);
  assert.deepEqual(Object.keys(router.environment).sort(), variablesOf(await deployed(t)));
  assert.equal(kafka.environment['KAFKA_ADVERTISED_LISTENERS'], `PLAINTEXT://${router.environment['KAFKA_BROKERS']}`);
  assert.deepEqual(router.ports, [`127.0.0.1:${port}:${port}`]);
  assert.deepEqual(router.volumes, ['./deploy:/app/infra:ro', 'router:/data']);
  assert.equal(router.read_only, true);
});

test('container: kubernetes.yaml names the variables that the document needs, ports and folders of the image, one document', async (t) => {
  const [{ containerPort }] = container.ports as [{ containerPort: number }];

  assert.equal(ofKind('ConfigMap').data['router.ts'], read('deploy/router.ts'));
  assert.deepEqual(container.env.map(({ name }) => name).sort(), variablesOf(await deployed(t)));
  assert.equal(containerPort, port);
  assert.deepEqual(
    container.volumeMounts.map(({ mountPath }) => mountPath),
    ['/app/infra', '/data', '/tmp'],
  );
  assert.deepEqual(container.volumeMounts.map(({ name }) => name).sort(), pod.volumes.map(({ name }) => name).sort());
  assert.equal(
    pod.volumes.find(({ configMap }) => configMap !== undefined)?.configMap?.name,
    ofKind('ConfigMap').metadata.name,
  );
});

test('container: the pod is what restricted clusters take: no root, no fixed user, no capability, a read-only root', () => {
  const { securityContext } = container;

  assert.deepEqual(pod.securityContext, { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
  assert.deepEqual(securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
});

test('container: a stop has more time than the drain and all that follows it', () => {
  const drainMs = Number(command[command.indexOf('--drain') + 1]);
  // functions/hosts/node.ts gives requests 5 s, adapters/kafka/subscribe.ts deliveries 5 s and leaving 2 s.
  const dueMs = drainMs + 12_000;

  assert.ok(pod.terminationGracePeriodSeconds * 1_000 > dueMs);
  const [, grace] = /stop_grace_period: (\d+)s/.exec(read('compose.yaml')) ?? [];
  assert.ok(Number(grace) * 1_000 > dueMs);
});

/** A user like those that OpenShift makes up; where we may not become one, or it may not read this tree, why not. */
function otherUser(): { readonly uid: number; readonly gid: number } | string {
  if (process.getuid?.() !== 0) return 'only root can run it as another user';
  const user = { uid: 1_000_650_000, gid: 0 };
  const { status } = spawnSync(process.execPath, [join(repoDir, 'test/harness/outcome.ts')], user);
  return status === 0 ? user : 'this tree lies where no other user may read';
}

describe('container: the start command', () => {
  const root = tempDir();
  const app = join(root, 'app');
  const secret = randomBytes(16).toString('hex');

  before(async () => {
    mkdirSync(app);
    await placeInstalled(app);
    const [, manifest] = /echo '([^']+)' > package\.json/.exec(dockerfile)!;
    writeFileSync(join(app, 'package.json'), manifest!);
    chmodSync(root, 0o755);
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  interface Place {
    readonly cli: Cli;
    readonly args: readonly string[];
    readonly infra: string;
  }

  let places = 0;

  /** A mount as the kubelet makes it: the file is a link through ..data to a folder that is swapped as a whole. */
  function mount(infra: string, generation: string, text: string): void {
    mkdirSync(join(infra, `..${generation}`), { recursive: true });
    writeFileSync(join(infra, `..${generation}`, 'router.ts'), text);
    symlinkSync(`..${generation}`, join(infra, '..next'));
    renameSync(join(infra, '..next'), join(infra, '..data'));
    if (!existsSync(join(infra, 'router.ts'))) symlinkSync('..data/router.ts', join(infra, 'router.ts'));
  }

  function place(t: TestContext, text: string, env: Readonly<Record<string, string>> = {}): Place {
    const name = `infra-${++places}`;
    const [infra, data] = [join(app, name), join(root, `data-${places}`)];
    mount(infra, 'a', text);
    mkdirSync(data);
    chmodSync(data, 0o770);
    const drain = command[command.indexOf('--drain') + 1]!;
    // Its folders here, and less patience.
    const other: Readonly<Record<string, string>> = {
      '/data': data,
      'infra/router.ts': `${name}/router.ts`,
      [drain]: '4000',
    };
    const args = command.slice(1).map((arg) => other[arg] ?? arg);
    const variables = { [secretVariable('github')]: secret, HOME: '/nonexistent', ...env };
    const program = [process.execPath, ...entrypoint.slice(1)] as [string, ...string[]];
    return { cli: cliIn(t, app, { env: userEnv(variables), program }), args, infra };
  }

  async function deliversAPush({ cli, args }: Place): Promise<Dev> {
    const router = await cli.dev(args);
    const statuses = await Promise.all(
      Object.values({ ...container })
        .flatMap((value) =>
          typeof value === 'object' && 'httpGet' in value ? [(value as Container['xProbe']).httpGet.path] : [],
        )
        .map(async (path) => [path, (await fetch(`${router.url}${path}`)).status]),
    );
    assert.deepEqual(statuses.sort(), [
      ['/healthz', 200],
      ['/healthz', 200],
      ['/readyz', 200],
    ]);
    const same = args.slice(0, 4);
    const sent = await cli.run(['send', 'github/push', ...same]);
    assert.deepEqual([sent.code, sent.err], [0, '']);
    await router.says(/public-pushes: delivered to log/);
    return router;
  }

  const embedded = read('deploy/router.ts').replace("bus: 'kafka'", "bus: 'embedded'");

  test('container: it runs from a mount as Kubernetes makes it, takes a swapped one over, and drains', async (t) => {
    const here = place(t, embedded);
    const router = await deliversAPush(here);

    mount(here.infra, 'b', embedded.replace("name: 'public-pushes'", "name: 'pushes-again'"));
    await router.says(/the changed document is in force/);
    const ended = router.stop('SIGTERM');
    await router.says(/stopping/);
    const ready = await fetch(`${router.url}/readyz`);
    const late = await here.cli.run(['send', 'github/push', ...here.args.slice(0, 4)]);
    await router.says(/pushes-again: delivered to log/);

    assert.equal(ready.status, 503);
    assert.match(late.out, /^202 /);
    assert.equal(await ended, 0, router.err());
  });

  const user = otherUser();
  test('container: any user of group 0 runs it, and writes to the data folder only', {
    skip: typeof user === 'string' && user,
  }, async (t) => {
    assert.ok(typeof user === 'object');
    const here = place(t, embedded);
    // Becomes that user, then the router.
    const ids = `process.setgroups([]); process.setgid(${user.gid}); process.setuid(${user.uid});`;
    writeFileSync(join(root, 'become.cjs'), `${ids} process.argv.splice(1, 1); require(process.argv[1]);`);
    const files = globSync('**', { cwd: app }).length;
    const program = [process.execPath, join(root, 'become.cjs'), join(app, entrypoint[1])] as [string, ...string[]];
    const env = { [secretVariable('github')]: secret, HOME: '/nonexistent' };

    const router = await deliversAPush({ ...here, cli: cliIn(t, app, { env: userEnv(env), program }) });

    assert.equal(await router.stop('SIGKILL'), null);
    assert.equal(globSync('**', { cwd: app }).length, files);
  });

  test('container: a secret that is missing stops it at the start', async (t) => {
    const { cli, args } = place(t, embedded, { [secretVariable('github')]: '' });

    const { code, err } = await cli.run(['dev', ...args, '--port', '0']);

    assert.equal(code, 1);
    assert.match(err, /BUSWAY_SECRET_GITHUB \(two, comma-separated, while rotating\) \(SECRET_MISSING\)/);
  });

  test('container: on a real Kafka it makes its topics, takes a signed push, delivers it and drains', async (t) => {
    const kafka = await sharedKafka();
    if (!kafka.ok) return t.skip(kafka.reason);
    const topics = ['events', 'retry', 'failures'].map((name) => `${kafka.prefix}-container.${name}`);
    const [topic, retryTopics, failuresTopic] = topics as [string, string, string];
    const own = { topic, retryTopics, failuresTopic, group: topic };
    t.after(() => {
      const made = planTopics(toKafkaOptions({ ...own, brokers: kafka.brokers.split(',') }), 4);
      const signal = AbortSignal.timeout(20_000);
      return deleteTopics(
        plainConnection(kafka.brokers),
        made.map((one) => one.topic),
        signal,
      );
    });
    const bus = `bus: ${JSON.stringify({ use: 'kafka', ...own })}`;
    const here = place(t, read('deploy/router.ts').replace("bus: 'kafka'", bus), { KAFKA_BROKERS: kafka.brokers });

    const router = await deliversAPush(here);
    const ended = router.stop('SIGTERM');

    assert.match(router.err(), /created .*-container\.events/);
    assert.equal(await ended, 0, router.err());
  });
});
