// The port to where the data of oversized events lies. Law: what `put` resolved for is durable and comes back byte by byte.
// Nothing here ever deletes: how long objects stay is the store's own affair, and must be longer than events stay on the bus
// and in the failure log.

import type { Options } from '../../router/config.ts';

export interface DataStore {
  /**
   * Durable when it resolves. The same name again renews the object's age, so that a rule that deletes by age counts from the
   * last event that refers to it. Rejects with DATA_UNAVAILABLE, UNAUTHORIZED or NOT_FOUND (no such bucket or folder).
   */
  put(name: string, bytes: Buffer, signal: AbortSignal): Promise<void>;
  /** Ends by itself. Rejects with DATA_GONE where the store is there and the object is not, and as `put`. */
  get(name: string): Promise<Buffer>;
}

export interface StoreParts {
  /** What a relative path in the document is relative to. */
  readonly baseDir: string;
  readonly env: (name: string) => string | undefined;
  readonly now: () => number;
}

/** What a kind of store exports to the registry. */
export interface StoreModule {
  /** What all references begin with: a URI up to the object's name. Pure. Throws CONFIG_INVALID. */
  uriPrefixOf(options: Options, baseDir: string): string;
  /** Throws CONFIG_INVALID. */
  open(options: Options, parts: StoreParts): Promise<DataStore>;
}
