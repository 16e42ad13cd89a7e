// The failure log: a container of blobs, our own records (failure-blob.ts) beside what Event Grid itself gave up
// (dead-letter.ts). Several copies of a record, ours and Event Grid's, count as one, the newest. A blob that cannot be read
// is a record too. Never takes away an event that was not asked for: a blob of several is rewritten only as it was read.

import { RouterError, toRouterError } from '../../router/errors.ts';
import { type FailureLog, type FailureRecord, failureId } from '../../router/failure.ts';
import type { Blobs, FoundBlob, ListedBlob } from './blobs.ts';
import { type DeadLetter, readDeadLetters, ruleOfDeadLetter } from './dead-letter.ts';
import { decodeFailure, encodeFailure, failureIdOf, failureName } from './failure-blob.ts';
import { joinBatch } from './wire.ts';

export interface FailureParts {
  readonly blobs: Blobs;
  /** The first part of the names of this router's subscriptions. */
  readonly prefix: string;
  /** The names of the rules in force. */
  readonly rules: () => readonly string[];
  /** Aborts when the bus is closed. */
  readonly signal: AbortSignal;
}

const WRITE_MS = 30_000;
// Requests under way at once: a listing reads every record.
const AT_ONCE = 16;
// How often a blob may change under a removal before it is given up.
const REWRITES = 10;

/** One copy of a record. Ours is read when its turn comes, so that only Event Grid's own are held in memory. */
interface Copy {
  readonly id: string;
  readonly atMs: number;
  readonly name: string;
  readonly read: () => Promise<FailureRecord | undefined>;
}

type Blank = Pick<FailureRecord, 'id' | 'rule' | 'reason'> & { readonly bytes?: Buffer };

function unreadable({ name, at }: ListedBlob, { id, rule, reason, bytes = Buffer.alloc(0) }: Blank): FailureRecord {
  const says = `eventgrid: the blob '${name}': ${reason}`;
  return { id, rule, ruleHash: null, code: 'DECODE_FAILED', reason: says, attempts: 0, at, event: null, bytes };
}

async function* atOnce<T, R>(items: readonly T[], work: (item: T) => Promise<R>): AsyncIterable<R> {
  for (let at = 0; at < items.length; at += AT_ONCE) yield* await Promise.all(items.slice(at, at + AT_ONCE).map(work));
}

/** The newest of each id, oldest first. */
function newest(copies: readonly Copy[]): readonly Copy[] {
  const byId = new Map<string, Copy>();
  for (const copy of copies) {
    const before = byId.get(copy.id);
    if (before === undefined || before.atMs <= copy.atMs) byId.set(copy.id, copy);
  }
  return [...byId.values()].sort((a, b) => a.atMs - b.atMs || (a.id < b.id ? -1 : 1));
}

export function createFailureLog({ blobs, prefix, rules, signal: closing }: FailureParts): FailureLog {
  /** Where Event Grid's own copies of each record stood when they were last looked for. */
  let places = new Map<string, readonly string[]>();

  async function readOwn(id: string, blob: ListedBlob, signal: AbortSignal): Promise<FailureRecord | undefined> {
    const found = await blobs.get(blob.name, signal);
    if (found === undefined) return undefined;
    if (!found.ok) return unreadable(blob, { id, rule: null, reason: found.reason });
    try {
      return decodeFailure(id, found.body);
    } catch (thrown) {
      const reason = toRouterError(thrown, 'DECODE_FAILED').message;
      return unreadable(blob, { id, rule: null, reason, bytes: found.body });
    }
  }

  /** The records of one of Event Grid's blobs; one that cannot be read is one record, known by its name. */
  function lettersIn(blob: ListedBlob, found: FoundBlob): readonly DeadLetter[] {
    const rule = ruleOfDeadLetter(blob.name, prefix, rules()) ?? '';
    if (found.ok) return readDeadLetters(found.body, { rule, at: blob.at });
    const id = failureId(rule, Buffer.from(blob.name));
    return [{ item: Buffer.alloc(0), record: unreadable(blob, { id, rule, reason: found.reason }) }];
  }

  async function deadCopies(blob: ListedBlob, signal: AbortSignal): Promise<readonly Copy[]> {
    const { name } = blob;
    const found = await blobs.get(name, signal);
    const letters = found === undefined ? [] : lettersIn(blob, found);
    return letters.map(({ record }) => ({
      id: record.id,
      atMs: Date.parse(record.at),
      name,
      read: async () => record,
    }));
  }

  /** All copies of all records. */
  async function survey(signal: AbortSignal): Promise<readonly Copy[]> {
    const copies: Copy[] = [];
    const dead: ListedBlob[] = [];
    for await (const page of blobs.list(signal)) {
      for (const blob of page) {
        const id = failureIdOf(prefix, blob.name);
        const { name, at } = blob;
        if (id !== undefined) copies.push({ id, atMs: Date.parse(at), name, read: () => readOwn(id, blob, signal) });
        else if (ruleOfDeadLetter(blob.name, prefix, rules()) !== undefined) dead.push(blob);
      }
    }
    const found = new Map<string, readonly string[]>(copies.map(({ id }) => [id, []]));
    for await (const letters of atOnce(dead, (blob) => deadCopies(blob, signal))) {
      for (const { id, name } of letters) found.set(id, [...(found.get(id) ?? []), name]);
      copies.push(...letters);
    }
    places = found;
    return copies;
  }

  /** Takes these records out of one of Event Grid's blobs; what else it holds stays, byte for byte. */
  async function takeOut(name: string, ids: ReadonlySet<string>): Promise<void> {
    for (let tries = 0; tries < REWRITES; tries++) {
      const found = await blobs.get(name, closing);
      if (found === undefined) return;
      const at = found.ok ? found.at : '';
      const letters = lettersIn({ name, at }, found);
      const left = letters.filter(({ record }) => !ids.has(record.id));
      if (left.length === letters.length) return;
      const etag = found.ok ? found.etag : undefined;
      const isDone =
        left.length === 0
          ? await blobs.remove(name, closing, etag)
          : await blobs.put(name, joinBatch(left.map(({ item }) => item)), { etag: etag!, at }, closing);
      if (isDone) return;
    }
    throw new RouterError('BUS_UNAVAILABLE', `eventgrid: the blob '${name}' changed ${REWRITES} times; remove again`);
  }

  return {
    async write(record) {
      const limit = AbortSignal.any([closing, AbortSignal.timeout(WRITE_MS)]);
      await blobs.put(failureName(prefix, record.id), encodeFailure(record), { at: record.at }, limit);
    },
    async *list(signal) {
      const either = AbortSignal.any([closing, signal]);
      const copies = newest(await survey(either));
      for await (const record of atOnce(copies, ({ read }) => read())) if (record !== undefined) yield record;
    },
    async remove(ids) {
      const isUnknown = ids.some((id) => !places.has(id));
      if (isUnknown) await survey(closing);
      const unwanted = new Set(ids);
      const names = new Set(ids.flatMap((id) => places.get(id) ?? []));
      await Array.fromAsync(atOnce([...unwanted], (id) => blobs.remove(failureName(prefix, id), closing)));
      await Array.fromAsync(atOnce([...names], (name) => takeOut(name, unwanted)));
      // A copy that comes from now on is another failure, and is looked for again.
      for (const id of unwanted) places.delete(id);
    },
  };
}
