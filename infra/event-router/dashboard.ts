// One page to look at: intake, functions, queues, failures. The queues are found by their names' beginning, so that the page
// stays the same whatever the rules are.

import { Duration } from 'aws-cdk-lib';
import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2';
import { Dashboard, GraphWidget, type IMetric, MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { ALARM_PERIOD_SECONDS } from '../aws/plan-data.ts';

export interface DashboardParts {
  readonly prefix: string;
  readonly httpApi: HttpApi;
  readonly functions: ReadonlyMap<string, IFunction>;
}

const period = Duration.seconds(ALARM_PERIOD_SECONDS);

/** A line for each queue whose name begins so. */
function byQueue(prefix: string, metric: string): IMetric {
  const search = `SEARCH('{AWS/SQS,QueueName} MetricName="${metric}" QueueName="${prefix}"', 'Maximum', ${ALARM_PERIOD_SECONDS})`;
  return new MathExpression({ expression: search, usingMetrics: {}, label: '', period });
}

export function makeDashboard(scope: Construct, { prefix, httpApi, functions }: DashboardParts): Dashboard {
  const ofApi = (metricName: string): Metric =>
    new Metric({
      namespace: 'AWS/ApiGateway',
      metricName,
      dimensionsMap: { ApiId: httpApi.apiId },
      statistic: 'Sum',
      period,
    });
  const ofFunctions = (metric: (fn: IFunction) => Metric): IMetric[] =>
    [...functions].map(([name, fn]) => metric(fn).with({ label: name, period }));
  const graph = (title: string, left: IMetric[]): GraphWidget => new GraphWidget({ title, left, width: 8 });
  return new Dashboard(scope, 'Dashboard', {
    widgets: [
      [
        graph('Requests', [ofApi('Count'), ofApi('4xx'), ofApi('5xx')]),
        graph(
          'Calls',
          ofFunctions((fn) => fn.metricInvocations()),
        ),
        graph(
          'Duration',
          ofFunctions((fn) => fn.metricDuration()),
        ),
      ],
      [
        graph(
          'Errors',
          ofFunctions((fn) => fn.metricErrors()),
        ),
        graph(
          'Throttles',
          ofFunctions((fn) => fn.metricThrottles()),
        ),
        graph('Waiting, by queue (-dlq: failures)', [byQueue(prefix, 'ApproximateNumberOfMessagesVisible')]),
      ],
      [graph('Oldest, in seconds, by queue', [byQueue(prefix, 'ApproximateAgeOfOldestMessage')])],
    ],
  });
}
