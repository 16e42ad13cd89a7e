// What a run of the tests comes to: from the reporter's lines to the closing text and the verdict. Pure. A test that did
// not run is never silently green: each is listed with its reason, and a run of none fails.

import { relative } from 'node:path';
import type { Line } from './reporter.ts';

/** What a machine may lack; BUSWAY_REQUIRE names some of them. A skip for the want of one begins with `no <name>`. */
export const requirements: readonly string[] = [
  'kafka',
  'kcat',
  'postgres',
  'docker',
  'browser',
  'event-ruler',
  'ministack',
  'pstest',
  'cfn-lint',
];

export interface RunFacts {
  readonly lines: readonly Line[];
  /** Names of BUSWAY_REQUIRE. */
  readonly required: readonly string[];
  /** Whether --name narrowed the run: then a file may come out empty. */
  readonly narrowed: boolean;
  /** node --test ended with 0. */
  readonly passed: boolean;
  readonly cwd: string;
}

export interface RunOutcome {
  readonly ok: boolean;
  readonly text: string;
}

const MAX_NAMES = 8;

function skipsByReason(lines: readonly Line[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const line of lines) {
    if (line.kind !== 'skipped') continue;
    const names = found.get(line.reason) ?? [];
    names.push(line.name);
    found.set(line.reason, names);
  }
  return found;
}

function lacking(reason: string, names: readonly string[]): string | undefined {
  return names.find((name) => reason.toLowerCase().startsWith(`no ${name}`));
}

function listOf(heading: string, skips: readonly (readonly [string, readonly string[]])[]): string[] {
  const text = skips.length === 0 ? [] : [heading];
  for (const [reason, names] of skips) {
    text.push(`  ${reason === '' ? 'NO REASON GIVEN' : reason} (${names.length})`);
    for (const name of names.slice(0, MAX_NAMES)) text.push(`    ${name}`);
    if (names.length > MAX_NAMES) text.push(`    and ${names.length - MAX_NAMES} more`);
  }
  return text;
}

function describeSkips(lines: readonly Line[]): string[] {
  const skips = [...skipsByReason(lines)];
  const missing = skips.filter(([reason]) => lacking(reason, requirements) !== undefined);
  const rest = skips.filter(([reason]) => lacking(reason, requirements) === undefined);
  return [
    ...listOf('does not apply:', rest),
    ...(missing.length === 0 ? ['nothing was missing on this machine'] : []),
    ...listOf('could not be run on this machine:', missing),
  ];
}

/** Files that began and did not end. */
export function unfinished(lines: readonly Line[], cwd: string): string[] {
  const open = new Set<string>();
  for (const line of lines) {
    if (line.kind === 'started') open.add(line.file);
    if (line.kind === 'ended') open.delete(line.file);
  }
  return [...open].map((file) => relative(cwd, file));
}

function problemsOf({ lines, required, narrowed, cwd }: RunFacts): string[] {
  const problems: string[] = [];
  const counted = lines.filter((line) => line.kind === 'counted');
  const tests = counted.reduce((sum, line) => sum + line.tests, 0);
  const skipped = counted.reduce((sum, line) => sum + line.skipped, 0);
  if (tests === 0) problems.push('no test ran: nothing matches');
  else if (tests === skipped) problems.push(`no test ran: all ${tests} were skipped`);
  if (!narrowed) {
    const full = new Set(counted.filter((line) => line.tests > 0).map((line) => line.file));
    // A suite that was skipped whole counts no test, and is listed with its reason.
    for (const line of lines) if (line.kind === 'skipped') full.add(line.file);
    for (const line of lines) {
      if (line.kind !== 'ended' || full.has(line.file)) continue;
      problems.push(`${relative(cwd, line.file)} holds no test, or could not be loaded`);
    }
  }
  for (const [reason, names] of skipsByReason(lines)) {
    if (reason === '') problems.push(`skipped without a reason: ${names.join(', ')}`);
    const name = lacking(reason, required);
    if (name !== undefined)
      problems.push(`BUSWAY_REQUIRE asks for ${name}, but ${names.length} were skipped: ${reason}`);
  }
  return problems;
}

export function outcomeOf(facts: RunFacts): RunOutcome {
  const { lines, passed } = facts;
  const problems = problemsOf(facts);
  const counted = lines.filter((line) => line.kind === 'counted');
  const tests = counted.reduce((sum, line) => sum + line.tests, 0);
  const skipped = counted.reduce((sum, line) => sum + line.skipped, 0);
  const text = [
    `${tests} tests in ${counted.length} files, ${tests - skipped} ran`,
    ...describeSkips(lines),
    ...problems.map((problem) => `FAILED: ${problem}`),
  ];
  return { ok: passed && problems.length === 0, text: text.join('\n') };
}

/** Whole lines only: the last one may be cut off. */
export function readLines(text: string): Line[] {
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}
