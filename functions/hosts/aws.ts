// The Lambda host: `webhook` behind an HTTP API, a function URL, a REST API or a load balancer; `deliver` behind SQS or
// Kafka. Only translates: what a request or a record means is decided in webhook.ts and deliver.ts. Never answers for a
// record that is not done. The exported handlers compose themselves at the first call from the environment.

import type { Decoded } from '../../adapters/adapter.ts';
import type { Consumer } from '../../router/consume.ts';
import { RouterError } from '../../router/errors.ts';
import { createDeliver, type DeliverHandler } from '../deliver.ts';
import type { WrappedWebhook } from '../middleware.ts';
import { errorResponse } from '../webhook.ts';
import { type HttpResult, shapeOf, toRequest, toResult } from './aws-http.ts';
import { type QueueRecord, type RuleOfQueue, readQueueBatch, readQueues } from './aws-queue.ts';
import { composeDeliver, composeWebhook, once } from './compose.ts';
import { objectOf } from './foreign.ts';
import { createPatient } from './patient.ts';

/** The part of Lambda's context that is used. */
export interface LambdaContext {
  readonly getRemainingTimeInMillis?: () => number;
}

export type AwsWebhook = (event: unknown, context?: LambdaContext) => Promise<HttpResult>;

export interface AwsWebhookOptions {
  /** Bytes of a request's body; 1 MiB unless told. */
  readonly maxBody?: number;
}

const MIB = 1024 * 1024;

/** Rejects with REQUEST_INVALID for an event that is no HTTP request; everything else is answered. */
export function awsWebhook(wrapped: WrappedWebhook, { maxBody = MIB }: AwsWebhookOptions = {}): AwsWebhook {
  return async (event, context = {}) => {
    const shape = shapeOf(event) ?? 'v2';
    try {
      return toResult(await wrapped(toRequest(event, maxBody), context), shape);
    } catch (thrown) {
      if (!(thrown instanceof RouterError) || thrown.code !== 'BODY_TOO_LARGE') throw thrown;
      return toResult(errorResponse(thrown.code, thrown.message), shape);
    }
  };
}

/** The event source mapping must list ReportBatchItemFailures under FunctionResponseTypes, else SQS ignores this. */
export interface BatchResponse {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

export type AwsDeliver = (event: unknown, context?: LambdaContext) => Promise<BatchResponse>;

export interface AwsDeliverParts {
  readonly consumer: Consumer;
  /** What a Kafka event source hands on: the Kafka adapter's decode. Without it such an event is refused. */
  readonly decodeKafka?: (pushed: unknown) => readonly Decoded[];
  /** For queues whose messages do not name their rule. */
  readonly ruleOfQueue?: RuleOfQueue;
}

// Targets end within a second of an abort; the answer needs a little on top.
const RESERVE_MS = 1_500;
/** Where the host does not say: SQS's default visibility timeout. */
const DEFAULT_MS = 30_000;

/** Runs `work` with a signal that aborts shortly before Lambda would freeze the process. */
async function withinTime<T>(context: LambdaContext, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const control = new AbortController();
  const remainingMs = context.getRemainingTimeInMillis?.() ?? DEFAULT_MS;
  const timer = setTimeout(() => control.abort(), Math.max(0, remainingMs - RESERVE_MS));
  try {
    return await work(control.signal);
  } finally {
    clearTimeout(timer);
  }
}

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

/**
 * SQS: a message that must come again is in the answer; one that names no rule then goes to all its rules again.
 * Kafka: a batch is done or comes again as a whole, because a partial answer counts only in provisioned mode; so the call
 * waits and retries, and rejects when time runs out. What was done is remembered by this process only: another one may
 * deliver it twice. Rejects for any other event.
 */
export function awsDeliver({ consumer, decodeKafka, ruleOfQueue }: AwsDeliverParts): AwsDeliver {
  const deliver = createDeliver(consumer);
  const patient = createPatient(consumer);
  const deliverPatiently = createDeliver(patient);

  async function takeKafka(records: readonly Decoded[], signal: AbortSignal): Promise<BatchResponse> {
    const outcomes = await deliverPatiently(records, () => 0, signal);
    const open = outcomes.filter(({ outcome }) => outcome.kind === 'retry').length;
    patient.endBatch(open === 0);
    if (open === 0) return { batchItemFailures: [] };
    const says = `aws: ${open} of ${records.length} Kafka records are not done and time is over; the batch comes again`;
    throw new RouterError('ABORTED', says);
  }

  return (event, context = {}) =>
    withinTime(context, (signal) => {
      if (isKafka(event)) {
        if (decodeKafka !== undefined) return takeKafka(decodeKafka(event), signal);
        throw new RouterError('UNSUPPORTED', 'aws: records of Kafka came, but the bus of the document is not kafka');
      }
      if (isQueue(event)) return takeQueue(readQueueBatch(event, ruleOfQueue), deliver, signal);
      throw new RouterError(
        'DECODE_FAILED',
        'aws: the deliver function takes batches of SQS, MSK and self-managed Kafka',
      );
    });
}

const openWebhook = once(async () => {
  const { wrapped, maxBody } = await composeWebhook((name) => process.env[name]);
  return awsWebhook(wrapped, { maxBody });
});

const openDeliver = once(async () => {
  const ruleOfQueue = readQueues(process.env['BUSWAY_QUEUES']);
  const { adapter, consumer } = await composeDeliver((name) => process.env[name]);
  const decodeKafka = adapter.name === 'kafka' ? { decodeKafka: adapter.decode } : {};
  return awsDeliver({ consumer, ...decodeKafka, ...(ruleOfQueue === undefined ? {} : { ruleOfQueue }) });
});

export const webhook: AwsWebhook = async (event, context) => (await openWebhook())(event, context);
export const deliver: AwsDeliver = async (event, context) => (await openDeliver())(event, context);
