// So many deliveries at once and no more: a slot is taken, or waited for, and given back. First come, first served.

export interface Slots {
  free(): number;
  /** Resolves when one is taken. */
  take(): Promise<void>;
  give(): void;
  /** Resolves when one is free, or when `signal` aborts; takes none. */
  room(signal: AbortSignal): Promise<void>;
}

export function createSlots(count: number): Slots {
  let free = count;
  const waiting: (() => void)[] = [];
  const watching = new Set<() => void>();
  return {
    free: () => free,
    async take(): Promise<void> {
      if (free > 0) free--;
      else await new Promise<void>((resolve) => waiting.push(resolve));
    },
    give(): void {
      const next = waiting.shift();
      if (next !== undefined) next();
      else {
        free++;
        for (const seen of watching) seen();
      }
    },
    async room(signal: AbortSignal): Promise<void> {
      if (free > 0 || signal.aborted) return;
      await new Promise<void>((resolve) => {
        const seen = (): void => {
          watching.delete(seen);
          signal.removeEventListener('abort', seen);
          resolve();
        };
        watching.add(seen);
        signal.addEventListener('abort', seen, { once: true });
      });
    },
  };
}
