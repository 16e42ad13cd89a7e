// A lane whose deliveries the test ends one by one, on a clock that only pass() moves.

import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { createLane, type Lane } from '../../adapters/fan-out.ts';
import type { Consumer, Delivery, Outcome } from '../../router/consume.ts';
import type { CloudEvent } from '../../router/event.ts';
import { createMemoryStore, type MemoryStore, rowName } from './lane-store.ts';

export const ack: Outcome = { kind: 'ack' };
export const again = (afterMs: number, counts = true): Outcome => ({ kind: 'retry', afterMs, counts });

export function made(id: string, key?: string): CloudEvent {
  const attributes = { specversion: '1.0', id, source: '/lane', type: 't' } as const;
  return { attributes: key === undefined ? attributes : { ...attributes, partitionkey: key } };
}

export interface Flying extends Delivery {
  readonly signal: AbortSignal;
  end(outcome: Outcome): void;
  break(): void;
}

export interface Scene extends MemoryStore {
  readonly lane: Lane;
  readonly flying: Flying[];
  readonly control: AbortController;
  /** Ids in the order their deliveries began. */
  readonly began: string[];
  ordered: boolean;
  /** Ends the delivery of this event that is under way. */
  end(id: string, outcome: Outcome): Promise<void>;
  redeliver(position: number, rule?: string): Promise<void>;
}

/** Lets everything that can go on without the clock go on. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
}

export async function pass(ms: number): Promise<void> {
  mock.timers.tick(ms);
  await settled();
}

export function openScene(options: { immediate?: boolean; ordered?: boolean; rules?: readonly string[] } = {}): Scene {
  const { immediate = true, ordered = false, rules = ['r'] } = options;
  const memory = createMemoryStore({ immediate, now: Date.now });
  const flying: Flying[] = [];
  const began: string[] = [];
  const control = new AbortController();
  const consumer: Consumer = {
    match: () => rules,
    deliver: (delivery, signal) =>
      new Promise((resolve, reject) => {
        began.push(delivery.event.attributes.id);
        const flight: Flying = {
          ...delivery,
          signal,
          end(outcome) {
            flying.splice(flying.indexOf(flight), 1);
            resolve(outcome);
          },
          break() {
            flying.splice(flying.indexOf(flight), 1);
            reject(new Error('broken'));
          },
        };
        flying.push(flight);
      }),
    refuse: async () => undefined,
    ordered: () => scene.ordered,
  };
  const lane = createLane({ consumer, store: memory.store, signal: control.signal, now: Date.now });
  const scene: Scene = {
    ...memory,
    lane,
    flying,
    began,
    control,
    ordered,
    async end(id, outcome) {
      const flight = flying.find((item) => item.event.attributes.id === id);
      assert.ok(flight !== undefined, `'${id}' is not under way`);
      flight.end(outcome);
      await settled();
    },
    async redeliver(position, rule = 'r') {
      const row = memory.rows.get(rowName(position, rule));
      assert.ok(row !== undefined, `position ${position} is not parked`);
      assert.equal(row.behind, false, `position ${position} waits behind another`);
      assert.equal(lane.blocked(row), false, `position ${position} is blocked`);
      void lane.redeliver(row);
      await settled();
    },
  };
  return scene;
}
