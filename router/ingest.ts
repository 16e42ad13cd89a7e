// From what a source made of a request to what the bus has: check, stamp, dedupe, publish. Says seen only after the bus
// has acknowledged; simultaneous copies of one event share one publish.

import type { ErrorCode } from './errors.ts';
import { toRouterError } from './errors.ts';
import { type CloudEvent, checkEvent } from './event.ts';

export type Published =
  | { readonly ok: true; readonly seen?: boolean }
  | { readonly ok: false; readonly code: ErrorCode; readonly reason: string; readonly retryable: boolean };

/**
 * What was published in the window, for buses that do not keep (source, id) unique themselves. A promise must not reject:
 * what cannot be looked up counts as not published.
 */
export interface Seen {
  /** What stands for (source, id) below. */
  keyOf(event: CloudEvent): string;
  has(key: string): boolean | Promise<boolean>;
  /** After the bus has acknowledged. */
  add(key: string): void | Promise<void>;
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

interface Asked {
  readonly known: boolean | Promise<boolean>;
  readonly stamped: CloudEvent;
}

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
  const keyOf = seen?.keyOf ?? (({ attributes }: CloudEvent): string => `${attributes.source}\0${attributes.id}`);

  /** For each key, in order. Where an answer takes time all are waited for, so that events of a request keep their order. */
  function lookUp(keys: readonly string[]): readonly (boolean | Promise<boolean>)[] {
    if (seen === undefined) return [];
    const known = keys.map((key) => !underWay.has(key) && seen.has(key));
    if (known.every((one) => typeof one === 'boolean')) return known;
    const all = Promise.all(known);
    return known.map((_, i) => all.then((answers) => answers[i]!));
  }

  async function publishOnce(event: CloudEvent, key: string, known: Promise<boolean> | false): Promise<Published> {
    try {
      if (known !== false && (await known)) return { ok: true, seen: true };
      const result = await publish(event);
      if (result.ok) {
        const added = seen?.add(key);
        if (added !== undefined) await added;
      }
      return result;
    } catch (thrown) {
      const error = toRouterError(thrown);
      return { ok: false, code: error.code, reason: error.message, retryable: error.retryable };
    } finally {
      underWay.delete(key);
    }
  }

  async function ingestOne(event: CloudEvent, key: string, { known, stamped }: Asked): Promise<Ingested> {
    if (known === true) return { event, ok: true, seen: true };
    const running = underWay.get(key);
    const publishing = running ?? publishOnce(stamped, key, known);
    if (running === undefined) underWay.set(key, publishing);
    const result = await publishing;
    if (!result.ok) return { event, ok: false, code: result.code, reason: result.reason };
    return { event, ok: true, seen: running !== undefined || result.seen === true };
  }

  return async (events, traceparent) => {
    for (const event of events) checkEvent(event);
    const recordedtime = new Date(now()).toISOString();
    const trace = traceparent !== undefined && TRACEPARENT.test(traceparent) ? traceparent : undefined;
    const keys = events.map(keyOf);
    const known = lookUp(keys);
    const ingested = events.map((event, i) => {
      const random = trace === undefined ? randomHex() : '';
      const traced = trace ?? `00-${random}-${random.slice(0, 16)}-01`;
      return ingestOne(event, keys[i]!, { known: known[i] ?? false, stamped: stamp(event, recordedtime, traced) });
    });
    return Promise.all(ingested);
  };
}
