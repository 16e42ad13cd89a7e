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
  has(event: CloudEvent): boolean;
  /** After the bus has acknowledged. */
  add(event: CloudEvent): void;
}

export interface IngestParts {
  readonly publish: (events: readonly CloudEvent[]) => Promise<readonly Published[]>;
  /** Absent where the bus dedupes. */
  readonly seen?: Seen;
  readonly now: () => number;
  /** 16 random bytes as 32 hex digits. */
  readonly randomHex: () => string;
}

export type Ingested =
  | { readonly event: CloudEvent; readonly ok: true; readonly seen: boolean }
  | { readonly event: CloudEvent; readonly ok: false; readonly code: ErrorCode; readonly reason: string };

export interface Ingest {
  /** Checks all events first: throws RouterError, with nothing published, if one is not a valid CloudEvent. */
  (events: readonly CloudEvent[], traceparent?: string): Promise<readonly Ingested[]>;
}

const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Adds recordedtime and traceparent where the event has none; both describe this intake, not the occurrence. */
function stamp(event: CloudEvent, recordedtime: string, traceparent: string): CloudEvent {
  const { attributes } = event;
  if (attributes['recordedtime'] !== undefined && attributes['traceparent'] !== undefined) return event;
  return {
    ...event,
    attributes: {
      ...attributes,
      recordedtime: attributes['recordedtime'] ?? recordedtime,
      traceparent: attributes['traceparent'] ?? traceparent,
    },
  };
}

export function createIngest({ publish, seen, now, randomHex }: IngestParts): Ingest {
  const underWay = new Map<string, Promise<Published>>();

  async function publishOnce(event: CloudEvent): Promise<Published> {
    const [result] = await publish([event]);
    if (result?.ok) seen?.add(event);
    return result ?? { ok: false, code: 'INTERNAL', reason: 'the bus gave no answer', retryable: true };
  }

  function ingestOne(event: CloudEvent): Promise<Published> {
    if (seen?.has(event)) return Promise.resolve({ ok: true, seen: true });
    const name = `${event.attributes.source}\0${event.attributes.id}`;
    const running = underWay.get(name);
    if (running !== undefined) return running.then((result) => (result.ok ? { ok: true, seen: true } : result));
    const publishing = publishOnce(event).finally(() => underWay.delete(name));
    underWay.set(name, publishing);
    return publishing;
  }

  return async (events, traceparent) => {
    for (const event of events) checkEvent(event);
    const recordedtime = new Date(now()).toISOString();
    const trace = traceparent !== undefined && TRACEPARENT.test(traceparent) ? traceparent : undefined;
    const published = events.map((event) => {
      const random = trace === undefined ? randomHex() : '';
      return ingestOne(stamp(event, recordedtime, trace ?? `00-${random}-${random.slice(0, 16)}-01`)).catch(
        (thrown): Published => {
          const error = toRouterError(thrown);
          return { ok: false, code: error.code, reason: error.message, retryable: error.retryable };
        },
      );
    });
    return (await Promise.all(published)).map((result, i) => {
      const event = events[i]!;
      return result.ok
        ? { event, ok: true, seen: result.seen === true }
        : { event, ok: false, code: result.code, reason: result.reason };
    });
  };
}
