// The backlog of one subscription of the fake: what is ready, what is leased and until when, in which order. Time comes in.
// Without ordering, messages come in any order; with it, a key goes on only where its earlier messages are acknowledged or
// come in the same answer, and a message that comes again brings all later ones of its key with it, the acknowledged too.

import type { Message } from './pubsub-limits.ts';

export interface Stored extends Message {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly publishedAt: number;
}

export interface Leased {
  readonly ackId: string;
  readonly message: Stored;
  /** 1 and the times it was given back or its lease ran out. */
  readonly attempt: number;
}

interface Entry {
  readonly message: Stored;
  state: 'ready' | 'leased' | 'acked';
  attempts: number;
  ackId: string;
  /** Of the lease, or of the backoff. */
  until: number;
}

export interface QueueParts {
  readonly ordered: boolean;
  readonly ackDeadlineMs: number;
  /** How long a message waits after its nth failure. */
  readonly backoffMs: (failures: number) => number;
  /** 0 to 1; the order of what has none. */
  readonly random: () => number;
  /** Over this many deliveries a message is handed to `bury`; true takes it away. */
  readonly maxAttempts: number;
  readonly bury: (message: Stored, deliveries: number) => boolean;
}

export interface Queue {
  add(message: Stored): void;
  take(most: number, now: number): readonly Leased[];
  /** False for an id that names no delivery of this subscription at all. */
  acknowledge(ackId: string): boolean;
  /** 0 gives it back. */
  modify(ackId: string, ms: number, now: number): boolean;
  /** Leases that ran out. */
  expire(now: number): void;
  /** Not acknowledged. */
  readonly size: number;
}

interface Backlog {
  readonly parts: QueueParts;
  entries: Entry[];
  readonly issued: Set<string>;
}

function failedOnce({ parts, entries }: Backlog, entry: Entry, now: number): void {
  entry.state = 'ready';
  entry.ackId = '';
  entry.until = now + parts.backoffMs(entry.attempts);
  entry.attempts++;
  const { orderingKey } = entry.message;
  if (!parts.ordered || orderingKey === '') return;
  for (const later of entries.slice(entries.indexOf(entry) + 1)) {
    if (later.message.orderingKey !== orderingKey || later.state === 'ready') continue;
    later.state = 'ready';
    later.ackId = '';
    later.attempts++;
  }
}

/** An acknowledged one stays while an earlier one of its key may still come again. */
function forgetAcknowledged(backlog: Backlog): void {
  const open = new Set<string>();
  backlog.entries = backlog.entries.filter(({ state, message: { orderingKey } }) => {
    if (state !== 'acked') open.add(orderingKey);
    return state !== 'acked' || (backlog.parts.ordered && orderingKey !== '' && open.has(orderingKey));
  });
}

function ready({ parts, entries }: Backlog, now: number): Entry[] {
  const held = new Set<string>();
  const found = entries.filter(({ state, until, message: { orderingKey } }) => {
    if (state === 'acked') return false;
    const due = state === 'ready' && until <= now;
    if (!parts.ordered || orderingKey === '') return due;
    if (!due) held.add(orderingKey);
    return due && !held.has(orderingKey);
  });
  if (parts.ordered) return found;
  return found
    .map((entry) => ({ entry, place: parts.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ entry }) => entry);
}

let deliveries = 0;

export function createQueue(parts: QueueParts): Queue {
  const backlog: Backlog = { parts, entries: [], issued: new Set() };
  const byAckId = (ackId: string): Entry | undefined =>
    backlog.entries.find((entry) => entry.state === 'leased' && entry.ackId === ackId);

  function buried(entry: Entry): boolean {
    if (entry.attempts <= parts.maxAttempts || !parts.bury(entry.message, entry.attempts - 1)) return false;
    entry.state = 'acked';
    return true;
  }

  return {
    add(message) {
      backlog.entries.push({ message, state: 'ready', attempts: 1, ackId: '', until: 0 });
    },
    take(most, now) {
      const taken = ready(backlog, now)
        .filter((entry) => !buried(entry))
        .slice(0, most);
      const leased = taken.map((entry) => {
        entry.state = 'leased';
        entry.ackId = `ack-${++deliveries}-${entry.message.id}`;
        entry.until = now + parts.ackDeadlineMs;
        backlog.issued.add(entry.ackId);
        return { ackId: entry.ackId, message: entry.message, attempt: entry.attempts };
      });
      forgetAcknowledged(backlog);
      return leased;
    },
    acknowledge(ackId) {
      if (!backlog.issued.has(ackId)) return false;
      const entry = byAckId(ackId);
      if (entry !== undefined) entry.state = 'acked';
      forgetAcknowledged(backlog);
      return true;
    },
    modify(ackId, ms, now) {
      if (!backlog.issued.has(ackId)) return false;
      const entry = byAckId(ackId);
      if (entry === undefined) return true; // its lease has run out
      if (ms === 0) failedOnce(backlog, entry, now);
      else entry.until = now + ms;
      return true;
    },
    expire(now) {
      for (const entry of [...backlog.entries]) {
        if (entry.state === 'leased' && entry.until <= now) failedOnce(backlog, entry, now);
      }
    },
    get size() {
      return backlog.entries.filter(({ state }) => state !== 'acked').length;
    },
  };
}
