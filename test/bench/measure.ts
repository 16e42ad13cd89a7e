// Comparing two contestants fairly on a machine with neighbours: windows in turns A B B A, cost per event instead of wall
// rates, one ratio per round, the median of the rounds and their full range. Pure but for what the windows do.
// Must never average away a scatter: a comparison over the limit is repeated, and then called noisy.

export interface Sample {
  readonly events: number;
  /** User and system time of the measured process. */
  readonly cpuUs: number;
}

/** One measured stretch of work, from idle to idle. */
export type Window = () => Promise<Sample>;

export interface Contestants {
  readonly ours: Window;
  readonly theirs: Window;
}

/** `rate`: theirs / ours, of which more is better. `cost`: ours / theirs, of which less is better. */
export type Sense = 'rate' | 'cost';

export interface Comparison {
  /** Median of the rounds. */
  readonly ratio: number;
  /** Largest minus smallest round, in percent of the median. */
  readonly rangePct: number;
  readonly ratios: readonly number[];
  /** Microseconds of CPU per event, median of the rounds. */
  readonly oursUs: number;
  readonly theirsUs: number;
  readonly events: number;
}

/** Above this scatter a comparison is repeated, and then printed as noisy. */
export const RANGE_LIMIT_PCT = 25;
const REPEATS = 3;

export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('the median of nothing');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new RangeError('a percentile of nothing');
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))]!;
}

export function rangePct(values: readonly number[]): number {
  return ((Math.max(...values) - Math.min(...values)) / median(values)) * 100;
}

function sumOf(samples: readonly Sample[]): number {
  let events = 0;
  let cpuUs = 0;
  for (const sample of samples) {
    if (!(sample.events > 0)) throw new RangeError('a window without an event');
    if (!(sample.cpuUs > 0)) throw new RangeError(`a window of ${sample.events} events without CPU time`);
    events += sample.events;
    cpuUs += sample.cpuUs;
  }
  return cpuUs / events;
}

export interface Plan {
  readonly sense: Sense;
  readonly rounds: number;
  /** Turns A B B A in a round: many short windows see the same neighbours. */
  readonly turns: number;
}

/** One ratio a round: what drifts in a turn falls on both alike. Rejects as the windows do. */
export async function compare(contestants: Contestants, { sense, rounds, turns }: Plan): Promise<Comparison> {
  const { ours, theirs } = contestants;
  const ratios: number[] = [];
  const mine: number[] = [];
  const other: number[] = [];
  let events = 0;
  for (let round = 0; round < rounds; round++) {
    const [a, b]: [Sample[], Sample[]] = [[], []];
    for (let turn = 0; turn < turns; turn++) {
      a.push(await ours());
      b.push(await theirs());
      b.push(await theirs());
      a.push(await ours());
    }
    const [oursUs, theirsUs] = [sumOf(a), sumOf(b)];
    mine.push(oursUs);
    other.push(theirsUs);
    ratios.push(sense === 'rate' ? theirsUs / oursUs : oursUs / theirsUs);
    for (const sample of [...a, ...b]) events += sample.events;
  }
  return {
    ratio: median(ratios),
    rangePct: rangePct(ratios),
    ratios,
    oursUs: median(mine),
    theirsUs: median(other),
    events,
  };
}

export interface Settled<T> {
  readonly result: T;
  readonly noisy: boolean;
  readonly runs: number;
}

/**
 * Runs once, and up to three times more while the scatter is over the limit and `mayRepeat` agrees. Of noisy runs the
 * one with the least scatter counts; which way its ratio points plays no part.
 */
export async function settle<T extends { readonly rangePct: number }>(
  run: () => Promise<T>,
  mayRepeat: () => boolean = () => true,
): Promise<Settled<T>> {
  let best = await run();
  let runs = 1;
  while (best.rangePct > RANGE_LIMIT_PCT && runs <= REPEATS && mayRepeat()) {
    const again = await run();
    runs++;
    if (again.rangePct < best.rangePct) best = again;
  }
  return { result: best, noisy: best.rangePct > RANGE_LIMIT_PCT, runs };
}

/** Whether the ratio reaches its target, by its sense. */
export function isMet(ratio: number, target: number, sense: Sense): boolean {
  return sense === 'rate' ? ratio >= target : ratio <= target;
}
