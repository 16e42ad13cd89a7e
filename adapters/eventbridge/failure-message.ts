// A failure record <-> a message of an SQS queue. Pure. The body is the structured event itself (or the bytes that could not
// be decoded) and the rest stands in attributes, so that any tool, and SQS's own redrive, finds an event there. What SQS or
// EventBridge put there themselves is read as a record too: nothing in such a queue is hidden.
// Sources: SQS API reference, SendMessage, MessageAttributeValue, ReceiveMessage; EventBridge User Guide, "Using dead-letter
// queues to process undelivered events" (read 2026-11-21).

import { isUtf8 } from 'node:buffer';
import { type ErrorCode, errorTable, RouterError } from '../../router/errors.ts';
import { type FailureRecord, failureId } from '../../router/failure.ts';
import { decodeStructured, encodeStructuredText } from '../../router/wire/json.ts';
import { decodeRecord, ruleOfRecord } from './decode.ts';
import type { RuleOfQueue } from './queues.ts';
import type { Received, SentMessage } from './sqs.ts';

const PREFIX = 'busway-';
const TYPE = 'String';
const MORE = '...';
const MAX_SHOWN = 300;

/** What the body holds; in base64 where SQS would not take it as text. */
type Body = 'event' | 'event-base64' | 'bytes' | 'bytes-base64';

/** The characters that SQS does not take: those that XML 1.0 does not. */
const NOT_TAKEN = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;
export const ALL_NOT_TAKEN = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

function bodyOf({ event, bytes = Buffer.alloc(0) }: FailureRecord): { readonly kind: Body; readonly text: string } {
  const kind = event === null ? 'bytes' : 'event';
  const text = event !== null ? encodeStructuredText(event) : isUtf8(bytes) ? bytes.toString() : undefined;
  if (text !== undefined && text !== '' && !NOT_TAKEN.test(text)) return { kind, text };
  const base64 = text === undefined ? bytes.toString('base64') : Buffer.from(text).toString('base64');
  // A body is never empty; a lone '=' is base64 of nothing.
  return { kind: `${kind}-base64`, text: base64 || '=' };
}

/** Body and attributes as SQS counts them: UTF-8 bytes of the body, and of names, types and values. */
export function messageBytes({ body, attributes }: SentMessage): number {
  const entries = Object.entries(attributes);
  return entries.reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + TYPE.length + Buffer.byteLength(value),
    Buffer.byteLength(body),
  );
}

/** Cut to so many bytes, never within a character. */
function fitting(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  const cut = Buffer.from(text).subarray(0, Math.max(0, bytes - MORE.length));
  return `${cut.toString().replace(/\ufffd+$/, '')}${MORE}`.slice(0, Math.max(0, bytes));
}

/** The reason is cut to what the message has room for. Throws EVENT_TOO_LARGE where the rest alone is over `maxBytes`. */
export function encodeFailure(record: FailureRecord, maxBytes: number): SentMessage {
  const { id, rule, ruleHash, code, reason, attempts, at } = record;
  const { kind, text } = bodyOf(record);
  const attributes: Record<string, string> = {
    [`${PREFIX}id`]: id,
    [`${PREFIX}code`]: code,
    [`${PREFIX}attempts`]: String(attempts),
    [`${PREFIX}at`]: at,
    [`${PREFIX}body`]: kind,
  };
  if (rule !== null) attributes[`${PREFIX}rule`] = rule;
  if (ruleHash !== null) attributes[`${PREFIX}rulehash`] = ruleHash;
  const message = { body: text, attributes };
  const bytes = messageBytes(message);
  if (bytes > maxBytes) {
    const says = `the failure record '${id}' takes ${bytes} bytes, a message of SQS at most ${maxBytes}; the event stays in its queue until SQS gives it up`;
    throw new RouterError('EVENT_TOO_LARGE', `eventbridge: ${says}`);
  }
  const name = `${PREFIX}reason`;
  const shown = fitting(reason.replace(ALL_NOT_TAKEN, '\ufffd'), maxBytes - bytes - name.length - TYPE.length);
  return shown === '' ? message : { body: text, attributes: { ...attributes, [name]: shown } };
}

/** Undefined for what no version of ours wrote. */
function decodeOwn({ body, attributes }: Received): FailureRecord | undefined {
  const text = (name: string): string | undefined => attributes.get(PREFIX + name);
  const [id, code, at, attempts] = [text('id'), text('code'), text('at'), Number(text('attempts'))];
  if (id === undefined || at === undefined || !(Number.isSafeInteger(attempts) && attempts >= 0)) return undefined;
  if (code === undefined || !Object.hasOwn(errorTable, code)) return undefined;
  const about = { id, rule: text('rule') ?? null, ruleHash: text('rulehash') ?? null, code: code as ErrorCode };
  const rest = { ...about, reason: text('reason') ?? '', attempts, at };
  const [kind, encoding] = (text('body') ?? '').split('-');
  const bytes = Buffer.from(body, encoding === 'base64' ? 'base64' : 'utf8');
  if (kind === 'bytes') return { ...rest, event: null, bytes };
  try {
    return { ...rest, event: decodeStructured(bytes) };
  } catch {
    return undefined;
  }
}

/** Of a text from a service: one line, not endless. */
function shown(text: string): string {
  return fitting(text.replace(/\s+/g, ' '), MAX_SHOWN);
}

/** Who gave it up, how often it was tried, and what is known of why. */
function historyOf({ attributes, receiveCount }: Received): { readonly attempts: number; readonly reason: string } {
  const code = attributes.get('ERROR_CODE');
  if (code === undefined && !attributes.has('RULE_ARN')) {
    // This receipt is no attempt; earlier listings cannot be told from attempts.
    const attempts = Math.max(1, receiveCount - 1);
    return { attempts, reason: 'SQS gave it up: it was handed out as often as its queue allows, and was never done' };
  }
  const retries = Number(attributes.get('RETRY_ATTEMPTS') ?? 0);
  const said = attributes.get('ERROR_MESSAGE');
  const why = `${shown(code ?? 'no code')}${said === undefined ? '' : ` (${shown(said)})`}`;
  const attempts = Number.isSafeInteger(retries) && retries > 0 ? retries + 1 : 1;
  return { attempts, reason: `EventBridge could not hand it to its target: ${why}` };
}

/** Of a message that SQS moved here after too many receipts, or EventBridge put here itself. */
function decodeDeadLetter(received: Received, places: Places): FailureRecord {
  const { messageId, body, attributes, sourceArn, sentMs } = received;
  const messageAttributes = Object.fromEntries([...attributes].map(([name, stringValue]) => [name, { stringValue }]));
  // As Lambda would have been handed it from its queue.
  const record = { messageId, body, messageAttributes, eventSourceARN: sourceArn };
  const decoded = decodeRecord(record, places.ruleOfQueue);
  const own = decoded.ok ? decoded.rule : ruleOfRecord(record, places.ruleOfQueue);
  const rule = places.queueRule ?? own ?? null;
  const { attempts, reason } = historyOf(received);
  const at = new Date(sentMs).toISOString();
  const about = { rule, ruleHash: null, code: 'ATTEMPTS_EXHAUSTED', attempts, at } as const;
  if (decoded.ok) return { id: failureId(rule, decoded.event), ...about, reason, event: decoded.event };
  const { bytes } = decoded;
  return { id: failureId(rule, bytes), ...about, reason: `${reason}; ${decoded.reason}`, event: null, bytes };
}

export interface Places {
  /** The rule whose failure queue the message lay in; undefined where it is shared. */
  readonly queueRule: string | undefined;
  /** By the name of the queue that SQS moved it out of. */
  readonly ruleOfQueue: RuleOfQueue;
}

/** Total: what is no record of ours is one of the code ATTEMPTS_EXHAUSTED, with what is known. */
export function decodeFailure(received: Received, places: Places): FailureRecord {
  return decodeOwn(received) ?? decodeDeadLetter(received, places);
}
