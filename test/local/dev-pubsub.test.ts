// busway dev and the commands beside it on Pub/Sub, as a user runs them: on an emulator (our fake, and Google's pstest where it
// is built), and in a project that belongs to somebody else, which is the fake behind TLS.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { open } from '../../adapters/pubsub/adapter.ts';
import { definitions, type SubscriptionDefinition } from '../../adapters/pubsub/definitions.ts';
import { toPubSubOptions } from '../../adapters/pubsub/options.ts';
import { kinds } from '../../local/document-file.ts';
import { checkDocument } from '../../router/document.ts';
import { jsonData } from '../../router/event.ts';
import { made, publishAll, until } from '../contract/adapter-harness.ts';
import { type PubSubFake, startPubSubFake } from '../fakes/pubsub.ts';
import { pstestSkip, startPstest } from '../fakes/pubsub-pstest.ts';
import { type HttpPeer, startHttp } from '../functions/targets/server.ts';
import { type Cli, cliScene, type Dev } from '../harness/cli.ts';

const PROJECT = 'test-project';
const WAIT_MS = 15_000;
const config = ['--config', 'router.json'];
const secrets = { BUSWAY_SECRET_HOOKS: 'c4n4ry-hooks' };
const bus = { use: 'pubsub', project: PROJECT };

interface RuleInput {
  readonly name: string;
  readonly when: object;
}

function documentOf(url: string, rules: readonly RuleInput[], more: object = {}): object {
  const to = ({ name }: RuleInput): object => ({ http: { url: `${url}/${name}` } });
  return {
    bus,
    sources: { hooks: { use: 'github' }, shop: { use: 'cloudevents', open: true } },
    rules: rules.map((rule) => ({ ...rule, to: to(rule), retry: { attempts: 1 } })),
    ...more,
  };
}

/** What the definitions of these rules are, as the adapter goes by them. */
function subscriptionsOf(rules: readonly RuleInput[]): readonly SubscriptionDefinition[] {
  const { rules: checked } = checkDocument(documentOf('http://127.0.0.1', rules), kinds);
  const defined = definitions(checked, { project: PROJECT, options: toPubSubOptions({ project: PROJECT }) });
  return defined.subscriptions.slice(1);
}

const nameOf = (rule: RuleInput): string => subscriptionsOf([rule])[0]!.name;

async function startFake(t: TestContext): Promise<PubSubFake> {
  const fake = await startPubSubFake();
  t.after(() => fake.close());
  return fake;
}

interface Target extends HttpPeer {
  readonly answers: Map<string, number>;
  /** Ids of the events that came to a rule, in order. */
  readonly ids: (rule: string) => readonly string[];
}

async function startTarget(t: TestContext): Promise<Target> {
  const answers = new Map<string, number>();
  const found = new Map<string, string[]>();
  const peer = await startHttp(({ path, body }, response) => {
    const { id } = JSON.parse(body.toString('utf8')) as { id: string };
    found.set(path, [...(found.get(path) ?? []), id]);
    response.writeHead(answers.get(path) ?? 204).end();
  });
  t.after(() => peer.close());
  return { ...peer, answers, ids: (rule) => found.get(`/${rule}`) ?? [] };
}

async function post({ url }: Pick<Dev, 'url'>, id: string, type: string, total: number): Promise<void> {
  const event = { specversion: '1.0', id, source: '/shop', type, data: { total } };
  const headers = { 'content-type': 'application/cloudevents+json' };
  const answer = await fetch(`${url}/webhooks/shop`, { method: 'POST', headers, body: JSON.stringify(event) });
  assert.equal(answer.status, 202, await answer.text());
}

const pushes = { name: 'pushes', when: { type: ['com.github.push'] } };

async function routes(t: TestContext, address: string): Promise<Cli & { readonly target: Target }> {
  const target = await startTarget(t);
  const cli = cliScene(t, { ...secrets, PUBSUB_EMULATOR_HOST: address });
  const bad = { name: 'bad', when: pushes.when };
  target.answers.set('/bad', 400);
  cli.write('router.json', documentOf(target.url, [pushes, bad]));
  const router = await cli.dev(config);

  const sent = await cli.run(['send', 'hooks/push', ...config]);
  await router.says(/bad: FAILED at .*400.*failure [0-9a-f]{16}/);
  await until(() => target.ids('pushes').length === 1, 'the event reaches its target', WAIT_MS);

  assert.equal(sent.code, 0, sent.err);
  assert.match(router.err(), /made on the emulator at 127\.0\.0\.1:\d+: topic busway\.events, topic busway-failures/);
  assert.match(router.err(), /subscription busway~pushes~[0-9a-f]{12}, subscription busway~bad~[0-9a-f]{12}\n/);
  assert.match(router.out(), /pushes: delivered to/);
  assert.equal(await router.stop('SIGINT'), 0, router.err());
  return { ...cli, target };
}

test('dev on pubsub: an emulator gets what the rules need, and a webhook reaches its target', async (t) => {
  const fake = await startFake(t);
  const { dev, target } = await routes(t, fake.address);

  const again = await dev(config);
  assert.doesNotMatch(again.err(), /made on/);
  assert.equal(await again.stop(), 0, again.err());
  assert.deepEqual([target.ids('pushes').length, target.ids('bad').length], [1, 1], 'what is done is not done again');
});

const skip = pstestSkip('2.8.0');
test('dev on pubsub: Google’s pstest is such an emulator too', { skip }, async (t) => {
  const pstest = await startPstest('2.8.0');
  t.after(() => pstest.close());

  await routes(t, pstest.address);
});

test('pubsub: failures and redrive go by the failures topic, and tail says what to do instead', async (t) => {
  const fake = await startFake(t);
  const { run, target } = await routes(t, fake.address);
  target.answers.clear();

  const list = await run(['failures', '--json', ...config]);
  const redriven = await run(['redrive', '--rule', 'bad', '--json', ...config]);
  const tail = await run(['tail', ...config]);

  const failure = JSON.parse(list.out) as { id: string; rule: string; code: string };
  assert.deepEqual([failure.rule, failure.code], ['bad', 'TARGET_STATUS']);
  assert.deepEqual(JSON.parse(redriven.out), { id: failure.id, rule: 'bad', ok: true });
  assert.equal(target.ids('bad').length, 2);
  assert.equal(tail.code, 1);
  assert.match(tail.err, /the pubsub bus keeps no log .*"log".*under busway dev.* \(UNSUPPORTED\)/);
});

test('dev on pubsub: Ctrl-C finishes what is under way, and nothing of it comes again', async (t) => {
  const fake = await startFake(t);
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const target = await startHttp((_request, response) => void held.then(() => response.writeHead(204).end()));
  t.after(() => target.close());
  const { dev, run, write } = cliScene(t, { ...secrets, PUBSUB_EMULATOR_HOST: fake.address });
  write('router.json', documentOf(target.url, [pushes]));
  const router = await dev(config);
  await run(['send', 'hooks/push', ...config]);
  await until(() => target.received.length === 1, 'the delivery', WAIT_MS);

  const ended = router.stop('SIGINT');
  await router.says(/stopping/);
  release();

  assert.equal(await ended, 0, router.err());
  assert.equal(fake.broker.getSubscription(nameOf(pushes)).queue.size, 0);
});

test('dev on pubsub: an emulator that does not answer is named, with what to do', async (t) => {
  const { run, write } = cliScene(t, { ...secrets, PUBSUB_EMULATOR_HOST: '127.0.0.1:9' });
  write('router.json', documentOf('http://127.0.0.1:9', [pushes]));

  const { code, err } = await run(['dev', '--port', '0', ...config]);

  assert.equal(code, 1);
  assert.match(
    err,
    /the emulator at 127\.0\.0\.1:9 does not answer; start it, .*PUBSUB_EMULATOR_HOST \(BUS_UNAVAILABLE\)/,
  );
});

const before = { name: 'r', when: { type: ['order.placed'], data: { total: [{ numeric: ['>=', 0] }] } } };
const after = { name: 'r', when: { type: [{ prefix: 'order.' }], data: { total: [{ numeric: ['>=', -1_000] }] } } };

/** A publisher of its own that has the older rules and goes on with them: what it published, in order. */
async function startOlder(
  t: TestContext,
  fake: PubSubFake,
): Promise<{ publish(id: string, total: number): Promise<void> }> {
  const { rules } = checkDocument(documentOf('http://127.0.0.1', [before]), kinds);
  const env = (name: string): string | undefined => (name === 'PUBSUB_EMULATOR_HOST' ? fake.address : undefined);
  const parts = { dataDir: '', now: Date.now, env, onWarning: () => undefined, rules: () => rules };
  const adapter = await open({ project: PROJECT }, parts);
  t.after(() => adapter.close());
  return {
    publish: (id, total) =>
      publishAll(adapter, [made(id, { type: 'order.placed', data: jsonData(Buffer.from(JSON.stringify({ total }))) })]),
  };
}

test('dev on pubsub: a filter that changes under way loses no event of this router nor of one with older rules', async (t) => {
  const fake = await startFake(t);
  const target = await startTarget(t);
  const { dev, write } = cliScene(t, { ...secrets, PUBSUB_EMULATOR_HOST: fake.address });
  write('router.json', documentOf(target.url, [before]));
  const router = await dev(['--quiet', ...config]);
  const older = await startOlder(t, fake);
  const due: string[] = [];
  const isMade = (): boolean => fake.broker.subscriptions.has(nameOf(after));
  const isInForce = (): boolean => router.out().includes('the changed document is in force');

  for (let i = 0, rounds = 0; i < 170 || rounds < 60; i++) {
    if (i === 60) write('router.json', documentOf(target.url, [after]));
    // What only the new rule takes is due from an older publisher once the subscription stands, from this one once in force.
    const [wasMade, wasInForce] = [isMade(), isInForce()];
    await Promise.all([
      post(router, `both${i}`, 'order.placed', i),
      older.publish(`old${i}`, -1 - i),
      post(router, `new${i}`, 'order.cancelled', 5),
    ]);
    due.push(`both${i}`, ...(wasMade ? [`old${i}`] : []), ...(wasInForce ? [`new${i}`] : []));
    if (wasInForce) rounds++;
  }
  const lost = (): readonly string[] => {
    const delivered = new Set(target.ids('r'));
    return due.filter((id) => !delivered.has(id));
  };
  await until(() => lost().length === 0, 'all that is due is delivered', WAIT_MS);

  const ids = target.ids('r');
  assert.ok(due.length > 290, `${due.length} were due`);
  const again = ids.filter((id, i) => ids.indexOf(id) !== i);
  assert.deepEqual(again, [], 'what both subscriptions bring is delivered once');
  const former = nameOf(before);
  assert.match(router.out(), new RegExp(`rule 'r' had another filter before: .* drained .* delete ${former}\n`));
  await until(() => fake.broker.getSubscription(former).queue.size === 0, 'the old one is drained', WAIT_MS);
  assert.equal(await router.stop(), 0, router.err());
});

test('dev on pubsub: where the new subscription cannot be made the old rules stay in force', async (t) => {
  const fake = await startFake(t);
  const target = await startTarget(t);
  const { dev, write } = cliScene(t, { ...secrets, PUBSUB_EMULATOR_HOST: fake.address });
  write('router.json', documentOf(target.url, [before]));
  const router = await dev(config);
  fake.faults.add({ method: 'CreateSubscription', answer: 'PERMISSION_DENIED', times: 2 });

  write('router.json', documentOf(target.url, [after]));
  await router.says(/the changed document is not taken over: pubsub: .* is refused to these credentials/);
  await post(router, 'a', 'order.placed', 1);

  await until(() => target.ids('r').includes('a'), 'the old rule delivers', WAIT_MS);
});

test('dev on pubsub: what an earlier run left in an old subscription is drained at the start, and what is of no rule is named', async (t) => {
  const fake = await startFake(t);
  const target = await startTarget(t);
  const { dev, write } = cliScene(t, { ...secrets, PUBSUB_EMULATOR_HOST: fake.address });
  const gone = { name: 'gone', when: { type: ['order.lost'] } };
  write('router.json', documentOf(target.url, [before, gone]));
  const first = await dev(config);
  await first.stop();
  const older = await startOlder(t, fake);
  await older.publish('left', 1);

  write('router.json', documentOf(target.url, [after]));
  const router = await dev(config);

  await until(() => target.ids('r').includes('left'), 'what was left is delivered by the rule as it is now', WAIT_MS);
  assert.match(router.out(), new RegExp(`no rule of this document reads ${nameOf(gone)}; drain and delete`));
  await until(() => fake.broker.getSubscription(nameOf(before)).queue.size === 0, 'it is acknowledged there', WAIT_MS);
  fake.broker.deleteSubscription(nameOf(before));
  await post(router, 'goes-on', 'order.cancelled', 1);
  await until(() => target.ids('r').includes('goes-on'), 'it goes on without the old one', WAIT_MS);
  assert.doesNotMatch(router.err(), /warning: pubsub/);
});

const tls = (name: string): string => resolve(import.meta.dirname, '../fixtures/tls', name);

/** The fake as a service in somebody's project: behind TLS, with a login. */
async function startCloud(t: TestContext, cli: (env: Readonly<Record<string, string>>) => Cli) {
  const fake = await startFake(t);
  const [host, port] = fake.address.split(':');
  const options = { key: readFileSync(tls('key.pem')), cert: readFileSync(tls('cert.pem')) };
  const front = createTlsServer({ ...options, ALPNProtocols: ['h2', 'http/1.1'] }, (socket) => {
    const inner = connectTcp(Number(port), host);
    for (const [one, other] of [[socket, inner] as const, [inner, socket] as const]) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise<void>((done) => front.listen(0, '127.0.0.1', done));
  t.after(() => new Promise((done) => front.close(done)));
  const scene = cli({
    ...secrets,
    NODE_EXTRA_CA_CERTS: tls('cert.pem'),
    GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: tls('cert.pem'),
    GOOGLE_APPLICATION_CREDENTIALS: 'key.json',
  });
  scene.write('key.json', fake.credentials);
  const endpoint = `https://127.0.0.1:${(front.address() as { port: number }).port}`;
  return { ...scene, fake, bus: { ...bus, endpoint } };
}

/** The lines that are JSON. */
function definitionsIn({ out }: Dev): readonly { readonly name: string }[] {
  const lines = out().split('\n');
  return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as { name: string });
}

test('dev on pubsub: in a project nothing is made; what is missing is printed exactly, and what exists is read', async (t) => {
  const target = await startTarget(t);
  const { fake, dev, write, bus: cloud } = await startCloud(t, (env) => cliScene(t, env));
  const old = { name: 'late', when: { type: ['order.gone'] } };
  const late = { name: 'late', when: { type: ['order.late'] } };
  const there = { name: 'there', when: { type: ['order.placed'] } };
  const topic = `projects/${PROJECT}/topics/busway.events`;
  fake.broker.createTopic(topic);
  for (const rule of [there, old]) {
    const [{ name, filter } = { name: '', filter: '' }] = subscriptionsOf([rule]);
    fake.broker.createSubscription({ name, topic, filter, ackDeadlineSeconds: 60, enableMessageOrdering: false });
  }
  const existing = [...fake.broker.subscriptions.keys()];
  write('router.json', documentOf(target.url, [there, late], { bus: cloud }));

  const router = await dev(config);
  await post(router, 'a', 'order.placed', 1);
  await until(() => target.ids('there').includes('a'), 'what exists is read', WAIT_MS);

  const { hostname } = new URL(cloud.endpoint);
  assert.match(
    router.out(),
    new RegExp(`missing in project ${PROJECT}; nothing is made here\\. .*PUT https://${hostname}/v1/`),
  );
  const checked = checkDocument(documentOf(target.url, [there, late]), kinds);
  const all = definitions(checked.rules, { project: PROJECT, options: toPubSubOptions({ project: PROJECT }) });
  assert.deepEqual(definitionsIn(router), [all.topics[1], all.subscriptions[0], all.subscriptions[2]]);
  assert.match(
    router.out(),
    new RegExp(`rule 'late' had another filter .* once the new one exists .*delete ${nameOf(old)}`),
  );
  assert.deepEqual([...fake.broker.subscriptions.keys()], existing, 'nothing was made');
  assert.doesNotMatch(router.out() + router.err(), /PRIVATE KEY|c4n4ry/);
});

test('dev on pubsub: who may not look is told so, and all definitions; what was read goes on being read', async (t) => {
  const target = await startTarget(t);
  const { fake, dev, write, bus: cloud } = await startCloud(t, (env) => cliScene(t, env));
  const topic = `projects/${PROJECT}/topics/busway.events`;
  fake.broker.createTopic(topic);
  const [{ name, filter } = { name: '', filter: '' }] = subscriptionsOf([before]);
  fake.broker.createSubscription({ name, topic, filter, ackDeadlineSeconds: 60, enableMessageOrdering: false });
  fake.faults.add({ method: 'ListTopicSubscriptions', answer: 'PERMISSION_DENIED', times: 2 });
  write('router.json', documentOf(target.url, [before], { bus: cloud }));

  const router = await dev(config);
  assert.match(router.err(), /warning: pubsub: topic '.*' is refused to these credentials/);
  assert.match(router.out(), /what exists cannot be seen from here/);
  assert.equal(definitionsIn(router).length, 4);

  write('router.json', documentOf(target.url, [after], { bus: cloud }));
  await router.says(/the changed document is in force/);
  await post(router, 'a', 'order.placed', 1);
  await until(() => target.ids('r').includes('a'), 'the old subscription covers the gap', WAIT_MS);
});

test('dev on pubsub: with push it publishes, says where deliveries happen, and prints what pushes', async (t) => {
  const { fake, dev, write, bus: cloud } = await startCloud(t, (env) => cliScene(t, env));
  const topic = `projects/${PROJECT}/topics/busway.events`;
  fake.broker.createTopic(topic);
  const push = { audience: 'https://shop.example/push', serviceAccount: 'p@q.iam.gserviceaccount.com' };
  write('router.json', documentOf('http://127.0.0.1:9', [pushes], { bus: { ...cloud, push } }));

  const router = await dev(config);
  await post(router, 'a', 'order.placed', 1);

  await router.says(/order\.placed a from shop is on the bus/);
  assert.equal(fake.broker.getTopic(topic).log.length, 1);
  assert.match(router.out(), /Pub\/Sub pushes them to https:\/\/shop\.example\/push, so they are delivered there/);
  const pushed = definitionsIn(router).at(-1) as unknown as SubscriptionDefinition;
  assert.equal(pushed.pushConfig?.pushEndpoint, push.audience);
  assert.equal(await router.stop(), 0);
});
