// The CDK app: `npx cdk synth`, `npx cdk deploy`.

import { App } from 'aws-cdk-lib';
import { ShopStack } from './shop-stack.ts';

new ShopStack(new App(), 'Shop');
