// The HTTP API of a stack: its routes, what they lead to, and who may call that.
// Source: API Gateway V2 API reference; CloudFormation template reference, AWS::ApiGatewayV2 (read 2026-11-21).

import { given, LABELS, type Made, type Maker, type Properties, textAt } from './maker.ts';

/** CloudFormation writes 'RouteKey' for what the API calls 'routeKey'. */
function asApi(properties: Properties): Properties {
  const entries = Object.entries(properties);
  return Object.fromEntries(entries.map(([name, value]) => [name.charAt(0).toLowerCase() + name.slice(1), value]));
}

const idOf = (answer: Properties, name: string): Made => ({ ref: String(answer[name]), attributes: {} });

/** What lies below an API. */
function below(collection: string, id: string, uses: readonly string[], leaves: Maker['leaves'] = {}): Maker {
  return {
    uses: ['ApiId', ...uses],
    leaves,
    async make(properties, { calls }) {
      const path = `/apis/${textAt(properties, 'ApiId')}/${collection}`;
      return idOf(await calls.gateway(path, asApi(given(properties, uses))), id);
    },
  };
}

const api: Maker = {
  uses: ['Name', 'ProtocolType', 'Description'],
  leaves: { Tags: LABELS },
  async make(properties, { calls }) {
    const answer = await calls.gateway('/apis', asApi(given(properties, api.uses)));
    return { ...idOf(answer, 'apiId'), attributes: { ApiEndpoint: String(answer['apiEndpoint']) } };
  },
};

const permission: Maker = {
  uses: ['Action', 'FunctionName', 'Principal', 'SourceArn'],
  leaves: {},
  async make({ FunctionName, ...asked }, { calls, name: StatementId }) {
    await calls.lambda('POST', `/functions/${encodeURIComponent(String(FunctionName))}/policy`, {
      ...asked,
      StatementId,
    });
    return { ref: StatementId, attributes: { Id: StatementId } };
  },
};

export const httpMakers: Readonly<Record<string, Maker>> = {
  'AWS::ApiGatewayV2::Api': api,
  'AWS::ApiGatewayV2::Integration': below('integrations', 'integrationId', [
    'IntegrationType',
    'IntegrationUri',
    'PayloadFormatVersion',
  ]),
  'AWS::ApiGatewayV2::Route': below('routes', 'routeId', ['RouteKey', 'Target', 'AuthorizationType']),
  'AWS::ApiGatewayV2::Stage': below('stages', 'stageName', ['StageName', 'AutoDeploy'], {
    Tags: LABELS,
    AccessLogSettings: 'MiniStack writes no access log',
  }),
  'AWS::Lambda::Permission': permission,
};
