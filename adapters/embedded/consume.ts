// Reads the embedded log once for all rules, and its parked deliveries when they are due. What this process publishes is
// handed over in memory; the file is read only to catch up.

import type { Consumer } from '../../router/consume.ts';
import { createLane, type Lane, type Owed } from '../fan-out.ts';
import type { Store, Stored } from './store.ts';

const READ = 500;
const SAVE_MS = 100;
const DRAIN_MS = 5_000;
// Just published events kept in memory for the reader; when it falls behind further it reads the file.
const HANDOVER = 5_000;

export interface Handover {
  /** Called after the commit, in order of position. */
  push(stored: Stored): void;
  /** Wakes the reader once. */
  wake(): void;
}

interface Reader extends Handover {
  next(after: number): readonly Stored[];
  changed(signal: AbortSignal): Promise<void>;
}

/** Newly committed events on their way to the reader. */
export function createHandover(store: Store): Reader {
  let fresh: Stored[] = [];
  let wakeReader: (() => void) | undefined;
  let dirty = true;
  return {
    push(stored) {
      if (fresh.length < HANDOVER) fresh.push(stored);
    },
    wake() {
      dirty = true;
      wakeReader?.();
    },
    next(after) {
      const taken = fresh;
      fresh = [];
      // Only a run without a gap may be taken from memory.
      if (taken.length > 0 && taken.length < HANDOVER && taken[0]!.position === after + 1) return taken;
      return store.after(after, READ);
    },
    async changed(signal) {
      if (!dirty && !signal.aborted) {
        await new Promise<void>((resolve) => {
          wakeReader = resolve;
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
      }
      wakeReader = undefined;
      dirty = false;
    },
  };
}

/** Runs what is parked at the moment it is due. */
function createDueLoop(store: Store, now: () => number) {
  const busy = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let wakeAt = Number.POSITIVE_INFINITY;
  let lane: Lane | undefined;
  let stopped = false;

  function run(): void {
    timer = undefined;
    wakeAt = Number.POSITIVE_INFINITY;
    if (stopped || lane === undefined) return;
    for (const due of store.due(now(), 256 + busy.size)) {
      const name = `${due.position}\0${due.rule}`;
      const event = busy.has(name) ? undefined : store.at(due.position);
      if (event === undefined) continue;
      const owed: Owed = { ...due, event };
      if (lane.blocked(owed)) {
        // Its rule asks for order since a changed document: from now on it waits its turn.
        lane.restore(owed);
        store.write(() => store.park({ ...owed, behind: true })).catch(() => undefined);
        continue;
      }
      busy.add(name);
      lane
        .redeliver(owed)
        .catch(() => undefined)
        .finally(() => {
          busy.delete(name);
          arm();
        });
    }
    arm();
  }

  function arm(): void {
    if (stopped || busy.size >= 256) return;
    const next = store.nextDue();
    if (next !== undefined) armAt(busy.size > 0 ? Math.max(next, now() + 20) : next);
  }

  function armAt(at: number): void {
    if (stopped || at >= wakeAt) return;
    clearTimeout(timer);
    wakeAt = at;
    timer = setTimeout(run, Math.min(2 ** 31 - 1, Math.max(0, at - now())));
  }

  return {
    start(of: Lane) {
      lane = of;
      arm();
    },
    armAt,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** Delivers until `signal` aborts, then gives what is in flight DRAIN_MS to end, and saves the position. */
export async function consumeLog(
  store: Store,
  reader: Reader,
  { consumer, signal, now }: { consumer: Consumer; signal: AbortSignal; now: () => number },
): Promise<void> {
  const hard = new AbortController();
  const due = createDueLoop(store, now);
  let passed = store.consumerPosition();
  let saved = passed;
  const save = (): void => {
    if (passed === saved) return;
    saved = passed;
    store.write(() => store.saveConsumerPosition(passed)).catch(() => undefined);
  };
  const saver = setInterval(save, SAVE_MS).unref();
  const lane = createLane({
    consumer,
    signal: hard.signal,
    now,
    store: {
      async park(owed) {
        await store.write(() => store.park(owed));
        if (!owed.behind) due.armAt(owed.dueAt);
      },
      drop: (position, rule) => store.write(() => store.unpark(position, rule)),
      advance(position) {
        passed = position - 1;
      },
      ready(position, rule) {
        store
          .write(() => store.makeReady(position, rule, now()))
          .then(
            (changed) => changed && due.armAt(now()),
            () => undefined,
          );
      },
    },
  });
  restore(store, lane, now());
  due.start(lane);
  try {
    await readAll(passed);
    due.stop();
    await Promise.race([lane.drain(), new Promise((resolve) => setTimeout(resolve, DRAIN_MS).unref())]);
  } finally {
    due.stop();
    clearInterval(saver);
    hard.abort();
    save();
  }

  async function readAll(from: number): Promise<void> {
    let position = from;
    while (!signal.aborted) {
      const batch = reader.next(position);
      for (const stored of batch) {
        lane.offer(stored.position, stored.event);
        position = stored.position;
      }
      if (batch.length === 0) await reader.changed(signal);
      else if (lane.full()) await lane.room();
    }
  }
}

/** Tells the lane which keys have parked deliveries, and frees the first of each that waits behind nothing any more. */
function restore(store: Store, lane: Lane, now: number): void {
  const loaded = store.parked().flatMap((due) => {
    const event = store.at(due.position);
    return event === undefined ? [] : [{ ...due, event }];
  });
  for (const owed of loaded) lane.restore(owed);
  const free = loaded.filter((owed) => owed.behind && !lane.blocked(owed));
  if (free.length > 0) store.writeNow(() => free.map((owed) => store.makeReady(owed.position, owed.rule, now)));
}
