// How one delivery ends: acknowledged, kept by the bus, or in a failure record that is durable first.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ActiveRule, ConsumeParts, Consumer, Outcome, Report, Verdict } from '../../router/consume.ts';
import { createConsumer } from '../../router/consume.ts';
import type { ErrorCode } from '../../router/errors.ts';
import type { CloudEvent } from '../../router/event.ts';
import { type FailureLog, type FailureRecord, failureId } from '../../router/failure.ts';
import { askEach } from '../harness/events.ts';

const idle = new AbortController().signal;
const event: CloudEvent = { attributes: { specversion: '1.0', id: '1', source: '/c', type: 't' } };
const NOW = Date.UTC(2030, 0, 1);

interface Scene {
  readonly consumer: Consumer;
  readonly written: FailureRecord[];
  readonly reports: Report[];
  deliver(attempt?: number): Promise<Outcome>;
}

function openScene(answer: () => Verdict | Promise<Verdict>, more: Partial<ConsumeParts> = {}): Scene {
  const written: FailureRecord[] = [];
  const reports: Report[] = [];
  const failures: FailureLog = {
    write: async (record) => void written.push(record),
    async *list() {},
    remove: async () => undefined,
  };
  const rule: ActiveRule = {
    name: 'r',
    hash: 'abc',
    ordered: true,
    retry: { attempts: 3, firstMs: 1_000, maxMs: 60_000 },
    matches: ({ attributes }) => attributes.type === 't',
    deliver: async () => answer(),
  };
  const rules = new Map([['r', rule]]);
  const onReport = (report: Report) => void reports.push(report);
  const consumer = createConsumer({
    rules: () => rules,
    match: (event) => askEach(rules, event),
    failures,
    now: () => NOW,
    random: () => 0,
    onReport,
    ...more,
  });
  return {
    consumer,
    written,
    reports,
    deliver: (attempt = 1) => consumer.deliver({ event, rule: 'r', attempt }, idle),
  };
}

const retry = (code: ErrorCode, afterMs?: number): Verdict => ({
  kind: 'retry',
  code,
  reason: 'because',
  ...(afterMs === undefined ? {} : { afterMs }),
});

test('consume: what the target has is acknowledged and reported', async () => {
  const scene = openScene(() => ({ kind: 'ack' }));
  assert.deepEqual(await scene.deliver(), { kind: 'ack' });
  assert.deepEqual(
    scene.reports.map(({ rule, attempt, result }) => [rule, attempt, result.kind]),
    [['r', 1, 'delivered']],
  );
  assert.deepEqual(scene.written, []);
});

test('consume: a retry waits for its backoff, or longer when the target asks', async () => {
  assert.deepEqual(await openScene(() => retry('TARGET_STATUS')).deliver(2), {
    kind: 'retry',
    afterMs: 1_000,
    counts: true,
  });
  assert.deepEqual(await openScene(() => retry('TARGET_STATUS', 9_000)).deliver(), {
    kind: 'retry',
    afterMs: 9_000,
    counts: true,
  });
  assert.deepEqual(await openScene(() => retry('TARGET_STATUS', 1)).deliver(), {
    kind: 'retry',
    afterMs: 500,
    counts: true,
  });
});

test('consume: whatever time a target asks for, the bus is given whole milliseconds up to a day', async () => {
  for (const asked of [Number.NaN, -5, Number.POSITIVE_INFINITY, 1e18, 1_234.5, Number.NEGATIVE_INFINITY]) {
    const outcome = await openScene(() => retry('TARGET_STATUS', asked)).deliver();
    assert.ok(outcome.kind === 'retry' && Number.isSafeInteger(outcome.afterMs), `${asked}`);
    assert.ok(outcome.afterMs >= 500 && outcome.afterMs <= 86_400_000, `${asked}: ${outcome.afterMs}`);
  }
});

test('consume: the last attempt ends in a failure record with everything known', async () => {
  const scene = openScene(() => retry('TARGET_STATUS'));

  assert.deepEqual(await scene.deliver(3), { kind: 'ack' });

  const id = failureId('r', event);
  const at = '2030-01-01T00:00:00.000Z';
  const reason = 'because';
  assert.deepEqual(scene.written, [
    { id, rule: 'r', ruleHash: 'abc', code: 'TARGET_STATUS', reason, attempts: 3, at, event },
  ]);
  assert.deepEqual(scene.reports[0]?.result, { kind: 'failed', code: 'TARGET_STATUS', reason, failure: id });
});

test('consume: dead is dead at the first attempt', async () => {
  const scene = openScene(() => ({ kind: 'dead', code: 'TARGET_STATUS', reason: 'answered 400' }));
  assert.deepEqual(await scene.deliver(), { kind: 'ack' });
  assert.equal(scene.written[0]?.attempts, 1);
});

test('consume: a target that was not tried, or was taken away, costs no attempt and is never the last one', async () => {
  for (const code of ['TARGET_BUSY', 'ABORTED', 'CLOSED'] as const) {
    const scene = openScene(() => retry(code));
    const outcome = await scene.deliver(99);
    assert.ok(outcome.kind === 'retry' && !outcome.counts, code);
    assert.deepEqual([scene.written, scene.reports], [[], []]);
  }
});

test('consume: a failure that cannot be recorded stays with the bus', async () => {
  const broken: FailureLog = {
    write: async () => {
      throw new Error('disk full');
    },
    async *list() {},
    remove: async () => undefined,
  };
  const scene = openScene(() => ({ kind: 'dead', code: 'TARGET_STATUS', reason: 'x' }), { failures: broken });
  const outcome = await scene.deliver();
  assert.ok(outcome.kind === 'retry' && !outcome.counts && outcome.afterMs > 0);
  await assert.rejects(scene.consumer.refuse({ code: 'DECODE_FAILED', reason: 'x', bytes: Buffer.from('x') }));
});

test('consume: a target that throws is tried again, and its words go nowhere', async () => {
  const scene = openScene(() => {
    throw new Error('secret-text');
  });
  assert.equal((await scene.deliver()).kind, 'retry');
  await scene.deliver(3);
  assert.equal(scene.written[0]?.code, 'INTERNAL');
  assert.ok(!JSON.stringify([scene.written, scene.reports]).includes('secret-text'));
});

test('consume: a delivery for a rule that is gone ends in a record that says so', async () => {
  const scene = openScene(() => ({ kind: 'ack' }));
  assert.deepEqual(await scene.consumer.deliver({ event, rule: 'old', attempt: 1 }, idle), { kind: 'ack' });
  const [record] = scene.written;
  assert.deepEqual([record?.rule, record?.ruleHash, record?.code], ['old', null, 'RULE_GONE']);
});

test('consume: whoever watches cannot stop a delivery', async () => {
  const breaks = (): never => {
    throw new Error('watcher');
  };
  const scene = openScene(() => ({ kind: 'ack' }), { onReport: breaks, onMatch: breaks });
  assert.deepEqual(scene.consumer.match(event), ['r']);
  assert.deepEqual(await scene.deliver(), { kind: 'ack' });

  const dead = openScene(() => ({ kind: 'dead', code: 'TARGET_STATUS', reason: 'x' }), { onReport: breaks });
  assert.deepEqual(await dead.deliver(), { kind: 'ack' });
});

test('consume: a record that is no event is written down with its bytes', async () => {
  const scene = openScene(() => ({ kind: 'ack' }));
  const bytes = Buffer.from([0, 255]);
  await scene.consumer.refuse({ code: 'DECODE_FAILED', reason: 'no event', bytes });
  const [record] = scene.written;
  assert.deepEqual([record?.event, record?.rule, record?.code, record?.bytes], [null, null, 'DECODE_FAILED', bytes]);
});

test('consume: rules are read at each call, in document order', () => {
  const rule = (name: string): [string, ActiveRule] => [
    name,
    {
      name,
      hash: '',
      ordered: name === 'b',
      retry: { attempts: 1, firstMs: 1, maxMs: 1 },
      matches: () => true,
      deliver: async () => ({ kind: 'ack' }),
    },
  ];
  let rules = new Map([rule('b'), rule('a')]);
  const { consumer } = openScene(() => ({ kind: 'ack' }), {
    rules: () => rules,
    match: (asked) => askEach(rules, asked),
  });
  assert.deepEqual([consumer.match(event), consumer.ordered('b'), consumer.ordered('x')], [['b', 'a'], true, false]);

  rules = new Map([rule('c')]);
  assert.deepEqual(consumer.match(event), ['c']);
});
