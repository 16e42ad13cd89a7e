// The deliver function: records from a bus in, one outcome a record out. The same for a queue, a push, a Kafka batch or the
// embedded bus. A record that names its rule runs that rule only; one from a log bus runs all that match.

import type { Decoded } from '../adapters/adapter.ts';
import type { Consumer, Outcome } from '../router/consume.ts';

export interface RecordOutcome {
  readonly handle: string;
  readonly outcome: Outcome;
}

/** Attempts made before this one, where the bus counts them (SQS ApproximateReceiveCount - 1). */
export type AttemptsOf = (handle: string) => number;

export type DeliverHandler = (
  records: readonly Decoded[],
  attemptsOf: AttemptsOf,
  signal: AbortSignal,
) => Promise<readonly RecordOutcome[]>;

const STAYS: Outcome = { kind: 'retry', afterMs: 1_000, counts: false };

export function createDeliver(consumer: Consumer): DeliverHandler {
  async function deliverOne(record: Decoded, attemptsOf: AttemptsOf, signal: AbortSignal): Promise<Outcome> {
    if (!record.ok) {
      await consumer.refuse(record);
      return { kind: 'ack' };
    }
    const { event, rule } = record;
    const attempt = attemptsOf(record.handle) + 1;
    if (rule !== undefined) return consumer.deliver({ event, rule, attempt, unchecked: true }, signal);
    const outcomes = await Promise.all(
      consumer.match(event).map((name) => consumer.deliver({ event, rule: name, attempt }, signal)),
    );
    return latest(outcomes);
  }

  return (records, attemptsOf, signal) =>
    Promise.all(
      records.map(async (record) => ({
        handle: record.handle,
        // A record that breaks stays with the bus, and the others are delivered.
        outcome: await deliverOne(record, attemptsOf, signal).catch(() => STAYS),
      })),
    );
}

/** One outcome for a record of several rules: done only when all are, due when the last is. */
function latest(outcomes: readonly Outcome[]): Outcome {
  let result: Outcome = { kind: 'ack' };
  for (const outcome of outcomes) {
    if (outcome.kind === 'retry' && (result.kind === 'ack' || outcome.afterMs > result.afterMs)) result = outcome;
  }
  return result;
}
