// Standard queues of the fake: who sees a message when, what a receipt handle is worth, what moves to a dead-letter queue.
// As hard on its callers as the service may be: a short poll looks at a part, an answer holds fewer than asked, an old receipt
// handle deletes nothing and is told that it did.
// Sources: SQS API reference, ReceiveMessage, DeleteMessage, ChangeMessageVisibility; Developer Guide, "Using dead-letter
// queues in Amazon SQS" (read 2026-11-21).

import { randomUUID } from 'node:crypto';
import { type Loose, refusal } from './aws-json.ts';
import { attributesJson, attributesOf, type Content, digestsOf } from './sqs-message.ts';

export interface Redrive {
  readonly deadLetterTargetArn: string;
  readonly maxReceiveCount: number;
}

export interface Message extends Content {
  readonly id: string;
  readonly sentMs: number;
  visibleMs: number;
  /** The last time. */
  receivedMs: number;
  receiveCount: number;
  firstMs: number | undefined;
  /** Of the last receipt. */
  handle: string | undefined;
  sourceArn: string | undefined;
}

export interface Queue {
  readonly name: string;
  readonly arn: string;
  readonly maxBytes: number;
  readonly visibilityS: number;
  readonly redrive: Redrive | undefined;
  messages: Message[];
  /** Handles that were ever given. */
  readonly handles: Set<string>;
  polls: number;
}

export interface Asked {
  readonly max: number;
  readonly visibilityS: number;
  readonly short: boolean;
}

/** A receive brings fewer than it may. */
const MOST = 7;
const MOST_HIDDEN_MS = 43_200_000;

export function addMessage(queue: Queue, content: Content, now: number): Message {
  const message: Message = {
    ...content,
    id: randomUUID(),
    sentMs: now,
    visibleMs: now,
    receivedMs: now,
    receiveCount: 0,
    firstMs: undefined,
    handle: undefined,
    sourceArn: undefined,
  };
  queue.messages.push(message);
  return message;
}

/** Takes what was received too often out of `queue`. */
function moveDead(queue: Queue, now: number, queueOfArn: (arn: string) => Queue | undefined): void {
  const { redrive } = queue;
  const target = redrive === undefined ? undefined : queueOfArn(redrive.deadLetterTargetArn);
  if (redrive === undefined || target === undefined) return;
  const isDead = ({ visibleMs, receiveCount }: Message): boolean =>
    visibleMs <= now && receiveCount >= redrive.maxReceiveCount;
  // Its time, its id and its count go with it.
  for (const message of queue.messages.filter(isDead))
    target.messages.push({ ...message, handle: undefined, sourceArn: queue.arn });
  queue.messages = queue.messages.filter((message) => !isDead(message));
}

export function receive(
  queue: Queue,
  asked: Asked,
  now: number,
  queueOfArn: (arn: string) => Queue | undefined,
): Message[] {
  moveDead(queue, now, queueOfArn);
  const visible = queue.messages.filter(({ visibleMs }) => visibleMs <= now);
  queue.polls++;
  const seen = asked.short ? visible.filter((_, i) => (i + queue.polls) % 2 === 0) : visible;
  const taken = seen.slice(0, Math.min(asked.max, MOST));
  for (const message of taken) {
    message.visibleMs = now + asked.visibilityS * 1_000;
    message.receivedMs = now;
    message.receiveCount++;
    message.firstMs ??= now;
    message.handle = randomUUID();
    queue.handles.add(message.handle);
  }
  return taken;
}

function demandHandle(queue: Queue, handle: string): Message | undefined {
  if (!queue.handles.has(handle)) throw refusal('ReceiptHandleIsInvalid', 'The input receipt handle is invalid.');
  return queue.messages.find((message) => message.handle === handle);
}

/** Throws ReceiptHandleIsInvalid for what is no handle of this queue. An old one is fine, and deletes nothing. */
export function deleteMessage(queue: Queue, handle: string): void {
  const message = demandHandle(queue, handle);
  queue.messages = queue.messages.filter((other) => other !== message);
}

export function changeVisibility(queue: Queue, handle: string, seconds: unknown, now: number): void {
  const message = demandHandle(queue, handle);
  if (typeof seconds !== 'number' || !(seconds >= 0 && seconds <= 43_200)) {
    throw refusal('InvalidParameterValueException', 'VisibilityTimeout must be between 0 and 43200.');
  }
  if (message === undefined || message.visibleMs <= now) {
    throw refusal('MessageNotInflight', 'The specified message is not in flight.');
  }
  if (now + seconds * 1_000 > message.receivedMs + MOST_HIDDEN_MS) {
    const says = 'Total VisibilityTimeout for the message is beyond the limit [43200 seconds].';
    throw refusal('InvalidParameterValueException', says);
  }
  message.visibleMs = now + seconds * 1_000;
}

/** As ReceiveMessage writes it. */
export function messageJson(message: Message, systemNames: readonly unknown[], names: readonly unknown[]): Loose {
  const { id, handle, body, receiveCount, sentMs, firstMs, sourceArn } = message;
  const all: Readonly<Record<string, string | undefined>> = {
    SenderId: 'AIDAEXAMPLE',
    SentTimestamp: String(sentMs),
    ApproximateReceiveCount: String(receiveCount),
    ApproximateFirstReceiveTimestamp: String(firstMs),
    DeadLetterQueueSourceArn: sourceArn,
  };
  const isAsked = (name: string): boolean => systemNames.includes('All') || systemNames.includes(name);
  const system = Object.entries(all).filter(([name, value]) => value !== undefined && isAsked(name));
  const attributes = attributesOf(message, names);
  return {
    MessageId: id,
    ReceiptHandle: handle,
    ...digestsOf({ body, attributes }, 'MD5OfBody'),
    Body: body,
    ...(system.length === 0 ? {} : { Attributes: Object.fromEntries(system) }),
    ...(attributes.size === 0 ? {} : { MessageAttributes: attributesJson(attributes) }),
  };
}
