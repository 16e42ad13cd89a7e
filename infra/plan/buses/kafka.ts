// Kafka in a plan: the topics that all rules share. The broker has no limit worth naming here; partitions and copies are
// whoever makes the topics to decide, so they are no part of a plan.

import { planTopics } from '../../../adapters/kafka/definitions.ts';
import { toKafkaOptions } from '../../../adapters/kafka/options.ts';
import { hashOf } from '../../../router/rule.ts';
import { type BusPlan, withoutLimits } from '../bus-plan.ts';

export const kafkaPlan: BusPlan = {
  ...withoutLimits,
  resources: (_rules, options) =>
    planTopics(toKafkaOptions(options), 1).map(({ topic, config }) => ({
      kind: 'topic',
      name: topic,
      hash: hashOf(config),
    })),
};
