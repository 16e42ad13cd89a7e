// Gives back what was received: acknowledged or released, many locks in one request; and renews locks of what is
// still under way. What cannot be told comes again when its lock ends, which is what "at least once" means.
// Source: Azure Event Grid, "subscriber operations" (release delays, lock tokens, renewal within an hour).

import { RouterError } from '../../router/errors.ts';
import { pause } from '../pause.ts';
import type { Post } from './http.ts';

/** What a release may wait, in seconds. */
export const releaseDelays: readonly number[] = [0, 10, 60, 600, 3600];

export type Settlement = { readonly kind: 'acknowledge' } | { readonly kind: 'release'; readonly delaySeconds: number };

export interface Settler {
  /** Resolves when the service knows, or when it cannot be told any more. Never rejects. */
  settle(lockToken: string, how: Settlement): Promise<void>;
  /** Extends the locks. Never rejects. */
  renew(lockTokens: readonly string[]): Promise<void>;
}

export interface SettlerParts {
  readonly post: Post;
  /** The url of an operation on this subscription: 'acknowledge'. */
  readonly operation: (name: string) => URL;
  readonly what: string;
  readonly onWarning: (text: string) => void;
  /** Aborts when nothing is tried again any more. */
  readonly signal: AbortSignal;
  /** Aborts when not even what is asked at last is waited for: a service that hangs must not hold up a stop. */
  readonly cut: AbortSignal;
}

// As many as a receive may bring.
const TOKENS = 100;
const CALL_MS = 10_000;
const AGAIN_MS = 500;
// The shortest lock that can be set is 60 s, and it is renewed until this is over.
const TRIES = 60;

interface Waiting {
  readonly lockToken: string;
  readonly done: () => void;
}

function failedTokens(body: Buffer): number {
  try {
    const { failedLockTokens: failed } = JSON.parse(body.toString('utf8')) as { failedLockTokens?: unknown };
    return Array.isArray(failed) ? failed.length : 0;
  } catch {
    return 0;
  }
}

export function createSettler({ post, operation, what, onWarning, signal, cut }: SettlerParts): Settler {
  const queues = new Map<string, Waiting[]>();
  let flying = false;

  async function call(path: string, lockTokens: readonly string[]): Promise<number> {
    const [name, delay] = path.split(' ');
    const url = operation(name!);
    if (delay !== undefined) url.searchParams.set('releaseDelayInSeconds', delay);
    const body = Buffer.from(JSON.stringify({ lockTokens }));
    // Not the subscription's signal: what is under way when it ends is still settled.
    const limit = AbortSignal.any([cut, AbortSignal.timeout(CALL_MS)]);
    return failedTokens(await post({ url, contentType: 'application/json', body, what, signal: limit }));
  }

  /** Whether a fault may pass; what is gone or forbidden stays so. */
  function mayPass(thrown: unknown): boolean {
    return thrown instanceof RouterError && (thrown.retryable || thrown.facts['again'] === true);
  }

  async function settleAll(path: string, batch: readonly Waiting[]): Promise<void> {
    const tokens = batch.map(({ lockToken }) => lockToken);
    const lost = (count: number, why: string): void =>
      onWarning(`eventgrid: ${what}: ${count} events could not be settled and come again: ${why}`);
    for (let attempt = 1; ; attempt++) {
      try {
        const failed = await call(path, tokens);
        if (failed > 0) lost(failed, 'their locks were lost');
        break;
      } catch (thrown) {
        if (mayPass(thrown) && attempt < TRIES && !signal.aborted) await pause(AGAIN_MS, signal);
        else {
          lost(tokens.length, thrown instanceof Error ? thrown.message : 'unknown error');
          break;
        }
      }
    }
    for (const { done } of batch) done();
  }

  /** One request at a time; the next takes all that came meanwhile. */
  async function fly(): Promise<void> {
    flying = true;
    // One turn of the event loop: what ends together is settled together.
    await new Promise((resolve) => setImmediate(resolve));
    for (let next = queues.entries().next(); !next.done; next = queues.entries().next()) {
      const [path, waiting] = next.value;
      const batch = waiting.splice(0, TOKENS);
      if (waiting.length === 0) queues.delete(path);
      await settleAll(path, batch);
    }
    flying = false;
  }

  return {
    settle(lockToken, how) {
      const path = how.kind === 'release' ? `release ${how.delaySeconds}` : how.kind;
      return new Promise((done) => {
        const queue = queues.get(path);
        if (queue === undefined) queues.set(path, [{ lockToken, done }]);
        else queue.push({ lockToken, done });
        if (!flying) void fly();
      });
    },
    async renew(lockTokens) {
      for (let at = 0; at < lockTokens.length; at += TOKENS) {
        try {
          await call('renewLock', lockTokens.slice(at, at + TOKENS));
        } catch {
          // Tried again with the next renewal, well before a lock of 60 s ends.
        }
      }
    },
  };
}
