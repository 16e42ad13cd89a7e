// Publishing a batch: one request, taken or refused as a whole. A refusal for size or form is narrowed down by halving,
// within the one call, so that a poisoned event fails alone. Never resends what may have been taken.

import { RouterError, toRouterError } from '../../router/errors.ts';
import { type CloudEvent, checkEvent } from '../../router/event.ts';
import { encodeStructured } from '../../router/wire/json.ts';
import type { Limits, PublishResult } from '../adapter.ts';
import type { Tier } from './filter.ts';
import type { Post } from './http.ts';
import { checkPlain } from './plain.ts';
import { BATCH_TYPE, joinBatch } from './wire.ts';

// Documented: "1 MB" for an event and for a request; taken as 1 MiB, what is over is told by status 413.
const REQUEST_BYTES = 1_048_576;

/** Sizes are of one event and the comma before it; one byte of the request is left for the brackets. */
export const limitsOf: Readonly<Record<Tier, Limits>> = {
  topic: { events: 5_000, callBytes: REQUEST_BYTES - 1, eventBytes: REQUEST_BYTES - 1 },
  namespace: { events: 1_000, callBytes: REQUEST_BYTES - 1, eventBytes: REQUEST_BYTES - 1 },
};

// A topic that refuses everything would otherwise be asked twice for each event.
const MAX_REQUESTS = 256;

export function sizeOf(event: CloudEvent): number {
  return encodeStructured(event).length + 1;
}

export interface PublisherParts {
  readonly post: Post;
  readonly url: URL;
  readonly what: string;
  readonly tier: Tier;
  readonly filterable: readonly string[];
}

export type Publish = (batch: readonly CloudEvent[], signal: AbortSignal) => Promise<readonly PublishResult[]>;

export function failed(error: RouterError): PublishResult {
  const { code, message: reason, facts } = error;
  const hint = facts['retryAfterMs'];
  const retryable = error.retryable || facts['again'] === true;
  return { ok: false, code, reason, retryable, ...(typeof hint === 'number' ? { retryAfterMs: hint } : {}) };
}

function isRefusal({ code }: RouterError): boolean {
  return code === 'NOT_CARRIABLE' || code === 'EVENT_TOO_LARGE';
}

function tooLarge(bytes: number): RouterError {
  const most = REQUEST_BYTES - 2;
  return new RouterError('EVENT_TOO_LARGE', `eventgrid: the event takes ${bytes} bytes, at most ${most} are carried`);
}

/** One call under way. */
interface Work {
  readonly results: (PublishResult | undefined)[];
  readonly encoded: readonly (Buffer | undefined)[];
  readonly signal: AbortSignal;
  requests: number;
}

/** Runs of events that fit a request each; one, when bus.ts made the batch. */
function runsOf({ encoded }: Work, limits: Limits): readonly (readonly number[])[] {
  const runs: number[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const [i, event] of encoded.entries()) {
    if (event === undefined) continue;
    const run = runs.at(-1);
    bytes += event.length + 1;
    if (run === undefined || bytes > limits.callBytes || run.length === limits.events) {
      runs.push([i]);
      bytes = event.length + 1;
    } else run.push(i);
  }
  return runs;
}

export function createPublisher({ post, url, what, tier, filterable }: PublisherParts): Publish {
  const limits = limitsOf[tier];

  /** The event's bytes, or its result in their place. */
  function encode(event: CloudEvent): Buffer | PublishResult {
    try {
      checkPlain(checkEvent(event), filterable, tier);
      const encoded = encodeStructured(event);
      return encoded.length + 1 > limits.eventBytes ? failed(tooLarge(encoded.length)) : encoded;
    } catch (thrown) {
      return failed(toRouterError(thrown, 'EVENT_INVALID'));
    }
  }

  async function send(run: readonly number[], work: Work): Promise<void> {
    const { results, encoded, signal } = work;
    if (++work.requests > MAX_REQUESTS) {
      throw new RouterError('BUS_UNAVAILABLE', `eventgrid: ${what} refused ${MAX_REQUESTS} requests of one batch`);
    }
    try {
      await post({ url, contentType: BATCH_TYPE, body: joinBatch(run.map((i) => encoded[i]!)), what, signal });
      for (const i of run) results[i] = { ok: true };
    } catch (thrown) {
      const error = toRouterError(thrown, 'BUS_UNAVAILABLE');
      if (!isRefusal(error)) throw error;
      if (run.length === 1) results[run[0]!] = failed(error);
      else {
        const half = Math.ceil(run.length / 2);
        await send(run.slice(0, half), work);
        await send(run.slice(half), work);
      }
    }
  }

  return async (batch, signal) => {
    const given = batch.map(encode);
    const encoded = given.map((one) => (Buffer.isBuffer(one) ? one : undefined));
    const results = given.map((one) => (Buffer.isBuffer(one) ? undefined : one));
    const work: Work = { results, encoded, signal, requests: 0 };
    try {
      for (const run of runsOf(work, limits)) await send(run, work);
    } catch (thrown) {
      const error = toRouterError(thrown, 'BUS_UNAVAILABLE');
      // The service answered, or the fate of others is known: then each event has a result.
      const isKnown = error.facts['status'] !== undefined || error.code === 'NOT_FOUND' || results.some(Boolean);
      if (!isKnown) throw error;
      for (const i of batch.keys()) results[i] ??= failed(error);
    }
    return results as PublishResult[];
  };
}
