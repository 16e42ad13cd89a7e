// What AWS must have for a document: names that functions work out by themselves, rights and secrets no wider than needed, and
// all that stands in the way told at once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { surveyRouter } from '../../infra/aws/document.ts';
import { type AwsSettings, awsPlan, soundPlan } from '../../infra/aws-plan.ts';
import type { RouterInput } from '../../infra/define.ts';
import { readFunctions } from '../../infra/functions.ts';
import { kinds } from '../../local/document-file.ts';
import { checkDocument } from '../../router/document.ts';
import { list, orders } from './stack-scene.ts';

const functions = readFunctions(list);
const settings: AwsSettings = { prefix: 'busway' };

const planOf = (router: RouterInput, more: Partial<AwsSettings> = {}) =>
  awsPlan(checkDocument(router, kinds), functions, { ...settings, ...more });

function problemsOf(router: unknown, more: object = {}): readonly string[] {
  const { problems } = surveyRouter({ router: router as RouterInput, functions, ...settings, ...more });
  return problems.map(({ path, says }) => `${path}: ${says}`);
}

const named = (name: string) => planOf(orders).functions.find((one) => one.name === name)!;

test('aws plan: a rule is a rule of the bus, two queues and times that follow from the deliver function and its retry', () => {
  const [placed] = planOf(orders).rules;

  assert.deepEqual(placed, {
    rule: 'placed',
    ruleName: 'placed',
    pattern: '{"detail":{"type":["order.placed"],"data":{"total":[{"numeric":[">",100]}]}}}',
    queue: 'busway-placed-f41690bb',
    deadLetterQueue: 'busway-placed-f41690bb-dlq',
    visibilitySeconds: 360,
    maxReceiveCount: 13,
    maximumConcurrency: 10,
  });
});

test('aws plan: the same document gives the same plan, and a rule is planned alike whatever stands beside it', () => {
  const [first] = orders.rules!;
  const alone = planOf({ ...orders, rules: [first!] });

  assert.deepEqual(planOf(orders), planOf(structuredClone(orders)));
  assert.deepEqual(alone.rules[0], planOf(orders).rules[0]);
});

test('aws plan: what EventBridge cannot filter is sent whole', () => {
  const when = { data: { 'a.b': ['x'] } };
  const { rules } = planOf({ ...orders, rules: [{ name: 'dotted', when, to: { log: {} } }] });

  assert.equal(rules[0]!.pattern, '{"source":[{"prefix":""}]}');
});

test('aws plan: each function has the rights that it uses and the secrets that it reads', () => {
  const actions = (name: string): readonly string[] => named(name).grants.flatMap((grant) => grant.actions);

  assert.deepEqual(actions('webhook'), [
    'events:PutEvents',
    'events:DescribeEventBus',
    'dynamodb:GetItem',
    'dynamodb:PutItem',
  ]);
  assert.deepEqual(actions('deliver'), [
    'sqs:ReceiveMessage',
    'sqs:DeleteMessage',
    'sqs:GetQueueAttributes',
    'sqs:ChangeMessageVisibility',
    'sqs:SendMessage',
    'lambda:InvokeFunction',
  ]);
  assert.deepEqual(actions('redrive'), [
    'sqs:ReceiveMessage',
    'sqs:DeleteMessage',
    'sqs:ChangeMessageVisibility',
    'sqs:SendMessage',
  ]);
  assert.deepEqual(named('webhook').secrets, ['BUSWAY_SECRET_GITHUB', 'BUSWAY_SECRET_PARTNER']);
  assert.deepEqual(named('deliver').secrets, ['CI_SECRET', 'CHAT_URL']);
  assert.deepEqual(named('redrive').secrets, []);
});

test('aws plan: no action and no whole resource is a wildcard, and a partial one has its reason', () => {
  const grants = planOf(orders).functions.flatMap((one) => one.grants);

  for (const { actions, on, why } of grants) {
    for (const action of actions) assert.match(action, /^[a-z0-9]+:[A-Za-z]+$/);
    for (const arn of on) assert.match(arn, /^arn:\S+:\S*[A-Za-z0-9]/);
    assert.equal(
      on.some((arn) => /[*?]/.test(arn)),
      why !== undefined,
      on.join(),
    );
  }
});

test('aws plan: the wildcard of queues takes every queue and no dead-letter queue, whatever the rule is called', () => {
  const toRegExp = (arn: string): RegExp =>
    new RegExp(`^${arn.split(':').at(-1)!.replaceAll('*', '.*').replaceAll('?', '.')}$`);
  const [queues, deadLetters] = named('deliver').grants.map(({ on }) => toRegExp(on[0]!));
  const names = ['a', 'x-12345678', 'ends-dlq', '-'.repeat(64), 'ab.cd_ef-'.repeat(7)];
  const { rules } = planOf({
    ...orders,
    rules: names.map((name) => ({ name, when: { type: ['x'] }, to: { log: {} } })),
  });

  for (const { queue, deadLetterQueue } of rules) {
    assert.ok(deadLetterQueue.length <= 80 && /^[A-Za-z0-9_-]+$/.test(deadLetterQueue), deadLetterQueue);
    assert.deepEqual([queues!.test(queue), queues!.test(deadLetterQueue)], [true, false], queue);
    assert.deepEqual([deadLetters!.test(queue), deadLetters!.test(deadLetterQueue)], [false, true], queue);
  }
});

test('aws plan: a secret is made up only where any text will do', () => {
  const { secrets } = planOf(orders, { secrets: { CI_SECRET: 'prod/ci' } });

  assert.deepEqual(
    secrets.map(({ variable, form, existing }) => [variable, form, existing]),
    [
      ['BUSWAY_SECRET_GITHUB', 'any', undefined],
      ['BUSWAY_SECRET_PARTNER', 'given', undefined],
      ['CI_SECRET', 'given', 'prod/ci'],
      ['CHAT_URL', 'given', undefined],
    ],
  );
});

test('aws plan: every rule and function has its alarms', () => {
  const { alarms } = planOf(orders);
  const about = alarms.map(({ kind, of }) => `${kind} ${'rule' in of ? of.rule : of.function}`);

  const ofRules = orders.rules!.flatMap(({ name }) => [`failures ${name}`, `age ${name}`]);
  const ofFunctions = functions.flatMap(({ name }) => [`errors ${name}`, `throttles ${name}`]);
  assert.deepEqual(about, [...ofRules, ...ofFunctions]);
});

test('aws plan: where the bus is of another cloud, AWS takes webhooks and has nothing to deliver', () => {
  const buses = [
    { use: 'pubsub', project: 'shop-1' },
    { use: 'eventgrid', endpoint: 'https://a.westeurope-1.eventgrid.azure.net' },
  ] as const;
  const logins = buses.map((bus) => {
    const plan = planOf({ ...orders, bus });
    assert.deepEqual(
      plan.functions.map(({ name }) => name),
      ['webhook'],
    );
    assert.deepEqual([plan.bus, plan.rules, plan.archive, plan.kafka], [null, [], null, null]);
    return plan.functions[0]!.secrets.at(-1);
  });

  assert.deepEqual(logins, ['GOOGLE_APPLICATION_CREDENTIALS', 'EVENTGRID_KEY']);
});

test('aws plan: a Kafka of one of their own is polled for the deliver function', () => {
  const sasl = { mechanism: 'scram-sha-512', username: 'busway', password: 'KAFKA_PASSWORD' } as const;
  const plan = planOf({ ...orders, bus: { use: 'kafka', brokers: ['b1.example:9096'], ssl: true, sasl } });

  assert.deepEqual(plan.kafka, {
    brokers: ['b1.example:9096'],
    topic: 'busway.events',
    group: 'busway',
    authentication: 'SASL_SCRAM_512_AUTH',
  });
  assert.deepEqual(
    plan.functions.map(({ name, secrets }) => [name, secrets.includes('KAFKA_PASSWORD')]),
    [
      ['webhook', true],
      ['deliver', true],
    ],
  );
});

test('aws plan: an event with its data in a store passes the filter of a rule over data', () => {
  const oversize = { store: { s3: { bucket: 'big-data', prefix: 'busway/' } } };
  const { rules, functions: made } = planOf({ ...orders, oversize });
  const rights = made.map(({ name, grants }) => [
    name,
    grants.flatMap(({ actions, on }) => (on[0]!.includes(':s3:') ? actions : [])),
  ]);

  assert.match(rules[0]!.pattern, /"dataref":\[\{"prefix":"s3:\/\/big-data\/busway\/"\}\]/);
  assert.deepEqual(rights, [
    ['webhook', ['s3:PutObject']],
    ['deliver', ['s3:GetObject', 's3:ListBucket']],
    ['redrive', []],
  ]);
});

test('aws plan: everything that is wrong is told at once, with its place', () => {
  const rule = { name: 'a', when: { type: ['x'] }, to: { log: {} } };
  const router = {
    bus: { use: 'eventbridge', bus: 'orders', maxRules: 3 },
    sources: { 'my-shop': { use: 'github' }, my_shop: { use: 'github' } },
    ruls: [],
    rules: [
      { ...rule, order: 'key' },
      rule,
      { ...rule, name: 'slow', to: { http: { url: 'https://x.example', timeoutMs: 120_000 } } },
      { ...rule, name: 'long', when: { type: Array.from({ length: 900 }, (_, i) => `type-${i}`) } },
      { ...rule, name: 'b' },
      { ...rule, name: 'c' },
    ],
    oversize: { store: { folder: 'data' } },
  };

  const problems = problemsOf(router, { secrets: { BUSWAY_SECRET_MYSHOP: 'x', CI: 'whsec_AAAA' }, prefix: 'a/b' });
  const due = [
    /^: unknown key 'ruls'; did you mean 'rules'\?/,
    /^rules\[1\]\.name: "a" is the name of rules\[0\] already/,
    /^prefix: must be 1 to 32/,
    /^oversize\.store: the folder of one instance .*use s3$/,
    /^rules: 5 of 3 rules of the bus: over the limit/,
    /^rules\[3\] 'long': \d+ of 2048 characters of the pattern: over the limit/,
    /^rules\[0\] 'a' order: asks for the order of a key, and EventBridge gives none/,
    /^rules\[2\] 'slow' to\.http\.timeoutMs: 120000 is longer than the deliver function runs \(60 s/,
    /^sources\.my_shop: would share the variable BUSWAY_SECRET_MY_SHOP with source 'my-shop'; rename one$/,
    /^secrets\.BUSWAY_SECRET_MYSHOP: unknown variable 'BUSWAY_SECRET_MYSHOP'; did you mean 'BUSWAY_SECRET_MY_SHOP'\?/,
    /^secrets\.CI: unknown variable/,
  ];
  assert.equal(problems.length, due.length, problems.join('\n'));
  for (const [i, pattern] of due.entries()) assert.match(problems[i]!, pattern);
  assert.throws(
    () => soundPlan(surveyRouter({ router: router as never, functions, ...settings })),
    (thrown: { code: string; message: string }) =>
      thrown.code === 'DOCUMENT_INVALID' && /^8 mistakes stand in the way/.test(thrown.message),
  );
});

test('aws plan: what cannot run on AWS is refused with the reason', () => {
  const on = (bus: unknown): readonly string[] => problemsOf({ ...orders, bus });

  assert.match(on('embedded')[0]!, /^bus: the embedded bus lives in a folder of one machine; write/);
  assert.match(on('kafka')[0]!, /^bus: needs 'brokers': Lambda polls them/);
  assert.match(on({ use: 'eventgrid', entra: true })[0]!, /^bus\.entra: is an identity of Azure's own hosts/);
  assert.match(problemsOf({ ...orders, bus: 'kafka' }, { busName: 'x' })[0]!, /^busName: names a bus of EventBridge/);
  assert.deepEqual(problemsOf({ ...orders, bus: 'embedded' }, { busName: 'x' }), []);
});

test('aws plan: a secret that was pasted where its name belongs is refused unseen', () => {
  const secret = 'https://hooks.slack.com/services/T0/B0/secret';
  const problems = problemsOf(orders, { secrets: { CHAT_URL: secret, CI_SECRET: 'whsec_c2VjcmV0c2VjcmV0c2VjcmV0' } });

  assert.equal(problems.length, 2);
  for (const problem of problems) assert.match(problem, /must be the name or the ARN of a secret/);
  assert.ok(!problems.join().includes('hooks.slack.com') && !problems.join().includes('c2Vjc'));
});

test('aws plan: a list of functions with one too many or one too few is refused', () => {
  const [first, ...others] = functions;
  const odd = [...others, { ...first!, name: 'cdc' }];
  const { problems } = surveyRouter({ router: orders, functions: odd, ...settings });

  assert.deepEqual(
    problems.map(({ path }) => path),
    ['serverless.yml functions.cdc', 'serverless.yml functions'],
  );
});

test('aws plan: the survey is total, whatever the document is', () => {
  for (const router of [null, 3, 'x', [], {}, { bus: null }, { bus: { use: 'eventbridge' } }, { rules: {} }]) {
    for (const busName of [undefined, 'orders']) {
      const request = {
        router: router as never,
        functions,
        ...settings,
        ...(busName === undefined ? {} : { busName }),
      };
      assert.doesNotThrow(() => surveyRouter(request), JSON.stringify(router));
    }
  }
});
