// What happens to one event for one rule: target, retry or failure record. Used by every bus and every host, so that a
// delivery ends the same way wherever it came from. Never acknowledges a failure before its record is durable.

import type { ErrorCode } from './errors.ts';
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
}

/**
 * `ack`: done, also when it ended in a failure record. `retry`: the bus keeps it and calls again after `afterMs`;
 * `counts` is false when the target was not tried at all, so that `attempt` stays as it was.
 */
export type Outcome =
  | { readonly kind: 'ack' }
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

export interface ConsumeParts {
  /** The rules in force; read at each call, so that a changed document is taken over while running. */
  readonly rules: () => ReadonlyMap<string, ActiveRule>;
  /** The names of the rules in force that take an event, in document order. Never throws. */
  readonly match: (event: CloudEvent) => readonly string[];
  readonly failures: FailureLog;
  readonly now: () => number;
  readonly random: () => number;
  readonly onReport?: (report: Report) => void;
  /** Called once per event read from a log bus, with the rules that took it. */
  readonly onMatch?: (event: CloudEvent, rules: readonly string[]) => void;
}

const FAILURE_LOG_RETRY_MS = 5_000;
const MAX_ASKED_MS = 86_400_000;

/** The target was not tried, or was taken away meanwhile: that costs no attempt and cannot be the last one. */
export const uncounted: ReadonlySet<ErrorCode> = new Set(['TARGET_BUSY', 'ABORTED', 'CLOSED']);

/** What a target asks for, as whole milliseconds up to a day, whatever it said. */
function askedMs(afterMs = 0): number {
  return Number.isNaN(afterMs) ? 0 : Math.ceil(Math.min(MAX_ASKED_MS, Math.max(0, afterMs)));
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
  const { rules, failures, now, random } = parts;

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
      const afterMs = Math.max(askedMs(verdict.afterMs), retryDelayMs(rule.retry, delivery.attempt, random()));
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

  return {
    match(event) {
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
      let verdict: Verdict;
      try {
        if (delivery.unchecked && !rule.matches(delivery.event)) return { kind: 'ack' };
        verdict = await rule.deliver(delivery, signal);
      } catch {
        verdict = { kind: 'retry', code: 'INTERNAL', reason: 'the target broke its contract and threw' };
      }
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
