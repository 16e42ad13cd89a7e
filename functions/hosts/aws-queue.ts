// What is SQS's own of the batches that it hands to Lambda: how often a message came, which queues keep order, whose queue it
// is. Pure. What a message means is decided by the EventBridge adapter. Source: AWS Lambda guide, "Using Lambda with Amazon
// SQS".

import type { Decoded } from '../../adapters/adapter.ts';
import { decodePushed } from '../../adapters/eventbridge/decode.ts';
import type { RuleOfQueue } from '../../adapters/eventbridge/queues.ts';
import { RouterError } from '../../router/errors.ts';
import { objectOf, textOf } from './foreign.ts';

export interface QueueRecord {
  readonly decoded: Decoded;
  /** How often the queue handed it out before. */
  readonly attempts: number;
  readonly queueArn: string;
  readonly receiptHandle: string;
  /** A FIFO queue: what comes after a failure must not overtake it. */
  readonly fifo: boolean;
}

const ofNobody: RuleOfQueue = () => undefined;

/** Once queues have rules, an event that has none is a slip of the set-up: all rules would run for it. */
function refuseStray(decoded: Decoded, queue: string): void {
  if (!decoded.ok || decoded.rule !== undefined) return;
  throw new RouterError(
    'CONFIG_INVALID',
    `aws: queue '${queue}' belongs to no rule; name it in BUSWAY_QUEUES, or set the message attribute busway-rule`,
  );
}

function readRecord(given: unknown, decoded: Decoded, ruleOfQueue: RuleOfQueue | undefined): QueueRecord {
  const record = objectOf(given);
  // Without its id nothing could be said about it: the whole batch stays with the queue.
  if (decoded.handle === '') throw new RouterError('DECODE_FAILED', 'aws: a message of the batch has no messageId');
  const queueArn = textOf(record['eventSourceARN']);
  // 'arn:aws:sqs:eu-west-1:123456789012:orders.fifo' → 'orders.fifo'
  const queue = queueArn.split(':').at(-1)!;
  if (ruleOfQueue !== undefined) refuseStray(decoded, queue);
  const received = Number(objectOf(record['attributes'])['ApproximateReceiveCount']);
  const attempts = Number.isSafeInteger(received) && received > 0 ? received - 1 : 0;
  const receiptHandle = textOf(record['receiptHandle']);
  return { decoded, attempts, queueArn, receiptHandle, fifo: queue.endsWith('.fifo') };
}

/** Throws RouterError where the batch as a whole cannot be taken: no messageId, or a queue that belongs to no rule. */
export function readQueueBatch(event: unknown, ruleOfQueue?: RuleOfQueue): readonly QueueRecord[] {
  const records = objectOf(event)['Records'];
  if (!Array.isArray(records)) return [];
  const decoded = decodePushed({ Records: records }, ruleOfQueue ?? ofNobody);
  return records.map((record, i) => readRecord(record, decoded[i]!, ruleOfQueue));
}
