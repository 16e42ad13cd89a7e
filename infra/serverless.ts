// What serverless.yml takes from the rules: dist/serverless.json, written from the plan that the CDK construct is made from, so
// that nothing of it is written by hand. `npm run synth` writes it; osls reads it.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { RouterError } from '../router/errors.ts';
import { type AwsKafka, type AwsPlan, BATCH_SIZE, KAFKA_BATCH_SIZE } from './aws/plan-data.ts';
import { environmentOf, type Resources, resourcesOf, ruleId } from './aws/template.ts';

export interface ServerlessFile {
  readonly resources: { readonly Resources: Resources };
  /** The events of the deliver function. */
  readonly deliver: readonly object[];
  /** By function. */
  readonly environment: Readonly<Record<string, object>>;
}

export interface ServerlessExtras {
  /** The ARN of the login of a document's own Kafka. */
  readonly kafkaSecret?: string;
}

const ACCESS = {
  BASIC_AUTH: 'saslPlainAuth',
  SASL_SCRAM_256_AUTH: 'saslScram256Auth',
  SASL_SCRAM_512_AUTH: 'saslScram512Auth',
} as const;

function ofKafka({ brokers, topic, group, authentication }: AwsKafka, { kafkaSecret }: ServerlessExtras): object {
  if (authentication === null || kafkaSecret === undefined) {
    const says =
      "a Kafka of one's own needs a login that is a secret (kafkaSecret); inside of a VPC use the CDK construct";
    throw new RouterError('UNSUPPORTED', `serverless.yml: ${says}`);
  }
  return {
    kafka: {
      bootstrapServers: brokers,
      topic,
      consumerGroupId: group,
      startingPosition: 'TRIM_HORIZON',
      batchSize: KAFKA_BATCH_SIZE,
      accessConfigurations: { [ACCESS[authentication]]: kafkaSecret },
    },
  };
}

/** Throws UNSUPPORTED for a Kafka without a login. */
export function serverlessFile(plan: AwsPlan, extras: ServerlessExtras = {}): ServerlessFile {
  const queues = plan.rules.map(({ rule, maximumConcurrency }) => ({
    sqs: {
      arn: { 'Fn::GetAtt': [`${ruleId(rule)}Queue`, 'Arn'] },
      batchSize: BATCH_SIZE,
      functionResponseType: 'ReportBatchItemFailures',
      maximumConcurrency,
    },
  }));
  return {
    resources: { Resources: resourcesOf(plan) },
    deliver: plan.kafka === null ? queues : [ofKafka(plan.kafka, extras)],
    environment: Object.fromEntries(plan.functions.map((one) => [one.name, environmentOf(plan, one)])),
  };
}

export function writeServerlessFile(file: string, content: ServerlessFile): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
}
