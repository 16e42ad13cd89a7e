// What goes back to the service about pulled messages: acknowledged, come again later, still working on it. Gathered for a
// few milliseconds and sent in one call each. A reply that cannot be sent is tried again a few times and then dropped: the
// lease runs out, and the message comes again. Nothing is acknowledged twice or unasked.

import { RouterError } from '../../router/errors.ts';
import { CALL_MS, type CallLimits, type Clients, callOnce } from './client.ts';

export interface ReplyParts {
  readonly clients: Clients;
  /** Its full name. */
  readonly subscription: string;
}

export interface Replies {
  acknowledge(ackId: string): void;
  /** Not delivered again for this many seconds, 0 to 600. */
  postpone(ackId: string, seconds: number): void;
  /** Begins to extend the lease until the message is acknowledged or postponed. */
  hold(ackId: string): void;
  /** Sends what waits. Never rejects. */
  flush(): Promise<void>;
  /** Flushes and stops. Leases that are still held run out. */
  close(): Promise<void>;
}

const GATHER_MS = 5;
// A request may have 512 kB, and an ack id has some 200 bytes.
const IDS_PER_CALL = 1_000;
const TRIES = 3;
const AGAIN_MS = 100;
const TICK_MS = 5_000;
/** A subscription may have been made with a deadline of 10 s, so the first extension comes early. */
const EXTEND_S = 60;
const EXTEND_EVERY_MS = 20_000;

type Kind = 'acknowledge' | number;

function chunks(ids: readonly string[]): string[][] {
  const found: string[][] = [];
  for (let at = 0; at < ids.length; at += IDS_PER_CALL) found.push(ids.slice(at, at + IDS_PER_CALL));
  return found;
}

async function send({ clients, subscription }: ReplyParts, kind: Kind, ackIds: string[], limits: CallLimits) {
  await callOnce<unknown>(
    (options) =>
      kind === 'acknowledge'
        ? clients.subscriber.acknowledge({ subscription, ackIds }, options)
        : clients.subscriber.modifyAckDeadline({ subscription, ackIds, ackDeadlineSeconds: kind }, options),
    limits,
  );
}

const mayWork = (thrown: unknown): boolean => thrown instanceof RouterError && thrown.retryable;

async function sendSurely(parts: ReplyParts, kind: Kind, ackIds: string[]): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      const limits = { what: `subscription '${parts.subscription}'`, timeoutMs: CALL_MS };
      return await send(parts, kind, ackIds, { ...limits, signal: AbortSignal.timeout(CALL_MS) });
    } catch (thrown) {
      if (tries === TRIES || !mayWork(thrown)) return;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS * 2 ** tries));
    }
  }
}

export function createReplies(parts: ReplyParts): Replies {
  const waiting = new Map<Kind, string[]>();
  /** Ack id → when it was extended last, on a clock that only goes forward. */
  const held = new Map<string, number>();
  const underWay = new Set<Promise<void>>();
  let timer: NodeJS.Timeout | undefined;

  function sendOff(kind: Kind, ids: readonly string[]): void {
    for (const chunk of chunks(ids)) {
      const sending = sendSurely(parts, kind, chunk).finally(() => underWay.delete(sending));
      underWay.add(sending);
    }
  }

  function sendWaiting(): void {
    clearTimeout(timer);
    timer = undefined;
    for (const [kind, ids] of waiting) sendOff(kind, ids);
    waiting.clear();
  }

  function gather(kind: Kind, ackId: string): void {
    held.delete(ackId);
    const ids = waiting.get(kind) ?? [];
    ids.push(ackId);
    waiting.set(kind, ids);
    timer ??= setTimeout(sendWaiting, GATHER_MS);
  }

  function extend(): void {
    const at = performance.now();
    const due = [...held].filter(([, last]) => at - last >= EXTEND_EVERY_MS).map(([ackId]) => ackId);
    for (const ackId of due) held.set(ackId, at);
    sendOff(EXTEND_S, due);
  }

  async function flush(): Promise<void> {
    sendWaiting();
    await Promise.all(underWay);
  }

  const ticker = setInterval(extend, TICK_MS);
  return {
    acknowledge: (ackId) => gather('acknowledge', ackId),
    postpone: (ackId, seconds) => gather(seconds, ackId),
    // The first tick after it extends it: nearly all deliveries have ended by then.
    hold: (ackId) => void held.set(ackId, performance.now() - EXTEND_EVERY_MS),
    flush,
    async close() {
      clearInterval(ticker);
      held.clear();
      await flush();
    },
  };
}
