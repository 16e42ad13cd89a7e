// The columns of the parity run: a name, whether it can be run here, and the run. Each publishes the scene's events through
// a bus and delivers them as that bus does, with the bus's own filter made from each rule.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open as openEmbedded } from '../../../adapters/embedded/adapter.ts';
import { open as openKafka } from '../../../adapters/kafka/adapter.ts';
import { sharedKafka, topicSet } from '../../harness/kafka.ts';
import { type Router, runSubscribed, type Scene } from './scene.ts';

export interface Column {
  readonly name: string;
  /** What is behind it, for the table. */
  readonly on: string;
  /** Why it cannot be run here; undefined when it can. */
  readonly missing: () => Promise<string | undefined>;
  readonly run: (scene: Scene) => Promise<Router>;
}

export const WAIT_MS = 60_000;
export const here = async (): Promise<undefined> => undefined;

export async function withFolder<T>(run: (dataDir: string) => Promise<T>): Promise<T> {
  const dataDir = mkdtempSync(join(tmpdir(), 'busway-parity-'));
  try {
    return await run(dataDir);
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

export function partsOf(scene: Scene, dataDir: string, env: Readonly<Record<string, string>> = {}) {
  return {
    dataDir,
    now: Date.now,
    env: (name: string): string | undefined => env[name],
    onWarning: (text: string): void => void process.stderr.write(`${text}\n`),
    rules: () => scene.document.rules,
  };
}

export const embedded: Column = {
  name: 'embedded',
  on: 'a file',
  missing: here,
  run: (scene) =>
    withFolder(async (dataDir) => runSubscribed(await openEmbedded({}, partsOf(scene, dataDir)), scene, WAIT_MS)),
};

export const kafka: Column = {
  name: 'kafka',
  on: 'Apache Kafka',
  async missing() {
    const found = await sharedKafka();
    return found.ok ? undefined : found.reason;
  },
  run: (scene) =>
    withFolder(async (dataDir) => {
      const found = await sharedKafka();
      if (!found.ok) throw new Error(found.reason);
      const topics = await topicSet(found, 3);
      try {
        return await runSubscribed(await openKafka({ ...topics.options }, partsOf(scene, dataDir)), scene, WAIT_MS);
      } finally {
        await topics.close();
      }
    }),
};
