// The fake bus is as strict as the service: what the documentation says is refused, failed alone or dropped, asked for by the
// real SDK without the adapter.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  DescribeEventBusCommand,
  EventBridgeClient,
  PutEventsCommand,
  type PutEventsRequestEntry,
  PutRuleCommand,
  PutTargetsCommand,
  TestEventPatternCommand,
} from '@aws-sdk/client-eventbridge';
import { type FakeEventBridge, type FakeSettings, startEventBridge } from '../../fakes/eventbridge.ts';

const good: PutEventsRequestEntry = { Source: '/a', DetailType: 't', Detail: '{}', EventBusName: 'orders' };

async function withFake(
  check: (client: EventBridgeClient, fake: FakeEventBridge) => Promise<void>,
  settings: FakeSettings = {},
): Promise<void> {
  const fake = await startEventBridge({ buses: ['orders'], ...settings });
  const { region, ...credentials } = fake.keys;
  const client = new EventBridgeClient({ endpoint: fake.endpoint, region, maxAttempts: 1, credentials });
  try {
    await check(client, fake);
  } finally {
    client.destroy();
    await fake.close();
  }
}

test('eventbridge fake: no entries, eleven, none that is whole and too many bytes are refused as a whole', async () => {
  await withFake(async (client, fake) => {
    const half = { detail: JSON.stringify('x'.repeat(600_000)) };
    const large = { ...good, Detail: `{"a":${half.detail}}` };
    const calls = [[], Array(11).fill(good), [{ Source: '/a' }, { Detail: '{}' }], [large, large]];
    for (const Entries of calls) {
      await assert.rejects(client.send(new PutEventsCommand({ Entries })), { name: 'ValidationException' });
    }
    assert.deepEqual(fake.taken, []);
  });
});

test('eventbridge fake: a bad entry fails alone, by index and with its code', async () => {
  await withFake(async (client, fake) => {
    const bad: readonly (readonly [PutEventsRequestEntry, string])[] = [
      [{ Source: '/a', DetailType: 't' }, 'InvalidArgument'],
      [{ ...good, DetailType: 't'.repeat(129) }, 'InvalidArgument'],
      [{ ...good, Source: 'aws.ec2' }, 'NotAuthorizedForSourceException'],
      [{ ...good, Detail: '[1]' }, 'MalformedDetail'],
      [{ ...good, Detail: '{"a":1,}' }, 'MalformedDetail'],
      [{ ...good, Detail: '{"a":9223372036854775808}' }, 'MalformedDetail'],
      [{ ...good, Detail: `{"a":${'['.repeat(1_001)}${']'.repeat(1_001)}}` }, 'MalformedDetail'],
    ];
    for (const [entry, code] of bad) {
      const { FailedEntryCount, Entries = [] } = await client.send(
        new PutEventsCommand({ Entries: [good, entry, good] }),
      );

      assert.equal(FailedEntryCount, 1);
      assert.deepEqual(
        Entries.map(({ ErrorCode }) => ErrorCode),
        [undefined, code, undefined],
      );
    }
    assert.equal(fake.taken.length, bad.length * 2);
  });
});

test('eventbridge fake: events for a bus that is not there are taken with success and dropped', async () => {
  await withFake(async (client, fake) => {
    const queue = fake.queue('q');
    fake.addRule({ bus: 'orders', name: 'all', pattern: '{"source":[{"prefix":""}]}', queue });
    const Entries = [{ ...good, EventBusName: 'nowhere' }, good];

    assert.equal((await client.send(new PutEventsCommand({ Entries }))).FailedEntryCount, 0);
    assert.equal(queue.messages.length, 1);
    await assert.rejects(client.send(new DescribeEventBusCommand({ Name: 'nowhere' })), {
      name: 'ResourceNotFoundException',
    });
  });
});

test('eventbridge fake: rules that the service refuses are refused', async () => {
  await withFake(async (client, fake) => {
    const put = (EventPattern: string, Name = 'r') =>
      client.send(new PutRuleCommand({ Name, EventBusName: 'orders', EventPattern }));
    const long = (length: number): string => `{"a":["${'x'.repeat(length)}"]}`;

    for (const pattern of ['', '{}', '{"a":"x"}', '{"a":[]}', '{"a":[{"regex":"x"}]}', '{"$or":[{"a":["x"]}]}']) {
      await assert.rejects(put(pattern), { name: 'InvalidEventPatternException' }, pattern);
    }
    await assert.rejects(put(long(2_100)), { name: 'LimitExceededException' });
    await assert.rejects(put(long(4_200)), { name: 'ValidationException' });
    await assert.rejects(put('{"a":["x"]}', 'n'.repeat(65)), { name: 'ValidationException' });
    const queue = fake.queue('q');
    for (let i = 0; i < 30; i++)
      fake.addRule({ bus: 'orders', name: `w${i}`, pattern: '{"a":[{"wildcard":"*x*"}]}', queue });
    await assert.rejects(put('{"a":[{"anything-but":{"wildcard":"x*"}}]}'), { name: 'LimitExceededException' });
    const Targets = Array.from({ length: 6 }, (_, i) => ({ Id: `t${i}`, Arn: queue.arn }));
    const targets = new PutTargetsCommand({ Rule: 'w0', EventBusName: 'orders', Targets });
    await assert.rejects(client.send(targets), { name: 'LimitExceededException' });
  });
});

test('eventbridge fake: a pattern is tested on a whole envelope only', async () => {
  await withFake(async (client) => {
    const ask = (Event: string) =>
      client.send(new TestEventPatternCommand({ EventPattern: '{"detail":{"a":[1]}}', Event }));
    const envelope = { id: '1', account: '1', source: 's', time: 't', region: 'r', resources: [], 'detail-type': 't' };

    assert.equal((await ask(JSON.stringify({ ...envelope, detail: { a: 1 } }))).Result, true);
    assert.equal((await ask(JSON.stringify({ ...envelope, detail: { a: 2 } }))).Result, false);
    await assert.rejects(ask('{"detail":{"a":1}}'), { name: 'ValidationException' });
  });
});

test('eventbridge fake: a request that is not signed, or was changed on the way, is refused', async () => {
  await withFake(async (client, fake) => {
    const headers = { 'x-amz-target': 'AWSEvents.PutEvents', 'content-type': 'application/x-amz-json-1.1' };
    const response = await fetch(fake.endpoint, { method: 'POST', headers, body: '{"Entries":[]}' });
    assert.match(await response.text(), /MissingAuthenticationTokenException/);

    client.middlewareStack.add(
      (next) => (args) => {
        const request = args.request as { body: string | Uint8Array };
        const { body } = request;
        const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
        request.body = text.replace('"/a"', '"/b"');
        return next(args);
      },
      { step: 'finalizeRequest', priority: 'low' },
    );
    await assert.rejects(client.send(new PutEventsCommand({ Entries: [good] })), { name: 'InvalidSignatureException' });
    assert.deepEqual(fake.taken, []);
  });
});
