// The pushed half of Event Grid in the parity run: a custom topic with one filtered event subscription a rule, each pushed
// to the push function behind node:http, after its handshake.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Adapter } from '../../../adapters/adapter.ts';
import { open } from '../../../adapters/eventgrid/adapter.ts';
import { compileEventGrid, subscriptionName } from '../../../adapters/eventgrid/filter.ts';
import { readBody, send, toRequest } from '../../../functions/hosts/node-http.ts';
import { wrapPush } from '../../../functions/middleware.ts';
import { createPush } from '../../../functions/push.ts';
import { startEventGrid } from '../../fakes/eventgrid.ts';
import { scaledClock } from '../../fakes/eventgrid-clock.ts';
import { type Column, here, partsOf, WAIT_MS, withFolder } from './columns.ts';
import { createRouter, publishAll, type Router, type Scene } from './scene.ts';

const TOPIC = 'parity';
const SECRET = 'the-push-secret-of-the-parity-run';
const MAX_BODY = 2 * 1024 * 1024;
const key = Buffer.from('the access key of the parity run').toString('base64');

async function serve(adapter: Adapter, router: Router): Promise<{ server: Server; url: string }> {
  const handler = createPush({ adapter, consumer: router.consumer, secrets: [SECRET] });
  const push = wrapPush(handler, {
    onFault: (error) => console.error(error),
    finalStatuses: adapter.push!.finalStatuses,
  });
  const server = createServer((request, response) => {
    void readBody(request, MAX_BODY).then(async (body) => send(response, await push(toRequest(request, body!), {})));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/push?secret=${SECRET}` };
}

async function run(scene: Scene, dataDir: string): Promise<Router> {
  const fake = await startEventGrid({ keys: [key], customTopics: [TOPIC], clock: scaledClock(3) });
  const parts = partsOf(scene, dataDir, { EVENTGRID_KEY: key });
  const adapter = await open({ endpoint: fake.endpointOf(TOPIC), key: 'EVENTGRID_KEY' }, parts);
  const router = createRouter(scene);
  const { server, url } = await serve(adapter, router);
  try {
    for (const { name, when } of scene.document.rules) {
      const { native } = compileEventGrid(when, { tier: 'topic', filterable: [] });
      const push = { url, maxEventsPerBatch: 20 };
      await fake.subscribe(TOPIC, subscriptionName('busway', name, native), {
        push,
        ...(native === null ? {} : { filter: native }),
      });
    }
    await publishAll(adapter, scene.events);
    await router.settled(WAIT_MS);
    return router;
  } finally {
    await fake.close();
    await adapter.close();
    server.closeAllConnections();
    server.close();
  }
}

export const customTopic: Column = {
  name: 'eventgrid',
  on: 'a custom topic of our fake, pushed',
  missing: here,
  run: (scene) => withFolder((dataDir) => run(scene, dataDir)),
};
