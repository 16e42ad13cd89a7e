// The memory of batches that a bus can only take whole or send again: what was done is not done again when the batch comes
// back to this process, and attempts go on counting. Bounded; what it forgets, and what another process did, is done twice.

import type { Consumer, Delivery, Outcome } from '../router/consume.ts';

/** A consumer for one batch. */
export interface Batch extends Consumer {
  /** True forgets the batch, so that a record that is replayed later is delivered again. */
  end(done: boolean): void;
}

const DONE = Number.POSITIVE_INFINITY;
// Some ten megabytes.
const MAX_KNOWN = 50_000;

function nameOf({ event, rule }: Delivery): string {
  return `${rule}\0${event.attributes.source}\0${event.attributes.id}`;
}

/** Begins a batch, at each call. Batches may run side by side. `maxKnown`: deliveries of batches that did not end well. */
export function createBatches(consumer: Consumer, maxKnown = MAX_KNOWN): () => Batch {
  /** (rule, event) → attempts made, infinite when done. The oldest comes first. */
  const tried = new Map<string, number>();

  function note(name: string, attempts: number): void {
    tried.delete(name);
    tried.set(name, attempts);
    if (tried.size > maxKnown) tried.delete(tried.keys().next().value!);
  }

  return () => {
    const names = new Set<string>();

    async function deliver(delivery: Delivery, signal: AbortSignal): Promise<Outcome> {
      const name = nameOf(delivery);
      names.add(name);
      const made = tried.get(name) ?? 0;
      if (made === DONE) return { kind: 'ack' };
      // The bus may count too, and then knows of other processes.
      const attempt = Math.max(delivery.attempt, made + 1);
      const outcome = await consumer.deliver({ ...delivery, attempt }, signal);
      // What no rule took is judged anew: the rule may be another by then.
      if (outcome.kind === 'ack') note(name, outcome.unmatched ? made : DONE);
      else note(name, outcome.counts ? attempt : attempt - 1);
      return outcome;
    }

    return {
      ...consumer,
      deliver,
      end(done) {
        if (done) for (const name of names) tried.delete(name);
      },
    };
  };
}
