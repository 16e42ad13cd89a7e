// Queues that are named by their rules: from a prefix to the queue of a rule, from a queue to its rule, and to its dead letters.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  deadLetterQueueName,
  failureQueuesFrom,
  queueName,
  queueOfRuleFrom,
  ruleOfQueueFrom,
} from '../../../adapters/eventbridge/queues.ts';

const names = { BUSWAY_QUEUE_PREFIX: 'shop', BUSWAY_ACCOUNT: '123456789012', AWS_REGION: 'eu-west-1' };
const envOf = (given: Readonly<Record<string, string>>) => (name: string) => given[name];
const rules =
  (...given: readonly string[]) =>
  () =>
    given;
const never = (): readonly string[] => assert.fail('rules are asked for only where queues are named by them');

test('eventbridge queues: the name of a queue is the same for the same rule, told apart by a hash, and one that SQS takes', () => {
  const rule = fc.string({ unit: fc.constantFrom('a', 'Z', '9', '.', '_', '-'), minLength: 1, maxLength: 64 });
  const prefix = fc.string({ unit: fc.constantFrom('a', '_', '-'), minLength: 1, maxLength: 32 });

  assert.equal(queueName('shop', 'big.orders'), 'shop-big_orders-b7aeb27e');
  assert.equal(deadLetterQueueName('shop', 'big.orders'), 'shop-big_orders-b7aeb27e-dlq');
  fc.assert(
    fc.property(prefix, rule, rule, (given, one, other) => {
      for (const name of [queueName(given, one), deadLetterQueueName(given, one)])
        assert.match(name, /^[A-Za-z0-9_-]{1,80}$/);
      assert.equal(queueName(given, one) === queueName(given, other), one === other);
    }),
  );
});

test('eventbridge queues: by the prefix a queue has its rule and a rule its dead letters, also one that is gone', () => {
  const env = envOf(names);
  const url = (rule: string) => `https://sqs.eu-west-1.amazonaws.com/123456789012/${deadLetterQueueName('shop', rule)}`;
  const ruleOf = ruleOfQueueFrom(env, rules('a', 'b'));
  const failures = failureQueuesFrom(env, rules('a', 'b'), undefined);

  assert.equal(ruleOf?.(queueName('shop', 'b')), 'b');
  assert.equal(ruleOf?.(queueName('shop', 'c')), undefined);
  assert.equal(ruleOf?.('constructor'), undefined);
  assert.deepEqual(failures?.all, [url('a'), url('b')]);
  assert.deepEqual(
    [failures?.queueOf('a'), failures?.queueOf('gone'), failures?.queueOf(null)],
    [url('a'), url('gone'), undefined],
  );
  assert.deepEqual([failures?.ruleOf(url('b')), failures?.ruleOf(url('gone'))], ['b', undefined]);
  assert.equal(
    queueOfRuleFrom(env)?.('a'),
    `https://sqs.eu-west-1.amazonaws.com/123456789012/${queueName('shop', 'a')}`,
  );
  assert.match(queueOfRuleFrom(envOf({ ...names, AWS_REGION: 'cn-north-1' }))!('a'), /\.amazonaws\.com\.cn\//);
});

test('eventbridge queues: a queue that the document names for records of no rule is listed and used beside the others', () => {
  const any = 'https://sqs.eu-west-1.amazonaws.com/123456789012/any';
  const failures = failureQueuesFrom(envOf(names), rules('a'), any);

  assert.deepEqual([failures?.all.at(-1), failures?.queueOf(null), failures?.ruleOf(any)], [any, any, undefined]);
});

test('eventbridge queues: tables win over names, and without either nothing is known and no rule is read', () => {
  const url = 'https://sqs.eu-west-1.amazonaws.com/123456789012/dead';
  const tables = envOf({ ...names, BUSWAY_QUEUES: '{"orders":"a"}', BUSWAY_FAILURES: JSON.stringify({ a: url }) });

  assert.equal(ruleOfQueueFrom(tables, never)?.('orders'), 'a');
  assert.equal(failureQueuesFrom(tables, never, undefined)?.queueOf('a'), url);
  assert.match(queueOfRuleFrom(tables)!('a'), /\/orders$/);
  assert.equal(ruleOfQueueFrom(envOf({}), never), undefined);
  assert.equal(failureQueuesFrom(envOf({}), never, undefined), undefined);
  assert.equal(queueOfRuleFrom(envOf({})), undefined);
});

test('eventbridge queues: a prefix without account or region, and one that is no prefix, is CONFIG_INVALID', () => {
  const cases: readonly (readonly [Readonly<Record<string, string>>, RegExp])[] = [
    [{ ...names, BUSWAY_ACCOUNT: '' }, /BUSWAY_ACCOUNT must be the 12 digits/],
    [{ ...names, BUSWAY_ACCOUNT: '12345678901x' }, /BUSWAY_ACCOUNT/],
    [{ ...names, AWS_REGION: 'Europe' }, /AWS_REGION must be the region/],
    [{ ...names, BUSWAY_QUEUE_PREFIX: 'a b' }, /BUSWAY_QUEUE_PREFIX must be 1 to 32/],
  ];
  for (const [env, message] of cases) {
    assert.throws(() => ruleOfQueueFrom(envOf(env), rules('a')), { code: 'CONFIG_INVALID', message });
    assert.throws(() => failureQueuesFrom(envOf(env), rules('a'), undefined), { code: 'CONFIG_INVALID', message });
  }
  for (const table of ['orders=a', '[]', '{}', '{"orders":1}', 'null']) {
    assert.throws(() => ruleOfQueueFrom(envOf({ BUSWAY_QUEUES: table }), never), { code: 'CONFIG_INVALID' }, table);
  }
});
