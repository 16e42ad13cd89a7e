// One pushed event subscription of the fake: the handshake before it exists, delivery with Event Grid's headers, its retry
// schedule, and what ends up as a dead letter. Time is the clock's that is passed in.
// Sources: Azure Event Grid, "Delivery and retry" (schedule, codes), "Endpoint validation", "message headers", "Set
// dead-letter location" (names of blobs).

import { randomUUID } from 'node:crypto';
import type { Clock } from './eventgrid-clock.ts';
import type { Stored } from './eventgrid-events.ts';

export interface PushSettings {
  readonly url: string;
  readonly schema?: 'CloudEventSchemaV1_0' | 'EventGridSchema';
  /** 1 to 5,000. */
  readonly maxEventsPerBatch?: number;
  /** 1 to 30. */
  readonly maxDeliveryAttempts?: number;
  /** 1 to 1,440. */
  readonly timeToLiveMinutes?: number;
  /** The dead-letter destination: takes a blob for what was given up together, five minutes after that. */
  readonly onDeadLetter?: (blob: DeadLetterBlob) => void;
}

export interface DeadLetterBlob {
  /** Within its container: the subscription in capitals, then year, month, day and hour without leading zeros. */
  readonly name: string;
  readonly body: Buffer;
}

export interface Delivery {
  readonly method: 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export const ORIGIN = 'eventgrid.azure.net';
const ANSWER_MS = 30_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DEAD_LETTER_MS = 5 * MINUTE;
/** Waits before the second, third and further attempts; the last goes on and on. */
export const retrySchedule: readonly number[] = [
  ...[10_000, 30_000, MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR],
];
const taken: readonly number[] = [200, 201, 202, 203, 204];
/** No attempt can help: 400, 413, and 401 of a webhook. */
const hopeless: readonly number[] = [400, 401, 413];

/** What is sent for these events. One event is one object, several are a batch. */
export function deliveryOf(subscription: string, events: readonly Stored[], attempts: number): Delivery {
  const [only] = events;
  const isBatch = events.length !== 1;
  const text = isBatch ? `[${events.map((event) => event.text).join()}]` : only!.text;
  return {
    method: 'POST',
    headers: {
      'content-type': `application/cloudevents${isBatch ? '-batch' : ''}+json; charset=utf-8`,
      // Azure writes resource names in capitals here.
      'aeg-subscription-name': subscription.toUpperCase(),
      'aeg-delivery-count': String(attempts),
      'aeg-event-type': 'Notification',
      'aeg-metadata-version': '1.0',
      'webhook-request-origin': ORIGIN,
    },
    body: Buffer.from(text),
  };
}

async function cloudEventsHandshake(url: string): Promise<string | undefined> {
  const headers = { 'webhook-request-origin': ORIGIN, 'webhook-request-rate': '120' };
  const answer = await fetch(url, { method: 'OPTIONS', headers });
  await answer.arrayBuffer();
  const allowed = answer.headers.get('webhook-allowed-origin');
  if (allowed !== ORIGIN && allowed !== '*') return 'the endpoint did not allow the origin';
  return answer.headers.get('webhook-allowed-rate') === null ? 'the endpoint allowed no rate' : undefined;
}

async function eventGridHandshake(url: string): Promise<string | undefined> {
  const validationCode = '512d38b6-c7b8-40c8-89fe-f46f9e9622b6';
  const event = {
    id: '2d1781af-3a4c-4d7c-bd0c-e34b19da4e66',
    topic: '/subscriptions/fake',
    subject: '',
    data: { validationCode, validationUrl: 'https://rp.invalid/validate' },
    eventType: 'Microsoft.EventGrid.SubscriptionValidationEvent',
    eventTime: '2026-01-01T00:00:00Z',
    metadataVersion: '1',
    dataVersion: '2',
  };
  const headers = { 'content-type': 'application/json', 'aeg-event-type': 'SubscriptionValidation' };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify([event]) });
  const body = (await answer.json().catch(() => undefined)) as { validationResponse?: unknown } | undefined;
  return answer.status === 200 && body?.validationResponse === validationCode
    ? undefined
    : 'the code did not come back';
}

/** Why the subscription may not be made; undefined when the endpoint consents. */
export async function handshakeProblem({
  url,
  schema = 'CloudEventSchemaV1_0',
}: PushSettings): Promise<string | undefined> {
  try {
    return await (schema === 'EventGridSchema' ? eventGridHandshake(url) : cloudEventsHandshake(url));
  } catch {
    return 'the endpoint does not answer';
  }
}

export interface Attempt {
  readonly at: number;
  readonly status: number;
  readonly events: number;
}

export interface Pusher {
  push(stored: Stored): void;
  readonly attempts: readonly Attempt[];
  /** Each as a blob holds it: the events with why they are there. */
  readonly deadLetters: readonly string[];
  size(): number;
  close(): void;
}

function deadLetter({ text, publishedAt }: Stored, reason: string, attempts: number, outcome: string): string {
  const more = {
    deadletterreason: reason,
    deliveryattempts: attempts,
    lastdeliveryoutcome: outcome,
    publishtime: new Date(publishedAt).toISOString(),
  };
  return `${text.trimEnd().slice(0, -1)},${JSON.stringify(more).slice(1)}`;
}

export function deadLetterName(subscription: string, at: number): string {
  const date = new Date(at);
  const hour = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCHours()].join('/');
  return `${subscription.toUpperCase()}/${hour}/${randomUUID()}.json`;
}

export function createPusher(clock: Clock, subscription: string, settings: PushSettings): Pusher {
  const { url, maxEventsPerBatch = 1, maxDeliveryAttempts = 30, timeToLiveMinutes = 1_440 } = settings;
  const attempts: Attempt[] = [];
  const deadLetters: string[] = [];
  const cancels = new Set<() => void>();
  let pending: Stored[] = [];
  let size = 0;
  let closed = false;

  function after(ms: number, run: () => void): void {
    const cancel = clock.after(ms, () => {
      cancels.delete(cancel);
      if (!closed) run();
    });
    cancels.add(cancel);
  }

  async function statusOf(delivery: Delivery): Promise<number> {
    const control = new AbortController();
    const cancel = clock.after(ANSWER_MS, () => control.abort());
    try {
      const { method, headers, body } = delivery;
      const answer = await fetch(url, { method, headers, body, signal: control.signal, redirect: 'manual' });
      await answer.arrayBuffer();
      return answer.status;
    } catch {
      return 0;
    } finally {
      cancel();
    }
  }

  function giveUp(events: readonly Stored[], reason: string, count: number, status: number): void {
    size -= events.length;
    const outcome = status === 0 ? 'TimedOut' : String(status);
    const given = events.map((event) => deadLetter(event, reason, count, outcome));
    deadLetters.push(...given);
    const body = Buffer.from(`[${given.join()}]`);
    after(DEAD_LETTER_MS, () => settings.onDeadLetter?.({ name: deadLetterName(subscription, clock.now()), body }));
  }

  async function attempt(events: readonly Stored[], count: number): Promise<void> {
    const status = await statusOf(deliveryOf(subscription, events, count));
    attempts.push({ at: clock.now(), status, events: events.length });
    if (taken.includes(status)) {
      size -= events.length;
      return;
    }
    const made = count + 1;
    const wait = retrySchedule[Math.min(count, retrySchedule.length - 1)]!;
    const ends = events[0]!.publishedAt + timeToLiveMinutes * MINUTE;
    if (hopeless.includes(status)) giveUp(events, 'UndeliverableDueToClientError', made, status);
    else if (made >= maxDeliveryAttempts) giveUp(events, 'MaxDeliveryAttemptsExceeded', made, status);
    else if (clock.now() + wait >= ends) giveUp(events, 'TimeToLiveExceeded', made, status);
    else after(wait, () => void attempt(events, made));
  }

  function flush(): void {
    while (pending.length > 0) {
      const batch = pending.slice(0, maxEventsPerBatch);
      pending = pending.slice(maxEventsPerBatch);
      void attempt(batch, 0);
    }
  }

  return {
    push(stored) {
      size++;
      pending.push(stored);
      if (pending.length === 1) after(0, flush);
    },
    attempts,
    deadLetters,
    size: () => size,
    close() {
      closed = true;
      for (const cancel of cancels) cancel();
    },
  };
}
