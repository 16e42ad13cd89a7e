// Adapter laws of order: events of one key one after the other, whatever fails, and nobody else held back for it.

import assert from 'node:assert/strict';
import type { CloudEvent } from '../../router/event.ts';
import { checkOneAtATime, keyed, ofKey } from './adapter-delivery.ts';
import {
  type AdapterLaw,
  ack,
  type Call,
  ids,
  type Law,
  made,
  publishAll,
  type Recorder,
  record,
  retryAfter,
  subscribe,
  until,
  withScene,
} from './adapter-harness.ts';

const interleaved = (...lists: readonly (readonly CloudEvent[])[]): CloudEvent[] =>
  Array.from({ length: Math.max(...lists.map((list) => list.length)) }, (_, i) =>
    lists.flatMap((list) => (list[i] === undefined ? [] : [list[i]])),
  ).flat();

const orderPerKey: Law = (parts) =>
  withScene(parts, async ({ adapter }) => {
    assert.ok(adapter.capabilities.order, 'not claimed: list the law under skip');
    const events = interleaved(keyed('p', 50), keyed('q', 50), keyed('r', 50));
    const recorder = record({});
    const running = subscribe(adapter, recorder);
    for (let i = 0; i < events.length; i += 15) await publishAll(adapter, events.slice(i, i + 15));
    await until(() => recorder.matched.length === events.length, 'all are read', parts.waitMs);

    await running.stop();

    const found = ids(recorder.matched);
    for (const key of ['p', 'q', 'r']) assert.deepEqual(ofKey(found, key), ids(keyed(key, 50)));
  });

function failing(id: string, times: number, afterMs: number): (call: Call) => ReturnType<typeof retryAfter> {
  let left = times;
  return (call) => (call.id === id && left-- > 0 ? retryAfter(afterMs) : ack);
}

const parkedKey: Law = (parts) =>
  withScene(parts, async ({ adapter }) => {
    const recorder = record({ r: { ordered: true, deliver: failing('p1', 2, 500) } });
    const running = subscribe(adapter, recorder);
    await publishAll(adapter, interleaved(keyed('p', 6), keyed('q', 6), [made('n0')]));
    await until(() => recorder.of('r').some((call) => call.id === 'p1'), 'it fails', parts.waitMs);
    await publishAll(adapter, [...keyed('p', 4, 6), ...keyed('q', 4, 6)]);
    await until(() => recorder.acked('r').length === 21, 'all are delivered', parts.waitMs + 5_000);

    await running.stop();

    const found = recorder.acked('r');
    assert.deepEqual(ofKey(found, 'p'), ids(keyed('p', 10)));
    assert.deepEqual(ofKey(found, 'q'), ids(keyed('q', 10)));
    assert.ok(found.indexOf('q9') < found.indexOf('p1'), 'other keys go on');
    assert.ok(found.indexOf('n0') < found.indexOf('p1'), 'events without a key go on');
    checkOneAtATime(recorder.of('r'));
  });

const parkedKeyAfterRestart: Law = (parts) =>
  withScene(parts, async ({ adapter, reopen }) => {
    const before = record({ r: { ordered: true, deliver: failing('p1', 1, 1_000) } });
    const first = subscribe(adapter, before);
    await publishAll(adapter, keyed('p', 5));
    await until(() => before.of('r').some((call) => call.id === 'p1'), 'it fails', parts.waitMs);
    await first.stop();

    const again = await reopen();
    const after = record({ r: { ordered: true, deliver: failing('p2', 1, 200) } });
    const second = subscribe(again, after);
    await publishAll(again, keyed('p', 3, 5));
    await until(() => after.acked('r').length === 7, 'all are delivered', parts.waitMs + 5_000);
    await second.stop();

    assert.deepEqual([...before.acked('r'), ...after.acked('r')], ids(keyed('p', 8)));
    checkOneAtATime(after.of('r'));
  });

/** The rule stops asking for order (a changed document) while `parked` or waiting in memory. */
async function orderGivenUp(
  recorder: Recorder,
  publish: (events: readonly CloudEvent[]) => Promise<void>,
  waitMs: number,
) {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  recorder.rules.set('r', { ordered: true, deliver: async ({ id }) => (id === 'm0' ? held.then(() => ack) : ack) });
  await publish(keyed('m', 4));
  await until(() => recorder.of('r').some((call) => call.id === 'm0'), 'the first is under way', waitMs);
  await until(() => recorder.matched.length === 4, 'the others wait', waitMs);
  recorder.rules.set('r', { ordered: false });
  release();
  await until(() => ofKey(recorder.acked('r'), 'm').length === 4, 'what waited in memory is delivered', waitMs);

  recorder.rules.set('r', { ordered: true, deliver: failing('p0', 1, 500) });
  await publish(keyed('p', 4));
  await until(() => recorder.of('r').some((call) => call.id === 'p0'), 'the first fails', waitMs);
  await until(() => recorder.matched.length === 8, 'the others are parked', waitMs);
  recorder.rules.set('r', { ordered: false });
  await until(() => ofKey(recorder.acked('r'), 'p').length === 4, 'what was parked is delivered', waitMs + 3_000);
}

const ruleGone: Law = (parts) =>
  withScene(parts, async ({ adapter }) => {
    const recorder = record({});
    const running = subscribe(adapter, recorder);
    await orderGivenUp(recorder, (events) => publishAll(adapter, events), parts.waitMs);
    await running.stop();
  });

export const orderLaws = {
  'order per key': orderPerKey,
  'parked key': parkedKey,
  'parked key after restart': parkedKeyAfterRestart,
  'rule gone': ruleGone,
} satisfies Partial<Record<AdapterLaw, Law>>;
