// What must exist for a document's rules, written out; names and their inverse; options and what they mean; and that nothing
// is made but on an emulator.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointOf, projectOf } from '../../../adapters/pubsub/adapter.ts';
import { createConnection } from '../../../adapters/pubsub/client.ts';
import {
  definitions,
  missing,
  outdated,
  ruleOfSubscription,
  subscriptionName,
} from '../../../adapters/pubsub/definitions.ts';
import { ensureOnEmulator, listSubscriptions } from '../../../adapters/pubsub/ensure.ts';
import { pubsubOptions, readEndpoint, toPubSubOptions } from '../../../adapters/pubsub/options.ts';
import { markOf } from '../../../adapters/pubsub/promotion.ts';
import { checkOptions, type Problem } from '../../../router/config.ts';
import { RouterError } from '../../../router/errors.ts';
import { idle } from '../../contract/adapter-harness.ts';
import { startPubSubFake } from '../../fakes/pubsub.ts';
import { pattern } from './scene.ts';

const when = pattern({ type: ['t'], data: { a: [1] } });
const retry = { attempts: 5, firstMs: 1_500, maxMs: 3_600_000 };
const parts = { project: 'my-project', options: toPubSubOptions({ topic: 'events' }) };

test('pubsub definitions: a topic, a failures topic, and a subscription for each rule, as the REST API takes them', () => {
  const rule = { name: 'my-rule', when, order: 'key', retry } as const;
  const { topics, subscriptions } = definitions([rule], parts);

  assert.deepEqual(topics, [
    { name: 'projects/my-project/topics/events' },
    { name: 'projects/my-project/topics/busway-failures' },
  ]);
  assert.deepEqual(subscriptions, [
    {
      name: 'projects/my-project/subscriptions/busway-failures',
      topic: 'projects/my-project/topics/busway-failures',
      filter: '',
      ackDeadlineSeconds: 60,
      enableMessageOrdering: false,
      messageRetentionDuration: '2678400s',
      expirationPolicy: {},
    },
    {
      name: `projects/my-project/subscriptions/${subscriptionName(parts.options, rule)}`,
      topic: 'projects/my-project/topics/events',
      filter: `attributes.ce-type = "t" AND NOT attributes:${markOf(when)}`,
      ackDeadlineSeconds: 60,
      enableMessageOrdering: true,
      messageRetentionDuration: '604800s',
      expirationPolicy: {},
      deadLetterPolicy: {
        deadLetterTopic: 'projects/my-project/topics/busway-failures',
        maxDeliveryAttempts: 100,
      },
    },
  ]);
});

test('pubsub definitions: with push the subscription calls, with a token, and its own curve of retries', () => {
  const push = { audience: 'https://a.example', serviceAccount: 'p@q.iam.gserviceaccount.com' };
  const options = toPubSubOptions({ topic: 'events', push });
  const [, pushed] = definitions([{ name: 'r', when, retry }], {
    ...parts,
    options,
    pushEndpoint: 'https://a.example/deliver',
  }).subscriptions;

  assert.equal(pushed?.ackDeadlineSeconds, 600);
  assert.deepEqual(pushed?.pushConfig, {
    pushEndpoint: 'https://a.example/deliver',
    oidcToken: { serviceAccountEmail: 'p@q.iam.gserviceaccount.com', audience: 'https://a.example' },
  });
  assert.deepEqual(pushed?.retryPolicy, { minimumBackoff: '2s', maximumBackoff: '600s' });
});

test('pubsub definitions: what cannot be changed is in the name, and the name gives the rule back', () => {
  const name = (rule: object) => subscriptionName(parts.options, { name: 'r', when, ...rule });

  assert.equal(name({}), name({ retry }));
  assert.notEqual(name({}), name({ order: 'key' }));
  assert.notEqual(name({}), name({ when: pattern({ type: ['u'] }) }));
  assert.notEqual(name({}), name({ when: pattern({ type: ['t'], data: { a: [2] } }) }), 'also where only data differs');
  const longest = name({ name: 'x'.repeat(64) });
  assert.ok(longest.length + 'busway'.length <= 255);
  assert.equal(ruleOfSubscription(parts.options, longest), 'x'.repeat(64));
});

test('pubsub definitions: what earlier filters left behind is named', () => {
  const defined = definitions([{ name: 'r', when }], parts);
  const path = (name: string) => `projects/my-project/subscriptions/${name}`;
  const current = defined.subscriptions.map(({ name }) => name);
  const old = path('busway~r~000000000000');

  assert.deepEqual(
    outdated(
      [...current, old, path('mine'), path('busway-x'), path('busway-eu~r~000000000000')],
      defined,
      parts.options,
    ),
    [old],
  );
});

test('pubsub definitions: of what is defined only the missing is left', () => {
  const defined = definitions([{ name: 'r', when }], parts);
  const { topics, subscriptions } = defined;

  assert.deepEqual(missing(defined, new Set()), defined);
  const there = new Set([topics[0]!.name, subscriptions[1]!.name, 'projects/my-project/topics/other']);
  assert.deepEqual(missing(defined, there), { topics: [topics[1]], subscriptions: [subscriptions[0]] });
});

test('pubsub definitions: they are made on an emulator, once, and nowhere else', async () => {
  const fake = await startPubSubFake();
  const endpoint = readEndpoint(fake.address, 'clear')!;
  const connection = createConnection({ project: 'my-project', endpoint });
  const defined = definitions([{ name: 'r', when }], parts);
  try {
    const first = await ensureOnEmulator({ connection, endpoint }, defined, idle);
    const second = await ensureOnEmulator({ connection, endpoint }, defined, idle);

    assert.equal(first.made.length, 4);
    assert.deepEqual(second.made, []);
    const made = fake.broker.getSubscription(defined.subscriptions[1]!.name).spec;
    assert.equal(made.filter, defined.subscriptions[1]!.filter);
    const listed = await listSubscriptions(connection, { project: 'my-project', topic: 'events' }, idle);
    assert.deepEqual(listed, [defined.subscriptions[1]!.name]);
    const cloud = readEndpoint('pubsub.googleapis.com', 'tls')!;
    await assert.rejects(ensureOnEmulator({ connection, endpoint: cloud }, defined, idle), { code: 'UNSUPPORTED' });
  } finally {
    await connection.close();
    await fake.close();
  }
});

function problemsOf(options: Readonly<Record<string, unknown>>): readonly string[] {
  const problems: Problem[] = [];
  checkOptions(options, pubsubOptions, 'bus', problems);
  return problems.map(({ path, says }) => `${path}: ${says}`);
}

test('pubsub options: what the service would not take is refused where it is written', () => {
  const push = { audience: 'https://a.example', serviceAccount: 'p@q.iam.gserviceaccount.com' };
  assert.deepEqual(problemsOf({}), []);
  assert.deepEqual(
    problemsOf({
      project: 'my-project-1',
      topic: 'a.b',
      endpoint: 'us-east1-pubsub.googleapis.com:443',
      subscriptionPrefix: 'b',
      push,
    }),
    [],
  );
  const bad: readonly Readonly<Record<string, unknown>>[] = [
    { project: 'My Project' },
    { topic: 'ab' },
    { topic: 'goog-events' },
    { topic: '1topic' },
    { topic: 'projects/p/topics/t' },
    { endpoint: 'ftp://x' },
    { endpoint: 'http://user:secret@x' },
    { endpoint: 'x:99999' },
    { subscriptionPrefix: 'x'.repeat(101) },
    { subscriptionPrefix: '-x' },
    { push: { audience: 'a' } },
    { push: { ...push, serviceAccount: 'nobody' } },
    { brokers: ['x'] },
  ];
  for (const options of bad) assert.equal(problemsOf(options).length, 1, JSON.stringify(options));
});

test('pubsub options: project and endpoint come from the options, else from the environment', () => {
  const env = (given: Readonly<Record<string, string>>) => ({ env: (name: string) => given[name] });
  const codeOf = (work: () => unknown) => {
    try {
      return work();
    } catch (thrown) {
      return thrown instanceof RouterError ? thrown.code : thrown;
    }
  };
  const none = toPubSubOptions({});

  assert.equal(projectOf(toPubSubOptions({ project: 'p-1' }), env({ GOOGLE_CLOUD_PROJECT: 'other-1' })), 'p-1');
  assert.equal(projectOf(none, env({ GOOGLE_CLOUD_PROJECT: 'other-1' })), 'other-1');
  assert.equal(projectOf(none, env({ PUBSUB_PROJECT_ID: 'other-2' })), 'other-2');
  assert.equal(
    codeOf(() => projectOf(none, env({}))),
    'CONFIG_INVALID',
  );
  assert.equal(
    codeOf(() => projectOf(none, env({ GOOGLE_CLOUD_PROJECT: 'No Project' }))),
    'CONFIG_INVALID',
  );
  const service = { host: 'pubsub.googleapis.com', port: 443, tls: true };
  assert.deepEqual(endpointOf(none, env({})), service);
  const emulator = { PUBSUB_EMULATOR_HOST: '[::1]:8085' };
  assert.deepEqual(endpointOf(none, env(emulator)), { host: '[::1]', port: 8085, tls: false });
  const own = toPubSubOptions({ endpoint: 'http://127.0.0.1' });
  assert.deepEqual(endpointOf(own, env(emulator)), { host: '127.0.0.1', port: 80, tls: false });
  assert.equal(
    codeOf(() => endpointOf(none, env({ PUBSUB_EMULATOR_HOST: 'no host' }))),
    'CONFIG_INVALID',
  );
});
