// The two ways to deploy make the same: what osls packages from serverless.yml and dist/serverless.json, offline, against the
// CDK's template: functions, routes, mappings of queues, patterns, queues and their redrive policies, rights, variables, alarms.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { serverlessFile, writeServerlessFile } from '../../infra/serverless.ts';
import { childEnv } from '../harness/env.ts';
import { lintTemplate, noCfnLint } from './cfn-lint.ts';
import { oslsProject } from './osls.ts';
import { folder, orders, type Resource, synthesize, type Template } from './stack-scene.ts';

/** What osls packages in the folder with the bundles and with what the rules gave. */
function packaged(dir: string): string {
  const program = oslsProject(dir);
  const env = childEnv({ HOME: join(dir, 'home'), SLS_TELEMETRY_DISABLED: '1' });
  const { status, stderr } = spawnSync(process.execPath, [program, 'package'], { cwd: dir, env, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return join(dir, '.serverless/cloudformation-template-update-stack.json');
}

const scene = synthesize({ after }, orders, { secrets: { CI_SECRET: 'prod/ci' } });
const cdk = scene.template();
writeServerlessFile(join(scene.dir, 'dist/serverless.json'), serverlessFile(scene.router.plan));
const file = packaged(scene.dir);
const osls = JSON.parse(readFileSync(file, 'utf8')) as Template;

// biome-ignore lint/suspicious/noExplicitAny: whatever a template holds
type Loose = any;

const pseudo = (name: string): string => `\${${name}}`;

/** A value with its references by what they mean: a resource by its own name, so that logical ids do not matter. */
function plain(value: Loose, { Resources }: Template): Loose {
  const resolve = (one: Loose): Loose => plain(one, { Resources });
  if (Array.isArray(value)) return value.map(resolve);
  if (typeof value !== 'object' || value === null) return value;
  const [key] = Object.keys(value);
  if (key === 'Fn::Join') return value[key][1].map(resolve).join(value[key][0]);
  if (key === 'Fn::Sub') return value[key];
  if (key === 'Ref' && value[key].startsWith('AWS::')) return pseudo(value[key]);
  if (key === 'Ref' || key === 'Fn::GetAtt') {
    const [id, attribute] = [value[key]].flat();
    return `<${nameOf(id, Resources[id]!)}${attribute === undefined || attribute === 'Arn' ? '' : `.${attribute}`}>`;
  }
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, resolve(one)]));
}

/** What a resource is for, the same in both templates. */
function nameOf(id: string, { Type, Properties }: Resource): string {
  const { QueueName, TableName, Name, Description } = Properties;
  if (QueueName ?? TableName) return QueueName ?? TableName;
  if (Type === 'AWS::Events::EventBus' || Type === 'AWS::Events::Rule') return Name;
  if (Type === 'AWS::SecretsManager::Secret') return Description;
  return `${ownerOf(id)} ${Type}`;
}

/** `webhook` for its function, its role and its log. */
const ownerOf = (id: string): string => /^(?:Router)?(Webhook|Deliver|Redrive)/.exec(id)?.[1]?.toLowerCase() ?? '';

function sorted(value: Loose): Loose {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, one]) => [name, sorted(one)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What the resources of one type come to in a template, whatever their order. */
function read(template: Template, type: string, what: (properties: Loose, owner: string) => Loose): readonly string[] {
  return Object.entries(template.Resources)
    .filter(([, { Type }]) => Type === type)
    .map(([id, { Properties }]) => JSON.stringify(sorted(what(plain(Properties, template), ownerOf(id)))))
    .sort();
}

/** All of it but what says nothing of how it works. */
const whole = ({ Tags: _tags, Description: _description, ...rest }: Loose): Loose => rest;

const statement = ({ Action, Resource: on, ...rest }: Loose): Loose => ({
  ...rest,
  Action: [Action].flat().sort(),
  Resource: [on].flat().sort(),
});

const compared: readonly (readonly [
  says: string,
  type: string,
  count: number,
  what: (p: Loose, owner: string) => Loose,
])[] = [
  [
    'functions: handler, memory, time, runtime and variables',
    'AWS::Lambda::Function',
    3,
    ({ Handler, MemorySize, Timeout, Runtime, Architectures, Environment }, name) => ({
      name,
      handler: Handler.replace(`dist/${name}/`, ''),
      ...{ MemorySize, Timeout, Runtime, Architectures, Environment },
    }),
  ],
  ['routes', 'AWS::ApiGatewayV2::Route', 2, ({ RouteKey }) => RouteKey],
  [
    'mappings of queues, with their batches',
    'AWS::Lambda::EventSourceMapping',
    4,
    ({ Tags: _tags, Enabled: _enabled, ...rest }) => rest,
  ],
  ['rules of the bus, with their patterns and targets', 'AWS::Events::Rule', 4, whole],
  ['queues, with their redrive policies', 'AWS::SQS::Queue', 8, whole],
  [
    'who may send to a queue',
    'AWS::SQS::QueuePolicy',
    8,
    ({ Queues, PolicyDocument }) => ({ Queues, statements: PolicyDocument.Statement.map(statement) }),
  ],
  [
    'what each function may do',
    'AWS::IAM::Role',
    3,
    ({ Policies, AssumeRolePolicyDocument }, name) => ({
      name,
      statements: Policies.flatMap(({ PolicyDocument }: Loose) => PolicyDocument.Statement.map(statement)),
      by: AssumeRolePolicyDocument.Statement,
    }),
  ],
  ['the bus', 'AWS::Events::EventBus', 1, whole],
  ['the archive', 'AWS::Events::Archive', 1, whole],
  ['the table of what was seen', 'AWS::DynamoDB::Table', 1, whole],
  ['secrets', 'AWS::SecretsManager::Secret', 3, ({ Tags: _tags, ...rest }) => rest],
  ['alarms', 'AWS::CloudWatch::Alarm', 14, whole],
];

for (const [says, type, count, what] of compared) {
  test(`serverless.yml and the CDK make the same: ${says}`, () => {
    const [ours, theirs] = [read(osls, type, what), read(cdk, type, what)];

    assert.equal(ours.length, count);
    assert.deepEqual(ours, theirs);
  });
}

test('serverless.yml: a difference would be seen', () => {
  const changed = structuredClone(osls) as { Resources: Record<string, { Type: string; Properties: Loose }> };
  for (const { Type, Properties } of Object.values(changed.Resources)) {
    if (Type === 'AWS::Events::Rule') Properties.EventPattern = { detail: { type: ['other'] } };
    if (Type === 'AWS::SQS::Queue' && Properties.RedrivePolicy) Properties.RedrivePolicy.maxReceiveCount++;
  }

  for (const type of ['AWS::Events::Rule', 'AWS::SQS::Queue']) {
    assert.notDeepEqual(read(changed, type, whole), read(cdk, type, whole));
  }
});

/** The names in a zip's central directory, whose entries begin with PK 1 2. */
function namesInZip(zip: Buffer): string[] {
  const names: string[] = [];
  const mark = Buffer.from([0x50, 0x4b, 1, 2]);
  for (let at = zip.indexOf(mark); at >= 0; at = zip.indexOf(mark, at + 46)) {
    names.push(zip.toString('utf8', at + 46, at + 46 + zip.readUInt16LE(at + 28)));
  }
  return names;
}

test('serverless.yml: a function is packaged with its bundle and nothing else', async () => {
  const names = namesInZip(readFileSync(join(scene.dir, '.serverless/webhook.zip')));

  const due = ['index.mjs', 'index.mjs.map', 'rules.json'].map((name) => `dist/webhook/${name}`);
  assert.deepEqual(names.sort(), due);
});

for (const [name, template] of [
  ['the CDK', join(scene.dir, 'cdk.out/Busway.template.json')],
  ['osls', file],
] as const) {
  test(`cfn-lint finds nothing in the template of ${name}`, { skip: noCfnLint }, () => {
    assert.deepEqual(lintTemplate(template), []);
  });
}

test('cfn-lint would find something', { skip: noCfnLint }, (t) => {
  const bad = join(folder(t), 'bad.json');
  writeFileSync(bad, JSON.stringify({ Resources: { Queue: { Type: 'AWS::SQS::Queue', Properties: { Delay: 1 } } } }));

  assert.match(lintTemplate(bad).join('\n'), /E3002/);
});
