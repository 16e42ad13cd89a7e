// One function of the router: its log, its role with the rights of the plan and no others, its code. The role's policy stands
// in the role, so that nothing calls the function before it may do its work.

import { Duration, Validations } from 'aws-cdk-lib';
import { Effect, PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, Function as LambdaFunction, Runtime, RuntimeFamily } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { AwsFunction, AwsGrant } from '../aws/plan-data.ts';
import type { Service } from '../functions.ts';
import { allowUse, type Shared } from './shared.ts';
import { shownText, subText } from './sub.ts';

export interface RouterFunctionProps {
  readonly planned: AwsFunction;
  readonly service: Pick<Service, 'runtime' | 'architecture'>;
  /** The folder of its bundle. */
  readonly code: string;
  /** By variable; of all that the router needs. */
  readonly secrets: ReadonlyMap<string, ISecret>;
  readonly shared: Shared;
}

// As AWSLambdaVPCAccessExecutionRole has them; EC2 knows no narrower form of these.
const IN_VPC: AwsGrant = {
  actions: [
    'ec2:AssignPrivateIpAddresses',
    'ec2:CreateNetworkInterface',
    'ec2:DeleteNetworkInterface',
    'ec2:DescribeNetworkInterfaces',
    'ec2:DescribeSubnets',
    'ec2:UnassignPrivateIpAddresses',
  ],
  on: ['*'],
  why: 'network interfaces that Lambda makes have no name before they are made, and Describe has no resources at all',
};

const allow = (actions: readonly string[], resources: readonly string[]): PolicyStatement =>
  new PolicyStatement({ effect: Effect.ALLOW, actions: [...actions], resources: [...resources] });

export class RouterFunction extends Construct {
  readonly logGroup: LogGroup;
  readonly role: Role;
  readonly fn: LambdaFunction;

  constructor(scope: Construct, id: string, { planned, service, code, secrets, shared }: RouterFunctionProps) {
    super(scope, id);
    const { encryptionKey, logRetention, removalPolicy, vpc, vpcSubnets, securityGroups } = shared;
    const read = new Map(planned.secrets.map((variable) => [variable, secrets.get(variable)!]));
    this.logGroup = new LogGroup(this, 'Log', {
      retention: logRetention,
      removalPolicy,
      ...(encryptionKey && { encryptionKey }),
    });
    this.role = this.#makeRole(vpc === undefined ? planned.grants : [...planned.grants, IN_VPC], read);
    this.fn = new LambdaFunction(this, 'Function', {
      description: `${planned.name} of a Busway router`,
      runtime: new Runtime(service.runtime, RuntimeFamily.NODEJS),
      architecture: service.architecture === 'arm64' ? Architecture.ARM_64 : Architecture.X86_64,
      handler: planned.handler,
      code: Code.fromAsset(code),
      memorySize: planned.memory,
      timeout: Duration.seconds(planned.timeout),
      environment: this.#environment(planned, read),
      logGroup: this.logGroup,
      role: this.role,
      ...(encryptionKey && { environmentEncryption: encryptionKey }),
      ...(vpc && { vpc }),
      ...(vpcSubnets && { vpcSubnets }),
      ...(securityGroups && { securityGroups }),
    });
    if (encryptionKey) allowUse(encryptionKey, this.role);
    for (const secret of read.values()) secret.encryptionKey?.grantDecrypt(this.role);
  }

  #environment({ environment }: AwsFunction, read: ReadonlyMap<string, ISecret>): Record<string, string> {
    const texts = Object.entries(environment).map(([name, text]) => [name, subText(this, text)]);
    const secrets = [...read].map(([name, secret]) => [name, secret.secretArn]);
    return Object.fromEntries([...texts, ...secrets]);
  }

  #makeRole(grants: readonly AwsGrant[], read: ReadonlyMap<string, ISecret>): Role {
    // Of one that is known by name only, the six characters at the end of its ARN are not known.
    const arns = [...read.values()].map(({ secretFullArn, secretArn }) => secretFullArn ?? `${secretArn}-??????`);
    const statements = [
      allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [this.logGroup.logGroupArn]),
      ...grants.map(({ actions, on }) =>
        allow(
          actions,
          on.map((arn) => subText(this, arn)),
        ),
      ),
      ...(arns.length === 0 ? [] : [allow(['secretsmanager:GetSecretValue'], arns)]),
    ];
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      inlinePolicies: { Router: new PolicyDocument({ statements }) },
    });
    for (const { on, why } of grants) {
      if (why === undefined) continue;
      for (const arn of on) {
        const id = `AwsSolutions-IAM5[Resource::${shownText(this, arn)}]`;
        Validations.of(role).acknowledge({ id, reason: why });
      }
    }
    return role;
  }
}
