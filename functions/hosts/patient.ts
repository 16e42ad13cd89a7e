// A consumer for a host whose bus counts no attempts and has no curve of its own: retries happen inside the call, and a rule
// that asks for order gets its events of one key one after the other. Never gives up before the signal: the caller must
// bound it.

import { pause } from '../../adapters/pause.ts';
import type { Consumer, Delivery, Outcome } from '../../router/consume.ts';
import type { Batch } from '../batch.ts';

const GIVEN_UP: Outcome = { kind: 'retry', afterMs: 0, counts: false };

function keyOf({ event, rule }: Delivery): string | undefined {
  const key = event.attributes['partitionkey'];
  return key === undefined ? undefined : `${rule}\0${key}`;
}

/** `batch` counts the attempts. Deliveries must be asked for in the order of their records. */
export function createPatient(batch: Batch): Consumer {
  const chains = new Map<string, Promise<Outcome>>();

  async function deliver(delivery: Delivery, signal: AbortSignal): Promise<Outcome> {
    while (!signal.aborted) {
      const outcome = await batch.deliver(delivery, signal);
      if (outcome.kind === 'ack') return outcome;
      await pause(outcome.afterMs, signal);
    }
    return GIVEN_UP;
  }

  /** Each waits for the one before it. */
  function inTurn(delivery: Delivery, key: string, signal: AbortSignal): Promise<Outcome> {
    const before = chains.get(key);
    const turn =
      before === undefined
        ? deliver(delivery, signal)
        : before.then((outcome) => (outcome.kind === 'ack' ? deliver(delivery, signal) : GIVEN_UP));
    chains.set(key, turn);
    return turn;
  }

  return {
    ...batch,
    deliver(delivery, signal) {
      const key = batch.ordered(delivery.rule) ? keyOf(delivery) : undefined;
      return key === undefined ? deliver(delivery, signal) : inTurn(delivery, key, signal);
    },
  };
}
