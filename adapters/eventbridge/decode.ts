// What a target of an EventBridge rule gets -> one entry per event. Pure. Hostile payloads give refusals, never a throw.
// From a queue the payload is text: the structured event is cut out of it as it stands, so numbers and data keep their
// bytes. To a function EventBridge hands an object that was parsed already: the text of its numbers is lost before us.
// Sources: EventBridge User Guide, "Events" and "Input transformation"; Lambda guide, "Using Lambda with Amazon SQS".

import { isObject } from '../../router/config.ts';
import { RouterError, toRouterError } from '../../router/errors.ts';
import type { CloudEvent } from '../../router/event.ts';
import { decodeStructured, parseJson } from '../../router/wire/json.ts';
import { type Member, memberName, scanObject, skipSpace } from '../../router/wire/json-scan.ts';
import type { Decoded } from '../adapter.ts';
import type { RuleOfQueue } from './queues.ts';

type Loose = Readonly<Record<string, unknown>>;

const looseOf = (value: unknown): Loose => (isObject(value) ? value : {});
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

const RULE_ARN = /^arn:aws[a-z-]{0,20}:events:[a-z0-9-]{1,32}:\d{12}:rule\/(?:[^/]{1,256}\/)*([A-Za-z0-9._-]{1,64})$/;

/** The name of the rule that an ARN names: what stands last, behind the bus's name if it is not the default bus. */
export function ruleOfArn(arn: string): string | undefined {
  return RULE_ARN.exec(arn)?.[1];
}

/** The text of a member; the last of a name wins, as in JSON.parse. */
function memberOf(bytes: Buffer, name: string): Buffer | undefined {
  const { members } = scanObject(bytes, skipSpace(bytes, 0));
  const isIt = (member: Member): boolean => memberName(bytes, member) === name;
  const member = members.findLast(isIt);
  return member === undefined ? undefined : bytes.subarray(member.start, member.end);
}

interface Read {
  readonly event: CloudEvent;
  readonly rule?: string;
}

/** What an input transformer writes: the rule that took the event beside the event. */
function readTransformed(bytes: Buffer, parsed: Loose): Read {
  const inner = memberOf(bytes, 'event')!;
  const read = readEnvelope(inner, looseOf(parsed['event']));
  const rule = ruleOfArn(textOf(parsed['rule']));
  return rule === undefined ? read : { ...read, rule };
}

function readEnvelope(bytes: Buffer, parsed: Loose): Read {
  if (Object.hasOwn(parsed, 'specversion')) return { event: decodeStructured(bytes) };
  const detail = Object.hasOwn(parsed, 'detail-type') ? memberOf(bytes, 'detail') : undefined;
  if (detail !== undefined) return { event: decodeStructured(detail) };
  throw new RouterError(
    'DECODE_FAILED',
    "eventbridge: a payload must be an EventBridge envelope ('detail-type' and 'detail') or a CloudEvent ('specversion')",
  );
}

/** Throws RouterError. */
function readPayload(bytes: Buffer): Read {
  const parsed = parseJson(bytes, 'what EventBridge delivers');
  if (!isObject(parsed)) {
    throw new RouterError('DECODE_FAILED', 'eventbridge: a payload must be a JSON object');
  }
  const isTransformed = isObject(parsed['event']) && typeof parsed['rule'] === 'string';
  return isTransformed ? readTransformed(bytes, parsed) : readEnvelope(bytes, parsed);
}

function refused(thrown: unknown, bytes: Buffer, handle: string): Decoded {
  const { code, message } = toRouterError(thrown, 'DECODE_FAILED');
  return { ok: false, code, reason: message, bytes, handle };
}

/** `queueRule`: what the queue says, for payloads that name no rule themselves. */
function decodeText(bytes: Buffer, handle: string, queueRule: string | undefined): Decoded {
  try {
    const { event, rule = queueRule } = readPayload(bytes);
    return rule === undefined ? { ok: true, event, handle } : { ok: true, event, handle, rule };
  } catch (thrown) {
    return refused(thrown, bytes, handle);
  }
}

/** A message's own word, then what EventBridge wrote to a dead-letter queue, then the queue. */
export function ruleOfRecord(record: Loose, ruleOfQueue: RuleOfQueue): string | undefined {
  const attributes = looseOf(record['messageAttributes']);
  const attribute = (name: string): string => textOf(looseOf(attributes[name])['stringValue']);
  const named = attribute('busway-rule');
  if (named !== '') return named;
  const queue = textOf(record['eventSourceARN']).split(':').at(-1) ?? '';
  return ruleOfArn(attribute('RULE_ARN')) ?? ruleOfQueue(queue);
}

/** One message of a queue, as Lambda is handed it. */
export function decodeRecord(given: unknown, ruleOfQueue: RuleOfQueue): Decoded {
  const record = looseOf(given);
  const handle = textOf(record['messageId']);
  if (typeof record['body'] === 'string') {
    return decodeText(Buffer.from(record['body']), handle, ruleOfRecord(record, ruleOfQueue));
  }
  const says = 'eventbridge: a message of the batch has no text as its body';
  return refused(new RouterError('DECODE_FAILED', says), jsonOf(given) ?? Buffer.alloc(0), handle);
}

function rawNumber(text: string): unknown {
  const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => unknown };
  return rawJSON(text);
}

/** JSON.stringify makes null of a number beyond a double, and 0 of -0: these read as the same number again. */
function keepNumber(_name: string, value: unknown): unknown {
  if (typeof value !== 'number') return value;
  if (Object.is(value, -0)) return rawNumber('-0');
  return Number.isFinite(value) ? value : rawNumber(value > 0 ? '1e999' : '-1e999');
}

/** Undefined for what is no JSON: a cycle, a function, a BigInt, depth beyond the stack. */
function jsonOf(value: unknown): Buffer | undefined {
  try {
    const text = JSON.stringify(value, keepNumber);
    return text === undefined ? undefined : Buffer.from(text);
  } catch {
    return undefined;
  }
}

/** Inverse of what publish wrote, as a queue or a function gets it. */
export function decodePushed(pushed: unknown, ruleOfQueue: RuleOfQueue): readonly Decoded[] {
  const records = looseOf(pushed)['Records'];
  if (Array.isArray(records)) return records.map((record) => decodeRecord(record, ruleOfQueue));
  const { id, event } = looseOf(pushed);
  // The id that EventBridge gave the event: there is one event in a payload, and nothing else names it.
  const handle = textOf(id) || textOf(looseOf(event)['id']);
  const bytes = jsonOf(pushed);
  if (bytes !== undefined) return [decodeText(bytes, handle, undefined)];
  const says = 'eventbridge: a pushed payload must be what JSON can hold';
  return [refused(new RouterError('DECODE_FAILED', says), Buffer.alloc(0), handle)];
}
