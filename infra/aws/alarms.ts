// What somebody should be woken for. Pure. Per rule: something could not be delivered, or waits too long; per function: calls
// that broke or found no room.
// Sources: CloudWatch metrics of SQS and of Lambda, developer guides (read 2026-11-21).

import type { AwsAlarm, AwsFunction, AwsRule } from './plan-data.ts';

/** Three times what a message waits that nobody answered for. */
const LATE_TIMES = 3;

function ofRule({ rule, queue, deadLetterQueue, visibilitySeconds }: AwsRule): readonly AwsAlarm[] {
  const seconds = LATE_TIMES * visibilitySeconds;
  return [
    {
      kind: 'failures',
      of: { rule, queue: deadLetterQueue },
      metric: 'ApproximateNumberOfMessagesVisible',
      statistic: 'Maximum',
      threshold: 0,
      says: `rule '${rule}': events could not be delivered; they wait in ${deadLetterQueue} for redrive`,
    },
    {
      kind: 'age',
      of: { rule, queue },
      metric: 'ApproximateAgeOfOldestMessage',
      statistic: 'Maximum',
      threshold: seconds,
      says: `rule '${rule}': an event waits for more than ${seconds} s; its target fails or is too slow`,
    },
  ];
}

function ofFunction({ name }: AwsFunction): readonly AwsAlarm[] {
  const about = { of: { function: name }, statistic: 'Sum', threshold: 0 } as const;
  return [
    { ...about, kind: 'errors', metric: 'Errors', says: `function '${name}': calls broke; its log says why` },
    {
      ...about,
      kind: 'throttles',
      metric: 'Throttles',
      says: `function '${name}': calls found no room; raise the account's quota of concurrent executions`,
    },
  ];
}

export function alarmsOf(rules: readonly AwsRule[], functions: readonly AwsFunction[]): readonly AwsAlarm[] {
  return [...rules.flatMap(ofRule), ...functions.flatMap(ofFunction)];
}
