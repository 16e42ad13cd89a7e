// Publishes for ever and prints each id after it was acknowledged; store.test.ts kills it in the middle.

import { writeSync } from 'node:fs';
import { openEmbedded } from '../../../adapters/embedded/adapter.ts';
import { binaryData } from '../../../router/event.ts';

const [dataDir = '', life = ''] = process.argv.slice(2);
const adapter = openEmbedded({ dataDir, now: Date.now });
const signal = new AbortController().signal;

for (let turn = 0; ; turn++) {
  const ids = Array.from({ length: 5 }, (_, i) => `${life}-${turn}-${i}`);
  const batch = ids.map((id) => ({
    attributes: { specversion: '1.0', id, source: '/killed', type: 't' } as const,
    data: binaryData(Buffer.from(`${id}${' '.repeat(2_000)}`.slice(0, 2_000))),
  }));
  const results = await adapter.publish(batch, signal);
  if (results.every((result) => result.ok)) writeSync(1, `${ids.join('\n')}\n`);
}
