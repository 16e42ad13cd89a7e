// What the functions keep and what they may not tell: the table of what was seen, and one secret per variable, made here or
// there already. A value never comes into the template.

import { Validations } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import { type CfnSecret, type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import type { AwsSecret, AwsTable } from '../aws/plan-data.ts';
import type { Shared } from './shared.ts';

export function makeTable(scope: Construct, { name, key, expires }: AwsTable, shared: Shared): Table {
  const { encryptionKey, removalPolicy } = shared;
  return new Table(scope, 'Seen', {
    tableName: name,
    partitionKey: { name: key, type: AttributeType.STRING },
    timeToLiveAttribute: expires,
    billingMode: BillingMode.PAY_PER_REQUEST,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    removalPolicy,
    ...(encryptionKey && { encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey }),
  });
}

/** Of letters and digits: a comma would part it in two, and white space is refused. */
const GENERATED = { passwordLength: 40, excludePunctuation: true, includeSpace: false };
const ROTATED =
  'its other half is with whoever signs: it is rotated by hand, with two values and a comma while both are valid';

function existingSecret(scope: Construct, variable: string, existing: string): ISecret {
  return existing.startsWith('arn:')
    ? Secret.fromSecretCompleteArn(scope, variable, existing)
    : Secret.fromSecretNameV2(scope, variable, existing);
}

/** `given`: by variable; what the user's app has as a construct. */
export function secretOf(
  scope: Construct,
  { variable, form, existing }: AwsSecret,
  { given, shared }: { given: ISecret | undefined; shared: Shared },
): ISecret {
  if (given !== undefined) return given;
  if (existing !== undefined) return existingSecret(scope, variable, existing);
  const { encryptionKey, removalPolicy } = shared;
  const secret = new Secret(scope, variable, {
    description: `${variable} of a Busway router`,
    generateSecretString: GENERATED,
    removalPolicy,
    ...(encryptionKey && { encryptionKey }),
  });
  // A made-up value would only fail later and say less: it stays without one until it is filled in.
  if (form === 'given') (secret.node.defaultChild as CfnSecret).generateSecretString = undefined;
  Validations.of(secret).acknowledge({ id: 'AwsSolutions-SMG4', reason: ROTATED });
  // CDK's own classes do not fit its interfaces under exactOptionalPropertyTypes.
  return secret as ISecret;
}
