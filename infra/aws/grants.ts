// What each function may do on AWS: the actions it calls and the ARNs it calls them on, nothing that it does not need. One
// place, so that the stack and serverless.yml give the same rights.
// Queues are named by what their names have in common: the inline policies of a role hold 10,240 characters together (IAM
// quotas, read 2026-11-21), which is fewer than 60 queues, and EventBridge has 300 rules.

import type { RouterDocument } from '../../router/document.ts';
import type { AwsBus, AwsGrant, AwsTable } from './plan-data.ts';

export interface GrantParts {
  readonly prefix: string;
  readonly bus: AwsBus | null;
  readonly table: AwsTable;
  readonly document: RouterDocument;
}

const QUEUES =
  "a role's policies hold fewer than 60 queues by name; the prefix and the form of the name are the router's own";
const OBJECTS = 'the names of objects are hashes of what will come; the prefix is the narrowest form';

const sqs = (name: string): string => `arn:\${AWS::Partition}:sqs:\${AWS::Region}:\${AWS::AccountId}:${name}`;

/** `<prefix>-<rule>-<8 hex>`: never a dead-letter queue, whose name ends otherwise. */
function queues(prefix: string, ...actions: string[]): AwsGrant {
  return { actions, on: [sqs(`${prefix}-*-????????`)], why: QUEUES };
}

function deadLetters(prefix: string, ...actions: string[]): AwsGrant {
  return { actions, on: [sqs(`${prefix}-*-dlq`)], why: QUEUES };
}

/** The bucket of oversized data. */
function bucket({ document }: GrantParts, action: 's3:PutObject' | 's3:GetObject'): readonly AwsGrant[] {
  const store = document.oversize?.store;
  if (store?.kind !== 's3') return [];
  const { bucket: name, prefix = '' } = store.options as { bucket: string; prefix?: string };
  const arn = `arn:\${AWS::Partition}:s3:::${name}`;
  const objects: AwsGrant = { actions: [action], on: [`${arn}/${prefix}*`], why: OBJECTS };
  // Without it an object that is not there is answered as one that may not be read.
  return action === 's3:GetObject' ? [objects, { actions: ['s3:ListBucket'], on: [arn] }] : [objects];
}

function webhook(parts: GrantParts): readonly AwsGrant[] {
  const { bus, table } = parts;
  const seen = `arn:\${AWS::Partition}:dynamodb:\${AWS::Region}:\${AWS::AccountId}:table/${table.name}`;
  return [
    ...(bus === null ? [] : [{ actions: ['events:PutEvents', 'events:DescribeEventBus'], on: [bus.arn] }]),
    { actions: ['dynamodb:GetItem', 'dynamodb:PutItem'], on: [seen] },
    ...bucket(parts, 's3:PutObject'),
  ];
}

function deliver(parts: GrantParts): readonly AwsGrant[] {
  const { prefix, bus, document } = parts;
  const arns = document.rules.flatMap(({ to }) => (typeof to.options['arn'] === 'string' ? [to.options['arn']] : []));
  const called = [...new Set(arns)].sort();
  return [
    ...(bus === null
      ? []
      : [
          // The first three for Lambda, the last for retries at the rule's times.
          queues(
            prefix,
            'sqs:ReceiveMessage',
            'sqs:DeleteMessage',
            'sqs:GetQueueAttributes',
            'sqs:ChangeMessageVisibility',
          ),
          deadLetters(prefix, 'sqs:SendMessage'),
        ]),
    ...(called.length === 0 ? [] : [{ actions: ['lambda:InvokeFunction'], on: called }]),
    ...bucket(parts, 's3:GetObject'),
  ];
}

function redrive({ prefix }: GrantParts): readonly AwsGrant[] {
  return [
    deadLetters(prefix, 'sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility'),
    queues(prefix, 'sqs:SendMessage'),
  ];
}

const byName: Readonly<Record<string, (parts: GrantParts) => readonly AwsGrant[]>> = { webhook, deliver, redrive };

/** Of a function that there is a bundle of. */
export function grantsOf(name: string, parts: GrantParts): readonly AwsGrant[] {
  return byName[name]!(parts);
}
