// What happens to one event for one rule: target, retry or failure record. Used by every bus and every host, so that a
// delivery ends the same way wherever it came from. Never acknowledges a failure before its record is durable.

import { type ErrorCode, type RouterError, toRouterError } from './errors.ts';
import type { CloudEvent } from './event.ts';
import { type FailureLog, type FailureRecord, failureId } from './failure.ts';
import { type RetryPolicy, retryDelayMs } from './retry.ts';

/** What one rule is asked to do with one event. */
export interface Delivery {
  readonly event: CloudEvent;
  readonly rule: string;
  /** 1 for the first try. */
  readonly attempt: number;
  /**
   * The bus filtered by the widest safe part of the rule only: the whole pattern is checked before the target is asked, and
   * what does not match is acknowledged.
   */
  readonly unchecked?: true;
  /** Where the bus alone decides when it comes again: milliseconds, in place of the rule's own times. */
  readonly againAfterMs?: number;
}

/**
 * `ack`: done, also when it ended in a failure record; `unmatched` when the rule does not take the event, so that nobody was
 * asked. `retry`: the bus keeps it and calls again after `afterMs`; `counts` is false when the target was not tried at all,
 * so that `attempt` stays as it was.
 */
export type Outcome =
  | { readonly kind: 'ack'; readonly unmatched?: true }
  | { readonly kind: 'retry'; readonly afterMs: number; readonly counts: boolean };

/**
 * `ack`: the target has it. `retry`: worth another attempt, not before `afterMs` when given (a Retry-After).
 * `dead`: no attempt can help. `reason` is for people: never a secret, never a response body.
 */
export type Verdict =
  | { readonly kind: 'ack' }
  | { readonly kind: 'retry'; readonly code: ErrorCode; readonly reason: string; readonly afterMs?: number }
  | { readonly kind: 'dead'; readonly code: ErrorCode; readonly reason: string };

export interface Refused {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly bytes: Buffer;
}

/** What a bus calls. */
export interface Consumer {
  /** The rules that take this event, in document order. Only log buses ask. Never throws. */
  match(event: CloudEvent): readonly string[];
  /** Delivers to one rule. Never rejects. */
  deliver(delivery: Delivery, signal: AbortSignal): Promise<Outcome>;
  /** Writes the failure record of a record that could not be decoded. Rejects when it could not be made durable. */
  refuse(refused: Refused): Promise<void>;
  /** Whether this rule asks for order per partitionkey. */
  ordered(rule: string): boolean;
}

/** A rule with its target opened, ready to deliver. */
export interface ActiveRule {
  readonly name: string;
  readonly hash: string;
  readonly ordered: boolean;
  readonly retry: RetryPolicy;
  matches(event: CloudEvent): boolean;
  deliver(delivery: Delivery, signal: AbortSignal): Promise<Verdict>;
}

/** One line of what happened, for whoever watches (the dev command, logs). */
export interface Report {
  readonly event: CloudEvent;
  readonly rule: string;
  readonly attempt: number;
  readonly tookMs: number;
  readonly result:
    | { readonly kind: 'delivered' }
    | { readonly kind: 'retry'; readonly code: ErrorCode; readonly reason: string; readonly afterMs: number }
    | { readonly kind: 'failed'; readonly code: ErrorCode; readonly reason: string; readonly failure: string };
}

/** The data of events that travel without it; adapters/oversize/ has the one there is. */
export interface Whole {
  /** Whether the event's data lies in the store. */
  isLight(event: CloudEvent): boolean;
  /** What is known of a light event without asking the store: the whole event's attributes. */
  bare(event: CloudEvent): CloudEvent;
  /**
   * Runs `run` with the whole event, which must not be kept for longer. Rejects as `run` does, or with DATA_GONE,
   * DATA_ALTERED, DATA_UNAVAILABLE, UNAUTHORIZED or ABORTED.
   */
  use<T>(event: CloudEvent, signal: AbortSignal, run: (whole: CloudEvent) => Promise<T>): Promise<T>;
}

export interface ConsumeParts {
  /** The rules in force; read at each call, so that a changed document is taken over while running. */
  readonly rules: () => ReadonlyMap<string, ActiveRule>;
  /** The names of the rules in force that take an event, in document order. Never throws. */
  readonly match: (event: CloudEvent) => readonly string[];
  /** Where data may lie in a store; then a light event is first judged by its attributes, and as a whole when it is delivered. */
  readonly whole?: Whole;
  /** The rules that may take an event of these attributes, in document order, and none too few; all rules if absent. */
  readonly mayMatch?: (bare: CloudEvent) => readonly string[];
  readonly failures: FailureLog;
  readonly now: () => number;
  readonly random: () => number;
  readonly onReport?: (report: Report) => void;
  /** Called once per event read from a log bus, with the rules that took it. */
  readonly onMatch?: (event: CloudEvent, rules: readonly string[]) => void;
}

const FAILURE_LOG_RETRY_MS = 5_000;
const MAX_ASKED_MS = 86_400_000;
// A store that is down is down for all: soon enough when it comes back.
const DATA_RETRY_MS = 5_000;

/** The target was not tried, or was taken away meanwhile: that costs no attempt and cannot be the last one. */
export const uncounted: ReadonlySet<ErrorCode> = new Set(['TARGET_BUSY', 'ABORTED', 'CLOSED', 'DATA_UNAVAILABLE']);

/** What a target asks for, as whole milliseconds up to a day, whatever it said. */
function askedMs(afterMs = 0): number {
  return Number.isNaN(afterMs) ? 0 : Math.ceil(Math.min(MAX_ASKED_MS, Math.max(0, afterMs)));
}

/** What is due when the data of an event cannot be had: data that is not there any more does not come back. */
export function verdictWithoutData({ code, message: reason }: RouterError): Verdict {
  if (code === 'DATA_GONE' || code === 'DATA_ALTERED') return { kind: 'dead', code, reason };
  return { kind: 'retry', code, reason, afterMs: DATA_RETRY_MS };
}

/** Whoever watches must not be able to stop a delivery. */
function quietly(tell: () => void): void {
  try {
    tell();
  } catch {
    // Its own fault, and nothing to do with the delivery.
  }
}

export function createConsumer(parts: ConsumeParts): Consumer {
  const { rules, failures, now, random, whole } = parts;
  const verdicts = new WeakMap<
    CloudEvent,
    { readonly of: ReadonlyMap<string, ActiveRule>; readonly taken: Set<string> }
  >();

  async function fail(delivery: Delivery, verdict: { code: ErrorCode; reason: string }, hash: string | null) {
    const record: FailureRecord = {
      id: failureId(delivery.rule, delivery.event),
      rule: delivery.rule,
      ruleHash: hash,
      code: verdict.code,
      reason: verdict.reason,
      attempts: delivery.attempt,
      at: new Date(now()).toISOString(),
      event: delivery.event,
    };
    await failures.write(record);
    return record.id;
  }

  async function settle(delivery: Delivery, verdict: Verdict, rule: ActiveRule | undefined, startedAt: number) {
    const report = (result: Report['result']): void =>
      quietly(() => parts.onReport?.({ ...delivery, tookMs: now() - startedAt, result }));
    if (verdict.kind === 'ack') {
      report({ kind: 'delivered' });
      return { kind: 'ack' } as const;
    }
    const { code, reason } = verdict;
    const counts = !uncounted.has(code);
    if (verdict.kind === 'retry' && rule !== undefined && (!counts || delivery.attempt < rule.retry.attempts)) {
      const afterMs =
        delivery.againAfterMs ??
        Math.max(askedMs(verdict.afterMs), retryDelayMs(rule.retry, delivery.attempt, random()));
      if (counts) report({ kind: 'retry', code, reason, afterMs });
      return { kind: 'retry', afterMs, counts } as const;
    }
    try {
      const failure = await fail(delivery, verdict, rule?.hash ?? null);
      report({ kind: 'failed', code, reason, failure });
      return { kind: 'ack' } as const;
    } catch {
      // Without a durable record the delivery must stay with the bus.
      return { kind: 'retry', afterMs: FAILURE_LOG_RETRY_MS, counts: false } as const;
    }
  }

  /** All rules at once, and once an event: each alone would read its large data anew. */
  function takes(rule: string, light: CloudEvent, event: CloudEvent): boolean {
    const known = verdicts.get(light);
    if (known?.of === rules()) return known.taken.has(rule);
    const taken = new Set(parts.match(event));
    verdicts.set(light, { of: rules(), taken });
    return taken.has(rule);
  }

  /** Never rejects. Undefined when the rule does not take the event, so that nobody was asked. */
  async function attempt(
    delivery: Delivery,
    { rule, signal, isTaken }: { rule: ActiveRule; signal: AbortSignal; isTaken: () => boolean },
  ): Promise<Verdict | undefined> {
    try {
      return isTaken() ? await rule.deliver(delivery, signal) : undefined;
    } catch {
      return { kind: 'retry', code: 'INTERNAL', reason: 'the target broke its contract and threw' };
    }
  }

  async function attemptWhole(
    { use }: Whole,
    delivery: Delivery,
    { rule, signal }: { rule: ActiveRule; signal: AbortSignal },
  ): Promise<Verdict | undefined> {
    const light = delivery.event;
    try {
      return await use(light, signal, (event) => {
        const isTaken = (): boolean => (delivery.unchecked ? rule.matches(event) : takes(rule.name, light, event));
        return attempt({ ...delivery, event }, { rule, signal, isTaken });
      });
    } catch (thrown) {
      return verdictWithoutData(toRouterError(thrown));
    }
  }

  return {
    match(event) {
      // Who takes it is not known before its data is here, so nobody is told.
      if (whole?.isLight(event)) return parts.mayMatch?.(whole.bare(event)) ?? [...rules().keys()];
      const taken = parts.match(event);
      quietly(() => parts.onMatch?.(event, taken));
      return taken;
    },
    async deliver(delivery, signal) {
      const startedAt = now();
      const rule = rules().get(delivery.rule);
      if (rule === undefined) {
        const reason = `rule '${delivery.rule}' is not in the document any more`;
        return settle(delivery, { kind: 'dead', code: 'RULE_GONE', reason }, rule, startedAt);
      }
      const verdict = whole?.isLight(delivery.event)
        ? await attemptWhole(whole, delivery, { rule, signal })
        : await attempt(delivery, {
            rule,
            signal,
            isTaken: () => !delivery.unchecked || rule.matches(delivery.event),
          });
      if (verdict === undefined) return { kind: 'ack', unmatched: true };
      return settle(delivery, verdict, rule, startedAt);
    },
    async refuse({ code, reason, bytes }) {
      const at = new Date(now()).toISOString();
      const id = failureId(null, bytes);
      await failures.write({ id, rule: null, ruleHash: null, code, reason, attempts: 1, at, event: null, bytes });
    },
    ordered: (rule) => rules().get(rule)?.ordered ?? false,
  };
}
