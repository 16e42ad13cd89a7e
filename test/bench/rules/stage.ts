// What the benches of rules share: how long things take, files of rules and events, starting contestants and warming them
// up, and rows that tell rates.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BenchContext, type MeasuredRow, type RowPlan, settled } from '../bench.ts';
import { type Comparison, isMet, type Settled } from '../measure.ts';
import type { Program } from './measured.ts';
import { type Measured, nodeProgram, startMeasured, type WarmUp, warmUp, windowOf } from './measured.ts';
import type { Rule } from './rule.ts';

export interface Pace {
  /** CPU time of one pass. */
  readonly windowMs: number;
  /** Events of which the lists of matches are compared. */
  readonly compared: number;
  readonly ours: WarmUp;
  readonly theirs: WarmUp;
}

const ONCE: WarmUp = { probeMs: 10, least: 1, most: 1 };
const QUICK: Pace = { windowMs: 20, compared: 100, ours: ONCE, theirs: ONCE };
// The JVM's compilers need 3 to 4 s of CPU until nothing changes any more (measured), V8's under one.
const NORMAL: Pace = {
  windowMs: 100,
  compared: 1_000,
  ours: { probeMs: 100, least: 5, most: 30 },
  theirs: { probeMs: 300, least: 12, most: 24 },
};

export const paceOf = ({ quick }: BenchContext): Pace => (quick ? QUICK : NORMAL);

export const ROUNDS = 5;

/** Where rules and events lie for the processes to read. */
export interface Files {
  readonly rules: string;
  readonly events: string;
}

export async function writeEvents(dir: string, name: string, events: readonly string[]): Promise<string> {
  const file = join(dir, `${name}.events.jsonl`);
  await writeFile(file, events.join('\n'));
  return file;
}

export async function writeRules(dir: string, name: string, rules: readonly Rule[]): Promise<string> {
  const file = join(dir, `${name}.rules.jsonl`);
  await writeFile(file, rules.map((rule) => JSON.stringify(rule)).join('\n'));
  return file;
}

export type Mode = 'text' | 'trusted' | 'parsed';

export function nodeSide(
  file: 'ours' | 'reference',
  mode: Mode,
  { rules, events }: Files,
  { profile }: BenchContext,
): Program {
  const args = ['--mode', mode, '--rules', rules, '--events', events];
  return nodeProgram(file, args, file === 'ours' ? profile : undefined);
}

export interface Start {
  /** Together is faster, apart no process disturbs the building of another. */
  readonly order: 'together' | 'apart';
  /** For each answer. */
  readonly limitMs?: number;
}

/** Starts processes and ends them all after `work`. */
export async function withProcesses<T>(
  programs: readonly Program[],
  { signal }: BenchContext,
  { order, limitMs }: Start,
  work: (processes: readonly Measured[]) => Promise<T>,
): Promise<T> {
  const starting: Promise<Measured>[] = [];
  for (const program of programs) {
    const next = startMeasured(program, { signal, limitMs });
    starting.push(next);
    if (order === 'apart') await next.catch(() => undefined);
  }
  try {
    return await work(await Promise.all(starting));
  } finally {
    const started = await Promise.allSettled(starting);
    await Promise.all(started.map((process) => (process.status === 'fulfilled' ? process.value.stop() : undefined)));
  }
}

/** All at once: warming up is no measuring. */
export async function warmUpAll(context: BenchContext, processes: readonly Measured[]): Promise<void> {
  const { ours, theirs } = paceOf(context);
  await Promise.all(
    processes.map(async (process) => {
      const isSettled = await warmUp(process, process.name === 'event-ruler' ? theirs : ours);
      if (!isSettled && !context.quick) context.log(`  ${process.name} did not settle in its warm-up`);
    }),
  );
}

/** Passes in turns. `theirs` is what ours is compared with, be it another engine or a smaller set of our own. */
export function contest(
  context: BenchContext,
  plan: RowPlan,
  ours: Measured,
  theirs: Measured,
  windowMs = paceOf(context).windowMs,
): Promise<Settled<Comparison>> {
  const windows = { ours: windowOf(ours, windowMs), theirs: windowOf(theirs, windowMs) };
  return settled(context, plan, { ...windows, rounds: ROUNDS, turns: 1 });
}

const THREE_DIGITS = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 });

/** Thousand events a second of CPU time. */
const rate = (us: number): string => `${THREE_DIGITS.format(1_000 / us)} k events/s`;

/** `other` names what stands beside ours; `more` are further facts. */
export function rateRow(
  { row, target, sense }: RowPlan,
  { result, noisy, runs }: Settled<Comparison>,
  other: string,
  ...more: readonly string[]
): MeasuredRow {
  const { ratio, rangePct, ratios, oursUs, theirsUs } = result;
  const [lowest, highest] = [Math.min(...ratios).toFixed(2), Math.max(...ratios).toFixed(2)];
  const says = [
    `${rate(oursUs)}, ${other} ${rate(theirsUs)}`,
    `rounds ${lowest} to ${highest} (${ratios.length}${runs > 1 ? `, run ${runs} times` : ''})`,
    ...more,
  ].join('; ');
  return { row, ratio, target, met: target === null ? null : isMet(ratio, target, sense), rangePct, noisy, says };
}

/** A figure that is no ratio of rates: taken once. */
export function figureRow({ row, target, sense }: RowPlan, figure: number, says: string): MeasuredRow {
  const met = target === null ? null : isMet(figure, target, sense);
  return { row, ratio: figure, target, met, rangePct: 0, noisy: false, says };
}
