// A failure record <-> a message of the failures topic. Pure. The data is the whole event in structured form (or the bytes
// that could not be decoded), so that any tool shows what failed; the rest is attributes. What the service itself gave up
// (dead letter policy) lands in the same topic and is read as a record too.

import { type ErrorCode, errorTable } from '../../router/errors.ts';
import { type FailureRecord, failureId } from '../../router/failure.ts';
import { decodeStructured, encodeStructured } from '../../router/wire/json.ts';
import { ruleOfSubscription } from './definitions.ts';
import { type PubSubOptions, serviceLimits } from './options.ts';
import { decodeMessage, type PubSubMessage, type ReceivedData } from './wire.ts';

const PREFIX = 'busway_';
const DEAD_LETTER = 'CloudPubSubDeadLetterSource';
const EVENT_TYPE = 'application/cloudevents+json; charset=utf-8';

/** Cut to what an attribute holds, never within a character. */
function fitting(text: string): string {
  const { attributeValueBytes } = serviceLimits;
  if (Buffer.byteLength(text) <= attributeValueBytes) return text;
  const cut = Buffer.from(text).subarray(0, attributeValueBytes - 3);
  return `${cut.toString('utf8').replace(/\ufffd+$/, '')}...`;
}

export function encodeFailure(record: FailureRecord): PubSubMessage {
  const { id, rule, ruleHash, code, reason, attempts, at, event, bytes } = record;
  const attributes: Record<string, string> = {
    [`${PREFIX}id`]: id,
    [`${PREFIX}code`]: code,
    [`${PREFIX}reason`]: fitting(reason),
    [`${PREFIX}attempts`]: String(attempts),
    [`${PREFIX}at`]: at,
  };
  if (rule !== null) attributes[`${PREFIX}rule`] = rule;
  if (ruleHash !== null) attributes[`${PREFIX}rulehash`] = ruleHash;
  if (event === null) return { data: bytes ?? Buffer.alloc(0), attributes, orderingKey: '' };
  attributes['content-type'] = EVENT_TYPE;
  return { data: encodeStructured(event), attributes, orderingKey: '' };
}

function attributeOf({ attributes }: ReceivedData, name: string): string | undefined {
  return Object.hasOwn(attributes, name) ? attributes[name] : undefined;
}

function decodeOwn(message: ReceivedData, id: string): FailureRecord | undefined {
  const text = (name: string): string | undefined => attributeOf(message, PREFIX + name);
  const [code, at, attempts] = [text('code'), text('at'), Number(text('attempts'))];
  if (at === undefined || !Number.isSafeInteger(attempts)) return undefined;
  if (code === undefined || !Object.hasOwn(errorTable, code)) return undefined;
  const rule = text('rule') ?? null;
  const about = { id, rule, ruleHash: text('rulehash') ?? null, code: code as ErrorCode, reason: text('reason') ?? '' };
  if (attributeOf(message, 'content-type') === undefined) {
    return { ...about, attempts, at, event: null, bytes: message.data };
  }
  try {
    return { ...about, attempts, at, event: decodeStructured(message.data) };
  } catch {
    return undefined;
  }
}

/** `publishTime`: of the copy in the failures topic. */
export interface FailureMessage extends ReceivedData {
  readonly publishTime: string;
}

/**
 * A message that the service took out of a rule's subscription after too many deliveries. An emulator may not say which
 * subscription that was; then it is known by its event only.
 */
function decodeDeadLetter(
  message: FailureMessage,
  options: Pick<PubSubOptions, 'subscriptionPrefix'>,
): FailureRecord | undefined {
  const from = attributeOf(message, `${DEAD_LETTER}Subscription`);
  const count = Number(attributeOf(message, `${DEAD_LETTER}DeliveryCount`) ?? 0);
  const rule = ruleOfSubscription(options, from ?? '') ?? null;
  const attempts = Number.isSafeInteger(count) ? count : 0;
  const about = {
    rule,
    ruleHash: null,
    code: 'INTERNAL',
    reason: `the bus gave it up after ${attempts || 'too many'} deliveries; no answer to any of them was final`,
    attempts,
    at: message.publishTime,
  } as const;
  try {
    const event = decodeMessage(message);
    return { id: failureId(rule, event), ...about, event };
  } catch {
    // What neither says where it comes from nor is an event is nothing of ours.
    if (from === undefined) return undefined;
    return { id: failureId(rule, message.data), ...about, event: null, bytes: message.data };
  }
}

/** Undefined for a message that is no failure record. */
export function decodeFailure(
  message: FailureMessage,
  options: Pick<PubSubOptions, 'subscriptionPrefix'>,
): FailureRecord | undefined {
  const id = attributeOf(message, `${PREFIX}id`);
  return id === undefined ? decodeDeadLetter(message, options) : decodeOwn(message, id);
}
