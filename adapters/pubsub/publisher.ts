// The port to where messages go, and what both publishers behind it share: how a batch becomes calls. A call carries one
// ordering key; a message that the service refuses is found by halving, so that it fails alone. Nothing is sent of a key
// after a call of it has failed: order is kept, and whoever retries does so in order.

import { RouterError, toRouterError } from '../../router/errors.ts';
import type { PublishResult } from '../adapter.ts';
import { isStatusOf } from './map-error.ts';
import { serviceLimits } from './options.ts';
import type { PubSubMessage } from './wire.ts';
import { messageBytes } from './wire-size.ts';

export interface Publisher {
  /** One call, all or nothing; all messages have one ordering key. Rejects with RouterError, never retries. */
  send(topic: string, messages: readonly PubSubMessage[], signal: AbortSignal): Promise<void>;
  /** Rejects with NOT_FOUND, UNAUTHORIZED or BUS_UNAVAILABLE when publishing to the topic could not work. */
  check(topic: string, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

// Keys are independent; a batch of many keys would else take as long as all its calls together.
const CALLS_AT_ONCE = 16;

export function failed(error: RouterError): PublishResult & { ok: false } {
  const { code, message: reason, facts } = error;
  const retryable = error.retryable || facts['retryable'] === true;
  const retryAfterMs = facts['retryAfterMs'];
  return { ok: false, code, reason, retryable, ...(typeof retryAfterMs === 'number' ? { retryAfterMs } : {}) };
}

/** Places in the batch whose messages go in one call. */
type Run = readonly number[];

/** By ordering key, in order, and as many in a call as it takes. Runs of one key follow each other. */
function runsByKey(messages: readonly (PubSubMessage | undefined)[]): readonly (readonly Run[])[] {
  const byKey = new Map<string, { readonly runs: number[][]; bytes: number }>();
  for (const [i, message] of messages.entries()) {
    if (message === undefined) continue;
    const bytes = messageBytes(message);
    const open = byKey.get(message.orderingKey) ?? { runs: [[]], bytes: 0 };
    byKey.set(message.orderingKey, open);
    const last = open.runs.at(-1)!;
    const full = last.length === serviceLimits.messagesPerCall || open.bytes + bytes > serviceLimits.callBytes;
    if (full && last.length > 0) {
      open.runs.push([i]);
      open.bytes = bytes;
    } else {
      last.push(i);
      open.bytes += bytes;
    }
  }
  return [...byKey.values()].map(({ runs }) => runs);
}

interface Call {
  readonly publisher: Publisher;
  readonly topic: string;
  readonly messages: readonly (PubSubMessage | undefined)[];
  readonly results: (PublishResult | undefined)[];
  readonly signal: AbortSignal;
}

/** Undefined when all of the run has a result of its own; else the error that ends its key. */
async function sendRun(run: Run, call: Call): Promise<RouterError | undefined> {
  try {
    const messages = run.map((i) => call.messages[i]!);
    await call.publisher.send(call.topic, messages, call.signal);
    for (const i of run) call.results[i] = { ok: true };
    return undefined;
  } catch (thrown) {
    const error = toRouterError(thrown, 'BUS_UNAVAILABLE');
    if (!isStatusOf(error, 'INVALID_ARGUMENT')) return error;
    if (run.length > 1) {
      const half = Math.ceil(run.length / 2);
      return (await sendRun(run.slice(0, half), call)) ?? sendRun(run.slice(half), call);
    }
    call.results[run[0]!] = failed(error);
    return undefined;
  }
}

async function sendKey(runs: readonly Run[], call: Call): Promise<void> {
  let error: RouterError | undefined;
  for (const run of runs) {
    error ??= await sendRun(run, call);
    if (error === undefined) continue;
    for (const i of run) call.results[i] ??= failed(error);
  }
}

/**
 * Sends what is there; `results` gets one for each message. Rejects with ABORTED when nothing of it is known, with its
 * reason; an error that leaves the outcome open is a result that says so.
 */
export async function sendAll(call: Call): Promise<void> {
  const keys = runsByKey(call.messages);
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < keys.length) await sendKey(keys[next++]!, call);
  };
  await Promise.all(Array.from({ length: Math.min(CALLS_AT_ONCE, keys.length) }, work));
  if (!call.signal.aborted) return;
  const sent = call.messages.some((message, i) => message !== undefined && call.results[i]?.ok === true);
  if (!sent && keys.length > 0) {
    throw toRouterError(call.signal.reason instanceof RouterError ? call.signal.reason : undefined, 'ABORTED');
  }
}
