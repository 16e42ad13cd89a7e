// Record batches as a broker keeps them, byte by byte, by one Fetch request of our own: no client library may come between.
// Source: Kafka protocol guide, Fetch request and response version 4, record batch version 2.

import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface RawBatch {
  readonly attributes: number;
  readonly count: number;
  readonly firstTimestamp: bigint;
  readonly maxTimestamp: bigint;
  /** All records of the batch, as they lie in the log. */
  readonly records: Buffer;
}

const FETCH = 1;
const VERSION = 4;
const MAX_BYTES = 50_000_000;
const BATCH_BYTES = 61;
const UNKNOWN_TOPIC_OR_PARTITION = 3;
const NOT_LEADER_OR_FOLLOWER = 6;

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const text = (value: string): Buffer => Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);

function fetchRequest(topic: string, partition: number): Buffer {
  const header = [int16(FETCH), int16(VERSION), int32(1), text('raw')];
  const limits = [int32(-1), int32(100), int32(1), int32(MAX_BYTES), Buffer.alloc(1)];
  const place = [int32(1), text(topic), int32(1), int32(partition), Buffer.alloc(8), int32(MAX_BYTES)];
  const body = Buffer.concat([...header, ...limits, ...place]);
  return Buffer.concat([int32(body.length), body]);
}

async function ask(brokers: string, request: Buffer): Promise<Buffer> {
  const [host = '', port] = brokers.split(',')[0]!.split(':');
  const socket = connect(Number(port), host);
  try {
    socket.write(request);
    let answer = Buffer.alloc(0);
    for (;;) {
      const [chunk] = (await once(socket, 'data', { signal: AbortSignal.timeout(10_000) })) as [Buffer];
      answer = Buffer.concat([answer, chunk]);
      if (answer.length >= 4 && answer.length >= 4 + answer.readInt32BE(0)) return answer.subarray(4);
    }
  } finally {
    socket.destroy();
  }
}

/** The bytes of one partition out of an answer for one partition of one topic; undefined while it has no leader yet. */
function recordSet(answer: Buffer): Buffer | undefined {
  let at = 12; // correlation id, throttle time, one topic
  at += 2 + answer.readInt16BE(at) + 8; // its name, one partition, its number
  const error = answer.readInt16BE(at);
  if (error === UNKNOWN_TOPIC_OR_PARTITION || error === NOT_LEADER_OR_FOLLOWER) return undefined;
  if (error !== 0) throw new Error(`fetch: error ${error}`);
  at += 18; // error, high watermark, last stable offset
  at += 4 + 16 * Math.max(0, answer.readInt32BE(at)); // aborted transactions
  return answer.subarray(at + 4, at + 4 + answer.readInt32BE(at));
}

async function fetchSet(brokers: string, topic: string, partition: number): Promise<Buffer> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const set = recordSet(await ask(brokers, fetchRequest(topic, partition)));
    if (set !== undefined) return set;
    await sleep(50);
  }
  throw new Error(`fetch: ${topic}/${partition} has no leader`);
}

/** Every batch of a partition, from its start. */
export async function rawBatches(brokers: string, topic: string, partition: number): Promise<RawBatch[]> {
  const set = await fetchSet(brokers, topic, partition);
  const batches: RawBatch[] = [];
  for (let at = 0; at < set.length; ) {
    const end = at + 12 + set.readInt32BE(at + 8);
    batches.push({
      attributes: set.readInt16BE(at + 21),
      firstTimestamp: set.readBigInt64BE(at + 27),
      maxTimestamp: set.readBigInt64BE(at + 35),
      count: set.readInt32BE(at + 57),
      records: set.subarray(at + BATCH_BYTES, end),
    });
    at = end;
  }
  return batches;
}
