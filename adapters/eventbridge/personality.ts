// How EventBridge behaves, with a queue of SQS for each rule and our deliver function behind it. Pure; loads no SDK.
// Sources: EventBridge API reference, PutEvents; User Guide, "Adding events with PutEvents" (partial failures) and "Events";
// SQS Developer Guide, "Visibility timeout" (30 s unless set) and "Quotas" (kept for 4 days unless set) (read 2026-11-21).

import type { Options } from '../../router/config.ts';
import type { CloudEvent } from '../../router/event.ts';
import type { Decoded } from '../adapter.ts';
import type { Personality } from '../personality.ts';
import { busFilter } from './bus-filter.ts';
import { decodePushed } from './decode.ts';
import { resultOfErrorCode } from './map-error.ts';
import { limitsOf, toEventBridgeOptions } from './options.ts';
import { toEntry } from './wire.ts';

const VISIBILITY_MS = 30_000;
const RETENTION_MS = 4 * 86_400_000;
const ACCOUNT = '123456789012';
const REGION = 'us-east-1';

/** The batch that Lambda is handed: a message whose body is the envelope, with the detail as it was put. */
function batchOf(event: CloudEvent, queue: string): object {
  const { Source, DetailType, Detail, Time = new Date(0) } = toEntry(event).entry;
  const { id } = event.attributes;
  const envelope = JSON.stringify({
    version: '0',
    id,
    'detail-type': DetailType,
    source: Source,
    account: ACCOUNT,
    // Whole seconds; the event's own time is in the detail.
    time: `${Time.toISOString().slice(0, 19)}Z`,
    region: REGION,
    resources: [],
  });
  const body = `${envelope.slice(0, -1)},"detail":${Detail}}`;
  const eventSourceARN = `arn:aws:sqs:${REGION}:${ACCOUNT}:${queue}`;
  return { Records: [{ messageId: id, body, eventSource: 'aws:sqs', eventSourceARN }] };
}

function carry(event: CloudEvent, rule: string): Decoded {
  return decodePushed(batchOf(event, rule), (queue) => queue)[0]!;
}

export function personality(options: Options, uriPrefix?: string): Personality {
  return {
    name: 'eventbridge',
    says: 'calls of 10 events of which some fail, no order, repeats, 30 s for a delivery and until it comes again',
    limits: limitsOf(toEventBridgeOptions(options)),
    filter: busFilter(options, uriPrefix),
    order: false,
    deadlineMs: VISIBILITY_MS,
    deliveries: RETENTION_MS / VISIBILITY_MS,
    sizeOf: (event) => toEntry(event).bytes,
    callOf: () => undefined,
    fault: (chance) => resultOfErrorCode(chance < 0.5 ? 'ThrottlingException' : 'InternalFailure', 'the imitated bus'),
    subscriptionOf: ({ name }) => ({
      carry: (event) => carry(event, name),
      againAfterMs: () => VISIBILITY_MS,
    }),
  };
}
