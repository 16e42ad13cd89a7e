// Pub/Sub in the parity run: the topic and one filtered subscription a rule as definitions.ts has them, pulled over gRPC,
// from the fake and from Google's own pstest.

import { open } from '../../../adapters/pubsub/adapter.ts';
import { createConnection } from '../../../adapters/pubsub/client.ts';
import { definitions } from '../../../adapters/pubsub/definitions.ts';
import { ensureOnEmulator } from '../../../adapters/pubsub/ensure.ts';
import { readEndpoint, toPubSubOptions } from '../../../adapters/pubsub/options.ts';
import { startPubSubFake } from '../../fakes/pubsub.ts';
import { pstestSkip, startPstest } from '../../fakes/pubsub-pstest.ts';
import { type Column, here, partsOf, WAIT_MS, withFolder } from './columns.ts';
import { type Router, runSubscribed, type Scene } from './scene.ts';

const PROJECT = 'parity-project';

async function runAt(address: string, scene: Scene, dataDir: string): Promise<Router> {
  const options = toPubSubOptions({ project: PROJECT });
  const endpoint = readEndpoint(address, 'clear')!;
  const connection = createConnection({ project: PROJECT, endpoint });
  const defined = definitions(scene.document.rules, { project: PROJECT, options });
  await ensureOnEmulator({ connection, endpoint }, defined, AbortSignal.timeout(10_000));
  await connection.close();
  const adapter = await open({ ...options }, partsOf(scene, dataDir, { PUBSUB_EMULATOR_HOST: address }));
  return runSubscribed(adapter, scene, WAIT_MS);
}

export const pubsub: Column = {
  name: 'pubsub',
  on: 'our fake',
  missing: here,
  run: (scene) =>
    withFolder(async (dataDir) => {
      const fake = await startPubSubFake();
      try {
        return await runAt(fake.address, scene, dataDir);
      } finally {
        await fake.close();
      }
    }),
};

export const pstest: Column = {
  name: 'pubsub',
  on: 'pstest 2.8.0',
  missing: async () => pstestSkip('2.8.0') || undefined,
  run: (scene) =>
    withFolder(async (dataDir) => {
      const server = await startPstest('2.8.0');
      try {
        return await runAt(server.address, scene, dataDir);
      } finally {
        await server.close();
      }
    }),
};
