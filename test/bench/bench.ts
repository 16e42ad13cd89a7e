// The contract between the runner and one bench, and how a row is made. A row says what was measured or why it was not;
// a row that a sanity gate refuses is not run, whatever its ratio.

import type { BenchKafka } from './kafka.ts';
import {
  type Comparison,
  type Contestants,
  compare,
  isMet,
  RANGE_LIMIT_PCT,
  type Sense,
  type Settled,
  settle,
} from './measure.ts';

export interface BenchContext {
  /** Undefined: the bench's own number. */
  readonly rounds: number | undefined;
  /** Of one window under load. */
  readonly windowMs: number;
  /** Turns A B B A in a round. */
  readonly turns: number;
  /** For tests of the bench itself: everything as short as it goes. */
  readonly quick: boolean;
  readonly signal: AbortSignal;
  /** May a missing peer be built. */
  readonly build: boolean;
  /** Folder for CPU profiles of our own server. */
  readonly profile: string | undefined;
  readonly log: (text: string) => void;
  /** A new folder that is gone after the run. */
  readonly tempDir: (name: string) => Promise<string>;
  /** The run's own broker, started at the first call. */
  readonly kafka: () => Promise<BenchKafka>;
  /** False once the time for repeats is over. */
  readonly mayRepeat: () => boolean;
}

export interface MeasuredRow {
  readonly row: string;
  readonly ratio: number;
  readonly target: number | null;
  readonly met: boolean | null;
  readonly rangePct: number;
  readonly noisy: boolean;
  /** For people: cost per event of both, rounds, runs. */
  readonly says: string;
}

export interface NotRun {
  readonly row: string;
  readonly notRun: string;
}

export type Row = MeasuredRow | NotRun;

export interface Bench {
  readonly name: string;
  readonly title: string;
  /** What is compared with what, for the reader of docs/benchmarks.md. */
  readonly says: string;
  /** Time that no quiet machine can save: latency is measured in real time. */
  readonly fixedMs?: number;
  /** Rows as they are measured. Throws only when the run is aborted. */
  rows(context: BenchContext): AsyncIterable<Row>;
}

/** Fails a row: its figures must not be shown. */
export function gate(holds: boolean, says: string): void {
  if (!holds) throw new Error(`invalid: ${says}`);
}

/** A row, or why there is none. */
export async function attempt(row: string, signal: AbortSignal, work: () => Promise<Row>): Promise<Row> {
  try {
    return await work();
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    return { row, notRun: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

export interface RowPlan {
  readonly row: string;
  readonly target: number | null;
  readonly sense: Sense;
}

export function rowOf(
  { row, target, sense }: RowPlan,
  { result, noisy, runs }: Settled<Comparison>,
  what: string,
): MeasuredRow {
  const { ratio, rangePct, ratios, oursUs, theirsUs, events } = result;
  const lowest = Math.min(...ratios).toFixed(2);
  const highest = Math.max(...ratios).toFixed(2);
  const says = [
    `${oursUs.toFixed(1)} us of CPU per event, ${what} ${theirsUs.toFixed(1)}`,
    `rounds ${lowest} to ${highest} (${ratios.length}${runs > 1 ? `, run ${runs} times` : ''})`,
    `${events} events`,
  ].join('; ');
  return { row, ratio, target, met: target === null ? null : isMet(ratio, target, sense), rangePct, noisy, says };
}

// A row without a target is there to be read, not to be judged.
const ROUNDS_WITHOUT_TARGET = 3;

export interface Contest extends Contestants {
  /** Rounds of a row with a target. */
  readonly rounds: number;
  /** Instead of the context's. */
  readonly turns?: number;
}

/** Compares, and with a target in sight repeats while it is too noisy and there is time. */
export function settled(context: BenchContext, plan: RowPlan, contest: Contest): Promise<Settled<Comparison>> {
  const judged = plan.target !== null;
  const usual = judged ? contest.rounds : ROUNDS_WITHOUT_TARGET;
  const { rounds = usual, turns } = context;
  return settle(
    async () => {
      const comparison = await compare(contest, { sense: plan.sense, rounds, turns: contest.turns ?? turns });
      if (comparison.rangePct > RANGE_LIMIT_PCT) context.log(`  noisy: range ${comparison.rangePct.toFixed(0)} %`);
      return comparison;
    },
    () => judged && context.mayRepeat(),
  );
}
