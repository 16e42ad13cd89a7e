// Adapter laws of delivery that a log and a bus that is asked keep alike; they differ in how a scene is opened, and in how
// late a lease may be. What was acknowledged does not come again, what was not does, and nobody is held back by anybody.

import assert from 'node:assert/strict';
import type { Consumer } from '../../adapters/adapter.ts';
import type { CloudEvent } from '../../router/event.ts';
import { sameEvent } from '../harness/events.ts';
import {
  ack,
  type BusScene,
  type Call,
  codeOf,
  idle,
  ids,
  type Law,
  type LawParts,
  made,
  publishAll,
  type RuleScript,
  record,
  retryAfter,
  subscribe,
  until,
} from './adapter-harness.ts';

/** Opens the scene that a law needs, and closes it: withScene, or one with the law's rules. */
export type Within = (parts: LawParts, check: (scene: BusScene) => Promise<void>) => Promise<void>;

export const numbered = (prefix: string, count: number, type?: string): CloudEvent[] =>
  Array.from({ length: count }, (_, i) => made(`${prefix}${i}`, type === undefined ? {} : { type }));

export const keyed = (key: string, count: number, from = 0): CloudEvent[] =>
  Array.from({ length: count }, (_, i) => made(`${key}${i + from}`, { key }));

export const ofKey = (found: readonly string[], key: string): string[] => found.filter((id) => id.startsWith(key));

/** No two deliveries of one key were ever under way at once. */
export function checkOneAtATime(calls: readonly Call[]): void {
  for (const [i, call] of calls.entries()) {
    const next = calls.slice(i + 1).find((later) => later.key === call.key && call.key !== undefined);
    assert.ok(next === undefined || call.endedAt! <= next.startedAt, `${next?.id} began before ${call.id} had ended`);
  }
}

/** Rule `bad` gets every event beside rule `good`; good must get all, and none of them again after a restart. */
export function holdsBackNobody(within: Within, bad: NonNullable<RuleScript['deliver']>): Law {
  return (parts) =>
    within(parts, async ({ adapter, reopen }) => {
      const events = numbered('e', 100);
      const before = record({ bad: { deliver: bad }, good: {} });
      const first = subscribe(adapter, before);
      await publishAll(adapter, events);
      await until(() => before.acked('good').length >= 100, 'the good target gets all', parts.waitMs);
      const tried = () => new Set(before.of('bad').map(({ id }) => id)).size;
      await until(() => tried() === 100, 'the bad target is tried with all', parts.waitMs);
      await first.stop();

      const again = await reopen();
      const after = record({ bad: {}, good: {} });
      const second = subscribe(again, after);
      await publishAll(again, [made('marker')]);
      await until(() => after.acked('good').includes('marker'), 'it goes on', parts.waitMs);
      await second.stop();

      assert.deepEqual([...before.acked('good')].sort(), ids(events).sort());
      assert.deepEqual(after.acked('good'), ['marker']);
    });
}

/** Rule `r`. A retry comes at most `earlyMs` before and `lateMs` after its time. */
export function retriesInTime(within: Within, { earlyMs, lateMs }: { earlyMs: number; lateMs: number }): Law {
  return (parts) =>
    within(parts, async ({ adapter }) => {
      const answers = [retryAfter(700), retryAfter(300, false), retryAfter(0), retryAfter(400)];
      const recorder = record({ r: { deliver: () => answers.shift() ?? ack } });
      const running = subscribe(adapter, recorder);
      await publishAll(adapter, [made('a')]);
      await until(() => recorder.acked('r').length === 1, 'it is delivered in the end', parts.waitMs + 15_000);

      await running.stop();

      const calls = recorder.of('r');
      assert.deepEqual(
        calls.map((call) => call.attempt),
        [1, 2, 2, 3, 4],
      );
      for (const [i, call] of calls.slice(1).entries()) {
        const { outcome, endedAt } = calls[i]!;
        const waited = call.startedAt - endedAt!;
        const due = outcome?.kind === 'retry' ? outcome.afterMs : 0;
        const inTime = waited >= due - earlyMs && waited <= due + lateMs;
        assert.ok(inTime, `asked for ${due} ms, came after ${waited} ms`);
      }
    });
}

/** Rule `r`. `mostAttempts`: a bus that leases may have counted more tries than were made. */
export function comesAgain(within: Within, mostAttempts: number): Law {
  return (parts) =>
    within(parts, async ({ adapter, reopen }) => {
      const before = record({ r: { deliver: ({ id }) => (id === 'b' ? retryAfter(500) : ack) } });
      const first = subscribe(adapter, before);
      await publishAll(adapter, [made('a'), made('b'), made('c')]);
      await until(() => before.calls.length >= 3, 'all are tried', parts.waitMs);
      await first.stop();

      const again = await reopen();
      const after = record({ r: {} });
      const second = subscribe(again, after);
      await until(() => after.acked('r').includes('b'), 'what was not acknowledged comes again', parts.waitMs + 5_000);
      await publishAll(again, [made('d')]);
      await until(() => after.acked('r').includes('d'), 'it goes on', parts.waitMs);
      await second.stop();

      assert.deepEqual(after.acked('r'), ['b', 'd']);
      const { attempt, event } = after.calls[0]!;
      assert.ok(attempt >= 2 && attempt <= mostAttempts, `attempts are counted over a restart: ${attempt}`);
      assert.ok(sameEvent(event, made('b')));
    });
}

/** Rule `r`, of any type. The first `inVain` refusals cannot be made durable, so what is refused must come again. */
export function refusesGarbage(within: Within, inVain: number): Law {
  return (parts) =>
    within(parts, async ({ adapter, writeGarbage }) => {
      assert.ok(writeGarbage !== undefined, 'give the scene writeGarbage(), or list the law under skip');
      const recorder = record({ r: {} });
      let refusals = 0;
      const refuse: Consumer['refuse'] = (refused) =>
        refusals++ < inVain ? Promise.reject(new Error('no room')) : recorder.consumer.refuse(refused);
      const running = subscribe(adapter, { ...recorder, consumer: { ...recorder.consumer, refuse } });
      await publishAll(adapter, [made('a')]);
      const bytes = await writeGarbage();
      await publishAll(adapter, [made('b')]);
      await until(() => recorder.acked('r').length === 2, 'the events around it are delivered', parts.waitMs);
      await until(() => recorder.refused.length === 1, 'it is refused', parts.waitMs + 10_000);

      await running.stop();

      assert.equal(refusals, inVain + 1);
      assert.ok(recorder.refused[0]!.bytes.equals(bytes));
      assert.ok(recorder.refused[0]!.reason.length > 0);
    });
}

/** Rule `r`. */
export function stopsAndGoes(within: Within): Law {
  return (parts) =>
    within(parts, async ({ adapter }) => {
      const recorder = record({ r: {} });
      for (const id of ['a', 'b', 'c']) {
        const running = subscribe(adapter, recorder);
        await publishAll(adapter, [made(id)]);
        await until(() => recorder.acked('r').includes(id), `'${id}' is delivered`, parts.waitMs);
        await running.stop();
      }
      assert.deepEqual(recorder.acked('r'), ['a', 'b', 'c']);

      const last = subscribe(adapter, recorder);
      await adapter.close();
      // Resolved or CLOSED: in any case it has ended.
      await last.stop().catch((thrown: unknown) => assert.equal((thrown as { code?: unknown }).code, 'CLOSED'));
      assert.equal(await codeOf(async () => adapter.subscribe!(recorder.consumer, idle)), 'CLOSED');
    });
}
