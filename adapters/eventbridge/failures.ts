// The failure log: messages of SQS dead-letter queues. Writing is sending. SQS neither shows a message without handing it
// out nor replaces one: a listing takes all there are, hides them from others for a minute and gives them back when the bus
// is closed; of several copies the newest counts, and remove deletes all. A message is only deleted while it is surely ours:
// an old receipt handle is answered with success and deletes nothing.

import { RouterError } from '../../router/errors.ts';
import type { FailureRecord } from '../../router/failure.ts';
import { decodeFailure, encodeFailure } from './failure-message.ts';
import type { FailureQueues, RuleOfQueue } from './queues.ts';
import type { Sqs } from './sqs.ts';

export interface FailureParts {
  readonly sqs: Sqs;
  readonly queues: FailureQueues;
  readonly ruleOfQueue: RuleOfQueue;
  /** Bytes of a message, its attributes included. */
  readonly maxBytes: number;
  readonly now: () => number;
}

/** Rejects with RouterError; ABORTED when `signal` says so. */
export interface SqsFailureLog {
  write(record: FailureRecord, signal: AbortSignal): Promise<void>;
  /** Oldest first. Two listings at once, of two processes, each see a part. */
  list(signal: AbortSignal): Promise<readonly FailureRecord[]>;
  remove(ids: readonly string[], signal: AbortSignal): Promise<void>;
  /** Gives back what a listing holds. Never rejects. */
  release(): Promise<void>;
}

interface Held {
  readonly queue: string;
  readonly handle: string;
  readonly record: FailureRecord;
  /** Nobody else gets it before, and it is hidden no longer than. ms since the epoch. */
  readonly oursUntil: number;
  readonly hiddenUntil: number;
}

const HOLD_S = 60;
/** A delete takes its time; what is nearly free again is not ours any more. */
const MARGIN_MS = 10_000;
const RELEASE_MS = 3_000;
/** Each waits for most of the time. */
const QUEUES_AT_ONCE = 32;

/** Runs `work` for all, some at once; rejects with what went wrong first, when all have ended. */
async function forAll(queues: readonly string[], work: (queue: string) => Promise<void>): Promise<void> {
  const left = [...queues];
  const lane = async (): Promise<void> => {
    for (let queue = left.shift(); queue !== undefined; queue = left.shift()) await work(queue);
  };
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(QUEUES_AT_ONCE, left.length) }, lane));
  for (const ended of lanes) if (ended.status === 'rejected') throw ended.reason;
}

function handlesByQueue(messages: readonly Held[]): ReadonlyMap<string, readonly string[]> {
  const groups = Map.groupBy(messages, ({ queue }) => queue);
  return new Map([...groups].map(([queue, group]) => [queue, group.map(({ handle }) => handle)]));
}

/** Of several records of one id the one that was written last. Oldest first. */
function newest(records: Iterable<FailureRecord>): readonly FailureRecord[] {
  const byId = new Map<string, FailureRecord>();
  for (const record of records) {
    const before = byId.get(record.id);
    if (before === undefined || before.at <= record.at) byId.set(record.id, record);
  }
  return [...byId.values()].sort((a, b) => (a.at !== b.at ? (a.at < b.at ? -1 : 1) : a.id < b.id ? -1 : 1));
}

export function createFailureLog({ sqs, queues, ruleOfQueue, maxBytes, now }: FailureParts): SqsFailureLog {
  /** What the last listing was handed, by queue and message. */
  const held = new Map<string, Held>();
  /** What was written since it began: there may be copies that are not held. */
  const written = new Set<string>();
  let looking = false;
  let last: Promise<unknown> = Promise.resolve();

  /** One after the other: a message that one looks at is not there for another. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  }

  async function giveBack(): Promise<void> {
    const hidden = [...held.values()].filter(({ hiddenUntil }) => now() < hiddenUntil);
    held.clear();
    looking = false;
    const handles = handlesByQueue(hidden);
    const signal = AbortSignal.timeout(RELEASE_MS);
    const release = (queue: string): Promise<void> => sqs.release(queue, handles.get(queue)!, signal);
    // What cannot be given back comes again by itself.
    await forAll([...handles.keys()], release).catch(() => undefined);
  }

  /** Until the queue is dry; where that takes longer than messages stay hidden, until nothing new comes. */
  async function drain(queue: string, signal: AbortSignal): Promise<void> {
    const queueRule = queues.ruleOf(queue);
    for (const beganAt = now(); ; ) {
      const askedAt = now();
      const received = await sqs.receive(queue, HOLD_S, signal);
      const oursUntil = askedAt + HOLD_S * 1_000 - MARGIN_MS;
      const hiddenUntil = now() + HOLD_S * 1_000;
      const known = held.size;
      for (const message of received) {
        const record = decodeFailure(message, { queueRule, ruleOfQueue });
        const { handle, messageId } = message;
        held.set(`${queue} ${messageId}`, { queue, handle, record, oursUntil, hiddenUntil });
      }
      const isNews = held.size > known || now() - beganAt < HOLD_S * 1_000;
      if (received.length === 0 || !isNews) return;
    }
  }

  /** All or none: a part must not be taken for all there is. */
  async function lookAtAll(signal: AbortSignal): Promise<void> {
    await giveBack();
    written.clear();
    looking = true;
    try {
      await forAll(queues.all, (queue) => drain(queue, signal));
    } catch (thrown) {
      await giveBack();
      throw thrown;
    }
  }

  /** A listing may take so long itself that what it was handed first is not ours any more at its end. */
  function areLate(ids: ReadonlySet<string>): boolean {
    return held.values().some(({ record, oursUntil }) => ids.has(record.id) && oursUntil <= now());
  }

  /** Whether every copy of these is held, and will be for long enough. */
  function areOurs(ids: ReadonlySet<string>): boolean {
    const known = new Set(held.values().map(({ record }) => record.id));
    return !areLate(ids) && ids.isSubsetOf(known) && ids.isDisjointFrom(written);
  }

  /** Answers whether all copies are gone. */
  async function drop(ids: ReadonlySet<string>, signal: AbortSignal): Promise<boolean> {
    const wanted = [...held].filter(([, { record }]) => ids.has(record.id));
    let gone = true;
    for (const [queue, handles] of handlesByQueue(wanted.map(([, message]) => message))) {
      gone = (await sqs.remove(queue, handles, signal)) && gone;
    }
    if (gone) for (const [key] of wanted) held.delete(key);
    return gone;
  }

  return {
    async write(record, signal) {
      const queue = queues.queueOf(record.rule);
      if (queue === undefined) {
        const whose = record.rule === null ? 'records of no rule' : `rule '${record.rule}'`;
        const says = `no queue for failures of ${whose}; name one in BUSWAY_FAILURES, or '*' for all others`;
        throw new RouterError('NOT_FOUND', `eventbridge: ${says}`);
      }
      if (looking) written.add(record.id);
      await sqs.send(queue, encodeFailure(record, maxBytes), signal);
    },
    list: (signal) =>
      inTurn(async () => {
        await lookAtAll(signal);
        return newest(held.values().map(({ record }) => record));
      }),
    async remove(ids, signal) {
      if (ids.length === 0) return;
      const unwanted = new Set(ids);
      await inTurn(async () => {
        if (areOurs(unwanted) && (await drop(unwanted, signal))) return;
        await lookAtAll(signal);
        if (!areLate(unwanted) && (await drop(unwanted, signal))) return;
        throw new RouterError(
          'BUS_UNAVAILABLE',
          'eventbridge: SQS did not delete all of the failure records; try again',
        );
      });
    },
    release: () => inTurn(giveBack),
  };
}
