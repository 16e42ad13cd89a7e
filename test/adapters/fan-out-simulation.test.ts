// The fan-out under a random life: rules with and without order, targets that fail, hang or reject, a store that is late,
// fails, or fails after all, restarts, and a clock that jumps. Seeded: a failure prints its seed.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { createLane, type Lane, type Owed } from '../../adapters/fan-out.ts';
import type { Consumer, Outcome } from '../../router/consume.ts';
import type { CloudEvent } from '../../router/event.ts';
import { createMemoryStore, type MemoryStore, rowName } from './lane-store.ts';

type Random = () => number;

/** mulberry32 */
function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const ORDERED = new Set(['o1', 'o2']);
const RULES = ['o1', 'o2', 'u1', 'u2'];

interface Flying {
  readonly position: number;
  readonly rule: string;
  readonly key: string | undefined;
  end(outcome: Outcome | undefined): void;
}

interface Log {
  readonly events: readonly CloudEvent[];
  /** Rules by position. */
  readonly matching: ReadonlyMap<number, readonly string[]>;
}

function makeLog(random: Random): Log {
  const count = 5 + Math.floor(random() * 30);
  const events: CloudEvent[] = [];
  const matching = new Map<number, readonly string[]>();
  for (let i = 0; i < count; i++) {
    const key = random() < 0.2 ? undefined : `k${Math.floor(random() * 3)}`;
    const attributes = { specversion: '1.0', id: String(i), source: '/sim', type: 't' } as const;
    events.push({ attributes: key === undefined ? attributes : { ...attributes, partitionkey: key } });
    matching.set(
      i,
      RULES.filter(() => random() < 0.5),
    );
  }
  return { events, matching };
}

const keyOf = (event: CloudEvent): string | undefined => event.attributes['partitionkey'] as string | undefined;

/** One process: a lane, its store, and the checks that hold at every moment. */
interface Life {
  readonly lane: Lane;
  readonly memory: MemoryStore;
  readonly flying: Flying[];
  readonly busy: Set<string>;
  readonly control: AbortController;
  /** Broken laws of order; a throw inside a delivery would be taken for a failing target. */
  readonly problems: string[];
}

function startLife(
  log: Log,
  acked: Set<string>,
  { rows, from }: { readonly rows: MemoryStore['rows']; readonly from: number },
): Life {
  const memory = createMemoryStore({ immediate: false, now: Date.now, rows });
  const flying: Flying[] = [];
  const problems: string[] = [];
  const control = new AbortController();
  const consumer: Consumer = {
    match: (event) => log.matching.get(Number(event.attributes.id))!,
    deliver({ event, rule }) {
      const position = Number(event.attributes.id);
      const key = ORDERED.has(rule) ? keyOf(event) : undefined;
      if (key !== undefined) problems.push(...turnProblems(log, acked, { position, rule, key, flying }));
      return new Promise((resolve, reject) => {
        const flight: Flying = {
          position,
          rule,
          key,
          end(outcome) {
            flying.splice(flying.indexOf(flight), 1);
            if (outcome?.kind === 'ack') acked.add(rowName(position, rule));
            if (outcome === undefined) reject(new Error('a broken promise'));
            else resolve(outcome);
          },
        };
        flying.push(flight);
      });
    },
    refuse: async () => undefined,
    ordered: (rule) => ORDERED.has(rule),
  };
  const lane = createLane({ consumer, store: memory.store, signal: control.signal, now: Date.now, from });
  return { lane, memory, flying, busy: new Set(), control, problems };
}

/** Order per key: all earlier ones of this rule and key are acknowledged, and none is under way. */
function turnProblems(
  log: Log,
  acked: ReadonlySet<string>,
  { position, rule, key, flying }: Pick<Flying, 'position' | 'rule' | 'key'> & { readonly flying: readonly Flying[] },
): readonly string[] {
  const began = `${rule} ${key}: ${position} began`;
  const problems = flying
    .filter((other) => other.rule === rule && other.key === key)
    .map((other) => `${began} while ${other.position} was under way`);
  for (let earlier = 0; earlier < position; earlier++) {
    if (keyOf(log.events[earlier]!) !== key || !log.matching.get(earlier)!.includes(rule)) continue;
    if (!acked.has(rowName(earlier, rule))) problems.push(`${began} before ${earlier} was delivered`);
  }
  return problems;
}

/** The position has not passed anything that is neither delivered nor durably parked. */
function checkPosition(log: Log, acked: ReadonlySet<string>, { memory }: Life): void {
  const { advanced, rows } = memory;
  for (const [i, position] of advanced.entries()) assert.ok(i === 0 || position > advanced[i - 1]!, 'it went back');
  for (let passed = (advanced.at(-1) ?? 0) - 1; passed >= 0; passed--) {
    for (const rule of log.matching.get(passed)!) {
      const name = rowName(passed, rule);
      assert.ok(acked.has(name) || rows.has(name), `position ${passed} was passed and ${rule} is owed nothing`);
    }
  }
}

/** What a bus does with parked deliveries: those that are due and not blocked are delivered. */
function redeliverDue({ lane, memory, busy }: Life): void {
  for (const [name, row] of memory.rows) {
    if (row.behind || row.dueAt > Date.now() || busy.has(name)) continue;
    if (lane.blocked(row)) {
      lane.restore(row);
      memory.rows.set(name, { ...row, behind: true });
      continue;
    }
    busy.add(name);
    void lane.redeliver(row as Owed).finally(() => busy.delete(name));
  }
}

function randomOutcome(random: Random): Outcome | undefined {
  const dice = random();
  if (dice < 0.05) return undefined;
  if (dice < 0.6) return { kind: 'ack' };
  return { kind: 'retry', afterMs: Math.floor(random() * 3_000), counts: random() < 0.7 };
}

const pick = <T>(list: readonly T[], random: Random): T | undefined => list[Math.floor(random() * list.length)];
const settled = async (): Promise<void> => {
  for (let i = 0; i < 2; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** A restart on the same rows: nothing under way comes back, the saved position may lag behind. */
function restart(log: Log, acked: Set<string>, { old, from }: { readonly old: Life; readonly from: number }): Life {
  old.control.abort();
  const rows = new Map(old.memory.rows);
  const life = startLife(log, acked, { rows, from });
  for (const row of rows.values()) life.lane.restore(row);
  for (const [name, row] of rows) {
    if (row.behind && !life.lane.blocked(row)) rows.set(name, { ...row, behind: false, dueAt: Date.now() });
  }
  life.memory.advanced.push(from);
  return life;
}

async function simulate(seed: number): Promise<void> {
  const random = randomOf(seed);
  const log = makeLog(random);
  const acked = new Set<string>();
  let life = startLife(log, acked, { rows: new Map(), from: 0 });
  let next = 0;
  let patience = 4_000;
  const done = (): boolean =>
    life.memory.advanced.at(-1) === log.events.length &&
    life.memory.rows.size + life.memory.pending.length + life.flying.length === 0;
  // Wild at first, then everything works so that it can come to an end.
  for (let step = 0; !done(); step++) {
    assert.ok(
      patience-- > 0,
      `it comes to no end: ${[...life.memory.rows.values()].map((row) => JSON.stringify(row))}`,
    );
    const wild = step < 250;
    const dice = random();
    if (dice < 0.3 && next < log.events.length && !life.lane.full()) life.lane.offer(next, log.events[next++]!);
    else if (dice < 0.6) pick(life.flying, random)?.end(wild ? randomOutcome(random) : { kind: 'ack' });
    else if (dice < 0.85) {
      const kinds = ['failed', 'done and failed', 'done', 'done', 'done'] as const;
      pick(life.memory.pending, random)?.answer(wild ? pick(kinds, random)! : 'done');
    } else if (dice < 0.99 || !wild) mock.timers.tick(Math.floor(random() * (random() < 0.05 ? 61_000 : 900)));
    else if (life.memory.pending.length === 0) {
      const passed = life.memory.advanced.at(-1) ?? 0;
      life = restart(log, acked, { old: life, from: passed });
      next = passed;
    }
    await settled();
    redeliverDue(life);
    checkPosition(log, acked, life);
    assert.deepEqual(life.problems, []);
  }
  for (const [position, rules] of log.matching) {
    for (const rule of rules) assert.ok(acked.has(rowName(position, rule)), `${rule} never got ${position}`);
  }
  life.control.abort();
}

test('fan-out: a random life loses nothing, keeps order per key, and passes no event before its time', async () => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_000_000 });
  const first = process.hrtime()[1];
  try {
    for (let seed = first; seed < first + 60; seed++) {
      await simulate(seed).catch((cause: unknown) => {
        throw new Error(`with seed ${seed}`, { cause });
      });
    }
  } finally {
    mock.timers.reset();
  }
});
