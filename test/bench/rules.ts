// P6 by kind of match: our matcher beside event-ruler on 16 rule sets, parsed events with parsed events and text with
// text. A set's rates count only after both have found the same rules for the first events.

import { attempt, type Bench, type BenchContext, type NotRun, type Row, type RowPlan } from './bench.ts';
import { type Comparison, isMet, median, RANGE_LIMIT_PCT, rangePct } from './measure.ts';
import type { Measured } from './rules/measured.ts';
import { findRuler, type Ruler, rulerVersion } from './rules/ruler.ts';
import { sameLists } from './rules/same-lists.ts';
import { EVENTS, typeSet } from './rules/sets.ts';
import {
  contest,
  type Mode,
  nodeSide,
  paceOf,
  rateRow,
  warmUpAll,
  withProcesses,
  writeEvents,
  writeRules,
} from './rules/stage.ts';
import { type TypeName, typeNames } from './rules/types.ts';

/** Of the rate of event-ruler: of each set, and of the geometric mean. */
const TARGETS: Readonly<Record<Mode, { readonly each: number; readonly mean: number | null }>> = {
  parsed: { each: 3.5, mean: 5 },
  text: { each: 0.9, mean: 1 },
  trusted: { each: 1.5, mean: null },
};
/** Where a scanner can skip most of an event. */
const STRINGS: readonly TypeName[] = [
  ...(['EXACT', 'WILDCARD', 'PREFIX', 'PREFIX_EQUALS_IGNORE_CASE', 'SUFFIX'] as const),
  ...(['SUFFIX_EQUALS_IGNORE_CASE', 'EQUALS_IGNORE_CASE'] as const),
];
const QUICK_NAMES: readonly TypeName[] = ['EXACT', 'COMBO'];
const QUICK_EVENTS = 500;

const modesOf = (name: TypeName): readonly Mode[] =>
  STRINGS.includes(name) ? ['parsed', 'text', 'trusted'] : ['parsed', 'text'];

const planOf = (name: TypeName, mode: Mode): RowPlan => ({
  row: `${name}, ${mode}`,
  target: TARGETS[mode].each,
  sense: 'rate',
});

interface Part {
  readonly row: Row;
  readonly mode: Mode;
  readonly comparison?: Comparison;
}

interface Stand {
  readonly context: BenchContext;
  readonly program: Extract<Ruler, { ok: true }>['program'];
  readonly dir: string;
  readonly events: string;
}

/** Both ways into event-ruler, then ours: as many processes as ways. */
async function measureSet({ context, program, dir, events }: Stand, name: TypeName): Promise<readonly Part[]> {
  const { rules } = typeSet(name, 1);
  const files = { rules: await writeRules(dir, name, rules), events };
  const modes = modesOf(name);
  const theirs = (['parsed', 'text'] as const).map((mode) => program([mode, files.rules, files.events]));
  const ours = modes.map((mode) => nodeSide('ours', mode, files, context));
  return withProcesses([...theirs, ...ours], context, { order: 'together' }, async ([parsed, text, ...mine]) => {
    const pairs = modes.map((mode, at) => [mode, mine[at]!, mode === 'parsed' ? parsed! : text!] as const);
    const lost = new Map<Mode, number>();
    for (const [mode, our, their] of pairs) {
      lost.set(mode, await sameLists({ rules, ours: our, theirs: their, events: paceOf(context).compared }));
    }
    await warmUpAll(context, [parsed!, text!, ...mine]);
    const parts: Part[] = [];
    for (const [mode, our, their] of pairs) {
      parts.push(await measureMode(context, planOf(name, mode), mode, our, their, lost.get(mode)!));
    }
    return parts;
  });
}

async function measureMode(
  context: BenchContext,
  plan: RowPlan,
  mode: Mode,
  ours: Measured,
  theirs: Measured,
  lost: number,
): Promise<Part> {
  let comparison: Comparison | undefined;
  const row = await attempt(plan.row, context.signal, async () => {
    const settled = await contest(context, plan, ours, theirs);
    comparison = settled.result;
    return rateRow(plan, settled, 'event-ruler', ...(lost > 0 ? [`event-ruler lost ${lost} matches`] : []));
  });
  return comparison === undefined ? { row, mode } : { row, mode, comparison };
}

/** The same rows with a reason when the set as a whole could not be run. */
async function partsOf(stand: Stand, name: TypeName): Promise<readonly Part[]> {
  try {
    return await measureSet(stand, name);
  } catch (thrown) {
    if (stand.context.signal.aborted) throw thrown;
    const notRun = thrown instanceof Error ? thrown.message : String(thrown);
    return modesOf(name).map((mode) => ({ row: { row: planOf(name, mode).row, notRun }, mode }));
  }
}

const geometricMean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

const meanRow = (mode: Mode): string => `geometric mean, ${mode}`;

/** Rounds are averaged side by side, so that the mean has a range of its own. */
export function geometricRow(mode: Mode, comparisons: readonly Comparison[], sets: number): Row {
  const row = meanRow(mode);
  if (comparisons.length < sets) return { row, notRun: `only ${comparisons.length} of ${sets} sets were measured` };
  const target = TARGETS[mode].mean;
  const rounds = Math.min(...comparisons.map(({ ratios }) => ratios.length));
  const means = Array.from({ length: rounds }, (_, at) => geometricMean(comparisons.map(({ ratios }) => ratios[at]!)));
  const ratio = geometricMean(comparisons.map((comparison) => comparison.ratio));
  const range = rangePct(means);
  const lowest = Math.min(...comparisons.map((comparison) => comparison.ratio)).toFixed(2);
  const highest = Math.max(...comparisons.map((comparison) => comparison.ratio)).toFixed(2);
  const middle = median(comparisons.map((comparison) => comparison.ratio)).toFixed(2);
  return {
    row,
    ratio,
    target,
    met: target === null ? null : isMet(ratio, target, 'rate'),
    rangePct: range,
    noisy: range > RANGE_LIMIT_PCT,
    says: `${sets} sets from ${lowest} to ${highest}, median ${middle}`,
  };
}

const meanModes: readonly Mode[] = ['parsed', 'text'];

function notRunRows(names: readonly TypeName[], notRun: string): readonly NotRun[] {
  const each = names.flatMap((name) => modesOf(name).map((mode) => ({ row: planOf(name, mode).row, notRun })));
  return [...each, ...meanModes.map((mode) => ({ row: meanRow(mode), notRun }))];
}

async function* rows(context: BenchContext): AsyncIterable<Row> {
  const names = context.quick ? QUICK_NAMES : typeNames;
  const ruler = await findRuler(context);
  if (!ruler.ok) {
    yield* notRunRows(names, ruler.reason);
    return;
  }
  const dir = await context.tempDir('rules');
  const { events } = typeSet('EXACT', context.quick ? QUICK_EVENTS : EVENTS);
  const stand = { context, program: ruler.program, dir, events: await writeEvents(dir, 'lots', events) };
  const all: Part[] = [];
  for (const name of names) {
    const parts = await partsOf(stand, name);
    all.push(...parts);
    for (const { row } of parts) yield row;
  }
  for (const mode of meanModes) {
    const comparisons = all.filter((part) => part.mode === mode).flatMap(({ comparison }) => comparison ?? []);
    yield geometricRow(mode, comparisons, names.length);
  }
}

export const ruleTypes: Bench = {
  name: 'rules-types',
  title: 'P6 rules by kind of match',
  says:
    `Our matcher against event-ruler ${rulerVersion} (SerialGC, 3 GB, warmed up), a process for each set and way in. ` +
    'Parsed: an object here, a JsonNode there. Text: a Buffer that is checked as a whole here, a String there; trusted: ' +
    'a Buffer that was checked before. Events of 800 bytes; 5 rules, in the combinations 40 and 45. Both name the same ' +
    'rules for the first 1,000 events.',
  rows,
};
