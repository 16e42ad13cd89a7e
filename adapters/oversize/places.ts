// So many at once, the others in line: what holds much memory or many connections is bounded by it.

/** Resolves as soon as `work` does, or rejects with `reason` when `signal` aborts before. The work itself goes on. */
export function untilAbort<T>(work: Promise<T>, signal: AbortSignal, reason: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(reason());
    signal.addEventListener('abort', giveUp, { once: true });
    // Also when nobody waits any more: a rejection must find somebody.
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
    if (signal.aborted) giveUp();
  });
}

export interface Places {
  /** Runs `work` when a place is free, in the order asked. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

export function createPlaces(count: number): Places {
  let free = count;
  const line: (() => void)[] = [];
  return {
    async run(work) {
      if (free > 0) free--;
      else await new Promise<void>((resolve) => line.push(resolve));
      try {
        return await work();
      } finally {
        const next = line.shift();
        if (next === undefined) free++;
        else next();
      }
    },
  };
}
