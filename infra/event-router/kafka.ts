// Lambda polls a Kafka of one's own for the deliver function: with a login, or inside of the VPC where the brokers are.
// Source: AWS Lambda guide, "Using Lambda with self-managed Apache Kafka" (read 2026-11-21).

import { type IFunction, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { AuthenticationMethod, SelfManagedKafkaEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Problem } from '../../router/config.ts';
import { type AwsKafka, KAFKA_BATCH_SIZE } from '../aws/plan-data.ts';
import type { Shared } from './shared.ts';

export interface KafkaAccess extends Pick<Shared, 'vpc' | 'vpcSubnets' | 'securityGroups'> {
  /** Or its ARN. */
  readonly kafkaSecret?: ISecret | string | undefined;
}

export function checkKafka(kafka: AwsKafka | null, access: KafkaAccess, problems: Problem[]): void {
  if (kafka === null) return;
  const { kafkaSecret, vpc, vpcSubnets, securityGroups = [] } = access;
  if (kafka.authentication !== null && kafkaSecret === undefined) {
    const says = "Lambda's poller logs in by itself: give it kafkaSecret, a JSON object of username and password";
    problems.push({ path: 'bus.sasl', says });
  }
  if (kafka.authentication === null && vpc === undefined) {
    problems.push({ path: 'bus', says: "brokers without a login are reached inside of a VPC only: give 'vpc'" });
  }
  if (vpc !== undefined && (vpcSubnets === undefined || securityGroups.length !== 1)) {
    problems.push({ path: 'vpc', says: "Lambda's poller needs 'vpcSubnets' and one of 'securityGroups' beside it" });
  }
}

/** What checkKafka found sound. */
export function listenToKafka(deliver: IFunction, kafka: AwsKafka, access: KafkaAccess): void {
  const { kafkaSecret: given, vpc, vpcSubnets, securityGroups = [] } = access;
  const secret = typeof given === 'string' ? Secret.fromSecretCompleteArn(deliver, 'KafkaSecret', given) : given;
  deliver.addEventSource(
    new SelfManagedKafkaEventSource({
      bootstrapServers: [...kafka.brokers],
      topic: kafka.topic,
      consumerGroupId: kafka.group,
      startingPosition: StartingPosition.TRIM_HORIZON,
      batchSize: KAFKA_BATCH_SIZE,
      ...(kafka.authentication !== null && { authenticationMethod: AuthenticationMethod[kafka.authentication] }),
      ...(kafka.authentication !== null && secret && { secret }),
      ...(vpc && vpcSubnets && { vpc, vpcSubnets, securityGroup: securityGroups[0]! }),
    }),
  );
}
