// A bus of one's own: an event hub inside a company, behind an HTTP API. It takes lists of messages, each some bytes in
// base64, answers a status for each, and pushes them to its subscribers. hub-bus.test.ts puts this file through the laws
// that Busway's own buses keep. Retries, splitting and deadlines are not here: createBus adds them.

import {
  type Adapter,
  type CloudEvent,
  checkEvent,
  type Decoded,
  decodeStructured,
  type ErrorCode,
  encodeStructured,
  errorTable,
  type PublishResult,
  RouterError,
  toRouterError,
  unfiltered,
} from 'busway';

export interface HubOptions {
  readonly url: string;
  readonly topic: string;
  /** A secret: it must never stand in an error or a log. */
  readonly token: string;
}

// From the hub's manual.
const limits = { events: 100, callBytes: 1024 * 1024, eventBytes: 256 * 1024 };
const RETRY_AFTER_MS = 1_000;

const codes: Readonly<Record<number, ErrorCode>> = {
  401: 'UNAUTHORIZED',
  404: 'NOT_FOUND',
  413: 'EVENT_TOO_LARGE',
  429: 'THROTTLED',
};

function failed(code: ErrorCode, reason: string): PublishResult {
  const retryable = errorTable[code].retry;
  const hint = code === 'THROTTLED' ? { retryAfterMs: RETRY_AFTER_MS } : {};
  return { ok: false, code, reason: `hub: ${reason}`, retryable, ...hint };
}

function resultOf(status: number): PublishResult {
  return status < 300 ? { ok: true } : failed(codes[status] ?? 'BUS_UNAVAILABLE', `the hub answered ${status}`);
}

/** The bytes of an event. Throws RouterError for what is no event. */
function encode(event: CloudEvent): Buffer {
  return encodeStructured(checkEvent(event));
}

function encodeOrRefuse(event: CloudEvent): Buffer | PublishResult {
  try {
    const bytes = encode(event);
    return bytes.length > limits.eventBytes
      ? failed('EVENT_TOO_LARGE', `the event takes ${bytes.length} bytes`)
      : bytes;
  } catch (thrown) {
    const { code, message } = toRouterError(thrown, 'NOT_CARRIABLE');
    return failed(code, message);
  }
}

/** One message as the hub pushes it: { "id": "…", "bytes": "<base64>" }. Whatever else comes is a refusal, never a throw. */
function decodeMessage(message: unknown, index: number): Decoded {
  const { id, bytes: text } = (message ?? {}) as { id?: unknown; bytes?: unknown };
  const handle = typeof id === 'string' ? id : String(index);
  const bytes = Buffer.from(typeof text === 'string' ? text : '', 'base64');
  try {
    return { ok: true, event: decodeStructured(bytes), handle };
  } catch (thrown) {
    const { code, message: reason } = toRouterError(thrown, 'DECODE_FAILED');
    return { ok: false, code, reason: `hub: ${reason}`, bytes, handle };
  }
}

export function openHub({ url, topic, token }: HubOptions): Adapter {
  const closing = new AbortController();
  // What carries the secret stays in this function: whoever prints the adapter must not see it.
  const call = async (method: string, signal: AbortSignal, body?: string): Promise<Response> => {
    if (closing.signal.aborted) throw new RouterError('CLOSED', 'hub: the bus is closed');
    if (signal.aborted) throw new RouterError('ABORTED', 'hub: given up before the call');
    try {
      return await fetch(`${url}/topics/${encodeURIComponent(topic)}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        signal: AbortSignal.any([signal, closing.signal]),
        ...(body === undefined ? {} : { body }),
      });
    } catch (cause) {
      throw new RouterError('BUS_UNAVAILABLE', 'hub: no answer, so the outcome is unknown', { cause });
    }
  };

  /** The hub's answer for each of `messages`; one status for all where it refuses the whole call. */
  async function post(messages: readonly Buffer[], signal: AbortSignal): Promise<readonly PublishResult[]> {
    const response = await call('POST', signal, JSON.stringify(messages.map((bytes) => bytes.toString('base64'))));
    if (!response.ok) return messages.map(() => resultOf(response.status));
    const statuses = (await response.json()) as readonly number[];
    return messages.map((_, i) => resultOf(statuses[i] ?? 500));
  }

  return {
    name: 'hub',
    limits,
    capabilities: { delivery: 'push', order: false, dedupe: false, replay: false },
    async check(signal) {
      const { status } = await call('GET', signal);
      if (status >= 300) throw new RouterError(codes[status] ?? 'BUS_UNAVAILABLE', `hub: the topic answered ${status}`);
    },
    sizeOf: (event) => encode(event).length,
    async publish(batch, signal) {
      const encoded = batch.map(encodeOrRefuse);
      const sound = encoded.filter((one) => Buffer.isBuffer(one));
      // An empty list makes no call, and still says that the bus is closed.
      const answers = sound.length > 0 || closing.signal.aborted ? (await post(sound, signal)).values() : [].values();
      return encoded.map((one) => (Buffer.isBuffer(one) ? (answers.next().value as PublishResult) : one));
    },
    decode(pushed) {
      const { messages } = (pushed ?? {}) as { messages?: unknown };
      return (Array.isArray(messages) ? messages : [pushed]).map(decodeMessage);
    },
    // The hub filters nothing, so every rule is judged by whoever is pushed to.
    compile: unfiltered.compile,
    async close() {
      closing.abort();
    },
  };
}
