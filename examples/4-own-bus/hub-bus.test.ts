// The hub's adapter keeps the laws that Busway's own buses keep. Run by `node --test`.

import { type AdapterHarness, adapterSuite } from 'busway/contract';
import { startHub } from './hub.ts';
import { openHub } from './hub-bus.ts';

const token = 'canary-3f1c';
const topic = 'events';

/** A hub of its own and the adapter on it. */
async function scene(always?: number): ReturnType<AdapterHarness['open']> {
  const hub = await startHub({ topic, token, ...(always === undefined ? {} : { always }) });
  const open = () => openHub({ url: hub.url, topic, token });
  return { adapter: open(), reopen: async () => open(), pushed: async () => hub.pushed(), cleanup: hub.close };
}

adapterSuite('hub', {
  delivery: 'push',
  canary: token,
  open: () => scene(),
  async openMissing() {
    const hub = await startHub({ topic, token });
    return { adapter: openHub({ url: hub.url, topic: 'no such topic', token }), cleanup: hub.close };
  },
  openStalled: () => scene(0),
  openThrottled: () => scene(429),
});
