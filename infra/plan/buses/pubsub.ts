// Pub/Sub in a plan: two topics, and a subscription a rule, as adapters/pubsub/definitions.ts has them. A subscription's
// filter and order are in its name, because they cannot be changed.
// Limits: "Quotas and limits" of Pub/Sub (filter 256 bytes, 100 attributes a message, 10,000 subscriptions a topic), read
// 2026-11-21.

import { definitions, subscriptionName } from '../../../adapters/pubsub/definitions.ts';
import { promotedRules } from '../../../adapters/pubsub/filter.ts';
import { serviceLimits, toPubSubOptions } from '../../../adapters/pubsub/options.ts';
import type { Options } from '../../../router/config.ts';
import { hashOf } from '../../../router/rule.ts';
import { type BusPlan, type Limit, retryNote } from '../bus-plan.ts';
import type { CompiledRule } from '../compiled-rule.ts';
import type { PlanFinding } from '../finding.ts';
import type { Resource } from '../plan-file.ts';

const SUBSCRIPTIONS = 10_000;
/** The attributes of CloudEvents, ours, and content-type: what a message carries beside the marks, at most. */
const OWN_ATTRIBUTES = 13;
const LONGEST_WAIT_MS = 600_000;

// A plan is the same in every project.
const lastPart = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

function resources(rules: readonly CompiledRule[], given: Options): readonly Resource[] {
  const options = toPubSubOptions(given);
  const ruleOf = new Map(rules.map(({ rule }) => [subscriptionName(options, rule), rule.name]));
  const { topics, subscriptions } = definitions(
    rules.map(({ rule }) => rule),
    { project: '-', options, ...(options.push && { pushEndpoint: '-' }) },
  );
  return [
    ...topics.map(({ name }) => ({ kind: 'topic', name: lastPart(name), hash: hashOf({}) })),
    ...subscriptions.map((one) => {
      const name = lastPart(one.name);
      const rule = ruleOf.get(name);
      return { kind: 'subscription', name, ...(rule && { rule }), hash: hashOf(one) };
    }),
  ];
}

function limits(rules: readonly CompiledRule[]): readonly Limit[] {
  const filters = rules
    // What is wider has been cut to fit already.
    .filter(({ split }) => split.kind === 'exact' && typeof split.native === 'string')
    .map(({ at, split }): Limit => {
      const fix = 'list fewer values, or name what they begin with by prefix';
      const used = Buffer.byteLength(split.native as string);
      return { at, what: 'bytes of the filter', used, limit: serviceLimits.filterBytes, over: 'warning', fix };
    });
  const marks = new Set(promotedRules(rules.map(({ rule }) => rule)).map(({ mark }) => mark)).size;
  return [
    {
      at: 'rules',
      what: 'subscriptions of the topic',
      used: rules.length,
      limit: SUBSCRIPTIONS,
      over: 'error',
      fix: 'use a second topic',
    },
    {
      at: 'rules',
      what: 'attributes of a message that no wider rule matches',
      used: OWN_ATTRIBUTES + marks,
      limit: serviceLimits.attributes,
      over: 'warning',
      fix: 'ask for attributes only, so that more rules are exact; marks beyond the limit are left out, and those events are delivered in vain',
    },
    ...filters,
  ];
}

function gaps(rules: readonly CompiledRule[], given: Options): readonly PlanFinding[] {
  const options = toPubSubOptions(given);
  if (options.push !== undefined) {
    return retryNote(rules, "retries come by the subscriptions' own backoff, not at the rules' exact times");
  }
  const long = rules.filter(({ rule }) => rule.retry.maxMs > LONGEST_WAIT_MS);
  return retryNote(long, 'a wait over 600 s between retries is kept in memory, and ends early when the process ends');
}

export const pubsubPlan: BusPlan = {
  resources,
  limits,
  gaps,
  settings: ({ project }) =>
    project === undefined ? [{ at: 'bus.project', variables: ['GOOGLE_CLOUD_PROJECT', 'PUBSUB_PROJECT_ID'] }] : [],
};
