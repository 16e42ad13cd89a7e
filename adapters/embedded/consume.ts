// Reads the embedded log once for all rules, and its parked deliveries when they are due. What this process publishes is
// handed over in memory; the file is read only to catch up.

import type { Consumer } from '../../router/consume.ts';
import { createLane, type Lane, type Owed } from '../fan-out.ts';
import type { Due, Store, Stored } from './store.ts';

const READ = 500;
const SAVE_MS = 100;
const DRAIN_MS = 5_000;
// Targets end within a second of an abort; a little more for parking what they were.
const GIVE_UP_MS = 1_500;
const STORE_RETRY_MS = 1_000;
// Parked deliveries of one rule under way at once.
const PER_RULE = 64;
const PAUSE_MS = 5;
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
          const end = (): void => {
            signal.removeEventListener('abort', end);
            resolve();
          };
          wakeReader = end;
          signal.addEventListener('abort', end);
        });
      }
      wakeReader = undefined;
      dirty = false;
    },
  };
}

/** Runs what is parked at the moment it is due. No rule takes more than PER_RULE at once, so that none holds back others. */
function createDueLoop(store: Store, now: () => number) {
  const busy = new Map<string, Set<number>>();
  let timer: NodeJS.Timeout | undefined;
  let wakeAt = Number.POSITIVE_INFINITY;
  let lane: Lane | undefined;
  let stopped = false;

  function run(): void {
    timer = undefined;
    wakeAt = Number.POSITIVE_INFINITY;
    if (stopped || lane === undefined) return;
    try {
      for (const rule of store.parkedRules()) startDue(rule, lane);
    } catch {
      // The file could not be read just now.
      armAt(now() + STORE_RETRY_MS);
    }
  }

  function startDue(rule: string, to: Lane): void {
    const running = busy.get(rule) ?? new Set();
    if (running.size >= PER_RULE) return;
    const at = now();
    const limit = PER_RULE + running.size;
    const found = store.due(rule, limit);
    for (const due of found) {
      if (running.has(due.position)) continue;
      if (due.dueAt > at) {
        armAt(due.dueAt);
        return;
      }
      if (running.size >= PER_RULE) return;
      const event = store.at(due.position);
      if (event === undefined) keep(() => store.unpark(due.position, rule));
      else if (to.blocked({ ...due, event })) waitItsTurn({ ...due, event }, to);
      else redeliver({ ...due, event }, running, to);
    }
    if (found.length === limit) armAt(at + PAUSE_MS);
  }

  /** A lease ran out, or its rule asks for order since a changed document: from now on it waits behind the others. */
  function waitItsTurn(owed: Owed, to: Lane): void {
    to.restore(owed);
    keep(() => store.makeBehind(owed.position, owed.rule));
  }

  function redeliver(owed: Owed, running: Set<number>, to: Lane): void {
    running.add(owed.position);
    busy.set(owed.rule, running);
    void to.redeliver(owed).finally(() => {
      running.delete(owed.position);
      if (running.size === 0) busy.delete(owed.rule);
      armAt(now() + PAUSE_MS);
    });
  }

  /** Writes until it is written. */
  function keep(op: () => unknown): void {
    if (stopped) return;
    store.write(op).then(
      (changed) => changed === true && armAt(now()),
      () => setTimeout(keep, STORE_RETRY_MS, op).unref(),
    );
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
      armAt(now());
    },
    armAt,
    ready: (position: number, rule: string) => keep(() => store.makeReady(position, rule, now())),
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** Saves the position now and then, and at the end. A crash in between costs repeats, never an event. */
function createPositionSaver(store: Store) {
  let passed = store.consumerPosition();
  let saved = passed;
  async function save(): Promise<void> {
    if (passed === saved) return;
    const saving = passed;
    saved = saving;
    try {
      await store.write(() => store.saveConsumerPosition(saving));
    } catch {
      // Nothing was saved: the next turn tries again.
      if (saved === saving) saved = -1;
    }
  }
  const timer = setInterval(save, SAVE_MS).unref();
  return {
    position: () => passed,
    pass(position: number) {
      passed = position;
    },
    async end() {
      clearInterval(timer);
      await save();
    },
  };
}

/** Delivers until `signal` aborts, then gives what is in flight DRAIN_MS to end, and saves the position. */
export async function consumeLog(
  store: Store,
  reader: Reader,
  { consumer, signal, now }: { consumer: Consumer; signal: AbortSignal; now: () => number },
): Promise<void> {
  // First the deliveries are given up, then the lane: what they were is still parked with its next time.
  const giveUp = new AbortController();
  const hard = new AbortController();
  const due = createDueLoop(store, now);
  const saver = createPositionSaver(store);
  const lane = createLane({
    consumer: { ...consumer, deliver: (delivery) => consumer.deliver(delivery, giveUp.signal) },
    signal: hard.signal,
    now,
    from: saver.position() + 1,
    store: {
      async park(owed) {
        await store.write(() => store.park(owed));
        if (!owed.behind) due.armAt(owed.dueAt);
      },
      drop: (position, rule) => store.write(() => store.unpark(position, rule)),
      advance: (position) => saver.pass(position - 1),
      ready: due.ready,
    },
  });
  try {
    restore(store, lane, now());
    due.start(lane);
    await readAll(saver.position());
    due.stop();
    await within(DRAIN_MS, lane.drain());
    giveUp.abort();
    await within(GIVE_UP_MS, lane.drain());
  } finally {
    due.stop();
    giveUp.abort();
    hard.abort();
    await saver.end();
  }

  async function readAll(from: number): Promise<void> {
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    let position = from;
    while (!signal.aborted) {
      const batch = reader.next(position);
      for (const stored of batch) {
        lane.offer(stored.position, stored.event);
        position = stored.position;
      }
      if (batch.length === 0) await reader.changed(signal);
      else if (lane.full()) await Promise.race([lane.room(), stopped]);
    }
  }
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}

/** Tells the lane what is parked, and frees what waits behind nothing any more. */
function restore(store: Store, lane: Lane, now: number): void {
  const parked = store.parked();
  const withEvent = (due: Due): Owed | undefined => {
    const event = store.at(due.position);
    return event === undefined ? undefined : { ...due, event };
  };
  for (const due of parked) {
    const owed = withEvent(due);
    if (owed !== undefined) lane.restore(owed);
  }
  const free = parked.filter((due) => {
    const owed = due.behind ? withEvent(due) : undefined;
    return owed !== undefined && !lane.blocked(owed);
  });
  if (free.length > 0) store.writeNow(() => free.map((due) => store.makeReady(due.position, due.rule, now)));
}
