// Whether requests should come to this process, for what balances load: the bus answers, what is on it is delivered, and no
// stop was asked. Asks the bus at most once in 5 s whoever asks here, since anybody may.

import type { Adapter } from '../adapters/adapter.ts';
import { RouterError, toRouterError } from '../router/errors.ts';

export interface ReadinessParts {
  readonly adapter: Pick<Adapter, 'name' | 'check'>;
  /** Why nothing is delivered at present, undefined while it is. */
  readonly stalled: () => RouterError | undefined;
  readonly now: () => number;
}

export interface Readiness {
  /** Why not, or undefined. Never rejects. */
  problem(): Promise<RouterError | undefined>;
  /** From now on not ready: a stop was asked. */
  drain(): void;
}

const ASK_AGAIN_MS = 5_000;
// A probe should wait longer than this, so that it gets the reason.
const CHECK_MS = 2_000;

export function createReadiness({ adapter, stalled, now }: ReadinessParts): Readiness {
  let draining = false;
  let asked: { readonly at: number; readonly answer: Promise<RouterError | undefined> } | undefined;

  async function ask(): Promise<RouterError | undefined> {
    try {
      await adapter.check(AbortSignal.timeout(CHECK_MS));
      return undefined;
    } catch (thrown) {
      return toRouterError(thrown, 'BUS_UNAVAILABLE');
    }
  }

  return {
    async problem() {
      if (draining) return new RouterError('CLOSED', 'the router is about to stop');
      if (asked === undefined || now() - asked.at >= ASK_AGAIN_MS) asked = { at: now(), answer: ask() };
      return (await asked.answer) ?? stalled();
    },
    drain() {
      draining = true;
    },
  };
}
