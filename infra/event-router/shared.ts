// What all parts of the construct are told by its props.

import type { RemovalPolicy } from 'aws-cdk-lib';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import { type IGrantable, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';

export interface Shared {
  readonly encryptionKey?: IKey | undefined;
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
  readonly vpc?: IVpc | undefined;
  readonly vpcSubnets?: SubnetSelection | undefined;
  readonly securityGroups?: ISecurityGroup[] | undefined;
}

/** The services that write with the key where no role of ours does. A key that was imported has to allow them already. */
export function allowServices(key: IKey, region: string): void {
  key.grantEncryptDecrypt(new ServicePrincipal(`logs.${region}.amazonaws.com`));
  key.grant(new ServicePrincipal('events.amazonaws.com'), 'kms:Decrypt', 'kms:GenerateDataKey');
}

/** Queues, the table and variables that a key encrypts are read and written with the rights of the function on the key. */
export function allowUse(key: IKey, grantee: IGrantable): void {
  const writing = ['kms:Encrypt', 'kms:GenerateDataKey', 'kms:ReEncryptFrom', 'kms:ReEncryptTo'];
  key.grant(grantee, 'kms:Decrypt', 'kms:DescribeKey', ...writing);
}
