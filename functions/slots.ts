// A bounded number of calls at once, with a bounded and timed wait. A target that hangs fills its own slots and its own
// waiting room and nobody else's.

export interface SlotLimits {
  /** Calls at once. */
  readonly slots: number;
  /** Calls that may wait for a slot. */
  readonly waiting: number;
  /** How long one may wait. */
  readonly waitMs: number;
}

export interface Slots {
  /** True when a slot was got: then release() must follow. False when the room is full or the wait was too long. */
  take(): boolean | Promise<boolean>;
  release(): void;
}

interface Waiter {
  readonly resolve: (got: boolean) => void;
  readonly since: number;
}

export function createSlots({ slots, waiting, waitMs }: SlotLimits, now: () => number): Slots {
  let taken = 0;
  let head = 0;
  let queue: Waiter[] = [];
  let timer: NodeJS.Timeout | undefined;

  const waitingCount = () => queue.length - head;

  function shift(): Waiter | undefined {
    const waiter = queue[head];
    if (waiter === undefined) return undefined;
    head++;
    if (head > 1_024 && head * 2 > queue.length) [queue, head] = [queue.slice(head), 0];
    return waiter;
  }

  // One timer for the whole room: waiters leave in the order they came, so only the first can be overdue.
  function sweep(): void {
    timer = undefined;
    while (waitingCount() > 0 && now() - queue[head]!.since >= waitMs) shift()!.resolve(false);
    if (waitingCount() > 0) arm(queue[head]!.since + waitMs - now());
  }

  function arm(afterMs: number): void {
    if (timer === undefined) timer = setTimeout(sweep, Math.max(1, afterMs)).unref();
  }

  return {
    take() {
      if (taken < slots) {
        taken++;
        return true;
      }
      if (waitingCount() >= waiting) return false;
      arm(waitMs);
      return new Promise((resolve) => queue.push({ resolve, since: now() }));
    },
    release() {
      const next = shift();
      if (next === undefined) taken--;
      else next.resolve(true);
    },
  };
}
