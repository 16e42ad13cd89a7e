// Holds what the rules benches stand on: data that is always the same, a gate that lets no wrong match pass, a warm-up
// that is not fooled, a reference that is right, and rows that say so when they could not be run. Never a speed.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { readPatternText } from '../../router/pattern-text.ts';
import { childEnv } from '../harness/env.ts';
import type { Comparison } from './measure.ts';
import { attackEvent, attackRules, attacks, textAttacks } from './rules/attacks.ts';
import { type Measured, nodeProgram, type Program, startMeasured, warmUp } from './rules/measured.ts';
import type { Pass } from './rules/orders.ts';
import { findRuler } from './rules/ruler.ts';
import { differences, sameLists } from './rules/same-lists.ts';
import { lotTexts, namedSet, scaleNames, scaleSet, typeSet } from './rules/sets.ts';
import { matchesTwoPointer, wildcardUnits } from './rules/two-pointer.ts';
import { typeNames } from './rules/types.ts';
import { geometricRow } from './rules.ts';

const meanLength = (texts: readonly string[]): number =>
  texts.reduce((sum, text) => sum + text.length, 0) / texts.length;

test('rules bench: lots are about 800 bytes and bus events about 360, as those of the published figures', () => {
  const [lots, bus] = [meanLength(lotTexts(2_000)), meanLength(scaleSet('bus', 1, 2_000).events)];

  assert.ok(Math.abs(lots - 802) < 20, `${lots}`);
  assert.ok(Math.abs(bus - 363) < 10, `${bus}`);
});

test('rules bench: the sets have 5 rules, 40 and 45 in the combinations, and our own reader accepts all', () => {
  const counts = typeNames.map((name) => {
    const { rules } = typeSet(name, 1);
    for (const { pattern } of rules) readPatternText(pattern);
    return rules.length;
  });

  assert.equal(typeNames.length, 16);
  assert.deepEqual(counts, [...Array<number>(14).fill(5), 40, 45]);
});

test('rules bench: a smaller scale set is the beginning of a larger one', () => {
  for (const name of scaleNames) {
    const [small, large] = [10, 1_000].map((count) => scaleSet(name, count, 5));

    assert.deepEqual(large!.rules.slice(0, 10), small!.rules, name);
    assert.equal(large!.rules.length, 1_000);
    assert.equal(small!.events.length, 5);
    for (const { pattern } of small!.rules) readPatternText(pattern);
  }
  assert.deepEqual(namedSet('three-10').rules, scaleSet('three', 10, 1).rules);
  assert.throws(() => namedSet('EXCAT'), /EXCAT.*EXACT/);
});

test('gate: lists that differ are told event by event, whoever has more', () => {
  const found = differences([['a', 'b'], ['c'], []], [['b', 'a'], [], ['d']]);

  assert.deepEqual(found, [
    { event: 1, rule: 'c', by: 'ours' },
    { event: 2, rule: 'd', by: 'theirs' },
  ]);
});

const rules = ['a', 'b'].map((name) => ({ name, pattern: `{"${name}":[1]}` }));

/** A measured side with these lists, whose rules alone match the events of `alone`. */
function side(lists: readonly (readonly string[])[], alone: (rule: number, event: number) => boolean): Measured {
  return {
    name: 'side',
    ready: { buildS: 0, bytesPerRule: 0, rules: rules.length, events: lists.length },
    pass: () => Promise.reject(new Error('not asked')),
    lists: async (count) => lists.slice(0, count),
    alone: async (rule, event) => alone(rule, event),
    change: () => Promise.reject(new Error('not asked')),
    stop: async () => undefined,
  };
}

test('gate: a match that the peer has alone and loses among neighbours is forgiven and counted', async () => {
  const ours = side([['a', 'b'], ['a']], () => true);
  const theirs = side([['b'], ['a']], () => true);

  assert.equal(await sameLists({ rules, ours, theirs, events: 2 }), 1);
});

test('gate: any other difference fails with its event and rule', async () => {
  const events = 2;
  const both = side([['a'], ['b']], () => true);
  const less = side([['a'], []], () => true);
  const never = side([['a'], []], () => false);
  const twice = side([['a', 'a'], ['b']], () => true);
  const short = side([['a']], () => true);

  await assert.rejects(sameLists({ rules, ours: both, theirs: never, events }), /invalid.*event 1, rule b .*only ours/);
  await assert.rejects(
    sameLists({ rules, ours: less, theirs: both, events }),
    /invalid.*event 1, rule b .*only theirs/,
  );
  await assert.rejects(sameLists({ rules, ours: twice, theirs: both, events }), /invalid: a rule is named twice/);
  await assert.rejects(sameLists({ rules, ours: both, theirs: short, events }), /invalid: 2 events here, 1 there/);
});

/** Passes with these rates, the last one for ever; a negative one is that rate with a compiler at work. */
function passing(...rates: readonly number[]): Measured & { readonly asked: () => number } {
  let asked = 0;
  const pass = async (): Promise<Pass> => {
    const rate = rates[Math.min(asked++, rates.length - 1)]!;
    return { events: Math.abs(rate), cpuUs: 1, matches: 0, otherUs: rate < 0 ? 0.5 : 0 };
  };
  return { ...side([], () => false), pass, asked: () => asked };
}

test('warm-up: ends when three probes in a row are near the best, not on a plateau with a compiler at work', async () => {
  const plan = { probeMs: 1, least: 3, most: 20 };
  const rising = passing(10, 50, 99, 97, 100);
  const plateau = passing(-50, -50, -50, -50, 100, 100, 100);
  const falling = passing(100, 90, 80);

  assert.deepEqual([await warmUp(rising, plan), rising.asked()], [true, 5]);
  assert.deepEqual([await warmUp(plateau, plan), plateau.asked()], [true, 7]);
  assert.deepEqual([await warmUp(falling, plan), falling.asked()], [false, 20]);
});

function comparison(...ratios: readonly number[]): Comparison {
  return { ratio: ratios[1]!, rangePct: 0, ratios, oursUs: 1, theirsUs: 1, events: 1 };
}

test('geometric mean: of the sets and round by round, and only when all sets were measured', () => {
  const all = [comparison(1, 2, 3), comparison(4, 8, 12)];
  const row = geometricRow('parsed', all, 2);

  assert.ok(!('notRun' in row));
  assert.ok(Math.abs(row.ratio - 4) < 1e-9 && row.target === 5 && row.met === false);
  // Rounds 2, 4 and 6: a range of all of the middle.
  assert.ok(Math.abs(row.rangePct - 100) < 1e-9 && row.noisy);
  assert.match(JSON.stringify(geometricRow('text', all, 16)), /notRun.*only 2 of 16 sets/);
});

/** As slow and plain as can be: a star is nothing, or one more letter. */
function matchesNaively(units: readonly number[], value: string): boolean {
  const [first, ...rest] = units;
  if (first === undefined) return value === '';
  if (first === -1) return matchesNaively(rest, value) || (value !== '' && matchesNaively(units, value.slice(1)));
  return value.charCodeAt(0) === first && matchesNaively(rest, value.slice(1));
}

test('two pointers: agrees with trying everything, over few letters and many stars', () => {
  const text = (letters: string, maxLength: number) =>
    fc.string({ unit: fc.constantFrom(...letters), minLength: 0, maxLength });
  fc.assert(
    fc.property(text('ab*', 8), text('ab', 10), (pattern, value) => {
      const units = wildcardUnits(pattern);
      assert.equal(matchesTwoPointer(units, value), matchesNaively([...units], value));
    }),
    { numRuns: 2_000 },
  );
});

test('two pointers: an escaped star and backslash stand for themselves', () => {
  assert.deepEqual([...wildcardUnits('a\\**\\\\')], [97, 42, -1, 92]);
  assert.ok(matchesTwoPointer(wildcardUnits('a\\**\\\\'), 'a*xyz\\'));
  assert.ok(!matchesTwoPointer(wildcardUnits('a\\*'), 'ab'));
});

test('attacks: every pattern is accepted, every value is as long as asked, escapes included', () => {
  for (const attack of [...attacks, ...textAttacks]) {
    for (const { pattern } of attackRules(attack)) readPatternText(pattern);
    const { v } = JSON.parse(attackEvent(attack, 1_000)) as { v: string };

    assert.equal(v.length, 1_000, attack.name);
    assert.equal(v, attack.value(1_000), attack.name);
  }
});

const signal = (): AbortSignal => AbortSignal.timeout(30_000);

/** Files of a small rule set in a folder that is gone after `work`. */
async function withFiles(work: (args: readonly string[]) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'busway-rules-test-'));
  try {
    const pattern = (value: string) => JSON.stringify({ v: [{ wildcard: value }] });
    const lines = ['a*', '*b', '*x*'].map((value, at) => JSON.stringify({ name: `r${at}`, pattern: pattern(value) }));
    writeFileSync(join(dir, 'rules'), lines.join('\n'));
    writeFileSync(join(dir, 'events'), ['ab', 'cc', 'axb'].map((v) => JSON.stringify({ v })).join('\n'));
    await work(['--rules', join(dir, 'rules'), '--events', join(dir, 'events')]);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

for (const [file, mode] of [
  ['ours', 'text'],
  ['ours', 'trusted'],
  ['ours', 'parsed'],
  ['reference', 'text'],
  ['reference', 'parsed'],
] as const) {
  test(`contestant: ${file}, ${mode}: builds, lists, matches for as long as asked, and changes rules`, () =>
    withFiles(async (args) => {
      const measured = await startMeasured(nodeProgram(file, ['--mode', mode, ...args]), { signal: signal() });
      try {
        const { ready } = measured;
        assert.deepEqual([ready.rules, ready.events], [3, 3]);
        assert.ok(ready.buildS > 0 && typeof ready.bytesPerRule === 'number');
        const lists = await measured.lists(3);
        assert.deepEqual(
          lists.map((names) => [...names].sort()),
          [['r0', 'r1'], [], ['r0', 'r1', 'r2']],
        );
        assert.deepEqual([await measured.alone(2, 2), await measured.alone(2, 0)], [true, false]);
        const { events, cpuUs, matches } = await measured.pass(20);
        assert.ok(cpuUs >= 20_000 && events > 0);
        // Two, none and three matches in turn.
        assert.ok(Math.abs(matches / events - 5 / 3) < 3 / events, `${matches} of ${events}`);
        const { us, matchUs } = await measured.change(10);
        assert.ok(us > 0 && matchUs > 0);
        assert.deepEqual(await measured.lists(3), lists);
      } finally {
        await measured.stop();
      }
    }));
}

const script = (text: string): Program => ({
  name: 'the script',
  fault: 'invalid: ',
  command: process.execPath,
  args: ['-e', text],
});

test('contestant: one that ends early is an error with what it said', async () => {
  const start = startMeasured(script("console.error('no such rule'); process.exitCode = 3"), { signal: signal() });

  await assert.rejects(start, /invalid: the script ended \(3\): no such rule/);
});

test('contestant: one that gives no answer in time is killed, and a line that is no answer is passed over', async () => {
  const text = "console.log('a warning'); console.log('{}'); setInterval(() => {}, 1000); process.stdin.resume()";
  const measured = await startMeasured(script(text), { signal: signal(), limitMs: 3_000 });

  await assert.rejects(measured.pass(1), /invalid: the script took over 3 s to answer 'pass 1'/);
  await measured.stop();
  await assert.rejects(measured.pass(1), /invalid: the script ended \(SIGKILL\): a warning/);
});

function runBench(env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<readonly string[][]> {
  const file = fileURLToPath(new URL('run.ts', import.meta.url));
  const options = { timeout: 120_000, env: childEnv(env) };
  return new Promise((resolve) => {
    execFile(process.execPath, [file, ...args, '--quick', '--json'], options, (_error, out) => {
      const rows = out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      resolve(rows.map(({ bench, row, notRun, ratio }) => [bench, row, notRun ?? typeof ratio].map(String)));
    });
  });
}

test('rules bench: without Java each row says so, and the wildcards, which need none, are measured', async () => {
  const rows = await runBench({ JAVA_HOME: join(tmpdir(), 'no-java-here') }, 'rules');

  const reason = 'no event-ruler 2.1.0: no Java in JAVA_HOME or PATH';
  assert.deepEqual([...new Set(rows.map(([bench]) => bench))], ['rules-types', 'rules-scale', 'rules-wildcards']);
  assert.deepEqual(rows[0], ['rules-types', 'EXACT, parsed', reason]);
  for (const [bench, row, said] of rows) assert.equal(said, bench === 'rules-wildcards' ? 'number' : reason, row);
});

const there = await findRuler({ signal: signal(), build: false, log: () => undefined });

test('rules bench: beside event-ruler every row is measured', { skip: there.ok ? false : there.reason }, async () => {
  const rows = await runBench({}, 'rules-types', '--no-build');

  assert.equal(rows.length, 7);
  for (const [, row, said] of rows) assert.equal(said, 'number', row);
});
