// Events into PutEvents and its answer back into one result per event. A missing bus is found out first, because PutEvents
// takes events for it with success and drops them. Nothing here tries again.
// Sources: EventBridge User Guide, "Adding events with PutEvents" (missing bus, partial failures); API reference, PutEvents.

import { type ErrorCode, RouterError, toRouterError } from '../../router/errors.ts';
import type { CloudEvent } from '../../router/event.ts';
import type { Limits, PublishResult } from '../adapter.ts';
import type { Client, RawAnswer } from './client.ts';
import {
  DEFAULT_RETRY_AFTER_MS,
  isRefusedContent,
  mapAwsError,
  resultOfErrorCode,
  resultOfRefusedCall,
  resultOfRefusedContent,
} from './map-error.ts';
import { type SizedEntry, toEntry } from './wire.ts';

export interface PublishParts {
  readonly client: Client;
  /** "bus 'orders'", for messages. */
  readonly what: string;
  readonly limits: Limits;
  readonly now: () => number;
  readonly onWarning: (text: string) => void;
}

export interface Publisher {
  /** As Adapter.sizeOf. */
  sizeOf(event: CloudEvent): number;
  /** As Adapter.check: rejects with NOT_FOUND, UNAUTHORIZED, BUS_UNAVAILABLE or ABORTED. */
  check(signal: AbortSignal): Promise<void>;
  /** As Adapter.publish. */
  publish(batch: readonly CloudEvent[], signal: AbortSignal): Promise<readonly PublishResult[]>;
}

interface Sized extends SizedEntry {
  readonly index: number;
}

interface Call {
  readonly results: (PublishResult | undefined)[];
  readonly signal: AbortSignal;
}

/** As with Kafka's topics: what was there a while ago is looked up again. */
const FACTS_MAX_AGE_MS = 300_000;
// Events are put by another service than the one that is asked: it must not hold them back when it is slow or gone.
const LOOK_MS = 1_000;
const LOOK_AGAIN_MS = 30_000;

const unknownFate: ReadonlySet<ErrorCode> = new Set(['BUS_UNAVAILABLE', 'ABORTED', 'CLOSED']);

function failed({ code, message: reason, retryable }: RouterError): PublishResult {
  const hint = code === 'THROTTLED' ? { retryAfterMs: DEFAULT_RETRY_AFTER_MS } : {};
  return { ok: false, code, reason, retryable, ...hint };
}

/** Runs that a call takes, in order. With bus.ts before us there is one. */
function splitByLimits(entries: readonly Sized[], limits: Limits): Sized[][] {
  const runs: Sized[][] = [];
  let bytes = 0;
  for (const entry of entries) {
    bytes += entry.bytes;
    const run = runs.at(-1);
    if (run !== undefined && run.length < limits.events && bytes <= limits.callBytes) run.push(entry);
    else {
      runs.push([entry]);
      bytes = entry.bytes;
    }
  }
  return runs;
}

interface RawResult {
  readonly EventId?: unknown;
  readonly ErrorCode?: unknown;
}

/** By index. Throws BUS_UNAVAILABLE when the answer does not fit what was sent: then the fate of all is unknown. */
function readAnswer(
  { Entries, FailedEntryCount = 0 }: RawAnswer,
  sent: number,
  what: string,
): readonly PublishResult[] {
  const odd = (says: string): never => {
    throw new RouterError('BUS_UNAVAILABLE', `eventbridge: ${what} ${says}; the outcome is unknown`);
  };
  if (!Array.isArray(Entries) || Entries.length !== sent) {
    const found = Array.isArray(Entries) ? Entries.length : 'no';
    return odd(`answered with ${found} results for ${sent} events`);
  }
  const results = Entries.map((raw: unknown): PublishResult => {
    const { EventId, ErrorCode } = (typeof raw === 'object' && raw !== null ? raw : {}) as RawResult;
    if (typeof ErrorCode === 'string' && ErrorCode !== '') return resultOfErrorCode(ErrorCode, what);
    return typeof EventId === 'string' && EventId !== '' ? { ok: true } : resultOfErrorCode('', what);
  });
  const refused = results.filter(({ ok }) => !ok).length;
  if (FailedEntryCount !== refused) return odd(`counts other failures than the ${refused} it names`);
  return results;
}

export function createPublisher({ client, what, limits, now, onWarning }: PublishParts): Publisher {
  let seenAt: number | undefined;
  let warned = false;
  /** What bus.ts measured it sends a moment later. */
  const sized = new WeakMap<CloudEvent, SizedEntry>();

  function entryOf(event: CloudEvent): SizedEntry {
    let entry = sized.get(event);
    if (entry === undefined) {
      entry = toEntry(event);
      sized.set(event, entry);
    }
    return entry;
  }

  async function lookUp(signal: AbortSignal): Promise<void> {
    try {
      await client.describeBus(signal);
      seenAt = now();
    } catch (thrown) {
      throw mapAwsError(thrown, what);
    }
  }

  /**
   * Whoever may publish but not look is let through, with one warning; so is a bus that was seen before and cannot be looked
   * up now. Rejects with what lookUp said else: an unseen bus is not trusted to be there.
   */
  async function demandBus(signal: AbortSignal): Promise<void> {
    if (seenAt !== undefined && now() - seenAt <= FACTS_MAX_AGE_MS) return;
    try {
      await lookUp(seenAt === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]));
    } catch (thrown) {
      const { code, message } = toRouterError(thrown);
      if (code === 'UNAUTHORIZED' || code === 'UNSUPPORTED') {
        if (!warned) onWarning(`${message}; if the bus is missing, events are lost without an error`);
        warned = true;
        seenAt = now();
      } else if (code === 'NOT_FOUND' || signal.aborted || seenAt === undefined) throw thrown;
      else seenAt = now() - FACTS_MAX_AGE_MS + LOOK_AGAIN_MS;
    }
  }

  /** One PutEvents; halved when the call was refused for what it holds, so that a bad event fails alone. */
  async function send(run: readonly Sized[], call: Call): Promise<void> {
    let results: readonly PublishResult[];
    try {
      const entries = run.map(({ entry }) => entry);
      results = readAnswer(await client.putEvents(entries, call.signal), run.length, what);
    } catch (thrown) {
      if (isRefusedContent(thrown) && run.length > 1) {
        const half = Math.ceil(run.length / 2);
        await send(run.slice(0, half), call);
        return send(run.slice(half), call);
      }
      const result = isRefusedContent(thrown)
        ? resultOfRefusedContent(thrown, what)
        : resultOfRefusedCall(thrown, what);
      if (result === undefined) throw mapAwsError(thrown, what);
      results = run.map(() => result);
    }
    for (const [i, { index }] of run.entries()) call.results[index] = results[i];
  }

  /** What can be sent at all; the others get their results. */
  function sortOut(batch: readonly CloudEvent[], { results }: Call): readonly Sized[] {
    return batch.flatMap((event, index) => {
      try {
        const entry = entryOf(event);
        if (entry.bytes <= limits.eventBytes) return [{ ...entry, index }];
        const says = `eventbridge: the event takes ${entry.bytes} bytes, at most ${limits.eventBytes} are carried`;
        results[index] = failed(new RouterError('EVENT_TOO_LARGE', says));
      } catch (thrown) {
        results[index] = failed(toRouterError(thrown, 'EVENT_INVALID'));
      }
      return [];
    });
  }

  return {
    sizeOf: (event) => entryOf(event).bytes,
    check: lookUp,
    async publish(batch, signal) {
      const call: Call = { results: new Array(batch.length), signal };
      const entries = sortOut(batch, call);
      try {
        if (entries.length > 0) await demandBus(signal);
        for (const run of splitByLimits(entries, limits)) await send(run, call);
      } catch (thrown) {
        const error = toRouterError(thrown, 'BUS_UNAVAILABLE');
        if (unknownFate.has(error.code) && !call.results.some(Boolean)) throw error;
        for (const index of batch.keys()) call.results[index] ??= failed(error);
      }
      return call.results as PublishResult[];
    },
  };
}
