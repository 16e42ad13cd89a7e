// What a plan makes, changes and removes against an earlier one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deadLetterQueueName, queueName } from '../../../adapters/eventbridge/queues.ts';
import { type Change, changesBetween } from '../../../infra/plan/changes.ts';
import type { Plan } from '../../../infra/plan/plan-file.ts';
import { documentOf, planned, type RuleText } from './scene.ts';

const a: RuleText = { name: 'a', when: { type: ['a'] } };
const b: RuleText = { name: 'b', when: { type: ['b'] } };

async function planOf(bus: string | object, rules: readonly RuleText[]): Promise<Plan> {
  return (await planned(documentOf(bus, rules))).plan;
}

async function changes(
  bus: string | object,
  before: readonly RuleText[],
  after: readonly RuleText[],
): Promise<readonly Change[]> {
  return changesBetween(await planOf(bus, before), await planOf(bus, after), new Set());
}

const short = (list: readonly Change[]): readonly string[] =>
  list.map(({ change, thing, name, parts }) => [change, thing, name, ...(parts ?? [])].join(' '));

test('changes: without an earlier plan all is made', async () => {
  const plan = await planOf('eventbridge', [a]);

  assert.deepEqual(short(changesBetween(undefined, plan, new Set())), [
    'made bus eventbridge',
    'made rule a',
    'made event bus orders',
    'made bus rule a',
    `made queue ${queueName('busway', 'a')}`,
    `made dead-letter queue ${deadLetterQueueName('busway', 'a')}`,
  ]);
});

test('changes: the same document, and the same rules in another order, change nothing', async () => {
  for (const bus of ['embedded', 'kafka', 'eventbridge', 'eventgrid', 'pubsub']) {
    assert.deepEqual(await changes(bus, [a, b], [b, a]), [], bus);
  }
});

test('changes: of a changed rule it is said what: pattern, target, retry, order', async () => {
  const after = [
    { ...a, when: { type: ['c'] } },
    { ...b, to: { http: { url: 'https://x.example/' } }, retry: { attempts: 2 }, order: 'key' },
  ];

  assert.deepEqual(short(await changes('kafka', [a, b], after)), [
    'changed rule a pattern',
    'changed rule b target retry order',
  ]);
});

test('changes: an EventBridge rule is changed in place, and its queues stay', async () => {
  assert.deepEqual(short(await changes('eventbridge', [a, b], [a, { ...b, when: { type: ['c'] } }])), [
    'changed rule b pattern',
    'changed bus rule b settings',
  ]);
});

test('changes: a rule that is taken out takes what was made for it along', async () => {
  assert.deepEqual(short(await changes('eventbridge', [a, b], [a])), [
    'removed rule b',
    'removed bus rule b',
    `removed queue ${queueName('busway', 'b')}`,
    `removed dead-letter queue ${deadLetterQueueName('busway', 'b')}`,
  ]);
});

for (const [bus, kind] of [
  ['pubsub', 'subscription'],
  ['eventgrid', 'event subscription'],
] as const) {
  test(`changes: a ${bus} subscription with another filter is made new, the old one drained, then deleted`, async () => {
    const [rule, subscription, ...others] = await changes(bus, [a, b], [a, { ...b, when: { type: ['c'] } }]);
    const { before, name, steps } = subscription!;

    assert.deepEqual(short([rule!]), ['changed rule b pattern']);
    assert.deepEqual([subscription?.thing, subscription?.change, subscription?.rule], [kind, 'replaced', 'b']);
    assert.ok(before !== undefined && before !== name);
    assert.deepEqual(
      steps?.map((step) => step.split(':')[0]),
      [`make ${name}`, `drain ${before}`, `delete ${before}`],
    );
    assert.deepEqual(others, []);
  });
}

test('changes: the retry of a pushed Pub/Sub subscription is changed in place', async () => {
  const bus = { use: 'pubsub', project: 'example-1', push: { audience: 'a', serviceAccount: 'a@b.example' } };

  const [rule, subscription] = await changes(bus, [a], [{ ...a, retry: { firstMs: 30_000 } }]);

  assert.deepEqual(short([rule!]), ['changed rule a retry']);
  assert.deepEqual([subscription?.change, subscription?.parts], ['changed', ['settings']]);
});

test('changes: another bus makes and removes all, and says how to move', async () => {
  const list = changesBetween(await planOf('kafka', [a]), await planOf('pubsub', [a]), new Set());
  const [bus, ...others] = list;

  assert.deepEqual([bus?.change, bus?.name, bus?.before], ['replaced', 'pubsub', 'kafka']);
  assert.match(bus?.steps?.join('; ') ?? '', /publish to pubsub; drain kafka/);
  assert.ok(others.some(({ change, name }) => change === 'removed' && name === 'busway.events'));
  assert.ok(!others.some(({ thing }) => thing === 'rule'));
});

test('changes: a rule that has a mistake now is neither changed nor removed, nor is what was made for it', async () => {
  const earlier = await planOf('eventbridge', [a, b]);
  const plan = await planOf('eventbridge', [a]);

  assert.deepEqual(changesBetween(earlier, plan, new Set(['b'])), []);
});

test('changes: sources and functions are compared by name; against a document nothing is said of functions', async () => {
  const plan = await planOf('embedded', []);
  const source = { name: 's', kind: 'github', hash: '1' };
  const handler = { name: 'webhook', kind: 'aws.webhook', hash: '1' };
  const before: Plan = { ...plan, sources: [source], functions: [handler] };
  const after: Plan = { ...plan, sources: [{ ...source, kind: 'hmac' }], functions: [{ ...handler, hash: '2' }] };

  assert.deepEqual(short(changesBetween(before, after, new Set())), [
    'changed source s kind',
    'changed function webhook options',
  ]);
  assert.deepEqual(short(changesBetween({ ...before, functions: null }, after, new Set())), ['changed source s kind']);
});
