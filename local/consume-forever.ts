// Delivery that is taken up again whenever the bus ends it, until the router stops. Intake goes on meanwhile.

import timers from 'node:timers/promises';
import type { Adapter } from '../adapters/adapter.ts';
import type { Consumer } from '../router/consume.ts';
import { type RouterError, toRouterError } from '../router/errors.ts';

const SUBSCRIBE_AGAIN_MS = 5_000;

export interface ConsumeForeverParts {
  readonly signal: AbortSignal;
  readonly onWarning: (text: string) => void;
  /** Why delivery stopped, and undefined when it goes on. */
  readonly onStalled: (why: RouterError | undefined) => void;
}

/** Intake goes on while delivery cannot: what is taken waits on the bus, and is delivered once it can be. */
export async function consumeForever(
  adapter: Pick<Adapter, 'name' | 'subscribe'>,
  consumer: Consumer,
  { signal, onWarning, onStalled }: ConsumeForeverParts,
): Promise<void> {
  let held: NodeJS.Timeout | undefined;
  while (!signal.aborted) {
    try {
      await adapter.subscribe?.(consumer, signal);
      return;
    } catch (thrown) {
      const error = toRouterError(thrown);
      onStalled(error);
      const again = `tried again in ${SUBSCRIBE_AGAIN_MS / 1_000} s`;
      onWarning(`${adapter.name}: delivery stopped and is ${again}: ${error.message}`);
      clearTimeout(held);
      await timers.setTimeout(SUBSCRIBE_AGAIN_MS, undefined, { signal }).catch(() => undefined);
      // A subscription says when it ends and not when it begins: one that holds this long is taken for begun.
      held = setTimeout(() => onStalled(undefined), SUBSCRIBE_AGAIN_MS).unref();
    }
  }
}
