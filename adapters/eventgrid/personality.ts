// How Event Grid behaves when it pushes to our deliver function, with an event subscription for each rule. Pure; loads no SDK.
// Source: Azure Event Grid, "Delivery and retry" (schedule, 30 s for an answer, 24 h to live) and "Endpoint validation with
// CloudEvents schema" (read 2026-11-21).

import type { Options } from '../../router/config.ts';
import { type CloudEvent, checkEvent } from '../../router/event.ts';
import { encodeStructured } from '../../router/wire/json.ts';
import type { Decoded } from '../adapter.ts';
import type { ImitatedRule, Personality, Subscription } from '../personality.ts';
import { busFilter } from './bus-filter.ts';
import { nameOf, settingsOf } from './definitions.ts';
import { mapAnswer } from './map-error.ts';
import { type EventGridOptions, toEventGridOptions } from './options.ts';
import { checkPlain } from './plain.ts';
import { failed, limitsOf, sizeOf } from './publish.ts';
import { eventgridPush } from './push.ts';
import { decodeEventGrid } from './wire.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
// With one wait of 12 h more the day would be over that an event has to live, so these are all of its deliveries.
const WAITS_MS = [
  10 * SECOND,
  30 * SECOND,
  MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
];
// "A small randomization": how much is not said.
const SPREAD = 0.1;
const ORIGIN = 'eventgrid.azure.net';

/** The request that the service makes. */
function carry(event: CloudEvent, subscription: string, { rule, prefix }: { rule: string; prefix: string }): Decoded {
  const headers = {
    'content-type': 'application/cloudevents+json; charset=utf-8',
    'aeg-event-type': 'Notification',
    'aeg-subscription-name': subscription,
  };
  return decodeEventGrid({ headers, body: encodeStructured(event) }, { prefix, rules: () => [rule] })[0]!;
}

function subscriptionOf(rule: ImitatedRule, options: EventGridOptions): Subscription {
  const name = nameOf(rule, options);
  const about = { rule: rule.name, prefix: options.subscriptionPrefix };
  return {
    carry: (event) => carry(event, name, about),
    againAfterMs: (attempt, chance) => (WAITS_MS[attempt - 1] ?? WAITS_MS.at(-1)!) * (1 + SPREAD * chance),
  };
}

/** The handshake of the CloudEvents webhook, made by the service before it makes a subscription. */
function mayPush({ origins }: EventGridOptions): boolean {
  const headers = { 'webhook-request-origin': ORIGIN, 'webhook-request-rate': '120' };
  const request = { method: 'OPTIONS', path: '/', query: '', headers, body: Buffer.alloc(0) };
  const answer = eventgridPush(origins).handshake?.(request);
  const allowed = answer?.headers['webhook-allowed-origin']?.toLowerCase();
  return answer?.status === 200 && (allowed === ORIGIN || allowed === '*');
}

export function personality(given: Options, uriPrefix?: string): Personality {
  const options = toEventGridOptions(given);
  const { tier } = settingsOf(options);
  const throttled = { status: 429, header: () => undefined, body: Buffer.alloc(0) };
  const slowDown = failed(mapAnswer(throttled, 'the imitated topic', 0));
  return {
    name: 'eventgrid',
    says: 'calls that are taken or throttled whole, a handshake, no order, repeats, 30 s for an answer, again after 10 s, 30 s, 1 min and so on',
    limits: limitsOf[tier],
    filter: busFilter(given, uriPrefix),
    order: false,
    deadlineMs: eventgridPush(options.origins).answerMs,
    deliveries: WAITS_MS.length + 1,
    sizeOf(event) {
      checkPlain(checkEvent(event), options.filterable, tier);
      return sizeOf(event);
    },
    callOf: () => '',
    fault: () => slowDown,
    mayPush: () => mayPush(options),
    subscriptionOf: (rule) => subscriptionOf(rule, options),
  };
}
