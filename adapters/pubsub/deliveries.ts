// What becomes of each message of one rule: delivered, put off, given back.
// Where the rule asks for order, a key is one after the other, and one that waits to be tried again holds back its key.
// Must never acknowledge what was neither delivered nor recorded as failed.

import type { Consumer, Outcome } from '../../router/consume.ts';
import { toRouterError } from '../../router/errors.ts';
import type { CloudEvent } from '../../router/event.ts';
import { type Attempts, createAttempts } from './attempts.ts';
import { serviceLimits } from './options.ts';
import type { Replies } from './replies.ts';
import { decodeMessage } from './wire.ts';

export interface DeliveryParts {
  readonly replies: Replies;
  readonly consumer: Consumer;
  readonly rule: string;
  readonly now: () => number;
  /** Nothing is begun any more. */
  readonly stop: AbortSignal;
  /** Gives up what is under way. */
  readonly giveUp: AbortSignal;
}

export interface Message {
  readonly ackId: string;
  readonly id: string;
  readonly key: string;
  /** Deliveries, as the service counts them; 0 if it does not. */
  readonly counted: number;
  readonly data: Buffer;
  readonly attributes: Readonly<Record<string, string>>;
}

const BROKEN_S = 5;
// From here on a target that was never asked is asked ever less often, so that the count of deliveries lasts for hours.
const PATIENT_DELIVERIES = 20;
const KEY_GRACE_MS = 60_000;
/** Beyond this, keys whose event never came back are forgotten. */
const MAX_KEYS = 10_000;

/** Whole seconds, never early; the service takes 600 at most. */
export function waitSeconds(ms: number): number {
  return Math.min(serviceLimits.ackDeadlineSeconds.max, Math.ceil(Math.max(0, ms) / 1_000));
}

interface Parked {
  readonly head: string;
  readonly until: number;
}

export interface Deliveries {
  /** Never rejects. */
  take(message: Message): Promise<void>;
}

export function createDeliveries(parts: DeliveryParts): Deliveries {
  const { consumer, rule, replies, now } = parts;
  const attempts: Attempts = createAttempts();
  const tails = new Map<string, Promise<void>>();
  const parked = new Map<string, Parked>();

  function putOff({ ackId, id }: Message, ms: number): void {
    attempts.uncount(id);
    replies.postpone(ackId, waitSeconds(ms));
  }

  async function refuse(message: Message, thrown: unknown): Promise<void> {
    const { code, message: reason } = toRouterError(thrown, 'DECODE_FAILED');
    await consumer.refuse({ code, reason, bytes: message.data });
    replies.acknowledge(message.ackId);
  }

  function park(key: string, first: Parked): void {
    if (parked.size >= MAX_KEYS) {
      for (const [old, { until }] of parked) if (now() > until + KEY_GRACE_MS) parked.delete(old);
    }
    parked.set(key, first);
  }

  function settle(message: Message, outcome: Outcome): void {
    const { ackId, id, key, counted } = message;
    if (outcome.kind === 'ack') {
      attempts.forget(id);
      parked.delete(key);
      replies.acknowledge(ackId);
      return;
    }
    const patience = outcome.counts ? 0 : 1_000 * 2 ** Math.min(counted - PATIENT_DELIVERIES, 10);
    const ms = Math.max(outcome.afterMs, counted > PATIENT_DELIVERIES ? patience : 0);
    if (!outcome.counts) attempts.uncount(id);
    attempts.wait(id, now() + ms);
    if (key !== '') park(key, { head: id, until: now() + ms });
    replies.postpone(ackId, waitSeconds(ms));
  }

  async function deliver(message: Message): Promise<void> {
    const attempt = attempts.begin(message.id, message.counted);
    if (parts.stop.aborted) return putOff(message, 0);
    const leftMs = attempts.leftMs(message.id, now());
    if (leftMs > 0) return putOff(message, leftMs);
    let event: CloudEvent;
    try {
      event = decodeMessage(message);
    } catch (thrown) {
      return refuse(message, thrown);
    }
    settle(message, await consumer.deliver({ event, rule, attempt, unchecked: true }, parts.giveUp));
  }

  async function deliverSafely(message: Message): Promise<void> {
    replies.hold(message.ackId);
    try {
      await deliver(message);
    } catch {
      // The failure record could not be written, or a promise was broken: the message stays with the service.
      replies.postpone(message.ackId, BROKEN_S);
    }
  }

  /** Behind the others of its key; put off while an earlier one of the key waits for its next try. */
  async function deliverInTurn(message: Message): Promise<void> {
    const first = parked.get(message.key);
    if (first === undefined || first.head === message.id || now() > first.until + KEY_GRACE_MS) {
      return deliverSafely(message);
    }
    attempts.begin(message.id, message.counted);
    putOff(message, Math.max(1_000, first.until - now()));
  }

  return {
    take(message) {
      if (message.key === '' || !consumer.ordered(rule)) return deliverSafely(message);
      const { key } = message;
      const before = tails.get(key) ?? Promise.resolve();
      replies.hold(message.ackId);
      const turn = before.then(() => deliverInTurn(message));
      tails.set(key, turn);
      return turn.finally(() => {
        if (tails.get(key) === turn) tails.delete(key);
      });
    },
  };
}
