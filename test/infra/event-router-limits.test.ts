// The construct: what is refused before anything is made, how many rules a stack holds, and what cdk-nag says of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { App, NestedStack, Stack, Validations } from 'aws-cdk-lib';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { RouterInput } from '../../infra/define.ts';
import { EventRouter } from '../../infra/event-router.ts';
import { context, type Ends, folder, list, orders, type Resource, type SceneProps, synthesize } from './stack-scene.ts';

test('router: all mistakes are refused at once, and nothing is bundled', (t) => {
  const stack = { env: { account: '123456789012', region: 'eu-west-1' } };
  const bus = { use: 'eventbridge', bus: 'arn:aws:events:us-east-1:210987654321:event-bus/orders' } as const;
  const rules = [{ name: 'a', when: { type: ['x'] }, to: { htp: {} } }];
  const given = { stack, encryptionKeys: 1, maximumConcurrency: 1 };

  assert.throws(
    () => synthesize(t, { ...orders, bus, rules: rules as never }, given as never),
    ({ message, code }: { message: string; code: string }) => {
      assert.equal(code, 'DOCUMENT_INVALID');
      assert.match(message, /^5 mistakes stand in the way/);
      assert.match(message, /rules\[0\]\.to: unknown target 'htp'; did you mean 'http'\?/);
      assert.match(message, /EventRouter: unknown prop 'encryptionKeys'; did you mean 'encryptionKey'\?/);
      assert.match(message, /maximumConcurrency: must be an integer from 2 to 1000, found 1/);
      assert.match(message, /bus: is in us-east-1, and the stack in eu-west-1/);
      assert.match(message, /bus: is of account 210987654321, and the stack of 123456789012/);
      return true;
    },
  );
  assert.throws(
    () => synthesize(t, orders, { also: (own) => ({ eventBus: new EventBus(own, 'Bus') as never }) }),
    /eventBus: its name must be known at synth/,
  );
});

const many = (count: number): RouterInput => ({
  ...orders,
  rules: Array.from({ length: count }, (_, i) => ({
    name: `rule-${i}`,
    when: { type: [`type-${i}`], data: { total: [{ numeric: ['>', i] }], place: [{ prefix: `p${i}` }, null] } },
    to: { log: {} },
  })),
});

test('router: more rules than a stack has room for are refused, and stand in nested stacks where they are given', (t) => {
  assert.throws(() => synthesize(t, many(58)), /rules: 58 rules do not fit into one stack, which has room for 57/);
  synthesize(t, many(57)).template();

  const scene = synthesize(t, many(9), {
    also: (stack) => {
      const nested = ['A', 'B', 'C'].map((id) => new NestedStack(stack, id));
      return { scopeOf: (rule) => nested[Number(rule.slice(5)) % 3]! };
    },
  });
  assert.equal(Object.keys(scene.all('AWS::CloudFormation::Stack')).length, 3);
  assert.deepEqual(scene.all('AWS::SQS::Queue'), {});
});

test('router: a template of hundreds of rules carries exactly the patterns of the plan', (t) => {
  const dir = folder(t);
  // More than CloudFormation would take: what is looked at is the text.
  const noLimit = { ...context, '@aws-cdk/core:stackResourceLimit': 0 };
  const app = new App({ outdir: dir, analyticsReporting: false, context: noLimit });
  const stack = new Stack(app, 'Busway');
  const scopeOf = (): Stack => stack;
  const props = {
    router: many(200),
    functionsFile: list,
    baseDir: dir,
    outDir: `${dir}/dist`,
    prefix: 'busway',
    scopeOf,
  };
  const { plan } = new EventRouter(stack, 'Router', props);
  const { Resources } = app.synth().getStackByName('Busway').template as { Resources: Record<string, Resource> };
  const found = Object.values(Resources).filter(({ Type }) => Type === 'AWS::Events::Rule');

  assert.equal(found.length, 200);
  for (const [i, { Properties }] of found.entries()) {
    const { EventPattern: pattern } = Properties;
    assert.equal(typeof pattern === 'string' ? pattern : JSON.stringify(pattern), plan.rules[i]!.pattern);
  }
});

function nagged(t: Ends, router: RouterInput, given: SceneProps = {}): void {
  const scene = synthesize(t, router, given);
  Validations.of(scene.app).addPlugins(new AwsSolutionsChecks(scene.app));
  scene.template();
}

test('router: the AWS Solutions pack of cdk-nag finds nothing that is not acknowledged with its reason', (t) => {
  const sasl = { mechanism: 'plain', username: 'busway', password: 'KAFKA_PASSWORD' } as const;
  const kafka = { use: 'kafka', brokers: ['b1.example:9096'], ssl: true, sasl } as const;
  const env = { account: '123456789012', region: 'eu-west-1' };
  const oversize = { store: { s3: { bucket: 'big-data', prefix: 'busway/' } } };

  nagged(t, { ...orders, oversize });
  nagged(t, orders, { stack: { env } });
  nagged(
    t,
    { ...orders, bus: kafka },
    { kafkaSecret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:k-AbCdEf' },
  );
  nagged(t, orders, { also: (stack) => ({ vpc: Vpc.fromVpcAttributes(stack, 'Vpc', vpcFacts) }) });
});

const vpcFacts = {
  vpcId: 'vpc-0123456789abcdef0',
  availabilityZones: ['a'],
  privateSubnetIds: ['subnet-0123456789abcdef0'],
  vpcCidrBlock: '10.0.0.0/16',
};

test('router: cdk-nag is asked, and would find something', (t) => {
  const scene = synthesize(t, orders);
  new Topic(scene.stack, 'Open');
  Validations.of(scene.app).addPlugins(new AwsSolutionsChecks(scene.app));

  assert.throws(() => scene.template(), /Validation failed/);
});
