// Puts the webhook and the deliver function together from the environment, for hosts that give us nothing else. Called
// once, at the first call: BUSWAY_RULES names the router document, BUSWAY_SECRET_* hold the secrets of its sources.
// Loads what the document uses and no more. A bundle may put the same parts together by itself.

import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Adapter } from '../../adapters/adapter.ts';
import { busDefaults, createBus } from '../../adapters/bus.ts';
import { type AdapterModule, buses } from '../../adapters/registry.ts';
import type { Kind } from '../../router/config.ts';
import { type Consumer, createConsumer } from '../../router/consume.ts';
import { checkDocument, type RouterDocument } from '../../router/document.ts';
import { readDocumentText } from '../../router/document-text.ts';
import { RouterError } from '../../router/errors.ts';
import { createIngest } from '../../router/ingest.ts';
import { type WrappedWebhook, wrapWebhook } from '../middleware.ts';
import { openRules, type TargetKinds } from '../open-rules.ts';
import { openSources, type SourceKinds, secretsFromEnv } from '../open-sources.ts';
import { createRandomHex } from '../random-hex.ts';
import { sources } from '../sources/registry.ts';
import { targets } from '../targets/registry.ts';
import { createWebhook } from '../webhook.ts';
import { createLog } from './log.ts';

export type Env = (name: string) => string | undefined;

export interface ComposeParts {
  readonly buses: Readonly<Record<string, Kind<AdapterModule>>>;
  readonly sources: SourceKinds;
  readonly targets: TargetKinds;
  /** A line of JSON. */
  readonly print: (line: string) => void;
}

const fromRegistries: ComposeParts = {
  buses,
  sources,
  targets,
  print: (line) => void process.stdout.write(`${line}\n`),
};

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

async function readDocument(env: Env, parts: ComposeParts): Promise<{ document: RouterDocument; baseDir: string }> {
  const given = env('BUSWAY_RULES') ?? '';
  if (given === '') {
    throw new RouterError(
      'CONFIG_INVALID',
      'BUSWAY_RULES is not set; it names the router document, such as rules.json',
    );
  }
  const file = resolve(given);
  let input: unknown;
  try {
    input = readDocumentText(await readFile(file, 'utf8'));
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
  return { document, baseDir: dirname(file) };
}

async function openBus(document: RouterDocument, env: Env, parts: ComposeParts): Promise<Adapter> {
  const { kind, options } = document.bus;
  const log = createLog(parts.print, Date.now);
  const module = await parts.buses[kind]!.load();
  const dataDir = join(tmpdir(), 'busway');
  return module.open(options, { dataDir, env, now: Date.now, onWarning: log.warning, rules: () => document.rules });
}

export interface ComposedWebhook {
  readonly wrapped: WrappedWebhook;
  readonly maxBody: number;
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
export async function composeWebhook(env: Env, parts: ComposeParts = fromRegistries): Promise<ComposedWebhook> {
  const maxBody = readMaxBody(env);
  const { document } = await readDocument(env, parts);
  const open = await openSources(document, parts.sources, secretsFromEnv(env));
  const bus = createBus(await openBus(document, env, parts), { ...busDefaults, now: Date.now });
  const log = createLog(parts.print, Date.now);
  log.started(document);
  const ingest = createIngest({
    publish: bus.publishOne,
    now: Date.now,
    randomHex: createRandomHex(randomBytes),
  });
  const handler = createWebhook({ sources: () => open, ingest, now: Date.now, onReport: log.intake });
  return { wrapped: wrapWebhook(handler, { onFault: log.fault }), maxBody, close: () => bus.close() };
}

export interface ComposedDeliver {
  readonly adapter: Adapter;
  readonly consumer: Consumer;
  close(): Promise<void>;
}

/** Throws RouterError as composeWebhook; UNSUPPORTED for a bus that keeps no failures. */
export async function composeDeliver(env: Env, parts: ComposeParts = fromRegistries): Promise<ComposedDeliver> {
  const { document, baseDir } = await readDocument(env, parts);
  const log = createLog(parts.print, Date.now);
  const open = await openRules(document, parts.targets, {
    baseDir,
    local: false,
    env,
    now: Date.now,
    onWarning: log.warning,
    print: parts.print,
  });
  const adapter = await openBus(document, env, parts).catch(async (thrown: unknown) => {
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
    failures,
    now: Date.now,
    random: Math.random,
    onReport: log.delivery,
  });
  return { adapter, consumer, close };
}
