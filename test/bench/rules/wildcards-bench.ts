// P7: the worst wildcards over values of 64 KB, beside the textbook matcher with two pointers, and over twice the
// length beside our own single one: whoever writes rules or sends events must not be able to stop the router.

import { type Bench, type BenchContext, gate, type Row, type RowPlan } from '../bench.ts';
import { type Attack, attackEvent, attackRules, attacks, textAttacks } from './attacks.ts';
import { differences } from './same-lists.ts';
import { contest, type Mode, nodeSide, rateRow, warmUpAll, withProcesses, writeEvents, writeRules } from './stage.ts';

const TIMES_REFERENCE = 3;
/** Twice the length, a tenth for what noise there is. */
const TIMES_LONGER = 2.2;
const LENGTH = 65_536;
const WINDOW_MS = 30;
const QUICK_WINDOW_MS = 5;
/** For one answer: what is a thousand times over the reference need not be measured. */
const LIMIT_MS = 5_000;

type Way = Extract<Mode, 'text' | 'parsed'>;

// V8 keeps a string of 128 KB apart as a large object: JSON.parse alone takes 220 us for it and 45 us for one a little
// shorter (measured). That is no matter of matching, so as text the shorter value is half as long instead.
const LENGTHS: Readonly<Record<Way, readonly [short: number, long: number]>> = {
  parsed: [LENGTH, 2 * LENGTH],
  text: [LENGTH / 2, LENGTH],
};

const kilobytes = (length: number): string => `${length / 1_024} KB`;

function plansOf({ name }: Attack, way: Way): readonly RowPlan[] {
  const [short, long] = LENGTHS[way].map(kilobytes);
  return [
    { row: `${name}, ${way}`, target: TIMES_REFERENCE, sense: 'cost' },
    { row: `${name}, ${way}: ${long}, of ${short}`, target: TIMES_LONGER, sense: 'cost' },
  ];
}

async function measure(context: BenchContext, attack: Attack, way: Way, plans: readonly RowPlan[]): Promise<Row[]> {
  const dir = await context.tempDir('wildcards');
  const rules = await writeRules(dir, 'attack', attackRules(attack));
  const filesOf = async (length: number) => ({
    rules,
    events: await writeEvents(dir, String(length), [attackEvent(attack, length)]),
  });
  const [short, long] = await Promise.all(LENGTHS[way].map(filesOf));
  const programs = [
    nodeSide('ours', way, short!, context),
    nodeSide('ours', way, long!, context),
    nodeSide('reference', way, await filesOf(LENGTH), context),
  ];
  const windowMs = context.quick ? QUICK_WINDOW_MS : WINDOW_MS;
  const [times, longer] = plans;
  const start = { order: 'together', limitMs: LIMIT_MS } as const;
  return withProcesses(programs, context, start, async ([oursShort, oursLong, reference]) => {
    const ours = LENGTHS[way][0] === LENGTH ? oursShort! : oursLong!;
    const found = differences(await ours.lists(1), await reference!.lists(1));
    gate(found.length === 0, `the reference disagrees on ${JSON.stringify(found)}`);
    await warmUpAll(context, [oursShort!, oursLong!, reference!]);
    return [
      rateRow(times!, await contest(context, times!, ours, reference!, windowMs), 'two pointers'),
      rateRow(longer!, await contest(context, longer!, oursLong!, oursShort!, windowMs), 'the shorter'),
    ];
  });
}

async function rowsOf(context: BenchContext, attack: Attack, way: Way): Promise<readonly Row[]> {
  const plans = plansOf(attack, way);
  try {
    return await measure(context, attack, way, plans);
  } catch (thrown) {
    if (context.signal.aborted) throw thrown;
    const notRun = thrown instanceof Error ? thrown.message : String(thrown);
    return plans.map(({ row }) => ({ row, notRun }));
  }
}

async function* rows(context: BenchContext): AsyncIterable<Row> {
  const [parsed, text] = context.quick ? [attacks.slice(0, 1), textAttacks] : [attacks, [...attacks, ...textAttacks]];
  for (const attack of parsed) yield* await rowsOf(context, attack, 'parsed');
  for (const attack of text) yield* await rowsOf(context, attack, 'text');
}

export const ruleWildcards: Bench = {
  name: 'rules-wildcards',
  title: 'P7 worst wildcards',
  says:
    'Cost of our matcher on values of 65,536 characters, of that of the textbook matcher with two pointers (as text: ' +
    'after JSON.parse), less is better; and on values twice as long, of that on the single length.',
  rows,
};
