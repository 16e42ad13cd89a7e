// One pulled event subscription of the fake: locks that end, releases that wait, counts that run out. No order is kept.
// Source: Azure Event Grid, "subscriber operations" and "pull delivery".

import type { Clock } from './eventgrid-clock.ts';
import type { Stored } from './eventgrid-events.ts';

export interface QueueSettings {
  /** 60 to 300. */
  readonly lockSeconds?: number;
  /** 1 to 10. */
  readonly maxDeliveryCount?: number;
}

export interface Received {
  readonly lockToken: string;
  readonly deliveryCount: number;
  readonly text: string;
}

export interface Settled {
  readonly succeededLockTokens: readonly string[];
  readonly failedLockTokens: readonly {
    readonly lockToken: string;
    readonly error: { code: string; message: string };
  }[];
}

export type QueueOperation = 'acknowledge' | 'release' | 'reject' | 'renewLock';

export interface DeadLetter {
  readonly stored: Stored;
  readonly reason: 'Rejected' | 'MaxDeliveryAttemptsExceeded';
  readonly attempts: number;
}

export interface Queue {
  push(stored: Stored): void;
  /** Answers as soon as there is something, with nothing after `waitMs`; undefined when `gone` says that nobody listens. */
  receive(max: number, waitMs: number, gone: AbortSignal): Promise<readonly Received[]>;
  settle(operation: QueueOperation, tokens: readonly string[], delaySeconds: number): Settled;
  readonly deadLetters: readonly DeadLetter[];
  /** Not yet acknowledged, rejected or given up. */
  size(): number;
  locked(): number;
  /** Receives that wait for an event. */
  waiting(): number;
}

interface Entry {
  readonly stored: Stored;
  deliveryCount: number;
  token: string | undefined;
  lockedAt: number;
  availableAt: number;
  cancel: (() => void) | undefined;
}

const RENEWABLE_MS = 3_600_000;

export function createQueue(clock: Clock, { lockSeconds = 60, maxDeliveryCount = 10 }: QueueSettings = {}): Queue {
  if (lockSeconds < 60 || lockSeconds > 300) throw new Error('InvalidRequest: a lock takes 60 to 300 s');
  if (maxDeliveryCount < 1 || maxDeliveryCount > 10) throw new Error('InvalidRequest: 1 to 10 deliveries');
  const entries = new Set<Entry>();
  const byToken = new Map<string, Entry>();
  const waiting = new Set<() => void>();
  const deadLetters: DeadLetter[] = [];
  let tokens = 0;

  function wake(): void {
    for (const look of [...waiting]) look();
  }

  /** A timer may fire a little before the clock says so. */
  function offer(entry: Entry): void {
    entry.availableAt = 0;
    wake();
  }

  function unlock(entry: Entry, availableAt: number): void {
    entry.cancel?.();
    if (entry.token !== undefined) byToken.delete(entry.token);
    entry.token = undefined;
    entry.availableAt = availableAt;
    if (entry.deliveryCount >= maxDeliveryCount) putAway(entry, 'MaxDeliveryAttemptsExceeded');
    else entry.cancel = clock.after(Math.max(0, availableAt - clock.now()), () => offer(entry));
  }

  function remove(entry: Entry): void {
    entry.cancel?.();
    if (entry.token !== undefined) byToken.delete(entry.token);
    entries.delete(entry);
  }

  function putAway(entry: Entry, reason: DeadLetter['reason']): void {
    remove(entry);
    deadLetters.push({ stored: entry.stored, reason, attempts: entry.deliveryCount });
  }

  function lock(entry: Entry): Received {
    const token = `token-${++tokens}-${Math.imul(tokens, 2_654_435_761) >>> 0}`;
    entry.deliveryCount++;
    entry.token = token;
    entry.lockedAt = clock.now();
    byToken.set(token, entry);
    relock(entry);
    return { lockToken: token, deliveryCount: entry.deliveryCount, text: entry.stored.text };
  }

  function relock(entry: Entry): void {
    entry.cancel?.();
    entry.cancel = clock.after(lockSeconds * 1_000, () => unlock(entry, clock.now()));
  }

  function available(max: number): readonly Entry[] {
    const now = clock.now();
    return [...entries].filter(({ token, availableAt }) => token === undefined && availableAt <= now).slice(0, max);
  }

  function apply(operation: QueueOperation, entry: Entry, delaySeconds: number): string | undefined {
    if (operation === 'acknowledge') remove(entry);
    else if (operation === 'reject') putAway(entry, 'Rejected');
    else if (operation === 'release') unlock(entry, clock.now() + delaySeconds * 1_000);
    else if (clock.now() - entry.lockedAt > RENEWABLE_MS) return 'the lock is older than an hour';
    else relock(entry);
    return undefined;
  }

  return {
    push(stored) {
      entries.add({ stored, deliveryCount: 0, token: undefined, lockedAt: 0, availableAt: 0, cancel: undefined });
      wake();
    },
    receive(max, waitMs, gone) {
      return new Promise((resolve) => {
        const end = (found: readonly Entry[]): void => {
          waiting.delete(look);
          cancel();
          resolve(found.map(lock));
        };
        const look = (): void => {
          const found = available(max);
          if (found.length > 0) end(found);
        };
        const cancel = clock.after(waitMs, () => end([]));
        gone.addEventListener('abort', () => end([]), { once: true });
        waiting.add(look);
        look();
      });
    },
    settle(operation, given, delaySeconds) {
      const succeededLockTokens: string[] = [];
      const failedLockTokens: { lockToken: string; error: { code: string; message: string } }[] = [];
      for (const lockToken of given) {
        const entry = byToken.get(lockToken);
        const problem = entry === undefined ? 'the token has expired' : apply(operation, entry, delaySeconds);
        if (problem === undefined) succeededLockTokens.push(lockToken);
        else failedLockTokens.push({ lockToken, error: { code: 'TokenLost', message: problem } });
      }
      return { succeededLockTokens, failedLockTokens };
    },
    deadLetters,
    size: () => entries.size,
    locked: () => byToken.size,
    waiting: () => waiting.size,
  };
}
