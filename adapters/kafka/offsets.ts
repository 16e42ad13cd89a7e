// Which offset of a partition may be committed: everything below it is done, however the work ended in between.

export interface Offsets {
  /** In rising order. */
  open(offset: number): void;
  done(offset: number): void;
  /** The next offset to read after a restart; undefined before anything was opened. */
  low(): number | undefined;
  /** Opened and not done. */
  count(): number;
}

export function createOffsets(): Offsets {
  const waiting: number[] = [];
  const finished = new Set<number>();
  let head = 0;
  let low: number | undefined;
  return {
    open(offset) {
      waiting.push(offset);
      low ??= offset;
    },
    done(offset) {
      if (low === undefined || offset < low) return;
      finished.add(offset);
      while (head < waiting.length && finished.delete(waiting[head]!)) low = waiting[head++]! + 1;
      if (head > 1_024 && head * 2 > waiting.length) {
        waiting.splice(0, head);
        head = 0;
      }
    },
    low: () => low,
    count: () => waiting.length - head - finished.size,
  };
}
