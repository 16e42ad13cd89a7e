// The fan-out of a log bus: each event is read once, each matching rule is delivered on its own. What does not succeed
// is parked durably, so that the position goes on and a dead or hanging target holds back nobody. One lane is one
// ordered log: the embedded bus has one, Kafka one per partition. The store decides how parking is kept.

import type { Consumer, Outcome } from '../router/consume.ts';
import type { CloudEvent } from '../router/event.ts';

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
  /** At start, for each parked delivery of an ordered rule, in any order. */
  restore(owed: Pick<Owed, 'position' | 'rule' | 'event'>): void;
  /** Too much is open: read no further until room() resolves. */
  full(): boolean;
  room(): Promise<void>;
  /** Resolves when nothing is in flight. */
  drain(): Promise<void>;
}

/** An event that was read and is not yet passed. */
interface Entry {
  readonly position: number;
  open: number;
}

interface Flight {
  readonly entry: Entry;
  readonly rule: string;
  readonly event: CloudEvent;
  readonly key: string | undefined;
  readonly startedAt: number;
  /** Set once the delivery took so long that it is parked while it goes on. */
  leasing: Promise<void> | undefined;
}

/** Deliveries of one (rule, key): one is under way, the rest waits behind it, in memory or parked. */
interface Chain {
  active: boolean;
  readonly waiting: { entry: Entry; event: CloudEvent }[];
  parked: number[];
}

// A target that takes longer than this no longer holds the position: the delivery is parked while it goes on.
const LEASE_AFTER_MS = 1_000;
// Longer than any target may take, so that a parked delivery under way is not delivered twice by a live process.
const LEASE_FOR_MS = 60_000;
const MAX_OPEN = 2_000;
const STORE_RETRY_MS = 1_000;

export function keyOf(event: CloudEvent): string | undefined {
  const key = event.attributes['partitionkey'];
  return typeof key === 'string' ? key : undefined;
}

export function createLane({ consumer, store, signal, now }: LaneOptions): Lane {
  const window: Entry[] = [];
  let windowHead = 0;
  const flights = new Set<Flight>();
  const chains = new Map<string, Chain>();
  let redelivering = 0;
  let parking = 0;
  let roomWaiters: (() => void)[] = [];
  let idleWaiters: (() => void)[] = [];
  const sweeper = setInterval(lease, LEASE_AFTER_MS / 2).unref();
  signal.addEventListener('abort', () => clearInterval(sweeper), { once: true });

  const openCount = () => window.length - windowHead;

  function settleWaiters(): void {
    if (roomWaiters.length > 0 && openCount() < MAX_OPEN) {
      const woken = roomWaiters;
      roomWaiters = [];
      for (const wake of woken) wake();
    }
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

  /** Parks for good: a store that fails is asked again, and the position waits for it. */
  async function park(owed: Owed): Promise<boolean> {
    parking++;
    try {
      while (!signal.aborted) {
        try {
          await store.park(owed);
          return true;
        } catch {
          await new Promise((resolve) => setTimeout(resolve, STORE_RETRY_MS));
        }
      }
      return false;
    } finally {
      parking--;
    }
  }

  function chainOf(rule: string, event: CloudEvent): Chain | undefined {
    const key = consumer.ordered(rule) ? keyOf(event) : undefined;
    return key === undefined ? undefined : chains.get(`${rule}\0${key}`);
  }

  function makeChain(rule: string, key: string): Chain {
    const name = `${rule}\0${key}`;
    const known = chains.get(name);
    if (known !== undefined) return known;
    const chain: Chain = { active: false, waiting: [], parked: [] };
    chains.set(name, chain);
    return chain;
  }

  function start(entry: Entry, rule: string, event: CloudEvent): void {
    const key = consumer.ordered(rule) ? keyOf(event) : undefined;
    if (key !== undefined) {
      const chain = makeChain(rule, key);
      if (chain.parked.length > 0) return void parkBehind({ entry, event }, rule, chain);
      if (chain.active) return void chain.waiting.push({ entry, event });
      chain.active = true;
    }
    fly(entry, rule, event);
  }

  function fly(entry: Entry, rule: string, event: CloudEvent): void {
    const key = consumer.ordered(rule) ? keyOf(event) : undefined;
    const flight: Flight = { entry, rule, event, key, startedAt: now(), leasing: undefined };
    flights.add(flight);
    consumer.deliver({ event, rule, attempt: 1 }, signal).then(
      (outcome) => land(flight, outcome),
      () => undefined,
    );
  }

  function owedAfter(flight: Flight, outcome: Outcome & { kind: 'retry' }): Owed {
    const { entry, rule, event } = flight;
    const attempt = outcome.counts ? 2 : 1;
    return { position: entry.position, rule, event, attempt, dueAt: now() + outcome.afterMs, behind: false };
  }

  async function land(flight: Flight, outcome: Outcome): Promise<void> {
    const { entry, rule, key, leasing } = flight;
    const chain = key === undefined ? undefined : makeChain(rule, key);
    if (leasing !== undefined) await leasing;
    if (outcome.kind === 'retry') {
      if (chain !== undefined) insert(chain, entry.position);
      if (chain !== undefined) parkWaiting(chain, rule);
      const parked = await park(owedAfter(flight, outcome));
      flights.delete(flight);
      if (parked && leasing === undefined) close(entry);
    } else {
      flights.delete(flight);
      if (leasing === undefined) close(entry);
      else await store.drop(entry.position, rule).catch(() => undefined);
      if (chain !== undefined) remove(chain, entry.position);
    }
    if (chain !== undefined) next(chain, rule, key!);
    settleWaiters();
  }

  function insert(chain: Chain, position: number): void {
    if (chain.parked.includes(position)) return;
    chain.parked.push(position);
    // Nearly always the newest already.
    if (chain.parked.length > 1 && chain.parked.at(-2)! > position) chain.parked.sort((a, b) => a - b);
  }

  function remove(chain: Chain, position: number): void {
    const at = chain.parked.indexOf(position);
    if (at >= 0) chain.parked.splice(at, 1);
  }

  /** The head of a chain is done or parked: what comes next. */
  function next(chain: Chain, rule: string, key: string): void {
    chain.active = false;
    const [first] = chain.parked;
    if (first !== undefined) {
      store.ready(first, rule);
      return;
    }
    const following = chain.waiting.shift();
    if (following === undefined) chains.delete(`${rule}\0${key}`);
    else {
      chain.active = true;
      fly(following.entry, rule, following.event);
    }
  }

  async function parkBehind(item: { entry: Entry; event: CloudEvent }, rule: string, chain: Chain): Promise<void> {
    const { entry, event } = item;
    insert(chain, entry.position);
    const done = await park({ position: entry.position, rule, event, attempt: 1, dueAt: now(), behind: true });
    if (done) close(entry);
    // The head may have ended while this was being parked.
    if (chain.parked[0] === entry.position && !chain.active) store.ready(entry.position, rule);
  }

  function parkWaiting(chain: Chain, rule: string): void {
    for (const item of chain.waiting.splice(0)) void parkBehind(item, rule, chain);
  }

  /** Parks what has been in flight too long; the delivery itself goes on and drops the parked copy when it ends. */
  function lease(): void {
    const before = now() - LEASE_AFTER_MS;
    for (const flight of flights) {
      if (flight.startedAt > before) break;
      flight.leasing ??= leaseOne(flight);
    }
  }

  async function leaseOne({ entry, rule, event, key }: Flight): Promise<void> {
    if (key !== undefined) {
      const chain = makeChain(rule, key);
      insert(chain, entry.position);
      parkWaiting(chain, rule);
    }
    const dueAt = now() + LEASE_FOR_MS;
    if (await park({ position: entry.position, rule, event, attempt: 1, dueAt, behind: false })) close(entry);
  }

  async function redeliver(owed: Owed): Promise<void> {
    const { event, rule, attempt, position } = owed;
    const chain = chainOf(rule, event);
    if (chain !== undefined) chain.active = true;
    redelivering++;
    try {
      const outcome = await consumer.deliver({ event, rule, attempt }, signal);
      if (outcome.kind === 'ack') {
        await store.drop(position, rule);
        if (chain !== undefined) remove(chain, position);
      } else {
        const tried = attempt + (outcome.counts ? 1 : 0);
        await park({ ...owed, attempt: tried, dueAt: now() + outcome.afterMs, behind: false });
      }
    } finally {
      redelivering--;
      if (chain !== undefined) next(chain, rule, keyOf(event)!);
      settleWaiters();
    }
  }

  return {
    offer(position, event) {
      const rules = consumer.match(event);
      // One more than its rules, closed last, so that nothing passes before all rules were started.
      const entry = { position, open: rules.length + 1 };
      window.push(entry);
      for (const rule of rules) start(entry, rule, event);
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
      const chain = chainOf(rule, event);
      return chain !== undefined && (chain.active || (chain.parked.length > 0 && chain.parked[0]! < position));
    },
    restore({ position, rule, event }) {
      const key = consumer.ordered(rule) ? keyOf(event) : undefined;
      if (key !== undefined) insert(makeChain(rule, key), position);
    },
    full: () => openCount() >= MAX_OPEN,
    room: () => (openCount() < MAX_OPEN ? Promise.resolve() : new Promise((resolve) => roomWaiters.push(resolve))),
    drain: () =>
      new Promise((resolve) => {
        idleWaiters.push(resolve);
        settleWaiters();
      }),
  };
}
