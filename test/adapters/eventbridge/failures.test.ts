// The failure log on the strict fake of SQS: where records go, what a listing and a removal promise beside others and over
// time, and what becomes of faults on the way.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import type { Adapter } from '../../../adapters/adapter.ts';
import { open } from '../../../adapters/eventbridge/adapter.ts';
import { type Redriven, redrive } from '../../../functions/redrive.ts';
import type { ActiveRule, Verdict } from '../../../router/consume.ts';
import { type ErrorCode, RouterError } from '../../../router/errors.ts';
import { type FailureLog, type FailureRecord, failureId } from '../../../router/failure.ts';
import { codeOf, idle, made, until } from '../../contract/adapter-harness.ts';
import type { Call, WireFault } from '../../fakes/aws-json.ts';
import type { FakeSqs, SqsSettings } from '../../fakes/sqs.ts';
import { sameEvent } from '../../harness/events.ts';
import { BUS, canary, envelopeOf, partsFor, type Queues, startQueues } from './scene.ts';

const MINUTE_MS = 61_000;

interface Scene extends Queues {
  /** Shifts the time of the queues and of every process. */
  later(ms: number): void;
  /** Another process. */
  open(env?: Readonly<Record<string, string>>): Promise<Adapter & { readonly failures: FailureLog }>;
}

async function withQueues(check: (scene: Scene) => Promise<void>, settings: SqsSettings = {}): Promise<void> {
  let shift = 0;
  const now = (): number => Date.now() + shift;
  const queues = await startQueues({ now, ...settings });
  const opened: Adapter[] = [];
  const open_ = async (env: Readonly<Record<string, string>> = {}) => {
    const parts = partsFor(queues.sqs, [], { env: { ...queues.env, ...env }, now });
    const adapter = await open({ bus: BUS }, parts);
    opened.push(adapter);
    assert.ok(adapter.failures !== undefined);
    return { ...adapter, failures: adapter.failures };
  };
  const later = (ms: number): void => {
    shift += ms;
  };
  try {
    await check({ ...queues, later, open: open_ });
  } finally {
    await Promise.all(opened.map((adapter) => adapter.close()));
    await queues.sqs.close();
  }
}

let seconds = 0;

function failureOf(id: string, more: Partial<FailureRecord> = {}): FailureRecord {
  const at = new Date(Date.UTC(2030, 0, 1) + 1_000 * seconds++).toISOString();
  const about = { ruleHash: null, code: 'TARGET_STATUS', reason: 'answered 500', attempts: 5, at } as const;
  return { id, rule: 'r', ...about, event: made(id), ...more };
}

const listed = (failures: FailureLog, signal = idle): Promise<FailureRecord[]> =>
  Array.fromAsync(failures.list(signal));
const idsOf = (records: readonly { readonly id: string }[]): string[] => records.map(({ id }) => id);
const countOf = ({ calls }: FakeSqs, operation: string): number =>
  calls.filter((call) => call.operation === operation).length;

test('eventbridge failures: a record goes to the queue of its rule, any other to that for all others', () =>
  withQueues(async ({ sqs, own, any, open }) => {
    const { failures } = await open();
    await failures.write(failureOf('a'));
    await failures.write(failureOf('b', { rule: 'another' }));
    await failures.write(failureOf('c', { rule: null, event: null, bytes: Buffer.from('{') }));

    const idsIn = (url: string): string[] =>
      sqs.messages(url).map(({ attributes }) => String(attributes.get('busway-id')?.value));
    assert.deepEqual([idsIn(own), idsIn(any)], [['a'], ['b', 'c']]);
    assert.deepEqual(idsOf(await listed(failures)), ['a', 'b', 'c']);
  }));

test('eventbridge failures: 120 records of several queues are all listed, oldest first, though a poll brings a few', () =>
  withQueues(async ({ sqs, open }) => {
    const queues = Object.fromEntries(['r0', 'r1', 'r2', '*'].map((rule, i) => [rule, sqs.createQueue(`dead-${i}`)]));
    const { failures } = await open({ BUSWAY_FAILURES: JSON.stringify(queues) });
    const records = Array.from({ length: 120 }, (_, i) => failureOf(`f${i}`, { rule: `r${i % 4}` }));
    for (const i of records.keys()) await failures.write(records[(i * 7) % records.length]!);

    assert.deepEqual(idsOf(await listed(failures)), idsOf(records));
    assert.deepEqual(idsOf(await listed(failures)), idsOf(records), 'a second listing of this process sees them too');
  }));

test('eventbridge failures: of copies the newest counts, in whatever queue, and remove deletes them all', () =>
  withQueues(async ({ sqs, own, any, open }) => {
    const { failures } = await open();
    const event = made('twice');
    const id = failureId('r', event);
    sqs.send(any, envelopeOf(event), { 'busway-rule': 'r' });
    await failures.write(failureOf(id, { event, reason: 'newer', attempts: 7 }));
    await failures.write(failureOf(id, { event, reason: 'older', attempts: 6, at: '2029-12-31T00:00:00.000Z' }));

    const [found, ...others] = await listed(failures);
    assert.deepEqual([found?.reason, found?.attempts, others], ['newer', 7, []]);
    await failures.remove([id]);
    assert.deepEqual([sqs.messages(own).length, sqs.messages(any).length], [0, 0]);
  }));

test('eventbridge failures: what SQS moved out of a queue is listed with its attempts, also what is no event', () =>
  withQueues(async ({ sqs, own, open }) => {
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: sqs.arnOf(own), maxReceiveCount: 3 });
    const source = sqs.createQueue('orders', { RedrivePolicy, VisibilityTimeout: '0' });
    const event = made('moved');
    sqs.send(source, envelopeOf(event));
    sqs.send(source, 'no event');
    const lambda = await open({ BUSWAY_FAILURES: JSON.stringify({ '*': source }) });
    // Each look is an attempt that ends in nothing.
    while (sqs.messages(own).length < 2) {
      await listed(lambda.failures);
      await lambda.failures.remove(['none']);
    }
    await lambda.close();

    const { failures } = await open();
    const found = await listed(failures);

    const good = found.find((record) => record.event !== null);
    const bad = found.find((record) => record.event === null);
    assert.ok(good?.event != null && sameEvent(good.event, event));
    assert.deepEqual([good.rule, good.code, good.attempts], ['r', 'ATTEMPTS_EXHAUSTED', 3]);
    assert.equal(good.id, failureId('r', event));
    assert.deepEqual([bad?.rule, bad?.code, bad?.bytes?.toString()], ['r', 'ATTEMPTS_EXHAUSTED', 'no event']);
    await failures.remove(idsOf(found));
    assert.equal(sqs.messages(own).length, 0);
  }));

test('eventbridge failures: while one process looks another sees nothing, and all as soon as that one closes', () =>
  withQueues(async ({ open }) => {
    const first = await open();
    const second = await open();
    await first.failures.write(failureOf('a'));
    assert.deepEqual(idsOf(await listed(first.failures)), ['a']);

    assert.deepEqual(await listed(second.failures), []);
    await first.close();
    assert.deepEqual(idsOf(await listed(second.failures)), ['a']);
  }));

test('eventbridge failures: what a process that died held comes again after a minute', () =>
  withQueues(async ({ open, later }) => {
    const died = await open();
    const next = await open();
    await died.failures.write(failureOf('a'));
    await listed(died.failures);

    later(MINUTE_MS);
    assert.deepEqual(idsOf(await listed(next.failures)), ['a']);
  }));

test('eventbridge failures: remove uses what the listing was handed, and looks again only when that is a minute old', () =>
  withQueues(async ({ sqs, own, open, later }) => {
    const { failures } = await open();
    for (const id of ['a', 'b', 'c']) await failures.write(failureOf(id));
    await listed(failures);
    const looked = countOf(sqs, 'ReceiveMessage');

    await failures.remove(['a', 'b']);
    assert.equal(countOf(sqs, 'ReceiveMessage'), looked);
    later(MINUTE_MS);
    await failures.remove(['c']);
    assert.ok(countOf(sqs, 'ReceiveMessage') > looked);
    assert.equal(sqs.messages(own).length, 0);
  }));

test('eventbridge failures: a receipt that another process made worthless is not taken for a removal', () =>
  withQueues(async ({ sqs, own, open, later }) => {
    const first = await open();
    const second = await open();
    await first.failures.write(failureOf('a'));
    await listed(first.failures);
    later(MINUTE_MS);
    await listed(second.failures);
    await second.close();

    await first.failures.remove(['a']);
    assert.equal(sqs.messages(own).length, 0);
  }));

test('eventbridge failures: a copy written after the listing is removed too', () =>
  withQueues(async ({ sqs, own, open }) => {
    const { failures } = await open();
    await failures.write(failureOf('a'));
    await listed(failures);
    await failures.write(failureOf('a', { reason: 'again' }));

    await failures.remove(['a', 'unknown']);
    assert.equal(sqs.messages(own).length, 0);
  }));

function ruleOf(name: string, verdict: (id: string) => Verdict): ActiveRule {
  return {
    name,
    hash: 'hash-of-now',
    ordered: false,
    retry: { attempts: 1, firstMs: 1, maxMs: 1 },
    matches: () => true,
    deliver: async ({ event }) => verdict(event.attributes.id),
  };
}

test('eventbridge failures: a redrive delivers what it can, keeps the rest with its new reason, and loses nothing', () =>
  withQueues(async ({ sqs, own, any, open }) => {
    const { failures } = await open();
    for (let i = 0; i < 12; i++) {
      const event = made(`e${i}`);
      await failures.write(failureOf(failureId('r', event), { event }));
    }
    sqs.send(own, envelopeOf(made('moved')));
    await failures.write(failureOf('no-event', { rule: null, event: null, bytes: Buffer.from('?') }));
    const verdict = (id: string): Verdict =>
      id === 'e3' || id === 'moved' ? { kind: 'dead', code: 'TARGET_STATUS', reason: 'answered 404' } : { kind: 'ack' };
    const parts = { rules: new Map([['r', ruleOf('r', verdict)]]), failures, now: () => Date.UTC(2031, 0, 1) };

    const results: Redriven[] = await Array.fromAsync(redrive(parts, {}, idle));

    assert.equal(results.filter(({ ok }) => ok).length, 11);
    const left = await listed(failures);
    assert.deepEqual(left.map((record) => [record.event?.attributes.id, record.reason, record.attempts]).sort(), [
      [undefined, 'answered 500', 5],
      ['e3', 'answered 404', 6],
      ['moved', 'answered 404', 2],
    ]);
    await failures.remove(idsOf(left));
    assert.deepEqual([sqs.messages(own).length, sqs.messages(any).length], [0, 0]);
  }));

const isOf = (operation: string) => (call: Call) => call.operation === operation;

function first(operation: string, fault: WireFault, times = 1): (call: Call) => WireFault | undefined {
  return (call) => (isOf(operation)(call) && call.number < times ? fault : undefined);
}

const passing: readonly (readonly [string, WireFault])[] = [
  ['throttling', { kind: 'refuse', type: 'RequestThrottled' }],
  ['a fault of the service', { kind: 'refuse', type: 'InternalError', status: 500 }],
  ['a connection that breaks before', { kind: 'reset', taken: false }],
  ['a connection that breaks after', { kind: 'reset', taken: true }],
];
for (const [name, fault] of passing) {
  test(`eventbridge failures: after ${name} a record is written, and listed once`, () =>
    withQueues(
      async ({ open }) => {
        const { failures } = await open();
        await failures.write(failureOf('a'));

        assert.deepEqual(idsOf(await listed(failures)), ['a']);
        await failures.remove(['a']);
        assert.deepEqual(await listed(failures), []);
      },
      { fault: first('SendMessage', fault, 2) },
    ));
}

test('eventbridge failures: a listing whose answer was lost is an error and not a part', () =>
  withQueues(
    async ({ sqs, open }) => {
      const { failures } = await open();
      for (let i = 0; i < 9; i++) await failures.write(failureOf(`f${i}`));

      assert.equal(await codeOf(() => listed(failures)), 'BUS_UNAVAILABLE');
      assert.ok(countOf(sqs, 'ChangeMessageVisibilityBatch') > 0, 'what was seen is given back');
    },
    {
      fault: (call) => (isOf('ReceiveMessage')(call) && call.number === 1 ? { kind: 'reset', taken: true } : undefined),
    },
  ));

test('eventbridge failures: a record that SQS did not delete is asked for again, then it is an error', () =>
  withQueues(
    async ({ open }) => {
      const { failures } = await open();
      await failures.write(failureOf('a'));
      await listed(failures);

      await failures.remove(['a']);
      assert.deepEqual(await listed(failures), []);
      await failures.write(failureOf('b'));
      assert.equal(await codeOf(() => failures.remove(['b'])), 'BUS_UNAVAILABLE');
    },
    {
      fault: (call) =>
        isOf('DeleteMessageBatch')(call)
          ? { kind: 'answer', body: '{"Failed":[{"Id":"0","Code":"InternalError","SenderFault":false}]}' }
          : undefined,
    },
  ));

const refusals: readonly (readonly [string, ErrorCode, number?])[] = [
  ['QueueDoesNotExist', 'NOT_FOUND'],
  ['AccessDeniedException', 'UNAUTHORIZED', 403],
  ['KmsAccessDenied', 'UNAUTHORIZED'],
  ['KmsDisabled', 'UNAUTHORIZED'],
  ['UnrecognizedClientException', 'UNAUTHORIZED'],
  ['ExpiredTokenException', 'UNAUTHORIZED'],
  ['InvalidSignatureException', 'UNAUTHORIZED'],
  ['RequestThrottled', 'THROTTLED'],
  ['KmsThrottled', 'THROTTLED'],
  ['ThrottlingException', 'THROTTLED'],
  ['OverLimit', 'THROTTLED'],
  ['InvalidMessageContents', 'NOT_CARRIABLE'],
  ['SomethingNew', 'BUS_UNAVAILABLE'],
  ['SomethingNew', 'BUS_UNAVAILABLE', 503],
];
for (const [type, code, status = 400] of refusals) {
  test(`eventbridge failures: ${type} with ${status} is ${code} when a record is written and when records are listed`, () =>
    withQueues(
      async ({ open }) => {
        const { failures } = await open();
        for (const work of [() => failures.write(failureOf('a')), () => listed(failures)]) {
          await assert.rejects(work(), (thrown) => {
            assert.ok(thrown instanceof RouterError && thrown.code === code, inspect(thrown));
            assert.match(thrown.message, new RegExp(`^eventbridge: queue '(?:r-)?failures' .*${type}`));
            return true;
          });
        }
      },
      { fault: () => ({ kind: 'refuse', type, status }) },
    ));
}

test('eventbridge failures: a queue that is missing, keys that are wrong and a right that lacks say so', async () => {
  await withQueues(async ({ sqs, any, open }) => {
    const absent = any.replace(/failures$/, 'absent');
    const { failures } = await open({ BUSWAY_FAILURES: JSON.stringify({ r: absent, '*': any }) });
    await assert.rejects(failures.write(failureOf('a')), {
      code: 'NOT_FOUND',
      message: /queue 'absent' does not exist/,
    });
    await assert.rejects(listed(failures), { code: 'NOT_FOUND', message: /queue 'absent'/ });
    const stranger = await open({ AWS_SECRET_ACCESS_KEY: 'another' });
    assert.equal(await codeOf(() => stranger.failures.write(failureOf('a'))), 'UNAUTHORIZED');
    assert.equal(countOf(sqs, 'SendMessage'), 1, 'what is refused for good is not tried again');
  });
  await withQueues(
    async ({ open }) => {
      const { failures } = await open();
      await failures.write(failureOf('a'));
      assert.equal(await codeOf(() => listed(failures)), 'UNAUTHORIZED');
    },
    { denied: ['ReceiveMessage'] },
  );
});

test('eventbridge failures: a queue that takes less than the bus does is EVENT_TOO_LARGE, and the event stays where it is', () =>
  withQueues(async ({ sqs, open }) => {
    const small = sqs.createQueue('small', { MaximumMessageSize: '1024' });
    const { failures } = await open({ BUSWAY_FAILURES: JSON.stringify({ '*': small }) });
    const event = {
      ...made('large'),
      data: { kind: 'json' as const, bytes: Buffer.from(JSON.stringify('x'.repeat(2_000))) },
    };
    await assert.rejects(failures.write(failureOf('a', { event })), {
      code: 'EVENT_TOO_LARGE',
      message: /queue 'small'/,
    });
  }));

test('eventbridge failures: an abort ends a listing within a second, a close says CLOSED, and both let go', () =>
  withQueues(
    async ({ sqs, open }) => {
      const { failures, close } = await open();
      await failures.write(failureOf('a'));
      const control = new AbortController();
      const asked = codeOf(() => listed(failures, control.signal));
      await until(() => countOf(sqs, 'ReceiveMessage') > 0, 'a listing is under way', 5_000);
      const begun = performance.now();
      control.abort();
      assert.equal(await asked, 'ABORTED');

      const closed = codeOf(() => failures.remove(['a']));
      await until(() => countOf(sqs, 'ReceiveMessage') > 2, 'a removal is under way', 5_000);
      await close();
      assert.equal(await closed, 'CLOSED');
      assert.ok(performance.now() - begun < 2_000);
      assert.equal(await codeOf(() => failures.write(failureOf('b'))), 'CLOSED');
      assert.equal(await codeOf(() => listed(failures)), 'CLOSED');
    },
    { fault: (call) => (isOf('ReceiveMessage')(call) ? { kind: 'hang' } : undefined) },
  ));

test('eventbridge failures: no secret in what goes wrong', () =>
  withQueues(
    async ({ open }) => {
      const { failures } = await open();
      const works = [() => failures.write(failureOf('a')), () => listed(failures), () => failures.remove(['a'])];
      for (const work of works) {
        const thrown: unknown = await work().catch((error: unknown) => error);
        assert.ok(thrown instanceof RouterError && !inspect(thrown, { depth: 9 }).includes(canary), inspect(thrown));
      }
    },
    { fault: () => ({ kind: 'answer', status: 400, body: `{"__type":"${canary}","message":"${canary}"}` }) },
  ));
