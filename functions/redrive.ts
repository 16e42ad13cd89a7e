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
import type { CloudEvent } from '../router/event.ts';
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

/** What is known of a record, and needed to deliver it again. */
interface Again {
  readonly rule: ActiveRule;
  readonly delivery: Delivery;
  /** The rule took the event when its target was asked. */
  readonly wasTaken: boolean;
  readonly signal: AbortSignal;
}

/** Undefined when the rule does not take the event. */
async function verdictOf(event: CloudEvent, { rule, delivery, wasTaken, signal }: Again): Promise<Verdict | undefined> {
  try {
    return wasTaken || rule.matches(event) ? await rule.deliver({ ...delivery, event }, signal) : undefined;
  } catch {
    return { kind: 'retry', code: 'INTERNAL', reason: 'the target broke its contract and threw' };
  }
}

async function verdictOfWhole({ use }: Whole, again: Again): Promise<Verdict | undefined> {
  try {
    return await use(again.delivery.event, again.signal, (event) => verdictOf(event, again));
  } catch (thrown) {
    return verdictWithoutData(toRouterError(thrown));
  }
}

/**
 * What a bus gave up by itself names no version of a rule: its filter may have let the event through, and nobody has looked
 * at it since. Neither has anybody at data that did not come.
 */
function wasTaken({ code, ruleHash }: FailureRecord, isLight: boolean): boolean {
  return ruleHash !== null && (!isLight || code.startsWith('TARGET_'));
}

async function redriveOne(record: FailureRecord, parts: RedriveParts, signal: AbortSignal): Promise<Redriven> {
  const { id, rule, event } = record;
  const { whole } = parts;
  if (event === null || rule === null) {
    return { id, rule, ok: false, reason: 'the record is no event; nothing can be delivered' };
  }
  const active = parts.rules.get(rule);
  if (active === undefined) return { id, rule, ok: false, reason: `rule '${rule}' is not in the document any more` };
  const attempts = record.attempts + 1;
  const isLight = whole?.isLight(event) ?? false;
  const delivery = { event, rule, attempt: attempts };
  const again: Again = { rule: active, delivery, wasTaken: wasTaken(record, isLight), signal };
  const verdict = isLight ? await verdictOfWhole(whole!, again) : await verdictOf(event, again);
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
