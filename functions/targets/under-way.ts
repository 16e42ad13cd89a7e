// What a target has under way, by the signal that can end it. One listener per signal serves all deliveries on it, and
// stays for the next one: adding and removing one per delivery cost 4 % of a delivery's CPU, most of it in the collector.

import type { Answer } from './verdict.ts';

/** Ends one exchange with this answer. */
export type Stop = (answer: Answer) => void;

export interface UnderWay {
  /** The set that holds `stop` while it is under way; whoever ends takes it out. */
  add(signal: AbortSignal, stop: Stop): Set<Stop>;
  /** Stops everything and lets go of every signal. */
  stopAll(answer: Answer): void;
}

interface Entry {
  readonly stops: Set<Stop>;
  readonly onAbort: () => void;
}

export function createUnderWay(aborted: Answer): UnderWay {
  const bySignal = new Map<AbortSignal, Entry>();

  function letGo(signal: AbortSignal, { onAbort }: Entry): void {
    signal.removeEventListener('abort', onAbort);
    bySignal.delete(signal);
  }

  function watch(signal: AbortSignal): Entry {
    // With a signal per delivery nothing piles up: the next one clears away those before it.
    for (const [old, entry] of bySignal) if (entry.stops.size === 0) letGo(old, entry);
    const stops = new Set<Stop>();
    const onAbort = (): void => {
      for (const stop of [...stops]) stop(aborted);
    };
    const entry = { stops, onAbort };
    bySignal.set(signal, entry);
    signal.addEventListener('abort', onAbort);
    return entry;
  }

  return {
    add(signal, stop) {
      const { stops } = bySignal.get(signal) ?? watch(signal);
      return stops.add(stop);
    },
    stopAll(answer) {
      for (const [signal, entry] of bySignal) {
        for (const stop of [...entry.stops]) stop(answer);
        letGo(signal, entry);
      }
    },
  };
}
