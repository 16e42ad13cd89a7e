// A router document's file as it is written, for what bundles and deploys it: what it means is checked where it is used.

import { readFile } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readDocumentText } from '../router/document-text.ts';
import { RouterError, toRouterError } from '../router/errors.ts';
import type { RouterInput } from './define.ts';

export interface WrittenRouter {
  readonly router: RouterInput;
  /** What module paths in it are relative to. */
  readonly baseDir: string;
}

async function defaultOf(file: string): Promise<unknown> {
  const { default: found } = (await import(pathToFileURL(file).href)) as { default?: unknown };
  if (found !== undefined) return found;
  throw new RouterError('DOCUMENT_INVALID', 'has no default export; write export default defineRouter({ … })');
}

/** `given`: .ts, .js or .json, relative to `cwd`. Throws CONFIG_INVALID where there is none, DOCUMENT_INVALID for one that cannot be read. */
export async function readRouter(given: string, cwd: string): Promise<WrittenRouter> {
  const file = resolve(cwd, given);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) {
    const says = `there is no router document at ${given}; write one there or name it with --config FILE`;
    throw new RouterError('CONFIG_INVALID', says);
  }
  try {
    const router = extname(file) === '.json' ? readDocumentText(text) : await defaultOf(file);
    return { router: router as RouterInput, baseDir: dirname(file) };
  } catch (cause) {
    const says =
      cause instanceof Error && !(cause instanceof RouterError) ? cause.message : toRouterError(cause).message;
    throw new RouterError('DOCUMENT_INVALID', `${given}: ${says}`, { cause });
  }
}
