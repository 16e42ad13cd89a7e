// Delivering as another bus does, between a log and the consumer: through that bus's filter and wire, late and out of order,
// now and then twice, within its deadline and again by its own curve. Must never lose a delivery: what the bus gives up, or
// could not carry at all, ends in a failure record.

import type { Consumer, Delivery, Outcome } from '../router/consume.ts';
import { type ErrorCode, RouterError, toRouterError } from '../router/errors.ts';
import type { CloudEvent } from '../router/event.ts';
import { type FailureLog, failureId } from '../router/failure.ts';
import { keyOf } from './fan-out.ts';
import type { Chance, LikeParts } from './like.ts';
import { refusalOf } from './like-publish.ts';
import { pause } from './pause.ts';
import type { ImitatedRule, Subscription } from './personality.ts';

// Within this time deliveries overtake each other, and a repeat comes.
const WINDOW_MS = 250;
// "At least once" is all that the services say, and far less often than here: a handler that cannot bear it is to be found
// out by the few events of a laptop.
const REPEATS = 0.05;
const FAILURE_LOG_RETRY_MS = 5_000;

interface ConsumerParts extends LikeParts {
  readonly failures: FailureLog;
  readonly chance: Chance;
}

interface Native extends Subscription {
  passes(event: CloudEvent): boolean;
}

function again(afterMs: number, counts: boolean): Outcome {
  return { kind: 'retry', afterMs: Math.round(afterMs), counts };
}

export function likeConsumer(consumer: Consumer, parts: ConsumerParts): Consumer {
  const { personality, rules, now, onWarning, failures, chance, speed = 1 } = parts;
  const { name, deadlineMs, deliveries } = personality;
  const natives = new WeakMap<ImitatedRule, Native>();
  const consents = new Map<string, boolean>();

  /** Compiled once for each rule that comes into force. */
  function nativeOf(rule: ImitatedRule): Native {
    let native = natives.get(rule);
    if (native === undefined) {
      const passes = personality.filter.passes?.(rule.when) ?? (() => true);
      native = { ...personality.subscriptionOf(rule), passes };
      natives.set(rule, native);
    }
    return native;
  }

  /** Asked once a rule, before its first delivery, as where a subscription is made. */
  function mayPush(rule: string): boolean {
    let consent = consents.get(rule);
    if (consent === undefined) {
      consent = personality.mayPush?.() ?? true;
      consents.set(rule, consent);
      if (!consent) onWarning(`${name}: the handshake for rule '${rule}' was refused, so nothing is delivered to it`);
    }
    return consent;
  }

  async function putAway(delivery: Delivery, code: ErrorCode, reason: string): Promise<Outcome> {
    const { event, rule, attempt } = delivery;
    const at = new Date(now()).toISOString();
    const id = failureId(rule, event);
    try {
      await failures.write({ id, rule, ruleHash: null, code, reason, attempts: attempt, at, event });
    } catch {
      return again(FAILURE_LOG_RETRY_MS, false);
    }
    onWarning(`${reason} (rule '${rule}', failure ${id})`);
    return { kind: 'ack' };
  }

  /** Through the bus's wire and back. Throws RouterError for what it cannot carry. */
  function carried(event: CloudEvent, { carry }: Native): CloudEvent {
    const refusal = refusalOf(personality, event);
    if (refusal !== undefined) throw refusal;
    const decoded = carry(event);
    if (decoded.ok) return decoded.event;
    throw new RouterError(decoded.code, decoded.reason);
  }

  /** The bus waits no longer than its deadline, whatever becomes of the delivery then. */
  async function inTime(delivery: Delivery, afterMs: number, signal: AbortSignal): Promise<Outcome> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), deadlineMs);
    const outcome = await consumer.deliver(delivery, AbortSignal.any([signal, late.signal]));
    clearTimeout(timer);
    if (!late.signal.aborted || signal.aborted) return outcome;
    onWarning(`${name}: rule '${delivery.rule}' took over ${deadlineMs / 1_000} s for an event, so it comes again`);
    return again(afterMs, true);
  }

  function ordered(rule: string): boolean {
    return personality.order && consumer.ordered(rule);
  }

  async function deliver(delivery: Delivery, rule: ImitatedRule, signal: AbortSignal): Promise<Outcome> {
    const { attempt } = delivery;
    const { source, id } = delivery.event.attributes;
    const draw = (what: string): number => chance(what, rule.name, source, id, attempt);
    const native = nativeOf(rule);
    const againAfterMs = Math.round(native.againAfterMs(attempt, draw('again')) / speed);
    if (!mayPush(rule.name)) return again(againAfterMs, false);
    let event: CloudEvent;
    try {
      event = carried(delivery.event, native);
    } catch (thrown) {
      const { code, message } = toRouterError(thrown, 'NOT_CARRIABLE');
      return putAway(delivery, code, message);
    }
    const inOrder = ordered(rule.name) && keyOf(event) !== undefined;
    if (!inOrder) await pause((draw('delay') * WINDOW_MS) / speed, signal);
    if (signal.aborted) return again(0, false);
    const outcome = await inTime({ ...delivery, event, unchecked: true, againAfterMs }, againAfterMs, signal);
    if (outcome.kind === 'retry') {
      if (!outcome.counts || attempt < deliveries) return outcome;
      return putAway(delivery, 'ATTEMPTS_EXHAUSTED', `${name}: given up after ${attempt} deliveries`);
    }
    // As where the acknowledgement is lost. Only of a first delivery, so that there is an end to it.
    const isRepeated = attempt === 1 && outcome.unmatched !== true && draw('repeat') < REPEATS;
    return isRepeated ? again((draw('repeat after') * WINDOW_MS) / speed, true) : outcome;
  }

  return {
    match(event) {
      // Asked for whoever watches. What is delivered the bus's filter says, and the check of the whole rule behind it.
      const taken = consumer.match(event);
      // Before this bus was imitated the log took what it would not: that must not go in silence.
      if (refusalOf(personality, event) !== undefined) return taken;
      return rules().flatMap((rule) => (nativeOf(rule).passes(event) ? [rule.name] : []));
    },
    async deliver(delivery, signal) {
      const rule = rules().find((one) => one.name === delivery.rule);
      // Gone, which the consumer says.
      return rule === undefined ? consumer.deliver(delivery, signal) : deliver(delivery, rule, signal);
    },
    refuse: (refused) => consumer.refuse(refused),
    ordered,
  };
}
