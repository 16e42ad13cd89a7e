// What a run of the tests comes to: from the reporter's lines to the closing text and the verdict. Pure. A test that did
// not run is never silently green: each is listed with its reason, and a run of none fails.

import { relative } from 'node:path';
import type { Line } from './reporter.ts';

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

function describeSkips(skips: ReadonlyMap<string, readonly string[]>): string[] {
  if (skips.size === 0) return ['everything could be run'];
  const text = ['could not be run:'];
  for (const [reason, names] of skips) {
    text.push(`  ${reason === '' ? 'NO REASON GIVEN' : reason} (${names.length})`);
    for (const name of names.slice(0, MAX_NAMES)) text.push(`    ${name}`);
    if (names.length > MAX_NAMES) text.push(`    and ${names.length - MAX_NAMES} more`);
  }
  return text;
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
    for (const line of lines) {
      if (line.kind !== 'ended' || full.has(line.file)) continue;
      problems.push(`${relative(cwd, line.file)} holds no test, or could not be loaded`);
    }
  }
  for (const [reason, names] of skipsByReason(lines)) {
    if (reason === '') problems.push(`skipped without a reason: ${names.join(', ')}`);
    const name = required.find((name) => reason.toLowerCase().startsWith(`no ${name}`));
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
    ...describeSkips(skipsByReason(lines)),
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
