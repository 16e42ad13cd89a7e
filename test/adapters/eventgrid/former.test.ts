// Subscriptions of a namespace that earlier filters left behind: pulled by the rule as it is now, delivered once where both
// bring an event, let go when they are deleted; and asking which exist takes nothing from anybody.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AdapterParts, Routed } from '../../../adapters/adapter.ts';
import { nameOf } from '../../../adapters/eventgrid/definitions.ts';
import { existingSubscriptions } from '../../../adapters/eventgrid/existing.ts';
import { compileEventGrid } from '../../../adapters/eventgrid/filter.ts';
import { toEventGridOptions } from '../../../adapters/eventgrid/options.ts';
import { record, subscribe, until } from '../../contract/adapter-harness.ts';
import type { FakeEventGrid } from '../../fakes/eventgrid.ts';
import { scaledClock } from '../../fakes/eventgrid-clock.ts';
import { key, orderEvent, ruleOf, withEventGrid } from './scene.ts';

const WAIT_MS = 8_000;
const idle = new AbortController().signal;
const options = toEventGridOptions({ topic: 'orders' });
const before = ruleOf('r', { type: ['order.placed', 'order.lost'] });
const now = ruleOf('r', { type: ['order.placed', 'order.found'] });
const former = nameOf(before, options);

async function create(fake: FakeEventGrid, rule: Routed): Promise<void> {
  const { native } = compileEventGrid(rule.when, { tier: 'namespace', filterable: [] });
  await fake.subscribe('orders', nameOf(rule, options), { filter: native! });
}

test('eventgrid former: what is left is delivered, and what both bring once', () =>
  withEventGrid({ clock: scaledClock(20) }, async ({ fake, open, namespace }) => {
    await create(fake, before);
    await create(fake, now);
    const rules = [{ ...now, formerly: [former] }];
    const adapter = await open(namespace(), { rules: () => rules });
    const recorder = record({ r: {} });
    const running = subscribe(adapter, recorder);
    const types = ['order.placed', 'order.lost', 'order.found', 'order.placed'];
    await adapter.publish(
      types.map((type, i) => orderEvent(`e${i}`, { type })),
      idle,
    );

    const isEmpty = (): boolean =>
      [former, nameOf(now, options)].every((name) => fake.queue('orders', name).size() === 0);
    await until(() => isEmpty() && recorder.calls.length >= 4, 'both are empty', WAIT_MS);
    await running.stop();

    assert.deepEqual(recorder.calls.map(({ id }) => id).sort(), ['e0', 'e1', 'e2', 'e3']);
  }));

test('eventgrid former: one that is gone is let go without a word, and is pulled again when its filter comes back', () =>
  withEventGrid({ clock: scaledClock(20) }, async ({ fake, open, namespace, warnings }) => {
    await create(fake, now);
    let rules: readonly Routed[] = [{ ...now, formerly: [former] }];
    const adapter = await open(namespace(), { rules: () => rules });
    const recorder = record({ r: {} });
    const running = subscribe(adapter, recorder);
    await until(() => fake.refused.length === 1, 'it was asked', WAIT_MS);
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    assert.deepEqual([fake.refused.length, warnings], [1, []], 'and is not asked again');

    await create(fake, before);
    rules = [before];
    await adapter.publish([orderEvent('a', { type: 'order.lost' })], idle);
    await until(() => recorder.acked('r').includes('a'), 'it is pulled', WAIT_MS);
    await running.stop();
  }));

test('eventgrid existing: subscriptions that are there are told from others, and no event is locked', () =>
  withEventGrid({}, async ({ fake, open, namespace, topic }) => {
    await create(fake, before);
    const adapter = await open(namespace());
    await adapter.publish([orderEvent('a', { type: 'order.lost' })], idle);
    const env = (name: string): string | undefined => (name === 'THE_KEY' ? key : undefined);
    const parts: AdapterParts = { dataDir: '', now: Date.now, env, onWarning: () => undefined };
    const names = [former, 'busway-r-0000000000000000'];
    const given = namespace() as Readonly<Record<string, unknown>>;

    assert.deepEqual(await existingSubscriptions({ options: given, names }, parts, idle), new Set([former]));
    assert.equal(fake.queue('orders', former).locked(), 0);
    const elsewhere = { options: { ...given, topic: 'no-such-topic' }, names };
    assert.deepEqual(await existingSubscriptions(elsewhere, parts, idle), new Set());
    const custom = { options: topic() as Readonly<Record<string, unknown>>, names };
    await assert.rejects(existingSubscriptions(custom, parts, idle), { code: 'UNSUPPORTED' });
    fake.faults.push({ on: 'renewLock', status: 503 });
    await assert.rejects(existingSubscriptions({ options: given, names }, parts, idle), { code: 'BUS_UNAVAILABLE' });
    fake.faults.push({ on: 'renewLock', status: 400 });
    assert.equal((await existingSubscriptions({ options: given, names: [former] }, parts, idle)).size, 1);
  }));
