// A lane's store in memory whose every answer the test decides: when a write is done, whether it fails, and whether a
// failed one was done all the same. What is in `rows` is durable.

import type { LaneStore, Owed } from '../../adapters/fan-out.ts';

export interface Row extends Omit<Owed, 'behind' | 'dueAt'> {
  readonly behind: boolean;
  readonly dueAt: number;
}

export type Answer = 'done' | 'failed' | 'done and failed';

export interface PendingWrite {
  readonly what: 'park' | 'drop';
  readonly position: number;
  readonly rule: string;
  answer(answer: Answer): void;
}

export interface MemoryStore {
  readonly store: LaneStore;
  readonly rows: Map<string, Row>;
  /** Writes under way, oldest first; empty when they are answered at once. */
  readonly pending: PendingWrite[];
  /** Every position given to advance(). */
  readonly advanced: number[];
  readonly readied: string[];
}

export const rowName = (position: number, rule: string): string => `${position} ${rule}`;

/** `immediate`: writes are done at once; else they wait in `pending`. `rows` may come from an earlier life. */
export function createMemoryStore({
  immediate,
  now,
  rows = new Map(),
}: {
  readonly immediate: boolean;
  readonly now: () => number;
  readonly rows?: Map<string, Row>;
}): MemoryStore {
  const pending: PendingWrite[] = [];
  const advanced: number[] = [];
  const readied: string[] = [];

  function write(what: PendingWrite['what'], position: number, rule: string, apply: () => void): Promise<void> {
    if (immediate) {
      apply();
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const item: PendingWrite = {
        what,
        position,
        rule,
        answer(answer) {
          pending.splice(pending.indexOf(item), 1);
          if (answer !== 'failed') apply();
          if (answer === 'done') resolve();
          else reject(new Error('the store failed'));
        },
      };
      pending.push(item);
    });
  }

  const store: LaneStore = {
    park: (owed) =>
      write('park', owed.position, owed.rule, () => rows.set(rowName(owed.position, owed.rule), { ...owed })),
    drop: (position, rule) => write('drop', position, rule, () => rows.delete(rowName(position, rule))),
    advance: (position) => void advanced.push(position),
    ready(position, rule) {
      const name = rowName(position, rule);
      readied.push(name);
      const row = rows.get(name);
      if (row?.behind) rows.set(name, { ...row, behind: false, dueAt: now() });
    },
  };
  return { store, rows, pending, advanced, readied };
}
