// Amazon SQS, standard queues, on loopback, in its JSON protocol (AWS JSON 1.0, SigV4). Strict: what the service refuses is
// refused here, in the same shapes. Must never be looser than the service. FIFO queues, policies and tags are not there.
// Sources: SQS API reference; Developer Guide, "Interpreting Amazon SQS JSON API responses" (read 2026-11-21).

import { setTimeout as wait } from 'node:timers/promises';
import { RouterError } from '../../router/errors.ts';
import { type Call, type Loose, looseOf, refusal, startAwsJson, type WireFault } from './aws-json.ts';
import type { Keys } from './aws-signature.ts';
import { digestsOf, readContent } from './sqs-message.ts';
import {
  addMessage,
  changeVisibility,
  deleteMessage,
  type Message,
  messageJson,
  type Queue,
  type Redrive,
  receive,
} from './sqs-queue.ts';

export interface SqsSettings extends Partial<Keys> {
  /** ms since the epoch. */
  readonly now?: () => number;
  /** How long a second of a long poll lasts, in ms. */
  readonly secondMs?: number;
  readonly denied?: readonly string[];
  readonly fault?: (call: Call) => WireFault | undefined;
}

export interface FakeSqs {
  readonly endpoint: string;
  readonly keys: Keys;
  readonly calls: readonly Call[];
  /** Makes a queue and gives its URL, which is one of AWS. Throws what CreateQueue would answer. */
  createQueue(name: string, attributes?: Readonly<Record<string, string>>): string;
  arnOf(url: string): string;
  /** As somebody else would send. */
  send(url: string, body: string, attributes?: Readonly<Record<string, string>>): void;
  messages(url: string): readonly Message[];
  close(): Promise<void>;
}

interface State {
  readonly region: string;
  readonly account: string;
  readonly now: () => number;
  readonly secondMs: number;
  readonly queues: Map<string, Queue>;
}

type Operation = (state: State, input: Loose, gone: AbortSignal) => Loose | Promise<Loose>;

const BATCH = 10;
const BATCH_BYTES = 1_048_576;
const LOOK_MS = 5;
/** Name -> least, most, default. */
const numbers: Readonly<Record<string, readonly [number, number, number]>> = {
  VisibilityTimeout: [0, 43_200, 30],
  MaximumMessageSize: [1_024, 1_048_576, 1_048_576],
  MessageRetentionPeriod: [60, 1_209_600, 345_600],
  DelaySeconds: [0, 900, 0],
  ReceiveMessageWaitTimeSeconds: [0, 20, 0],
};

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function invalid(says: string): never {
  throw refusal('InvalidParameterValueException', says);
}

function urlOf({ region, account }: State, name: string): string {
  return `https://sqs.${region}.amazonaws.com/${account}/${name}`;
}

/** By the path of its URL: an emulator has another origin. */
function queueOf(state: State, url: unknown): Queue {
  const [, account, name = ''] = URL.parse(textOf(url))?.pathname.split('/') ?? [];
  const queue = account === state.account ? state.queues.get(name) : undefined;
  if (queue === undefined) throw refusal('QueueDoesNotExist', 'The specified queue does not exist.');
  return queue;
}

function queueOfArn(state: State, arn: string): Queue | undefined {
  return [...state.queues.values()].find((queue) => queue.arn === arn);
}

function readRedrive(state: State, text: string): Redrive {
  const bad = (): never => {
    throw refusal('InvalidAttributeValue', 'Invalid value for the parameter RedrivePolicy.');
  };
  let policy: Loose = {};
  try {
    policy = looseOf(JSON.parse(text));
  } catch {
    return bad();
  }
  const [arn, count] = [textOf(policy['deadLetterTargetArn']), Number(policy['maxReceiveCount'])];
  if (!(Number.isInteger(count) && count >= 1 && count <= 1_000) || queueOfArn(state, arn) === undefined) return bad();
  return { deadLetterTargetArn: arn, maxReceiveCount: count };
}

/** One of `numbers`, as given or as it is without. */
function numberOf(attributes: Loose, name: string): number {
  const [least, most, otherwise] = numbers[name]!;
  const given = attributes[name];
  const value = given === undefined ? otherwise : Number(given);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw refusal('InvalidAttributeValue', `Invalid value for the parameter ${name}.`);
}

function createQueue(state: State, input: Loose): Loose {
  const name = textOf(input['QueueName']);
  const attributes = looseOf(input['Attributes']);
  if (!/^[A-Za-z0-9_-]{1,80}$/.test(name))
    invalid('Can only include alphanumeric characters, hyphens, or underscores.');
  const unknown = Object.keys(attributes).find((key) => !Object.hasOwn(numbers, key) && key !== 'RedrivePolicy');
  if (unknown !== undefined) throw refusal('InvalidAttributeName', `Unknown Attribute ${unknown}.`);
  for (const key of Object.keys(numbers)) numberOf(attributes, key);
  const policy = textOf(attributes['RedrivePolicy']);
  const before = state.queues.get(name);
  const queue: Queue = {
    name,
    arn: `arn:aws:sqs:${state.region}:${state.account}:${name}`,
    maxBytes: numberOf(attributes, 'MaximumMessageSize'),
    visibilityS: numberOf(attributes, 'VisibilityTimeout'),
    redrive: policy === '' ? undefined : readRedrive(state, policy),
    messages: [],
    handles: new Set(),
    polls: 0,
  };
  const isOther =
    before !== undefined && (before.maxBytes !== queue.maxBytes || before.visibilityS !== queue.visibilityS);
  if (isOther) throw refusal('QueueNameExists', 'A queue already exists with the same name and a different value.');
  if (before === undefined) state.queues.set(name, queue);
  return { QueueUrl: urlOf(state, name) };
}

function getQueueUrl(state: State, input: Loose): Loose {
  const queue = queueOf(state, urlOf(state, textOf(input['QueueName'])));
  return { QueueUrl: urlOf(state, queue.name) };
}

function getQueueAttributes(state: State, input: Loose): Loose {
  const { arn, maxBytes, visibilityS, redrive, messages } = queueOf(state, input['QueueUrl']);
  const hidden = messages.filter(({ visibleMs }) => visibleMs > state.now()).length;
  const all: Loose = {
    QueueArn: arn,
    MaximumMessageSize: String(maxBytes),
    VisibilityTimeout: String(visibilityS),
    ApproximateNumberOfMessages: String(messages.length - hidden),
    ApproximateNumberOfMessagesNotVisible: String(hidden),
    ...(redrive === undefined ? {} : { RedrivePolicy: JSON.stringify(redrive) }),
  };
  const names = listOf(input['AttributeNames']);
  const asked = Object.entries(all).filter(([name]) => names.includes('All') || names.includes(name));
  return asked.length === 0 ? {} : { Attributes: Object.fromEntries(asked) };
}

function sendMessage(state: State, input: Loose): Loose {
  const queue = queueOf(state, input['QueueUrl']);
  if ((input['DelaySeconds'] ?? 0) !== 0) throw refusal('UnsupportedOperation', 'there are no delays here');
  const content = readContent(input, queue.maxBytes);
  const { id } = addMessage(queue, content, state.now());
  return { MessageId: id, ...digestsOf(content, 'MD5OfMessageBody') };
}

async function receiveMessage(state: State, input: Loose, gone: AbortSignal): Promise<Loose> {
  const queue = queueOf(state, input['QueueUrl']);
  const within = (name: string, otherwise: number, least: number, most: number): number => {
    const value = input[name] ?? otherwise;
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
    return invalid(
      `Value ${String(value)} for parameter ${name} is invalid. Reason: Must be between ${least} and ${most}.`,
    );
  };
  const max = within('MaxNumberOfMessages', 1, 1, 10);
  const visibilityS = within('VisibilityTimeout', queue.visibilityS, 0, 43_200);
  const waitS = within('WaitTimeSeconds', 0, 0, 20);
  const end = performance.now() + waitS * state.secondMs;
  const look = (): Message[] =>
    receive(queue, { max, visibilityS, short: waitS === 0 }, state.now(), (arn) => queueOfArn(state, arn));
  let found = look();
  while (found.length === 0 && performance.now() < end && !gone.aborted) {
    await wait(LOOK_MS, undefined, { signal: gone }).catch(() => undefined);
    found = look();
  }
  const system = [...listOf(input['MessageSystemAttributeNames']), ...listOf(input['AttributeNames'])];
  const names = listOf(input['MessageAttributeNames']);
  return found.length === 0 ? {} : { Messages: found.map((message) => messageJson(message, system, names)) };
}

/** What is asked of each entry, and what it is answered. Throws what refuses the batch as a whole. */
function batch(input: Loose, one: (entry: Loose) => Loose): Loose {
  const entries = listOf(input['Entries']).map(looseOf);
  const ids = entries.map(({ Id }) => textOf(Id));
  if (entries.length === 0) throw refusal('EmptyBatchRequest', 'There should be at least one entry in the request.');
  if (entries.length > BATCH)
    throw refusal('TooManyEntriesInBatchRequest', 'Maximum number of entries per request are 10.');
  if (!ids.every((id) => /^[A-Za-z0-9_-]{1,80}$/.test(id)))
    throw refusal('InvalidBatchEntryId', 'A batch entry id is bad.');
  if (new Set(ids).size < ids.length) throw refusal('BatchEntryIdsNotDistinct', 'Ids must be distinct.');
  const Successful: Loose[] = [];
  const Failed: Loose[] = [];
  for (const [i, entry] of entries.entries()) {
    try {
      Successful.push({ Id: ids[i], ...one(entry) });
    } catch (thrown) {
      if (!(thrown instanceof RouterError)) throw thrown;
      const Code = textOf(thrown.facts['type']).replace(/Exception$/, '');
      Failed.push({ Id: ids[i], Code, Message: thrown.message, SenderFault: true });
    }
  }
  return { Successful, Failed };
}

function sendMessageBatch(state: State, input: Loose): Loose {
  const queue = queueOf(state, input['QueueUrl']);
  const bodies = listOf(input['Entries']).map((entry) => textOf(looseOf(entry)['MessageBody']));
  const bytes = bodies.reduce((sum, body) => sum + Buffer.byteLength(body), 0);
  if (bytes > BATCH_BYTES)
    throw refusal('BatchRequestTooLong', `Batch requests cannot be longer than ${BATCH_BYTES} bytes.`);
  return batch(input, (entry) => sendMessage(state, { ...entry, QueueUrl: urlOf(state, queue.name) }));
}

function handleOf(input: Loose): string {
  const handle = textOf(input['ReceiptHandle']);
  if (handle !== '') return handle;
  throw refusal('MissingParameterException', 'The request must contain the parameter ReceiptHandle.');
}

const operations: Readonly<Record<string, Operation>> = {
  CreateQueue: createQueue,
  GetQueueUrl: getQueueUrl,
  GetQueueAttributes: getQueueAttributes,
  SendMessage: sendMessage,
  SendMessageBatch: sendMessageBatch,
  ReceiveMessage: receiveMessage,
  DeleteMessage(state, input) {
    deleteMessage(queueOf(state, input['QueueUrl']), handleOf(input));
    return {};
  },
  DeleteMessageBatch(state, input) {
    const queue = queueOf(state, input['QueueUrl']);
    return batch(input, (entry) => {
      deleteMessage(queue, handleOf(entry));
      return {};
    });
  },
  ChangeMessageVisibility(state, input) {
    changeVisibility(queueOf(state, input['QueueUrl']), handleOf(input), input['VisibilityTimeout'], state.now());
    return {};
  },
  ChangeMessageVisibilityBatch(state, input) {
    const queue = queueOf(state, input['QueueUrl']);
    return batch(input, (entry) => {
      changeVisibility(queue, handleOf(entry), entry['VisibilityTimeout'], state.now());
      return {};
    });
  },
};

/** Errors that the query protocol called otherwise, and those before which it put its own name. */
const legacy: Readonly<Record<string, string>> = {
  QueueDoesNotExist: 'AWS.SimpleQueueService.NonExistentQueue',
  QueueNameExists: 'QueueAlreadyExists',
};
const namespaced = /^(?:.*Batch.*|MessageNotInflight|UnsupportedOperation)$/;

function refused(type: string, message: string): { body: string; headers: Readonly<Record<string, string>> } {
  const isCommon = type.endsWith('Exception');
  const name = type.replace(/Exception$/, '');
  const query = legacy[name] ?? (namespaced.test(name) ? `AWS.SimpleQueueService.${name}` : name);
  const space = isCommon ? 'com.amazon.coral.service' : 'com.amazonaws.sqs';
  const body = JSON.stringify({ __type: `${space}#${type}`, message });
  return { body, headers: { 'x-amzn-query-error': `${query};Sender` } };
}

export async function startSqs(settings: SqsSettings = {}): Promise<FakeSqs> {
  const { accessKeyId = 'AKIDEXAMPLE', secretAccessKey = 'fake-secret', sessionToken, region = 'eu-west-1' } = settings;
  const keys: Keys = { accessKeyId, secretAccessKey, region, ...(sessionToken === undefined ? {} : { sessionToken }) };
  const { now = Date.now, secondMs = 1_000 } = settings;
  const state: State = { region, account: '123456789012', now, secondMs, queues: new Map() };
  const server = await startAwsJson<WireFault>({
    keys,
    service: 'sqs',
    target: 'AmazonSQS',
    contentType: 'application/x-amz-json-1.0',
    operations: Object.keys(operations),
    denied: settings.denied ?? [],
    fault: settings.fault,
    run: ({ operation, input }, _fault, gone) => operations[operation]!(state, input, gone),
    refused,
  });
  return {
    endpoint: server.endpoint,
    keys,
    calls: server.calls,
    createQueue: (name, attributes = {}) =>
      textOf(createQueue(state, { QueueName: name, Attributes: attributes })['QueueUrl']),
    arnOf: (url) => queueOf(state, url).arn,
    send(url, body, attributes = {}) {
      const given = Object.entries(attributes).map(([name, value]) => [
        name,
        { DataType: 'String', StringValue: value },
      ]);
      sendMessage(state, { QueueUrl: url, MessageBody: body, MessageAttributes: Object.fromEntries(given) });
    },
    messages: (url) => queueOf(state, url).messages,
    close: server.close,
  };
}
