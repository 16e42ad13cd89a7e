// Pulls one event subscription for its rule: receives as many as there are free slots, delivers,
// settles. Locks are renewed while a delivery, or the wait for its retry, is under way.
// Event Grid counts deliveries; a retry goes back to it where that count may rise, and is waited for here where not.

import type { Consumer, Outcome } from '../../router/consume.ts';
import { toRouterError } from '../../router/errors.ts';
import type { CloudEvent } from '../../router/event.ts';
import { pause } from '../pause.ts';
import type { Post } from './http.ts';
import { createSettler, releaseDelays, type Settlement } from './settle.ts';
import { createSlots } from './slots.ts';
import { type Received, readReceived } from './wire.ts';

export interface PullParts {
  readonly post: Post;
  /** The url of an operation on this subscription: 'receive'. */
  readonly operation: (name: string) => URL;
  readonly what: string;
  readonly onWarning: (text: string) => void;
  readonly now: () => number;
  readonly rule: string;
  /** Whether an earlier filter left the subscription behind: then it may be deleted at any time. */
  readonly isFormer: () => boolean;
}

// Deliveries of one rule under way at once; a target has slots of its own, so a few that hang hold back no others.
const SLOTS = 256;
// Waiting here for a retry, beyond which Event Grid is asked to wait longer than due.
const MAX_HELD = 1_000;
const MAX_HOLD_MS = 600_000;
// Documented: 1 to 100 events, 10 to 120 s.
const MAX_EVENTS = 100;
const WAIT_SECONDS = 60;
const RECEIVE_MS = (WAIT_SECONDS + 30) * 1_000;
// A third of the shortest lock.
const RENEW_MS = 20_000;
// The most deliveries a subscription can be set to; after them Event Grid drops the event or puts it away by itself.
const MAX_DELIVERIES = 10;
const AGAIN_FIRST_MS = 500;
const AGAIN_MAX_MS = 30_000;
const REFUSE_AGAIN_MS = 10_000;
const DRAIN_MS = 5_000;
// Targets end within a second of it; the rest is for what they say then.
const CUT_MS = 3_000;

/** The shortest release that does not come back before `ms`; an hour is the longest there is. */
function releaseAfter(ms: number): Settlement {
  const delaySeconds = releaseDelays.find((seconds) => seconds * 1_000 >= ms) ?? releaseDelays.at(-1)!;
  return { kind: 'release', delaySeconds };
}

interface Wait {
  readonly holdMs: number;
  /** Undefined: it is delivered again from here. */
  readonly release: Settlement | undefined;
}

/** An allowed delay and, with the lock held, what it lacks of the time that was asked for. */
function waitFor({ afterMs, counts }: Outcome & { kind: 'retry' }, deliveryCount: number): Wait {
  if (!counts || deliveryCount >= MAX_DELIVERIES) return { holdMs: Math.min(afterMs, MAX_HOLD_MS), release: undefined };
  const delaySeconds = releaseDelays.findLast((seconds) => seconds * 1_000 <= afterMs) ?? 0;
  const holdMs = afterMs - delaySeconds * 1_000;
  if (holdMs > MAX_HOLD_MS) return { holdMs: 0, release: releaseAfter(afterMs) };
  return { holdMs, release: { kind: 'release', delaySeconds } };
}

/** How long to wait before the next try; what goes wrong in the same way again is said once. */
function createTrouble(onWarning: (text: string) => void): { tell(thrown: unknown): number; clear(): void } {
  let said: string | undefined;
  let count = 0;
  return {
    tell(thrown) {
      const { code, message, facts } = toRouterError(thrown, 'BUS_UNAVAILABLE');
      if (said !== code) onWarning(`${message}; tried again until it answers`);
      said = code;
      const hint = facts['retryAfterMs'];
      return Math.max(Math.min(AGAIN_MAX_MS, AGAIN_FIRST_MS * 2 ** count++), typeof hint === 'number' ? hint : 0);
    },
    clear() {
      said = undefined;
      count = 0;
    },
  };
}

/**
 * Pulls until `signal` aborts or a former subscription is gone, then drains. Rejects never: what goes wrong is said and tried
 * again.
 */
export async function pullSubscription(parts: PullParts, consumer: Consumer, signal: AbortSignal): Promise<void> {
  const { post, operation, what, onWarning, now, rule } = parts;
  const slots = createSlots(SLOTS);
  const locked = new Set<string>();
  const underWay = new Set<Promise<void>>();
  const [giveUp, cut] = [new AbortController(), new AbortController()];
  const settler = createSettler({ post, operation, what, onWarning, signal: giveUp.signal, cut: cut.signal });
  const renewing = setInterval(() => void settler.renew([...locked]), RENEW_MS).unref();
  let held = 0;

  async function refuse({ decoded }: Received): Promise<Settlement> {
    if (decoded.ok) return { kind: 'acknowledge' };
    try {
      await consumer.refuse(decoded);
      // Not rejected: Event Grid would put it away, and it would be listed twice.
      return { kind: 'acknowledge' };
    } catch {
      return releaseAfter(REFUSE_AGAIN_MS); // no record of it yet, so it must stay
    }
  }

  /** Waits for a retry outside the slots. The settlement, or undefined when it is due here. */
  async function holdFor(outcome: Outcome & { kind: 'retry' }, deliveryCount: number): Promise<Settlement | undefined> {
    const dueAt = now() + outcome.afterMs;
    const { holdMs, release } = waitFor(outcome, deliveryCount);
    if (held >= MAX_HELD || signal.aborted) return releaseAfter(outcome.afterMs);
    held++;
    slots.give();
    await pause(holdMs, signal);
    await slots.take();
    held--;
    return signal.aborted ? releaseAfter(dueAt - now()) : release;
  }

  async function deliver(event: CloudEvent, deliveryCount: number): Promise<Settlement> {
    for (let attempt = deliveryCount; ; ) {
      const outcome = await consumer.deliver({ event, rule, attempt, unchecked: true }, giveUp.signal);
      if (outcome.kind === 'ack') return { kind: 'acknowledge' };
      const settlement = await holdFor(outcome, deliveryCount);
      if (settlement !== undefined) return settlement;
      if (outcome.counts) attempt++;
    }
  }

  async function handle(item: Received): Promise<void> {
    const { lockToken, deliveryCount, decoded } = item;
    locked.add(lockToken);
    await slots.take();
    try {
      const settlement = decoded.ok ? await deliver(decoded.event, deliveryCount) : await refuse(item);
      await settler.settle(lockToken, settlement);
    } catch {
      // A consumer that broke its promise: the lock ends and the event comes again.
    } finally {
      locked.delete(lockToken);
      slots.give();
    }
  }

  async function receive(): Promise<readonly Received[]> {
    const url = operation('receive');
    url.searchParams.set('maxEvents', String(Math.min(MAX_EVENTS, slots.free())));
    url.searchParams.set('maxWaitTime', String(WAIT_SECONDS));
    const limit = AbortSignal.any([signal, AbortSignal.timeout(RECEIVE_MS)]);
    return readReceived(await post({ url, what, signal: limit }));
  }

  const trouble = createTrouble(onWarning);
  while (!signal.aborted) {
    // Room first, so that nothing is locked that cannot be delivered.
    await slots.room(signal);
    if (signal.aborted) break;
    try {
      for (const item of await receive()) {
        const work = handle(item).finally(() => underWay.delete(work));
        underWay.add(work);
      }
      trouble.clear();
    } catch (thrown) {
      if (parts.isFormer() && toRouterError(thrown).code === 'NOT_FOUND') break;
      if (!signal.aborted) await pause(trouble.tell(thrown), signal);
    }
  }
  const timers = [setTimeout(() => giveUp.abort(), DRAIN_MS), setTimeout(() => cut.abort(), DRAIN_MS + CUT_MS)];
  await Promise.all(underWay);
  for (const timer of timers) clearTimeout(timer);
  clearInterval(renewing);
}
