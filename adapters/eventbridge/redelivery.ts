// When a message that failed comes again: at its rule's own time, in place of the queue's visibility timeout. Never rejects:
// what SQS could not be told comes by the queue's timeout, and the log says so.
// Sources: SQS API reference, ChangeMessageVisibilityBatch, and Developer Guide, "Amazon SQS visibility timeout" (12 hours in
// all, counted from the receipt; read 2026-11-21); partitions of @aws-sdk/core 3.

import { RouterError, toRouterError } from '../../router/errors.ts';
import type { AdapterParts } from '../adapter.ts';
import { credentialsFromEnv } from '../aws-request.ts';
import { endpointIn } from './client.ts';
import { createSqs } from './sqs.ts';

/** A message that somebody has and that is to come again. */
export interface LateMessage {
  readonly queueArn: string;
  readonly receiptHandle: string;
  /** ms since the epoch. */
  readonly dueMs: number;
}

export interface RedeliveryCall {
  /** When the messages were received at the latest, ms since the epoch. */
  readonly receivedMs: number;
  readonly signal: AbortSignal;
}

/** One request for ten messages of a queue. Never rejects. */
export type Redeliver = (messages: readonly LateMessage[], call: RedeliveryCall) => Promise<void>;

export type RedeliveryParts = Pick<AdapterParts, 'env' | 'now' | 'onWarning'>;

const QUEUE_ARN = /^arn:(aws[a-z-]{0,20}):sqs:([a-z0-9-]{1,32}):(\d{12}):([A-Za-z0-9_-]{1,80})$/;
const SUFFIXES: ReadonlyMap<string, string> = new Map([
  ['aws', 'amazonaws.com'],
  ['aws-cn', 'amazonaws.com.cn'],
  ['aws-eusc', 'amazonaws.eu'],
  ['aws-iso', 'c2s.ic.gov'],
  ['aws-iso-b', 'sc2s.sgov.gov'],
  ['aws-iso-e', 'cloud.adc-e.uk'],
  ['aws-iso-f', 'csp.hci.ic.gov'],
  ['aws-us-gov', 'amazonaws.com'],
]);
const MAX_S = 43_200;
// Between the receipt and the call lies whatever Lambda took; over the limit SQS refuses, so a minute is left to it.
const SPARE_S = 60;

interface QueuePlace {
  readonly url: string;
  readonly region: string;
}

/** Undefined for what is no ARN of a standard queue, or of a partition that is not known. */
export function queueOfArn(arn: string): QueuePlace | undefined {
  const [, partition = '', region = '', account, name] = QUEUE_ARN.exec(arn) ?? [];
  const suffix = SUFFIXES.get(partition);
  return suffix === undefined ? undefined : { url: `https://sqs.${region}.${suffix}/${account}/${name}`, region };
}

/** Whole seconds from `now`: never too early, and never so long that SQS would refuse. */
export function secondsUntil(dueMs: number, receivedMs: number, now: number): number {
  const left = MAX_S - SPARE_S - Math.ceil((now - receivedMs) / 1_000);
  return Math.max(0, Math.min(left, Math.ceil((dueMs - now) / 1_000)));
}

export function createRedelivery({ env, now, onWarning }: RedeliveryParts): Redeliver {
  const credentials = credentialsFromEnv(env, now);
  let failing = false;

  async function hide(arn: string, messages: readonly LateMessage[], call: RedeliveryCall): Promise<void> {
    const { receivedMs, signal } = call;
    const queue = queueOfArn(arn);
    if (queue === undefined)
      throw new RouterError('DECODE_FAILED', 'eventbridge: the ARN of the queue is of no known form');
    const { url, region } = queue;
    const sqs = createSqs({ credentials, region: async () => region, endpoint: endpointIn(env, 'SQS'), now });
    const at = now();
    const hidden = messages.map(({ receiptHandle, dueMs }) => ({
      handle: receiptHandle,
      seconds: secondsUntil(dueMs, receivedMs, at),
    }));
    if (await sqs.hide(url, hidden, signal)) return;
    throw new RouterError('BUS_UNAVAILABLE', 'eventbridge: SQS did not do it for all messages of a batch');
  }

  return async (messages, call) => {
    const queues = [...Map.groupBy(messages, ({ queueArn }) => queueArn)];
    try {
      await Promise.all(queues.map(([arn, ofQueue]) => hide(arn, ofQueue, call)));
      failing = false;
    } catch (thrown) {
      const says = "what failed comes again by the queue's visibility timeout and not at its rule's time";
      if (!failing) onWarning(`${says}: ${toRouterError(thrown).message}`);
      failing = true;
    }
  };
}
