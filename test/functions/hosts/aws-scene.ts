// The deliver function of the Lambda host over rules whose targets a test writes down.

import type { RuleOfQueue } from '../../../adapters/eventbridge/queues.ts';
import type { Redeliver } from '../../../adapters/eventbridge/redelivery.ts';
import { decodeLambda } from '../../../adapters/kafka/decode.ts';
import { type AwsDeliver, awsDeliver } from '../../../functions/hosts/aws-deliver.ts';
import { type ConsumerOptions, type ConsumerScene, consumerScene } from '../consumer-scene.ts';

export interface Scene extends ConsumerScene {
  readonly deliver: AwsDeliver;
}

export interface SceneOptions extends ConsumerOptions {
  readonly ruleOfQueue?: RuleOfQueue;
  readonly redeliver?: Redeliver;
}

export function scene({ ruleOfQueue, redeliver, ...options }: SceneOptions): Scene {
  const made = consumerScene(options);
  const queues = { ...(ruleOfQueue && { ruleOfQueue }), ...(redeliver && { redeliver }) };
  return { ...made, deliver: awsDeliver({ consumer: made.consumer, decodeKafka: decodeLambda, ...queues }) };
}
