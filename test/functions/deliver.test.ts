// The deliver function: one outcome a record, whatever the others do.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Decoded } from '../../adapters/adapter.ts';
import { createDeliver } from '../../functions/deliver.ts';
import type { ActiveRule, Outcome, Verdict } from '../../router/consume.ts';
import { createConsumer } from '../../router/consume.ts';
import { type CloudEvent, jsonData } from '../../router/event.ts';
import type { FailureLog, FailureRecord } from '../../router/failure.ts';
import { compilePattern } from '../../router/matcher.ts';
import { parsePattern } from '../../router/read-pattern.ts';
import { askEach } from '../harness/events.ts';

const idle = new AbortController().signal;

function made(id: string, data = '{"n":1}'): CloudEvent {
  return { attributes: { specversion: '1.0', id, source: '/d', type: 't' }, data: jsonData(Buffer.from(data)) };
}

const record = (id: string, rule?: string, event = made(id)): Decoded => ({
  ok: true,
  event,
  handle: `h-${id}`,
  ...(rule === undefined ? {} : { rule }),
});
const refusal = (id: string): Decoded => ({
  ok: false,
  code: 'DECODE_FAILED',
  reason: 'no event',
  bytes: Buffer.from(id),
  handle: `h-${id}`,
});

interface Call {
  readonly rule: string;
  readonly id: string;
  readonly attempt: number;
}

function openScene(answers: Readonly<Record<string, (id: string) => Verdict | Promise<Verdict>>>, writable = true) {
  const calls: Call[] = [];
  const written: FailureRecord[] = [];
  const failures: FailureLog = {
    async write(failure) {
      if (!writable) throw new Error('disk full');
      written.push(failure);
    },
    async *list() {},
    remove: async () => undefined,
  };
  const matches = compilePattern(parsePattern({ data: { n: [1] } }, 'when', [])!);
  const rules = new Map(
    Object.entries(answers).map(([name, answer]): [string, ActiveRule] => [
      name,
      {
        name,
        hash: '',
        ordered: false,
        retry: { attempts: 5, firstMs: 1_000, maxMs: 60_000 },
        matches,
        async deliver({ event, rule, attempt }) {
          calls.push({ rule, id: event.attributes.id, attempt });
          return answer(event.attributes.id);
        },
      },
    ]),
  );
  const consumer = createConsumer({
    rules: () => rules,
    match: (event) => askEach(rules, event),
    failures,
    now: Date.now,
    random: () => 0,
  });
  const handler = createDeliver(consumer);
  const deliver = (records: readonly Decoded[], attemptsOf: (handle: string) => number = () => 0) =>
    handler(records, attemptsOf, idle);
  return { calls, written, deliver };
}

const ack = async (): Promise<Verdict> => ({ kind: 'ack' });
const fails = async (): Promise<Verdict> => ({ kind: 'retry', code: 'TARGET_STATUS', reason: '500' });
const slow = async (): Promise<Verdict> => ({ kind: 'retry', code: 'TARGET_STATUS', reason: '503', afterMs: 9_000 });
const kinds = (outcomes: readonly { readonly handle: string; readonly outcome: Outcome }[]) =>
  outcomes.map(({ handle, outcome }) => [handle, outcome.kind]);

test('deliver: a record that names its rule runs that rule only', async () => {
  const scene = openScene({ a: ack, b: ack });
  assert.deepEqual(kinds(await scene.deliver([record('1', 'b')])), [['h-1', 'ack']]);
  assert.deepEqual(scene.calls, [{ rule: 'b', id: '1', attempt: 1 }]);
});

test('deliver: what the bus let through and the pattern does not take is done without a call', async () => {
  const scene = openScene({ a: ack });
  assert.deepEqual(kinds(await scene.deliver([record('1', 'a', made('1', '{"n":2}'))])), [['h-1', 'ack']]);
  assert.deepEqual(scene.calls, []);
});

test('deliver: a record that names a rule that is gone ends in a failure record', async () => {
  const scene = openScene({ a: ack });
  assert.deepEqual(kinds(await scene.deliver([record('1', 'old')])), [['h-1', 'ack']]);
  assert.equal(scene.written[0]?.code, 'RULE_GONE');
});

test('deliver: a record without a rule runs all that match, and stays while one of them must come again', async () => {
  const scene = openScene({ a: ack, b: fails, c: slow });
  const [result] = await scene.deliver([record('1')]);
  assert.deepEqual(result?.outcome, { kind: 'retry', afterMs: 9_000, counts: true });
  assert.deepEqual(
    scene.calls.map(({ rule }) => rule),
    ['a', 'b', 'c'],
  );
});

test('deliver: attempts are those the bus has counted', async () => {
  const scene = openScene({ a: ack });
  await scene.deliver([record('1', 'a'), record('2', 'a')], (handle) => (handle === 'h-2' ? 3 : 0));
  assert.deepEqual(
    scene.calls.map(({ attempt }) => attempt),
    [1, 4],
  );
});

test('deliver: one bad record never throws away a batch', async () => {
  const scene = openScene({ a: async (id) => (id === '3' ? fails() : ack()) });
  const broken = { ok: true, event: made('4'), handle: 'h-4', rule: 'a' } as const;
  const outcomes = await scene.deliver(
    [record('1', 'a'), refusal('2'), record('3', 'a'), broken, record('5', 'a', made('5', '{"n":'))],
    (handle) => {
      if (handle === 'h-4') throw new Error('no such handle');
      return 0;
    },
  );

  assert.deepEqual(kinds(outcomes), [
    ['h-1', 'ack'],
    ['h-2', 'ack'],
    ['h-3', 'retry'],
    ['h-4', 'retry'],
    ['h-5', 'ack'],
  ]);
  assert.deepEqual(
    scene.written.map(({ code, event }) => [code, event]),
    [['DECODE_FAILED', null]],
  );
});

test('deliver: a refusal that cannot be recorded stays with the bus', async () => {
  const scene = openScene({ a: ack }, false);
  const outcomes = await scene.deliver([refusal('1'), record('2', 'a')]);
  assert.deepEqual(outcomes[0]?.outcome, { kind: 'retry', afterMs: 1_000, counts: false });
  assert.equal(outcomes[1]?.outcome.kind, 'ack');
});

test('deliver: an empty batch is an empty answer', async () => {
  assert.deepEqual(await openScene({}).deliver([]), []);
});
