// The bus at work: events are published through createBus, which splits, retries and gives up in time; what the hub pushes is
// decoded and matched. Prints a line for each delivery.

import { busDefaults, createBus, indexRules, jsonData, readCondition } from 'busway';
import { startHub } from './hub.ts';
import { openHub } from './hub-bus.ts';

const where = { topic: 'events', token: 'only-in-this-example' };
const hub = await startHub(where);
const adapter = openHub({ url: hub.url, ...where });
const bus = createBus(adapter, { ...busDefaults, now: Date.now });

const event = (id: string, total: number) => ({
  attributes: { specversion: '1.0', id, source: '/shop', type: 'com.example.order.placed' } as const,
  data: jsonData(Buffer.from(JSON.stringify({ total }))),
});
const results = await bus.publish([event('1', 1200), event('2', 3)]);
console.log(`published: ${results.map(({ ok }) => ok).join(', ')}`);

const when = readCondition({ data: { total: [{ numeric: ['>=', 1000] }] } }, 'when', [])!;
const rulesOf = indexRules([{ name: 'large-orders', when }]);
for (const decoded of hub.pushed().flatMap((payload) => adapter.decode(payload))) {
  if (decoded.ok) console.log(`${decoded.event.attributes.id}: ${rulesOf(decoded.event).join(', ') || 'no rule'}`);
}

await bus.close();
await hub.close();
