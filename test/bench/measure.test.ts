import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare, isMet, median, percentile, RANGE_LIMIT_PCT, rangePct, type Sample, settle } from './measure.ts';

/** A window that costs so many microseconds per event, one figure per call, and notes its turn. */
function windowOf(name: string, costs: readonly number[], turns: string[] = []) {
  let call = 0;
  return async (): Promise<Sample> => {
    turns.push(name);
    const cost = costs[call++ % costs.length]!;
    return { events: 1_000, cpuUs: cost * 1_000 };
  };
}

const rate = { sense: 'rate', rounds: 3, turns: 1 } as const;

function runsOf(ranges: readonly number[]) {
  let runs = 0;
  const run = async () => ({ rangePct: ranges[runs++]!, run: runs });
  return { run, count: () => runs };
}

test('measure: the median is the middle, or the mean of both middles, whatever the order', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.throws(() => median([]), RangeError);
});

test('measure: a percentile is a value that was measured, by nearest rank', () => {
  const values = Array.from({ length: 200 }, (_, i) => 200 - i);

  assert.equal(percentile(values, 0.99), 198);
  assert.equal(percentile(values, 0.5), 100);
  assert.equal(percentile([7], 0.99), 7);
  assert.throws(() => percentile([], 0.5), RangeError);
});

test('measure: the range is the largest minus the smallest in percent of the median', () => {
  assert.equal(rangePct([1, 1, 1]), 0);
  assert.equal(rangePct([0.75, 1, 1.25]), 50);
});

test('measure: windows take turns A B B A', async () => {
  const turns: string[] = [];

  await compare(
    { ours: windowOf('a', [1], turns), theirs: windowOf('b', [1], turns) },
    { ...rate, rounds: 1, turns: 2 },
  );

  assert.equal(turns.join(''), 'abbaabba');
});

test('measure: a rate is the peer over us, a cost is us over the peer', async () => {
  const contestants = () => ({ ours: windowOf('a', [20]), theirs: windowOf('b', [10]) });

  const asRate = await compare(contestants(), rate);
  const asCost = await compare(contestants(), { ...rate, sense: 'cost' });

  assert.equal(asRate.ratio, 0.5);
  assert.equal(asCost.ratio, 2);
  assert.deepEqual([asRate.oursUs, asRate.theirsUs, asRate.rangePct], [20, 10, 0]);
  assert.equal(asRate.events, 12_000);
});

test('measure: a steady drift of the machine falls on both alike', async () => {
  const drift = (first: number) => Array.from({ length: 12 }, (_, i) => first + i);
  let at = 0;
  const drifting = (): (() => Promise<Sample>) => async () => ({ events: 1_000, cpuUs: drift(10)[at++]! * 1_000 });

  const { ratio, rangePct: range } = await compare({ ours: drifting(), theirs: drifting() }, rate);

  assert.ok(Math.abs(ratio - 1) < 1e-9 && range < 1e-9);
});

test('measure: one disturbed round moves the range and not the ratio', async () => {
  const ours = windowOf('a', [10, 10, 10, 10, 30, 30]);

  const { ratio, ratios, rangePct: range } = await compare({ ours, theirs: windowOf('b', [10]) }, rate);

  assert.equal(ratio, 1);
  assert.equal(Math.min(...ratios), 1 / 3);
  assert.ok(range > RANGE_LIMIT_PCT);
});

test('measure: a window without events or without CPU time is refused', async () => {
  const none = async (): Promise<Sample> => ({ events: 0, cpuUs: 5 });
  const free = async (): Promise<Sample> => ({ events: 5, cpuUs: 0 });
  const fine = windowOf('b', [1]);

  await assert.rejects(compare({ ours: none, theirs: fine }, rate), /without an event/);
  await assert.rejects(compare({ ours: free, theirs: fine }, rate), /without CPU time/);
});

test('measure: a quiet run counts at once', async () => {
  const { run, count } = runsOf([25]);

  const { noisy, runs } = await settle(run);

  assert.deepEqual([noisy, runs, count()], [false, 1, 1]);
});

test('measure: a noisy run is repeated until one is quiet', async () => {
  const { run } = runsOf([60, 40, 20, 10]);

  const { result, noisy, runs } = await settle(run);

  assert.deepEqual([result.run, noisy, runs], [3, false, 3]);
});

test('measure: after three repeats the least noisy run counts and is called noisy', async () => {
  const { run } = runsOf([60, 30, 50, 40, 5]);

  const { result, noisy, runs } = await settle(run);

  assert.deepEqual([result.run, noisy, runs], [2, true, 4]);
});

test('measure: without time left nothing is repeated', async () => {
  const { run, count } = runsOf([60, 5]);

  const { noisy } = await settle(run, () => false);

  assert.deepEqual([noisy, count()], [true, 1]);
});

test('measure: a rate must reach its target, a cost must not pass it', () => {
  assert.equal(isMet(0.9, 0.9, 'rate'), true);
  assert.equal(isMet(0.89, 0.9, 'rate'), false);
  assert.equal(isMet(1.15, 1.15, 'cost'), true);
  assert.equal(isMet(1.16, 1.15, 'cost'), false);
});
