// The personalities in the parity run: a bus of this machine that behaves as another, by the run's seed.

import { open as openEmbedded } from '../../../adapters/embedded/adapter.ts';
import { open as openKafka } from '../../../adapters/kafka/adapter.ts';
import { likeBus } from '../../../adapters/like.ts';
import type { Personality } from '../../../adapters/personality.ts';
import { buses } from '../../../adapters/registry.ts';
import { sharedKafka, topicSet } from '../../harness/kafka.ts';
import { type Column, here, kafka, partsOf, WAIT_MS, withFolder } from './columns.ts';
import { type Router, runSubscribed, type Scene } from './scene.ts';

// The clouds' waits of seconds and minutes would make the run long.
const SPEED = 100;

function partsFor(scene: Scene, personality: Personality) {
  return {
    personality,
    seed: scene.seed,
    rules: () => scene.document.rules,
    now: Date.now,
    onWarning: (text: string): void => void process.stderr.write(`${text}\n`),
    speed: SPEED,
  };
}

async function personalityOf(name: string): Promise<Personality> {
  const load = buses[name]!.loadPersonality!;
  return (await load())({});
}

const likeEmbedded = (name: string): Column => ({
  name: `embedded --like ${name}`,
  on: 'a file',
  missing: here,
  run: (scene) =>
    withFolder(async (dataDir) => {
      const adapter = await openEmbedded({}, partsOf(scene, dataDir));
      return runSubscribed(likeBus(adapter, partsFor(scene, await personalityOf(name))), scene, WAIT_MS);
    }),
});

async function onKafka(scene: Scene, name: string, dataDir: string): Promise<Router> {
  const found = await sharedKafka();
  if (!found.ok) throw new Error(found.reason);
  const topics = await topicSet(found, 3);
  try {
    const adapter = await openKafka({ ...topics.options }, partsOf(scene, dataDir));
    return await runSubscribed(likeBus(adapter, partsFor(scene, await personalityOf(name))), scene, WAIT_MS);
  } finally {
    await topics.close();
  }
}

const likeKafka = (name: string): Column => ({
  name: `kafka --like ${name}`,
  on: 'Apache Kafka',
  missing: kafka.missing,
  run: (scene) => withFolder((dataDir) => onKafka(scene, name, dataDir)),
});

const names = ['eventbridge', 'pubsub', 'eventgrid'];
export const personalities: readonly Column[] = [...names.map(likeEmbedded), ...names.map(likeKafka)];
