// Parked deliveries on their way into the retry topics: grouped while a send is under way, durable when park resolves.
// A parked record is the event in its Kafka form plus headers that say what is owed. It stays on the partition number of
// its event, so that one member reads both.

import type { CloudEvent } from '../../router/event.ts';
import { decodeKafka, encodeKafka } from '../../router/wire/kafka.ts';
import type { Owed } from '../fan-out.ts';
import { retrySteps } from './definitions.ts';
import type { Sender } from './producer.ts';
import type { PlacedRecord, StoredRecord } from './record.ts';

const PREFIX = 'busway_';
const SEND_MS = 15_000;
const MAX_GROUP = 500;
const MAX_GROUP_BYTES = 512 * 1024;

/** What a retry topic's record says. `sequence` grows with every parking of one process: the latest is the valid one. */
export interface ParkedRecord {
  readonly owed: Owed;
  readonly sequence: number;
}

export interface Parker {
  /** Into retry topic number `step`. Durable when it resolves. */
  park(parked: ParkedRecord & { readonly partition: number; readonly step: number }): Promise<void>;
  close(): Promise<void>;
}

/** The step whose delay is the shortest that is not shorter than the wait; the longest for all above. */
export function stepFor(waitMs: number): number {
  const found = retrySteps.findIndex(({ delayMs }) => waitMs <= delayMs);
  return found < 0 ? retrySteps.length - 1 : found;
}

export function encodeParked(partition: number, { owed, sequence }: ParkedRecord): PlacedRecord {
  const { value, headers } = encodeKafka(owed.event);
  return {
    partition,
    key: `${owed.position}:${owed.rule}`,
    value,
    headers: {
      ...headers,
      [`${PREFIX}rule`]: owed.rule,
      [`${PREFIX}position`]: String(owed.position),
      [`${PREFIX}attempt`]: String(owed.attempt),
      [`${PREFIX}due`]: String(owed.dueAt),
      [`${PREFIX}sequence`]: String(sequence),
      ...(owed.behind ? { [`${PREFIX}behind`]: '1' } : {}),
    },
  };
}

/** Undefined for a record that is not ours. */
export function decodeParked(record: StoredRecord): ParkedRecord | undefined {
  const text = (name: string): string | undefined => {
    const found = record.headers[`${PREFIX}${name}`];
    return Buffer.isBuffer(found) ? found.toString('utf8') : undefined;
  };
  const number = (name: string): number => Number(text(name) ?? Number.NaN);
  const rule = text('rule');
  const [position, attempt, dueAt, sequence] = [
    number('position'),
    number('attempt'),
    number('due'),
    number('sequence'),
  ];
  const numbers = [position, attempt, dueAt, sequence];
  if (rule === undefined || !numbers.every(Number.isSafeInteger)) return undefined;
  let event: CloudEvent;
  try {
    event = decodeKafka(record);
  } catch {
    return undefined;
  }
  return { sequence, owed: { position, rule, event, attempt, dueAt, behind: text('behind') === '1' } };
}

interface Waiting {
  readonly step: number;
  readonly record: PlacedRecord;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export function createParker(sender: Sender, topics: readonly string[]): Parker {
  let queue: Waiting[] = [];
  let sending: Promise<void> | undefined;

  /** The first step that waits, and what else waits for it, up to a group. */
  function takeGroup(): Waiting[] {
    const step = queue[0]!.step;
    const group: Waiting[] = [];
    const rest: Waiting[] = [];
    let bytes = 0;
    for (const item of queue) {
      const fits = group.length === 0 || (group.length < MAX_GROUP && bytes + item.bytes <= MAX_GROUP_BYTES);
      if (item.step === step && fits) {
        group.push(item);
        bytes += item.bytes;
      } else rest.push(item);
    }
    queue = rest;
    return group;
  }

  async function sendAll(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (queue.length > 0) {
      const group = takeGroup();
      const records = group.map((item) => item.record);
      try {
        await sender.send(topics[group[0]!.step]!, records, AbortSignal.timeout(SEND_MS));
        for (const item of group) item.resolve();
      } catch (thrown) {
        for (const item of group) item.reject(thrown);
      }
    }
    sending = undefined;
  }

  return {
    park({ partition, step, owed, sequence }) {
      const record = encodeParked(partition, { owed, sequence });
      return new Promise((resolve, reject) => {
        queue.push({ step, record, bytes: (record.value?.length ?? 0) + 1_000, resolve, reject });
        sending ??= sendAll();
      });
    },
    async close() {
      await sending;
      await sender.close();
    },
  };
}
