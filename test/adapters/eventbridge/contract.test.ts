// The EventBridge bus through the adapter laws: the real SDK against the fake of test/fakes/eventbridge.ts, a rule that takes
// everything, and a queue behind it, from which payloads are decoded as Lambda gets them.

import { adapterSuite } from '../../contract/adapter.ts';
import type { BusScene, Special } from '../../contract/adapter-harness.ts';
import type { FakeSettings } from '../../fakes/eventbridge.ts';
import { BUS, canary, nativePasses, openScene } from './scene.ts';

async function busScene(): Promise<BusScene> {
  const { fake, adapter, warnings, reopen } = await openScene();
  const queue = fake.queue('everything');
  fake.addRule({ bus: BUS, name: 'everything', pattern: '{"source":[{"prefix":""}]}', queue });
  return { adapter, warnings, reopen, pushed: async () => queue.pushed(), cleanup: () => fake.close() };
}

async function special(settings: FakeSettings): Promise<Special> {
  const { fake, adapter, warnings } = await openScene(settings);
  return { adapter, warnings, cleanup: () => fake.close() };
}

adapterSuite('eventbridge', {
  delivery: 'push',
  canary,
  open: busScene,
  openMissing: () => special({ buses: [] }),
  openStalled: () => special({ fault: ({ operation }) => (operation === 'PutEvents' ? { kind: 'hang' } : undefined) }),
  openThrottled: () =>
    special({
      fault: ({ operation }) =>
        operation === 'PutEvents' ? { kind: 'entries', codes: { 0: 'ThrottlingException' } } : undefined,
    }),
  nativePasses: (native, event) => nativePasses(native as object, event),
  cannotCarry: [{ id: 'deep', reason: 'PutEvents processes JSON up to 1,000 levels' }],
});
