// Failure records in a compacted topic: key = failure id, a null value removes it. The value is the whole event in
// structured form (or the bytes that could not be decoded), so that any Kafka tool shows what failed; the rest is headers.

import { type ErrorCode, errorTable } from '../../router/errors.ts';
import type { FailureLog, FailureRecord } from '../../router/failure.ts';
import { decodeStructured, encodeStructured } from '../../router/wire/json.ts';
import { type Connection, lookUpTopic } from './client.ts';
import type { Sender } from './producer.ts';
import { readTopic } from './reader.ts';
import { type KafkaRecord, partitionOfKey, type StoredRecord } from './record.ts';

const PREFIX = 'busway_';
const WRITE_MS = 15_000;

export function encodeFailure(record: FailureRecord): KafkaRecord {
  const { id, rule, ruleHash, code, reason, attempts, at, event, bytes } = record;
  const headers: Record<string, string> = {
    [`${PREFIX}code`]: code,
    [`${PREFIX}reason`]: reason,
    [`${PREFIX}attempts`]: String(attempts),
    [`${PREFIX}at`]: at,
  };
  if (rule !== null) headers[`${PREFIX}rule`] = rule;
  if (ruleHash !== null) headers[`${PREFIX}rulehash`] = ruleHash;
  if (event === null) return { key: id, value: bytes ?? Buffer.alloc(0), headers };
  headers['content-type'] = 'application/cloudevents+json; charset=UTF-8';
  return { key: id, value: encodeStructured(event), headers };
}

/** Undefined for a record that is not ours. */
export function decodeFailure({ key, value, headers }: StoredRecord): FailureRecord | undefined {
  const text = (name: string): string | undefined => {
    const found = Object.hasOwn(headers, name) ? headers[name] : undefined;
    return Buffer.isBuffer(found) ? found.toString('utf8') : undefined;
  };
  const code = text(`${PREFIX}code`);
  const at = text(`${PREFIX}at`);
  const attempts = Number(text(`${PREFIX}attempts`));
  if (key === null || value === null || at === undefined || !Number.isSafeInteger(attempts)) return undefined;
  if (code === undefined || !Object.hasOwn(errorTable, code)) return undefined;
  const record = {
    id: key.toString('utf8'),
    rule: text(`${PREFIX}rule`) ?? null,
    ruleHash: text(`${PREFIX}rulehash`) ?? null,
    code: code as ErrorCode,
    reason: text(`${PREFIX}reason`) ?? '',
    attempts,
    at,
  };
  if (text('content-type') === undefined) return { ...record, event: null, bytes: value };
  try {
    return { ...record, event: decodeStructured(value) };
  } catch {
    return undefined;
  }
}

function byAge(a: FailureRecord, b: FailureRecord): number {
  if (a.at !== b.at) return a.at < b.at ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}

export interface FailureParts {
  readonly connection: Connection;
  readonly topic: string;
  readonly sender: Sender;
}

export function createFailureLog({ connection, topic, sender }: FailureParts): FailureLog {
  let partitions: Promise<number> | undefined;

  /** The number of partitions is asked once; a failure is forgotten. */
  async function partitionCount(signal: AbortSignal): Promise<number> {
    partitions ??= lookUpTopic(connection, topic, signal).then((facts) => facts.partitions);
    try {
      return await partitions;
    } catch (thrown) {
      partitions = undefined;
      throw thrown;
    }
  }

  async function send(records: readonly KafkaRecord[]): Promise<void> {
    const signal = AbortSignal.timeout(WRITE_MS);
    const count = await partitionCount(signal);
    const placed = records.map((record) => ({ ...record, partition: partitionOfKey(record.key ?? '', count) }));
    await sender.send(topic, placed, signal);
  }

  return {
    write: (record) => send([encodeFailure(record)]),
    async *list(signal) {
      const records = new Map<string, FailureRecord>();
      for await (const chunk of readTopic(
        connection,
        { topic, last: Number.POSITIVE_INFINITY, follow: false },
        signal,
      )) {
        for (const stored of chunk.records) {
          const failure = decodeFailure(stored);
          if (failure !== undefined) records.set(failure.id, failure);
          else if (stored.key !== null && stored.value === null) records.delete(stored.key.toString('utf8'));
        }
      }
      yield* [...records.values()].sort(byAge);
    },
    async remove(ids) {
      if (ids.length > 0) await send(ids.map((id) => ({ key: id, value: null, headers: {} })));
    },
  };
}
