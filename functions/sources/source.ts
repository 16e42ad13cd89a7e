// The contract of a source: it turns a signed foreign request into CloudEvents. test/contract/source.ts holds the laws.
// Pure but for node:crypto: no clock, no randomness, no I/O, so that the same delivery always gives the same events.

import type { KeyObject } from 'node:crypto';
import type { ErrorCode } from '../../router/errors.ts';
import type { CloudEvent } from '../../router/event.ts';
import type { RawRequest, RawResponse } from '../../router/http.ts';

/** `challenge`: a handshake the source answers itself; nothing is published. */
export type Verification =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'challenge'; readonly response: RawResponse }
  | { readonly kind: 'rejected'; readonly code: ErrorCode; readonly reason: string };

/** One record of a request. `drop`: recognised and not wanted. `refusal`: cannot become an event. */
export type Normalized =
  | { readonly kind: 'event'; readonly event: CloudEvent }
  | { readonly kind: 'drop'; readonly reason: string }
  | { readonly kind: 'refusal'; readonly code: ErrorCode; readonly reason: string };

export interface Simulated {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Source {
  /** The kind, as in the registry. */
  readonly kind: string;
  /** Request headers that may enter events, logs and records. Lower case. Everything else is dropped. */
  readonly headers: readonly string[];
  /** False for a source that is open by choice: it needs no secret. */
  readonly needsSecret: boolean;
  /** Secret text → key, once, at start. Throws SECRET_INVALID with the form that is due. */
  key(secret: string): KeyObject;
  /** A fresh secret in the provider's form, from `random` bytes (32). */
  newSecret(random: Buffer): string;
  /** On raw bytes, constant time. Any of `keys` may match (rotation). `now` bounds the replay window. */
  verify(request: RawRequest, keys: readonly KeyObject[], now: Date): Verification;
  /** Throws RouterError for a request that cannot be read at all. The same delivery gives the same (source, id). */
  normalize(request: RawRequest): readonly Normalized[];
  /** Names `busway send` offers. */
  readonly samples: readonly string[];
  /** A request as the provider would send it, signed with `secret` ('' for none). `seed` makes its id and contents unique. */
  simulate(sample: string, seed: string, secret: string, now: Date): Simulated;
}

/** What opening a source needs to know. */
export interface SourceParts {
  /** The key in the document's `sources`, and the last part of POST /webhooks/<name>. */
  readonly name: string;
}
