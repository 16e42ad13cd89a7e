// The fan-out of a log bus: each event is read once, each matching rule is delivered on its own. What does not succeed
// is parked durably, so that the position goes on and a dead or hanging target holds back nobody. One lane is one
// ordered log: the embedded bus has one, Kafka one per partition. The store decides how parking is kept.

import type { Consumer, Delivery, Outcome } from '../router/consume.ts';
import type { CloudEvent } from '../router/event.ts';
import { type Chain, createRestored, type Entry, indexOf, insert, remove } from './fan-out-chain.ts';
import { pause } from './pause.ts';

/** A delivery that is still owed after its event was passed. */
export interface Owed {
  readonly position: number;
  readonly rule: string;
  readonly event: CloudEvent;
  /** The try that comes next, 1 for the first. */
  readonly attempt: number;
  /** Milliseconds since the epoch. */
  readonly dueAt: number;
  /** Must wait for an earlier delivery of the same rule and key; LaneStore.ready tells when. */
  readonly behind: boolean;
}

export interface LaneStore {
  /** Durable when it resolves. Parking the same (position, rule) again replaces it. */
  park(owed: Owed): Promise<void>;
  /** The parked (position, rule) is done after all. */
  drop(position: number, rule: string): Promise<void>;
  /** Every event below `position` is delivered or parked. Called often; commit lazily. */
  advance(position: number): void;
  /** Nothing earlier is left: if (position, rule) is parked `behind`, it is now due at once. */
  ready(position: number, rule: string): void;
}

export interface LaneOptions {
  readonly consumer: Consumer;
  readonly store: LaneStore;
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** The first position that will be offered, where it is known: what was restored keeps its order with what comes. */
  readonly from?: number;
}

export interface Lane {
  /** Takes the next event of the log, in order. */
  offer(position: number, event: CloudEvent): void;
  /** Passes a record that is no event, after its refusal was recorded. */
  skip(position: number, recorded: Promise<void>): void;
  /** Delivers a parked one that is due and not blocked, and then drops it or parks it again. Rejects only as the store does. */
  redeliver(owed: Owed): Promise<void>;
  /** True while an earlier delivery of the same rule and key is parked or under way: leave it until `ready`. */
  blocked(owed: Pick<Owed, 'position' | 'rule' | 'event'>): boolean;
  /**
   * At start, for each parked delivery, in any order: those of an ordered rule at least. One that is offered again,
   * because the saved position lags behind what was parked, is not delivered twice.
   */
  restore(owed: Pick<Owed, 'position' | 'rule' | 'event'>): void;
  /** Too much is open: read no further until room() resolves. */
  full(): boolean;
  room(): Promise<void>;
  /** Resolves when nothing first delivered is under way, or after `ms`: so that a reader takes more at once under load. */
  calm(ms: number): Promise<void>;
  /** Resolves when nothing is in flight. */
  drain(): Promise<void>;
}

interface Flight {
  readonly entry: Entry;
  readonly rule: string;
  readonly event: CloudEvent;
  readonly chain: Chain | undefined;
  readonly startedAt: number;
  /** Set once the delivery took so long that it is parked while it goes on; true when the position may pass it. */
  leasing: Promise<boolean> | undefined;
  /** It has ended and is being settled: no lease any more. */
  landed: boolean;
}

// A target that takes longer than this no longer holds the position: the delivery is parked while it goes on.
const LEASE_AFTER_MS = 1_000;
// Longer than any target may take, so that a parked delivery under way is not delivered twice by a live process.
const LEASE_FOR_MS = 60_000;
const MAX_OPEN = 2_000;
const STORE_RETRY_MS = 1_000;
// A consumer that breaks its promise never to reject must not hold the position.
const BROKEN: Outcome = { kind: 'retry', afterMs: 5_000, counts: false };

export function keyOf(event: CloudEvent): string | undefined {
  const key = event.attributes['partitionkey'];
  return typeof key === 'string' ? key : undefined;
}

export function createLane({ consumer, store, signal, now, from }: LaneOptions): Lane {
  const window: Entry[] = [];
  let windowHead = 0;
  const flights = new Set<Flight>();
  const chains = new Map<string, Chain>();
  const restored = createRestored(from ?? Number.POSITIVE_INFINITY);
  let redelivering = 0;
  let parking = 0;
  let roomWaiters: (() => void)[] = [];
  let idleWaiters: (() => void)[] = [];
  const calmWaiters = new Set<() => void>();
  const sweeper = setInterval(lease, LEASE_AFTER_MS / 2).unref();
  if (signal.aborted) clearInterval(sweeper);
  else signal.addEventListener('abort', () => clearInterval(sweeper), { once: true });

  const openCount = () => window.length - windowHead;

  function settleWaiters(): void {
    if (roomWaiters.length > 0 && openCount() < MAX_OPEN) {
      const woken = roomWaiters;
      roomWaiters = [];
      for (const wake of woken) wake();
    }
    if (calmWaiters.size > 0 && flights.size === 0) for (const wake of calmWaiters) wake();
    if (idleWaiters.length > 0 && flights.size === 0 && redelivering === 0 && parking === 0) {
      const woken = idleWaiters;
      idleWaiters = [];
      for (const wake of woken) wake();
    }
  }

  /** One rule of an event is delivered or parked; the position moves over every event that has none left. */
  function close(entry: Entry): void {
    entry.open--;
    let passed = -1;
    while (windowHead < window.length && window[windowHead]!.open === 0) passed = window[windowHead++]!.position;
    if (windowHead > 1_024 && windowHead * 2 > window.length) {
      window.splice(0, windowHead);
      windowHead = 0;
    }
    if (passed >= 0) store.advance(passed + 1);
    settleWaiters();
  }

  /** Asks a store that fails again until it takes it; the position waits. False when the lane ended before. */
  async function persist(op: () => Promise<void>): Promise<boolean> {
    parking++;
    try {
      while (!signal.aborted) {
        try {
          await op();
          return true;
        } catch {
          await pause(STORE_RETRY_MS, signal);
        }
      }
      return false;
    } finally {
      parking--;
      settleWaiters();
    }
  }

  function knownChain(rule: string, event: CloudEvent): Chain | undefined {
    const key = keyOf(event);
    return key === undefined ? undefined : chains.get(`${rule}\0${key}`);
  }

  /** The chain of an ordered (rule, key). One outlives its rule's wish for order, or its rule, until nothing waits in it. */
  function chainOf(rule: string, event: CloudEvent): Chain | undefined {
    const key = keyOf(event);
    const known = knownChain(rule, event);
    if (key === undefined || known !== undefined || !consumer.ordered(rule)) return known;
    const chain: Chain = { name: `${rule}\0${key}`, rule, active: false, waiting: [], parked: [] };
    chains.set(chain.name, chain);
    return chain;
  }

  async function attemptAt(delivery: Delivery): Promise<Outcome> {
    try {
      return await consumer.deliver(delivery, signal);
    } catch {
      return BROKEN;
    }
  }

  function start(entry: Entry, rule: string, event: CloudEvent): void {
    const chain = chainOf(rule, event);
    if (chain !== undefined) {
      if (chain.parked.length > 0) return void parkBehind({ entry, event }, chain);
      if (chain.active) return void chain.waiting.push({ entry, event });
      chain.active = true;
    }
    fly({ entry, rule, event, chain });
  }

  function fly(of: Pick<Flight, 'entry' | 'rule' | 'event' | 'chain'>): void {
    const flight: Flight = { ...of, startedAt: now(), leasing: undefined, landed: false };
    flights.add(flight);
    void attemptAt({ event: of.event, rule: of.rule, attempt: 1 }).then((outcome) => land(flight, outcome));
  }

  async function land(flight: Flight, outcome: Outcome): Promise<void> {
    flight.landed = true;
    const { entry, rule, event, chain } = flight;
    const { position } = entry;
    const leased = flight.leasing !== undefined && (await flight.leasing);
    if (outcome.kind === 'retry') {
      const attempt = outcome.counts ? 2 : 1;
      const dueAt = now() + outcome.afterMs;
      const parked = await parkHead({ position, rule, event, attempt, dueAt, behind: false }, chain);
      if (parked && !leased) close(entry);
    } else {
      if (leased) await persist(() => store.drop(position, rule));
      else close(entry);
      if (chain !== undefined) remove(chain, position);
    }
    if (chain !== undefined) next(chain);
    // Last, so that drain() does not end between two deliveries of a chain.
    flights.delete(flight);
    settleWaiters();
  }

  /** The head of a chain is done or parked: what comes next. */
  function next(chain: Chain): void {
    chain.active = false;
    if (signal.aborted) return;
    const [first] = chain.parked;
    if (first !== undefined) {
      store.ready(first, chain.rule);
      return;
    }
    const following = chain.waiting.shift();
    if (following === undefined) chains.delete(chain.name);
    else {
      chain.active = true;
      fly({ ...following, rule: chain.rule, chain });
    }
  }

  async function parkBehind(item: { entry: Entry; event: CloudEvent }, chain: Chain): Promise<void> {
    const { entry, event } = item;
    const { position } = entry;
    const { rule } = chain;
    insert(chain, position);
    const dueAt = now();
    if (await persist(() => store.park({ position, rule, event, attempt: 1, dueAt, behind: true }))) close(entry);
    // The head may have ended while this was being parked, or this itself, where the store had parked it and yet failed.
    if (indexOf(chain, position) < 0) await persist(() => store.drop(position, rule));
    else if (chain.parked[0] === position && !chain.active && !signal.aborted) store.ready(position, rule);
  }

  /** Its event has come by, so nothing earlier of its key is missing. */
  function freeRestored(position: number, rule: string, event: CloudEvent): void {
    const chain = knownChain(rule, event);
    if (chain !== undefined && !chain.active && chain.parked[0] === position) store.ready(position, rule);
  }

  /** `position` is parked, so what waits behind it in memory must be too. */
  function parkFrom(chain: Chain, position: number): void {
    insert(chain, position);
    for (const item of chain.waiting.splice(0)) void parkBehind(item, chain);
  }

  /** First the head and then what waits behind it, so that a crash in between leaves the head. */
  function parkHead(owed: Owed, chain: Chain | undefined): Promise<boolean> {
    const parked = persist(() => store.park(owed));
    if (chain !== undefined) parkFrom(chain, owed.position);
    return parked;
  }

  /** Parks what has been in flight too long; the delivery itself goes on and drops the parked copy when it ends. */
  function lease(): void {
    const before = now() - LEASE_AFTER_MS;
    for (const flight of flights) {
      if (flight.startedAt > before) break;
      if (!flight.landed) flight.leasing ??= leaseOne(flight);
    }
  }

  async function leaseOne({ entry, rule, event, chain }: Flight): Promise<boolean> {
    const { position } = entry;
    const dueAt = now() + LEASE_FOR_MS;
    const parked = await parkHead({ position, rule, event, attempt: 1, dueAt, behind: false }, chain);
    if (parked) close(entry);
    return parked;
  }

  async function redeliver(owed: Owed): Promise<void> {
    const { event, rule, attempt, position } = owed;
    const chain = chainOf(rule, event);
    if (chain !== undefined) {
      chain.active = true;
      parkFrom(chain, position);
    }
    redelivering++;
    try {
      const outcome = await attemptAt({ event, rule, attempt });
      if (outcome.kind === 'ack') {
        await persist(() => store.drop(position, rule));
        if (chain !== undefined) remove(chain, position);
      } else {
        const tried = attempt + (outcome.counts ? 1 : 0);
        const dueAt = now() + outcome.afterMs;
        await persist(() => store.park({ ...owed, attempt: tried, dueAt, behind: false }));
      }
    } finally {
      if (chain !== undefined) next(chain);
      redelivering--;
      settleWaiters();
    }
  }

  return {
    offer(position, event) {
      const known = restored.take(position);
      const matched = consumer.match(event);
      const rules = known === undefined ? matched : matched.filter((rule) => !known.has(rule));
      // One more than its rules, closed last, so that nothing passes before all rules were started.
      const entry = { position, open: rules.length + 1 };
      window.push(entry);
      for (const rule of rules) start(entry, rule, event);
      for (const rule of known ?? []) freeRestored(position, rule, event);
      close(entry);
    },
    skip(position, recorded) {
      const entry = { position, open: 1 };
      window.push(entry);
      recorded.then(
        () => close(entry),
        () => undefined,
      );
    },
    redeliver,
    blocked({ position, rule, event }) {
      const chain = knownChain(rule, event);
      if (chain === undefined) return false;
      return chain.active || (chain.parked.length > 0 && chain.parked[0]! < position) || restored.awaited(position);
    },
    restore({ position, rule, event }) {
      const chain = chainOf(rule, event);
      if (chain !== undefined) parkFrom(chain, position);
      restored.add(position, rule);
    },
    full: () => openCount() >= MAX_OPEN,
    room: () => (openCount() < MAX_OPEN ? Promise.resolve() : new Promise((resolve) => roomWaiters.push(resolve))),
    calm: (ms) =>
      new Promise((resolve) => {
        const wake = (): void => {
          clearTimeout(timer);
          calmWaiters.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, ms);
        calmWaiters.add(wake);
        settleWaiters();
      }),
    drain: () =>
      new Promise((resolve) => {
        idleWaiters.push(resolve);
        settleWaiters();
      }),
  };
}
