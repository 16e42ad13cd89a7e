// Book-keeping of the fan-out: the chains of ordered keys, and what was restored after a restart. Pure.

import type { CloudEvent } from '../router/event.ts';

/** An event that was read and is not yet passed. */
export interface Entry {
  readonly position: number;
  open: number;
}

/** Deliveries of one (rule, key): one is under way, the rest waits behind it, in memory or parked. */
export interface Chain {
  readonly name: string;
  readonly rule: string;
  active: boolean;
  readonly waiting: { entry: Entry; event: CloudEvent }[];
  /** Ascending. */
  readonly parked: number[];
}

/** Binary search: a chain can be long. -1 when it is not there. */
export function indexOf({ parked }: Chain, position: number): number {
  let [low, high] = [0, parked.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (parked[middle]! < position) low = middle + 1;
    else high = middle;
  }
  return parked[low] === position ? low : -1;
}

export function insert(chain: Chain, position: number): void {
  const { parked } = chain;
  const newest = (parked.at(-1) ?? -1) < position;
  if (newest) parked.push(position);
  else if (indexOf(chain, position) < 0) {
    parked.push(position);
    parked.sort((a, b) => a - b);
  }
}

export function remove(chain: Chain, position: number): void {
  const at = indexOf(chain, position);
  if (at >= 0) chain.parked.splice(at, 1);
}

/**
 * Which parked deliveries were restored and are offered once more, because the saved position lags behind. `from` is the
 * first position that will be offered.
 */
export function createRestored(from: number) {
  const restored = new Map<number, Set<string>>();
  let offered = -1;
  return {
    /** Its event is still to come, and with it perhaps an earlier one of its key that nobody knows of yet. */
    awaited: (position: number): boolean => position >= from && position > offered,
    add(position: number, rule: string): void {
      if (position <= offered) return;
      const rules = restored.get(position);
      if (rules === undefined) restored.set(position, new Set([rule]));
      else rules.add(rule);
    },
    /** Forgets them: positions come in order. */
    take(position: number): ReadonlySet<string> | undefined {
      if (offered < 0) for (const passed of [...restored.keys()]) if (passed < position) restored.delete(passed);
      offered = position;
      const rules = restored.get(position);
      restored.delete(position);
      return rules;
    },
  };
}
