// A log in memory that takes everything, so that what an imitated bus adds can be looked at alone: what it lets through to
// the log, and what it makes of one delivery.

import assert from 'node:assert/strict';
import type { Adapter, Consumer } from '../../adapters/adapter.ts';
import { type LikeParts, likeBus } from '../../adapters/like.ts';
import type { CloudEvent } from '../../router/event.ts';
import type { FailureRecord } from '../../router/failure.ts';

export interface LikeLog {
  readonly adapter: Adapter;
  /** What came through to the log, a list a call. */
  readonly calls: readonly (readonly CloudEvent[])[];
  readonly failures: readonly FailureRecord[];
  readonly warnings: readonly string[];
  /** What the log is handed in place of the consumer. */
  consumerFor(consumer: Consumer): Promise<Consumer>;
  /** From now on failure records cannot be written. */
  breakFailures(): void;
}

const limits = { events: 1_000, callBytes: 64_000_000, eventBytes: 16_000_000 };

export function likeLog(parts: Pick<LikeParts, 'personality' | 'seed' | 'rules'> & Partial<LikeParts>): LikeLog {
  const calls: (readonly CloudEvent[])[] = [];
  const failures: FailureRecord[] = [];
  const warnings: string[] = [];
  let handed: Consumer | undefined;
  let isBroken = false;
  const log: Adapter = {
    name: 'memory',
    limits,
    capabilities: { delivery: 'log', order: true, dedupe: true, replay: true },
    check: async () => undefined,
    sizeOf: () => 1,
    async publish(batch) {
      if (batch.length > 0) calls.push(batch);
      return batch.map(() => ({ ok: true }));
    },
    decode: () => [],
    async subscribe(consumer) {
      handed = consumer;
    },
    failures: {
      async write(record) {
        if (isBroken) throw new Error('no room');
        failures.push(record);
      },
      list: async function* () {
        yield* failures;
      },
      remove: async () => undefined,
    },
    compile: (when) => ({ kind: 'none', native: null, residual: when }),
    close: async () => undefined,
  };
  const adapter = likeBus(log, { now: () => 0, onWarning: (text) => void warnings.push(text), ...parts });
  return {
    adapter,
    calls,
    failures,
    warnings,
    async consumerFor(consumer) {
      await adapter.subscribe!(consumer, new AbortController().signal);
      assert.ok(handed !== undefined);
      return handed;
    },
    breakFailures() {
      isBroken = true;
    },
  };
}
