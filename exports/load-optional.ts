// Loads a module whose packages are optional peers: synchronously, so that CommonJS projects can require the entry too, and
// late, so that a missing package can be told with the command that installs it. Static imports fail before any code runs.

import { createRequire } from 'node:module';
import { missingPackage, type OptionalPackage } from '../router/optional-package.ts';

// Sources are .ts, what is published is .js: the module beside us has the ending that we have.
const ending = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
const require = createRequire(import.meta.url);

const PACKAGE = /Cannot find (?:package|module) '((?:@[^/']+\/)?[^/']+)/;

/** `path`: without ending, relative to this file. Throws UNSUPPORTED for a missing package of `peers`, else what was thrown. */
export function loadOptional<T>(who: string, path: string, peers: readonly OptionalPackage[]): T {
  try {
    return require(`${path}${ending}`) as T;
  } catch (thrown) {
    const missing = thrown instanceof Error ? PACKAGE.exec(thrown.message)?.[1] : undefined;
    if (!peers.some((name) => name === missing)) throw thrown;
    throw missingPackage(who, peers, thrown);
  }
}
