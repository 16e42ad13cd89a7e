// What a deployment is handed for each bus: the same as the adapters go by, complete for the tools of the cloud, and nothing
// in it that a rule could turn into an expression.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameOf } from '../../adapters/eventgrid/definitions.ts';
import { toEventGridOptions } from '../../adapters/eventgrid/options.ts';
import { definitions } from '../../adapters/pubsub/definitions.ts';
import { toPubSubOptions } from '../../adapters/pubsub/options.ts';
import { type ArmTemplate, eventgridDocument, pubsubDocument } from '../../infra/documents.ts';
import { kinds } from '../../local/document-file.ts';
import { checkDocument, type RouterDocument } from '../../router/document.ts';

const rules = [
  { name: 'placed', when: { type: ['order.placed'] }, to: { log: {} } },
  { name: 'odd', when: { subject: ["[concat('a')]", '[b', '[[c]'] }, to: { log: {} } },
];

function documentOn(bus: object): RouterDocument {
  return checkDocument({ bus, rules }, kinds);
}

const endpoint = 'https://shop.westeurope-1.eventgrid.azure.net';
const failures = 'https://shopfiles.blob.core.windows.net/dead';
const custom = documentOn({ use: 'eventgrid', endpoint, failures });
const namespace = documentOn({ use: 'eventgrid', endpoint, topic: 'orders', failures });

function defaultsOf({ parameters }: ArmTemplate): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(Object.entries(parameters).map(([name, { defaultValue }]) => [name, defaultValue]));
}

test('documents: Pub/Sub is what the adapter goes by, pushed where there is an endpoint', () => {
  const push = { audience: 'https://x.example', serviceAccount: 'p@q.iam.gserviceaccount.com' };
  const document = documentOn({ use: 'pubsub', topic: 'orders', push });
  const options = toPubSubOptions(document.bus.options);
  const parts = { project: 'my-project', options };

  assert.deepEqual(pubsubDocument(document, { project: 'my-project' }), definitions(document.rules, parts));
  const pushed = pubsubDocument(document, { project: 'my-project', pushEndpoint: 'https://x.example/p' });
  assert.equal(pushed.subscriptions[1]?.pushConfig?.pushEndpoint, 'https://x.example/p');
});

test('documents: a template names each subscription below its topic, of the tier that the document is for', () => {
  const named = (document: RouterDocument): readonly unknown[] =>
    eventgridDocument(document).resources.map(({ type, apiVersion, name }) => [type, apiVersion, name]);
  const name = (i: number, { bus }: RouterDocument): string =>
    nameOf(custom.rules[i]!, toEventGridOptions(bus.options));

  assert.deepEqual(
    named(custom),
    [0, 1].map((i) => [
      'Microsoft.EventGrid/topics/eventSubscriptions',
      '2025-02-15',
      `[concat(parameters('topic'), '/${name(i, custom)}')]`,
    ]),
  );
  assert.deepEqual(
    named(namespace),
    [0, 1].map((i) => [
      'Microsoft.EventGrid/namespaces/topics/eventSubscriptions',
      '2025-02-15',
      `[concat(parameters('namespace'), '/orders', '/${name(i, namespace)}')]`,
    ]),
  );
});

test('documents: parameters know what the document tells, and no secret has a default', () => {
  const storageId = "[resourceId('Microsoft.Storage/storageAccounts', 'shopfiles')]";

  assert.deepEqual(defaultsOf(eventgridDocument(custom)), {
    topic: 'shop',
    pushUrl: undefined,
    pushSecret: undefined,
    storageId,
    container: 'dead',
  });
  assert.deepEqual(defaultsOf(eventgridDocument(namespace)), { namespace: 'shop', storageId, container: 'dead' });
  const { pushUrl, pushSecret } = eventgridDocument(custom).parameters;
  assert.deepEqual([pushUrl?.type, pushSecret?.type], ['securestring', 'securestring']);

  const bare = documentOn({ use: 'eventgrid', topic: 'orders' });
  const unknown = { namespace: undefined, storageId: undefined, container: 'busway-failures' };
  assert.deepEqual(defaultsOf(eventgridDocument(bare)), unknown);
  assert.deepEqual(defaultsOf(eventgridDocument(bare, { endpoint: 'http://127.0.0.1:9' })), unknown);
  assert.equal(defaultsOf(eventgridDocument(bare, { endpoint }))['namespace'], 'shop');
});

test('documents: every parameter that a template uses it declares', () => {
  for (const document of [custom, namespace]) {
    const template = eventgridDocument(document);
    const used = [...JSON.stringify(template.resources).matchAll(/parameters\('(\w+)'\)/g)].map(([, name]) => name);
    assert.deepEqual([...new Set(used)].sort(), Object.keys(template.parameters).sort());
  }
});

test('documents: a text in brackets stays a text, and is no expression', () => {
  for (const document of [custom, namespace]) {
    const text = JSON.stringify(eventgridDocument(document).resources[1]);
    assert.ok(text.includes(JSON.stringify("[[concat('a')]")), text);
    assert.ok(text.includes('"[b"') && text.includes('"[[[c]"'), text);
  }
});
