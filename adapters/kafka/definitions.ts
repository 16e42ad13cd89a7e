// The topics of a router: for plan, and for topics.ts, which makes them. Pure.

import type { KafkaOptions } from './options.ts';

/** Delays of the retry topics, shortest first; a delivery waits in the longest that is not too long. */
export const retrySteps = [
  { name: '1s', delayMs: 1_000 },
  { name: '10s', delayMs: 10_000 },
  { name: '1m', delayMs: 60_000 },
  { name: '10m', delayMs: 600_000 },
] as const;

export function retryTopicNames({ retryTopics }: Pick<KafkaOptions, 'retryTopics'>): readonly string[] {
  return retrySteps.map(({ name }) => `${retryTopics}.${name}`);
}

export interface TopicPlan {
  readonly topic: string;
  readonly partitions: number;
  readonly config: Readonly<Record<string, string>>;
}

// A record there is an event of the largest size plus what we note about it; as JSON, text may take six times its bytes.
const WITH_NOTES = { 'max.message.bytes': String(8 * 1024 * 1024) };
// A parked delivery must outlive a router that is off for a while; the group's position says what is done.
const KEPT = { 'cleanup.policy': 'delete', 'retention.ms': '1209600000' };
// Only what is still owed is worth keeping: redriven is a tombstone.
const COMPACTED = { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.1', 'segment.ms': '3600000' };

/** `partitions`: of the events topic; the retry topics have as many, so that they are assigned together. */
export function planTopics(options: KafkaOptions, partitions: number): readonly TopicPlan[] {
  return [
    { topic: options.topic, partitions, config: {} },
    ...retryTopicNames(options).map((topic) => ({ topic, partitions, config: { ...KEPT, ...WITH_NOTES } })),
    { topic: options.failuresTopic, partitions: 1, config: { ...COMPACTED, ...WITH_NOTES } },
  ];
}
