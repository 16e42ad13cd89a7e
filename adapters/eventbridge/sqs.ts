// The calls of SQS that failure log, redrive and retries need, in its JSON protocol over fetch, signed with the credentials of the client
// that is there anyway. What a passing fault broke is tried again where a call may be made twice without harm.
// Sources: SQS Developer Guide, "Making Query API requests: AWS JSON protocol"; SQS API reference; SDK for JavaScript,
// middleware-sdk-sqs (the request goes to the origin of the queue's URL).

import { setTimeout as wait } from 'node:timers/promises';
import { isObject } from '../../router/config.ts';
import { RouterError, toRouterError } from '../../router/errors.ts';
import { type Credentials, signRequest } from '../aws-request.ts';
import { mapSqsRefusal } from './sqs-error.ts';

/** The attributes are of type String. */
export interface SentMessage {
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Received {
  readonly messageId: string;
  readonly handle: string;
  readonly body: string;
  /** Those of text. */
  readonly attributes: ReadonlyMap<string, string>;
  /** How often it was handed out, in all queues that it was in; this time included. */
  readonly receiveCount: number;
  /** When it was first sent, ms since the epoch. */
  readonly sentMs: number;
  /** The queue that SQS moved it out of; empty if none. */
  readonly sourceArn: string;
}

export interface HiddenMessage {
  readonly handle: string;
  /** 0 to 43,200; 0 shows it at once. */
  readonly seconds: number;
}

/** Queues are named by URL. All reject with RouterError, ABORTED when `signal` says so. */
export interface Sqs {
  send(queue: string, message: SentMessage, signal: AbortSignal): Promise<void>;
  /** Up to ten, hidden from others for `holdS` seconds; none when there was none for a second. */
  receive(queue: string, holdS: number, signal: AbortSignal): Promise<readonly Received[]>;
  /** Answers whether all are gone. */
  remove(queue: string, handles: readonly string[], signal: AbortSignal): Promise<boolean>;
  /** Lets others see them again. */
  release(queue: string, handles: readonly string[], signal: AbortSignal): Promise<void>;
  /** Hides each for so many seconds from now, whatever it was received with. Answers whether all are. */
  hide(queue: string, messages: readonly HiddenMessage[], signal: AbortSignal): Promise<boolean>;
}

export interface SqsParts {
  readonly credentials: Credentials;
  /** Where the queue's URL names none. */
  readonly region: () => Promise<string>;
  /** An emulator's, in place of the origin of the queues' URLs. */
  readonly endpoint: string | undefined;
  readonly now: () => number;
}

type Answer = Readonly<Record<string, unknown>>;

interface Call {
  readonly queue: string;
  readonly operation: string;
  readonly input: Answer;
  readonly signal: AbortSignal;
}

const PER_CALL = 10;
const WAIT_S = 1;
const CALL_MS = 10_000;
const TRIES = 3;
const AGAIN_MS = 100;
const MAX_TIME = 8.64e15;
const REGION = /(?:^|\.)([a-z]{2}(?:-[a-z]{2,12}){1,3}-\d{1,2})\.(?:queue\.|api\.)?(?:amazonaws|aws)/;

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const listOf = (value: unknown): readonly Answer[] => (Array.isArray(value) ? value.filter(isObject) : []);
const countOf = (value: unknown): number => (Number.isSafeInteger(Number(value)) ? Number(value) : 0);
/** ms since the epoch, as far as a Date goes. */
const timeOf = (value: unknown): number => Math.min(MAX_TIME, Math.max(0, countOf(value)));

function readReceived({ MessageId, ReceiptHandle, Body, Attributes, MessageAttributes }: Answer): Received {
  const { ApproximateReceiveCount, SentTimestamp, DeadLetterQueueSourceArn } = isObject(Attributes) ? Attributes : {};
  const own = Object.entries(isObject(MessageAttributes) ? MessageAttributes : {});
  return {
    messageId: textOf(MessageId),
    handle: textOf(ReceiptHandle),
    body: textOf(Body),
    attributes: new Map(
      own.flatMap(([name, value]) => (isObject(value) ? [[name, textOf(value['StringValue'])]] : [])),
    ),
    receiveCount: countOf(ApproximateReceiveCount),
    sentMs: timeOf(SentTimestamp),
    sourceArn: textOf(DeadLetterQueueSourceArn),
  };
}

function jsonOf(text: string): Answer | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return isObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** "queue 'orders-failures'" */
function named(queue: string): string {
  return `queue '${new URL(queue).pathname.split('/').at(-1)}'`;
}

function unreachable({ queue }: Call, thrown: unknown): RouterError {
  const cause = isObject(thrown) ? thrown['cause'] : undefined;
  const code = isObject(cause) ? textOf(cause['code']) : '';
  const shown = /^[A-Z_]{1,40}$/.test(code) ? ` (${code})` : '';
  return new RouterError('BUS_UNAVAILABLE', `eventbridge: ${named(queue)} does not answer${shown}`);
}

/** Messages whose answer was lost are hidden for a while: a second receive would seem complete without them. */
function isTriedAgain({ operation }: Call, { code, retryable }: RouterError): boolean {
  return operation === 'ReceiveMessage' ? code === 'THROTTLED' : retryable;
}

async function answerOf(response: Response, { queue }: Call): Promise<Answer> {
  const read = jsonOf(await response.text());
  if (response.ok && read !== undefined) return read;
  // Such as a proxy's page: "there are none" must not be read out of it.
  if (response.ok)
    throw new RouterError('BUS_UNAVAILABLE', `eventbridge: ${named(queue)} answered with something else`);
  const answer = read ?? {};
  const header = (name: string): string => response.headers.get(name) ?? '';
  const refusal = {
    status: response.status,
    type: textOf(answer['__type']) || header('x-amzn-errortype'),
    queryError: header('x-amzn-query-error'),
    requestId: header('x-amzn-requestid'),
    message: textOf(answer['message']) || textOf(answer['Message']),
  };
  throw mapSqsRefusal(refusal, named(queue));
}

export function createSqs({ credentials, region, endpoint, now }: SqsParts): Sqs {
  async function once(call: Call): Promise<Answer> {
    const { queue, operation, input, signal } = call;
    const given = new URL(queue);
    const url = new URL('/', endpoint ?? given);
    const QueueUrl = new URL(given.pathname, url).href;
    const body = Buffer.from(JSON.stringify({ QueueUrl, ...input }));
    const asked = { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `AmazonSQS.${operation}` };
    const request = { method: 'POST', url, headers: asked, body };
    const scope = REGION.exec(given.hostname)?.[1] ?? (await region());
    const how = { service: 'sqs', region: scope, credentials: await credentials(), now: now() };
    const headers = signRequest(request, how);
    const either = AbortSignal.any([signal, AbortSignal.timeout(CALL_MS)]);
    try {
      const response = await fetch(url, { method: 'POST', headers, body, redirect: 'error', signal: either });
      return await answerOf(response, call);
    } catch (thrown) {
      if (thrown instanceof RouterError) throw thrown;
      throw unreachable(call, thrown);
    }
  }

  async function ask(call: Call): Promise<Answer> {
    for (let left = TRIES - 1; ; left--) {
      try {
        call.signal.throwIfAborted();
        return await once(call);
      } catch (thrown) {
        if (call.signal.aborted)
          throw new RouterError('ABORTED', `eventbridge: ${named(call.queue)}: the call was given up`);
        const error = toRouterError(thrown, 'BUS_UNAVAILABLE');
        if (left === 0 || !isTriedAgain(call, error)) throw error;
      }
      await wait(AGAIN_MS * 2 ** (TRIES - 1 - left), undefined, { signal: call.signal }).catch(() => undefined);
    }
  }

  /** The entries that were not done. */
  async function batch(call: Omit<Call, 'input'>, entries: readonly Answer[]): Promise<number> {
    let failed = 0;
    for (let at = 0; at < entries.length; at += PER_CALL) {
      const Entries = entries.slice(at, at + PER_CALL).map((entry, i) => ({ Id: String(i), ...entry }));
      const { Successful } = await ask({ ...call, input: { Entries } });
      failed += Entries.length - listOf(Successful).length;
    }
    return failed;
  }

  async function hide(queue: string, messages: readonly HiddenMessage[], signal: AbortSignal): Promise<boolean> {
    const entries = messages.map(({ handle, seconds }) => ({ ReceiptHandle: handle, VisibilityTimeout: seconds }));
    return (await batch({ queue, operation: 'ChangeMessageVisibilityBatch', signal }, entries)) === 0;
  }

  return {
    hide,
    async send(queue, { body, attributes }, signal) {
      const MessageAttributes = Object.fromEntries(
        Object.entries(attributes).map(([name, value]) => [name, { DataType: 'String', StringValue: value }]),
      );
      const { MessageId } = await ask({
        queue,
        operation: 'SendMessage',
        input: { MessageBody: body, MessageAttributes },
        signal,
      });
      if (textOf(MessageId) !== '') return;
      throw new RouterError('BUS_UNAVAILABLE', `eventbridge: ${named(queue)} took a message and gave it no id`);
    },
    async receive(queue, holdS, signal) {
      const input = {
        MaxNumberOfMessages: PER_CALL,
        VisibilityTimeout: holdS,
        // A long poll asks all servers; a short one asks some, and may find nothing although there is something.
        WaitTimeSeconds: WAIT_S,
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['ApproximateReceiveCount', 'SentTimestamp', 'DeadLetterQueueSourceArn'],
      };
      const { Messages } = await ask({ queue, operation: 'ReceiveMessage', input, signal });
      return listOf(Messages).map(readReceived);
    },
    async remove(queue, handles, signal) {
      const entries = handles.map((ReceiptHandle) => ({ ReceiptHandle }));
      return (await batch({ queue, operation: 'DeleteMessageBatch', signal }, entries)) === 0;
    },
    async release(queue, handles, signal) {
      await hide(
        queue,
        handles.map((handle) => ({ handle, seconds: 0 })),
        signal,
      );
    },
  };
}
