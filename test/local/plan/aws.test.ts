// busway plan on EventBridge names what `busway deploy` makes, by the same cdk.json.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deadLetterQueueName, queueName } from '../../../adapters/eventbridge/queues.ts';
import type { PlanReport } from '../../../infra/plan.ts';
import { type CliResult, cliScene } from '../../harness/cli.ts';

const order = { name: 'orders', when: { type: ['com.shop.order'] }, to: { log: {} } };

const reportOf = ({ out }: CliResult): PlanReport => JSON.parse(out) as PlanReport;

test('plan: on EventBridge things are named as the stack of cdk.json names them', async (t) => {
  const { run, write } = cliScene(t);
  const bus = { use: 'eventbridge', bus: 'orders', region: 'eu-west-1' };
  const namesOf = async (...more: string[]): Promise<readonly string[]> => {
    const report = reportOf(await run(['plan', '--config', 'router.json', '--json', ...more]));
    return report.plan.resources.map(({ kind, name }) => `${kind} ${name}`);
  };
  const routed = (prefix: string): readonly string[] => {
    const { name } = order;
    const dead = deadLetterQueueName(prefix, name);
    return [`bus rule ${name}`, `queue ${queueName(prefix, name)}`, `dead-letter queue ${dead}`];
  };

  write('router.json', { bus, rules: [order] });
  assert.deepEqual(await namesOf(), ['event bus orders', ...routed('busway')]);
  write('cdk.json', { context: { busway: { prefix: 'shop', bus: 'shop-bus' } } });
  assert.deepEqual(await namesOf(), ['event bus shop-bus', ...routed('shop')]);
  write('router.json', { bus: { ...bus, bus: 'default' }, rules: [order] });
  write('cdk.json', {});
  assert.deepEqual(await namesOf(), routed('busway'), 'a bus that is there is not made');
  write('router.json', { rules: [order] });
  assert.deepEqual(await namesOf('--bus', 'eventbridge'), ['event bus busway', ...routed('busway')]);
});

test('plan: another number of attempts changes the queue, whose receipts it sets, and makes nothing anew', async (t) => {
  const { run, write } = cliScene(t);
  const bus = { use: 'eventbridge', bus: 'orders', region: 'eu-west-1' };
  write('old.json', { bus, rules: [order] });
  write('new.json', { bus, rules: [{ ...order, retry: { attempts: 9 } }] });

  const { changes } = reportOf(await run(['plan', '--config', 'new.json', '--against', 'old.json', '--json']));

  assert.deepEqual(
    changes.map(({ change, thing, name }) => [change, thing, name]),
    [
      ['changed', 'rule', 'orders'],
      ['changed', 'queue', queueName('busway', 'orders')],
    ],
  );
});

test('plan: a mistake of cdk.json is an error beside the others, and asked for on AWS only', async (t) => {
  const { run, write } = cliScene(t);
  write('cdk.json', { context: { busway: { prefx: 'shop' } } });
  write('router.json', { bus: { use: 'eventbridge', bus: 'orders', region: 'eu-west-1' }, rules: [order] });
  const bad = await run(['plan', '--config', 'router.json']);
  write('router.json', { rules: [order] });
  const elsewhere = await run(['plan', '--config', 'router.json']);

  assert.deepEqual([bad.code, elsewhere.code], [1, 0]);
  assert.match(bad.out, /error {3}cdk\.json: context\.busway: unknown key 'prefx'; did you mean 'prefix'/);
});
