// The EventBridge bus through the adapter laws, by the real SDK and by our own signed requests: against the fake of
// test/fakes/eventbridge.ts, a rule that takes everything, and a queue behind it, from which payloads are decoded as Lambda
// gets them; failures in the fake of SQS.

import { open } from '../../../adapters/eventbridge/adapter.ts';
import { open as openSigned } from '../../../adapters/eventbridge/adapter-signed.ts';
import { adapterSuite } from '../../contract/adapter.ts';
import type { AdapterHarness, BusScene, Special } from '../../contract/adapter-harness.ts';
import type { FakeSettings } from '../../fakes/eventbridge.ts';
import { BUS, canary, nativePasses, openScene, startQueues } from './scene.ts';

async function busScene(by: typeof open): Promise<BusScene> {
  const { sqs, env } = await startQueues();
  const { fake, adapter, warnings, reopen } = await openScene({}, { env, by });
  const queue = fake.queue('everything');
  fake.addRule({ bus: BUS, name: 'everything', pattern: '{"source":[{"prefix":""}]}', queue });
  const cleanup = async (): Promise<void> => void (await Promise.all([fake.close(), sqs.close()]));
  return { adapter, warnings, reopen, pushed: async () => queue.pushed(), cleanup };
}

async function special(by: typeof open, settings: FakeSettings): Promise<Special> {
  const { fake, adapter, warnings } = await openScene(settings, { by });
  return { adapter, warnings, cleanup: () => fake.close() };
}

const harnessOf = (by: typeof open): AdapterHarness => ({
  delivery: 'push',
  keepsFailures: true,
  canary,
  open: () => busScene(by),
  openMissing: () => special(by, { buses: [] }),
  openStalled: () =>
    special(by, { fault: ({ operation }) => (operation === 'PutEvents' ? { kind: 'hang' } : undefined) }),
  openThrottled: () =>
    special(by, {
      fault: ({ operation }) =>
        operation === 'PutEvents' ? { kind: 'entries', codes: { 0: 'ThrottlingException' } } : undefined,
    }),
  nativePasses: (native, event) => nativePasses(native as object, event),
  cannotCarry: [{ id: 'deep', reason: 'PutEvents processes JSON up to 1,000 levels' }],
});

adapterSuite('eventbridge', harnessOf(open));
adapterSuite('eventbridge, without the SDK', harnessOf(openSigned));
