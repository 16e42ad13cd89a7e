// Redriving failures: each to its own target, once; what succeeds is gone, what fails says why anew.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Redriven, redrive, type Selection } from '../../functions/redrive.ts';
import type { ActiveRule, Verdict } from '../../router/consume.ts';
import type { CloudEvent } from '../../router/event.ts';
import type { FailureLog, FailureRecord } from '../../router/failure.ts';

const idle = new AbortController().signal;
const event: CloudEvent = { attributes: { specversion: '1.0', id: '1', source: '/r', type: 't' } };

function failure(id: string, rule: string | null, given: CloudEvent | null = event): FailureRecord {
  const base = { id, rule, ruleHash: 'old', code: 'TARGET_STATUS', reason: 'answered 500', attempts: 5 } as const;
  return { ...base, at: '2030-01-01T00:00:00.000Z', event: given };
}

function openScene(records: readonly FailureRecord[], answers: Readonly<Record<string, () => Promise<Verdict>>>) {
  const kept = new Map(records.map((record) => [record.id, record]));
  const calls: (readonly [rule: string, attempt: number])[] = [];
  const failures: FailureLog = {
    write: async (record) => void kept.set(record.id, record),
    async *list() {
      yield* [...kept.values()];
    },
    async remove(ids) {
      for (const id of ids) kept.delete(id);
    },
  };
  const rules = new Map(
    Object.entries(answers).map(([name, answer]): [string, ActiveRule] => [
      name,
      {
        name,
        hash: 'new',
        ordered: false,
        retry: { attempts: 5, firstMs: 1, maxMs: 1 },
        matches: () => true,
        deliver(delivery) {
          calls.push([delivery.rule, delivery.attempt]);
          return answer();
        },
      },
    ]),
  );
  const run = async (selection: Selection = {}, signal = idle): Promise<Redriven[]> => {
    const found: Redriven[] = [];
    for await (const item of redrive({ rules, failures, now: () => Date.UTC(2031, 0, 1) }, selection, signal))
      found.push(item);
    return found;
  };
  return { kept, calls, run };
}

const ack = async (): Promise<Verdict> => ({ kind: 'ack' });

test('redrive: what succeeds is removed, to its own target only', async () => {
  const scene = openScene([failure('1', 'a'), failure('2', 'b')], { a: ack, b: ack, c: ack });
  assert.deepEqual(await scene.run(), [
    { id: '1', rule: 'a', ok: true },
    { id: '2', rule: 'b', ok: true },
  ]);
  assert.deepEqual(scene.calls, [
    ['a', 6],
    ['b', 6],
  ]);
  assert.equal(scene.kept.size, 0);
});

test('redrive: what fails again stays with its new reason, attempts and rule version', async () => {
  const scene = openScene([failure('1', 'a')], {
    a: async () => ({ kind: 'dead', code: 'TARGET_REDIRECT', reason: 'answered 301' }),
  });
  const [result] = await scene.run();
  assert.deepEqual([result?.ok, result?.reason], [false, 'answered 301 (TARGET_REDIRECT)']);
  const { code, reason, attempts, ruleHash, at } = scene.kept.get('1')!;
  assert.deepEqual(
    [code, reason, attempts, ruleHash, at],
    ['TARGET_REDIRECT', 'answered 301', 6, 'new', '2031-01-01T00:00:00.000Z'],
  );
});

test('redrive: what was not tried keeps saying why it failed when it was', async () => {
  for (const code of ['ABORTED', 'TARGET_BUSY', 'CLOSED'] as const) {
    const scene = openScene([failure('1', 'a')], { a: async () => ({ kind: 'retry', code, reason: 'not tried' }) });
    assert.equal((await scene.run())[0]?.ok, false);
    assert.deepEqual(scene.kept.get('1'), failure('1', 'a'));
  }
});

test('redrive: only what was chosen, by id and by rule', async () => {
  const records = [failure('1', 'a'), failure('2', 'a'), failure('3', 'b')];
  const chosen = async (selection: Selection) =>
    (await openScene(records, { a: ack, b: ack }).run(selection)).map(({ id }) => id);
  assert.deepEqual(await chosen({ ids: ['3', '1', 'x'] }), ['1', '3']);
  assert.deepEqual(await chosen({ rule: 'a' }), ['1', '2']);
  assert.deepEqual(await chosen({ rule: 'a', ids: ['2', '3'] }), ['2']);
  assert.deepEqual(await chosen({ ids: [] }), []);
});

test('redrive: what is no event, or has no rule any more, stays and says so', async () => {
  const scene = openScene([failure('1', null, null), failure('2', 'gone')], { a: ack });
  const results = await scene.run();
  assert.deepEqual(
    results.map(({ ok }) => ok),
    [false, false],
  );
  assert.match(results[1]!.reason!, /'gone' is not in the document/);
  assert.deepEqual([scene.kept.size, scene.calls.length], [2, 0]);
});

test('redrive: a target that throws does not keep the next from its turn', async () => {
  const scene = openScene([failure('1', 'a'), failure('2', 'b')], {
    a: async () => {
      throw new Error('secret-text');
    },
    b: ack,
  });
  const results = await scene.run();
  assert.deepEqual(
    results.map(({ ok }) => ok),
    [false, true],
  );
  assert.ok(!JSON.stringify(results).includes('secret-text'));
});

test('redrive: an abort ends it before the next', async () => {
  const control = new AbortController();
  const scene = openScene([failure('1', 'a'), failure('2', 'a')], {
    a: async () => {
      control.abort();
      return { kind: 'ack' };
    },
  });
  assert.deepEqual(
    (await scene.run({}, control.signal)).map(({ id }) => id),
    ['1'],
  );
  assert.deepEqual([...scene.kept.keys()], ['2']);
});
