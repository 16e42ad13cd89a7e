// An alarm of the plan in CDK. Its dimension is a queue's name, which is known, or a function, which is handed in.

import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, Metric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { ALARM_PERIOD_SECONDS, type AwsAlarm } from '../aws/plan-data.ts';

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** `functionName`: of the function that the alarm is about. */
export function makeAlarm(scope: Construct, planned: AwsAlarm, functionName = ''): Alarm {
  const { kind, of, metric, statistic, threshold, says } = planned;
  const dimensionsMap: Record<string, string> =
    'queue' in of ? { QueueName: of.queue } : { FunctionName: functionName };
  return new Alarm(scope, capital(kind), {
    metric: new Metric({
      namespace: 'queue' in of ? 'AWS/SQS' : 'AWS/Lambda',
      metricName: metric,
      dimensionsMap,
      statistic,
      period: Duration.seconds(ALARM_PERIOD_SECONDS),
    }),
    threshold,
    comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
    evaluationPeriods: 1,
    treatMissingData: TreatMissingData.NOT_BREACHING,
    alarmDescription: says,
  });
}
