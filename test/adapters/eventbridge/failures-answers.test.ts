// The failure log where SQS, or something in its place, answers what it should not: nothing is taken for done, or for all there
// is, that is not.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { open } from '../../../adapters/eventbridge/adapter.ts';
import { encodeFailure } from '../../../adapters/eventbridge/failure-message.ts';
import { createFailureLog } from '../../../adapters/eventbridge/failures.ts';
import type { Received, Sqs } from '../../../adapters/eventbridge/sqs.ts';
import type { FailureLog, FailureRecord } from '../../../router/failure.ts';
import { codeOf, idle, made } from '../../contract/adapter-harness.ts';
import type { SqsSettings } from '../../fakes/sqs.ts';
import { BUS, partsFor, startQueues } from './scene.ts';

const record: FailureRecord = {
  id: 'a',
  rule: 'r',
  ruleHash: null,
  code: 'TARGET_STATUS',
  reason: 'answered 500',
  attempts: 5,
  at: '2030-01-01T00:00:00.000Z',
  event: made('a'),
};

async function openLog(t: TestContext, fault: NonNullable<SqsSettings['fault']>): Promise<FailureLog> {
  const { sqs, env } = await startQueues({ fault });
  const adapter = await open({ bus: BUS }, partsFor(sqs, [], { env }));
  t.after(async () => {
    await adapter.close();
    await sqs.close();
  });
  assert.ok(adapter.failures !== undefined);
  return adapter.failures;
}

const listed = (log: FailureLog): Promise<FailureRecord[]> => Array.fromAsync(log.list(idle));

test('eventbridge failures: a page of something else in the place of SQS is neither "none" nor "removed" nor "kept"', async (t) => {
  for (const body of ['<html>sign in</html>', '', '[]', '"none"']) {
    const log = await openLog(t, () => ({ kind: 'answer', body }));
    for (const work of [() => listed(log), () => log.remove(['a']), () => log.write(record)]) {
      assert.equal(await codeOf(work), 'BUS_UNAVAILABLE', body);
    }
  }
});

test('eventbridge failures: a message that was sent at no time there is is listed all the same', async (t) => {
  const Attributes = { SentTimestamp: String(Number.MAX_SAFE_INTEGER) };
  const log = await openLog(t, ({ operation, number }) => {
    const Messages = number === 0 ? [{ MessageId: 'm', ReceiptHandle: 'h', Body: 'x', Attributes }] : [];
    return operation === 'ReceiveMessage' ? { kind: 'answer', body: JSON.stringify({ Messages }) } : undefined;
  });
  assert.equal((await listed(log)).length, 1);
});

test('eventbridge failures: what a look took so long for that it is not ours any more is no removal', async () => {
  let now = 0;
  const { body, attributes } = encodeFailure(record, 1_000_000);
  const about = { messageId: 'm', handle: 'h', receiveCount: 1, sentMs: 0, sourceArn: '' };
  const left: Received[] = [{ ...about, body, attributes: new Map(Object.entries(attributes)) }];
  const removed: string[] = [];
  const sqs: Pick<Sqs, 'receive' | 'remove' | 'release'> = {
    async receive(queue) {
      if (queue === 'quick') return left.splice(0);
      await new Promise((resolve) => setImmediate(resolve));
      now += 55_000;
      return [];
    },
    async remove(_queue, handles) {
      removed.push(...handles);
      return true;
    },
    release: async () => undefined,
  };
  const queues = { all: ['quick', 'slow'], queueOf: () => 'quick', ruleOf: () => undefined };
  const parts = { queues, ruleOfQueue: () => undefined, maxBytes: 1_000_000, now: () => now };
  const log = createFailureLog({ sqs: sqs as Sqs, ...parts });

  assert.equal(await codeOf(() => log.remove(['a'], idle)), 'BUS_UNAVAILABLE');
  assert.deepEqual(removed, []);
});
