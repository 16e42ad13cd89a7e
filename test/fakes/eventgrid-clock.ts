// The time of the fake Event Grid: real time run faster, or time that only a test moves. So that a day's retry schedule
// takes a second, or none.

export interface Clock {
  /** Milliseconds of the fake's own time. */
  now(): number;
  /** Runs once when `ms` of the fake's time have passed; the result cancels it. */
  after(ms: number, run: () => void): () => void;
}

/** `speed` milliseconds of the fake pass in one real millisecond. */
export function scaledClock(speed: number): Clock {
  const start = Date.now();
  const begun = performance.now();
  return {
    now: () => start + (performance.now() - begun) * speed,
    after(ms, run) {
      // The fake's server keeps the process up; a lock that nobody waits for must not.
      const timer = setTimeout(run, ms / speed).unref();
      return () => clearTimeout(timer);
    },
  };
}

export interface ManualClock extends Clock {
  /** Moves on and runs what is due on the way, in order; between two it lets promises and sockets have their turn. */
  advance(ms: number): Promise<void>;
}

export function manualClock(start = Date.UTC(2026, 0, 1)): ManualClock {
  const due = new Map<() => void, number>();
  let now = start;
  const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 15));
  return {
    now: () => now,
    after(ms, run) {
      due.set(run, now + ms);
      return () => void due.delete(run);
    },
    async advance(ms) {
      const end = now + ms;
      await settle();
      for (;;) {
        const next = [...due].filter(([, at]) => at <= end).sort(([, a], [, b]) => a - b)[0];
        if (next === undefined) break;
        now = Math.max(now, next[1]);
        due.delete(next[0]);
        next[0]();
        await settle();
      }
      now = end;
    },
  };
}
