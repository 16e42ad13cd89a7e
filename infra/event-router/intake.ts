// The HTTP API in front of the webhook function, with the routes that serverless.yml lists and a log line for each request.
// No authorizer: a request is proven by its signature, which only the function can check.

import { Validations } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import { HttpApi, type HttpMethod, HttpStage, LogGroupLogDestination } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Shared } from './shared.ts';

export interface IntakeProps {
  readonly webhook: IFunction;
  /** 'POST /webhooks/{source}' */
  readonly routes: readonly string[];
  readonly shared: Shared;
}

/** What helps to find a request, and nothing that it carries: a query may hold a secret. */
const LINE = JSON.stringify({
  at: '$context.requestTime',
  requestId: '$context.requestId',
  sourceIp: '$context.identity.sourceIp',
  method: '$context.httpMethod',
  path: '$context.path',
  status: '$context.status',
  tookMs: '$context.responseLatency',
  integrationError: '$context.integrationErrorMessage',
});

const SIGNED =
  'a request is proven by its signature over the raw body, which the webhook function checks before anything else';

export class Intake extends Construct {
  readonly httpApi: HttpApi;
  readonly stage: HttpStage;
  readonly accessLog: LogGroup;

  constructor(scope: Construct, id: string, { webhook, routes, shared }: IntakeProps) {
    super(scope, id);
    const { encryptionKey, logRetention: retention, removalPolicy } = shared;
    this.accessLog = new LogGroup(this, 'AccessLog', {
      retention,
      removalPolicy,
      ...(encryptionKey && { encryptionKey }),
    });
    this.httpApi = new HttpApi(this, 'Api', { createDefaultStage: false, description: 'webhooks of a Busway router' });
    const integration = new HttpLambdaIntegration('Webhook', webhook);
    for (const route of routes) {
      const [method = '', path = ''] = route.split(' ');
      this.httpApi.addRoutes({ path, methods: [method as HttpMethod], integration }).forEach((added) => {
        Validations.of(added).acknowledge({ id: 'AwsSolutions-APIG4', reason: SIGNED });
      });
    }
    this.stage = new HttpStage(this, 'Stage', {
      httpApi: this.httpApi,
      stageName: '$default',
      autoDeploy: true,
      accessLogSettings: {
        destination: new LogGroupLogDestination(this.accessLog),
        format: AccessLogFormat.custom(LINE),
      },
    });
  }

  /** Where senders post to, without the name of a source: 'https://…/webhooks/'. */
  get url(): string {
    return `${this.httpApi.apiEndpoint}/webhooks/`;
  }
}
