// The router in one process: bus, sources, rules, intake and delivery, put together from a document. `dev` and
// `quickstart` run it. A changed document is taken over while running; what cannot change is said.

import type { Adapter, AdapterParts, Routed } from '../adapters/adapter.ts';
import { type Bus, busDefaults, createBus } from '../adapters/bus.ts';
import { type LikeParts, likeBus } from '../adapters/like.ts';
import { type Oversize, openOversize } from '../adapters/oversize/oversize.ts';
import { buses, stores } from '../adapters/registry.ts';
import { openSeen, type SeenStore } from '../adapters/seen.ts';
import type { HttpFunction } from '../functions/middleware.ts';
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
import { RouterError } from '../router/errors.ts';
import type { CloudEvent } from '../router/event.ts';
import type { FailureLog } from '../router/failure.ts';
import { createIngest, type Ingest } from '../router/ingest.ts';
import { consumeForever } from './consume-forever.ts';
import type { LoadedDocument } from './document-file.ts';
import type { PrepareRules } from './former.ts';

export interface RuntimeParts {
  readonly loaded: LoadedDocument;
  /** The document's bus made ready for this machine (a launched broker's address filled in). */
  readonly bus?: Chosen;
  /** The bus behaves as another one. */
  readonly like?: Pick<LikeParts, 'personality' | 'seed'>;
  /** Asked before rules come into force, at the start and for each changed document. */
  readonly prepareRules?: PrepareRules;
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
  readonly webhook: HttpFunction;
  readonly adapter: Adapter;
  /** False where the bus pushes: then events are published here and delivered elsewhere. */
  readonly delivers: boolean;
  /** Opens the new document's sources and rules, then swaps them in; throws and keeps the old ones when that fails. */
  reload(loaded: LoadedDocument): Promise<void>;
  labelOf(rule: string): string;
  /** Why nothing is delivered at present; undefined while it is, and where delivering is not ours. */
  stalled(): RouterError | undefined;
  /** Throws UNSUPPORTED where the bus keeps no failures. */
  redrive(selection: Selection, signal: AbortSignal): AsyncIterable<Redriven>;
  /** Stops reading, drains what is under way, commits, closes. Idempotent. */
  stop(): Promise<void>;
}

export async function openAdapter(bus: Chosen, parts: AdapterParts): Promise<Adapter> {
  const kind = buses[bus.kind];
  if (kind === undefined) throw new RouterError('UNSUPPORTED', `no bus '${bus.kind}' here`);
  return (await kind.load()).open(bus.options, parts);
}

/** Undefined where the document has no `oversize`. Throws CONFIG_INVALID. */
export async function openDataStore(
  { document, baseDir }: LoadedDocument,
  { env, now, onWarning }: Pick<RuntimeParts, 'env' | 'now' | 'onWarning'>,
): Promise<Oversize | undefined> {
  if (document.oversize === undefined) return undefined;
  return openOversize(document.oversize.store, stores, { baseDir, env, now, onWarning });
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

/** Throws UNSUPPORTED where the bus keeps none. */
export function failuresOf({ name, failures }: Adapter): FailureLog {
  if (failures !== undefined) return failures;
  throw new RouterError(
    'UNSUPPORTED',
    `the ${name} bus keeps no failures as the document sets it up; name a place for them: 'failures' in adapters/${name}/README.md`,
  );
}

/** Whether this process delivers what is on the bus. Throws UNSUPPORTED where it should and cannot. */
function deliversFrom(adapter: Adapter): boolean {
  if (adapter.capabilities.delivery === 'push') return false;
  if (adapter.subscribe === undefined) {
    throw new RouterError(
      'UNSUPPORTED',
      `busway dev cannot read the ${adapter.name} bus; choose another with --bus KIND`,
    );
  }
  // Without them what cannot be delivered would be lost, or come for ever.
  failuresOf(adapter);
  return true;
}

/** The rules as their bus needs them, once what they need there is made or told. */
async function route({ document }: LoadedDocument, { prepareRules, bus, loaded }: RuntimeParts): Promise<Routed[]> {
  const { rules } = document;
  // A running router keeps the bus that it was started with.
  const formerly = await prepareRules?.({ bus: bus ?? loaded.document.bus, rules });
  return rules.map(({ name, when }) => {
    const old = formerly?.get(name);
    return old === undefined ? { name, when } : { name, when, formerly: old };
  });
}

/** Throws RouterError when anything of the document cannot be opened; then nothing stays open. */
export async function startRuntime(parts: RuntimeParts): Promise<Runtime> {
  const { now, random, onWarning } = parts;
  let current = parts.loaded;
  let { sources, open } = await openParts(current, parts);
  let routed: readonly Routed[] = [];
  const rules = () => routed;
  let adapter: Adapter;
  let oversize: Oversize | undefined;
  try {
    oversize = await openDataStore(current, parts);
    routed = await route(current, parts);
    adapter = await openAdapter(parts.bus ?? current.document.bus, {
      dataDir: parts.dataDir,
      now,
      env: parts.env,
      onWarning,
      rules,
      ...(oversize && { oversize }),
    });
    if (parts.like !== undefined) {
      adapter = likeBus(adapter, { ...parts.like, rules: () => current.document.rules, now, onWarning });
    }
  } catch (thrown) {
    await open.close();
    throw thrown;
  }
  let delivers: boolean;
  try {
    delivers = deliversFrom(adapter);
  } catch (thrown) {
    await Promise.all([adapter.close(), open.close()]);
    throw thrown;
  }
  const stopReading = new AbortController();
  let stalled: RouterError | undefined;
  const seen = adapter.capabilities.dedupe ? undefined : await fillSeen(adapter, parts);
  const bus = createBus(adapter, { ...busDefaults, now, ...(oversize && { oversize }) });
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
  const consumer = (): Consumer =>
    createConsumer({
      rules: () => open.rules,
      match: (event) => open.match(event),
      ...(oversize && { whole: oversize.whole, mayMatch: (event: CloudEvent) => open.mayMatch(event) }),
      failures: failuresOf(adapter),
      now,
      random,
      ...(parts.onReport ? { onReport: parts.onReport } : {}),
      ...(parts.onMatch ? { onMatch: parts.onMatch } : {}),
    });
  const consuming = delivers
    ? consumeForever(adapter, consumer(), {
        signal: stopReading.signal,
        onWarning,
        onStalled: (why) => (stalled = why),
      })
    : Promise.resolve();
  let retired: Promise<unknown> = Promise.resolve();
  let stopping: Promise<void> | undefined;

  async function shutDown(): Promise<void> {
    stopReading.abort();
    await consuming;
    await bus.close();
    seen?.close();
    await Promise.all([retired, open.close()]);
  }

  return {
    webhook,
    adapter,
    delivers,
    async reload(loaded) {
      if (JSON.stringify(loaded.document.bus) !== JSON.stringify(current.document.bus)) {
        onWarning('the bus of the document changed: restart to use it; everything else is taken over');
      }
      if (JSON.stringify(loaded.document.oversize) !== JSON.stringify(current.document.oversize)) {
        onWarning("'oversize' of the document changed: restart to use it; everything else is taken over");
      }
      const fresh = await openParts(loaded, parts);
      let next: readonly Routed[];
      try {
        next = await route(loaded, parts);
      } catch (thrown) {
        await fresh.open.close();
        throw thrown;
      }
      const old = open;
      ({ sources, open } = fresh);
      current = loaded;
      routed = next;
      // Deliveries under way still hold the old targets, and closing waits for them; the new rules need not.
      retired = Promise.all([retired, old.close()]);
    },
    labelOf: (rule) => open.labels.get(rule) ?? rule,
    stalled: () => stalled,
    redrive: (selection, signal) =>
      redrive(
        { rules: open.rules, failures: failuresOf(adapter), now, ...(oversize && { whole: oversize.whole }) },
        selection,
        signal,
      ),
    stop() {
      stopping ??= shutDown();
      return stopping;
    },
  };
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
