// Holds the shape of what the bench prints, never a speed.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Bench, Row } from './bench.ts';
import { sectionOf, withSection } from './docs.ts';
import { SAMPLES, type Seen, sameEvents } from './intake.ts';
import { isoRow } from './iso.ts';

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function runBench(...args: readonly string[]): Promise<Ran> {
  const file = fileURLToPath(new URL('run.ts', import.meta.url));
  return new Promise((resolve) => {
    execFile(process.execPath, [file, ...args], { timeout: 60_000 }, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, out, err });
    });
  });
}

const bench = (title: string): Bench => ({ name: 'x', title, says: 'what it is', rows: async function* () {} });
const measured: Row = {
  row: 'a | b',
  ratio: 0.876,
  target: 0.9,
  met: false,
  rangePct: 30,
  noisy: true,
  says: 'detail',
};

test('bench: --json prints one line a row with exactly the promised keys', async () => {
  const { code, out, err } = await runBench('p4', '--quick', '--json');

  assert.ok(code === 0 || code === 1, err);
  const lines = out.trimEnd().split('\n');
  assert.equal(lines.length, 2, out + err);
  for (const line of lines) {
    const { bench: name, row, ratio, target, met, rangePct, noisy, ...rest } = JSON.parse(line);
    assert.equal(name, 'p4', line);
    assert.equal(typeof row, 'string');
    assert.ok(ratio > 0 && rangePct >= 0);
    assert.ok((target === null && met === null) || (target === 0.8 && typeof met === 'boolean'));
    assert.ok(noisy === undefined || noisy === true);
    assert.deepEqual(rest, {});
  }
});

test('bench: an unknown bench is refused with the nearest known name', async () => {
  const { code, out, err } = await runBench('p44');

  assert.deepEqual([code, out], [2, '']);
  assert.match(err, /p44.*p4/);
});

test('bench: a name may stand for several benches, and is near enough to be named for a wrong one', async () => {
  const { code, out } = await runBench('--help');

  assert.equal(code, 0);
  assert.match(out, /^rules stands for rules-types, rules-scale, rules-wildcards\.$/m);
  assert.match(out, /^buses stands for p8, p9, p16\.$/m);
  assert.match((await runBench('busses')).err, /busses.*buses/);
  assert.equal((await runBench('rules-', '--json')).code, 2);
});

test('bench: counts of requests have a row for each bus and trace', async () => {
  const { out, err } = await runBench('p16', '--quick', '--json', '--rounds', '1');

  const rows = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(rows.length, 3 * 7, out + err);
  for (const { bench: name, ratio, target } of rows) {
    assert.equal(name, 'p16');
    assert.ok(target === 0.98 || target === null);
    assert.ok(ratio > 0 && ratio <= 1);
  }
});

test('bench: an unknown option and a wrong number of rounds are refused', async () => {
  assert.match((await runBench('--jsonn')).err, /--json/);
  assert.deepEqual([(await runBench('--rounds', '0', 'p4')).code, (await runBench('--rounds')).code], [2, 2]);
});

test('docs: a section takes the place of its older one and leaves the others', () => {
  const first = withSection('', sectionOf(bench('One'), [measured], 'monday'));
  const both = withSection(first, sectionOf(bench('Two'), [{ row: 'r', notRun: 'no Java' }], 'tuesday'));
  const again = withSection(both, sectionOf(bench('One'), [{ ...measured, ratio: 1 }], 'friday'));

  assert.match(both, /a \\\| b \| 0\.876 \| 0\.9 \| \*\*missed\*\* \| 30 %, noisy \| detail/);
  assert.match(again, /## One\n\nwhat it is\n\nfriday\n[^#]*## Two\n\nwhat it is\n\ntuesday/);
  assert.doesNotMatch(again, /monday/);
  assert.match(again, /\| r \| – \| – \| not run \| – \| no Java \|/);
  assert.equal(withSection(again, sectionOf(bench('One'), [{ ...measured, ratio: 1 }], 'friday')), again);
});

test('gate: a sample that differs in one event, or lacks one, is refused', () => {
  const sample = (): Seen[] =>
    Array.from({ length: SAMPLES }, (_, i) => ({ id: `${i}`, source: 's', type: 't', data: Buffer.from(`${i}`) }));
  const changed = (change: Partial<Seen>) => sample().map((event, i) => (i === 7 ? { ...event, ...change } : event));

  sameEvents(sample(), sample().reverse());
  assert.throws(() => sameEvents(sample(), changed({ data: Buffer.from('x') })), /invalid: the data of 7/);
  assert.throws(() => sameEvents(changed({ type: 'u' }), sample()), /invalid: type of 7: ours 'u', the peer's 't'/);
  assert.throws(() => sameEvents(sample().slice(1), sample()), /invalid: our sample holds 31/);
});

test('iso: met by the ratio or by a few milliseconds, noisy only when rounds disagree', () => {
  const row = (...rounds: [number, number][]) =>
    isoRow(
      'r',
      rounds.map(([beforeMs, duringMs]) => ({ beforeMs, duringMs, middleMs: [1, 1] })),
      30,
    );

  assert.equal(row([100, 119], [100, 118], [100, 117]).met, true);
  assert.equal(row([2, 6], [2, 5], [2, 4]).met, true);
  assert.equal(row([10, 20], [10, 21], [10, 22]).met, false);
  assert.equal(row([2, 6], [2, 4], [2, 3]).noisy, false);
  assert.equal(row([10, 11], [10, 40], [10, 11]).noisy, true);
});
