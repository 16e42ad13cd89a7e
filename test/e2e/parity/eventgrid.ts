// Event Grid in the parity run: the topic of a namespace, pulled through one filtered subscription a rule.

import { open } from '../../../adapters/eventgrid/adapter.ts';
import { compileEventGrid, subscriptionName } from '../../../adapters/eventgrid/filter.ts';
import { startEventGrid } from '../../fakes/eventgrid.ts';
import { scaledClock } from '../../fakes/eventgrid-clock.ts';
import { type Column, here, partsOf, WAIT_MS, withFolder } from './columns.ts';
import { type Router, runSubscribed, type Scene } from './scene.ts';

const TOPIC = 'parity';
const key = Buffer.from('the access key of the parity run').toString('base64');

async function pulled(scene: Scene, dataDir: string): Promise<Router> {
  const fake = await startEventGrid({ keys: [key], namespaceTopics: [TOPIC], clock: scaledClock(5) });
  try {
    for (const { name, when } of scene.document.rules) {
      const { native } = compileEventGrid(when, { tier: 'namespace', filterable: [] });
      await fake.subscribe(TOPIC, subscriptionName('busway', name, native), native === null ? {} : { filter: native });
    }
    const parts = partsOf(scene, dataDir, { EVENTGRID_KEY: key });
    const adapter = await open({ endpoint: fake.url, topic: TOPIC, key: 'EVENTGRID_KEY' }, parts);
    return await runSubscribed(adapter, scene, WAIT_MS);
  } finally {
    await fake.close();
  }
}

export const namespace: Column = {
  name: 'eventgrid',
  on: 'a namespace of our fake, pulled',
  missing: here,
  run: (scene) => withFolder((dataDir) => pulled(scene, dataDir)),
};
