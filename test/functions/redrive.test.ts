// Redriving failures: each to its own target, once; what succeeds is gone, what fails says why anew.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Redriven, redrive, type Selection } from '../../functions/redrive.ts';
import type { ActiveRule, Verdict, Whole } from '../../router/consume.ts';
import { type ErrorCode, RouterError } from '../../router/errors.ts';
import { type CloudEvent, textData } from '../../router/event.ts';
import type { FailureLog, FailureRecord } from '../../router/failure.ts';

const idle = new AbortController().signal;
const event: CloudEvent = { attributes: { specversion: '1.0', id: '1', source: '/r', type: 't' } };

function failure(id: string, rule: string | null, given: CloudEvent | null = event): FailureRecord {
  const base = { id, rule, ruleHash: 'old', code: 'TARGET_STATUS', reason: 'answered 500', attempts: 5 } as const;
  return { ...base, at: '2030-01-01T00:00:00.000Z', event: given };
}

function openScene(
  records: readonly FailureRecord[],
  answers: Readonly<Record<string, () => Promise<Verdict>>>,
  matches = () => true,
) {
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
        matches,
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

test('redrive: what the bus gave up by itself goes out only if its rule takes it, since nobody has looked at it yet', async () => {
  for (const code of ['ATTEMPTS_EXHAUSTED', 'INTERNAL', 'TARGET_STATUS', 'TARGET_TIMEOUT', 'RULE_GONE'] as const) {
    for (const takes of [true, false]) {
      const given = { ...failure('1', 'a'), code, ruleHash: null };
      const scene = openScene([given], { a: ack }, () => takes);
      const reason = 'the rule does not take the event';
      assert.deepEqual(await scene.run(), [{ id: '1', rule: 'a', ok: true, ...(takes ? {} : { reason }) }], code);
      assert.deepEqual([scene.calls.length, scene.kept.size], [takes ? 1 : 0, 0], code);
    }
  }
});

test('redrive: what its target was asked for goes there again, whatever the rule says now', async () => {
  const scene = openScene([failure('1', 'a')], { a: ack }, () => false);
  assert.deepEqual(await scene.run(), [{ id: '1', rule: 'a', ok: true }]);
  assert.equal(scene.calls.length, 1);
});

const light: CloudEvent = { attributes: { ...event.attributes, dataref: 's3://b/1' } };
const whole: CloudEvent = { ...event, data: textData('the data') };

interface WholeScene {
  readonly kept: Map<string, FailureRecord>;
  readonly got: CloudEvent[];
  run(): Promise<Redriven[]>;
}

/** One record of a light event, whose rule takes the event or does not. */
function wholeScene(code: ErrorCode, { takes, fails }: { takes: boolean; fails?: RouterError }): WholeScene {
  const record = { ...failure('1', 'a', light), code };
  const kept = new Map([['1', record]]);
  const got: CloudEvent[] = [];
  const failures: FailureLog = {
    write: async (written) => void kept.set(written.id, written),
    async *list() {
      yield record;
    },
    remove: async (ids) => {
      for (const id of ids) kept.delete(id);
    },
  };
  const rule: ActiveRule = {
    name: 'a',
    hash: 'new',
    ordered: false,
    retry: { attempts: 5, firstMs: 1, maxMs: 1 },
    matches: () => takes,
    async deliver(delivery) {
      got.push(delivery.event);
      return { kind: 'ack' };
    },
  };
  const store: Whole = {
    isLight: ({ attributes }) => attributes['dataref'] !== undefined,
    bare: () => event,
    async use(_event, _signal, run) {
      if (fails !== undefined) throw fails;
      return run(whole);
    },
  };
  const parts = { rules: new Map([['a', rule]]), failures, whole: store, now: () => 0 };
  return { kept, got, run: () => Array.fromAsync(redrive(parts, {}, idle)) };
}

test('redrive: an oversized event is delivered whole, as any other whatever its rule says now', async () => {
  for (const takes of [true, false]) {
    const scene = wholeScene('TARGET_STATUS', { takes });
    assert.deepEqual(await scene.run(), [{ id: '1', rule: 'a', ok: true }]);
    assert.deepEqual([scene.got, scene.kept.size], [[whole], 0]);
  }
});

test('redrive: an oversized event whose data had not come is judged now, and a rule that does not take it is done', async () => {
  const taken = wholeScene('DATA_GONE', { takes: true });
  assert.deepEqual([await taken.run(), taken.got], [[{ id: '1', rule: 'a', ok: true }], [whole]]);
  for (const code of ['DATA_GONE', 'DATA_ALTERED', 'UNAUTHORIZED', 'ATTEMPTS_EXHAUSTED'] as const) {
    const scene = wholeScene(code, { takes: false });
    const reason = 'the rule does not take the event';
    assert.deepEqual([await scene.run(), scene.got], [[{ id: '1', rule: 'a', ok: true, reason }], []]);
    assert.equal(scene.kept.size, 0);
  }
});

test('redrive: data that is still gone stays with its reason, and a store that is down changes nothing', async () => {
  const gone = wholeScene('DATA_GONE', { takes: true, fails: new RouterError('DATA_GONE', 'not there') });
  assert.deepEqual(await gone.run(), [{ id: '1', rule: 'a', ok: false, reason: 'not there (DATA_GONE)' }]);
  assert.deepEqual([gone.kept.get('1')?.attempts, gone.kept.get('1')?.event], [6, light]);

  const down = wholeScene('DATA_GONE', { takes: true, fails: new RouterError('DATA_UNAVAILABLE', 'down') });
  assert.deepEqual(await down.run(), [{ id: '1', rule: 'a', ok: false, reason: 'down (DATA_UNAVAILABLE)' }]);
  assert.equal(down.kept.get('1')?.attempts, 5);
});
