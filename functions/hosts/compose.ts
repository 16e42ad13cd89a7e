// Puts the webhook, deliver and push functions together from the environment, for hosts that give us nothing else. Called
// once, at the first call: BUSWAY_RULES names the router document, BUSWAY_SECRET_* hold the secrets of its sources,
// BUSWAY_PUSH_SECRET that of a bus which signs nothing. Knows the kinds it is given and imports no registry: what a function
// does not use must not be in its bundle.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Adapter } from '../../adapters/adapter.ts';
import { busDefaults, createBus } from '../../adapters/bus.ts';
import { type Oversize, openOversize, type StoreKinds } from '../../adapters/oversize/oversize.ts';
import type { AdapterModule } from '../../adapters/registry.ts';
import type { Kind } from '../../router/config.ts';
import { type Consumer, createConsumer } from '../../router/consume.ts';
import { checkDocument, type Kinds, type RouterDocument } from '../../router/document.ts';
import { readDocumentText } from '../../router/document-text.ts';
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

export type Env = (name: string) => string | undefined;

interface CommonParts {
  readonly buses: Readonly<Record<string, Kind<AdapterModule>>>;
  /** For the data of oversized events; none if absent. */
  readonly stores?: StoreKinds;
  /** The file of the router document where BUSWAY_RULES names none: a bundle has it beside itself. */
  readonly rules?: string;
  /** A line of JSON. */
  readonly print: (line: string) => void;
}

/** Of targets the tables only: a document is checked whole, and a webhook delivers nothing. */
export interface WebhookParts extends CommonParts {
  readonly sources: SourceKinds;
  readonly targets: Kinds;
  /** What was published, over all instances; not asked where the bus itself knows. */
  readonly seen?: Seen;
}

export interface DeliverParts extends CommonParts {
  readonly sources: Kinds;
  readonly targets: TargetKinds;
}

export type ComposeParts = WebhookParts & DeliverParts;

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

export interface Loaded {
  readonly document: RouterDocument;
  readonly baseDir: string;
}

/** The kinds that a document is checked against, and where it is. */
export type DocumentParts = Pick<CommonParts, 'rules' | 'stores'> & {
  readonly buses: Kinds;
  readonly sources: Kinds;
  readonly targets: Kinds;
};

/** Throws CONFIG_INVALID or DOCUMENT_INVALID. */
export function readDocument(env: Env, parts: DocumentParts): Loaded {
  const given = env('BUSWAY_RULES') || parts.rules;
  if (given === undefined) {
    throw new RouterError(
      'CONFIG_INVALID',
      'BUSWAY_RULES is not set; it names the router document, such as rules.json',
    );
  }
  const file = resolve(given);
  let input: unknown;
  try {
    input = readDocumentText(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new RouterError('CONFIG_INVALID', `BUSWAY_RULES: ${given} cannot be read as JSON`, { cause });
  }
  const document = checkDocument(input, parts);
  if (document.bus.kind === 'embedded') {
    throw new RouterError(
      'CONFIG_INVALID',
      `${given}: the embedded bus lives in a folder of one machine and would lose events here; choose another bus`,
    );
  }
  if (document.oversize?.store.kind === 'folder') {
    throw new RouterError(
      'CONFIG_INVALID',
      `${given}: oversize: the folder of one instance is not there for the next, and its data would be lost; use s3`,
    );
  }
  return { document, baseDir: dirname(file) };
}

interface OpenBus {
  readonly adapter: Adapter;
  readonly oversize?: Oversize;
}

interface BusParts {
  readonly env: Env;
  readonly parts: CommonParts;
  readonly log: Log;
}

async function openStore(
  { document, baseDir }: Loaded,
  { env, parts, log }: BusParts,
): Promise<Pick<OpenBus, 'oversize'>> {
  if (document.oversize === undefined) return {};
  const asked = { baseDir, env, now: Date.now, onWarning: log.warning };
  return { oversize: await openOversize(document.oversize.store, parts.stores ?? {}, asked) };
}

async function openBus(loaded: Loaded, given: BusParts): Promise<OpenBus> {
  const { document } = loaded;
  const { kind, options } = document.bus;
  const { env, parts, log } = given;
  const module = await parts.buses[kind]!.load();
  const dataDir = join(tmpdir(), 'busway');
  const store = await openStore(loaded, given);
  const asked = { dataDir, env, now: Date.now, onWarning: log.warning, rules: () => document.rules, ...store };
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

/** Throws RouterError: CONFIG_INVALID, DOCUMENT_INVALID, SECRET_MISSING, or what the bus says to its options. */
export async function composeWebhook(env: Env, parts: WebhookParts): Promise<ComposedFunction> {
  const maxBody = readMaxBody(env);
  const loaded = readDocument(env, parts);
  const { document } = loaded;
  const open = await openSources(document, parts.sources, secretsFromEnv(env));
  const log = createLog(parts.print, Date.now, document);
  const { adapter, ...store } = await openBus(loaded, { env, parts, log });
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

/** Throws RouterError as composeWebhook; UNSUPPORTED for a bus that keeps no failures. */
export async function composeDeliver(env: Env, parts: DeliverParts): Promise<ComposedDeliver> {
  const loaded = readDocument(env, parts);
  const { document, baseDir } = loaded;
  const log = createLog(parts.print, Date.now, document);
  const open = await openRules(document, parts.targets, {
    baseDir,
    local: false,
    env,
    now: Date.now,
    onWarning: log.warning,
    print: parts.print,
  });
  const { adapter, oversize } = await openBus(loaded, { env, parts, log }).catch(async (thrown: unknown) => {
    await open.close();
    throw thrown;
  });
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
