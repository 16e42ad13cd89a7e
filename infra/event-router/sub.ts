// The plan's texts in CDK: ${AWS::…} becomes what the stack knows, a value or a token.

import { Stack, Token } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

function filled(text: string, known: (name: string, value: string) => string, scope: IConstruct): string {
  const { partition, region, account } = Stack.of(scope);
  return Object.entries({ Partition: partition, Region: region, AccountId: account }).reduce(
    (sum, [name, value]) => sum.replaceAll(`\${AWS::${name}}`, known(name, value)),
    text,
  );
}

export function subText(scope: IConstruct, text: string): string {
  return filled(text, (_name, value) => value, scope);
}

/** As cdk-nag writes it in the ids of what it finds. */
export function shownText(scope: IConstruct, text: string): string {
  return filled(text, (name, value) => (Token.isUnresolved(value) ? `<AWS::${name}>` : value), scope);
}
