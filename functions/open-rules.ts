// Makes a document's rules ready to deliver: patterns compiled, targets opened, each target behind its own slots.

import { indexAttributes } from '../router/attribute-part.ts';
import { compileCondition, indexRules } from '../router/condition.ts';
import type { Kind, Options } from '../router/config.ts';
import type { ActiveRule } from '../router/consume.ts';
import type { RouterDocument } from '../router/document.ts';
import { RouterError } from '../router/errors.ts';
import type { CloudEvent } from '../router/event.ts';
import type { Rule } from '../router/rule.ts';
import { createSlots, type SlotLimits, type Slots } from './slots.ts';
import type { Target, TargetParts } from './targets/target.ts';

export interface TargetModule {
  open(options: Options, parts: TargetParts): Promise<Target>;
}

export type TargetKinds = Readonly<Record<string, Kind<TargetModule>>>;

/** 64 calls at once keep a 100 ms target at 640/s; what waits longer than 5 s is parked by the bus. */
export const defaultSlots: SlotLimits = { slots: 64, waiting: 1_000, waitMs: 5_000 };

// Soon enough for a target that comes back, and not a storm of parking for one that hangs.
const BUSY_MS = 5_000;

export interface OpenRules {
  readonly rules: ReadonlyMap<string, ActiveRule>;
  /** The names of the rules that take an event, in document order: all rules at once, by index. */
  readonly match: (event: CloudEvent) => readonly string[];
  /** The rules that may take an event of which only the attributes are known, in document order. */
  readonly mayMatch: (event: CloudEvent) => readonly string[];
  /** Labels of targets, by rule, for people. */
  readonly labels: ReadonlyMap<string, string>;
  /** Closes the targets once nothing is under way: what is cut off may have arrived, and would be sent again. Idempotent. */
  close(): Promise<void>;
}

/** Deliveries of all rules of a document. */
interface UnderWay {
  count: number;
  /** Called when the last one ends. */
  onIdle: () => void;
}

function activate(rule: Rule, target: Target, underWay: UnderWay, parts: Pick<TargetParts, 'now'>): ActiveRule {
  const slots = createSlots(defaultSlots, parts.now);
  const busy = {
    kind: 'retry',
    code: 'TARGET_BUSY',
    reason: `all slots of ${target.label} are taken`,
    afterMs: BUSY_MS,
  } as const;
  return {
    name: rule.name,
    hash: rule.hash,
    ordered: rule.order === 'key',
    retry: rule.retry,
    matches: compileCondition(rule.when),
    async deliver(delivery, signal) {
      const got = slots.take();
      if (got !== true && !(got !== false && (await untilAbort(got, signal, slots)))) return busy;
      underWay.count++;
      try {
        return await target.deliver(delivery, signal);
      } finally {
        slots.release();
        if (--underWay.count === 0) underWay.onIdle();
      }
    },
  };
}

/** False at once when the delivery is given up; a slot that comes later goes back. */
function untilAbort(got: Promise<boolean>, signal: AbortSignal, slots: Slots): Promise<boolean> {
  return new Promise((resolve) => {
    const giveUp = (): void => {
      void got.then((late) => late && slots.release());
      resolve(false);
    };
    if (signal.aborted) return giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    void got.then((yes) => {
      signal.removeEventListener('abort', giveUp);
      if (!signal.aborted) resolve(yes);
    });
  });
}

async function closeWhenIdle(targets: readonly Target[], underWay: UnderWay): Promise<void> {
  if (underWay.count > 0) {
    await new Promise<void>((resolve) => {
      underWay.onIdle = resolve;
    });
  }
  await Promise.all(targets.map((target) => target.close()));
}

/** Opens every target; if one cannot be opened, those that were are closed and its error is thrown with the rule's name. */
export async function openRules(
  document: RouterDocument,
  kinds: TargetKinds,
  parts: Omit<TargetParts, 'rule'>,
): Promise<OpenRules> {
  const rules = new Map<string, ActiveRule>();
  const labels = new Map<string, string>();
  const targets: Target[] = [];
  const underWay: UnderWay = { count: 0, onIdle: () => undefined };
  let closing: Promise<void> | undefined;
  try {
    for (const rule of document.rules) {
      const target = await openTarget(rule, kinds, parts);
      targets.push(target);
      labels.set(rule.name, target.label);
      rules.set(rule.name, activate(rule, target, underWay, parts));
    }
  } catch (thrown) {
    await Promise.allSettled(targets.map((target) => target.close()));
    throw thrown;
  }
  let attributes: ReturnType<typeof indexAttributes> | undefined;
  return {
    rules,
    labels,
    match: indexRules(document.rules),
    mayMatch(event) {
      // Most routers never ask.
      attributes ??= indexAttributes(document.rules);
      return attributes(event);
    },
    close() {
      closing ??= closeWhenIdle(targets, underWay);
      return closing;
    },
  };
}

async function openTarget(rule: Rule, kinds: TargetKinds, parts: Omit<TargetParts, 'rule'>): Promise<Target> {
  const kind = kinds[rule.to.kind];
  if (kind === undefined) throw new RouterError('UNSUPPORTED', `rule '${rule.name}': no target '${rule.to.kind}' here`);
  const module = await kind.load();
  return module.open(rule.to.options, { ...parts, rule: rule.name });
}
