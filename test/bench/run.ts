// npm run bench: runs the benches that are named, or all, prints a row for each comparison and keeps the newest of each
// in docs/benchmarks.md. `npm run bench -- [names] [--json]`; exit 0 when every target is met, 1 when one is not or a row
// is invalid, 2 for wrong use.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { unknownName } from '../../router/config.ts';
import { RouterError, toRouterError } from '../../router/errors.ts';
import type { Bench, BenchContext, Row } from './bench.ts';
import { coldstart } from './coldstart.ts';
import { machineFacts, saveSection } from './docs.ts';
import { e2e } from './e2e.ts';
import { iso } from './iso.ts';
import { type BenchKafka, type OwnedKafka, startKafka } from './kafka.ts';
import { p1 } from './p1.ts';
import { p1k } from './p1k.ts';
import { p4 } from './p4.ts';
import { p8 } from './p8.ts';
import { p9 } from './p9.ts';
import { p16 } from './p16.ts';
import { ruleScale } from './rules/scale-bench.ts';
import { ruleWildcards } from './rules/wildcards-bench.ts';
import { ruleTypes } from './rules.ts';

/** In the order they run. A new bench is one file and one entry here. */
const benches: readonly Bench[] = [p4, p1, p8, p9, p16, coldstart, p1k, e2e, iso, ruleTypes, ruleScale, ruleWildcards];
/** Names that stand for several. */
const groups: readonly (readonly [name: string, of: readonly Bench[]])[] = [
  ['rules', [ruleTypes, ruleScale, ruleWildcards]],
  ['buses', [p8, p9, p16]],
];

// A run of all benches ends about then: noisy rows are repeated while that leaves time for what takes its time anyway.
const BUDGET_MS = 11 * 60_000;
const NORMAL = { windowMs: 800, turns: 2 };
const QUICK = { rounds: 2, windowMs: 200, turns: 1 };

const options = {
  json: { type: 'boolean' },
  quick: { type: 'boolean' },
  'no-build': { type: 'boolean' },
  rounds: { type: 'string' },
  profile: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

const help = `npm run bench -- [names] [--json] [--rounds N] [--quick] [--no-build] [--profile DIR]

${benches.map(({ name, title }) => `  ${name.padEnd(15)} ${title}`).join('\n')}

  --json        one line of JSON a row: {"bench","row","ratio","target","met","rangePct","noisy"?} or {"bench","row","notRun"}
  --rounds N    rounds of each comparison instead of the bench's own number
  --quick       as short as it goes, for tests of the bench itself; writes no docs
  --no-build    peers that are not built already are not run
  --profile DIR a CPU profile of our own server of each bench (its figures are too high then; writes no docs)

${groups.map(([name, of]) => `${name} stands for ${of.map((bench) => bench.name).join(', ')}.`).join('\n')}

example: npm run bench -- p1 p4 --json`;

interface Choice {
  readonly chosen: readonly Bench[];
  readonly json: boolean;
  readonly quick: boolean;
  readonly build: boolean;
  readonly rounds: number | undefined;
  readonly profile: string | undefined;
}

function usage(says: string): RouterError {
  return new RouterError('USAGE', `npm run bench: ${says}`);
}

/** What a name stands for; throws USAGE. */
function benchesOf(wanted: string): readonly Bench[] {
  const named = [...benches.map((bench) => [bench.name, [bench]] as const), ...groups];
  const found = named.find(([name]) => name === wanted)?.[1];
  if (found !== undefined) return found;
  throw usage(
    unknownName(
      'bench',
      wanted,
      named.map(([name]) => name),
    ),
  );
}

function choose(argv: readonly string[]): Choice | 'help' {
  const parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: false, tokens: true });
  for (const token of parsed.tokens) {
    if (token.kind === 'option' && !Object.hasOwn(options, token.name)) {
      throw usage(
        unknownName(
          'option',
          token.rawName,
          Object.keys(options).map((name) => `--${name}`),
        ),
      );
    }
  }
  const values = parsed.values as { [Name in keyof typeof options]?: string | boolean };
  if (values.help === true) return 'help';
  const { rounds, profile } = values;
  if (rounds !== undefined && !/^[1-9]\d?$/.test(String(rounds))) throw usage('--rounds must be a number from 1 to 99');
  if (profile === true || profile === '') throw usage('--profile needs a folder');
  const wanted = parsed.positionals.flatMap(benchesOf);
  return {
    chosen: wanted.length === 0 ? benches : benches.filter((bench) => wanted.includes(bench)),
    json: values.json === true,
    quick: values.quick === true,
    build: values['no-build'] !== true,
    rounds: rounds === undefined ? undefined : Number(rounds),
    profile: profile === undefined ? undefined : String(profile),
  };
}

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

function jsonLine(bench: string, row: Row): string {
  if ('notRun' in row) return JSON.stringify({ bench, row: row.row, notRun: row.notRun });
  const { ratio, target, met, rangePct, noisy } = row;
  const facts = { ratio: rounded(ratio, 4), target, met, rangePct: rounded(rangePct, 1) };
  return JSON.stringify({ bench, row: row.row, ...facts, ...(noisy ? { noisy } : {}) });
}

function textLine(row: Row): string {
  if ('notRun' in row) return `  ${row.row}: not run: ${row.notRun}`;
  const { ratio, target, met, rangePct, noisy, says } = row;
  const verdict = target === null ? 'no target' : `target ${target} ${met ? 'met' : 'NOT MET'}`;
  return `  ${row.row}: ${ratio.toFixed(3)} (${verdict}), range ${rangePct.toFixed(0)} %${noisy ? ', NOISY' : ''}\n    ${says}`;
}

/** What the benches of one run share, and its end. */
function openContext(choice: Choice, dir: string, signal: AbortSignal) {
  const log = (text: string): void => void process.stderr.write(`${text}\n`);
  const startedAt = performance.now();
  const fixedMs = choice.chosen.reduce((sum, bench) => sum + (bench.fixedMs ?? 0), 0);
  let owned: Promise<OwnedKafka> | undefined;
  const startOwned = async (): Promise<OwnedKafka> =>
    startKafka({ dataDir: await mkdtemp(join(dir, 'kafka-')), signal, log });
  const context: BenchContext = {
    rounds: choice.rounds ?? (choice.quick ? QUICK.rounds : undefined),
    windowMs: (choice.quick ? QUICK : NORMAL).windowMs,
    turns: (choice.quick ? QUICK : NORMAL).turns,
    quick: choice.quick,
    build: choice.build,
    profile: choice.profile,
    signal,
    log,
    tempDir: (name) => mkdtemp(join(dir, `${name}-`)),
    async kafka(): Promise<BenchKafka> {
      owned ??= startOwned();
      return (await owned).kafka;
    },
    mayRepeat: () => !choice.quick && performance.now() - startedAt < BUDGET_MS - fixedMs,
  };
  return { context, close: async () => (await owned?.catch(() => undefined))?.close() };
}

/** True when a row misses its target or is invalid. */
async function runBench(bench: Bench, choice: Choice, context: BenchContext): Promise<boolean> {
  if (!choice.json) console.log(`\n${bench.title}`);
  else context.log(bench.title);
  const rows: Row[] = [];
  const facts = await machineFacts();
  for await (const row of bench.rows(context)) {
    rows.push(row);
    console.log(choice.json ? jsonLine(bench.name, row) : textLine(row));
  }
  // What could not be run here does not take away what was measured elsewhere.
  const worthKeeping = rows.some((row) => !('notRun' in row));
  if (worthKeeping && !choice.quick && choice.profile === undefined) await saveSection(bench, rows, facts);
  return rows.some((row) => ('notRun' in row ? row.notRun.startsWith('invalid') : row.met === false));
}

async function run(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const choice = choose(argv);
  if (choice === 'help') {
    console.log(help);
    return 0;
  }
  const dir = await mkdtemp(join(tmpdir(), 'busway-bench-'));
  const { context, close } = openContext(choice, dir, signal);
  try {
    let missed = false;
    for (const bench of choice.chosen) missed = (await runBench(bench, choice, context)) || missed;
    return missed ? 1 : 0;
  } finally {
    await close();
    await rm(dir, { recursive: true, force: true });
  }
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => stop.abort(new RouterError('ABORTED', 'npm run bench: stopped')));
}
try {
  process.exitCode = await run(process.argv.slice(2), stop.signal);
} catch (thrown) {
  const error = toRouterError(thrown);
  console.error(error.code === 'USAGE' || error.code === 'ABORTED' ? error.message : thrown);
  process.exitCode = error.code === 'USAGE' ? 2 : 1;
}
