// From what a source made of a request to what the bus has: check, stamp, dedupe, publish. Says seen only after the bus
// has acknowledged; simultaneous copies of one event share one publish.

import type { ErrorCode } from './errors.ts';
import { toRouterError } from './errors.ts';
import { type CloudEvent, checkEvent } from './event.ts';

export type Published =
  | { readonly ok: true; readonly seen?: boolean }
  | { readonly ok: false; readonly code: ErrorCode; readonly reason: string; readonly retryable: boolean };

/** What was published in the window, for buses that do not keep (source, id) unique themselves. */
export interface Seen {
  /** What stands for (source, id) below. */
  keyOf(event: CloudEvent): string;
  has(key: string): boolean;
  /** After the bus has acknowledged. */
  add(key: string): void;
}

export interface IngestParts {
  /** One event; what is published in one turn of the event loop is grouped by the bus. Order is kept. */
  readonly publish: (event: CloudEvent) => Promise<Published>;
  /** Absent where the bus dedupes. */
  readonly seen?: Seen;
  readonly now: () => number;
  /** 16 random bytes as 32 hex digits. */
  readonly randomHex: () => string;
}

export type Ingested =
  | { readonly event: CloudEvent; readonly ok: true; readonly seen: boolean }
  | { readonly event: CloudEvent; readonly ok: false; readonly code: ErrorCode; readonly reason: string };

/** Checks all events first: throws RouterError, with nothing published, if one is not a valid CloudEvent. */
export type Ingest = (events: readonly CloudEvent[], traceparent?: string) => Promise<readonly Ingested[]>;

const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Adds recordedtime and traceparent where the event has none; both describe this intake, not the occurrence. */
function stamp(event: CloudEvent, recordedtime: string, traceparent: string): CloudEvent {
  const { attributes } = event;
  if (attributes['recordedtime'] !== undefined && attributes['traceparent'] !== undefined) return event;
  const stamped: CloudEvent['attributes'] = {
    ...attributes,
    recordedtime: attributes['recordedtime'] ?? recordedtime,
    traceparent: attributes['traceparent'] ?? traceparent,
  };
  return event.data === undefined ? { attributes: stamped } : { attributes: stamped, data: event.data };
}

export function createIngest({ publish, seen, now, randomHex }: IngestParts): Ingest {
  const underWay = new Map<string, Promise<Published>>();

  async function publishOnce(event: CloudEvent, key: string): Promise<Published> {
    try {
      const result = await publish(event);
      if (result.ok) seen?.add(key);
      return result;
    } catch (thrown) {
      const error = toRouterError(thrown);
      return { ok: false, code: error.code, reason: error.message, retryable: error.retryable };
    } finally {
      underWay.delete(key);
    }
  }

  async function ingestOne(event: CloudEvent, stamped: CloudEvent): Promise<Ingested> {
    const key = seen === undefined ? `${event.attributes.source}\0${event.attributes.id}` : seen.keyOf(event);
    if (seen?.has(key)) return { event, ok: true, seen: true };
    const running = underWay.get(key);
    const publishing = running ?? publishOnce(stamped, key);
    if (running === undefined) underWay.set(key, publishing);
    const result = await publishing;
    if (!result.ok) return { event, ok: false, code: result.code, reason: result.reason };
    return { event, ok: true, seen: running !== undefined || result.seen === true };
  }

  return async (events, traceparent) => {
    for (const event of events) checkEvent(event);
    const recordedtime = new Date(now()).toISOString();
    const trace = traceparent !== undefined && TRACEPARENT.test(traceparent) ? traceparent : undefined;
    const ingested = events.map((event) => {
      const random = trace === undefined ? randomHex() : '';
      const traced = trace ?? `00-${random}-${random.slice(0, 16)}-01`;
      return ingestOne(event, stamp(event, recordedtime, traced));
    });
    return Promise.all(ingested);
  };
}
