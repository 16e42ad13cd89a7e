// Options of the EventBridge bus, and where region, endpoint and credentials come from when they say nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { open } from '../../../adapters/eventbridge/adapter.ts';
import { eventbridgeOptions, regionOfBus, toEventBridgeOptions } from '../../../adapters/eventbridge/options.ts';
import { checkOptions, type Problem } from '../../../router/config.ts';
import type { ErrorCode } from '../../../router/errors.ts';
import { codeOf, idle, made } from '../../contract/adapter-harness.ts';
import { startEventBridge } from '../../fakes/eventbridge.ts';
import { BUS, openScene, partsFor } from './scene.ts';

function problemsOf(input: object): string[] {
  const problems: Problem[] = [];
  checkOptions(input, eventbridgeOptions, 'bus', problems);
  return problems.map(({ path, says }) => `${path} ${says}`);
}

const ARN = 'arn:aws:events:eu-west-1:123456789012:event-bus/orders';

test('eventbridge options: a name and an ARN are taken, with the documented defaults', () => {
  assert.deepEqual(problemsOf({ bus: 'orders' }), []);
  assert.deepEqual(problemsOf({ bus: ARN, region: 'eu-west-1', endpoint: 'http://127.0.0.1:4566' }), []);
  assert.deepEqual(toEventBridgeOptions({ bus: 'a' }), { bus: 'a', maxBytes: 1_048_576, maxPattern: 2_048 });
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
    [{ bus: 'a', maxBytes: 2_000_000 }, /from 1024 to 1048576/],
    [{ bus: 'a', maxPattern: 5_000 }, /from 256 to 4096/],
    [{ bus: 'a', buss: 'b' }, /did you mean 'bus'/],
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
