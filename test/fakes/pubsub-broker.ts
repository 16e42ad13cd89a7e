// Topics and subscriptions of the fake Pub/Sub, without a wire: publish, pull, acknowledge, dead letter, push. Strict where
// the service is. A second of the service may be made shorter, so that deadlines can be waited for.

import { type MessageFilter, parseFilter } from './pubsub-filter.ts';
import { checkAckDeadline, checkMaxMessages, checkName, checkPublish, type Message, refusal } from './pubsub-limits.ts';
import { createQueue, type Leased, type Queue, type Stored } from './pubsub-queue.ts';

/** google.pubsub.v1.Subscription, with durations in seconds. */
export interface SubscriptionSpec {
  readonly name: string;
  readonly topic: string;
  readonly filter: string;
  readonly ackDeadlineSeconds: number;
  readonly enableMessageOrdering: boolean;
  readonly retry?: { readonly minimumSeconds: number; readonly maximumSeconds: number };
  readonly deadLetter?: { readonly topic: string; readonly maxAttempts: number };
  readonly push?: {
    readonly endpoint: string;
    readonly noWrapper: boolean;
    readonly writeMetadata: boolean;
    readonly oidc?: { readonly email: string; readonly audience: string };
  };
}

export interface Subscription {
  readonly spec: SubscriptionSpec;
  readonly passes: MessageFilter;
  readonly queue: Queue;
  /** Called when something may be ready. */
  readonly waiting: Set<() => void>;
}

export interface Topic {
  readonly name: string;
  readonly log: Stored[];
  readonly subscriptions: Set<Subscription>;
}

export interface BrokerParts {
  readonly now: () => number;
  readonly random: () => number;
  /** Milliseconds of a second of the service; 1,000 unless deadlines are to come sooner. */
  readonly secondMs: number;
}

export interface Broker {
  createTopic(name: string): void;
  getTopic(name: string): Topic;
  createSubscription(spec: SubscriptionSpec): Subscription;
  getSubscription(name: string): Subscription;
  deleteSubscription(name: string): void;
  /** `bytes` of the request on the wire. */
  publish(topic: string, messages: readonly Message[], bytes: number): readonly string[];
  pull(
    name: string,
    request: { readonly most: number; readonly waitMs: number },
    signal: AbortSignal,
  ): Promise<readonly Leased[]>;
  acknowledge(name: string, ackIds: readonly string[]): void;
  modifyAckDeadline(name: string, ackIds: readonly string[], seconds: number): void;
  /** Of every kind of pull and push: that there may be something. */
  readonly subscriptions: ReadonlyMap<string, Subscription>;
  readonly secondMs: number;
  close(): void;
}

interface State extends BrokerParts {
  readonly topics: Map<string, Topic>;
  readonly subscriptions: Map<string, Subscription>;
  nextId: number;
}

const WAIT_MS = 10;

function topicOf({ topics }: State, name: string): Topic {
  const topic = topics.get(name);
  if (topic === undefined) throw refusal('NOT_FOUND', `Resource not found (resource=${name.split('/').at(-1)}).`);
  return topic;
}

function subscriptionOf({ subscriptions }: State, name: string): Subscription {
  const found = subscriptions.get(name);
  if (found === undefined) throw refusal('NOT_FOUND', `Resource not found (resource=${name.split('/').at(-1)}).`);
  return found;
}

function wake({ waiting }: Subscription): void {
  for (const look of [...waiting]) look();
}

function store(state: State, topic: Topic, message: Message): string {
  const id = String(state.nextId++);
  const stored: Stored = { ...message, id, publishedAt: state.now() };
  topic.log.push(stored);
  for (const subscription of topic.subscriptions) {
    if (!subscription.passes(stored.attributes)) continue;
    subscription.queue.add(stored);
    wake(subscription);
  }
  return id;
}

/** A copy in the dead letter topic, with where it comes from; false where that topic is gone. */
function bury(state: State, { name, deadLetter }: SubscriptionSpec, message: Stored, deliveries: number): boolean {
  const topic = state.topics.get(deadLetter?.topic ?? '');
  if (topic === undefined) return false;
  const [, project, , id] = name.split('/');
  const from = 'CloudPubSubDeadLetterSource';
  store(state, topic, {
    ...message,
    attributes: {
      ...message.attributes,
      [`${from}DeliveryCount`]: String(deliveries),
      [`${from}Subscription`]: id!,
      [`${from}SubscriptionProject`]: project!,
      [`${from}TopicPublishTime`]: new Date(message.publishedAt).toISOString(),
    },
  });
  return true;
}

function checkSpec(state: State, spec: SubscriptionSpec): void {
  checkName(spec.name, 'subscriptions');
  if (state.subscriptions.has(spec.name)) throw refusal('ALREADY_EXISTS', 'Resource already exists in the project.');
  if (spec.ackDeadlineSeconds !== 0) checkAckDeadline(spec.ackDeadlineSeconds, 10);
  const { deadLetter, retry } = spec;
  if (deadLetter !== undefined) {
    topicOf(state, deadLetter.topic);
    const attempts = deadLetter.maxAttempts;
    if (attempts !== 0 && (attempts < 5 || attempts > 100)) {
      throw refusal('INVALID_ARGUMENT', `max_delivery_attempts must be between 5 and 100, found ${attempts}`);
    }
  }
  if (retry !== undefined && (retry.maximumSeconds > 600 || retry.minimumSeconds > retry.maximumSeconds)) {
    throw refusal('INVALID_ARGUMENT', 'the backoff must be between 0 and 600 seconds');
  }
}

function queueOf(state: State, spec: SubscriptionSpec): Queue {
  const { retry, deadLetter } = spec;
  return createQueue({
    ordered: spec.enableMessageOrdering,
    ackDeadlineMs: (spec.ackDeadlineSeconds || 10) * state.secondMs,
    backoffMs: (failures) =>
      retry === undefined
        ? 0
        : Math.min(retry.maximumSeconds, retry.minimumSeconds * 2 ** (failures - 1)) * state.secondMs,
    random: state.random,
    maxAttempts: deadLetter === undefined ? Number.POSITIVE_INFINITY : deadLetter.maxAttempts || 5,
    bury: (message, deliveries) => bury(state, spec, message, deliveries),
  });
}

function createSubscription(state: State, spec: SubscriptionSpec): Subscription {
  checkSpec(state, spec);
  const topic = topicOf(state, spec.topic);
  const filter = parseFilter(spec.filter);
  if (!filter.ok) throw refusal('INVALID_ARGUMENT', filter.reason);
  const { passes } = filter;
  const made: Subscription = { spec, passes, queue: queueOf(state, spec), waiting: new Set() };
  topic.subscriptions.add(made);
  state.subscriptions.set(spec.name, made);
  return made;
}

/** Answers as soon as there is something, or empty after `waitMs`. */
function waitFor(
  { queue, waiting }: Subscription,
  { most, waitMs, now }: { readonly most: number; readonly waitMs: number; readonly now: () => number },
  signal: AbortSignal,
): Promise<readonly Leased[]> {
  return new Promise((resolve) => {
    const end = (found: readonly Leased[]): void => {
      waiting.delete(look);
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
      resolve(found);
    };
    const look = (): void => {
      const found = signal.aborted ? [] : queue.take(most, now());
      if (found.length > 0) end(found);
    };
    const giveUp = (): void => end([]);
    const timer = setTimeout(giveUp, waitMs);
    waiting.add(look);
    signal.addEventListener('abort', giveUp);
    look();
  });
}

export function createBroker(parts: BrokerParts): Broker {
  const state: State = { ...parts, topics: new Map(), subscriptions: new Map(), nextId: 1_000 };
  const { now, secondMs } = parts;

  /** Every id must be of a delivery of this subscription; a lease that has run out does no harm. */
  function reply(name: string, ackIds: readonly string[], apply: (queue: Queue, ackId: string) => boolean): void {
    const subscription = subscriptionOf(state, name);
    if (ackIds.length === 0) throw refusal('INVALID_ARGUMENT', 'the request has no ack ids');
    for (const ackId of ackIds) {
      if (!apply(subscription.queue, ackId)) throw refusal('INVALID_ARGUMENT', 'you have passed an invalid ack ID');
    }
    wake(subscription);
  }

  const ticker = setInterval(() => {
    for (const subscription of state.subscriptions.values()) {
      subscription.queue.expire(now());
      wake(subscription);
    }
  }, WAIT_MS);

  return {
    createTopic(name) {
      checkName(name, 'topics');
      if (state.topics.has(name)) throw refusal('ALREADY_EXISTS', 'Resource already exists in the project.');
      state.topics.set(name, { name, log: [], subscriptions: new Set() });
    },
    getTopic: (name) => topicOf(state, name),
    createSubscription: (spec) => createSubscription(state, spec),
    getSubscription: (name) => subscriptionOf(state, name),
    deleteSubscription(name) {
      const subscription = subscriptionOf(state, name);
      topicOf(state, subscription.spec.topic).subscriptions.delete(subscription);
      state.subscriptions.delete(name);
    },
    publish(name, messages, bytes) {
      checkPublish(messages, bytes);
      const topic = topicOf(state, name);
      return messages.map((message) => store(state, topic, message));
    },
    async pull(name, { most, waitMs }, signal) {
      const subscription = subscriptionOf(state, name);
      checkMaxMessages(most);
      return waitFor(subscription, { most, waitMs, now }, signal);
    },
    acknowledge: (name, ackIds) => reply(name, ackIds, (queue, ackId) => queue.acknowledge(ackId)),
    modifyAckDeadline(name, ackIds, seconds) {
      checkAckDeadline(seconds, 0);
      reply(name, ackIds, (queue, ackId) => queue.modify(ackId, seconds * secondMs, now()));
    },
    subscriptions: state.subscriptions,
    secondMs,
    close: () => clearInterval(ticker),
  };
}
