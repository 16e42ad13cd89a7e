// Deliveries of events whose data lies in a store: judged by attributes first, as a whole when the data is here, and the
// target gets the whole. The store answers as the test says.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type ActiveRule,
  type ConsumeParts,
  type Consumer,
  createConsumer,
  type Delivery,
  type Report,
  type Verdict,
  type Whole,
} from '../../router/consume.ts';
import { type ErrorCode, RouterError } from '../../router/errors.ts';
import { type CloudEvent, textData } from '../../router/event.ts';
import type { FailureRecord } from '../../router/failure.ts';

const idle = new AbortController().signal;
const attributes = { specversion: '1.0', id: '1', source: '/c', type: 't' } as const;
const light: CloudEvent = { attributes: { ...attributes, dataref: 's3://b/1' } };
const whole: CloudEvent = { attributes, data: textData('the data') };
const small: CloudEvent = { attributes: { ...attributes, id: '2' } };

interface Scene {
  readonly consumer: Consumer;
  readonly delivered: Delivery[];
  readonly written: FailureRecord[];
  readonly reports: Report[];
  /** Of all rules at once, and of single ones. */
  readonly judged: CloudEvent[];
  readonly uses: CloudEvent[];
}

interface Given {
  /** Rules that take the event by its data. */
  readonly taken?: readonly string[];
  readonly fails?: RouterError;
  readonly answer?: () => Verdict;
  readonly more?: Partial<ConsumeParts>;
}

function openScene({ taken = ['a'], fails, answer = () => ({ kind: 'ack' }), more = {} }: Given = {}): Scene {
  const delivered: Delivery[] = [];
  const written: FailureRecord[] = [];
  const reports: Report[] = [];
  const judged: CloudEvent[] = [];
  const uses: CloudEvent[] = [];
  const store: Whole = {
    isLight: (event) => event.attributes['dataref'] !== undefined,
    bare: () => ({ attributes }),
    async use(event, _signal, run) {
      uses.push(event);
      if (fails !== undefined) throw fails;
      return run(whole);
    },
  };
  const rule = (name: string): ActiveRule => ({
    name,
    hash: 'h',
    ordered: false,
    retry: { attempts: 3, firstMs: 1_000, maxMs: 60_000 },
    matches: (event) => {
      judged.push(event);
      return taken.includes(name);
    },
    async deliver(delivery) {
      delivered.push(delivery);
      return answer();
    },
  });
  const rules = new Map(['a', 'b', 'c'].map((name) => [name, rule(name)]));
  const consumer = createConsumer({
    rules: () => rules,
    match: (event) => {
      judged.push(event);
      return taken;
    },
    whole: store,
    failures: { write: async (record) => void written.push(record), async *list() {}, remove: async () => undefined },
    now: () => 0,
    random: () => 0,
    onReport: (report) => void reports.push(report),
    ...more,
  });
  return { consumer, delivered, written, reports, judged, uses };
}

test('consume: a light event goes to every rule that its attributes allow, and nobody is told before its data is judged', () => {
  const told: CloudEvent[] = [];
  const onMatch = (event: CloudEvent): void => void told.push(event);
  const all = openScene({ more: { onMatch } });
  assert.deepEqual(all.consumer.match(light), ['a', 'b', 'c']);
  const asked: CloudEvent[] = [];
  const mayMatch = (event: CloudEvent): readonly string[] => {
    asked.push(event);
    return ['b', 'c'];
  };
  const some = openScene({ more: { onMatch, mayMatch } });
  assert.deepEqual(some.consumer.match(light), ['b', 'c']);
  assert.deepEqual([asked, all.judged, some.judged, told], [[{ attributes }], [], [], []]);

  assert.deepEqual(some.consumer.match(small), ['a']);
  assert.deepEqual(told, [small]);
});

test('consume: the target gets the whole event, and the rules that do not take it are done without asking anybody', async () => {
  const scene = openScene();
  const outcomes = await Promise.all(
    ['a', 'b', 'c'].map((rule) => scene.consumer.deliver({ event: light, rule, attempt: 1 }, idle)),
  );

  assert.deepEqual(outcomes, [{ kind: 'ack' }, { kind: 'ack', unmatched: true }, { kind: 'ack', unmatched: true }]);
  assert.deepEqual(scene.delivered, [{ event: whole, rule: 'a', attempt: 1 }]);
  assert.deepEqual(scene.judged, [whole], 'all rules are judged at once, and once');
  assert.deepEqual(
    scene.reports.map(({ event, rule, result }) => [event, rule, result.kind]),
    [[light, 'a', 'delivered']],
  );
});

test('consume: changed rules judge a light event anew', async () => {
  let taken = ['a'];
  const rule = { name: 'a', hash: '', ordered: false, retry: { attempts: 1, firstMs: 1, maxMs: 1 } };
  const active: ActiveRule = { ...rule, matches: () => true, deliver: async () => ({ kind: 'ack' }) };
  let rules = new Map([['a', active]]);
  const scene = openScene({ more: { rules: () => rules, match: () => taken } });
  const deliver = () => scene.consumer.deliver({ event: light, rule: 'a', attempt: 1 }, idle);
  assert.deepEqual(await deliver(), { kind: 'ack' });
  taken = [];
  assert.deepEqual(await deliver(), { kind: 'ack' });
  rules = new Map(rules);
  assert.deepEqual(await deliver(), { kind: 'ack', unmatched: true });
});

test('consume: a light event of a bus that filters is judged by its one rule', async () => {
  const scene = openScene({ taken: ['b'] });
  const deliver = (rule: string) => scene.consumer.deliver({ event: light, rule, attempt: 2, unchecked: true }, idle);
  assert.deepEqual([await deliver('a'), await deliver('b')], [{ kind: 'ack', unmatched: true }, { kind: 'ack' }]);
  assert.deepEqual(scene.delivered, [{ event: whole, rule: 'b', attempt: 2, unchecked: true }]);
});

test('consume: an event that has its data never asks the store', async () => {
  const scene = openScene();
  await scene.consumer.deliver({ event: small, rule: 'a', attempt: 1 }, idle);
  assert.deepEqual([scene.uses, scene.delivered.map(({ event }) => event)], [[], [small]]);
});

test('consume: a store that is down costs no attempt, however often', async () => {
  const fails = new RouterError('DATA_UNAVAILABLE', 'the store is down');
  const scene = openScene({ fails });
  for (const attempt of [1, 3, 99]) {
    const outcome = await scene.consumer.deliver({ event: light, rule: 'a', attempt }, idle);
    assert.ok(outcome.kind === 'retry' && !outcome.counts && outcome.afterMs >= 5_000);
  }
  assert.deepEqual([scene.written, scene.reports, scene.delivered], [[], [], []]);
});

test('consume: data that is gone or altered is dead at once, and the record keeps the light event', async () => {
  for (const code of ['DATA_GONE', 'DATA_ALTERED'] as const) {
    const scene = openScene({ fails: new RouterError(code, 'because') });
    assert.deepEqual(await scene.consumer.deliver({ event: light, rule: 'a', attempt: 1 }, idle), { kind: 'ack' });
    const [record] = scene.written;
    assert.deepEqual([record?.code, record?.reason, record?.attempts, record?.event], [code, 'because', 1, light]);
  }
});

test('consume: a store that refuses us is tried as often as a target, and then ends in a record', async () => {
  const codes: readonly ErrorCode[] = ['UNAUTHORIZED', 'INTERNAL'];
  for (const code of codes) {
    const scene = openScene({ fails: new RouterError(code, 'no') });
    const first = await scene.consumer.deliver({ event: light, rule: 'a', attempt: 1 }, idle);
    assert.ok(first.kind === 'retry' && first.counts);
    assert.deepEqual(await scene.consumer.deliver({ event: light, rule: 'a', attempt: 3 }, idle), { kind: 'ack' });
    assert.equal(scene.written[0]?.code, code);
  }
});

test('consume: a target that fails with a whole event leaves a record with the light one', async () => {
  const scene = openScene({ answer: () => ({ kind: 'dead', code: 'TARGET_STATUS', reason: 'answered 400' }) });
  assert.deepEqual(await scene.consumer.deliver({ event: light, rule: 'a', attempt: 1 }, idle), { kind: 'ack' });
  assert.deepEqual([scene.written[0]?.event, scene.written[0]?.code], [light, 'TARGET_STATUS']);
});

test('consume: a target that throws with a whole event is tried again', async () => {
  const answer = (): never => {
    throw new Error('its own');
  };
  const outcome = await openScene({ answer }).consumer.deliver({ event: light, rule: 'a', attempt: 1 }, idle);
  assert.ok(outcome.kind === 'retry' && outcome.counts);
});
