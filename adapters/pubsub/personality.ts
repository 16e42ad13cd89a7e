// How Pub/Sub behaves with a push subscription for each rule, as definitions.ts makes it. Pure; loads no SDK.
// Sources: google/pubsub/v1/pubsub.proto (RetryPolicy, ackDeadlineSeconds, enableMessageOrdering) and the "Quotas and limits"
// page (read 2026-11-21).

import type { Options } from '../../router/config.ts';
import type { CloudEvent } from '../../router/event.ts';
import type { Decoded } from '../adapter.ts';
import type { ImitatedRule, Personality, Subscription } from '../personality.ts';
import { busFilter } from './bus-filter.ts';
import { decodePush } from './decode.ts';
import { PUSH_DEADLINE_S, ruleSubscription } from './definitions.ts';
import { durationMs, mapServiceError } from './map-error.ts';
import { type PubSubOptions, publishLimits, serviceLimits, toPubSubOptions } from './options.ts';
import { failed } from './publisher.ts';
import { encodeEnvelope, encodeMessage } from './wire.ts';
import { eventBytes } from './wire-size.ts';

// Of a subscription without a retry policy of its own.
const SERVICE_BACKOFF = { minimumBackoff: '10s', maximumBackoff: '600s' };
// "The delay can be more or less than configured backoff": how much is not said.
const SPREAD = 0.1;

const push = { audience: 'imitated', serviceAccount: 'imitated@example.invalid' };

/** The request that the service makes. */
function carry(event: CloudEvent, subscription: string, options: PubSubOptions): Decoded {
  const { data, attributes, orderingKey } = encodeMessage(event);
  const message = { data: data.toString('base64'), attributes, messageId: event.attributes.id, orderingKey };
  return decodePush(Buffer.from(JSON.stringify({ message, subscription })), options)[0]!;
}

function subscriptionOf(rule: ImitatedRule, options: PubSubOptions): Subscription {
  const parts = { project: 'imitated', options: { ...options, push }, pushEndpoint: 'https://imitated.invalid' };
  const { name, retryPolicy = SERVICE_BACKOFF } = ruleSubscription(rule, parts);
  const [leastMs, mostMs] = [durationMs(retryPolicy.minimumBackoff)!, durationMs(retryPolicy.maximumBackoff)!];
  return {
    carry: (event) => carry(event, name, options),
    againAfterMs: (attempt, chance) =>
      Math.min(mostMs, leastMs * 2 ** (attempt - 1)) * (1 - SPREAD + 2 * SPREAD * chance),
  };
}

export function personality(given: Options, uriPrefix?: string): Personality {
  const options = toPubSubOptions(given);
  const slowDown = failed(mapServiceError({ status: 'RESOURCE_EXHAUSTED' }, 'the imitated topic'));
  return {
    name: 'pubsub',
    says: 'calls by ordering key of which some are throttled, order per key where a rule asks, repeats, 600 s for a delivery, a backoff in whole seconds',
    limits: publishLimits,
    filter: busFilter(given, uriPrefix),
    order: true,
    deadlineMs: PUSH_DEADLINE_S * 1_000,
    deliveries: serviceLimits.deliveryAttempts.max,
    sizeOf: (event) => eventBytes(event, encodeEnvelope(event)),
    callOf: ({ attributes: { partitionkey } }) => (typeof partitionkey === 'string' ? partitionkey : ''),
    fault: () => slowDown,
    subscriptionOf: (rule) => subscriptionOf(rule, options),
  };
}
