// Requests and cost of a million events: each formula against figures worked out by hand from what the services say they
// bill, and laws that hold whatever the load.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Cost,
  costs,
  eventbridgeCost,
  eventgridCost,
  functionUsd,
  type Load,
  ownCost,
  pubsubCost,
} from '../../../infra/plan/cost.ts';
import { type Price, prices, priceTable } from '../../../infra/prices.ts';

function load(bytes: number, shares: readonly number[], more: Partial<Load> = {}): Load {
  const rules = shares.map((delivered) => ({ delivered, advanced: false }));
  return { sizes: new Map([[bytes, 1]]), attributeBytes: 0, batch: 1, rules, ...more };
}

const near = (actual: number, due: number): void =>
  assert.ok(Math.abs(actual - due) <= Math.max(1e-6, due * 1e-6), `${actual} is not ${due}`);

test('cost: the price table has a date, a currency and a source for each price', () => {
  assert.match(priceTable.read, /^\d{4}-\d{2}-\d{2}$/);
  assert.equal(priceTable.currency, 'USD');
  for (const [name, { usd, per, source }] of Object.entries<Price>(prices)) {
    assert.ok(usd > 0 && per !== '' && source !== '', name);
  }
});

test('cost: EventBridge bills each event by chunks of 64 KiB, and batching does not lower it', () => {
  near(eventbridgeCost(load(1_000, [])).usd.bus, 1);
  near(eventbridgeCost(load(65_536 - 128, [])).usd.bus, 1);
  near(eventbridgeCost(load(65_536 - 127, [])).usd.bus, 2);
  const batched = eventbridgeCost(load(1_000, [], { batch: 10 }));
  near(batched.usd.bus, 1);
  assert.equal(batched.publishCalls, 100_000);
});

test('cost: an EventBridge call holds ten entries and 1 MiB at most', () => {
  assert.equal(eventbridgeCost(load(1_000, [], { batch: 500 })).publishCalls, 100_000);
  assert.equal(eventbridgeCost(load(524_288, [], { batch: 10 })).publishCalls, 500_000);
});

test('cost: a delivery on EventBridge is a send, and a tenth of a receive, of a delete and of a function call', () => {
  const { deliveries, functionCalls, usd } = eventbridgeCost(load(1_000, [0.5, 0.5]));

  assert.deepEqual([deliveries, functionCalls], [1_000_000, 100_000]);
  near(usd.queue, 1.2 * 0.4);
  near(usd.functions, 0.1 * 0.2 + 100_000 * 0.05 * 0.25 * prices.lambdaGbSecond.usd);
  near(usd.total, usd.bus + usd.queue + usd.functions);
});

test('cost: Pub/Sub bills 1,000 bytes a request at least, so there batching does lower it', () => {
  const tebibyte = (bytes: number): number => (bytes / 2 ** 40) * 40;

  near(pubsubCost(load(264, []), { pushes: true }).usd.bus, tebibyte(1_000 * 1e6));
  near(pubsubCost(load(264, [], { batch: 10 }), { pushes: true }).usd.bus, tebibyte(300 * 1e6));
  near(pubsubCost(load(4_964, []), { pushes: true }).usd.bus, tebibyte(5_000 * 1e6));
});

test('cost: a Pub/Sub subscription is billed for what its filter keeps back too', () => {
  const bus = (share: number): number => pubsubCost(load(4_964, [share]), { pushes: true }).usd.bus;

  near(bus(0), 2 * bus(0) - bus(1));
  near(bus(1), (10_000 * 1e6 * 40) / 2 ** 40);
  const { functionCalls, usd } = pubsubCost(load(4_964, [0.25]), { pushes: false });
  assert.deepEqual([functionCalls, usd.functions], [0, 0]);
});

test('cost: Event Grid bills an operation an event in, one an attempt, and one an advanced match', () => {
  const pushed = { pushes: true };

  near(eventgridCost(load(1_000, [0.5]), pushed).usd.bus, 1.5 * 0.6);
  near(eventgridCost(load(65_537, [0.5]), pushed).usd.bus, 3 * 0.6);
  const advanced = [{ delivered: 0.5, advanced: true }];
  near(eventgridCost(load(1_000, [], { rules: advanced }), pushed).usd.bus, 2 * 0.6);
});

test('cost: a log on machines of your own bills nothing by the request, and its requests are counted', () => {
  const { publishCalls, deliveries, usd } = ownCost(load(1_000, [0.1, 0.2], { batch: 100 }));

  assert.deepEqual([publishCalls, deliveries, usd.total], [10_000, 300_000, 0]);
});

test('cost: the time of a function is rounded up to what is billed', () => {
  const price = { call: 0, gbSecond: 1, stepMs: 100 };

  near(functionUsd(1, price), 0.1 * 0.25);
  near(functionUsd(1, { ...price, stepMs: 1 }), 0.05 * 0.25);
});

const anyLoad = fc.record({
  sizes: fc
    .array(fc.tuple(fc.integer({ min: 1, max: 1_000_000 }), fc.integer({ min: 1, max: 50 })), {
      minLength: 1,
      maxLength: 5,
    })
    .map((list) => new Map(list)),
  attributeBytes: fc.integer({ min: 0, max: 2_000 }),
  batch: fc.integer({ min: 1, max: 500 }),
  rules: fc.array(fc.record({ delivered: fc.double({ min: 0, max: 1, noNaN: true }), advanced: fc.boolean() }), {
    maxLength: 5,
  }),
});

test('cost: on every bus more or larger events, and more deliveries, never cost less', () => {
  const total = (cost: Cost): number => cost.usd.total;
  fc.assert(
    fc.property(anyLoad, fc.constantFrom(...Object.keys(costs)), fc.boolean(), (given, bus, pushes) => {
      const costOf = (one: Load): number => total(costs[bus]!(one, { pushes }));
      const larger = { ...given, sizes: new Map([...given.sizes].map(([bytes, count]) => [bytes + 70_000, count])) };
      const busier = { ...given, rules: [...given.rules, { delivered: 0.5, advanced: false }] };

      assert.ok(costOf(larger) >= costOf(given) - 1e-6);
      assert.ok(costOf(busier) >= costOf(given) - 1e-6);
      assert.ok(costOf(given) >= 0 && Number.isFinite(costOf(given)));
    }),
  );
});
