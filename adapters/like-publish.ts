// Publishing as another bus does: what it cannot carry is refused, and some calls, or some events of a call, fail for now.
// What is left goes to the bus beneath. Must never fail an event without end: a sender waits for the answer.

import { RouterError, toRouterError } from '../router/errors.ts';
import type { CloudEvent } from '../router/event.ts';
import type { Adapter, PublishResult } from './adapter.ts';
import type { Chance } from './like.ts';
import type { Personality } from './personality.ts';

// Real services fail far less often; a developer sends few events.
const FAULTS = 0.05;
// bus.ts tries for 5 s, and a throttled call asks for a second each time.
const FAULTS_IN_A_ROW = 2;

/** Why this bus does not take the event at all; undefined when it does. */
export function refusalOf({ name, limits, sizeOf }: Personality, event: CloudEvent): RouterError | undefined {
  try {
    const bytes = sizeOf(event);
    if (bytes <= limits.eventBytes) return undefined;
    const says = `${name}: the event takes ${bytes} bytes, at most ${limits.eventBytes} are carried`;
    return new RouterError('EVENT_TOO_LARGE', says);
  } catch (thrown) {
    return toRouterError(thrown, 'NOT_CARRIABLE');
  }
}

export function likePublish(adapter: Adapter, personality: Personality, chance: Chance): Adapter['publish'] {
  /** bus.ts sends the same event again. */
  const tries = new WeakMap<CloudEvent, number>();

  function refused(event: CloudEvent): PublishResult | undefined {
    const error = refusalOf(personality, event);
    return error && { ok: false, code: error.code, reason: error.message, retryable: error.retryable };
  }

  /** The fault of the call that `event` stands for, this time. */
  function faultOf(event: CloudEvent): PublishResult | undefined {
    const { source, id } = event.attributes;
    const attempt = (tries.get(event) ?? 0) + 1;
    tries.set(event, attempt);
    if (attempt > FAULTS_IN_A_ROW || chance('fault', source, id, attempt) >= FAULTS) return undefined;
    return personality.fault(chance('kind of fault', source, id, attempt));
  }

  /** What the service says of each event; undefined where it takes it. */
  function answersTo(batch: readonly CloudEvent[]): (PublishResult | undefined)[] {
    const calls = new Map<string, PublishResult | undefined>();
    return batch.map((event) => {
      const no = refused(event);
      if (no !== undefined) return no;
      const call = personality.callOf(event);
      if (call === undefined) return faultOf(event);
      if (!calls.has(call)) calls.set(call, faultOf(event));
      return calls.get(call);
    });
  }

  return async (batch, signal) => {
    const results = answersTo(batch);
    const left = batch.filter((_, i) => results[i] === undefined);
    // Also when nothing is left: it says whether it was closed or given up.
    const taken = (await adapter.publish(left, signal)).values();
    return results.map((result) => result ?? (taken.next().value as PublishResult));
  };
}
