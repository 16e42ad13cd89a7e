// The portable part of every bus: groups what waits, splits by the adapter's limits, retries only what failed, and gives
// up at a deadline. Adaptive grouping: the next call leaves when the previous one returned, with all that came meanwhile;
// nobody waits for a timer (measured by peers: p50 at 200/s 1 ms instead of 6 ms).

import { RouterError, toRouterError } from '../router/errors.ts';
import type { CloudEvent } from '../router/event.ts';
import type { Adapter, PublishResult } from './adapter.ts';

export interface BusOptions {
  /** After this the outcome is unknown: BUS_UNAVAILABLE. */
  readonly deadlineMs: number;
  /** Encoded bytes that may wait; beyond it BUS_OVERLOADED. */
  readonly pendingBytes: number;
  readonly now: () => number;
}

export const busDefaults = { deadlineMs: 5_000, pendingBytes: 64 * 1024 * 1024 };

export interface Bus {
  /** Never rejects. What is published in one turn of the event loop leaves together, in order. */
  publishOne(event: CloudEvent): Promise<PublishResult>;
  /** One result per event, in order. Never rejects. Order among events of one call is kept. */
  publish(events: readonly CloudEvent[]): Promise<readonly PublishResult[]>;
  /** Refuses new events, waits for what is under way, then closes the adapter. Idempotent. */
  close(): Promise<void>;
}

interface Pending {
  readonly event: CloudEvent;
  readonly bytes: number;
  readonly deadline: number;
  readonly resolve: (result: PublishResult) => void;
  tries: number;
}

const RETRY_FIRST_MS = 50;
const RETRY_MAX_MS = 1_000;
// An adapter ends within a second of an abort; one that does not must not stop the bus.
const ABORT_GRACE_MS = 1_000;

function failure(error: RouterError): PublishResult {
  return { ok: false, code: error.code, reason: error.message, retryable: error.retryable };
}

export function createBus(adapter: Adapter, options: BusOptions): Bus {
  const { now, deadlineMs, pendingBytes } = options;
  const { limits } = adapter;
  let queue: Pending[] = [];
  let waitingBytes = 0;
  let flying: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  function settle(item: Pending, result: PublishResult): void {
    waitingBytes -= item.bytes;
    item.resolve(result);
  }

  /** Takes the longest prefix of the queue that fits one call. */
  function nextBatch(): Pending[] {
    let bytes = 0;
    let count = 0;
    while (count < queue.length && count < limits.events) {
      bytes += queue[count]!.bytes;
      if (count > 0 && bytes > limits.callBytes) break;
      count++;
    }
    const batch = queue.slice(0, count);
    queue = count === queue.length ? [] : queue.slice(count);
    return batch;
  }

  async function call(batch: readonly Pending[]): Promise<number> {
    const control = new AbortController();
    const leftMs = Math.max(1, batch[0]!.deadline - now());
    const timer = setTimeout(() => control.abort(), leftMs);
    let late: NodeJS.Timeout | undefined;
    const never = new Promise<never>((_, reject) => {
      const giveUp = (): void =>
        reject(new RouterError('ABORTED', `${adapter.name}: the call did not end when it was given up`));
      late = setTimeout(giveUp, leftMs + ABORT_GRACE_MS);
    });
    try {
      const events = batch.map((item) => item.event);
      const results = await Promise.race([adapter.publish(events, control.signal), never]);
      return sortOut(batch, results);
    } catch (thrown) {
      const error = toRouterError(thrown, 'BUS_UNAVAILABLE');
      return sortOut(
        batch,
        batch.map(() => failure(error)),
      );
    } finally {
      clearTimeout(timer);
      clearTimeout(late);
    }
  }

  /** Settles what is settled, puts back what may still succeed, and returns how long to wait before the next call. */
  function sortOut(batch: readonly Pending[], results: readonly PublishResult[]): number {
    const again: Pending[] = [];
    let waitMs = 0;
    for (const [i, item] of batch.entries()) {
      const result = results[i] ?? failure(new RouterError('INTERNAL', `${adapter.name}: no result for event ${i}`));
      if (result.ok || !result.retryable) settle(item, result);
      else {
        item.tries++;
        const backoff = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** (item.tries - 1));
        const wait = Math.max(backoff, result.retryAfterMs ?? 0);
        if (now() + wait >= item.deadline || closing !== undefined) settle(item, giveUp(result));
        else {
          again.push(item);
          waitMs = Math.max(waitMs, wait);
        }
      }
    }
    if (again.length > 0) queue = again.concat(queue);
    return waitMs;
  }

  /** What waited too long is not sent any more: it would have no time, and take it from those it is sent with. */
  function expire(): void {
    const at = now();
    if (!queue.some((item) => item.deadline <= at)) return;
    const waited = queue;
    queue = waited.filter((item) => item.deadline > at);
    const says = `${adapter.name}: no answer within ${deadlineMs} ms; others wait for it too`;
    for (const item of waited) {
      if (item.deadline <= at) settle(item, failure(new RouterError('BUS_UNAVAILABLE', says)));
    }
  }

  function giveUp(last: PublishResult & { ok: false }): PublishResult {
    if (last.code !== 'ABORTED') return last;
    const reason = `${adapter.name}: no answer within ${deadlineMs} ms; the outcome is unknown`;
    return { ok: false, code: 'BUS_UNAVAILABLE', reason, retryable: true };
  }

  async function fly(): Promise<void> {
    // One turn of the event loop: requests that arrived together leave together.
    await new Promise((resolve) => setImmediate(resolve));
    while (queue.length > 0) {
      expire();
      if (queue.length === 0) break;
      const waitMs = await call(nextBatch());
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
    flying = undefined;
  }

  /** Undefined when the event may be queued. */
  function refusal(event: CloudEvent): { bytes: number; result?: PublishResult } {
    if (closing !== undefined) return { bytes: 0, result: failure(new RouterError('CLOSED', 'the bus is closed')) };
    try {
      const bytes = adapter.sizeOf(event);
      if (bytes > limits.eventBytes) {
        const says = `${adapter.name}: the event takes ${bytes} bytes, at most ${limits.eventBytes} are carried`;
        return { bytes, result: failure(new RouterError('EVENT_TOO_LARGE', says)) };
      }
      if (waitingBytes + bytes > pendingBytes) {
        const says = `${adapter.name}: ${waitingBytes} bytes wait for the bus already`;
        return { bytes, result: failure(new RouterError('BUS_OVERLOADED', says)) };
      }
      return { bytes };
    } catch (thrown) {
      return { bytes: 0, result: failure(toRouterError(thrown, 'NOT_CARRIABLE')) };
    }
  }

  function enqueue(event: CloudEvent, deadline: number): Promise<PublishResult> {
    const { bytes, result } = refusal(event);
    if (result !== undefined) return Promise.resolve(result);
    waitingBytes += bytes;
    return new Promise((resolve) => queue.push({ event, bytes, deadline, resolve, tries: 0 }));
  }

  async function shutDown(): Promise<void> {
    await flying;
    await adapter.close();
  }

  return {
    publishOne(event) {
      const result = enqueue(event, now() + deadlineMs);
      if (queue.length > 0) flying ??= fly();
      return result;
    },
    publish(events) {
      const deadline = now() + deadlineMs;
      const results = events.map((event) => enqueue(event, deadline));
      if (queue.length > 0) flying ??= fly();
      return Promise.all(results);
    },
    close() {
      closing ??= shutDown();
      return closing;
    },
  };
}
