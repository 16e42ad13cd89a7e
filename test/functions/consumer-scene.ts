// A consumer over rules whose targets a test writes down, and what they were asked.

import { type ActiveRule, type Consumer, createConsumer, type Delivery, type Verdict } from '../../router/consume.ts';
import type { FailureRecord } from '../../router/failure.ts';
import { askEach } from '../harness/events.ts';

export type Target = (delivery: Delivery, signal: AbortSignal) => Verdict | Promise<Verdict>;

export const ack: Verdict = { kind: 'ack' };
export const down = { kind: 'retry', code: 'TARGET_STATUS', reason: 'answered 503' } as const satisfies Verdict;

/** Ends only when it is given up. */
export const hangs: Target = (_delivery, signal) =>
  new Promise((resolve) => {
    const end = (): void => resolve({ kind: 'retry', code: 'ABORTED', reason: 'given up' });
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });

export interface ConsumerScene {
  readonly consumer: Consumer;
  /** `rule id attempt`, in the order of the calls. */
  readonly calls: readonly string[];
  readonly failures: readonly FailureRecord[];
}

export interface ConsumerOptions {
  readonly targets: Readonly<Record<string, Target>>;
  readonly attempts?: number;
  readonly ordered?: boolean;
  readonly logDown?: boolean;
  /** The failure log; a list unless told. */
  readonly write?: (record: FailureRecord) => Promise<void>;
}

/** Rules named after their targets; each takes events whose type is its name or 'all'. */
export function consumerScene(options: ConsumerOptions): ConsumerScene {
  const { targets, attempts = 3, ordered = false, logDown = false } = options;
  const calls: string[] = [];
  const failures: FailureRecord[] = [];
  const rules = new Map<string, ActiveRule>();
  for (const [name, target] of Object.entries(targets)) {
    rules.set(name, {
      name,
      hash: `hash-${name}`,
      ordered,
      retry: { attempts, firstMs: 1, maxMs: 2 },
      matches: ({ attributes }) => attributes.type === name || attributes.type === 'all',
      async deliver(delivery, signal) {
        calls.push(`${name} ${delivery.event.attributes.id} ${delivery.attempt}`);
        return target(delivery, signal);
      },
    });
  }
  const keep = async (record: FailureRecord): Promise<void> => {
    if (logDown) throw new Error('the failure log is down');
    failures.push(record);
  };
  const { write = keep } = options;
  const log = { write, list: async function* () {}, remove: async () => {} };
  const consumer = createConsumer({
    rules: () => rules,
    match: (event) => askEach(rules, event),
    failures: log,
    now: Date.now,
    random: Math.random,
  });
  return { consumer, calls, failures };
}
