// P6 by number of rules, text in: what 10 rules cost and what 100,000 do, what a rule takes of memory, how long building
// takes and what changing one rule costs beside 100,000 others.

import { attempt, type Bench, type BenchContext, gate, type Row, type RowPlan } from '../bench.ts';
import type { Measured } from './measured.ts';
import { findRuler, type Ruler, rulerVersion } from './ruler.ts';
import { sameLists } from './same-lists.ts';
import { EVENTS, type ScaleName, scaleSet } from './sets.ts';
import {
  contest,
  type Files,
  figureRow,
  nodeSide,
  paceOf,
  rateRow,
  warmUpAll,
  withProcesses,
  writeEvents,
  writeRules,
} from './stage.ts';

const LARGE = 100_000;
const SMALL = 10;
const BUILD_S = 2;
const CHANGES = 100;
/** Rate at 100,000 rules of one exact field, of that at 10; a third. */
const FLAT = 0.334;

const TITLES: Readonly<Record<ScaleName, string>> = {
  bus: 'bus by source, type and tenant',
  three: 'three exact fields',
  one: 'one exact field',
  around: 'wildcard *literal*',
};

interface Size {
  readonly name: ScaleName;
  readonly count: number;
  /** Of event-ruler's rate. */
  readonly target: number | null;
}

const sizes = (name: ScaleName, ...list: readonly (readonly [number, number | null])[]): readonly Size[] =>
  list.map(([count, target]) => ({ name, count, target }));

const SIZES: readonly Size[] = [
  ...sizes('bus', [10, null], [1_000, null], [10_000, null], [LARGE, 50]),
  ...sizes('three', [10, null], [1_000, null], [10_000, null], [LARGE, 2]),
  ...sizes('one', [10, null], [1_000, null], [10_000, null], [LARGE, null]),
  ...sizes('around', [10, null], [1_000, 3]),
];
const QUICK_SIZES: readonly Size[] = [...sizes('bus', [10, null]), ...sizes('around', [1_000, 3])];
const QUICK_EVENTS = 500;

const titleOf = ({ name, count }: Size): string => `${TITLES[name]}, ${count.toLocaleString('en-US')} rules`;

interface Plans {
  readonly rate: RowPlan;
  /** For large sets only. */
  readonly more: readonly RowPlan[];
}

function plansOf(size: Size): Plans {
  const title = titleOf(size);
  const rate: RowPlan = { row: title, target: size.target, sense: 'rate' };
  if (size.count !== LARGE) return { rate, more: [] };
  return {
    rate,
    more: [
      { row: `${title}: memory per rule`, target: 1, sense: 'cost' },
      { row: `${title}: building, seconds`, target: BUILD_S, sense: 'cost' },
      { row: `${title}: one rule out and in again, us`, target: null, sense: 'cost' },
    ],
  };
}

const kilobytes = (bytes: number): string => `${(bytes / 1_000).toFixed(2)} kB`;

async function moreRows([memory, build, change]: readonly RowPlan[], ours: Measured, theirs: Measured): Promise<Row[]> {
  const [mine, other] = [ours.ready, theirs.ready];
  const [bytes, otherBytes] = [mine.bytesPerRule ?? 0, other.bytesPerRule ?? 0];
  gate(bytes > 0 && otherBytes > 0, `${bytes} and ${otherBytes} bytes per rule`);
  const [cost, otherCost] = [await ours.change(CHANGES), await theirs.change(CHANGES)];
  const net = cost.us - cost.matchUs;
  const otherNet = otherCost.us - otherCost.matchUs;
  const withMatches = `${cost.us.toFixed(0)} and ${otherCost.us.toFixed(0)} us with an event matched after each change`;
  return [
    figureRow(memory!, bytes / otherBytes, `${kilobytes(bytes)}, event-ruler ${kilobytes(otherBytes)}`),
    figureRow(
      build!,
      mine.buildS,
      `CPU s from pattern text to a first match; event-ruler ${other.buildS.toFixed(1)} s`,
    ),
    figureRow(change!, net, `event-ruler ${otherNet.toFixed(0)} us; ${withMatches}`),
  ];
}

interface Stand {
  readonly context: BenchContext;
  readonly program: Extract<Ruler, { ok: true }>['program'];
  readonly dir: string;
  readonly events: Readonly<Record<ScaleName, string>>;
}

async function filesOf({ dir, events }: Pick<Stand, 'dir' | 'events'>, { name, count }: Size) {
  const { rules } = scaleSet(name, count, 1);
  const files: Files = { rules: await writeRules(dir, `${name}-${count}`, rules), events: events[name] };
  return { rules, files };
}

async function measureSize(stand: Stand, size: Size): Promise<readonly Row[]> {
  const { context, program } = stand;
  const { rate, more } = plansOf(size);
  const { rules, files } = await filesOf(stand, size);
  const programs = [nodeSide('ours', 'text', files, context), program(['text', files.rules, files.events])];
  const order = more.length === 0 ? 'together' : 'apart';
  return withProcesses(programs, context, { order }, async ([ours, theirs]) => {
    const lost = await sameLists({ rules, ours: ours!, theirs: theirs!, events: paceOf(context).compared });
    await warmUpAll(context, [ours!, theirs!]);
    const result = await contest(context, rate, ours!, theirs!);
    const loss = lost > 0 ? [`event-ruler lost ${lost} matches`] : [];
    const row = rateRow(rate, result, 'event-ruler', ...loss);
    return more.length === 0 ? [row] : [row, ...(await moreRows(more, ours!, theirs!))];
  });
}

async function rowsOf(stand: Stand, size: Size): Promise<readonly Row[]> {
  try {
    return await measureSize(stand, size);
  } catch (thrown) {
    if (stand.context.signal.aborted) throw thrown;
    const { rate, more } = plansOf(size);
    const notRun = thrown instanceof Error ? thrown.message : String(thrown);
    return [rate, ...more].map(({ row }) => ({ row, notRun }));
  }
}

/** Ours at 100,000 rules beside ours at 10: needs no peer. */
function flatness(stand: Pick<Stand, 'context' | 'dir' | 'events'>): Promise<Row> {
  const { context } = stand;
  const row = `${TITLES.one}: our own rate at 100,000 rules, of that at 10`;
  const plan: RowPlan = { row, target: FLAT, sense: 'rate' };
  return attempt(row, context.signal, async () => {
    const programs = [];
    for (const count of [LARGE, SMALL]) {
      const { files } = await filesOf(stand, { name: 'one', count, target: null });
      programs.push(nodeSide('ours', 'text', files, context));
    }
    return withProcesses(programs, context, { order: 'together' }, async ([large, small]) => {
      await warmUpAll(context, [large!, small!]);
      return rateRow(plan, await contest(context, plan, large!, small!), 'at 10 rules');
    });
  });
}

async function* rows(context: BenchContext): AsyncIterable<Row> {
  const chosen = context.quick ? QUICK_SIZES : SIZES;
  const ruler = await findRuler(context);
  const dir = await context.tempDir('rules-scale');
  const count = context.quick ? QUICK_EVENTS : EVENTS;
  const lots = await writeEvents(dir, 'lots', scaleSet('one', 1, count).events);
  const bus = await writeEvents(dir, 'bus', scaleSet('bus', 1, count).events);
  const stand = { context, dir, events: { bus, three: lots, one: lots, around: lots } };
  for (const size of chosen) {
    const { rate, more } = plansOf(size);
    if (ruler.ok) yield* await rowsOf({ ...stand, program: ruler.program }, size);
    else yield* [rate, ...more].map(({ row }) => ({ row, notRun: ruler.reason }));
  }
  if (!context.quick) yield flatness(stand);
}

export const ruleScale: Bench = {
  name: 'rules-scale',
  title: 'P6 rules by number',
  says:
    `Our matcher against event-ruler ${rulerVersion}, text in. Bus events of 360 bytes, lots of 800. Building is from ` +
    'pattern texts to a first match, in CPU time; memory is the growth of the heap over that, after garbage collection.',
  rows,
};
