// One rule's subscription: asks for messages and hands them on. At most so many are under way, so that a target that hangs
// fills its own places and nobody else's. Must never end before it is told to: whatever the service says, it asks again.

import { toRouterError } from '../../router/errors.ts';
import { pause } from '../pause.ts';
import { type Clients, callOnce } from './client.ts';
import { createDeliveries, type DeliveryParts, type Message } from './deliveries.ts';
import type { DrainWatch } from './drain.ts';
import { isStatusOf } from './map-error.ts';
import type { Replies } from './replies.ts';
import { readAttributes } from './wire.ts';

export interface PullerParts extends DeliveryParts {
  readonly clients: Clients;
  /** Its full name. */
  readonly subscription: string;
  readonly watch: DrainWatch;
  /** Whether an earlier filter left the subscription behind: then it may be deleted at any time. */
  readonly isFormer: () => boolean;
  readonly onWarning: (text: string) => void;
}

/** What the generated client gives; every member may be null. */
interface Received {
  readonly ackId?: string | null;
  readonly deliveryAttempt?: number | null;
  readonly message?: {
    readonly data?: Uint8Array | string | null;
    readonly attributes?: Readonly<Record<string, string>> | null;
    readonly messageId?: string | null;
    readonly orderingKey?: string | null;
    readonly publishTime?: { readonly seconds?: unknown } | null;
  } | null;
}

// Some seconds of a quick target's work; of a hanging one, what waits in memory.
const MAX_UNDER_WAY = 256;
const PER_PULL = 100;
// The service answers an empty pull after some time of its own; this is for one that does not.
const PULL_MS = 90_000;
const AGAIN_MS = 200;
const MISSING_MS = 5_000;

function toMessage({ ackId, deliveryAttempt, message }: Received): Message {
  const data = message?.data ?? '';
  return {
    ackId: ackId ?? '',
    id: message?.messageId ?? '',
    key: message?.orderingKey ?? '',
    counted: deliveryAttempt ?? 0,
    data:
      typeof data === 'string' ? Buffer.from(data, 'base64') : Buffer.from(data.buffer, data.byteOffset, data.length),
    attributes: readAttributes(message?.attributes) ?? {},
  };
}

function publishedAt({ message }: Received): number {
  return Number(message?.publishTime?.seconds ?? 0) * 1_000;
}

function watched(replies: Replies, watch: DrainWatch): Replies {
  return {
    ...replies,
    postpone(ackId, seconds) {
      watch.postponed(seconds);
      replies.postpone(ackId, seconds);
    },
  };
}

/** Runs until `stop`, or until a former subscription is gone; resolves when nothing is under way any more. Never rejects. */
export async function runPuller(parts: PullerParts): Promise<void> {
  const { clients, subscription, watch, stop, onWarning } = parts;
  const deliveries = createDeliveries({ ...parts, replies: watched(parts.replies, watch) });
  const underWay = new Set<Promise<void>>();
  const what = `subscription '${subscription}'`;
  let warned = '';
  let freed = (): void => undefined;
  stop.addEventListener('abort', () => freed(), { once: true });
  const room = (): Promise<void> =>
    new Promise((resolve) => {
      freed = resolve;
    });

  async function ask(): Promise<readonly Received[]> {
    const maxMessages = Math.min(PER_PULL, MAX_UNDER_WAY - underWay.size);
    const answer = await callOnce((options) => clients.subscriber.pull({ subscription, maxMessages }, options), {
      what,
      signal: stop,
      timeoutMs: PULL_MS,
    });
    return answer.receivedMessages ?? [];
  }

  function take(received: Received): void {
    const ended = watch.took(publishedAt(received));
    const work = deliveries.take(toMessage(received)).finally(() => {
      underWay.delete(work);
      ended();
      freed();
    });
    underWay.add(work);
  }

  /** Waits as long as the error asks for. */
  async function bear(thrown: unknown, failures: number): Promise<void> {
    if (stop.aborted) return;
    if (isStatusOf(thrown, 'DEADLINE_EXCEEDED')) return watch.answered();
    const error = toRouterError(thrown, 'BUS_UNAVAILABLE');
    const asked = Number(error.facts['retryAfterMs'] ?? 0);
    const ms = error.retryable ? AGAIN_MS * 2 ** Math.min(failures, 5) : MISSING_MS;
    if (warned !== error.code) onWarning(`${error.message}; rule '${parts.rule}' gets nothing until it does`);
    warned = error.code;
    await pause(Math.max(ms, asked), stop);
  }

  for (let failures = 0; !stop.aborted; ) {
    try {
      const begun = performance.now();
      const found = await ask();
      // The service holds an empty pull; whatever answers at once must not be asked in a circle.
      if (found.length === 0 && performance.now() - begun < AGAIN_MS) await pause(AGAIN_MS, stop);
      for (const received of found) take(received);
      watch.answered();
      failures = 0;
      warned = '';
    } catch (thrown) {
      if (parts.isFormer() && isStatusOf(thrown, 'NOT_FOUND')) break;
      await bear(thrown, failures++);
    }
    while (underWay.size >= MAX_UNDER_WAY && !stop.aborted) await room();
  }
  await Promise.all(underWay);
}
