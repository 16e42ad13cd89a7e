// The payload that Lambda's Kafka event source pushes → one entry per record. Pure. Hostile payloads give refusals and
// never a throw. Source: AWS Lambda guide, "Using Lambda with Apache Kafka"; header bytes come signed from some senders.

import { toRouterError } from '../../router/errors.ts';
import { decodeKafka } from '../../router/wire/kafka.ts';
import type { Decoded } from '../adapter.ts';

type Loose = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Absent and null mean null; undefined means it is no base64. */
function bytesOf(value: unknown): Buffer | null | undefined {
  if (value === undefined || value === null) return null;
  return typeof value === 'string' && BASE64.test(value) ? Buffer.from(value, 'base64') : undefined;
}

/** A list of objects of byte lists; a name given twice becomes a list. Undefined when it has another form. */
function headersOf(value: unknown): Record<string, Buffer | Buffer[]> | undefined {
  const headers: Record<string, Buffer | Buffer[]> = Object.create(null);
  if (value === undefined || value === null) return headers;
  if (!Array.isArray(value)) return undefined;
  for (const item of value) {
    if (!isObject(item)) return undefined;
    for (const [name, bytes] of Object.entries(item)) {
      if (bytes === null) continue;
      if (!Array.isArray(bytes) || !bytes.every((byte) => Number.isInteger(byte) && byte >= -128 && byte <= 255)) {
        return undefined;
      }
      const found = Buffer.from(bytes.map((byte: number) => byte & 0xff));
      const before = headers[name];
      if (before === undefined) headers[name] = found;
      else headers[name] = Array.isArray(before) ? [...before, found] : [before, found];
    }
  }
  return headers;
}

/** topic-partition-offset; where the record does not say, its place in the payload. */
function handleOf(record: Loose, place: string): string {
  const { topic, partition, offset } = record;
  const whole = typeof topic === 'string' && Number.isSafeInteger(partition) && Number.isSafeInteger(offset);
  return whole ? `${topic}-${partition}-${offset}` : place;
}

function textOf(value: unknown): Buffer {
  try {
    return Buffer.from(JSON.stringify(value) ?? '');
  } catch {
    return Buffer.alloc(0); // a cycle, a BigInt: nothing that came as JSON
  }
}

function refused(reason: string, bytes: Buffer, handle: string): Decoded {
  return { ok: false, code: 'DECODE_FAILED', reason: `kafka: ${reason}`, bytes, handle };
}

function decodeRecord(record: unknown, place: string): Decoded {
  if (!isObject(record)) return refused('a record must be an object', textOf(record), place);
  const handle = handleOf(record, place);
  const value = bytesOf(record['value']);
  if (value === undefined) return refused('the value of a record must be base64', textOf(record['value']), handle);
  const headers = headersOf(record['headers']);
  const bytes = value ?? Buffer.alloc(0);
  if (headers === undefined) return refused('the headers of a record must be lists of bytes', bytes, handle);
  try {
    return { ok: true, event: decodeKafka({ value, headers }), handle };
  } catch (thrown) {
    const { code, message } = toRouterError(thrown, 'DECODE_FAILED');
    return { ok: false, code, reason: message, bytes, handle };
  }
}

/** Inverse of what publish wrote, as Lambda hands it on. */
export function decodeLambda(pushed: unknown): readonly Decoded[] {
  if (!isObject(pushed) || !isObject(pushed['records'])) {
    return [refused("a pushed payload must be an object with 'records'", textOf(pushed), '')];
  }
  return Object.entries(pushed['records']).flatMap(([name, list]) => {
    if (!Array.isArray(list)) return [refused('records must be lists', textOf(list), name)];
    return list.map((record, i) => decodeRecord(record, `${name}#${i}`));
  });
}
