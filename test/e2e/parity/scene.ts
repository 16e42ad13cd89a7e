// What every column of the parity run shares: the same rules, the same events, targets that write down what they got, and
// fail some deliveries at first. A column adds a bus.

import type { Adapter } from '../../../adapters/adapter.ts';
import { busDefaults, createBus } from '../../../adapters/bus.ts';
import { compileCondition, indexRules } from '../../../router/condition.ts';
import { type ActiveRule, type Consumer, createConsumer, type Verdict } from '../../../router/consume.ts';
import type { RouterDocument } from '../../../router/document.ts';
import type { CloudEvent } from '../../../router/event.ts';
import type { FailureRecord } from '../../../router/failure.ts';

/** Rule → id of the event → how often its target acknowledged it. */
export type Deliveries = ReadonlyMap<string, ReadonlyMap<string, number>>;

export interface Scene {
  readonly document: RouterDocument;
  readonly events: readonly CloudEvent[];
  readonly seed: number;
  /** What the rules say, by their conditions alone: the column that all others must equal. */
  readonly due: Deliveries;
}

export interface Router {
  readonly consumer: Consumer;
  readonly delivered: Deliveries;
  readonly failures: readonly FailureRecord[];
  /** Resolves when as much was delivered as is due and then nothing more for a while, or when time is up. */
  settled(waitMs: number): Promise<void>;
}

const QUIET_MS = 700;
const POLL_MS = 20;
/** Of a hundred first deliveries so many fail, and come again as their bus has it. */
const FAIL_PERCENT = 5;

function hashOf(text: string): number {
  let hash = 2_166_136_261;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 16_777_619);
  return hash >>> 0;
}

export function dueOf(document: RouterDocument, events: readonly CloudEvent[]): Deliveries {
  return new Map(
    document.rules.map(({ name, when }) => {
      const matches = compileCondition(when);
      return [name, new Map(events.filter(matches).map(({ attributes }) => [attributes.id, 1]))];
    }),
  );
}

const count = (deliveries: Deliveries): number => [...deliveries.values()].reduce((sum, ids) => sum + ids.size, 0);

/** The routing half of Busway as every host runs it, with targets that remember. */
export function createRouter({ document, seed, due }: Scene): Router {
  const delivered = new Map<string, Map<string, number>>(document.rules.map(({ name }) => [name, new Map()]));
  const failures: FailureRecord[] = [];
  const failedOnce = new Set<string>();
  let last = performance.now();

  function take(rule: string, id: string): Verdict {
    const key = `${seed}${rule}/${id}`;
    last = performance.now();
    if (hashOf(key) % 100 < FAIL_PERCENT && !failedOnce.has(key)) {
      failedOnce.add(key);
      return { kind: 'retry', code: 'TARGET_STATUS', reason: 'fails at first' };
    }
    const ids = delivered.get(rule)!;
    ids.set(id, (ids.get(id) ?? 0) + 1);
    return { kind: 'ack' };
  }

  const rules = new Map<string, ActiveRule>(
    document.rules.map((rule) => [
      rule.name,
      {
        name: rule.name,
        hash: rule.hash,
        ordered: rule.order === 'key',
        retry: rule.retry,
        matches: compileCondition(rule.when),
        deliver: async ({ event }) => take(rule.name, event.attributes.id),
      },
    ]),
  );
  const consumer = createConsumer({
    rules: () => rules,
    match: indexRules(document.rules),
    failures: {
      write: async (record) => void failures.push(record),
      list: async function* () {
        yield* failures;
      },
      remove: async () => undefined,
    },
    now: Date.now,
    random: () => 0,
  });
  return {
    consumer,
    delivered,
    failures,
    async settled(waitMs) {
      const end = performance.now() + waitMs;
      const isQuiet = (): boolean => count(delivered) >= count(due) && performance.now() - last > QUIET_MS;
      while (!isQuiet() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    },
  };
}

/** Publishes all events as the webhook function does: through the portable part of every bus. Throws if one was refused. */
export async function publishAll(adapter: Adapter, events: readonly CloudEvent[]): Promise<void> {
  const bus = createBus(adapter, { ...busDefaults, deadlineMs: 60_000, now: Date.now });
  const results = await bus.publish(events);
  const refused = results.flatMap((result, i) =>
    result.ok ? [] : [`${events[i]!.attributes.id}: ${result.code} ${result.reason}`],
  );
  if (refused.length > 0) throw new Error(`${refused.length} events were refused; ${refused[0]}`);
}

/** Runs a bus that is read by `subscribe` until everything that is due was delivered. */
export async function runSubscribed(adapter: Adapter, scene: Scene, waitMs: number): Promise<Router> {
  const router = createRouter(scene);
  const stop = new AbortController();
  const reading = adapter.subscribe!(router.consumer, stop.signal);
  reading.catch(() => undefined);
  try {
    await publishAll(adapter, scene.events);
    await router.settled(waitMs);
  } finally {
    stop.abort();
    await reading;
    await adapter.close();
  }
  return router;
}
