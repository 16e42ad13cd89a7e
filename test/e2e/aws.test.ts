// The parts of the AWS run that need nothing installed, and its first half on MiniStack. The whole run, with failures that take
// their time, is node test/e2e/aws.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { findMiniStack } from '../adapters/eventbridge/ministack.ts';
import type { AwsCalls } from './aws/calls.ts';
import { differences, tableOf } from './aws/check.ts';
import { inOrder, loadStack, type Resource, type Template } from './aws/load.ts';
import { referencesIn, resolveValue } from './aws/resolve.ts';
import { asMiniStackReads } from './aws/rights.ts';
import { openScene } from './aws/scene.ts';
import { zipOf } from './aws/zip.ts';
import { intake, run } from './aws.ts';

const END_BYTES = 22;
const CENTRAL_BYTES = 46;
const LOCAL_BYTES = 30;

/** Reads an archive from its end, as programs do. */
function unzip(zip: Buffer): Record<string, Buffer> {
  const end = zip.length - END_BYTES;
  assert.equal(zip.readUInt32LE(end), 0x06054b50);
  const files: Record<string, Buffer> = {};
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    assert.equal(zip.readUInt32LE(at), 0x02014b50);
    const [size, nameLength] = [zip.readUInt32LE(at + 24), zip.readUInt16LE(at + 28)];
    const name = zip.subarray(at + CENTRAL_BYTES, at + CENTRAL_BYTES + nameLength);
    const local = zip.readUInt32LE(at + 42);
    assert.equal(zip.readUInt32LE(local), 0x04034b50);
    assert.deepEqual(zip.subarray(local + LOCAL_BYTES, local + LOCAL_BYTES + nameLength), name);
    const start = local + LOCAL_BYTES + nameLength;
    const content = zip.subarray(start, start + size);
    assert.equal(crc32(content), zip.readUInt32LE(at + 16));
    files[name.toString()] = Buffer.from(content);
    at += CENTRAL_BYTES + nameLength;
  }
  assert.equal(at, end);
  return files;
}

test('zip: any files come back from the archive as they were', () => {
  const bytes = fc.uint8Array({ maxLength: 300 }).map((part) => Buffer.from(part));
  const path = fc.stringMatching(/^[a-zäß/]{1,20}$/);
  fc.assert(
    fc.property(fc.dictionary(path, bytes, { noNullPrototype: true }), (files) =>
      assert.deepEqual(unzip(zipOf(files)), files),
    ),
  );
});

const known = {
  ref: (name: string) => ({ Queue: 'https://q', 'AWS::Region': 'eu-west-1' })[name],
  attribute: (id: string, name: string) => (id === 'Queue' && name === 'Arn' ? 'arn:q' : undefined),
};

const resolved: readonly (readonly [unknown, unknown])[] = [
  [{ Ref: 'Queue' }, 'https://q'],
  [{ 'Fn::GetAtt': ['Queue', 'Arn'] }, 'arn:q'],
  [{ 'Fn::GetAtt': 'Queue.Arn' }, 'arn:q'],
  [{ 'Fn::Join': ['-', ['a', { Ref: 'AWS::Region' }, 1]] }, 'a-eu-west-1-1'],
  [{ 'Fn::Sub': `in \${AWS::Region}, \${Queue.Arn}, \${!Queue}` }, `in eu-west-1, arn:q, \${Queue}`],
  [{ 'Fn::Sub': [`\${a}`, { a: { Ref: 'Queue' } }] }, 'https://q'],
  [
    { Effect: 'Allow', Condition: { Bool: { x: { Ref: 'Queue' } } } },
    { Effect: 'Allow', Condition: { Bool: { x: 'https://q' } } },
  ],
  [
    [1, null, { a: [true] }],
    [1, null, { a: [true] }],
  ],
];

test('resolve: each intrinsic function gives its value, wherever it stands', () => {
  for (const [given, due] of resolved) assert.deepEqual(resolveValue({ at: given }, known), { at: due });
});

const refused: readonly (readonly [unknown, RegExp])[] = [
  [{ Ref: 'Nothing' }, /'Nothing' names nothing/],
  [{ 'Fn::GetAtt': ['Queue', 'Url'] }, /'Queue.Url' names nothing/],
  [{ 'Fn::Sub': `\${Other.Arn}` }, /'Other.Arn' names nothing/],
  [{ 'Fn::ImportValue': 'x' }, /'Fn::ImportValue' is not known here/],
  [{ 'Fn::If': ['c', 1, 2] }, /'Fn::If' is not known here/],
  [{ Condition: 'IsProd' }, /'Condition' is not known here/],
  [{ Ref: 'Queue', other: 1 }, /'Ref' must stand alone/],
  [{ 'Fn::Join': ['-', 'a'] }, /Fn::Join must be/],
  [{ 'Fn::Join': ['-', [{ a: 1 }]] }, /Fn::Join must be a text/],
];

test('resolve: a function, a name or an attribute that is not known is an error and no empty text', () => {
  for (const [given, says] of refused) assert.throws(() => resolveValue({ at: [given] }, known), { message: says });
});

test('resolve: what a value refers to is found in every function', () => {
  const value = {
    a: [{ 'Fn::Sub': `\${A.Arn} \${B}` }, { 'Fn::Join': ['', [{ 'Fn::GetAtt': ['C', 'X'] }]] }],
    b: { Ref: 'D' },
  };
  assert.deepEqual([...referencesIn(value)].sort(), ['A', 'B', 'C', 'D']);
});

test('load: resources come behind what they refer to or depend on, and a circle is refused', () => {
  const refersTo = (...ids: string[]): Resource => ({ Type: 'T', Properties: { on: ids.map((Ref) => ({ Ref })) } });

  const order = inOrder({ A: refersTo('B'), B: { ...refersTo('AWS::Region'), DependsOn: ['C'] }, C: refersTo() });

  assert.deepEqual(order, ['C', 'B', 'A']);
  assert.throws(() => inOrder({ A: refersTo('B'), B: refersTo('A') }), { message: /A -> B -> A is a circle/ });
});

/** Answers what a service would, as far as a maker reads it. */
function recording(simulated = 'allowed'): { readonly calls: AwsCalls; readonly asked: string[] } {
  const asked: string[] = [];
  const answer = {
    QueueUrl: 'url',
    RuleArn: 'arn:rule',
    FailedEntryCount: 0,
    FunctionArn: 'arn:f:Stack-Deliver',
    UUID: 'u',
  };
  const note = async (what: string): Promise<typeof answer> => {
    asked.push(what);
    return answer;
  };
  const calls: AwsCalls = {
    json: (_service, operation) => note(operation),
    iam: async (action) => {
      await note(action);
      return `<EvalDecision>${simulated}</EvalDecision>`.repeat(3);
    },
    lambda: (_method, path) => note(path),
    gateway: note,
    invoke: note,
    s3: async (_method, path) => path,
  };
  return { calls, asked };
}

const admit = (queue: string): Resource => ({
  Type: 'AWS::SQS::QueuePolicy',
  Properties: {
    Queues: [{ Ref: queue }],
    PolicyDocument: {
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Service: 'events.amazonaws.com' },
          Action: 'sqs:SendMessage',
          Resource: { 'Fn::GetAtt': [queue, 'Arn'] },
          Condition: { ArnEquals: { 'aws:SourceArn': { 'Fn::GetAtt': ['Rule', 'Arn'] } } },
        },
      ],
    },
  },
});

/** A rule, its queues, and a function that is handed what comes. */
const small: Template['Resources'] = {
  Mapping: {
    Type: 'AWS::Lambda::EventSourceMapping',
    Properties: { EventSourceArn: { 'Fn::GetAtt': ['Queue', 'Arn'] }, FunctionName: { Ref: 'Deliver' }, BatchSize: 10 },
  },
  Deliver: {
    Type: 'AWS::Lambda::Function',
    Properties: {
      Code: { S3Bucket: 'b', S3Key: 'code.zip' },
      Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
      Handler: 'index.handler',
    },
  },
  Role: { Type: 'AWS::IAM::Role', Properties: { AssumeRolePolicyDocument: {}, Policies: [] } },
  Rule: {
    Type: 'AWS::Events::Rule',
    Properties: {
      Name: 'r',
      EventBusName: 'default',
      EventPattern: '{}',
      Targets: [
        {
          Id: 'q',
          Arn: { 'Fn::GetAtt': ['Queue', 'Arn'] },
          DeadLetterConfig: { Arn: { 'Fn::GetAtt': ['Dead', 'Arn'] } },
        },
      ],
    },
  },
  Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'q' } },
  Dead: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'q-dlq' } },
  QueuePolicy: admit('Queue'),
  DeadPolicy: admit('Dead'),
};

async function load(Resources: Template['Resources'], simulated?: string) {
  const { calls, asked } = recording(simulated);
  const stack = { name: 'Stack', template: { Resources }, assetOf: () => Buffer.from('zip') };
  const loaded = await loadStack(stack, { calls, region: 'eu-west-1', account: '123456789012', environment: {} });
  return { loaded, asked };
}

const without = (id: string): Template['Resources'] =>
  Object.fromEntries(Object.entries(small).filter(([name]) => name !== id));

test('load: a template is made in order, and what was made answers for its references', async () => {
  const { loaded, asked } = await load(small);

  assert.deepEqual(asked, [
    'CreateQueue',
    'CreateRole',
    '/functions',
    '/event-source-mappings',
    'CreateQueue',
    'PutRule',
    'PutTargets',
    'SimulatePrincipalPolicy',
  ]);
  assert.equal(loaded.value({ 'Fn::GetAtt': ['Dead', 'Arn'] }), 'arn:aws:sqs:eu-west-1:123456789012:q-dlq');
  assert.equal(loaded.made.get('AWS::SQS::Queue'), 2);
  assert.equal(loaded.left.get('AWS::SQS::QueuePolicy'), 2);
});

test('load: a type and a property that are not known are refused, never passed over', async () => {
  await assert.rejects(load({ Topic: { Type: 'AWS::SNS::Topic' } }), { message: /type AWS::SNS::Topic are not known/ });
  const fifo = { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'q', FifoQueue: true } };
  await assert.rejects(load({ Queue: fifo }), { message: /property FifoQueue of AWS::SQS::Queue is not known/ });
});

test('load: a rule that may not send to its queue or to its dead-letter queue is refused', async () => {
  await assert.rejects(load(without('QueuePolicy')), { message: /no policy lets arn:rule send to \S+:q,/ });
  await assert.rejects(load(without('DeadPolicy')), { message: /no policy lets arn:rule send to \S+:q-dlq,/ });
});

test('load: a mapping whose function may not receive from its queue is refused', async () => {
  await assert.rejects(load(small, 'implicitDeny'), { message: /lacks one of sqs:ReceiveMessage/ });
});

test('load: an API that may not call its function is refused', async () => {
  const integration: Resource = {
    Type: 'AWS::ApiGatewayV2::Integration',
    Properties: { ApiId: 'api', IntegrationType: 'AWS_PROXY', IntegrationUri: { 'Fn::GetAtt': ['Deliver', 'Arn'] } },
  };
  await assert.rejects(load({ ...small, Integration: integration }), {
    message: /no permission lets the HTTP API api call/,
  });
});

test('rights: a policy is widened by the names that MiniStack has for the same rights, and by nothing else', () => {
  const bus = 'arn:aws:events:eu-west-1:1:event-bus/b';
  const Statement = [
    { Effect: 'Allow', Action: ['sqs:DeleteMessage', 'sqs:ReceiveMessage'], Resource: 'arn:q' },
    { Effect: 'Allow', Action: ['events:PutEvents', 'events:DescribeEventBus'], Resource: bus },
    { Effect: 'Allow', Action: 'dynamodb:GetItem', Resource: 'arn:t' },
  ];

  assert.deepEqual(asMiniStackReads({ Version: 'v', Statement }), {
    Version: 'v',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['sqs:DeleteMessage', 'sqs:ReceiveMessage', 'sqs:DeleteMessageBatch'],
        Resource: 'arn:q',
      },
      Statement[1],
      { Effect: 'Allow', Action: 'events:DescribeEventBus', Resource: ['arn:aws:events:eu-west-1:1:rule/default/b'] },
      { Effect: 'Allow', Action: ['dynamodb:GetItem'], Resource: 'arn:t' },
    ],
  });
});

test('aws: what is not as due is a difference, and the table shows both', () => {
  const checks = [
    { what: 'same', due: [1], seen: [1] },
    { what: 'other', due: 202, seen: 503 },
  ];
  const steps = [{ name: 'step', checks, tookMs: 1 }];

  assert.deepEqual(differences(steps), ['step: other: 503, due 202']);
  assert.match(tableOf(steps).join('\n'), /^DIFFERS +other +503, due 202$/m);
});

const found = findMiniStack();

describe('aws on MiniStack', { skip: found.ok ? false : found.reason }, () => {
  test('ministack: a signed webhook ends at its targets through the stack as it is synthesized', async () => {
    assert.ok(found.ok);
    const scene = await openScene(found);
    try {
      assert.deepEqual(differences(await run(scene, intake)), []);
    } finally {
      await scene.close();
    }
  });
});
