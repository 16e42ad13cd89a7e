// One delivery as an imitated bus makes it: through its filter and its wire, within its deadline, again by its curve, up to
// its count. What cannot go on ends in a failure record, and nothing is acknowledged without.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Delivery } from '../../adapters/adapter.ts';
import type { Personality } from '../../adapters/personality.ts';
import { createConsumer, type Outcome } from '../../router/consume.ts';
import { readPatternText } from '../../router/pattern-text.ts';
import { ack, hang, idle, type RuleScript, record, retryAfter } from '../contract/adapter-harness.ts';
import { likeLog } from './like-log.ts';
import { imitable, made, personalityOf } from './like-scene.ts';

const when = readPatternText('{"type":["t"]}');
const retry = { attempts: 5, firstMs: 1_500, maxMs: 60_000 };
const rule = { name: 'r', when, retry };

const first: Delivery = { event: made('a'), rule: 'r', attempt: 1 };
const outcomes = async (ids: number, deliver: (delivery: Delivery) => Promise<Outcome>): Promise<Outcome[]> =>
  Promise.all(Array.from({ length: ids }, (_, i) => deliver({ ...first, event: made(`e${i}`) })));

async function sceneOf(name: string, script: RuleScript = {}, more: Partial<Personality> = {}) {
  const personality = { ...(await personalityOf(name)), ...more };
  const log = likeLog({ personality, seed: 1, rules: () => [rule], speed: 100 });
  const recorder = record({ r: { when, ...script } });
  const consumer = await log.consumerFor(recorder.consumer);
  const deliver = (delivery: Delivery): Promise<Outcome> => consumer.deliver(delivery, idle);
  return { ...log, recorder, consumer, deliver };
}

for (const name of imitable) {
  test(`like ${name}: what came through the wire is delivered unchecked, and about one in twenty comes again once`, async () => {
    const { deliver, recorder } = await sceneOf(name);

    const given = await outcomes(400, deliver);
    const again = given.filter(({ kind }) => kind === 'retry');
    const second = await outcomes(400, (delivery) => deliver({ ...delivery, attempt: 2 }));

    assert.ok(again.length >= 8 && again.length <= 40, `${again.length} of 400`);
    assert.ok(again.every((outcome) => outcome.kind === 'retry' && outcome.counts && outcome.afterMs <= 250));
    assert.ok(second.every(({ kind }) => kind === 'ack'));
    assert.deepEqual(recorder.calls[0]!.event.attributes, made(recorder.calls[0]!.id).attributes);
    assert.equal(recorder.calls.length, 800);
  });

  test(`like ${name}: an event that the rule does not take is never repeated, nor is its target asked`, async () => {
    const { deliver, recorder } = await sceneOf(name);
    const others = Array.from({ length: 200 }, (_, i) => made(`e${i}`, { type: 'other' }));
    const active = { name: 'r', hash: '', ordered: false, retry, matches: () => false, deliver: () => assert.fail() };
    const log = likeLog({ personality: await personalityOf(name), seed: 1, rules: () => [rule], speed: 100 });
    const consumer = await log.consumerFor(
      createConsumer({
        ...{ rules: () => new Map([['r', active]]), match: () => [], failures: log.adapter.failures! },
        ...{ now: () => 0, random: () => 0 },
      }),
    );

    const real = await Promise.all(others.map((event) => consumer.deliver({ ...first, event }, idle)));
    await Promise.all(others.map((event) => deliver({ ...first, event })));

    assert.ok(real.every(({ kind }) => kind === 'ack'));
    assert.equal(recorder.calls.length, 0);
  });

  test(`like ${name}: a delivery over the deadline is given up, said, and comes again as one that counts`, async () => {
    const { deliver, recorder, warnings } = await sceneOf(name, { deliver: hang }, { deadlineMs: 20 });

    const outcome = await deliver(first);

    assert.ok(outcome.kind === 'retry' && outcome.counts && outcome.afterMs > 0, JSON.stringify(outcome));
    assert.equal(recorder.calls.length, 1);
    assert.match(warnings.join(), new RegExp(`^${name}: rule 'r' took over 0.02 s`));
  });

  test(`like ${name}: after its last delivery the bus gives up, and the event is a failure of its rule`, async () => {
    const { deliver, failures, breakFailures, warnings } = await sceneOf(name, { deliver: () => retryAfter(1) });
    const { deliveries } = await personalityOf(name);

    const before = await deliver({ ...first, attempt: deliveries - 1 });
    const last = await deliver({ ...first, attempt: deliveries });

    assert.equal(before.kind, 'retry');
    assert.deepEqual(last, ack);
    const { id, ...record } = failures[0]!;
    assert.match(id, /^[0-9a-f]{16}$/);
    assert.deepEqual(record, {
      ...{ rule: 'r', ruleHash: null, code: 'ATTEMPTS_EXHAUSTED', attempts: deliveries, event: first.event },
      ...{ reason: `${name}: given up after ${deliveries} deliveries`, at: '1970-01-01T00:00:00.000Z' },
    });
    assert.match(warnings.join(), new RegExp(`failure ${id}`));

    breakFailures();
    const kept = await deliver({ ...first, event: made('b'), attempt: deliveries });
    assert.ok(kept.kind === 'retry' && !kept.counts, 'without a durable record it stays with the bus');
  });

  test(`like ${name}: a target that was not asked costs no delivery`, async () => {
    const { deliver, failures } = await sceneOf(name, { deliver: () => retryAfter(1, false) });
    const { deliveries } = await personalityOf(name);

    const outcome = await deliver({ ...first, attempt: deliveries });

    assert.ok(outcome.kind === 'retry' && !outcome.counts);
    assert.equal(failures.length, 0);
  });

  test(`like ${name}: what comes again comes by the bus's curve, and the report says so`, async () => {
    const personality = await personalityOf(name);
    const log = likeLog({ personality, seed: 1, rules: () => [rule], speed: 100 });
    const told: number[] = [];
    const fails = async () => ({ kind: 'retry', code: 'TARGET_STATUS', reason: 'answered 500', afterMs: 7 }) as const;
    const active = { name: 'r', hash: '', ordered: false, retry, matches: () => true, deliver: fails };
    const consumer = await log.consumerFor(
      createConsumer({
        ...{ rules: () => new Map([['r', active]]), match: () => [], failures: log.adapter.failures! },
        ...{ now: () => 0, random: () => 0 },
        onReport: ({ result }) => void (result.kind === 'retry' && told.push(result.afterMs)),
      }),
    );

    const waits: number[] = [];
    for (let attempt = 1; attempt < 5; attempt++) {
      const outcome = await consumer.deliver({ ...first, attempt }, idle);
      assert.ok(outcome.kind === 'retry');
      waits.push(outcome.afterMs * 100);
    }

    const due = {
      eventbridge: [30_000, 30_000, 30_000, 30_000],
      pubsub: [2_000, 4_000, 8_000, 16_000],
      eventgrid: [10_000, 30_000, 60_000, 300_000],
    }[name]!;
    for (const [i, ms] of waits.entries()) assert.ok(ms >= due[i]! * 0.9 && ms <= due[i]! * 1.1, `${i}: ${ms}`);
    assert.deepEqual(
      told,
      waits.map((ms) => ms / 100),
    );
  });

  test(`like ${name}: at the end nothing is begun any more`, async () => {
    const { consumer, recorder } = await sceneOf(name);

    const outcome = await consumer.deliver(first, AbortSignal.abort());

    assert.deepEqual([outcome, recorder.calls.length], [retryAfter(0, false), 0]);
  });

  test(`like ${name}: an event on the log that the bus would not carry is a failure, and not silence`, async () => {
    const { consumer, deliver, failures, recorder } = await sceneOf(name);
    const event = made('a', { source: 'aws.s3', subject: 'x'.repeat(2_000), dataref: 'x'.repeat(1_048_576) });

    assert.deepEqual(consumer.match(event), ['r']);
    assert.deepEqual(await deliver({ ...first, event }), ack);
    assert.deepEqual(
      failures.map((one) => [one.rule, one.code, one.event]),
      [['r', name === 'eventgrid' ? 'EVENT_TOO_LARGE' : 'NOT_CARRIABLE', event]],
    );
    assert.equal(recorder.calls.length, 0);
  });
}

test('like: the native filter of the bus chooses the rules, and not the index', async () => {
  const data = readPatternText('{"type":["t"],"data":{"n":[1]}}');
  const rules = [
    rule,
    { ...rule, name: 'data', when: data },
    { ...rule, name: 'none', when: readPatternText('{"type":["u"]}') },
  ];
  const matchOf = async (name: string): Promise<readonly string[]> => {
    const log = likeLog({ personality: await personalityOf(name), seed: 1, rules: () => rules });
    const recorder = record({ all: {} });
    return (await log.consumerFor(recorder.consumer)).match(made('a'));
  };

  // Event Grid does not look into data, so it delivers what the handler then drops; the others filter it.
  assert.deepEqual(await Promise.all(imitable.map(matchOf)), [['r'], ['r'], ['r', 'data']]);
});

test('like: a rule that is gone is left to the consumer, which says so', async () => {
  const { deliver, recorder } = await sceneOf('eventgrid', { when: readPatternText('{"type":["none"]}') });

  await deliver({ ...first, rule: 'gone' });

  assert.equal(recorder.of('gone').length, 1);
});

test('like eventgrid: without consent in the handshake nothing is delivered, nothing is lost, and it is said once', async () => {
  let asked = 0;
  const mayPush = (): boolean => ++asked > 1_000;
  const { deliver, recorder, warnings } = await sceneOf('eventgrid', {}, { mayPush });

  const given = await outcomes(3, deliver);

  assert.ok(given.every((outcome) => outcome.kind === 'retry' && !outcome.counts));
  assert.deepEqual([asked, recorder.calls.length, warnings.length], [1, 0, 1]);
  assert.match(warnings[0]!, /^eventgrid: the handshake for rule 'r' was refused/);
});

test('like: the same seed repeats the same events, another seed others', async () => {
  const repeatedBy = async (seed: number): Promise<string[]> => {
    const log = likeLog({ personality: await personalityOf('pubsub'), seed, rules: () => [rule], speed: 100 });
    const consumer = await log.consumerFor(record({ r: { when } }).consumer);
    const given = await outcomes(200, (delivery) => consumer.deliver(delivery, idle));
    return given.flatMap(({ kind }, i) => (kind === 'retry' ? [`e${i}`] : []));
  };

  const [one, again, other] = [await repeatedBy(7), await repeatedBy(7), await repeatedBy(8)];

  assert.ok(one.length > 0);
  assert.deepEqual(again, one);
  assert.notDeepEqual(other, one);
});
