// The deliver function of the Lambda host over rules whose targets a test writes down.

import type { RuleOfQueue } from '../../../adapters/eventbridge/queues.ts';
import { decodeLambda } from '../../../adapters/kafka/decode.ts';
import { type AwsDeliver, awsDeliver } from '../../../functions/hosts/aws-deliver.ts';
import { type ConsumerOptions, type ConsumerScene, consumerScene } from '../consumer-scene.ts';

export interface Scene extends ConsumerScene {
  readonly deliver: AwsDeliver;
}

export interface SceneOptions extends ConsumerOptions {
  readonly ruleOfQueue?: RuleOfQueue;
}

export function scene({ ruleOfQueue, ...options }: SceneOptions): Scene {
  const made = consumerScene(options);
  const queues = ruleOfQueue === undefined ? {} : { ruleOfQueue };
  return { ...made, deliver: awsDeliver({ consumer: made.consumer, decodeKafka: decodeLambda, ...queues }) };
}
