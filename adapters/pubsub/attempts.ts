// How often a message was really tried, and when it may be tried again. The service counts deliveries, some of which are
// none: a target that was busy, a key that waited for its turn, a message that came before its time. Kept in memory, for
// what is under way; after a restart the service's own count holds. Pure but for its memory.

/** Forgotten beyond this, the oldest first. */
const MAX_MESSAGES = 20_000;

interface Known {
  /** Deliveries that were no tries. */
  uncounted: number;
  /** Deliveries seen here, for subscriptions whose deliveries the service does not count. */
  deliveries: number;
  /** Milliseconds since the epoch. */
  notBefore: number;
}

export interface Attempts {
  /** Called once for each delivery; `counted` is the service's number, 0 if it has none. 1 for the first try. */
  begin(messageId: string, counted: number): number;
  /** This delivery was no try. */
  uncount(messageId: string): void;
  wait(messageId: string, until: number): void;
  /** How long it must still wait. */
  leftMs(messageId: string, now: number): number;
  forget(messageId: string): void;
}

export function createAttempts(): Attempts {
  const known = new Map<string, Known>();

  function of(messageId: string): Known {
    const found = known.get(messageId) ?? { uncounted: 0, deliveries: 0, notBefore: 0 };
    known.delete(messageId);
    known.set(messageId, found);
    if (known.size > MAX_MESSAGES) {
      for (const oldest of known.keys()) {
        known.delete(oldest);
        break;
      }
    }
    return found;
  }

  return {
    begin(messageId, counted) {
      const found = of(messageId);
      found.deliveries++;
      return Math.max(1, (counted > 0 ? counted : found.deliveries) - found.uncounted);
    },
    uncount(messageId) {
      of(messageId).uncounted++;
    },
    wait(messageId, until) {
      of(messageId).notBefore = until;
    },
    leftMs: (messageId, now) => Math.max(0, (known.get(messageId)?.notBefore ?? 0) - now),
    forget(messageId) {
      known.delete(messageId);
    },
  };
}
