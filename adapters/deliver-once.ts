// One delivery of what several subscriptions of one rule bring: while a changed filter is rolled out, the old subscription
// and the new one both get an event. Must never take an event for delivered that its rule did not match at the time: the
// rule may have changed since. Bounded; what it forgets, and what another process delivered, is delivered twice.

import type { Consumer, Delivery, Outcome } from '../router/consume.ts';

export interface DeliverOnce {
  readonly consumer: Consumer;
  /** The rules that have several subscriptions from now on. For all others nothing is held back. */
  share(rules: ReadonlySet<string>): void;
}

/** Deliveries, the newest; some two megabytes. */
const MAX_KNOWN = 10_000;

function nameOf({ event, rule }: Delivery): string {
  return `${rule}\0${event.attributes.source}\0${event.attributes.id}`;
}

/** Remembers from the start, so that what was delivered just before a rule got its second subscription counts too. */
export function createDeliverOnce(consumer: Consumer): DeliverOnce {
  const delivered = new Set<string>();
  const underWay = new Map<string, Promise<Outcome>>();
  let shared: ReadonlySet<string> = new Set();

  function remember(name: string): void {
    delivered.add(name);
    if (delivered.size > MAX_KNOWN) delivered.delete(delivered.values().next().value!);
  }

  async function deliverFirst(name: string, delivery: Delivery, signal: AbortSignal): Promise<Outcome> {
    const work = consumer.deliver(delivery, signal);
    underWay.set(name, work);
    try {
      const outcome = await work;
      if (outcome.kind === 'ack' && outcome.unmatched !== true) remember(name);
      return outcome;
    } finally {
      if (underWay.get(name) === work) underWay.delete(name);
    }
  }

  async function deliver(delivery: Delivery, signal: AbortSignal): Promise<Outcome> {
    const name = nameOf(delivery);
    if (!shared.has(delivery.rule)) return deliverFirst(name, delivery, signal);
    while (!delivered.has(name)) {
      const twin = underWay.get(name);
      if (twin === undefined) return deliverFirst(name, delivery, signal);
      const outcome = await twin;
      // The first of the two counts the attempts; this one comes to look whether it was delivered.
      if (outcome.kind === 'retry') return { ...outcome, counts: false };
    }
    return { kind: 'ack' };
  }

  return {
    consumer: { ...consumer, deliver },
    share(rules) {
      shared = rules;
    },
  };
}
