// The router in one process: bus, sources, rules, intake and delivery, put together from a document. `dev` and
// `quickstart` run it. A changed document is taken over while running; what cannot change is said.

import { setTimeout } from 'node:timers/promises';
import type { Adapter, AdapterParts } from '../adapters/adapter.ts';
import { type Bus, busDefaults, createBus } from '../adapters/bus.ts';
import { buses } from '../adapters/registry.ts';
import { openSeen, type SeenStore } from '../adapters/seen.ts';
import type { WrappedWebhook } from '../functions/middleware.ts';
import { wrapWebhook } from '../functions/middleware.ts';
import { type OpenRules, openRules } from '../functions/open-rules.ts';
import { openSources, type SecretsOf } from '../functions/open-sources.ts';
import { createRandomHex } from '../functions/random-hex.ts';
import { type Redriven, redrive, type Selection } from '../functions/redrive.ts';
import { sources as sourceKinds } from '../functions/sources/registry.ts';
import { targets as targetKinds } from '../functions/targets/registry.ts';
import { createWebhook, type IntakeReport, type OpenSource } from '../functions/webhook.ts';
import { type Consumer, createConsumer, type Report } from '../router/consume.ts';
import type { Chosen } from '../router/document.ts';
import { RouterError, toRouterError } from '../router/errors.ts';
import type { CloudEvent } from '../router/event.ts';
import { createIngest, type Ingest } from '../router/ingest.ts';
import type { LoadedDocument } from './document-file.ts';

export interface RuntimeParts {
  readonly loaded: LoadedDocument;
  /** The document's bus made ready for this machine (a launched broker's address filled in). */
  readonly bus?: Chosen;
  readonly dataDir: string;
  readonly secretsOf: SecretsOf;
  readonly env: (name: string) => string | undefined;
  readonly now: () => number;
  readonly random: () => number;
  readonly randomBytes: (size: number) => Buffer;
  readonly onWarning: (text: string) => void;
  /** Where the log target writes. */
  readonly print: (line: string) => void;
  readonly onIntake?: (report: IntakeReport) => void;
  readonly onMatch?: (event: CloudEvent, rules: readonly string[]) => void;
  readonly onReport?: (report: Report) => void;
}

export interface Runtime {
  readonly webhook: WrappedWebhook;
  readonly adapter: Adapter;
  /** Opens the new document's sources and rules, then swaps them in; throws and keeps the old ones when that fails. */
  reload(loaded: LoadedDocument): Promise<void>;
  labelOf(rule: string): string;
  redrive(selection: Selection, signal: AbortSignal): AsyncIterable<Redriven>;
  /** Stops reading, drains what is under way, commits, closes. Idempotent. */
  stop(): Promise<void>;
}

export async function openAdapter(bus: Chosen, parts: AdapterParts): Promise<Adapter> {
  const kind = buses[bus.kind];
  if (kind === undefined) throw new RouterError('UNSUPPORTED', `no bus '${bus.kind}' here`);
  return (await kind.load()).open(bus.options, parts);
}

async function openParts(
  loaded: LoadedDocument,
  parts: RuntimeParts,
): Promise<{ sources: ReadonlyMap<string, OpenSource>; open: OpenRules }> {
  const { env, now, onWarning, print } = parts;
  const sources = await openSources(loaded.document, sourceKinds, parts.secretsOf);
  const open = await openRules(loaded.document, targetKinds, {
    baseDir: loaded.baseDir,
    local: true,
    env,
    now,
    onWarning,
    print,
  });
  return { sources, open };
}

/** Throws RouterError when anything of the document cannot be opened; then nothing stays open. */
export async function startRuntime(parts: RuntimeParts): Promise<Runtime> {
  const { now, random, onWarning } = parts;
  let current = parts.loaded;
  let { sources, open } = await openParts(current, parts);
  let adapter: Adapter;
  try {
    adapter = await openAdapter(parts.bus ?? current.document.bus, {
      dataDir: parts.dataDir,
      now,
      env: parts.env,
      onWarning,
      rules: () => current.document.rules,
    });
  } catch (thrown) {
    await open.close();
    throw thrown;
  }
  const { failures } = adapter;
  if (failures === undefined || adapter.subscribe === undefined) {
    await Promise.all([adapter.close(), open.close()]);
    throw new RouterError(
      'UNSUPPORTED',
      `busway dev cannot deliver from ${adapter.name}; it runs on a bus that can be read from here`,
    );
  }
  const stopReading = new AbortController();
  const seen = adapter.capabilities.dedupe ? undefined : await fillSeen(adapter, parts);
  const bus = createBus(adapter, { ...busDefaults, now });
  const webhook = wrapWebhook(
    createWebhook({
      sources: () => sources,
      ingest: intake(bus, seen, parts),
      now,
      ...(parts.onIntake ? { onReport: parts.onIntake } : {}),
    }),
    {
      onFault: (error) =>
        onWarning(`a request broke: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`),
    },
  );
  const consumer: Consumer = createConsumer({
    rules: () => open.rules,
    match: (event) => open.match(event),
    failures,
    now,
    random,
    ...(parts.onReport ? { onReport: parts.onReport } : {}),
    ...(parts.onMatch ? { onMatch: parts.onMatch } : {}),
  });
  const consuming = consumeForever(adapter, consumer, { signal: stopReading.signal, onWarning });
  let stopping: Promise<void> | undefined;

  async function shutDown(): Promise<void> {
    stopReading.abort();
    await consuming;
    await bus.close();
    seen?.close();
    await open.close();
  }

  return {
    webhook,
    adapter,
    async reload(loaded) {
      if (JSON.stringify(loaded.document.bus) !== JSON.stringify(current.document.bus)) {
        onWarning('the bus of the document changed: restart to use it; everything else is taken over');
      }
      const fresh = await openParts(loaded, parts);
      const old = open;
      ({ sources, open } = fresh);
      current = loaded;
      // Deliveries under way still hold the old targets; closing waits for them.
      await old.close();
    },
    labelOf: (rule) => open.labels.get(rule) ?? rule,
    redrive: (selection, signal) => redrive({ rules: open.rules, failures, now }, selection, signal),
    stop() {
      stopping ??= shutDown();
      return stopping;
    },
  };
}

const SUBSCRIBE_AGAIN_MS = 5_000;

/** Intake goes on while delivery cannot: what is taken waits on the bus, and is delivered once it can be. */
async function consumeForever(
  adapter: Adapter,
  consumer: Consumer,
  { signal, onWarning }: { signal: AbortSignal; onWarning: (text: string) => void },
): Promise<void> {
  while (!signal.aborted) {
    try {
      await adapter.subscribe?.(consumer, signal);
      return;
    } catch (thrown) {
      const again = `tried again in ${SUBSCRIBE_AGAIN_MS / 1_000} s`;
      onWarning(`${adapter.name}: delivery stopped and is ${again}: ${toRouterError(thrown).message}`);
      await setTimeout(SUBSCRIBE_AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

// More would make a first start on a long topic slow; older repeats than these are delivered again.
const SEEN_AT_START = 100_000;

async function fillSeen(adapter: Adapter, { dataDir, now, onWarning }: RuntimeParts): Promise<SeenStore> {
  const seen = openSeen(dataDir, now);
  const options = { last: SEEN_AT_START, follow: false, since: seen.completeUntil };
  try {
    for await (const event of adapter.tail?.(options, AbortSignal.timeout(60_000)) ?? []) seen.add(seen.keyOf(event));
  } catch (thrown) {
    onWarning(
      `${adapter.name}: the newest events could not be read, so their repeats may be delivered again: ${String(thrown)}`,
    );
  }
  return seen;
}

function intake(bus: Bus, seen: SeenStore | undefined, parts: RuntimeParts): Ingest {
  return createIngest({
    publish: bus.publishOne,
    ...(seen === undefined ? {} : { seen }),
    now: parts.now,
    randomHex: createRandomHex(parts.randomBytes),
  });
}
