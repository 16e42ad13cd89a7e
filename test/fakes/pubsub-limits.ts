// What the service refuses, as the fake of it checks: names, sizes, counts, deadlines. Strict on purpose: where sources
// differ, the narrower number holds. Sources: google/pubsub/v1/pubsub.proto; the "Quotas and limits" page.

export type Status =
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'UNAUTHENTICATED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'UNIMPLEMENTED'
  | 'DEADLINE_EXCEEDED'
  | 'INTERNAL'
  | 'UNKNOWN'
  | 'ABORTED'
  | 'UNAVAILABLE';

export interface Refusal extends Error {
  readonly status: Status;
  readonly retryDelayMs?: number;
}

export function refusal(status: Status, message: string, retryDelayMs?: number): Refusal {
  return Object.assign(new Error(message), retryDelayMs === undefined ? { status } : { status, retryDelayMs });
}

function refuse(message: string): never {
  throw refusal('INVALID_ARGUMENT', message);
}

export function isRefusal(thrown: unknown): thrown is Refusal {
  return thrown instanceof Error && 'status' in thrown;
}

export interface Message {
  readonly data: Buffer;
  readonly attributes: Readonly<Record<string, string>>;
  readonly orderingKey: string;
}

const MEGABYTE = 1_000_000;
const RESOURCE = /^(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}$/;

export function checkName(name: string, kind: 'topics' | 'subscriptions'): void {
  const [projects, project, found, id, ...more] = name.split('/');
  if (projects !== 'projects' || !project || found !== kind || id === undefined || more.length > 0) {
    refuse(`the name must be projects/{project}/${kind}/{id}`);
  }
  if (!RESOURCE.test(id!)) refuse(`invalid [${kind}] name: (name=${id})`);
}

function checkAttributes(attributes: Readonly<Record<string, string>>): void {
  const names = Object.keys(attributes);
  if (names.length > 100) refuse(`the message has ${names.length} attributes, at most 100 are allowed`);
  for (const name of names) {
    if (name === '') refuse('an attribute key is empty');
    if (Buffer.byteLength(name) > 256) refuse('an attribute key is over 256 bytes');
    if (/^goog/i.test(name)) refuse(`attribute key ${name} begins with goog`);
    if (Buffer.byteLength(attributes[name]!) > 1024) refuse(`the value of attribute ${name} is over 1024 bytes`);
  }
}

/** `bytes`: of the request as it came over the wire. */
export function checkPublish(messages: readonly Message[], bytes: number): void {
  if (bytes > 10 * MEGABYTE) refuse(`request payload size exceeds the limit: ${10 * MEGABYTE} bytes`);
  if (messages.length === 0) refuse('the request has no messages');
  if (messages.length > 1000) refuse(`the request has ${messages.length} messages, at most 1000 are allowed`);
  for (const { data, attributes, orderingKey } of messages) {
    if (data.length === 0 && Object.keys(attributes).length === 0) refuse('a message has neither data nor attributes');
    if (data.length > 10 * MEGABYTE) refuse('the data of a message is over 10 MB');
    checkAttributes(attributes);
    if (Buffer.byteLength(orderingKey) > 1024) refuse('an ordering key is over 1024 bytes');
    // A careless service quotes what it refuses; nobody may repeat that.
    if (orderingKey !== messages[0]!.orderingKey) {
      refuse(`in a single publish request all messages must have the same ordering key: ${data.subarray(0, 200)}`);
    }
  }
}

export function checkAckDeadline(seconds: number, least: number): void {
  if (Number.isInteger(seconds) && seconds >= least && seconds <= 600) return;
  refuse(`invalid ack deadline: ${seconds}; it must be between ${least} and 600 seconds`);
}

export function checkMaxMessages(count: number): void {
  if (!Number.isInteger(count) || count < 1) refuse('max_messages must be a positive number');
}

/** Names, as google.rpc.Code numbers them. */
export const statusNumbers: Readonly<Record<Status, number>> = {
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
};
