// One rule on AWS: the rule of the bus, its queue, its dead-letter queue, the mapping that hands the queue to the deliver
// function, and its two alarms. Everything a rule needs lies below its own construct, whose id is the rule's name, so that no
// other rule can move it. Nothing of the deliver function depends on it.

import { Duration, Tags } from 'aws-cdk-lib';
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import { CfnRule, type IEventBus } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { EventSourceMapping, type IFunction } from 'aws-cdk-lib/aws-lambda';
import { type IQueue, Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { templatePattern } from '../aws/pattern.ts';
import { type AwsAlarm, type AwsRule, BATCH_SIZE, RETENTION_SECONDS } from '../aws/plan-data.ts';
import { makeAlarm } from './alarm.ts';
import type { Shared } from './shared.ts';

export interface RouteProps {
  readonly planned: AwsRule;
  /** Its own. */
  readonly alarms: readonly AwsAlarm[];
  readonly eventBus: IEventBus;
  readonly deliver: IFunction;
  readonly shared: Shared;
}

export class Route extends Construct {
  readonly rule: CfnRule;
  readonly alarms: readonly Alarm[];
  readonly queue: Queue;
  readonly deadLetterQueue: Queue;
  readonly mapping: EventSourceMapping;

  constructor(scope: Construct, id: string, { planned, alarms, eventBus, deliver, shared }: RouteProps) {
    super(scope, id);
    const { deadLetterQueue, queue, maxReceiveCount, visibilitySeconds, maximumConcurrency } = planned;
    this.deadLetterQueue = this.#makeQueue('DeadLetterQueue', shared, { queueName: deadLetterQueue });
    this.queue = this.#makeQueue('Queue', shared, {
      queueName: queue,
      visibilityTimeout: Duration.seconds(visibilitySeconds),
      deadLetterQueue: { queue: this.deadLetterQueue, maxReceiveCount },
    });
    this.rule = this.#makeRule(planned, eventBus);
    // The functions that know the rule come first, and the bus sends after; what they get too early or too wide, they sort out.
    this.rule.node.addDependency(deliver);
    for (const target of [this.queue, this.deadLetterQueue]) this.#admit(target);
    this.mapping = new EventSourceMapping(this, 'Mapping', {
      target: deliver,
      eventSourceArn: this.queue.queueArn,
      batchSize: BATCH_SIZE,
      maxConcurrency: maximumConcurrency,
      reportBatchItemFailures: true,
    });
    this.alarms = alarms.map((one) => makeAlarm(this, one));
    Tags.of(this).add('busway:rule', planned.rule);
  }

  /** It goes when the rule goes: its name is the router's, and a queue that stayed would be in the way when the rule comes back. */
  #makeQueue(id: string, { encryptionKey }: Shared, props: QueueProps): Queue {
    return new Queue(this, id, {
      ...props,
      retentionPeriod: Duration.seconds(RETENTION_SECONDS),
      enforceSSL: true,
      encryption: encryptionKey === undefined ? QueueEncryption.SQS_MANAGED : QueueEncryption.KMS,
      ...(encryptionKey && { encryptionMasterKey: encryptionKey }),
    });
  }

  #makeRule({ rule, ruleName, pattern }: AwsRule, eventBus: IEventBus): CfnRule {
    const made = new CfnRule(this, 'Rule', {
      name: ruleName,
      description: `rule '${rule}' of a Busway router`,
      eventBusName: eventBus.eventBusName,
      targets: [
        {
          id: 'queue',
          arn: this.queue.queueArn,
          // What cannot be put into the queue is a failure of this rule as well.
          deadLetterConfig: { arn: this.deadLetterQueue.queueArn },
        },
      ],
    });
    // Its own property takes no text.
    made.addPropertyOverride('EventPattern', templatePattern(pattern));
    return made;
  }

  /** The rule may send there, and nobody else. */
  #admit(queue: IQueue): void {
    const statement = new PolicyStatement({
      actions: ['sqs:SendMessage'],
      principals: [new ServicePrincipal('events.amazonaws.com')],
      resources: [queue.queueArn],
      conditions: { ArnEquals: { 'aws:SourceArn': this.rule.attrArn } },
    });
    queue.addToResourcePolicy(statement);
  }
}
