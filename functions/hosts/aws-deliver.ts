// The deliver function behind SQS, Kafka or a rule of EventBridge. Only translates: what a record means is decided in
// deliver.ts. Never answers for a record that is not done.

import type { Decoded } from '../../adapters/adapter.ts';
import { decodePushed } from '../../adapters/eventbridge/decode.ts';
import type { RuleOfQueue } from '../../adapters/eventbridge/queues.ts';
import type { LateMessage, Redeliver } from '../../adapters/eventbridge/redelivery.ts';
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
  /** Has failed messages of standard queues come again when they are due; without it they come by the queue's timeout. */
  readonly redeliver?: Redeliver;
}

/** Where the host does not say: SQS's default visibility timeout. */
const DEFAULT_MS = 30_000;
const REDELIVER_MS = 5_000;
/** For the answer. */
const SPARE_MS = 200;

interface QueueCall {
  readonly deliver: DeliverHandler;
  readonly redeliver: Redeliver | undefined;
  readonly signal: AbortSignal;
  /** Milliseconds. */
  readonly timeLeft: () => number;
}

/** A record that must come again. */
type Open = QueueRecord & {
  /**
   * When, by its rule: ms since the epoch. Undefined where nothing was tried: SQS counts that receipt all the same, and the
   * few that are spare have to last, so the queue's timeout stays.
   */
  readonly dueMs: number | undefined;
};

const hasTime = (record: Open): record is Open & LateMessage => record.dueMs !== undefined;

/** Undefined when the record is done. */
async function takeRecord(record: QueueRecord, { deliver, signal }: QueueCall): Promise<Open | undefined> {
  const { decoded, attempts } = record;
  const [result] = await deliver([decoded], () => attempts, signal);
  const { outcome } = result!;
  if (outcome.kind === 'ack') return undefined;
  return { ...record, dueMs: outcome.counts ? Date.now() + outcome.afterMs : undefined };
}

/** FIFO: one after the other, and from the first failure on everything goes back, or it would overtake. */
async function takeInOrder(records: readonly QueueRecord[], call: QueueCall): Promise<readonly QueueRecord[]> {
  for (const [i, record] of records.entries()) {
    if (call.signal.aborted || (await takeRecord(record, call)) !== undefined) return records.slice(i);
  }
  return [];
}

async function takeAtOnce(records: readonly QueueRecord[], call: QueueCall): Promise<readonly QueueRecord[]> {
  const receivedMs = Date.now();
  const taken = await Promise.all(records.map((record) => takeRecord(record, call)));
  const open = taken.filter((one) => one !== undefined);
  const late = open.filter(hasTime);
  if (late.length > 0 && call.redeliver !== undefined) {
    const ms = Math.floor(Math.max(0, Math.min(REDELIVER_MS, call.timeLeft() - SPARE_MS)));
    // Also when time is over for targets.
    await call.redeliver(late, { receivedMs, signal: AbortSignal.timeout(ms) });
  }
  return open;
}

async function takeQueue(records: readonly QueueRecord[], call: QueueCall): Promise<BatchResponse> {
  const isFifo = records.some(({ fifo }) => fifo);
  const open = await (isFifo ? takeInOrder(records, call) : takeAtOnce(records, call));
  return { batchItemFailures: open.map(({ decoded }) => ({ itemIdentifier: decoded.handle })) };
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
 * SQS: a message that must come again is in the answer, and comes at its rule's time if it was tried; one that names no rule then goes to all
 * its rules again.
 * Kafka: a batch is done or comes again as a whole, because a partial answer counts only in provisioned mode. EventBridge:
 * one event, and no count of its attempts. So there the call waits and retries, and rejects when time runs out. What was
 * done is remembered by this process only: another one may deliver it twice. Rejects for any other event.
 */
export function awsDeliver({ consumer, decodeKafka, ruleOfQueue, redeliver }: AwsDeliverParts): AwsDeliver {
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

  return (event, context = {}) => {
    const timeLeft = (): number => context.getRemainingTimeInMillis?.() ?? DEFAULT_MS;
    return withinTime(timeLeft(), (signal) => {
      if (isKafka(event)) {
        if (decodeKafka !== undefined) return takeWhole(decodeKafka(event), signal);
        throw new RouterError('UNSUPPORTED', 'aws: records of Kafka came, but the bus of the document is not kafka');
      }
      if (isQueue(event)) {
        return takeQueue(readQueueBatch(event, ruleOfQueue), { deliver, redeliver, signal, timeLeft });
      }
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
  };
}
