// What all parts of the construct are told by its props.

import type { RemovalPolicy } from 'aws-cdk-lib';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
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
  key.grantEncryptDecrypt(new ServicePrincipal('events.amazonaws.com'));
}
