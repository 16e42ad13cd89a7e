// Loads a router document from .ts or .json, and watches it. Both go through the same check.

import type { Stats } from 'node:fs';
import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buses, stores } from '../adapters/registry.ts';
import { sources } from '../functions/sources/registry.ts';
import { targets } from '../functions/targets/registry.ts';
import { unknownName } from '../router/config.ts';
import { type Chosen, checkDocument, type RouterDocument, type Survey, surveyDocument } from '../router/document.ts';
import { readDocumentText, surveyDocumentText } from '../router/document-text.ts';
import { RouterError, toRouterError } from '../router/errors.ts';

export const kinds = { buses, stores, sources, targets };

export interface LoadedDocument {
  readonly file: string;
  /** What module paths in the document are relative to. */
  readonly baseDir: string;
  readonly document: RouterDocument;
}

/** A document with the state its file had just before it was read. */
export interface DocumentFile extends LoadedDocument {
  readonly version: string;
}

function versionOf({ mtimeMs, size }: Stats): string {
  return `${mtimeMs} ${size}`;
}

async function readJson<T>(file: string, read: (text: string) => T): Promise<T> {
  const text = await readFile(file, 'utf8');
  try {
    return read(text);
  } catch (cause) {
    throw new RouterError('DOCUMENT_INVALID', `${file}: ${toRouterError(cause).message}`, { cause });
  }
}

async function readModule(file: string, version: string): Promise<unknown> {
  try {
    // The query makes a changed file a new module; Node would hand out the old one otherwise. Links are followed here,
    // because Node remembers where they led: a ConfigMap of Kubernetes changes by a link that is turned.
    const { href } = pathToFileURL(await realpath(file));
    const module = (await import(`${href}?v=${encodeURIComponent(version)}`)) as { default?: unknown };
    if (module.default !== undefined) return module.default;
  } catch (cause) {
    const says = cause instanceof Error ? cause.message : String(cause);
    throw new RouterError('DOCUMENT_INVALID', `${file}: ${says}`, { cause });
  }
  throw new RouterError('DOCUMENT_INVALID', `${file}: has no default export; write export default defineRouter({ … })`);
}

interface Located {
  readonly file: string;
  readonly version: string;
}

async function locate(given: string, cwd: string): Promise<Located> {
  const file = resolve(cwd, given);
  const found = await stat(file).catch(() => undefined);
  if (found === undefined || !found.isFile()) {
    throw new RouterError(
      'CONFIG_INVALID',
      `there is no router document at ${given}; write one there or name it with --config FILE`,
    );
  }
  return { file, version: versionOf(found) };
}

/** Throws DOCUMENT_INVALID with every mistake, or CONFIG_INVALID when there is no such file. */
export async function loadDocument(given: string, cwd: string, bus?: string): Promise<DocumentFile> {
  const { file, version } = await locate(given, cwd);
  const input = extname(file) === '.json' ? await readJson(file, readDocumentText) : await readModule(file, version);
  const document = checkDocument(overrideBus(input, bus), kinds);
  return { file, version, baseDir: dirname(file), document };
}

export interface SurveyedFile extends Survey {
  readonly baseDir: string;
  /** The bus as the document has it, whatever `bus` says. */
  readonly written: Chosen;
}

/**
 * For plan: what is sound of a document, with every mistake. Throws DOCUMENT_INVALID only for what cannot be read at all,
 * and CONFIG_INVALID when there is no such file.
 */
export async function surveyFile(given: string, cwd: string, bus?: string): Promise<SurveyedFile> {
  const { file, version } = await locate(given, cwd);
  const { value, problems } =
    extname(file) === '.json'
      ? await readJson(file, surveyDocumentText)
      : { value: await readModule(file, version), problems: [] };
  const survey = surveyDocument(overrideBus(value, bus), kinds);
  const written = bus === undefined ? survey.document.bus : surveyDocument(value, kinds).document.bus;
  return { ...survey, problems: [...problems, ...survey.problems], baseDir: dirname(file), written };
}

/** `--bus` wins over the document; options of the same kind stay. */
function overrideBus(input: unknown, bus: string | undefined): unknown {
  if (bus === undefined || typeof input !== 'object' || input === null) return input;
  if (!Object.hasOwn(buses, bus))
    throw new RouterError('USAGE', `--bus: ${unknownName('kind', bus, Object.keys(buses))}`);
  const written = (input as { bus?: unknown }).bus;
  const same = typeof written === 'object' && written !== null && (written as { use?: unknown }).use === bus;
  return same ? input : { ...input, bus };
}

const POLL_MS = 300;

/**
 * Calls `changed` once for each new state of the file, beginning with what differs from the version that was loaded. Polls,
 * because editors replace files in ways watchers miss.
 */
export function watchDocument(loaded: DocumentFile, changed: () => void, signal: AbortSignal): void {
  let { version } = loaded;
  const look = async (): Promise<void> => {
    const found = await stat(loaded.file).catch(() => undefined);
    // Missing for a moment while an editor replaces it: wait until it is back.
    if (found === undefined || versionOf(found) === version) return;
    version = versionOf(found);
    changed();
  };
  const timer = setInterval(() => void look(), POLL_MS);
  timer.unref();
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}
