// A stack of one's own with a router in it. What the router makes are ordinary constructs: they are given things here, and
// asked for things.

import { join } from 'node:path';
import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { AccountRootPrincipal, Role } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EventRouter } from 'busway/infra';
import type { Construct } from 'constructs';
import document from './infra/router.ts';

export class ShopStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);
    const onCall = new Topic(this, 'OnCall', { enforceSSL: true });
    const router = new EventRouter(this, 'Router', {
      router: document,
      baseDir: join(import.meta.dirname, 'infra'),
      prefix: 'shop',
      alarmAction: new SnsAction(onCall),
    });
    // Who may deliver failures again.
    const support = new Role(this, 'Support', { assumedBy: new AccountRootPrincipal() });
    router.grantRedrive(support);
    new CfnOutput(this, 'WebhookUrl', { value: router.intake.url });
  }
}
