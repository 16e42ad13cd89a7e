// A consumer for a host that can only take a batch whole or have it all again, as Lambda's Kafka event source: retries
// happen inside the call, what was done is not done again when the batch comes back to this process, and a rule that asks
// for order gets its events of one key one after the other. Never gives up before the signal: the caller must bound it.

import type { Consumer, Delivery, Outcome } from '../../router/consume.ts';

export interface PatientConsumer extends Consumer {
  /** After a batch: true forgets what was done, so that a replayed record is delivered again. */
  endBatch(done: boolean): void;
}

const DONE = Number.POSITIVE_INFINITY;
const GIVEN_UP: Outcome = { kind: 'retry', afterMs: 0, counts: false };

/** Resolves early when the signal aborts. */
function pause(afterMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, afterMs);
    signal.addEventListener('abort', end, { once: true });
  });
}

function keyOf({ event, rule }: Delivery): string | undefined {
  const key = event.attributes['partitionkey'];
  return key === undefined ? undefined : `${rule}\0${key}`;
}

function nameOf({ event, rule }: Delivery): string {
  return `${rule}\0${event.attributes.source}\0${event.attributes.id}`;
}

export function createPatient(consumer: Consumer): PatientConsumer {
  /** (rule, event) → attempts made, infinite when done; of batches that did not end well, so one batch a partition. */
  const tried = new Map<string, number>();
  const chains = new Map<string, Promise<Outcome>>();

  async function deliver(delivery: Delivery, signal: AbortSignal): Promise<Outcome> {
    const name = nameOf(delivery);
    let attempts = tried.get(name) ?? 0;
    if (attempts === DONE) return { kind: 'ack' };
    while (!signal.aborted) {
      const outcome = await consumer.deliver({ ...delivery, attempt: attempts + 1 }, signal);
      if (outcome.kind === 'ack') attempts = DONE;
      else if (outcome.counts) attempts++;
      tried.set(name, attempts);
      if (outcome.kind === 'ack') return outcome;
      await pause(outcome.afterMs, signal);
    }
    return GIVEN_UP;
  }

  /** Calls come in the order of the records, so each waits for the one before it. */
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
    ...consumer,
    deliver(delivery, signal) {
      const key = consumer.ordered(delivery.rule) ? keyOf(delivery) : undefined;
      return key === undefined ? deliver(delivery, signal) : inTurn(delivery, key, signal);
    },
    endBatch(done) {
      chains.clear();
      if (done) tried.clear();
    },
  };
}
