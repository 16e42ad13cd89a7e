// The deliver function behind SQS, Kafka or a rule of EventBridge. Only translates: what a record means is decided in
// deliver.ts. Never answers for a record that is not done.

import type { Decoded } from '../../adapters/adapter.ts';
import { decodePushed } from '../../adapters/eventbridge/decode.ts';
import type { RuleOfQueue } from '../../adapters/eventbridge/queues.ts';
import type { Consumer } from '../../router/consume.ts';
import { RouterError } from '../../router/errors.ts';
import { createBatches } from '../batch.ts';
import { createDeliver, type DeliverHandler } from '../deliver.ts';
import { type TimeLeft, withinTime } from '../within-time.ts';
import { type QueueRecord, readQueueBatch } from './aws-queue.ts';
import { objectOf } from './foreign.ts';
import { createPatient } from './patient.ts';

/** The event source mapping must list ReportBatchItemFailures under FunctionResponseTypes, else SQS ignores this. */
export interface BatchResponse {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

export type AwsDeliver = (event: unknown, context?: TimeLeft) => Promise<BatchResponse>;

export interface AwsDeliverParts {
  readonly consumer: Consumer;
  /** What a Kafka event source hands on: the Kafka adapter's decode. Without it such an event is refused. */
  readonly decodeKafka?: (pushed: unknown) => readonly Decoded[];
  /** For queues whose messages do not name their rule. */
  readonly ruleOfQueue?: RuleOfQueue;
}

/** Where the host does not say: SQS's default visibility timeout. */
const DEFAULT_MS = 30_000;

async function takeQueue(
  records: readonly QueueRecord[],
  deliver: DeliverHandler,
  signal: AbortSignal,
): Promise<BatchResponse> {
  const attempts = new Map(records.map(({ decoded, attempts }) => [decoded.handle, attempts]));
  const attemptsOf = (handle: string): number => attempts.get(handle) ?? 0;
  const failed: string[] = [];
  // FIFO: one after the other, and from the first failure on everything goes back, or it would overtake.
  const runs = records.some(({ fifo }) => fifo) ? records.map((record) => [record]) : [records];
  for (const run of runs) {
    const decoded = run.map((record) => record.decoded);
    if (runs.length > 1 && (failed.length > 0 || signal.aborted)) failed.push(...decoded.map(({ handle }) => handle));
    else {
      const outcomes = await deliver(decoded, attemptsOf, signal);
      failed.push(...outcomes.filter(({ outcome }) => outcome.kind === 'retry').map(({ handle }) => handle));
    }
  }
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
}

const isKafka = (event: unknown): boolean =>
  ['aws:kafka', 'SelfManagedKafka'].includes(String(objectOf(event)['eventSource']));

function isQueue(event: unknown): boolean {
  const records = objectOf(event)['Records'];
  return Array.isArray(records) && records.every((record) => objectOf(record)['eventSource'] === 'aws:sqs');
}

/** What a rule of EventBridge hands to a function, with or without an input transformer, or nothing but the detail. */
function isEnvelope(event: unknown): boolean {
  const { 'detail-type': type, rule, event: inner, specversion } = objectOf(event);
  return (
    [type, specversion].some((text) => typeof text === 'string') || (typeof rule === 'string' && inner !== undefined)
  );
}

/**
 * SQS: a message that must come again is in the answer; one that names no rule then goes to all its rules again.
 * Kafka: a batch is done or comes again as a whole, because a partial answer counts only in provisioned mode. EventBridge:
 * one event, and no count of its attempts. So there the call waits and retries, and rejects when time runs out. What was
 * done is remembered by this process only: another one may deliver it twice. Rejects for any other event.
 */
export function awsDeliver({ consumer, decodeKafka, ruleOfQueue }: AwsDeliverParts): AwsDeliver {
  const deliver = createDeliver(consumer);
  const begin = createBatches(consumer);

  async function takeWhole(records: readonly Decoded[], signal: AbortSignal): Promise<BatchResponse> {
    const batch = begin();
    const outcomes = await createDeliver(createPatient(batch))(records, () => 0, signal);
    const open = outcomes.filter(({ outcome }) => outcome.kind === 'retry').length;
    batch.end(open === 0);
    if (open === 0) return { batchItemFailures: [] };
    const says = `aws: ${open} of ${records.length} records are not done and time is over; all come again`;
    throw new RouterError('ABORTED', says);
  }

  return (event, context = {}) =>
    withinTime(context.getRemainingTimeInMillis?.() ?? DEFAULT_MS, (signal) => {
      if (isKafka(event)) {
        if (decodeKafka !== undefined) return takeWhole(decodeKafka(event), signal);
        throw new RouterError('UNSUPPORTED', 'aws: records of Kafka came, but the bus of the document is not kafka');
      }
      if (isQueue(event)) return takeQueue(readQueueBatch(event, ruleOfQueue), deliver, signal);
      if (isEnvelope(event))
        return takeWhole(
          decodePushed(event, () => undefined),
          signal,
        );
      throw new RouterError(
        'DECODE_FAILED',
        'aws: the deliver function takes batches of SQS, MSK and self-managed Kafka, and events of EventBridge',
      );
    });
}
