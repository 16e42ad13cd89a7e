// Our router as `busway dev --quiet` composes it, for a bench to measure; or its intake alone, as a deployed webhook
// function has it, where the peer takes events in and delivers nothing.

import { randomBytes } from 'node:crypto';
import { busDefaults, createBus } from '../../../adapters/bus.ts';
import { openSeen } from '../../../adapters/seen.ts';
import { serveNode } from '../../../functions/hosts/node.ts';
import { wrapWebhook } from '../../../functions/middleware.ts';
import { openSources } from '../../../functions/open-sources.ts';
import { createRandomHex } from '../../../functions/random-hex.ts';
import { sources as sourceKinds } from '../../../functions/sources/registry.ts';
import { createWebhook } from '../../../functions/webhook.ts';
import { kinds, type LoadedDocument } from '../../../local/document-file.ts';
import { openAdapter, startRuntime } from '../../../local/runtime.ts';
import { checkDocument } from '../../../router/document.ts';
import { createIngest } from '../../../router/ingest.ts';
import { secret, signingSecret } from '../payload.ts';
import { type Started, serveBench } from './child.ts';

export interface RouterOptions {
  /** Router document. */
  readonly document: unknown;
  readonly dataDir: string;
  readonly parts: 'whole' | 'intake';
}

const MIB = 1024 * 1024;
const env = (name: string): string | undefined => (name === 'BUSWAY_SIGNING_SECRET' ? signingSecret : undefined);
const secretsOf = (): readonly string[] => [secret];
const onWarning = (text: string): void => void process.stderr.write(`${text}\n`);

async function startWhole(loaded: LoadedDocument, dataDir: string): Promise<Started> {
  const runtime = await startRuntime({
    loaded,
    dataDir,
    secretsOf,
    env,
    now: Date.now,
    random: Math.random,
    randomBytes,
    onWarning,
    print: () => undefined,
  });
  const host = await serveNode(runtime.webhook, { port: 0, maxBody: MIB });
  return {
    port: host.port,
    async close() {
      await host.close();
      await runtime.stop();
    },
  };
}

async function startIntake({ document }: LoadedDocument, dataDir: string): Promise<Started> {
  const now = Date.now;
  const sources = await openSources(document, sourceKinds, secretsOf);
  const adapter = await openAdapter(document.bus, { dataDir, now, env, onWarning });
  const bus = createBus(adapter, { ...busDefaults, now });
  const seen = adapter.capabilities.dedupe ? undefined : openSeen(dataDir, now);
  const ingest = createIngest({
    publish: bus.publishOne,
    ...(seen === undefined ? {} : { seen }),
    now,
    randomHex: createRandomHex(randomBytes),
  });
  const webhook = wrapWebhook(createWebhook({ sources: () => sources, ingest, now }), { onFault: console.error });
  const host = await serveNode(webhook, { port: 0, maxBody: MIB });
  return {
    port: host.port,
    async close() {
      await host.close();
      await bus.close();
      seen?.close();
    },
  };
}

await serveBench<RouterOptions>(({ document, dataDir, parts }) => {
  const loaded = { file: 'router.json', baseDir: dataDir, document: checkDocument(document, kinds) };
  return parts === 'whole' ? startWhole(loaded, dataDir) : startIntake(loaded, dataDir);
});
