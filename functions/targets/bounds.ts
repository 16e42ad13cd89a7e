// Work that ends in time or is given up: by its timeout, by an abort, by a close. What the work does after that is
// its own matter; it is told through its signal and its result is dropped. Never rejects.

import type { ErrorCode } from '../../router/errors.ts';
import type { Verdict } from './target.ts';

export interface Bounds {
  /** Work that rejects is TARGET_FAILED; say more by a verdict of your own. */
  run(signal: AbortSignal, work: (signal: AbortSignal) => Promise<Verdict>): Promise<Verdict>;
  /** Gives up what is under way with CLOSED, and whatever is asked for later. Idempotent. */
  close(): void;
}

export function createBounds(label: string, timeoutMs: number): Bounds {
  const underWay = new Set<() => void>();
  let closed = false;
  const retry = (code: ErrorCode, says: string): Verdict => ({ kind: 'retry', code, reason: `${label}: ${says}` });
  const CLOSED = retry('CLOSED', 'this target was closed');
  const ABORTED = retry('ABORTED', 'the delivery was given up before it ended');
  const TIMEOUT = retry('TARGET_TIMEOUT', `not done within ${timeoutMs} ms`);

  return {
    run(signal, work) {
      if (closed) return Promise.resolve(CLOSED);
      if (signal.aborted) return Promise.resolve(ABORTED);
      return new Promise((resolve) => {
        const inner = new AbortController();
        const settle = (verdict: Verdict): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', onAbort);
          underWay.delete(onClose);
          resolve(verdict);
        };
        const giveUp = (verdict: Verdict): void => {
          settle(verdict);
          inner.abort();
        };
        const onAbort = (): void => giveUp(ABORTED);
        const onClose = (): void => giveUp(CLOSED);
        const timer = setTimeout(giveUp, timeoutMs, TIMEOUT);
        signal.addEventListener('abort', onAbort);
        underWay.add(onClose);
        work(inner.signal).then(settle, () => settle(retry('TARGET_FAILED', 'it failed')));
      });
    },
    close() {
      closed = true;
      for (const onClose of [...underWay]) onClose();
    },
  };
}
