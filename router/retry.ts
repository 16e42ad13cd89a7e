// Backoff with jitter. Pure: the random number comes in.

export interface RetryPolicy {
  /** Tries in all, the first one included. */
  readonly attempts: number;
  readonly firstMs: number;
  readonly maxMs: number;
}

export const defaultRetry: RetryPolicy = { attempts: 5, firstMs: 1_000, maxMs: 60_000 };

/**
 * Milliseconds to wait after try number `attempt`: firstMs doubled each time, at most maxMs, of which the upper half is
 * jitter. `random` is in [0, 1).
 */
export function retryDelayMs(policy: RetryPolicy, attempt: number, random: number): number {
  // 2^30 keeps the product a safe integer whatever the attempt.
  const full = Math.min(policy.maxMs, policy.firstMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(full / 2 + (full / 2) * random);
}
