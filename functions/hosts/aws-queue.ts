// The batch that SQS hands to Lambda → one entry per message. Pure. Hostile payloads give refusals, never a throw.
// A body is a structured CloudEvent, or an EventBridge envelope whose detail is one; the detail is cut out of the text as
// it stands, so that numbers survive. Source: AWS Lambda guide, "Using Lambda with Amazon SQS"; EventBridge guide, events.

import type { Decoded } from '../../adapters/adapter.ts';
import { RouterError, toRouterError } from '../../router/errors.ts';
import type { CloudEvent } from '../../router/event.ts';
import { decodeStructured, parseJson } from '../../router/wire/json.ts';
import { memberName, scanObject, skipSpace } from '../../router/wire/json-scan.ts';
import { type Foreign, objectOf, textOf } from './foreign.ts';

export interface QueueRecord {
  readonly decoded: Decoded;
  /** How often the queue handed it out before. */
  readonly attempts: number;
  /** A FIFO queue: what comes after a failure must not overtake it. */
  readonly fifo: boolean;
}

/** Queue name → the rule it belongs to; undefined for a queue that is not known. */
export type RuleOfQueue = (queue: string) => string | undefined;

/** BUSWAY_QUEUES, a JSON object of queue name and rule; undefined when it is not set. Throws CONFIG_INVALID. */
export function readQueues(text: string | undefined): RuleOfQueue | undefined {
  if (text === undefined || text === '') return undefined;
  const refuse = (cause?: unknown): never => {
    const says = 'BUSWAY_QUEUES must be a JSON object of queue name and rule, such as {"orders":"big-orders"}';
    throw new RouterError('CONFIG_INVALID', says, { cause });
  };
  let queues: unknown;
  try {
    queues = JSON.parse(text);
  } catch (cause) {
    refuse(cause);
  }
  const rules = new Map(Object.entries(objectOf(queues)));
  if (rules.size === 0) refuse();
  for (const rule of rules.values()) if (typeof rule !== 'string' || rule === '') refuse();
  return (queue) => rules.get(queue) as string | undefined;
}

/** The detail of an EventBridge envelope as the bytes that came. */
function detailOf(bytes: Buffer): Buffer {
  const { members } = scanObject(bytes, skipSpace(bytes, 0));
  // The last of a name wins, as in JSON.parse.
  const detail = members.findLast((member) => memberName(bytes, member) === 'detail');
  if (detail === undefined) throw new RouterError('DECODE_FAILED', "aws: the EventBridge envelope has no 'detail'");
  return bytes.subarray(detail.start, detail.end);
}

/** Throws RouterError. */
export function decodeQueueBody(body: string): CloudEvent {
  const bytes = Buffer.from(body);
  const parsed = objectOf(parseJson(bytes, 'the body of a message'));
  if (Object.hasOwn(parsed, 'specversion')) return decodeStructured(bytes);
  if (Object.hasOwn(parsed, 'detail-type')) return decodeStructured(detailOf(bytes));
  throw new RouterError(
    'DECODE_FAILED',
    "aws: the body of a message must be a CloudEvent ('specversion') or an EventBridge envelope ('detail-type')",
  );
}

/** 'arn:aws:sqs:eu-west-1:123456789012:orders.fifo' → 'orders.fifo' */
function queueOf(record: Foreign): string {
  return textOf(record['eventSourceARN']).split(':').at(-1) ?? '';
}

/** The message's own word first. Undefined: the queue is no rule's, so all that match run, as on a log bus. */
function ruleOf(record: Foreign, ruleOfQueue: RuleOfQueue | undefined): string | undefined {
  const attribute = objectOf(objectOf(record['messageAttributes'])['busway-rule']);
  const named = textOf(attribute['stringValue']);
  if (named !== '') return named;
  if (ruleOfQueue === undefined) return undefined;
  const rule = ruleOfQueue(queueOf(record));
  if (rule !== undefined) return rule;
  throw new RouterError(
    'CONFIG_INVALID',
    `aws: queue '${queueOf(record)}' belongs to no rule; name it in BUSWAY_QUEUES, or set the message attribute busway-rule`,
  );
}

function readBody(record: Foreign, handle: string, rule: string | undefined): Decoded {
  const body = textOf(record['body']);
  try {
    const event = decodeQueueBody(body);
    return rule === undefined ? { ok: true, event, handle } : { ok: true, event, handle, rule };
  } catch (thrown) {
    const { code, message } = toRouterError(thrown, 'DECODE_FAILED');
    return { ok: false, code, reason: message, bytes: Buffer.from(body), handle };
  }
}

function readRecord(given: unknown, ruleOfQueue: RuleOfQueue | undefined): QueueRecord {
  const record = objectOf(given);
  const handle = textOf(record['messageId']);
  // Without its id nothing could be said about it: the whole batch stays with the queue.
  if (handle === '') throw new RouterError('DECODE_FAILED', 'aws: a message of the batch has no messageId');
  const received = Number(objectOf(record['attributes'])['ApproximateReceiveCount']);
  return {
    decoded: readBody(record, handle, ruleOf(record, ruleOfQueue)),
    attempts: Number.isSafeInteger(received) && received > 0 ? received - 1 : 0,
    fifo: queueOf(record).endsWith('.fifo'),
  };
}

/** Throws RouterError where the batch as a whole cannot be taken: no messageId, or a queue that belongs to no rule. */
export function readQueueBatch(event: unknown, ruleOfQueue?: RuleOfQueue): readonly QueueRecord[] {
  const records = objectOf(event)['Records'];
  return Array.isArray(records) ? records.map((record) => readRecord(record, ruleOfQueue)) : [];
}
