// Puts the webhook, deliver and push functions together from the environment, for hosts that give us nothing else. Called
// once, at the start: BUSWAY_RULES names the router document of what delivers, BUSWAY_SECRET_* hold the secrets of sources,
// BUSWAY_PUSH_SECRET that of a bus which signs nothing. Knows the kinds it is given and imports no registry: what a function
// does not use must not be in its bundle.

import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Adapter, Routed } from '../../adapters/adapter.ts';
import { busDefaults, createBus } from '../../adapters/bus.ts';
import { type Oversize, openOversize, type StoreKinds } from '../../adapters/oversize/oversize.ts';
import type { AdapterModule } from '../../adapters/registry.ts';
import type { Kind } from '../../router/config.ts';
import { type Consumer, createConsumer } from '../../router/consume.ts';
import type { Kinds, RouterDocument } from '../../router/document.ts';
import { RouterError } from '../../router/errors.ts';
import { createIngest, type Seen } from '../../router/ingest.ts';
import { wrapPush, wrapWebhook } from '../middleware.ts';
import { openRules, type TargetKinds } from '../open-rules.ts';
import { openSources, type SourceKinds, secretsFromEnv } from '../open-sources.ts';
import { createPush, PUSH_MAX_BODY, readPushSecrets } from '../push.ts';
import { createRandomHex } from '../random-hex.ts';
import { createWebhook } from '../webhook.ts';
import type { OpenFunction } from './http-answer.ts';
import { createLog, type Log } from './log.ts';
import { type Env, type Intake, readDocument } from './read-document.ts';

export type { Env };

interface CommonParts {
  readonly buses: Readonly<Record<string, Kind<AdapterModule>>>;
  /** For the data of oversized events; none if absent. */
  readonly stores?: StoreKinds;
  /** A line of JSON. */
  readonly print: (line: string) => void;
}

export interface WebhookParts extends CommonParts {
  /** Checked when the bundle was made. */
  readonly document: Intake;
  readonly sources: SourceKinds;
  /** For a bus that asks for them. */
  readonly rules?: () => readonly Routed[];
  /** What was published, over all instances; not asked where the bus itself knows. */
  readonly seen?: Seen;
}

export interface DeliverParts extends CommonParts {
  readonly sources: Kinds;
  readonly targets: TargetKinds;
  /** The file of the router document where BUSWAY_RULES names none: a bundle has it beside itself. */
  readonly rulesFile?: string;
}

/** Runs `open` at the first call and hands its result to all; a failure is not kept, so the next call tries again. */
export function once<T>(open: () => Promise<T>): () => Promise<T> {
  let opened: Promise<T> | undefined;
  return () => {
    opened ??= open().catch((thrown: unknown) => {
      opened = undefined;
      throw thrown;
    });
    return opened;
  };
}

/** As `once`, begun at once; what went wrong is told when it is asked for. */
export async function opened<T>(open: () => Promise<T>): Promise<() => Promise<T>> {
  const get = once(open);
  await get().catch(() => undefined);
  return get;
}

interface OpenBus {
  readonly adapter: Adapter;
  readonly oversize?: Oversize;
}

interface BusParts {
  readonly env: Env;
  readonly parts: CommonParts;
  readonly log: Log;
  readonly rules?: () => readonly Routed[];
}

async function openStore({ oversize }: Intake, { env, parts, log }: BusParts): Promise<Pick<OpenBus, 'oversize'>> {
  if (oversize === undefined) return {};
  // A store that takes a path from here was refused: a folder of this machine.
  const asked = { baseDir: '.', env, now: Date.now, onWarning: log.warning };
  return { oversize: await openOversize(oversize.store, parts.stores ?? {}, asked) };
}

async function openBus(document: Intake, given: BusParts): Promise<OpenBus> {
  const { kind, options } = document.bus;
  const { env, parts, log, rules } = given;
  const module = await parts.buses[kind]!.load();
  const dataDir = join(tmpdir(), 'busway');
  const store = await openStore(document, given);
  const asked = { dataDir, env, now: Date.now, onWarning: log.warning, ...(rules && { rules }), ...store };
  return { adapter: await module.open(options, asked), ...store };
}

export interface ComposedFunction extends OpenFunction {
  close(): Promise<void>;
}

const MIB = 1024 * 1024;

function readMaxBody(env: Env): number {
  const text = env('BUSWAY_MAX_BODY') ?? String(MIB);
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new RouterError(
    'CONFIG_INVALID',
    `BUSWAY_MAX_BODY must be a number of bytes from 1 to 999999999, found '${text}'`,
  );
}

/** Throws RouterError: CONFIG_INVALID, SECRET_MISSING, or what the bus says to its options. */
export async function composeWebhook(env: Env, parts: WebhookParts): Promise<ComposedFunction> {
  const maxBody = readMaxBody(env);
  const { document, rules } = parts;
  const open = await openSources(document, parts.sources, secretsFromEnv(env));
  const log = createLog(parts.print, Date.now);
  const { adapter, ...store } = await openBus(document, { env, parts, log, ...(rules && { rules }) });
  const bus = createBus(adapter, { ...busDefaults, now: Date.now, ...store });
  log.started(document);
  const ingest = createIngest({
    publish: bus.publishOne,
    ...(parts.seen && !adapter.capabilities.dedupe ? { seen: parts.seen } : {}),
    now: Date.now,
    randomHex: createRandomHex(randomBytes),
  });
  const handler = createWebhook({ sources: () => open, ingest, now: Date.now, onReport: log.intake });
  return { wrapped: wrapWebhook(handler, { onFault: log.fault }), maxBody, close: () => bus.close() };
}

export interface ComposedDeliver {
  readonly document: RouterDocument;
  readonly log: Log;
  readonly adapter: Adapter;
  readonly consumer: Consumer;
  close(): Promise<void>;
}

/** Throws RouterError as composeWebhook; DOCUMENT_INVALID, and UNSUPPORTED for a bus that keeps no failures. */
export async function composeDeliver(env: Env, parts: DeliverParts): Promise<ComposedDeliver> {
  const { document, baseDir } = readDocument(env, parts, parts.rulesFile);
  const log = createLog(parts.print, Date.now, document);
  const open = await openRules(document, parts.targets, {
    baseDir,
    local: false,
    env,
    now: Date.now,
    onWarning: log.warning,
    print: parts.print,
  });
  const { adapter, oversize } = await openBus(document, { env, parts, log, rules: () => document.rules }).catch(
    async (thrown: unknown) => {
      await open.close();
      throw thrown;
    },
  );
  const { failures } = adapter;
  const close = async (): Promise<void> => {
    await open.close();
    await adapter.close();
  };
  if (failures === undefined) {
    await close();
    throw new RouterError(
      'UNSUPPORTED',
      `the ${adapter.name} bus keeps no failure records, so nothing is delivered from here`,
    );
  }
  log.started(document);
  const consumer = createConsumer({
    rules: () => open.rules,
    match: open.match,
    ...(oversize && { whole: oversize.whole, mayMatch: open.mayMatch }),
    failures,
    now: Date.now,
    random: Math.random,
    onReport: log.delivery,
  });
  return { document, log, adapter, consumer, close };
}

/** Throws RouterError as composeDeliver and createPush do; SECRET_INVALID for a BUSWAY_PUSH_SECRET of the wrong form. */
export async function composePush(env: Env, parts: DeliverParts): Promise<ComposedFunction> {
  const secrets = readPushSecrets(env('BUSWAY_PUSH_SECRET'));
  const { adapter, consumer, log, close } = await composeDeliver(env, parts);
  try {
    const handler = createPush({ adapter, consumer, secrets, onRefused: log.pushRefused });
    const finalStatuses = adapter.push?.finalStatuses ?? [];
    return { wrapped: wrapPush(handler, { onFault: log.fault, finalStatuses }), maxBody: PUSH_MAX_BODY, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}
