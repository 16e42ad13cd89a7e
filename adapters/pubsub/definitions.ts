// What must exist in a project for a document's rules: topics and one subscription a rule, exactly as the service's REST
// API takes them. Pure: printed by plan, made on emulators by ensure.ts, and nowhere else by anybody here.
// A filter and the order of a subscription cannot be changed, so both are in its name: another filter is another name.

import { createHash } from 'node:crypto';
import type { Condition } from '../../router/condition.ts';
import type { RetryPolicy } from '../../router/retry.ts';
import { filterOf } from './filter.ts';
import { type PubSubOptions, serviceLimits } from './options.ts';

/** A rule as far as its subscription goes; a checked Rule is one. */
export interface DefinedRule {
  readonly name: string;
  readonly when: Condition;
  readonly order?: 'key' | undefined;
  readonly retry?: RetryPolicy;
}

export interface TopicDefinition {
  readonly name: string;
}

/** google.pubsub.v1.Subscription in JSON. Durations as "60s". */
export interface SubscriptionDefinition {
  readonly name: string;
  readonly topic: string;
  readonly filter: string;
  readonly ackDeadlineSeconds: number;
  readonly enableMessageOrdering: boolean;
  readonly messageRetentionDuration: string;
  /** Empty: it never expires. */
  readonly expirationPolicy: Readonly<Record<string, never>>;
  readonly deadLetterPolicy?: { readonly deadLetterTopic: string; readonly maxDeliveryAttempts: number };
  readonly retryPolicy?: { readonly minimumBackoff: string; readonly maximumBackoff: string };
  readonly pushConfig?: {
    readonly pushEndpoint: string;
    readonly oidcToken: { readonly serviceAccountEmail: string; readonly audience: string };
  };
}

export interface Definitions {
  readonly topics: readonly TopicDefinition[];
  readonly subscriptions: readonly SubscriptionDefinition[];
}

/** Pulled deliveries are extended while they are under way (lease.ts); pushed ones have to be answered in this time. */
export const PULL_DEADLINE_S = 60;
export const PUSH_DEADLINE_S = 600;
// What nobody fetches for a week is gone on older services; the proto allows 31 days.
const RULE_RETENTION = '604800s';
const FAILURES_RETENTION = '2678400s';
// The last net, far beyond a rule's own attempts: what even a busy target was not asked for. It ends in the failures topic.
const MAX_ATTEMPTS = serviceLimits.deliveryAttempts.max;
const HASH_DIGITS = 12;

export function topicName(project: string, topic: string): string {
  return `projects/${project}/topics/${topic}`;
}

export function subscriptionPath(project: string, subscription: string): string {
  return `projects/${project}/subscriptions/${subscription}`;
}

type Named = Pick<PubSubOptions, 'subscriptionPrefix'>;

/** Topic and subscription have the same name. */
export function failuresName({ subscriptionPrefix }: Named): string {
  return `${subscriptionPrefix}-failures`;
}

/**
 * `<prefix>~<rule>~<12 hex digits of its filter and order>`. Neither prefix nor rule holds a '~', so the subscriptions of a
 * router with prefix `busway` are never taken for those of another with `busway-eu` on the same topic.
 */
export function subscriptionName({ subscriptionPrefix }: Named, { name, when, order }: DefinedRule): string {
  const fixed = `${filterOf(when).text}\n${order ?? ''}`;
  const hash = createHash('sha256').update(fixed).digest('hex').slice(0, HASH_DIGITS);
  return `${subscriptionPrefix}~${name}~${hash}`;
}

const HASH_END = /~[0-9a-f]{12}$/;

/** The rule that a subscription of this prefix serves; undefined for any other. The path of the project may stand before. */
export function ruleOfSubscription({ subscriptionPrefix }: Named, subscription: string): string | undefined {
  const name = subscription.slice(subscription.lastIndexOf('/') + 1);
  const begins = `${subscriptionPrefix}~`;
  if (!name.startsWith(begins) || !HASH_END.test(name)) return undefined;
  const rule = name.slice(begins.length, -(HASH_DIGITS + 1));
  return rule === '' ? undefined : rule;
}

function seconds(ms: number): string {
  const { max } = serviceLimits.ackDeadlineSeconds;
  return `${Math.min(max, Math.ceil(ms / 1_000))}s`;
}

export interface DefinitionParts {
  readonly project: string;
  readonly options: PubSubOptions;
  /** Where the deliver function is reached, for push. */
  readonly pushEndpoint?: string;
}

/** Push cannot be told when to come again: the subscription's own curve stands in for the rule's. */
function pushParts({ options, pushEndpoint }: DefinitionParts, retry: RetryPolicy | undefined) {
  const { push } = options;
  if (push === undefined || pushEndpoint === undefined) return {};
  return {
    ackDeadlineSeconds: PUSH_DEADLINE_S,
    pushConfig: {
      pushEndpoint,
      oidcToken: { serviceAccountEmail: push.serviceAccount, audience: push.audience },
    },
    ...(retry && { retryPolicy: { minimumBackoff: seconds(retry.firstMs), maximumBackoff: seconds(retry.maxMs) } }),
  };
}

export function ruleSubscription(rule: DefinedRule, parts: DefinitionParts): SubscriptionDefinition {
  const { project, options } = parts;
  return {
    name: subscriptionPath(project, subscriptionName(options, rule)),
    topic: topicName(project, options.topic),
    filter: filterOf(rule.when).text,
    ackDeadlineSeconds: PULL_DEADLINE_S,
    enableMessageOrdering: rule.order === 'key',
    messageRetentionDuration: RULE_RETENTION,
    expirationPolicy: {},
    deadLetterPolicy: {
      deadLetterTopic: topicName(project, failuresName(options)),
      maxDeliveryAttempts: MAX_ATTEMPTS,
    },
    ...pushParts(parts, rule.retry),
  };
}

function failuresSubscription({ project, options }: DefinitionParts): SubscriptionDefinition {
  const name = failuresName(options);
  return {
    name: subscriptionPath(project, name),
    topic: topicName(project, name),
    filter: '',
    ackDeadlineSeconds: PULL_DEADLINE_S,
    enableMessageOrdering: false,
    messageRetentionDuration: FAILURES_RETENTION,
    expirationPolicy: {},
  };
}

/** All that a router with these rules needs. With `push` in the options but no `pushEndpoint` they are pull subscriptions. */
export function definitions(rules: readonly DefinedRule[], parts: DefinitionParts): Definitions {
  const { project, options } = parts;
  return {
    topics: [{ name: topicName(project, options.topic) }, { name: topicName(project, failuresName(options)) }],
    subscriptions: [failuresSubscription(parts), ...rules.map((rule) => ruleSubscription(rule, parts))],
  };
}

/** Of what is defined, all that has none of these names. */
export function missing({ topics, subscriptions }: Definitions, existing: ReadonlySet<string>): Definitions {
  const isMissing = ({ name }: { readonly name: string }): boolean => !existing.has(name);
  return { topics: topics.filter(isMissing), subscriptions: subscriptions.filter(isMissing) };
}

/** Of the names that exist, those of earlier filters of these or of former rules: to be drained and deleted. */
export function outdated(existing: readonly string[], defined: Definitions, options: Named): readonly string[] {
  const current = new Set(defined.subscriptions.map(({ name }) => name));
  return existing.filter((name) => !current.has(name) && ruleOfSubscription(options, name) !== undefined);
}
