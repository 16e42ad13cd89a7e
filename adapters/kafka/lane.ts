// One partition number: its events through the fan-out, and what was parked of them back from the retry topics when it
// is due. Parked records are kept in memory up to a bound; beyond it their partition is paused.

import type { Consumer, Refused } from '../../router/consume.ts';
import { toRouterError } from '../../router/errors.ts';
import { decodeKafka } from '../../router/wire/kafka.ts';
import { createLane, type Owed } from '../fan-out.ts';
import { retrySteps } from './definitions.ts';
import { createOffsets } from './offsets.ts';
import { decodeParked, type ParkedRecord, type Parker, stepFor } from './parker.ts';
import type { StoredRecord } from './record.ts';

export interface KafkaLane {
  /** What was parked before is read: deliveries and events may start. Until then order could not be kept. */
  begin(): void;
  /** Takes records of the events topic; returns how many, fewer than given when the lane is full. */
  events(records: readonly StoredRecord[]): number;
  /** Takes records of retry topic number `step`; returns how many, fewer than given when it holds enough. */
  parked(step: number, records: readonly StoredRecord[]): number;
  /** Resolves when more events, or more of the retry topic `step`, can be taken. */
  room(step: number | undefined): Promise<void>;
  /** Offsets to commit: of the events topic, and of each retry topic that moved. */
  committable(): { readonly events: number | undefined; readonly steps: ReadonlyMap<number, number> };
  /** True while a record that this lane parked in retry topic `step` has not come back yet, or nothing is known yet. */
  awaits(step: number): boolean;
  /** Resolves when the events taken are delivered, or after `ms`. */
  calm(ms: number): Promise<void>;
  drain(): Promise<void>;
  /** Gives up everything under way: the partition went to another member, or the time to drain is over. */
  abandon(): void;
}

export interface KafkaLaneParts {
  readonly partition: number;
  /** The first offset of the events topic that will be offered. */
  readonly from: number;
  readonly consumer: Consumer;
  readonly parker: Parker;
  readonly now: () => number;
  readonly onWarning: (text: string) => void;
  /** awaits(step) changed. */
  readonly onAwaits: (step: number) => void;
}

interface Entry {
  readonly record: ParkedRecord;
  /** Where its record is; undefined while one just parked here is on its way back from the broker. */
  place: { readonly step: number; readonly offset: number } | undefined;
  timer: NodeJS.Timeout | undefined;
  running: boolean;
}

const MAX_HELD = 2_000;
/** Redeliveries of one rule under way at once; what is due beyond that is parked again. */
const PER_RULE = 64;
const POSTPONE_MS = 10_000;
const LAST_STEP = retrySteps.length - 1;
const FORGET_MS = 600_000;
const MAX_TIMER_MS = 2 ** 31 - 1;

// Shared by all lanes of a process, and higher after a restart than before it.
let lastSequence = 0;
function nextSequence(now: number): number {
  lastSequence = Math.max(lastSequence + 1, now * 1_000);
  return lastSequence;
}

function createWaiters() {
  let waiting: (() => void)[] = [];
  return {
    wait: (): Promise<void> => new Promise((resolve) => waiting.push(resolve)),
    wake(): void {
      const woken = waiting;
      waiting = [];
      for (const wake of woken) wake();
    },
  };
}

export function openKafkaLane({
  partition,
  from,
  consumer,
  parker,
  now,
  onWarning,
  onAwaits,
}: KafkaLaneParts): KafkaLane {
  const hard = new AbortController();
  const entries = new Map<string, Entry>();
  /** Records of a (position, rule) with a lower sequence are superseded or done; kept until they have surely come by. */
  const floors = new Map<string, { readonly sequence: number; readonly at: number }>();
  const steps = new Map<number, { offsets: ReturnType<typeof createOffsets>; next: number }>();
  const roomInSteps = createWaiters();
  const running = new Map<string, number>();
  /** Per retry topic, the sequences on their way there and back. */
  const awaited = new Map<number, Set<number>>();
  let eventsPassed: number | undefined;
  let nextEvent = 0;
  let begun = false;
  const start = createWaiters();

  const nameOf = (position: number, rule: string): string => `${position}:${rule}`;

  function stepOf(step: number) {
    const known = steps.get(step);
    if (known !== undefined) return known;
    const fresh = { offsets: createOffsets(), next: 0 };
    steps.set(step, fresh);
    return fresh;
  }

  function expect(step: number, sequence: number): void {
    const waiting = awaited.get(step) ?? new Set();
    awaited.set(step, waiting.add(sequence));
    if (waiting.size === 1) onAwaits(step);
  }

  function met(step: number, sequence: number): void {
    const waiting = awaited.get(step);
    if (waiting?.delete(sequence) && waiting.size === 0) onAwaits(step);
  }

  function finish(name: string, entry: Entry): void {
    clearTimeout(entry.timer);
    if (entries.get(name) === entry) entries.delete(name);
    if (entry.place !== undefined) done(entry.place.step, entry.place.offset);
  }

  function done(step: number, offset: number): void {
    const { offsets } = stepOf(step);
    offsets.done(offset);
    if (offsets.count() < MAX_HELD) roomInSteps.wake();
  }

  function raiseFloor(name: string, sequence: number): void {
    const at = now();
    floors.delete(name);
    floors.set(name, { sequence, at });
    for (const [old, floor] of floors) {
      if (floor.at > at - FORGET_MS) break;
      floors.delete(old);
    }
    const entry = entries.get(name);
    if (entry !== undefined && entry.record.sequence < sequence) finish(name, entry);
  }

  async function parkOwed(owed: Owed): Promise<void> {
    const sequence = nextSequence(now());
    // What waits its turn is not waiting for a time: in the short steps it would stand before what is.
    const step = owed.behind ? LAST_STEP : stepFor(owed.dueAt - now());
    expect(step, sequence);
    await parker.park({ partition, step, owed, sequence });
    const name = nameOf(owed.position, owed.rule);
    raiseFloor(name, sequence);
    // The head of an ordered key must not wait in its topic behind what waits for it.
    if (!owed.behind && consumer.ordered(owed.rule) && !entries.has(name)) hold(name, { owed, sequence }, undefined);
  }

  const lane = createLane({
    consumer,
    signal: hard.signal,
    now,
    from,
    store: {
      park: parkOwed,
      async drop(position, rule) {
        raiseFloor(nameOf(position, rule), Number.MAX_SAFE_INTEGER);
      },
      advance(position) {
        eventsPassed = position;
      },
      ready(position, rule) {
        const entry = entries.get(nameOf(position, rule));
        // Also one that was due while something before it was under way.
        const due = entry !== undefined && (entry.record.owed.behind || entry.record.owed.dueAt <= now());
        if (due) setImmediate(run, nameOf(position, rule), entry);
      },
    },
  });

  function run(name: string, entry: Entry): void {
    if (entry.running || entries.get(name) !== entry || hard.signal.aborted) return;
    const { owed } = entry.record;
    // Its turn comes by ready(); the fan-out knows of it since it arrived.
    if (lane.blocked(owed)) return;
    entry.running = true;
    const busy = running.get(owed.rule) ?? 0;
    if (busy >= PER_RULE && !consumer.ordered(owed.rule)) {
      postpone(entry);
      return;
    }
    running.set(owed.rule, busy + 1);
    lane
      .redeliver(owed)
      .catch((error: unknown) => onWarning(`kafka: redelivery: ${toRouterError(error).message}`))
      .finally(() => {
        entry.running = false;
        running.set(owed.rule, (running.get(owed.rule) ?? 1) - 1);
      });
  }

  /** Its rule has enough under way: a target that hangs must not fill what is held of all rules. */
  function postpone(entry: Entry): void {
    const owed: Owed = { ...entry.record.owed, dueAt: now() + POSTPONE_MS };
    parkOwed(owed).then(
      () => undefined,
      () => {
        entry.running = false;
        entry.timer = setTimeout(run, POSTPONE_MS, nameOf(owed.position, owed.rule), entry);
      },
    );
  }

  function hold(name: string, record: ParkedRecord, place: Entry['place']): void {
    const entry: Entry = { record, place, timer: undefined, running: false };
    entries.set(name, entry);
    schedule(name, entry);
  }

  function schedule(name: string, entry: Entry): void {
    if (!begun) return;
    const { owed } = entry.record;
    const waitMs = owed.behind ? 0 : Math.max(0, owed.dueAt - now());
    entry.timer = setTimeout(
      () => {
        if (owed.behind || owed.dueAt <= now()) run(name, entry);
        else schedule(name, entry);
      },
      Math.min(waitMs, MAX_TIMER_MS),
    );
  }

  function arrive(step: number, stored: StoredRecord): void {
    const { offsets } = stepOf(step);
    offsets.open(stored.offset);
    const record = decodeParked(stored);
    if (record === undefined) {
      refuse(stored, 'a record of a retry topic that is not a parked delivery').then(
        () => done(step, stored.offset),
        () => undefined,
      );
      return;
    }
    met(step, record.sequence);
    lastSequence = Math.max(lastSequence, record.sequence);
    const { position, rule } = record.owed;
    const name = nameOf(position, rule);
    const held = entries.get(name);
    const { sequence } = record;
    if (held !== undefined && held.record.sequence === sequence && held.place === undefined) {
      held.place = { step, offset: stored.offset };
      return;
    }
    const floor = floors.get(name)?.sequence ?? 0;
    if (sequence < floor || (held !== undefined && held.record.sequence >= sequence)) {
      done(step, stored.offset);
      return;
    }
    if (held !== undefined) finish(name, held);
    if (!begun) lane.restore(record.owed);
    hold(name, record, { step, offset: stored.offset });
  }

  function refuse(stored: StoredRecord, reason: string): Promise<void> {
    const bytes = stored.value ?? Buffer.alloc(0);
    return refuseUntilDurable({ code: 'DECODE_FAILED', reason: `kafka: ${reason}`, bytes });
  }

  async function refuseUntilDurable(refused: Refused): Promise<void> {
    for (;;) {
      try {
        return await consumer.refuse(refused);
      } catch (thrown) {
        if (hard.signal.aborted) throw thrown;
        onWarning(`kafka: a failure record is not durable yet: ${toRouterError(thrown).message}`);
        await new Promise((resolve) => setTimeout(resolve, 1_000).unref());
      }
    }
  }

  function offer(stored: StoredRecord): void {
    try {
      lane.offer(stored.offset, decodeKafka(stored));
    } catch (thrown) {
      const { message } = toRouterError(thrown, 'DECODE_FAILED');
      lane.skip(stored.offset, refuse(stored, message));
    }
  }

  return {
    begin() {
      if (begun) return;
      begun = true;
      for (const [name, entry] of entries) schedule(name, entry);
      start.wake();
    },
    events(records) {
      if (!begun) return 0;
      for (const [i, record] of records.entries()) {
        if (lane.full()) return i;
        // After a rebalance the client reads again from the committed offset.
        if (record.offset < nextEvent) continue;
        nextEvent = record.offset + 1;
        eventsPassed ??= record.offset;
        offer(record);
      }
      return records.length;
    },
    parked(step, records) {
      const state = stepOf(step);
      for (const [i, record] of records.entries()) {
        if (begun && state.offsets.count() >= MAX_HELD) return i;
        if (record.offset < state.next) continue;
        state.next = record.offset + 1;
        arrive(step, record);
      }
      return records.length;
    },
    async room(step) {
      if (step === undefined && !begun) await start.wait();
      if (step === undefined) await lane.room();
      else while (stepOf(step).offsets.count() >= MAX_HELD && !hard.signal.aborted) await roomInSteps.wait();
    },
    committable() {
      const moved = new Map<number, number>();
      for (const [step, { offsets }] of steps) {
        const low = offsets.low();
        if (low !== undefined) moved.set(step, low);
      }
      return { events: eventsPassed, steps: moved };
    },
    awaits: (step) => !begun || (awaited.get(step)?.size ?? 0) > 0,
    calm: (ms) => lane.calm(ms),
    drain: () => lane.drain(),
    abandon() {
      hard.abort();
      for (const entry of entries.values()) clearTimeout(entry.timer);
      entries.clear();
      roomInSteps.wake();
      start.wake();
    },
  };
}
