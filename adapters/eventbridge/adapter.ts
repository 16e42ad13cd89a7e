// The EventBridge bus (Custom Event Bus - Classic): events are put on a custom bus, and its rules push them to queues and
// functions. It makes nothing on the bus. It never chooses between losing and doubling: it doubles.

import type { Options } from '../../router/config.ts';
import { RouterError } from '../../router/errors.ts';
import type { Adapter, AdapterParts } from '../adapter.ts';
import { openClient } from './client.ts';
import { decodePushed, ruleOfQueueIn } from './decode.ts';
import { compileFilter, type EventBridgePattern } from './filter.ts';
import { toEventBridgeOptions } from './options.ts';
import { createPublisher } from './publish.ts';

/** PutEvents takes ten entries; API reference, read 2026-11-21. */
const CALL_EVENTS = 10;

/** Connects to nothing yet. Throws CONFIG_INVALID, or UNSUPPORTED when the SDK is not installed. */
export async function open(given: Options, parts: AdapterParts): Promise<Adapter<EventBridgePattern>> {
  const options = toEventBridgeOptions(given);
  const { bus, maxBytes, maxPattern } = options;
  const ruleOfQueue = ruleOfQueueIn(parts.env('BUSWAY_QUEUES'));
  // "The total entry size must be less than 1MB."
  const bytes = maxBytes - 1;
  const limits = { events: CALL_EVENTS, callBytes: bytes, eventBytes: bytes };
  const { now, onWarning } = parts;
  const client = await openClient(options, parts);
  const publisher = createPublisher({ client, what: `bus '${bus}'`, limits, now, onWarning });
  const closing = new AbortController();

  /** Runs a call until the caller or close() gives it up, and says which of the two it was. */
  async function untilGivenUp<T>(signal: AbortSignal, run: (either: AbortSignal) => Promise<T>): Promise<T> {
    const closed = (): RouterError => new RouterError('CLOSED', 'eventbridge: the bus is closed');
    if (closing.signal.aborted) throw closed();
    if (signal.aborted) throw new RouterError('ABORTED', 'eventbridge: the call was given up before it began');
    try {
      return await run(AbortSignal.any([signal, closing.signal]));
    } catch (thrown) {
      if (closing.signal.aborted && !signal.aborted) throw closed();
      throw thrown;
    }
  }

  return {
    name: 'eventbridge',
    limits,
    capabilities: { delivery: 'push', order: false, dedupe: false, replay: false },
    check: (signal) => untilGivenUp(signal, publisher.check),
    sizeOf: publisher.sizeOf,
    async publish(batch, signal) {
      return untilGivenUp(signal, async (either) => (batch.length === 0 ? [] : publisher.publish(batch, either)));
    },
    decode: (pushed) => decodePushed(pushed, ruleOfQueue),
    compile: (when) => compileFilter(when, { maxPattern }),
    async close() {
      closing.abort();
      client.close();
    },
  };
}
