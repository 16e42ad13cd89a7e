// Delivers failure records again, each to its own target only, once. What succeeds is removed; what fails again stays, with
// its new reason.

import {
  type ActiveRule,
  type Delivery,
  uncounted,
  type Verdict,
  verdictWithoutData,
  type Whole,
} from '../router/consume.ts';
import { toRouterError } from '../router/errors.ts';
import type { FailureLog, FailureRecord } from '../router/failure.ts';

export interface RedriveParts {
  readonly rules: ReadonlyMap<string, ActiveRule>;
  readonly failures: FailureLog;
  /** Where data may lie in a store. */
  readonly whole?: Whole;
  readonly now: () => number;
}

export interface Selection {
  readonly ids?: readonly string[];
  readonly rule?: string;
}

export interface Redriven {
  readonly id: string;
  readonly rule: string | null;
  readonly ok: boolean;
  /** Why it failed again, or cannot be redriven; or why nothing was delivered and the record is gone all the same. */
  readonly reason?: string;
}

function selected(record: FailureRecord, { ids, rule }: Selection): boolean {
  return (ids === undefined || ids.includes(record.id)) && (rule === undefined || record.rule === rule);
}

async function verdictOf(rule: ActiveRule, delivery: Delivery, signal: AbortSignal): Promise<Verdict> {
  try {
    return await rule.deliver(delivery, signal);
  } catch {
    return { kind: 'retry', code: 'INTERNAL', reason: 'the target broke its contract and threw' };
  }
}

/** Whether the target was asked: then the rule took the event. */
const wasTaken = ({ code }: FailureRecord): boolean => code.startsWith('TARGET_');

/** Undefined when the rule does not take the event. */
async function verdictOfWhole(
  whole: Whole,
  delivery: Delivery,
  { rule, taken, signal }: { rule: ActiveRule; taken: boolean; signal: AbortSignal },
): Promise<Verdict | undefined> {
  try {
    return await whole.use(delivery.event, signal, async (event) =>
      taken || rule.matches(event) ? verdictOf(rule, { ...delivery, event }, signal) : undefined,
    );
  } catch (thrown) {
    return verdictWithoutData(toRouterError(thrown));
  }
}

async function redriveOne(record: FailureRecord, parts: RedriveParts, signal: AbortSignal): Promise<Redriven> {
  const { id, rule, event } = record;
  if (event === null || rule === null) {
    return { id, rule, ok: false, reason: 'the record is no event; nothing can be delivered' };
  }
  const active = parts.rules.get(rule);
  if (active === undefined) return { id, rule, ok: false, reason: `rule '${rule}' is not in the document any more` };
  const attempts = record.attempts + 1;
  const delivery = { event, rule, attempt: attempts };
  const verdict = parts.whole?.isLight(event)
    ? await verdictOfWhole(parts.whole, delivery, { rule: active, taken: wasTaken(record), signal })
    : await verdictOf(active, delivery, signal);
  if (verdict === undefined || verdict.kind === 'ack') {
    await parts.failures.remove([id]);
    return { id, rule, ok: true, ...(verdict === undefined ? { reason: 'the rule does not take the event' } : {}) };
  }
  const { code, reason } = verdict;
  // It was not tried, so the record keeps saying why it failed when it was.
  if (uncounted.has(code)) return { id, rule, ok: false, reason: `${reason} (${code})` };
  const at = new Date(parts.now()).toISOString();
  await parts.failures.write({ ...record, ruleHash: active.hash, code, reason, attempts, at });
  return { id, rule, ok: false, reason: `${reason} (${code})` };
}

/** One after the other, oldest first; yields as each ends. */
export async function* redrive(
  parts: RedriveParts,
  selection: Selection,
  signal: AbortSignal,
): AsyncIterable<Redriven> {
  const chosen: FailureRecord[] = [];
  for await (const record of parts.failures.list(signal)) if (selected(record, selection)) chosen.push(record);
  for (const record of chosen) {
    if (signal.aborted) return;
    yield await redriveOne(record, parts, signal);
  }
}
