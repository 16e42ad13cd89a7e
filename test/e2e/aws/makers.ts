// A resource of a template -> what MiniStack is asked to make, by type; and the types that are not made, with the reason.
// Source: CloudFormation template reference, the page of each type, "Return values" (read 2026-11-21).

import { randomBytes } from 'node:crypto';
import { httpMakers } from './http-makers.ts';
import { given, LABELS, type Made, type MakeParts, type Maker, type Properties, textAt } from './maker.ts';
import { asMiniStackReads } from './rights.ts';

const AT_REST = 'nothing is kept on a disk';

const bus: Maker = {
  uses: ['Name'],
  leaves: { Tags: LABELS },
  async make(properties, { calls }) {
    const { EventBusArn } = await calls.json('events', 'CreateEventBus', { Name: properties['Name'] });
    const name = textAt(properties, 'Name');
    return { ref: name, attributes: { Arn: String(EventBusArn), Name: name } };
  },
};

const rule: Maker = {
  uses: ['Name', 'EventBusName', 'EventPattern', 'Targets', 'Description'],
  leaves: { Tags: LABELS },
  async make(properties, { calls }) {
    const { Name, EventBusName, EventPattern, Targets, Description } = properties;
    const pattern = typeof EventPattern === 'string' ? EventPattern : JSON.stringify(EventPattern);
    const asked = { Name, EventBusName, EventPattern: pattern, Description };
    const { RuleArn } = await calls.json('events', 'PutRule', asked);
    const { FailedEntryCount } = await calls.json('events', 'PutTargets', { Rule: Name, EventBusName, Targets });
    if (FailedEntryCount !== 0)
      throw new Error(`rule ${String(Name)}: ${String(FailedEntryCount)} targets were refused`);
    return { ref: textAt(properties, 'Name'), attributes: { Arn: String(RuleArn) } };
  },
};

const queue: Maker = {
  uses: ['QueueName', 'MessageRetentionPeriod', 'VisibilityTimeout', 'RedrivePolicy'],
  leaves: { Tags: LABELS, SqsManagedSseEnabled: AT_REST },
  async make(properties, { calls, region, account }) {
    const { QueueName, ...attributes } = given(properties, queue.uses);
    const texts = Object.entries(attributes).map(([name, value]) => [
      name,
      typeof value === 'object' ? JSON.stringify(value) : String(value),
    ]);
    const asked = { QueueName, Attributes: Object.fromEntries(texts) };
    const { QueueUrl } = await calls.json('sqs', 'CreateQueue', asked);
    const name = String(QueueName);
    return { ref: String(QueueUrl), attributes: { Arn: `arn:aws:sqs:${region}:${account}:${name}`, QueueName: name } };
  },
};

const table: Maker = {
  uses: ['TableName', 'AttributeDefinitions', 'KeySchema', 'BillingMode', 'TimeToLiveSpecification'],
  leaves: { Tags: LABELS, SSESpecification: AT_REST, PointInTimeRecoverySpecification: 'nothing is restored' },
  async make(properties, { calls, region, account }) {
    const { TimeToLiveSpecification, ...asked } = given(properties, table.uses);
    const { TableName } = asked;
    await calls.json('dynamodb', 'CreateTable', asked);
    await calls.json('dynamodb', 'UpdateTimeToLive', { TableName, TimeToLiveSpecification });
    const Arn = `arn:aws:dynamodb:${region}:${account}:table/${String(TableName)}`;
    return { ref: String(TableName), attributes: { Arn } };
  },
};

const GENERATED = ['PasswordLength', 'ExcludePunctuation', 'IncludeSpace'];

/** Letters and digits, as the template must ask for them. */
function generated(options: Properties): string {
  const strange = Object.keys(options).find((name) => !GENERATED.includes(name));
  if (strange !== undefined || options['ExcludePunctuation'] !== true || options['IncludeSpace'] !== false) {
    throw new Error(`GenerateSecretString: only ${GENERATED.join(', ')} of letters and digits are known here`);
  }
  const length = Number(options['PasswordLength']);
  return randomBytes(2 * length)
    .toString('base64')
    .replaceAll(/[^A-Za-z0-9]/g, '')
    .slice(0, length);
}

const secret: Maker = {
  uses: ['Description', 'GenerateSecretString'],
  leaves: { Tags: LABELS },
  async make({ Description, GenerateSecretString }, { calls, name }) {
    const value =
      GenerateSecretString === undefined ? {} : { SecretString: generated(GenerateSecretString as Properties) };
    const { ARN } = await calls.json('secretsmanager', 'CreateSecret', { Name: name, Description, ...value });
    return { ref: String(ARN), attributes: { Id: String(ARN) } };
  },
};

const logGroup: Maker = {
  uses: ['RetentionInDays'],
  leaves: { Tags: LABELS },
  async make({ RetentionInDays: retentionInDays }, { calls, region, account, name }) {
    await calls.json('logs', 'CreateLogGroup', { logGroupName: name });
    await calls.json('logs', 'PutRetentionPolicy', { logGroupName: name, retentionInDays });
    return { ref: name, attributes: { Arn: `arn:aws:logs:${region}:${account}:log-group:${name}:*` } };
  },
};

const role: Maker = {
  uses: ['AssumeRolePolicyDocument', 'Policies'],
  leaves: { Tags: LABELS },
  async make({ AssumeRolePolicyDocument, Policies = [] }, { calls, account, name: RoleName }) {
    const trust = JSON.stringify(AssumeRolePolicyDocument);
    await calls.iam('CreateRole', { RoleName, AssumeRolePolicyDocument: trust });
    for (const { PolicyName, PolicyDocument } of Policies as readonly {
      PolicyName: string;
      PolicyDocument: object;
    }[]) {
      await calls.iam('PutRolePolicy', {
        RoleName,
        PolicyName,
        PolicyDocument: JSON.stringify(asMiniStackReads(PolicyDocument)),
      });
    }
    return { ref: RoleName, attributes: { Arn: `arn:aws:iam::${account}:role/${RoleName}` } };
  },
};

const lambda: Maker = {
  uses: ['Code', 'Environment', 'Handler', 'LoggingConfig', 'MemorySize', 'Role', 'Runtime', 'Timeout'],
  leaves: { Tags: LABELS, Description: LABELS, Architectures: 'it runs on the processor that is here' },
  async make(properties, { calls, name: FunctionName, assetOf, environment }) {
    const { Code, Environment, ...asked } = given(properties, lambda.uses);
    const { Variables = {} } = (Environment ?? {}) as { Variables?: Properties };
    const ZipFile = assetOf(textAt(Code as Properties, 'S3Key')).toString('base64');
    const input = {
      ...asked,
      FunctionName,
      Code: { ZipFile },
      Environment: { Variables: { ...Variables, ...environment } },
    };
    const { FunctionArn } = await calls.lambda('POST', '/functions', input);
    return { ref: FunctionName, attributes: { Arn: String(FunctionArn) } };
  },
};

const mapping: Maker = {
  uses: ['EventSourceArn', 'FunctionName', 'BatchSize', 'FunctionResponseTypes', 'ScalingConfig'],
  leaves: { Tags: LABELS },
  async make(properties, { calls }) {
    const { UUID } = await calls.lambda('POST', '/event-source-mappings', given(properties, mapping.uses));
    return { ref: String(UUID), attributes: { Id: String(UUID) } };
  },
};

const makers: Readonly<Record<string, Maker>> = {
  ...httpMakers,
  'AWS::Events::EventBus': bus,
  'AWS::Events::Rule': rule,
  'AWS::SQS::Queue': queue,
  'AWS::DynamoDB::Table': table,
  'AWS::SecretsManager::Secret': secret,
  'AWS::Logs::LogGroup': logGroup,
  'AWS::IAM::Role': role,
  'AWS::Lambda::Function': lambda,
  'AWS::Lambda::EventSourceMapping': mapping,
};

/** Type -> why it is not made here. */
export const leftOut: Readonly<Record<string, string>> = {
  'AWS::SQS::QueuePolicy':
    'it shuts out whoever comes without TLS, and that is all on loopback; what it must let in is checked (rights.ts)',
  'AWS::Events::Archive': 'nothing is replayed',
  'AWS::CloudWatch::Alarm': 'no metrics are kept',
  'AWS::CloudWatch::Dashboard': 'no metrics are kept',
};

/** Throws Error for a type or a property that is not known. `properties`: without intrinsic functions. */
export async function makeResource(type: string, properties: Properties, parts: MakeParts): Promise<Made> {
  const maker = makers[type];
  if (maker === undefined) throw new Error(`template: resources of type ${type} are not known here`);
  const strange = Object.keys(properties).find(
    (name) => !maker.uses.includes(name) && !Object.hasOwn(maker.leaves, name),
  );
  if (strange !== undefined) throw new Error(`template: property ${strange} of ${type} is not known here`);
  return maker.make(properties, parts);
}
