// busway dev and the commands beside it on EventBridge, as a user runs them, against the fake: events are published from here,
// and delivered by the bus's own rules wherever those are deployed.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { open } from '../../adapters/eventbridge/adapter.ts';
import { failureId } from '../../router/failure.ts';
import { partsFor, startQueues } from '../adapters/eventbridge/scene.ts';
import { made } from '../contract/adapter-harness.ts';
import { type FakeEventBridge, startEventBridge } from '../fakes/eventbridge.ts';
import { type Cli, cliScene } from '../harness/cli.ts';

const config = ['--config', 'router.json'];

async function scene(t: TestContext, bus = 'orders'): Promise<Cli & { readonly fake: FakeEventBridge }> {
  const fake = await startEventBridge({ buses: ['orders'], secretAccessKey: 'c4n4ry-key' });
  t.after(() => fake.close());
  const { accessKeyId, secretAccessKey, region } = fake.keys;
  const cli = cliScene(t, {
    BUSWAY_SECRET_HOOKS: 'c4n4ry-hooks',
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_REGION: region,
    AWS_ENDPOINT_URL: fake.endpoint,
  });
  cli.write('router.json', {
    bus: { use: 'eventbridge', bus },
    sources: { hooks: { use: 'github' } },
    rules: [{ name: 'pushes', when: { type: ['com.github.push'] }, to: { log: {} } }],
  });
  return { ...cli, fake };
}

test('dev on eventbridge: it publishes, says where deliveries happen, and ends with what is under way', async (t) => {
  const { fake, dev, run } = await scene(t);
  const router = await dev(config);

  const sent = await run(['send', 'hooks/push', ...config]);
  await router.says(/com\.github\.push \S+ from hooks is on the bus/);

  assert.equal(sent.code, 0, sent.err);
  assert.deepEqual(
    fake.taken.map((detail) => (JSON.parse(detail) as { type: string }).type),
    ['com.github.push'],
  );
  assert.match(router.out(), /events are put on 'orders'; they are delivered by its own rules .* not from here/);
  assert.doesNotMatch(router.out() + router.err(), /c4n4ry/);
  assert.equal(await router.stop('SIGINT'), 0, router.err());
});

test('dev on eventbridge: a bus that is not there is no 202', async (t) => {
  const { dev, run, fake } = await scene(t, 'no-such-bus');
  await dev(config);

  const sent = await run(['send', 'hooks/push', ...config, '--json']);

  assert.equal((JSON.parse(sent.out) as { status: number }).status, 503, sent.err);
  assert.deepEqual(fake.taken, []);
});

test('eventbridge: without queues failures and redrive are refused with what to set, also beside a running dev; so is tail', async (t) => {
  const { dev, run } = await scene(t);

  const alone = [await run(['redrive', '--all', ...config]), await run(['failures', ...config])];
  const tail = await run(['tail', ...config]);
  await dev(config);
  const beside = await run(['redrive', '--all', ...config]);

  for (const { code, err } of [...alone, beside]) {
    assert.equal(code, 1);
    assert.match(err, /the eventbridge bus keeps no failures .*adapters\/eventbridge\/README\.md \(UNSUPPORTED\)/);
  }
  assert.equal(tail.code, 1);
  assert.match(tail.err, /the eventbridge bus keeps no log .*"log".*where its events are delivered.* \(UNSUPPORTED\)/);
});

test('eventbridge: with queues failures are listed and redriven from here, to their target only', async (t) => {
  const { sqs, env } = await startQueues();
  t.after(() => sqs.close());
  const { run, write } = cliScene(t, {
    BUSWAY_SECRET_HOOKS: 'c4n4ry-hooks',
    AWS_ACCESS_KEY_ID: sqs.keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: sqs.keys.secretAccessKey,
    AWS_SESSION_TOKEN: sqs.keys.sessionToken ?? '',
    AWS_REGION: sqs.keys.region,
    ...env,
  });
  const rules = ['r', 's'].map((name) => ({ name, when: { type: ['t'] }, to: { log: {} } }));
  write('router.json', { bus: { use: 'eventbridge', bus: 'orders' }, sources: { hooks: { use: 'github' } }, rules });
  const adapter = await open({ bus: 'orders' }, partsFor(sqs, [], { env }));
  t.after(() => adapter.close());
  const event = made('a', { type: 't' });
  const id = failureId('r', event);
  const about = { ruleHash: null, code: 'TARGET_STATUS', reason: 'answered 500', attempts: 5 } as const;
  await adapter.failures!.write({ id, rule: 'r', ...about, at: '2026-11-21T00:00:00.000Z', event });

  const list = await run(['failures', '--json', ...config]);
  const redriven = await run(['redrive', '--rule', 'r', '--json', ...config]);

  assert.equal((JSON.parse(list.out) as { id: string }).id, id, list.err);
  const [printed, result] = redriven.out.trimEnd().split('\n');
  assert.equal((JSON.parse(printed!) as { id: string }).id, 'a');
  assert.deepEqual(JSON.parse(result!), { id, rule: 'r', ok: true });
  assert.doesNotMatch(list.out + list.err + redriven.out + redriven.err, /c4n4ry|canary/);
});
