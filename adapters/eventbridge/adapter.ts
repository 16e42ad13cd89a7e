// The EventBridge bus (Custom Event Bus - Classic): events are put on a custom bus, and its rules push them to queues and
// functions. It makes nothing on the bus. It never chooses between losing and doubling: it doubles.

import type { Options } from '../../router/config.ts';
import { RouterError } from '../../router/errors.ts';
import type { FailureLog } from '../../router/failure.ts';
import type { Adapter, AdapterParts } from '../adapter.ts';
import { linkedTo } from '../linked.ts';
import { openClient } from './client.ts';
import { decodePushed } from './decode.ts';
import { compileFilter, type EventBridgePattern } from './filter.ts';
import { openFailures } from './open-failures.ts';
import { limitsOf, toEventBridgeOptions } from './options.ts';
import { createPublisher } from './publish.ts';
import { type RuleOfQueue, ruleOfQueueFrom } from './queues.ts';

const WRITE_MS = 15_000;

/** Connects to nothing yet. Throws CONFIG_INVALID, or UNSUPPORTED when the SDK is not installed. */
export async function open(given: Options, parts: AdapterParts): Promise<Adapter<EventBridgePattern>> {
  return openWith(openClient, given, parts);
}

/** As `open`, by another client. */
export async function openWith(
  connect: typeof openClient,
  given: Options,
  parts: AdapterParts,
): Promise<Adapter<EventBridgePattern>> {
  const options = toEventBridgeOptions(given);
  const { bus, maxPattern } = options;
  const names = (): readonly string[] => (parts.rules?.() ?? []).map(({ name }) => name);
  const ruleOfQueue: RuleOfQueue = ruleOfQueueFrom(parts.env, names) ?? (() => undefined);
  const limits = limitsOf(options);
  const { now, onWarning } = parts;
  const client = await connect(options, parts);
  const publisher = createPublisher({ client, what: `bus '${bus}'`, limits, now, onWarning });
  const log = openFailures({ options, parts, client, ruleOfQueue });
  const closing = new AbortController();

  /** Runs a call until the caller or close() gives it up, and says which of the two it was. */
  async function untilGivenUp<T>(signal: AbortSignal, run: (either: AbortSignal) => Promise<T>): Promise<T> {
    const closed = (): RouterError => new RouterError('CLOSED', 'eventbridge: the bus is closed');
    if (closing.signal.aborted) throw closed();
    if (signal.aborted) throw new RouterError('ABORTED', 'eventbridge: the call was given up before it began');
    const { control, unlink } = linkedTo(signal, closing.signal);
    try {
      return await run(control.signal);
    } catch (thrown) {
      if (closing.signal.aborted && !signal.aborted) throw closed();
      throw thrown;
    } finally {
      unlink();
    }
  }

  const failures: FailureLog | undefined = log && {
    write: (record) => untilGivenUp(AbortSignal.timeout(WRITE_MS), (either) => log.write(record, either)),
    async *list(signal) {
      yield* await untilGivenUp(signal, log.list);
    },
    remove: (ids) => untilGivenUp(new AbortController().signal, (either) => log.remove(ids, either)),
  };

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
    compile: (when) => compileFilter(when, { maxPattern, uriPrefix: parts.oversize?.uriPrefix }),
    ...(failures === undefined ? {} : { failures }),
    async close() {
      closing.abort();
      await log?.release();
      client.close();
    },
  };
}
