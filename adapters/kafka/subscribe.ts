// The consumer of the Kafka bus: one group, the events topic and the retry topics together, positions committed by us.
// Must never end in silence: a consumer that the library gave up on is made anew until the signal says stop.

import type { Consumer } from '../../router/consume.ts';
import { RouterError, toRouterError } from '../../router/errors.ts';
import { createAssigner } from './assigner.ts';
import {
  type Connection,
  type EachBatchPayload,
  type Link,
  lookUpTopic,
  openLink,
  untilAbort,
  withAdmin,
} from './client.ts';
import { retryTopicNames } from './definitions.ts';
import { type KafkaLane, openKafkaLane } from './lane.ts';
import { mapKafkaError } from './map-error.ts';
import { clientIdOf } from './member.ts';
import type { KafkaOptions } from './options.ts';
import { createParker, type Parker } from './parker.ts';
import { createSender } from './producer.ts';
import { toStored } from './reader.ts';

export interface SubscribeParts {
  readonly connection: Connection;
  readonly options: KafkaOptions;
  readonly dataDir: string;
  readonly now: () => number;
}

// The least that brokers allow by default: a killed process' share goes on after 6 s instead of the library's 30 s.
const SESSION_MS = 6_000;
const HEARTBEAT_MS = 1_500;
// What is delivered and not yet committed is delivered again after a kill; a commit costs the client about 0.3 ms of CPU.
const COMMIT_MS = 50;
const DRAIN_MS = 5_000;
const LEAVE_MS = 2_000;
const AGAIN_MS = 1_000;
// Records that were due at the start and never came (expired meanwhile) must not hold everything back.
const CATCH_UP_MS = 30_000;
const CALM_EVENTS = 8;
const CALM_MS = 10;
const STRAYS_EVERY_MS = 10_000;
const STRAYS_FOR_MS = 500;

type KafkaConsumer = ReturnType<Link['kafka']['consumer']>;

interface Session {
  readonly consumer: KafkaConsumer;
  readonly lanes: Map<number, KafkaLane>;
  /** Resolves when the library gave up; never otherwise. */
  readonly crashed: Promise<Error>;
  end(): Promise<void>;
}

interface Topics {
  readonly events: string;
  readonly retries: readonly string[];
}

/** Delivers until `signal` aborts; then drains, commits and leaves the group. Rejects with NOT_FOUND or UNAUTHORIZED. */
export async function subscribeKafka(parts: SubscribeParts, consumer: Consumer, signal: AbortSignal): Promise<void> {
  const { connection, options, now } = parts;
  const topics: Topics = { events: options.topic, retries: retryTopicNames(options) };
  await checkPartitions(connection, topics, signal);
  const parker = createParker(createSender(connection, { now }), topics.retries);
  const clientId = clientIdOf(parts.dataDir);
  try {
    while (!signal.aborted) await oneSession(parts, { consumer, signal, topics, parker, clientId });
  } finally {
    await parker.close();
  }
}

/** Each partition number of the events needs its partition of every retry topic; with fewer, parking would never succeed. */
async function checkPartitions(connection: Connection, topics: Topics, signal: AbortSignal): Promise<void> {
  const { partitions } = await lookUpTopic(connection, topics.events, signal);
  for (const topic of topics.retries) {
    const found = (await lookUpTopic(connection, topic, signal)).partitions;
    if (found >= partitions) continue;
    const says = `topic '${topic}' has ${found} partitions, '${topics.events}' has ${partitions}; add the missing ones`;
    throw new RouterError('CONFIG_INVALID', `kafka: ${says}`);
  }
}

interface SessionParts {
  readonly consumer: Consumer;
  readonly signal: AbortSignal;
  readonly topics: Topics;
  readonly parker: Parker;
  readonly clientId: string;
}

async function oneSession(parts: SubscribeParts, session: SessionParts): Promise<void> {
  const { signal } = session;
  const { onWarning } = parts.connection;
  try {
    const open = await openSession(parts, session);
    const stopped = Promise.withResolvers<void>();
    const onAbort = (): void => stopped.resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    const crash = await Promise.race([stopped.promise, open.crashed]);
    signal.removeEventListener('abort', onAbort);
    if (crash instanceof Error) onWarning(`kafka: the consumer broke and is made anew: ${crash.message}`);
    await open.end();
  } catch (thrown) {
    if (signal.aborted) return;
    onWarning(`kafka: the consumer did not start and is tried again: ${mapKafkaError(thrown, 'group').message}`);
  }
  if (!signal.aborted)
    await untilAbort(new Promise((resolve) => setTimeout(resolve, AGAIN_MS)), signal, 'waiting').catch(() => undefined);
}

async function openSession(
  parts: SubscribeParts,
  { consumer: deliver, signal, topics, parker, clientId }: SessionParts,
): Promise<Session> {
  const { connection, options, now } = parts;
  const { onWarning } = connection;
  const link = await openLink(connection, { retries: Number.MAX_SAFE_INTEGER, clientId });
  const consumer = link.kafka.consumer({
    groupId: options.group,
    partitionAssigners: [createAssigner(clientId)],
    sessionTimeout: SESSION_MS,
    rebalanceTimeout: SESSION_MS,
    heartbeatInterval: HEARTBEAT_MS,
    maxWaitTimeInMs: 100,
    metadataMaxAge: 60_000,
    allowAutoTopicCreation: false,
    retry: { initialRetryTime: 50, maxRetryTime: 1_000, retries: Number.MAX_SAFE_INTEGER },
  });
  const lanes = new Map<number, KafkaLane>();
  const crashed = Promise.withResolvers<Error>();
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) crashed.resolve(payload.error);
  });
  let mine: ReadonlySet<number> = new Set();
  const opening = new Map<number, Promise<void>>();
  const catchUps = new Map<KafkaLane, ReadonlyMap<string, number>>();
  /** Per topic and partition, one past the last record that a lane took. */
  const read = new Map<string, number>();

  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    mine = new Set(payload.memberAssignment[topics.events] ?? []);
    for (const partition of [...lanes.keys()]) {
      if (!mine.has(partition)) forget(partition);
    }
    for (const partition of mine) {
      if (lanes.has(partition) || opening.has(partition)) continue;
      const open = openLane(partition).catch((error: unknown) => crashed.resolve(toRouterError(error)));
      opening.set(
        partition,
        open.finally(() => opening.delete(partition)),
      );
    }
  });

  function forget(partition: number): void {
    const lane = lanes.get(partition);
    if (lane === undefined) return;
    lane.abandon();
    lanes.delete(partition);
    catchUps.delete(lane);
    for (const topic of [topics.events, ...topics.retries]) {
      read.delete(`${topic}/${partition}`);
      committed.delete(`${topic}/${partition}`);
    }
  }

  async function openLane(partition: number): Promise<void> {
    const { from, due } = await lookBefore(parts, topics, { partition, signal });
    if (!mine.has(partition) || lanes.has(partition)) return;
    const onAwaits = (step: number): void => readRetries(partition, step);
    const lane = openKafkaLane({ partition, from, consumer: deliver, parker, now, onWarning, onAwaits });
    lanes.set(partition, lane);
    catchUps.set(lane, due);
    for (const step of topics.retries.keys()) readRetries(partition, step);
    beginIfCaughtUp(lane, partition);
    if (!catchUps.has(lane)) return;
    const impatient = setTimeout(() => begin(lane, partition), CATCH_UP_MS).unref();
    signal.addEventListener('abort', () => clearTimeout(impatient), { once: true });
  }

  /** Lets a lane begin once everything that was parked before is read. */
  function beginIfCaughtUp(lane: KafkaLane, partition: number): void {
    const due = catchUps.get(lane);
    if (due === undefined) return;
    for (const [topic, high] of due) if ((read.get(`${topic}/${partition}`) ?? 0) < high) return;
    begin(lane, partition);
  }

  function begin(lane: KafkaLane, partition: number): void {
    catchUps.delete(lane);
    lane.begin();
    for (const step of topics.retries.keys()) readRetries(partition, step);
  }

  /** A retry topic is fetched only while something is on its way back: idle partitions cost a busy router CPU too. */
  function readRetries(partition: number, step: number): void {
    const lane = lanes.get(partition);
    if (lane === undefined) return;
    const place = [{ topic: topics.retries[step]!, partitions: [partition] }];
    try {
      if (lane.awaits(step)) consumer.resume(place);
      else consumer.pause(place);
    } catch {
      // Not running yet: a new session fetches everything.
    }
  }

  /** What another process parked here while the partition changed hands is not awaited: it is looked for now and then. */
  function lookForStrays(): void {
    const retries = topics.retries.map((topic) => ({ topic, partitions: [...lanes.keys()] }));
    try {
      consumer.resume(retries);
    } catch {
      return;
    }
    strayTimer = setTimeout(() => {
      for (const partition of lanes.keys()) for (const step of topics.retries.keys()) readRetries(partition, step);
    }, STRAYS_FOR_MS);
  }
  let strayTimer: NodeJS.Timeout | undefined;
  const strays = setInterval(lookForStrays, STRAYS_EVERY_MS);

  async function eachBatch({ batch, resolveOffset, pause, isStale }: EachBatchPayload): Promise<void> {
    const { topic, partition, messages } = batch;
    const lane = lanes.get(partition);
    if (isStale()) return;
    if (Number(messages[0]?.offset) < (committed.get(`${topic}/${partition}`) ?? 0)) {
      forget(partition);
      crashed.resolve(new Error(`topic '${topic}' starts anew`));
      return;
    }
    if (lane === undefined) {
      const resume = pause();
      opening.get(partition)?.then(resume, () => undefined);
      return;
    }
    const step = topic === topics.events ? undefined : topics.retries.indexOf(topic);
    const records = messages.map((message) => toStored(partition, message));
    const taken = step === undefined ? lane.events(records) : lane.parked(step, records);
    if (taken > 0) resolveOffset(messages[taken - 1]!.offset);
    if (taken === messages.length) {
      read.set(`${topic}/${partition}`, Number(batch.lastOffset()) + 1);
      beginIfCaughtUp(lane, partition);
      // Under load the next fetch waits for these deliveries, a little, and then brings more at once.
      if (step === undefined && messages.length >= CALM_EVENTS) await lane.calm(CALM_MS);
      return;
    }
    const resume = pause();
    lane.room(step).then(resume, () => undefined);
  }

  const committed = new Map<string, number>();

  async function commit(): Promise<void> {
    const offsets: { topic: string; partition: number; offset: string }[] = [];
    const add = (topic: string, partition: number, offset: number | undefined): void => {
      const name = `${topic}/${partition}`;
      if (offset === undefined || committed.get(name) === offset) return;
      committed.set(name, offset);
      offsets.push({ topic, partition, offset: String(offset) });
    };
    for (const [partition, lane] of lanes) {
      const { events, steps } = lane.committable();
      add(topics.events, partition, events);
      for (const [step, offset] of steps) add(topics.retries[step]!, partition, offset);
    }
    if (offsets.length === 0) return;
    try {
      await consumer.commitOffsets(offsets);
    } catch {
      // A rebalance is under way or the broker is away: what is not committed is delivered again, never lost.
      for (const { topic, partition } of offsets) committed.delete(`${topic}/${partition}`);
    }
  }

  let committing: Promise<void> | undefined;
  const committer = setInterval(() => {
    committing ??= commit().finally(() => {
      committing = undefined;
    });
  }, COMMIT_MS);

  async function end(): Promise<void> {
    clearInterval(committer);
    clearInterval(strays);
    clearTimeout(strayTimer);
    const all = [topics.events, ...topics.retries].map((topic) => ({ topic }));
    try {
      consumer.pause(all);
    } catch {
      // Not running: nothing to pause.
    }
    const drained = Promise.all([...lanes.values()].map((lane) => lane.drain()));
    await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, DRAIN_MS).unref())]);
    const leave = async (): Promise<void> => {
      await committing;
      await commit();
      await consumer.disconnect();
    };
    for (const lane of lanes.values()) lane.abandon();
    await untilAbort(leave(), AbortSignal.timeout(LEAVE_MS), 'leaving').catch(() => undefined);
    link.cut();
  }

  try {
    const run = async (): Promise<void> => {
      await consumer.connect();
      // From the beginning: events published before the group's first member joined must not be lost.
      await consumer.subscribe({ topics: [topics.events, ...topics.retries], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: 8,
        eachBatch,
      });
    };
    await untilAbort(run(), signal, 'joining the group');
  } catch (thrown) {
    await end();
    throw thrown;
  }
  return { consumer, lanes, crashed: crashed.promise, end };
}

interface Before {
  /** The first offset of the events topic that this group has not passed. */
  readonly from: number;
  /** For each retry topic that holds something this group has not done: the offset one past it. */
  readonly due: ReadonlyMap<string, number>;
}

/** Where the group stands on one partition number. */
async function lookBefore(
  { connection, options }: SubscribeParts,
  topics: Topics,
  { partition, signal }: { partition: number; signal: AbortSignal },
): Promise<Before> {
  return withAdmin(connection, { what: 'retry topics', signal }, async (admin) => {
    const all = [topics.events, ...topics.retries];
    const done = await admin.fetchOffsets({ groupId: options.group, topics: all });
    const due = new Map<string, number>();
    let from = 0;
    for (const topic of all) {
      const ends = (await admin.fetchTopicOffsets(topic)).find((item) => item.partition === partition);
      const mine = done.find((item) => item.topic === topic)?.partitions.find((item) => item.partition === partition);
      const position = Math.max(Number(mine?.offset ?? -1), Number(ends?.low ?? 0));
      if (topic === topics.events) from = position;
      else if (Number(ends?.high ?? 0) > position) due.set(topic, Number(ends?.high));
    }
    return { from, due };
  });
}
