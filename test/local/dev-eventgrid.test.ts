// busway dev and the commands beside it on Event Grid, as a user runs them, against the fake: a custom topic only publishes
// from here, a namespace is pulled, and what is missing in Azure is printed and never made.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { nameOf } from '../../adapters/eventgrid/definitions.ts';
import { compileEventGrid } from '../../adapters/eventgrid/filter.ts';
import { toEventGridOptions } from '../../adapters/eventgrid/options.ts';
import { type ArmTemplate, eventgridDocument } from '../../infra/documents.ts';
import { kinds } from '../../local/document-file.ts';
import { checkDocument, type RouterDocument } from '../../router/document.ts';
import { until } from '../contract/adapter-harness.ts';
import { type FakeEventGrid, startEventGrid } from '../fakes/eventgrid.ts';
import { startHttp } from '../functions/targets/server.ts';
import { type Cli, cliScene, type Dev } from '../harness/cli.ts';

const WAIT_MS = 15_000;
const config = ['--config', 'router.json'];
const key = Buffer.from('c4n4ry key of the tests').toString('base64');
const account = `AccountName=files;AccountKey=${key};BlobEndpoint=http://127.0.0.1:9/files`;
const env = { BUSWAY_SECRET_HOOKS: 'c4n4ry-hooks', THE_KEY: key, THE_FILES: account };

interface RuleInput {
  readonly name: string;
  readonly when: object;
}

const placed = { name: 'placed', when: { type: ['order.placed'] } };
const late = { name: 'late', when: { type: ['order.late'] } };
const wider = { name: 'placed', when: { type: ['order.placed', 'order.cancelled'] } };

interface Scene extends Cli {
  readonly fake: FakeEventGrid;
  /** Ids of what came to a rule. */
  readonly ids: (rule: string) => readonly string[];
  /** Writes router.json, and gives it checked. */
  document(bus: object, rules: readonly RuleInput[]): RouterDocument;
  custom(): object;
  namespace(): object;
}

async function scene(t: TestContext): Promise<Scene> {
  const fake = await startEventGrid({ keys: [key], customTopics: ['custom'], namespaceTopics: ['orders'] });
  t.after(() => fake.close());
  const target = await startHttp((_request, response) => void response.writeHead(204).end());
  t.after(() => target.close());
  const cli = cliScene(t, env);
  return {
    ...cli,
    fake,
    ids: (rule) =>
      target.received
        .filter(({ path }) => path === `/${rule}`)
        .map(({ body }) => (JSON.parse(body.toString('utf8')) as { id: string }).id),
    document(bus, rules) {
      const to = ({ name }: RuleInput): object => ({ http: { url: `${target.url}/${name}` } });
      const sources = { hooks: { use: 'github' }, shop: { use: 'cloudevents', open: true } };
      const document = { bus, sources, rules: rules.map((rule) => ({ ...rule, to: to(rule) })) };
      cli.write('router.json', document);
      return checkDocument(document, kinds);
    },
    custom: () => ({ use: 'eventgrid', endpoint: fake.endpointOf('custom'), key: 'THE_KEY' }),
    namespace: () => ({
      ...{ use: 'eventgrid', endpoint: fake.url, topic: 'orders', key: 'THE_KEY' },
      ...{ failures: 'http://127.0.0.1:9/files/failures', failuresLogin: 'THE_FILES' },
    }),
  };
}

async function post({ url }: Pick<Dev, 'url'>, id: string, type: string): Promise<void> {
  const event = { specversion: '1.0', id, source: '/shop', type, data: { id } };
  const headers = { 'content-type': 'application/cloudevents+json' };
  const answer = await fetch(`${url}/webhooks/shop`, { method: 'POST', headers, body: JSON.stringify(event) });
  assert.equal(answer.status, 202, await answer.text());
}

/** The templates it printed, each alone on its line. */
function templatesIn({ out }: Dev): readonly ArmTemplate[] {
  const lines = out().split('\n');
  return lines.filter((line) => line.startsWith('{"$schema"')).map((line) => JSON.parse(line) as ArmTemplate);
}

function namesOf({ bus, rules }: RouterDocument): readonly string[] {
  return rules.map((rule) => nameOf(rule, toEventGridOptions(bus.options)));
}

/** Makes the subscriptions of a namespace, as somebody who deploys the template does. */
async function deploy(fake: FakeEventGrid, document: RouterDocument): Promise<void> {
  for (const [i, name] of namesOf(document).entries()) {
    const { native } = compileEventGrid(document.rules[i]!.when, { tier: 'namespace', filterable: [] });
    await fake.subscribe('orders', name, native === null ? {} : { filter: native });
  }
}

test('dev on eventgrid: from a custom topic it publishes, says where deliveries happen, and prints all definitions', async (t) => {
  const { fake, dev, run, document, custom } = await scene(t);
  const given = document(custom(), [placed, late]);
  const router = await dev(config);

  const sent = await run(['send', 'hooks/push', ...config]);
  await router.says(/com\.github\.push \S+ from hooks is on the bus/);

  assert.equal(sent.code, 0, sent.err);
  assert.equal(fake.published('custom').length, 1);
  assert.equal(router.out().split('Event Grid pushes them to the push function').length, 2, 'said once');
  assert.deepEqual(templatesIn(router), [JSON.parse(JSON.stringify(eventgridDocument(given)))]);
  assert.doesNotMatch(router.out() + router.err(), /c4n4ry/);
  assert.equal(await router.stop('SIGINT'), 0, router.err());
});

test('dev on eventgrid: a filter that changes on a custom topic is printed anew, with what to drain and delete', async (t) => {
  const { dev, document, custom } = await scene(t);
  const [old] = namesOf(document(custom(), [placed]));
  const router = await dev(config);

  const changed = document(custom(), [wider]);
  await router.says(/the changed document is in force/);
  assert.deepEqual(templatesIn(router).at(-1)?.resources, eventgridDocument(changed).resources);
  assert.match(router.out(), new RegExp(`filters changed: once the new .* exist, drain and delete ${old}\n`));
  await router.stop();

  const again = await dev(config);
  assert.doesNotMatch(again.out(), /filters changed/);
});

test('eventgrid: without a container failures and redrive are refused with what to set, also beside a running dev', async (t) => {
  const { dev, run, document, custom } = await scene(t);
  document(custom(), [placed]);

  const [alone, list, tail] = [
    await run(['redrive', '--all', ...config]),
    await run(['failures', ...config]),
    await run(['tail', ...config]),
  ];
  await dev(config);
  const beside = await run(['redrive', '--all', ...config]);

  for (const { code, err } of [alone, list, beside]) {
    assert.equal(code, 1);
    assert.match(
      err,
      /the eventgrid bus keeps no failures .*'failures' in adapters\/eventgrid\/README\.md \(UNSUPPORTED\)/,
    );
  }
  assert.match(tail.err, /the eventgrid bus keeps no log .*where its events are delivered.* \(UNSUPPORTED\)/);
});

test('dev on eventgrid: a namespace without a place for failures is not pulled, and says what to set', async (t) => {
  const { run, document, namespace } = await scene(t);
  document({ ...namespace(), failures: undefined, failuresLogin: undefined }, [placed]);

  const { code, err } = await run(['dev', '--port', '0', ...config]);

  assert.equal(code, 1);
  assert.match(err, /keeps no failures .*README\.md \(UNSUPPORTED\)/);
});

test('dev on eventgrid: a namespace is pulled; what is missing is printed, and read once it is there', async (t) => {
  const { fake, ids, dev, document, namespace } = await scene(t);
  const given = document(namespace(), [placed, late]);
  await deploy(fake, { ...given, rules: given.rules.slice(0, 1) });
  const router = await dev(config);
  await post(router, 'a', 'order.placed');
  await until(() => ids('placed').includes('a'), 'what exists is read', WAIT_MS);

  const [template, ...more] = templatesIn(router);
  assert.deepEqual(template?.resources, eventgridDocument(given).resources.slice(1));
  assert.deepEqual(more, []);
  assert.match(router.out(), /missing event subscriptions of topic 'orders'; nothing is made here/);
  await deploy(fake, { ...given, rules: given.rules.slice(1) });
  await post(router, 'b', 'order.late');
  await until(() => ids('late').includes('b'), 'the other one too, once it is there', WAIT_MS);
  assert.equal(await router.stop('SIGINT'), 0, router.err());
  assert.equal(fake.queue('orders', namesOf(given)[0]!).size(), 0, 'what was delivered is acknowledged');
});

test('dev on eventgrid: the old subscription of a changed filter is read until the new one is there, and delivers nothing twice', async (t) => {
  const { fake, ids, dev, document, namespace } = await scene(t);
  const before = document(namespace(), [placed]);
  const [old] = namesOf(before);
  await deploy(fake, before);
  const router = await dev(config);

  const changed = document(namespace(), [wider]);
  await router.says(/the changed document is in force/);
  assert.match(router.out(), new RegExp(`rule 'placed' had another filter before: .* delete ${old}\n`));
  await post(router, 'a', 'order.placed');
  await until(() => ids('placed').includes('a'), 'the old one covers the gap', WAIT_MS);
  await router.stop();

  await deploy(fake, changed);
  const again = await dev(config);
  assert.match(again.out(), new RegExp(`rule 'placed' had another filter before: .* delete ${old}\n`));
  assert.deepEqual(templatesIn(again), []);
  await post(again, 'b', 'order.placed');
  await post(again, 'c', 'order.cancelled');
  await until(() => fake.queue('orders', old!).size() === 0 && ids('placed').includes('c'), 'both are read', WAIT_MS);
  await until(() => fake.queue('orders', namesOf(changed)[0]!).size() === 0, 'both are acknowledged', WAIT_MS);
  assert.deepEqual([...ids('placed')].sort(), ['a', 'b', 'c']);
  fake.unsubscribe('orders', old!);
  await again.stop();

  const last = await dev(config);
  assert.doesNotMatch(last.out(), /another filter before/);
});

test('dev on eventgrid: who may not ask is told so, and all definitions', async (t) => {
  const { fake, dev, document, namespace } = await scene(t);
  const given = document(namespace(), [placed]);
  fake.faults.push({ on: 'renewLock', status: 403 });

  const router = await dev(config);

  assert.match(router.err(), /warning: eventgrid: subscription '.*' is refused to this login/);
  assert.match(router.out(), /what exists cannot be seen from here/);
  assert.deepEqual(templatesIn(router)[0]?.resources, eventgridDocument(given).resources);
});
