// The construct: what is refused before anything is made, how many rules a stack holds, and what cdk-nag says of it.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { NestedStack, Validations } from 'aws-cdk-lib';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { RouterInput } from '../../infra/define.ts';
import { type Ends, orders, type SceneProps, synthesize, type Template } from './stack-scene.ts';

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

test('router: more rules than a stack has room for are refused, and as many as it says do fit', (t) => {
  assert.throws(() => synthesize(t, many(58)), /rules: 58 rules do not fit into one stack, which has room for 57/);
  assert.equal(Object.keys(synthesize(t, many(57)).all('AWS::Events::Rule')).length, 57);
});

test('router: hundreds of rules stand in nested stacks, and the templates carry exactly the patterns of the plan', (t) => {
  const scene = synthesize(t, many(200), {
    also: (stack) => {
      const nested = Array.from({ length: 5 }, (_, i) => new NestedStack(stack, `Rules${i}`));
      return { scopeOf: (rule) => nested[Number(rule.slice(5)) % nested.length]! };
    },
  });
  assert.equal(Object.keys(scene.all('AWS::CloudFormation::Stack')).length, 5);
  assert.deepEqual(scene.all('AWS::SQS::Queue'), {});
  const found = new Map<string, unknown>();
  for (const file of readdirSync(join(scene.dir, 'cdk.out')).filter((name) => name.endsWith('.nested.template.json'))) {
    const { Resources } = JSON.parse(readFileSync(join(scene.dir, 'cdk.out', file), 'utf8')) as Template;
    for (const { Type, Properties } of Object.values(Resources)) {
      if (Type === 'AWS::Events::Rule') found.set(Properties.Name, Properties.EventPattern);
    }
  }

  assert.equal(found.size, 200);
  for (const { ruleName, pattern } of scene.router.plan.rules) {
    const written = found.get(ruleName);
    assert.equal(typeof written === 'string' ? written : JSON.stringify(written), pattern);
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
  nagged(t, orders, { also: (stack) => ({ encryptionKey: new Key(stack, 'Key', { enableKeyRotation: true }) }) });
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
