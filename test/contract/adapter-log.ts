// Adapter laws of a log bus: read once for all rules, and nobody held back by anybody. What was delivered does not come
// again after a restart; what was not does.

import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { binaryData, type CloudEvent } from '../../router/event.ts';
import type { FailureRecord } from '../../router/failure.ts';
import { sameEvent } from '../harness/events.ts';
import {
  comesAgain,
  holdsBackNobody,
  numbered,
  refusesGarbage,
  retriesInTime,
  stopsAndGoes,
} from './adapter-delivery.ts';
import {
  type AdapterLaw,
  hang,
  idle,
  ids,
  type Law,
  made,
  publishAll,
  record,
  retryAfter,
  subscribe,
  until,
  withScene,
} from './adapter-harness.ts';

const readOnce: Law = (parts) =>
  withScene(parts, async ({ adapter }) => {
    const recorder = record({ all: {}, x: { types: ['x'] }, both: { types: ['x', 'y'] }, none: { types: ['z'] } });
    const running = subscribe(adapter, recorder);
    const events = [...numbered('x', 20, 'x'), ...numbered('y', 20, 'y'), ...numbered('o', 20)];
    for (const event of events) await publishAll(adapter, [event]);
    await until(() => recorder.calls.length >= 60 + 20 + 40, 'every matching rule is delivered to', parts.waitMs);

    await running.stop();

    assert.deepEqual(ids(recorder.matched).sort(), ids(events).sort());
    assert.deepEqual([...recorder.acked('all')].sort(), ids(events).sort());
    assert.deepEqual([...recorder.acked('x')].sort(), ids(events.slice(0, 20)).sort());
    assert.deepEqual([...recorder.acked('both')].sort(), ids(events.slice(0, 40)).sort());
    assert.equal(recorder.of('none').length, 0);
    assert.ok(recorder.calls.every((call) => call.attempt === 1));
  });

const busyNeighbour: Law = (parts) =>
  withScene(parts, async ({ adapter }) => {
    const recorder = record({
      stuck: {
        types: ['stuck'],
        deliver: (call, signal) => (call.attempt === 1 ? retryAfter(10) : hang(call, signal)),
      },
      other: { types: ['other'], deliver: ({ attempt }) => (attempt === 1 ? retryAfter(500) : { kind: 'ack' }) },
    });
    const running = subscribe(adapter, recorder);
    await publishAll(adapter, numbered('s', 400, 'stuck'));
    await until(() => recorder.of('stuck').some((call) => call.attempt === 2), 'retries hang', parts.waitMs);

    await publishAll(adapter, [made('o', { type: 'other' })]);
    await until(() => recorder.acked('other').length === 1, 'the other rule is retried', parts.waitMs);
    const [first, second] = recorder.of('other');
    await running.stop();

    assert.ok(second!.startedAt - first!.endedAt! <= 2_500, 'it was held back by another rule');
  });

function failure(id: string, second: number, event: CloudEvent | null = made(id)): FailureRecord {
  const at = new Date(Date.UTC(2030, 0, 1, 0, 0, second)).toISOString();
  const base = {
    id,
    ruleHash: 'abcdef0123456789',
    code: 'TARGET_STATUS',
    reason: 'answered 500',
    attempts: 5,
    at,
  } as const;
  if (event === null) return { ...base, rule: null, ruleHash: null, event, bytes: Buffer.from([0, 255, 1]) };
  return { ...base, rule: 'r', event };
}

async function listed(failures: AsyncIterable<FailureRecord>): Promise<FailureRecord[]> {
  const found: FailureRecord[] = [];
  for await (const record of failures) found.push(record);
  return found;
}

const failures: Law = (parts) =>
  withScene(parts, async ({ adapter, reopen }) => {
    const binary = made('binary', { data: binaryData(Buffer.from([0, 254, 255])) });
    const records = [failure('3', 3), failure('1', 1, null), failure('2', 2, binary), failure('4', 4)];
    for (const written of records) await adapter.failures!.write(written);
    await adapter.failures!.write({ ...failure('3', 9), reason: 'answered 503', attempts: 6 });
    await adapter.failures!.remove(['4', 'unknown']);

    const log = (await reopen()).failures!;
    const found = await listed(log.list(idle));

    assert.deepEqual(
      found.map((record) => [record.id, record.reason, record.attempts, record.rule]),
      [
        ['1', 'answered 500', 5, null],
        ['2', 'answered 500', 5, 'r'],
        ['3', 'answered 503', 6, 'r'],
      ],
    );
    assert.ok(found[0]!.event === null && found[0]!.bytes?.equals(Buffer.from([0, 255, 1])), inspect(found[0]));
    assert.ok(sameEvent(found[1]!.event!, binary), inspect(found[1]));
    assert.equal(found[1]!.at, failure('2', 2).at);
    await log.remove(['1', '2', '3']);
    assert.deepEqual(await listed(log.list(idle)), []);
  });

async function collect(events: AsyncIterable<CloudEvent>): Promise<string[]> {
  const found: string[] = [];
  for await (const event of events) found.push(event.attributes.id);
  return found;
}

const tail: Law = (parts) =>
  withScene(parts, async ({ adapter }) => {
    const tailOf = (last: number, follow: boolean, signal = AbortSignal.timeout(parts.waitMs)) =>
      adapter.tail!({ last, follow }, signal);
    for (const event of numbered('e', 5)) await publishAll(adapter, [event]);

    const newest = await collect(tailOf(2, false));
    const all = await collect(tailOf(100, false));
    const none = await collect(tailOf(0, false));
    const control = new AbortController();
    const seen: string[] = [];
    const following = (async () => {
      for await (const event of tailOf(1, true, control.signal)) seen.push(event.attributes.id);
    })();
    await until(() => seen.length === 1, 'the newest is there', parts.waitMs);
    await publishAll(adapter, [made('later')]);
    await until(() => seen.length === 2, 'what comes is there', parts.waitMs);
    const begun = performance.now();
    control.abort();
    await following;

    assert.ok(performance.now() - begun < 1_000, 'tail ends within 1 s of an abort');
    assert.deepEqual([newest, none, seen], [['e3', 'e4'], [], ['e4', 'later']]);
    assert.deepEqual(all, ['e0', 'e1', 'e2', 'e3', 'e4']);
    const recorder = record({ r: {} });
    const running = subscribe(adapter, recorder);
    await until(() => recorder.acked('r').length === 6, 'tail has moved no consumer', parts.waitMs);
    await running.stop();
  });

export const logLaws = {
  'read once': readOnce,
  'failing target': holdsBackNobody(withScene, () => retryAfter(600_000)),
  'hanging target': holdsBackNobody(withScene, hang),
  'retry time': retriesInTime(withScene, { earlyMs: 0, lateMs: 2_000 }),
  'busy neighbour': busyNeighbour,
  unacked: comesAgain(withScene, 2),
  undecodable: refusesGarbage(withScene, 0),
  failures,
  tail,
  'stop and go': stopsAndGoes(withScene),
} satisfies Partial<Record<AdapterLaw, Law>>;
