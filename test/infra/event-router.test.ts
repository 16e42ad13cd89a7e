// The construct: what the template holds, that a rule's resources stay where they are whatever happens to the others, rights no
// wider than needed, and what is refused before anything is made.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { type IVpc, SecurityGroup, SubnetType, Vpc } from 'aws-cdk-lib/aws-ec2';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { AccountPrincipal, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { RuleInput } from '../../infra/define.ts';
import { below, orders, type Resource, type Synthesized, standard, synthesize } from './stack-scene.ts';

/** A change here replaces resources of stacks that are deployed. */
const snapshot = `
  RouterArchive282307CD Events::Archive
  RouterBusADD36F92 Events::EventBus
  RouterDashboard79B99AA7 CloudWatch::Dashboard
  RouterDeliverErrors88C63981 CloudWatch::Alarm
  RouterDeliverFunction46723D11 Lambda::Function
  RouterDeliverLogED462F37 Logs::LogGroup
  RouterDeliverRole58F3FFFA IAM::Role
  RouterDeliverThrottles148CE228 CloudWatch::Alarm
  RouterIntakeAccessLogCF7543B0 Logs::LogGroup
  RouterIntakeApi9FCD5F94 ApiGatewayV2::Api
  RouterIntakeApiOPTIONSwebhookssource25D20C15 ApiGatewayV2::Route
  RouterIntakeApiOPTIONSwebhookssourceWebhookPermission74F3146B Lambda::Permission
  RouterIntakeApiPOSTwebhookssource18E07603 ApiGatewayV2::Route
  RouterIntakeApiPOSTwebhookssourceWebhookCB515974 ApiGatewayV2::Integration
  RouterIntakeApiPOSTwebhookssourceWebhookPermission3F4003AF Lambda::Permission
  RouterIntakeStage6CFD2E48 ApiGatewayV2::Stage
  RouterRedriveErrors3D1CE041 CloudWatch::Alarm
  RouterRedriveFunction137347C4 Lambda::Function
  RouterRedriveLog7406F985 Logs::LogGroup
  RouterRedriveRoleB3081800 IAM::Role
  RouterRedriveThrottles119D11C0 CloudWatch::Alarm
  RouterRuleplacedAge3C4CEB73 CloudWatch::Alarm
  RouterRuleplacedDeadLetterQueueB2D93517 SQS::Queue
  RouterRuleplacedDeadLetterQueuePolicyC4968752 SQS::QueuePolicy
  RouterRuleplacedFailures0194A9CB CloudWatch::Alarm
  RouterRuleplacedMappingEC20E6BD Lambda::EventSourceMapping
  RouterRuleplacedQueue7C67C811 SQS::Queue
  RouterRuleplacedQueuePolicy3CA2EEA9 SQS::QueuePolicy
  RouterRuleplacedRuleACD12869 Events::Rule
  RouterSecretsBUSWAYSECRETGITHUB8F6E1353 SecretsManager::Secret
  RouterSecretsBUSWAYSECRETPARTNER06694D21 SecretsManager::Secret
  RouterSecretsCISECRET332A8DDA SecretsManager::Secret
  RouterSeen458671A9 DynamoDB::Table
  RouterWebhookErrors53F86D42 CloudWatch::Alarm
  RouterWebhookFunctionFAA61446 Lambda::Function
  RouterWebhookLog677C7FF4 Logs::LogGroup
  RouterWebhookRole0AE1AF0D IAM::Role
  RouterWebhookThrottlesF7326ED2 CloudWatch::Alarm
`;

const valuesOf = (scene: Synthesized, type: string): readonly Resource[] => Object.values(scene.all(type));

// biome-ignore lint/suspicious/noExplicitAny: a statement of a policy
function statementsOf(scene: Synthesized): readonly any[] {
  return Object.values(scene.template().Resources).flatMap(({ Type, Properties }) => {
    if (Type === 'AWS::IAM::Role') {
      // biome-ignore lint/suspicious/noExplicitAny: a policy
      return (Properties.Policies ?? []).flatMap((policy: any) => policy.PolicyDocument.Statement);
    }
    return /Policy$/.test(Type) ? Properties.PolicyDocument.Statement : [];
  });
}

test('router: every rule has its rule, its queues that end in a dead-letter queue, and its mapping', () => {
  const scene = standard();
  const rules = scene.all('AWS::Events::Rule');
  const queues = scene.all('AWS::SQS::Queue');

  assert.deepEqual(
    Object.values(rules).map(({ Properties }) => Properties.Name),
    ['placed', 'to.chat', 'to_lambda', 'all'],
  );
  for (const { Properties, DependsOn } of Object.values(rules)) {
    const [target] = Properties.Targets;
    const queue = queues[target.Arn['Fn::GetAtt'][0]]!.Properties;
    const deadLetters = target.DeadLetterConfig.Arn['Fn::GetAtt'][0];
    assert.deepEqual(queue.RedrivePolicy.deadLetterTargetArn['Fn::GetAtt'][0], deadLetters);
    assert.equal(queues[deadLetters]!.Properties.QueueName, `${queue.QueueName}-dlq`);
    for (const { MessageRetentionPeriod: kept, SqsManagedSseEnabled: sse } of [
      queue,
      queues[deadLetters]!.Properties,
    ]) {
      assert.deepEqual([kept, sse], [1_209_600, true]);
    }
    assert.ok(
      DependsOn!.some((id) => /DeliverFunction/.test(id)),
      'the functions come first',
    );
  }
  const mappings = valuesOf(scene, 'AWS::Lambda::EventSourceMapping').map(({ Properties }) => Properties);
  assert.equal(mappings.length, 4);
  for (const { BatchSize, FunctionResponseTypes, ScalingConfig } of mappings) {
    assert.deepEqual(
      [BatchSize, FunctionResponseTypes, ScalingConfig],
      [10, ['ReportBatchItemFailures'], { MaximumConcurrency: 10 }],
    );
  }
});

test('router: a pattern that CloudFormation would refuse or take for a function of its own stands there as text', (t) => {
  const pattern = { data: { Ref: ['x'], 'Fn::Sub': ['y'] } };
  const rules = [
    { name: 'plain', when: { type: ['a'] }, to: { log: {} } },
    { name: 'null', when: { data: { x: [null] } }, to: { log: {} } },
    { name: 'function', when: pattern, to: { log: {} } },
  ];
  const scene = synthesize(t, { ...orders, rules });
  const [plain, nulls, functions] = valuesOf(scene, 'AWS::Events::Rule').map(
    ({ Properties }) => Properties.EventPattern,
  );

  assert.deepEqual(plain, { detail: { type: ['a'] } });
  assert.equal(nulls, '{"detail":{"data":{"x":[null]}}}');
  assert.deepEqual(JSON.parse(functions), { detail: pattern });
});

test('router: the resources of a rule stay as they are when others are added, removed and change places', (t) => {
  const [a, b, c, d] = orders.rules as readonly RuleInput[];
  const extra = { name: 'extra', when: { type: ['x'] }, to: { log: {} } } as const;
  const orderings = [[a!, b!, c!, d!], [d!, c!, b!, a!], [b!], [extra, c!, b!]];
  const kept = new Map<string, string>();

  for (const rules of orderings) {
    const scene = synthesize(t, { ...orders, rules });
    const ofRules = [...scene.router.routes].map(([name, route]) => [name, below(scene, route)] as const);
    const own = Object.keys(scene.template().Resources).filter((id) => !ofRules.some(([, found]) => id in found));
    const shared = own.filter((id) => !id.startsWith('RouterSecrets'));
    for (const [name, found] of [...ofRules, ["what is no rule's", shared] as const]) {
      const text = JSON.stringify(found);
      assert.equal(kept.get(name) ?? text, text, name);
      kept.set(name, text);
    }
    for (const [, found] of ofRules) assert.equal(Object.keys(found).length, 8);
  }
  assert.equal(kept.size, 6);
});

test('router: logical ids are a contract, and these are its', (t) => {
  const scene = synthesize(t, { ...orders, rules: orders.rules!.slice(0, 1) });
  const ids = Object.entries(scene.template().Resources).map(([id, { Type }]) => `${id} ${Type.slice(5)}`);

  assert.deepEqual(ids.sort(), snapshot.trim().split(/\n\s*/));
});

test('router: no right is wider than what it is for, and none is given without saying on what', () => {
  const scene = standard();
  const allowed = statementsOf(scene).filter(({ Effect }) => Effect === 'Allow');
  const resources = allowed.flatMap(({ Resource }) => [Resource].flat());

  assert.ok(allowed.length > 12);
  for (const { Action } of allowed) for (const one of [Action].flat()) assert.doesNotMatch(one, /[*?]/);
  for (const one of resources) assert.notEqual(one, '*');
  const wild = [...new Set(resources.map((one) => JSON.stringify(one)).filter((text) => /[*?]/.test(text)))];
  assert.deepEqual(wild.map((text) => /"(:[^"]*)"\]\]\}$/.exec(text)?.[1]).sort(), [
    ':busway-*-????????',
    ':busway-*-dlq',
  ]);
});

test('router: a queue takes messages from its rule, and over TLS only', () => {
  const policies = valuesOf(standard(), 'AWS::SQS::QueuePolicy');

  assert.equal(policies.length, 8);
  for (const { Properties } of policies) {
    const [deny, allow] = Properties.PolicyDocument.Statement;
    assert.deepEqual([deny.Effect, deny.Condition], ['Deny', { Bool: { 'aws:SecureTransport': 'false' } }]);
    assert.deepEqual([allow.Action, allow.Principal], ['sqs:SendMessage', { Service: 'events.amazonaws.com' }]);
    assert.match(JSON.stringify(allow.Condition), /^\{"ArnEquals":\{"aws:SourceArn":\{"Fn::GetAtt":\["RouterRule/);
  }
});

test('router: a secret is one resource, read by the function that needs it, and its value is nowhere', (t) => {
  const secrets = { CI_SECRET: 'prod/ci' };
  const scene = synthesize(t, orders, {
    secrets,
    also: (stack) => ({ secrets: { ...secrets, CHAT_URL: new Secret(stack, 'Chat') as ISecret } }),
  });
  const made = scene.all('AWS::SecretsManager::Secret');
  const readers = (pattern: RegExp): readonly string[] =>
    Object.entries(scene.all('AWS::Lambda::Function'))
      .filter(([, { Properties }]) => pattern.test(JSON.stringify(Properties.Environment)))
      .map(([id]) => /^Router(\w+?)Function/.exec(id)![1]!);

  assert.deepEqual(
    Object.values(made).map(({ Properties }) => [
      Properties.Description,
      Properties.GenerateSecretString !== undefined,
    ]),
    [
      [undefined, true],
      ['BUSWAY_SECRET_GITHUB of a Busway router', true],
      ['BUSWAY_SECRET_PARTNER of a Busway router', false],
    ],
  );
  for (const { Properties } of Object.values(made)) assert.equal(Properties.SecretString, undefined);
  assert.deepEqual(readers(/BUSWAY_SECRET_/), ['Webhook']);
  assert.deepEqual(readers(/CI_SECRET/), ['Deliver']);
  assert.deepEqual(readers(/CHAT_URL":\{"Ref":"Chat/), ['Deliver']);
  const byName = statementsOf(scene).filter(({ Resource }) => JSON.stringify(Resource).includes('secret:prod/ci'));
  assert.match(JSON.stringify(byName), /:secret:prod\/ci-\?\?\?\?\?\?"/);
});

test('router: alarms, dashboard, table, archive and logs are there, and what is kept is kept', (t) => {
  const scene = synthesize(t, orders, { also: (stack) => ({ alarmAction: new SnsAction(new Topic(stack, 'Pager')) }) });
  const alarms = valuesOf(scene, 'AWS::CloudWatch::Alarm');
  const [table] = valuesOf(scene, 'AWS::DynamoDB::Table');
  const [archive] = valuesOf(scene, 'AWS::Events::Archive');
  const [dashboard] = valuesOf(scene, 'AWS::CloudWatch::Dashboard');

  assert.equal(alarms.length, 4 * 2 + 3 * 2);
  for (const { Properties } of alarms) assert.equal(Properties.AlarmActions.length, 1);
  assert.equal(table!.DeletionPolicy, 'Retain');
  assert.deepEqual(table!.Properties.TimeToLiveSpecification, { AttributeName: 'expires', Enabled: true });
  assert.deepEqual([table!.Properties.BillingMode, table!.Properties.TableName], ['PAY_PER_REQUEST', 'busway-seen']);
  assert.deepEqual(table!.Properties.PointInTimeRecoverySpecification, { PointInTimeRecoveryEnabled: true });
  assert.equal(archive!.Properties.RetentionDays, 30);
  assert.match(JSON.stringify(dashboard!.Properties.DashboardBody), /ApproximateAgeOfOldestMessage/);
  for (const { Properties, DeletionPolicy } of valuesOf(scene, 'AWS::Logs::LogGroup')) {
    assert.deepEqual([Properties.RetentionInDays, DeletionPolicy], [30, 'Retain']);
  }
});

test('router: the functions are what serverless.yml lists, and each is its bundle', () => {
  const scene = standard();
  const made = Object.fromEntries(
    [...scene.router.functions].map(([name, one]) => [name, Object.values(below(scene, one.fn))[0]!.Properties]),
  );

  assert.deepEqual(Object.keys(made), ['webhook', 'deliver', 'redrive']);
  assert.deepEqual(made['webhook'].Environment.Variables.BUSWAY_SEEN_TABLE, 'busway-seen');
  assert.deepEqual(made['deliver'].Environment.Variables.BUSWAY_QUEUE_PREFIX, 'busway');
  assert.equal(made['deliver'].Environment.Variables.BUSWAY_SEEN_TABLE, undefined);
  for (const { Handler, Runtime, Architectures, LoggingConfig } of Object.values(made)) {
    assert.deepEqual([Handler, Runtime, Architectures], ['index.handler', 'nodejs24.x', ['arm64']]);
    assert.ok(LoggingConfig.LogGroup.Ref);
  }
  const routes = valuesOf(scene, 'AWS::ApiGatewayV2::Route').map(({ Properties }) => Properties.RouteKey);
  assert.deepEqual(routes, ['POST /webhooks/{source}', 'OPTIONS /webhooks/{source}']);
});

test("router: a document for one machine gets the stack's bus, and the functions are told", (t) => {
  const scene = synthesize(t, { ...orders, bus: 'embedded' }, { busName: 'shop' });

  assert.equal(valuesOf(scene, 'AWS::Events::EventBus')[0]!.Properties.Name, 'shop');
  assert.deepEqual(scene.router.document.bus, { use: 'eventbridge', bus: 'shop' });
});

test('router: a bus that is there is used and not made', (t) => {
  const given = synthesize(t, orders, {
    also: (stack) => ({ eventBus: EventBus.fromEventBusName(stack, 'Own', 'mine') }),
  });
  const byDefault = synthesize(t, { ...orders, bus: { use: 'eventbridge', bus: 'default' } });
  const busesOf = (scene: Synthesized): readonly unknown[] =>
    valuesOf(scene, 'AWS::Events::Rule').map(({ Properties }) => Properties.EventBusName);

  for (const scene of [given, byDefault]) assert.deepEqual(scene.all('AWS::Events::EventBus'), {});
  assert.deepEqual(new Set(busesOf(given)), new Set(['mine']));
  assert.deepEqual(new Set(busesOf(byDefault)), new Set(['default']));
  assert.deepEqual(given.router.document.bus, { use: 'eventbridge', bus: 'mine' });
});

test('router: a key of their own encrypts all that is kept, and the services may use it', (t) => {
  const scene = synthesize(t, orders, { also: (stack) => ({ encryptionKey: new Key(stack, 'Key') }) });
  const encrypted: Readonly<Record<string, string>> = {
    'AWS::SQS::Queue': 'KmsMasterKeyId',
    'AWS::Logs::LogGroup': 'KmsKeyId',
    'AWS::SecretsManager::Secret': 'KmsKeyId',
    'AWS::Events::EventBus': 'KmsKeyIdentifier',
    'AWS::Events::Archive': 'KmsKeyIdentifier',
    'AWS::Lambda::Function': 'KmsKeyArn',
  };

  for (const [type, property] of Object.entries(encrypted)) {
    for (const { Properties } of valuesOf(scene, type)) {
      assert.deepEqual(Properties[property]?.['Fn::GetAtt']?.[1], 'Arn', `${type} ${property}`);
    }
  }
  const [table] = valuesOf(scene, 'AWS::DynamoDB::Table');
  assert.equal(table!.Properties.SSESpecification.SSEType, 'KMS');
  const [key] = valuesOf(scene, 'AWS::KMS::Key');
  assert.match(JSON.stringify(key!.Properties.KeyPolicy), /"Service":"events\.amazonaws\.com"/);
  const users = Object.entries(scene.all('AWS::IAM::Policy')).filter(([, { Properties }]) =>
    /"kms:GenerateDataKey"/.test(JSON.stringify(Properties)),
  );
  assert.deepEqual(
    users.map(([id]) => /^Router(\w+?)Role/.exec(id)![1]),
    ['Webhook', 'Deliver', 'Redrive'],
  );
  for (const { Action } of statementsOf(scene))
    for (const one of [Action].flat()) assert.match(one, /^sqs:\*$|^[^*]+$/);
});

test('router: in a VPC of their own the functions have its subnets and may have network interfaces', (t) => {
  const scene = synthesize(t, orders, {
    also: (stack) => {
      const vpc = new Vpc(stack, 'Vpc', { maxAzs: 2, natGateways: 0 }) as IVpc;
      const securityGroups = [new SecurityGroup(stack, 'Group', { vpc })];
      return { vpc, vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED }, securityGroups };
    },
  });
  const ours = [...scene.router.functions.values()].map(({ fn }) => Object.values(below(scene, fn))[0]!.Properties);

  for (const { VpcConfig } of ours) {
    assert.deepEqual([VpcConfig.SubnetIds.length, VpcConfig.SecurityGroupIds.length], [2, 1]);
  }
  const wide = statementsOf(scene).filter(({ Effect, Resource }) => Effect === 'Allow' && Resource === '*');
  assert.equal(wide.length, 3);
  for (const { Action } of wide)
    for (const one of Action) assert.match(one, /^ec2:\w+(?:Interfaces?|Subnets|Addresses)$/);
});

test('router: on a bus of another cloud only the webhook function is made', (t) => {
  const scene = synthesize(t, { ...orders, bus: { use: 'pubsub', project: 'shop-1' } });

  assert.deepEqual([...scene.router.functions.keys()], ['webhook']);
  for (const type of ['AWS::SQS::Queue', 'AWS::Events::Rule', 'AWS::Events::EventBus', 'AWS::Events::Archive']) {
    assert.deepEqual(scene.all(type), {});
  }
  const grantee = new Role(scene.stack, 'Somebody', { assumedBy: new AccountPrincipal('123456789012') });
  assert.throws(() => scene.router.grantPublish(grantee), { code: 'UNSUPPORTED' });
  assert.throws(() => scene.router.grantRedrive(grantee), { code: 'UNSUPPORTED' });
});

test('router: on a Kafka of their own Lambda polls the topic for the deliver function', (t) => {
  const sasl = { mechanism: 'scram-sha-256', username: 'busway', password: 'KAFKA_PASSWORD' } as const;
  const bus = { use: 'kafka', brokers: ['b1.example:9096'], ssl: true, sasl } as const;
  const scene = synthesize(
    t,
    { ...orders, bus },
    { also: (stack) => ({ kafkaSecret: new Secret(stack, 'Login') as ISecret }) },
  );
  const [mapping] = valuesOf(scene, 'AWS::Lambda::EventSourceMapping');

  assert.deepEqual(mapping!.Properties.Topics, ['busway.events']);
  assert.deepEqual(mapping!.Properties.SelfManagedEventSource.Endpoints.KafkaBootstrapServers, ['b1.example:9096']);
  assert.deepEqual(mapping!.Properties.SelfManagedKafkaEventSourceConfig.ConsumerGroupId, 'busway');
  assert.equal(mapping!.Properties.SourceAccessConfigurations[0].Type, 'SASL_SCRAM_256_AUTH');
  assert.throws(() => synthesize(t, { ...orders, bus }), /bus\.sasl: Lambda's poller logs in by itself/);
  assert.throws(
    () => synthesize(t, { ...orders, bus: { use: 'kafka', brokers: ['b1.example:9092'] } }),
    /brokers without a login are reached inside of a VPC only/,
  );
});

test('router: who is granted may publish, redrive or look at the failures of one rule', (t) => {
  const scene = synthesize(t, orders);
  const grantee = new Role(scene.stack, 'Somebody', { assumedBy: new ServicePrincipal('ec2.amazonaws.com') });
  scene.router.grantPublish(grantee);
  scene.router.grantRedrive(grantee);
  scene.router.grantReadFailures(grantee, 'placed');

  const [policy] = valuesOf(scene, 'AWS::IAM::Policy');
  const actions = policy!.Properties.PolicyDocument.Statement.flatMap(
    ({ Action }: { Action: string | string[] }) => Action,
  );
  assert.ok(['events:PutEvents', 'lambda:InvokeFunction', 'sqs:ReceiveMessage'].every((one) => actions.includes(one)));
  assert.throws(() => scene.router.grantReadFailures(grantee, 'plced'), /unknown rule 'plced'; did you mean 'placed'/);
});
