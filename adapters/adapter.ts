// The contract between the router and one kind of bus. test/contract/adapter.ts holds every law stated here.
// Implement it as a plain object returned by open(options); bus.ts adds batching, splitting, retries and deadlines.

import type { Condition } from '../router/condition.ts';
import type { Consumer, Delivery } from '../router/consume.ts';
import type { ErrorCode } from '../router/errors.ts';
import type { CloudEvent } from '../router/event.ts';
import type { FailureLog } from '../router/failure.ts';
import type { RawRequest, RawResponse } from '../router/http.ts';
import type { Elsewhere } from './dataref.ts';

export type { Consumer, Delivery };

export interface Limits {
  /** Events in one publish call. */
  readonly events: number;
  /** Encoded bytes of one publish call. */
  readonly callBytes: number;
  /** Encoded bytes of one event, see Adapter.sizeOf. */
  readonly eventBytes: number;
}

/** What the bus can do; a capability that is false is answered with UNSUPPORTED, never imitated. */
export interface Capabilities {
  /** How deliveries reach us: `log` is read once for all rules, `push` and `pull` deliver per rule. */
  readonly delivery: 'log' | 'push' | 'pull';
  /** Events of one partitionkey stay in order. */
  readonly order: boolean;
  /** Publishing the same (source, id) twice stores it once, and says so by `seen`. */
  readonly dedupe: boolean;
  /** Past events can be read again. */
  readonly replay: boolean;
}

/** One per event, in order. `seen`: the bus had this (source, id) already and stored nothing new. */
export type PublishResult =
  | { readonly ok: true; readonly seen?: boolean }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly reason: string;
      readonly retryable: boolean;
      readonly retryAfterMs?: number;
    };

/** One record of a pushed payload. `handle` names it to whoever acknowledges (an SQS messageId, topic-partition-offset). */
export type Decoded =
  | { readonly ok: true; readonly event: CloudEvent; readonly handle: string; readonly rule?: string }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly reason: string;
      readonly bytes: Buffer;
      readonly handle: string;
    };

export interface TailOptions {
  /** The newest `last` events first; 0 starts with what comes from now on. */
  readonly last: number;
  readonly follow: boolean;
  /** Of those, only what was stored at or after this time (ms since the epoch), where the bus knows. */
  readonly since?: number;
}

/** What a condition becomes on a bus. Law: match ⇒ native passes; native ∧ residual ⇔ match. */
export interface Split<Native> {
  /** exact: native alone decides. wider: native lets through more than matches. none: nothing is filtered natively. */
  readonly kind: 'exact' | 'wider' | 'none';
  /** Null when none. */
  readonly native: Native | null;
  /** What is left to check in the handler: the whole condition, or null when native is exact. */
  readonly residual: Condition | null;
  /** Where it is not exact: which clause, and what to write for it to be. */
  readonly why?: string;
  readonly fix?: string;
}

/** What a bus that pushes over HTTP says of its requests; functions/push.ts asks. */
export interface Push {
  /** The answer to a request that asks whether it may push here; undefined for one that delivers. Total. */
  handshake?(request: RawRequest): RawResponse | undefined;
  /**
   * Rejects for a request that is not proven to be the bus's (SIGNATURE_*, TIMESTAMP_*), and with BUS_UNAVAILABLE when
   * that cannot be told now. Absent where the bus proves nothing: then a shared secret has to.
   */
  authenticate?(request: RawRequest): Promise<void>;
  /** How often the bus tried before this request; 0 where it does not say. Total. */
  attemptsBefore(request: RawRequest): number;
  /** How long the bus waits for an answer before it comes again. */
  readonly answerMs: number;
  /** Statuses for which the bus never comes again, so that an event would be lost. */
  readonly finalStatuses: readonly number[];
}

export interface Adapter<Native = unknown> {
  readonly name: string;
  readonly limits: Limits;
  readonly capabilities: Capabilities;
  /** Start-up check: rejects with NOT_FOUND, UNAUTHORIZED or BUS_UNAVAILABLE when publishing could not work. */
  check(signal: AbortSignal): Promise<void>;
  /** Encoded bytes of one event against limits.eventBytes; throws NOT_CARRIABLE when it cannot be encoded unaltered. */
  sizeOf(event: CloudEvent): number;
  /**
   * One native call. Same length and order as `batch`; an empty batch makes no call. Rejects only if the fate of all
   * is unknown (BUS_UNAVAILABLE, ABORTED, CLOSED). Never retries itself; bus.ts does. May be called concurrently.
   */
  publish(batch: readonly CloudEvent[], signal: AbortSignal): Promise<readonly PublishResult[]>;
  /** Raw push payload → one entry per record. Inverse of what publish wrote. Pure; hostile input gives refusals, never a throw. */
  decode(pushed: unknown): readonly Decoded[];
  /** Delivers until `signal` aborts, then drains what is in flight, commits and resolves. Log and pull buses only. */
  subscribe?(consumer: Consumer, signal: AbortSignal): Promise<void>;
  /** Events as they are on the bus, oldest first. Does not move any consumer. */
  tail?(options: TailOptions, signal: AbortSignal): AsyncIterable<CloudEvent>;
  /** For buses that push over HTTP; `decode` then takes the request. */
  readonly push?: Push;
  /** Where failure records live, for buses that keep them. */
  readonly failures?: FailureLog;
  compile(when: Condition): Split<Native>;
  /** Idempotent. Publish after close answers CLOSED. */
  close(): Promise<void>;
}

/** A rule as its bus needs it: what to filter by natively, what to call its subscription. */
export interface Routed {
  readonly name: string;
  readonly when: Condition;
  /** Subscriptions that earlier filters of this rule left behind: asked too, by the rule as it is now, until they are gone. */
  readonly formerly?: readonly string[];
}

/** What an adapter's folder exports to the registry, next to its option table. */
export interface AdapterParts {
  /** Where state may lie; created when missing. */
  readonly dataDir: string;
  readonly now: () => number;
  readonly env: (name: string) => string | undefined;
  readonly onWarning: (text: string) => void;
  /** The rules in force, read at each use; buses that filter per rule need them to publish marks and to pull. */
  readonly rules?: () => readonly Routed[];
  /** Set where data may lie in a store: a native filter then lets such events through, whatever their rule asks of data. */
  readonly oversize?: Elsewhere;
  /** Tail and failures only, beside a live owner of the data folder. */
  readonly readOnly?: boolean;
}
