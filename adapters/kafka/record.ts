// A Kafka record as Busway writes it: its size in the log and its partition. Pure; loads no client.
// Sources: Kafka protocol guide, record batch v2; the Java client's default partitioner (murmur2 of the key).

/** What the wire codec makes of an event. A null value on a compacted topic deletes the key. */
export interface KafkaRecord {
  readonly key: Buffer | string | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | string>>;
}

/** A record with its place. The place is chosen before the first try, so that a resend can never move it. */
export interface PlacedRecord extends KafkaRecord {
  readonly partition: number;
}

/** A record as it was read. Repeated headers come as lists. */
export interface StoredRecord {
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined>>;
}

/** The record batch around the records. */
export const batchOverheadBytes = 61;
/** The broker's default of message.max.bytes: it bounds a whole batch, which is all records of one call for one partition. */
export const defaultMaxBatchBytes = 1_048_588;

/** Bytes of a zigzag varint for a length or count that is not negative; null is -1 and takes one byte. */
function varintBytes(length: number): number {
  let bytes = 1;
  for (let rest = length * 2; rest >= 128; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

function bytesOf(value: Buffer | string): number {
  return typeof value === 'string' ? Buffer.byteLength(value) : value.length;
}

/** Bytes of a record in a batch, uncompressed, when it is among its first 64; later ones take up to two more. */
export function recordBytes({ key, value, headers }: KafkaRecord): number {
  let body = 3; // attributes, timestamp delta 0, offset delta
  const keyBytes = key === null ? 0 : bytesOf(key);
  body += key === null ? 1 : varintBytes(keyBytes) + keyBytes;
  body += value === null ? 1 : varintBytes(value.length) + value.length;
  let count = 0;
  for (const name in headers) {
    const nameBytes = Buffer.byteLength(name);
    const valueBytes = bytesOf(headers[name]!);
    body += varintBytes(nameBytes) + nameBytes + varintBytes(valueBytes) + valueBytes;
    count++;
  }
  body += varintBytes(count);
  return varintBytes(body) + body;
}

/** murmur2 as the Java client computes it, as a signed 32-bit number. */
export function murmur2(data: Uint8Array): number {
  const m = 0x5bd1e995;
  let h = 0x9747b28c ^ data.length;
  let i = 0;
  for (; i + 4 <= data.length; i += 4) {
    let k = data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24);
    k = Math.imul(k, m);
    k ^= k >>> 24;
    h = Math.imul(h, m) ^ Math.imul(k, m);
  }
  const left = data.length - i;
  if (left >= 3) h ^= data[i + 2]! << 16;
  if (left >= 2) h ^= data[i + 1]! << 8;
  if (left >= 1) h = Math.imul(h ^ data[i]!, m);
  h ^= h >>> 13;
  h = Math.imul(h, m);
  return h ^ (h >>> 15);
}

/** Where Java producers put this key. */
export function partitionOfKey(key: Uint8Array | string, partitions: number): number {
  return (murmur2(typeof key === 'string' ? Buffer.from(key) : key) & 0x7fffffff) % partitions;
}
