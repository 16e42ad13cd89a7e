// Options of the EventBridge bus, and where region, endpoint and credentials come from when they say nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { open } from '../../../adapters/eventbridge/adapter.ts';
import { eventbridgeOptions, regionOfBus, toEventBridgeOptions } from '../../../adapters/eventbridge/options.ts';
import { checkOptions, type Problem } from '../../../router/config.ts';
import { type ErrorCode, RouterError } from '../../../router/errors.ts';
import { codeOf, idle, made } from '../../contract/adapter-harness.ts';
import { startEventBridge } from '../../fakes/eventbridge.ts';
import { BUS, openScene, partsFor, startQueues } from './scene.ts';

function problemsOf(input: object): string[] {
  const problems: Problem[] = [];
  checkOptions(input, eventbridgeOptions, 'bus', problems);
  return problems.map(({ path, says }) => `${path} ${says}`);
}

const ARN = 'arn:aws:events:eu-west-1:123456789012:event-bus/orders';

test('eventbridge options: a name and an ARN are taken, with the documented defaults', () => {
  assert.deepEqual(problemsOf({ bus: 'orders' }), []);
  assert.deepEqual(problemsOf({ bus: 'a', failures: 'https://sqs.eu-west-1.amazonaws.com/123456789012/dead_1-b' }), []);
  assert.deepEqual(problemsOf({ bus: ARN, region: 'eu-west-1', endpoint: 'http://127.0.0.1:4566' }), []);
  const defaults = { bus: 'a', maxBytes: 1_048_576, maxPattern: 2_048 };
  assert.partialDeepStrictEqual(toEventBridgeOptions({ bus: 'a' }), defaults);
  assert.equal(regionOfBus('arn:aws-us-gov:events:us-gov-west-1:123456789012:event-bus/a'), 'us-gov-west-1');
});

test('eventbridge options: each mistake is named with what is allowed', () => {
  const cases: readonly (readonly [object, RegExp])[] = [
    [{}, /'bus' is required/],
    [{ bus: 'a b' }, /name of an event bus .* or its ARN/],
    [{ bus: 'arn:aws:sqs:eu-west-1:123456789012:orders' }, /name of an event bus/],
    [{ bus: 'a', region: 'Ireland' }, /must be a region such as eu-west-1/],
    [{ bus: 'a', endpoint: 'ftp://x' }, /must be an http or https URL/],
    [{ bus: 'a', endpoint: 'https://user:pass@x.example' }, /no user and no password/],
    [{ bus: 'a', maxBytes: 2_000_000 }, /from 8192 to 1048576/],
    [{ bus: 'a', maxPattern: 5_000 }, /from 256 to 4096/],
    [{ bus: 'a', buss: 'b' }, /did you mean 'bus'/],
    [{ bus: 'a', failures: 'dead' }, /must be the URL of a standard SQS queue/],
    [{ bus: 'a', failures: 'https://sqs.eu-west-1.amazonaws.com/123456789012/dead.fifo' }, /standard SQS queue/],
    [{ bus: 'a', failures: 'https://a:b@sqs.eu-west-1.amazonaws.com/123456789012/dead' }, /standard SQS queue/],
    [{ bus: 'a', failures: 'arn:aws:sqs:eu-west-1:123456789012:dead' }, /standard SQS queue/],
  ];
  for (const [input, says] of cases) assert.match(problemsOf(input).join('\n'), says, inspect(input));
});

test("eventbridge options: the bus's ARN gives the region; another region beside it is refused", async () => {
  const fake = await startEventBridge({ buses: [BUS] });
  const parts = partsFor(fake, [], { env: { AWS_REGION: 'us-east-1' } });
  const adapter = await open({ bus: ARN }, parts);
  await adapter.check(idle);
  assert.deepEqual(await adapter.publish([made('a')], idle), [{ ok: true }]);

  assert.equal(await codeOf(() => open({ bus: ARN, region: 'us-east-1' }, parts)), 'CONFIG_INVALID');
  await adapter.close();
  await fake.close();
});

test('eventbridge options: an endpoint of the service comes before the general one, and the option before both', async () => {
  const { fake, close } = await openScene();
  const nowhere = 'http://127.0.0.1:9';
  const general = partsFor(fake, [], {
    env: { AWS_ENDPOINT_URL: nowhere, AWS_ENDPOINT_URL_EVENTBRIDGE: fake.endpoint },
  });
  const option = partsFor(fake, [], { env: { AWS_ENDPOINT_URL: nowhere, AWS_ENDPOINT_URL_EVENTBRIDGE: nowhere } });
  const first = await open({ bus: BUS }, general);
  const second = await open({ bus: BUS, endpoint: fake.endpoint }, option);

  await first.check(idle);
  await second.check(idle);
  await Promise.all([first.close(), second.close(), close()]);
});

test('eventbridge options: a bad endpoint or bad queues of the environment are CONFIG_INVALID, and name no value', async () => {
  const fake = { endpoint: '', keys: { accessKeyId: 'a', secretAccessKey: 'b', region: 'eu-west-1' } };
  const codeWith = (env: Readonly<Record<string, string>>): Promise<ErrorCode> =>
    codeOf(() => open({ bus: BUS }, partsFor(fake, [], { env })));

  assert.equal(await codeWith({ AWS_ENDPOINT_URL: 'not a url' }), 'CONFIG_INVALID');
  assert.equal(await codeWith({ BUSWAY_QUEUES: '{' }), 'CONFIG_INVALID');
});

test('eventbridge options: a plain endpoint elsewhere gives a warning, on this machine none', async () => {
  const keys = { accessKeyId: 'a', secretAccessKey: 'b', region: 'eu-west-1' };
  const warningsFor = async (endpoint: string): Promise<readonly string[]> => {
    const warnings: string[] = [];
    await (await open({ bus: BUS }, partsFor({ endpoint, keys }, warnings))).close();
    return warnings;
  };

  assert.match((await warningsFor('http://aws.internal.example')).join(), /in the clear/);
  assert.deepEqual(await warningsFor('http://127.0.0.1:4566'), []);
  assert.deepEqual(await warningsFor('http://localhost:4566'), []);
});

const QUEUE = 'https://sqs.eu-west-1.amazonaws.com/123456789012/dead';

test('eventbridge options: tables of queues that are none are CONFIG_INVALID, and their text is not repeated', async () => {
  const fake = {
    endpoint: 'http://127.0.0.1:9',
    keys: { accessKeyId: 'a', secretAccessKey: 'b', region: 'eu-west-1' },
  };
  const texts = [
    '{',
    '[]',
    '{}',
    'null',
    '{"r":1}',
    '{"r":""}',
    '{"r":"canary-5521"}',
    `{"r":"${QUEUE}?a=canary-5521"}`,
  ];
  for (const text of texts) {
    const opened = open({ bus: BUS }, partsFor(fake, [], { env: { BUSWAY_FAILURES: text } }));
    await assert.rejects(opened, (thrown) => {
      assert.ok(thrown instanceof RouterError && thrown.code === 'CONFIG_INVALID', inspect(thrown));
      assert.match(thrown.message, /BUSWAY_FAILURES.*https:\/\/sqs\./);
      return !inspect(thrown).includes('canary');
    });
  }
});

test('eventbridge options: without a queue for failures the bus has no failure log; with a table or an option it has', async () => {
  const fake = {
    endpoint: 'http://127.0.0.1:9',
    keys: { accessKeyId: 'a', secretAccessKey: 'b', region: 'eu-west-1' },
  };
  const cases: readonly (readonly [object, Readonly<Record<string, string>>, boolean])[] = [
    [{}, {}, false],
    [{}, { BUSWAY_FAILURES: '' }, false],
    [{ failures: QUEUE }, {}, true],
    [{}, { BUSWAY_FAILURES: `{"*":"${QUEUE}"}` }, true],
  ];
  for (const [options, env, has] of cases) {
    const warnings: string[] = [];
    const adapter = await open({ bus: BUS, ...options }, partsFor(fake, warnings, { env }));
    assert.deepEqual([adapter.failures !== undefined, warnings], [has, []], inspect([options, env]));
    await adapter.close();
  }
});

const failure = {
  id: 'a',
  rule: null,
  ruleHash: null,
  code: 'DECODE_FAILED',
  reason: '',
  attempts: 1,
  at: '2030-01-01T00:00:00.000Z',
  event: null,
  bytes: Buffer.from('?'),
} as const;

test("eventbridge options: a table without '*' takes the option's queue, else says what has no place", async () => {
  const { sqs, own, any, env } = await startQueues();
  const without = { ...env, BUSWAY_FAILURES: JSON.stringify({ r: own }) };
  const warnings: string[] = [];
  const first = await open({ bus: BUS, failures: any }, partsFor(sqs, warnings, { env: without }));
  await first.failures?.write(failure);
  assert.deepEqual([sqs.messages(any).length, warnings], [1, []]);

  const second = await open({ bus: BUS }, partsFor(sqs, warnings, { env: without }));
  assert.match(warnings.join(), /names no queue for '\*'/);
  await assert.rejects(second.failures!.write(failure), { code: 'NOT_FOUND', message: /BUSWAY_FAILURES, or '\*'/ });
  await second.failures?.write({ ...failure, rule: 'r' });
  assert.equal(sqs.messages(own).length, 1);
  await Promise.all([first.close(), second.close(), sqs.close()]);
});

test("eventbridge options: SQS is asked where its endpoint says, else at the queue's own URL, in the region that this names", async () => {
  const { sqs, any } = await startQueues();
  const local = `${sqs.endpoint}${new URL(any).pathname}`;
  const nowhere = 'http://127.0.0.1:9';
  const cases: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    [any, { AWS_ENDPOINT_URL_SQS: sqs.endpoint, AWS_ENDPOINT_URL: nowhere, AWS_REGION: 'us-east-1' }],
    [any, { AWS_ENDPOINT_URL_SQS: `${sqs.endpoint}/base`, AWS_REGION: 'us-east-1' }],
    [any, { AWS_ENDPOINT_URL: sqs.endpoint }],
    [local, { AWS_ENDPOINT_URL: '' }],
  ];
  for (const [queue, env] of cases) {
    const adapter = await open({ bus: BUS, failures: queue }, partsFor(sqs, [], { env }));
    await adapter.failures?.write(failure);
    await adapter.close();
  }
  assert.equal(sqs.messages(any).length, cases.length);
  const lost = { AWS_REGION: '', AWS_CONFIG_FILE: '/nowhere', AWS_ENDPOINT_URL: '' };
  const adapter = await open({ bus: BUS, failures: local }, partsFor(sqs, [], { env: lost }));
  assert.equal(await codeOf(() => adapter.failures!.write(failure)), 'CONFIG_INVALID');
  await Promise.all([adapter.close(), sqs.close()]);
});

test('eventbridge options: failures that would go out in the clear give a warning', async () => {
  const fake = { endpoint: '', keys: { accessKeyId: 'a', secretAccessKey: 'b', region: 'eu-west-1' } };
  const warnings: string[] = [];
  const env = { BUSWAY_FAILURES: '{"*":"http://sqs.internal.example/123456789012/dead"}' };
  await (await open({ bus: BUS }, partsFor(fake, warnings, { env }))).close();
  assert.match(warnings.join(), /failures go to sqs.internal.example in the clear/);
});
