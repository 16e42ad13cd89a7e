// How the topics of a router are made. Only `busway dev` calls ensureTopics; an adapter never creates a topic.

import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, type KafkaAdmin, withAdmin } from './client.ts';
import { planTopics, retryTopicNames, type TopicPlan } from './definitions.ts';
import type { KafkaOptions } from './options.ts';

export interface EnsureOptions {
  /** For an events topic that is not there yet. */
  readonly partitions: number;
  /** Copies of each; the broker's default if absent. */
  readonly replicas?: number;
  readonly signal: AbortSignal;
}

/** Creates what is missing and changes nothing that is there. Resolves to the names of the new topics. */
export function ensureTopics(
  connection: Connection,
  options: KafkaOptions,
  ensure: EnsureOptions,
): Promise<readonly string[]> {
  const what = `topics '${options.topic}', '${options.retryTopics}.*' and '${options.failuresTopic}'`;
  return withAdmin(connection, { what, signal: ensure.signal }, async (admin) => {
    const there = new Set(await admin.listTopics());
    let { partitions } = ensure;
    if (there.has(options.topic)) {
      const { topics } = await admin.fetchTopicMetadata({ topics: [options.topic] });
      partitions = topics[0]?.partitions.length ?? partitions;
    }
    const plans = planTopics(options, partitions);
    const retries = retryTopicNames(options);
    await growTopics(
      admin,
      plans.filter(({ topic }) => there.has(topic) && retries.includes(topic)),
    );
    const missing = plans.filter(({ topic }) => !there.has(topic));
    if (missing.length === 0) return [];
    await admin.createTopics({
      // The library's own wait takes a topic that is not yet known everywhere for an error.
      waitForLeaders: false,
      topics: missing.map((plan) => ({
        topic: plan.topic,
        numPartitions: plan.partitions,
        replicationFactor: ensure.replicas ?? -1,
        configEntries: Object.entries(plan.config).map(([name, value]) => ({ name, value })),
      })),
    });
    const names = missing.map(({ topic }) => topic);
    while (!ensure.signal.aborted && !(await areThere(admin, names))) await sleep(20);
    return names;
  });
}

async function areThere(admin: KafkaAdmin, names: readonly string[]): Promise<boolean> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [...names] });
    return names.every((name) =>
      topics.find((topic) => topic.name === name)?.partitions.every(({ leader }) => leader >= 0),
    );
  } catch {
    return false;
  }
}

/** The events topic may have been given more partitions; its retry topics need as many. */
async function growTopics(admin: KafkaAdmin, plans: readonly TopicPlan[]): Promise<void> {
  if (plans.length === 0) return;
  const { topics } = await admin.fetchTopicMetadata({ topics: plans.map(({ topic }) => topic) });
  const short = plans.filter((plan) => {
    const found = topics.find(({ name }) => name === plan.topic)?.partitions.length;
    return found !== undefined && found < plan.partitions;
  });
  if (short.length === 0) return;
  await admin.createPartitions({
    topicPartitions: short.map(({ topic, partitions }) => ({ topic, count: partitions })),
  });
}

/** For tests: unknown topics are ignored. */
export function deleteTopics(connection: Connection, topics: readonly string[], signal: AbortSignal): Promise<void> {
  return withAdmin(connection, { what: 'topics', signal }, async (admin) => {
    const there = new Set(await admin.listTopics());
    const found = topics.filter((topic) => there.has(topic));
    if (found.length > 0) await admin.deleteTopics({ topics: found });
    // The broker answers before its own list is without them.
    while (!signal.aborted && (await admin.listTopics()).some((topic) => found.includes(topic))) await sleep(20);
  });
}
