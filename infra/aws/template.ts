// The plan as resources of a CloudFormation template, for serverless.yml: what osls does not make by itself. Pure. Logical ids
// are a contract: a rule's come from its name alone. The logical ids of functions and their logs are those that osls gives.

import { createHash } from 'node:crypto';
import { templatePattern } from './pattern.ts';
import {
  ALARM_PERIOD_SECONDS,
  type AwsAlarm,
  type AwsFunction,
  type AwsPlan,
  type AwsRule,
  type AwsSecret,
  RETENTION_SECONDS,
} from './plan-data.ts';

export interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DependsOn?: string;
  readonly DeletionPolicy?: 'Retain';
  readonly UpdateReplacePolicy?: 'Retain';
}

export type Resources = Readonly<Record<string, Resource>>;

const RETAINED = { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' } as const;

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const arnOf = (id: string): unknown => ({ 'Fn::GetAtt': [id, 'Arn'] });
const plain = (text: string): string => text.replaceAll(/[^A-Za-z0-9]/g, '');

/** A text as it is, or with what only CloudFormation knows. */
export function sub(text: string): unknown {
  const name = /^\$\{(AWS::\w+)\}$/.exec(text)?.[1];
  if (name !== undefined) return { Ref: name };
  return text.includes('${') ? { 'Fn::Sub': text } : text;
}

/** Of letters and digits, and no two rules' are the same. */
export function ruleId(rule: string): string {
  return `Rule${plain(rule)}${createHash('sha256').update(rule).digest('hex').slice(0, 8).toUpperCase()}`;
}

export const roleId = (name: string): string => `${capital(name)}Role`;

const secretId = ({ variable }: AwsSecret): string =>
  `Secret${plain(variable)}${plain(variable) === variable ? '' : hex(variable)}`;
const hex = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8).toUpperCase();

/** What stands in a variable of a function. */
function secretValue(secret: AwsSecret): unknown {
  const { existing } = secret;
  if (existing === undefined) return { Ref: secretId(secret) };
  if (existing.startsWith('arn:')) return existing;
  return sub(`arn:\${AWS::Partition}:secretsmanager:\${AWS::Region}:\${AWS::AccountId}:secret:${existing}`);
}

/** What may be read; of a secret that is known by name only, the six characters at the end of its ARN are not known. */
function secretArn(secret: AwsSecret): unknown {
  const { existing } = secret;
  if (existing === undefined || existing.startsWith('arn:')) return secretValue(secret);
  return sub(`arn:\${AWS::Partition}:secretsmanager:\${AWS::Region}:\${AWS::AccountId}:secret:${existing}-??????`);
}

const ofFunction = ({ secrets }: AwsPlan, { secrets: read }: AwsFunction): readonly AwsSecret[] =>
  secrets.filter(({ variable }) => read.includes(variable));

export function environmentOf(plan: AwsPlan, one: AwsFunction): Readonly<Record<string, unknown>> {
  const texts = Object.entries(one.environment).map(([name, text]) => [name, sub(text)]);
  const secrets = ofFunction(plan, one).map((secret) => [secret.variable, secretValue(secret)]);
  return Object.fromEntries([...texts, ...secrets]);
}

function policy(Statement: readonly object[]): object {
  return { Version: '2012-10-17', Statement };
}

function role(plan: AwsPlan, one: AwsFunction): Resource {
  const log = {
    Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    Resource: [arnOf(`${capital(one.name)}LogGroup`)],
  };
  const granted = one.grants.map(({ actions, on }) => ({ Action: actions, Resource: on.map(sub) }));
  const arns = ofFunction(plan, one).map(secretArn);
  const secrets = arns.length === 0 ? [] : [{ Action: ['secretsmanager:GetSecretValue'], Resource: arns }];
  const statements = [log, ...granted, ...secrets].map((statement) => ({ Effect: 'Allow', ...statement }));
  const service = { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' };
  return {
    Type: 'AWS::IAM::Role',
    Properties: {
      AssumeRolePolicyDocument: policy([service]),
      Policies: [{ PolicyName: 'Router', PolicyDocument: policy(statements) }],
    },
  };
}

function queuePolicy(queue: string, rule: string): Resource {
  const overTls = {
    Effect: 'Deny',
    Principal: { AWS: '*' },
    Action: 'sqs:*',
    Resource: arnOf(queue),
    Condition: { Bool: { 'aws:SecureTransport': 'false' } },
  };
  const fromRule = {
    Effect: 'Allow',
    Principal: { Service: 'events.amazonaws.com' },
    Action: 'sqs:SendMessage',
    Resource: arnOf(queue),
    Condition: { ArnEquals: { 'aws:SourceArn': arnOf(rule) } },
  };
  const Properties = { Queues: [{ Ref: queue }], PolicyDocument: policy([overTls, fromRule]) };
  return { Type: 'AWS::SQS::QueuePolicy', Properties };
}

function route(planned: AwsRule, plan: AwsPlan): Resources {
  const { rule, ruleName, pattern, queue, deadLetterQueue, visibilitySeconds, maxReceiveCount } = planned;
  const id = ruleId(rule);
  const kept = { MessageRetentionPeriod: RETENTION_SECONDS, SqsManagedSseEnabled: true };
  const target = { Id: 'queue', Arn: arnOf(`${id}Queue`), DeadLetterConfig: { Arn: arnOf(`${id}DeadLetterQueue`) } };
  return {
    [`${id}DeadLetterQueue`]: { Type: 'AWS::SQS::Queue', Properties: { QueueName: deadLetterQueue, ...kept } },
    [`${id}Queue`]: {
      Type: 'AWS::SQS::Queue',
      Properties: {
        QueueName: queue,
        ...kept,
        VisibilityTimeout: visibilitySeconds,
        RedrivePolicy: { deadLetterTargetArn: arnOf(`${id}DeadLetterQueue`), maxReceiveCount },
      },
    },
    [id]: {
      Type: 'AWS::Events::Rule',
      Properties: {
        Name: ruleName,
        EventBusName: plan.bus!.made ? { Ref: 'Bus' } : plan.bus!.name,
        EventPattern: templatePattern(pattern),
        Targets: [target],
      },
      // The function that knows the rule comes first.
      DependsOn: 'DeliverLambdaFunction',
    },
    [`${id}QueuePolicy`]: queuePolicy(`${id}Queue`, id),
    [`${id}DeadLetterQueuePolicy`]: queuePolicy(`${id}DeadLetterQueue`, id),
  };
}

function alarm({ kind, of, metric, statistic, threshold, says }: AwsAlarm): readonly [string, Resource] {
  const isQueue = 'queue' in of;
  const dimension = isQueue
    ? { Name: 'QueueName', Value: of.queue }
    : { Name: 'FunctionName', Value: { Ref: `${capital(of.function)}LambdaFunction` } };
  const Properties = {
    AlarmDescription: says,
    Namespace: isQueue ? 'AWS/SQS' : 'AWS/Lambda',
    MetricName: metric,
    Dimensions: [dimension],
    Statistic: statistic,
    Period: ALARM_PERIOD_SECONDS,
    EvaluationPeriods: 1,
    Threshold: threshold,
    ComparisonOperator: 'GreaterThanThreshold',
    TreatMissingData: 'notBreaching',
  };
  const owner = isQueue ? ruleId(of.rule) : capital(of.function);
  return [`${owner}${capital(kind)}Alarm`, { Type: 'AWS::CloudWatch::Alarm', Properties }];
}

function secret(one: AwsSecret): readonly [string, Resource] {
  const made = { GenerateSecretString: { PasswordLength: 40, ExcludePunctuation: true, IncludeSpace: false } };
  const Properties = { Description: `${one.variable} of a Busway router`, ...(one.form === 'any' ? made : {}) };
  return [secretId(one), { Type: 'AWS::SecretsManager::Secret', Properties, ...RETAINED }];
}

function table({ table: { name, key, expires } }: AwsPlan): Resource {
  const Properties = {
    TableName: name,
    AttributeDefinitions: [{ AttributeName: key, AttributeType: 'S' }],
    KeySchema: [{ AttributeName: key, KeyType: 'HASH' }],
    BillingMode: 'PAY_PER_REQUEST',
    TimeToLiveSpecification: { AttributeName: expires, Enabled: true },
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
  };
  return { Type: 'AWS::DynamoDB::Table', Properties, ...RETAINED };
}

function bus({ bus, archive }: AwsPlan): Resources {
  if (bus === null) return {};
  const source = bus.made ? arnOf('Bus') : sub(bus.arn);
  const kept = { SourceArn: source, RetentionDays: archive?.days };
  return {
    ...(bus.made ? { Bus: { Type: 'AWS::Events::EventBus', Properties: { Name: bus.name } } } : {}),
    ...(archive === null ? {} : { Archive: { Type: 'AWS::Events::Archive', Properties: kept, ...RETAINED } }),
  };
}

export function resourcesOf(plan: AwsPlan): Resources {
  return {
    ...bus(plan),
    Seen: table(plan),
    ...Object.fromEntries(plan.secrets.filter(({ existing }) => existing === undefined).map(secret)),
    ...Object.fromEntries(plan.functions.map((one) => [roleId(one.name), role(plan, one)])),
    ...Object.assign({}, ...plan.rules.map((rule) => route(rule, plan))),
    ...Object.fromEntries(plan.alarms.map(alarm)),
  };
}
