// The fake service itself: as strict as the real one, spoken to by the real SDK. What it refuses here is what the adapter
// must never send; its reading of filters is held against a table of texts and, in pstest.test.ts, against Google's own.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createConnection } from '../../../adapters/pubsub/client.ts';
import { readEndpoint } from '../../../adapters/pubsub/options.ts';
import { startPubSubFake } from '../../fakes/pubsub.ts';
import { parseFilter } from '../../fakes/pubsub-filter.ts';

const fake = await startPubSubFake({ secondMs: 20 });
const connection = createConnection({ project: 'p', endpoint: readEndpoint(fake.address, 'clear')! });
const { publisher, subscriber } = await connection.open();
after(async () => {
  await connection.close();
  await fake.close();
});

const attributes = { 'ce-type': 'com.a', 'ce-id': '1', 'a.b': 'x', empty: '', quote: 'say "a\\b"', é: 'ß' };

const verdicts: readonly (readonly [text: string, passes: boolean])[] = [
  ['', true],
  ['attributes:ce-type', true],
  ['attributes:"ce-type"', true],
  ['attributes:none', false],
  ['attributes.ce-type = "com.a"', true],
  ['attributes."ce-type" = "com.a"', true],
  ['attributes."a.b"="x"', true],
  ['attributes.ce-type = "com.A"', false],
  ['attributes.ce-type != "com.a"', false],
  ['attributes.none != "com.a"', true],
  ['attributes.empty = ""', true],
  ['attributes.quote = "say \\"a\\\\b\\""', true],
  ['attributes.ce-type = "com\\u002ea"', true],
  ['attributes.ce-type = "com\\x2ea"', true],
  ['attributes.ce-type = "com\\056a"', true],
  ['attributes."é" = "ß"', true],
  ['hasPrefix(attributes.ce-type, "com.")', true],
  ['hasPrefix(attributes.none, "")', false],
  ['hasPrefix( attributes."ce-type" , "com.a.b" )', false],
  ['NOT attributes:none', true],
  ['-attributes:none', true],
  ['NOT hasPrefix(attributes.ce-type, "x") AND attributes:ce-id', true],
  ['(attributes:none OR attributes:ce-id) AND attributes:empty', true],
  ['NOT (attributes:none OR attributes:ce-id)', false],
];

for (const [text, passes] of verdicts) {
  test(`pubsub fake: filter ${text || '(empty)'} ${passes ? 'passes' : 'does not pass'}`, () => {
    const filter = parseFilter(text);

    assert.ok(filter.ok, filter.ok ? '' : filter.reason);
    assert.equal(filter.passes(attributes), passes);
  });
}

const refused = [
  'attributes.a = "x" AND attributes.b = "y" OR attributes.c = "z"',
  'NOT NOT attributes:a',
  "attributes.a = 'x'",
  'attributes.a = "x',
  'attributes.a = "\\q"',
  'attributes.a = x',
  'attributes.a = 5',
  'attributes.a > "x"',
  'attributes.a : "x"',
  'attributes:*',
  'attributes.a = attributes.b',
  '"a" = "a"',
  'data = "x"',
  'foo',
  'hasSuffix(attributes.a, "x")',
  'hasPrefix(attributes:a, "x")',
  'hasPrefix(attributes.a "x")',
  'attributes:a and attributes:b',
  'attributes:a AND',
  '(attributes:a',
  'attributes:a)',
  'attributes:a attributes:b',
  'attributes.a.b = "x"',
  'attributes:""',
  `attributes.a = "${'x'.repeat(240)}"`,
];

for (const text of refused) {
  test(`pubsub fake: filter ${text.slice(0, 60)} is refused`, () => {
    assert.equal(parseFilter(text).ok, false);
  });
}

let names = 0;
async function topicOf(): Promise<string> {
  const name = `projects/p/topics/topic-${++names}`;
  await publisher.createTopic({ name });
  return name;
}

async function statusOf(work: () => Promise<unknown>): Promise<number> {
  try {
    await work();
  } catch (thrown) {
    return (thrown as { code: number }).code;
  }
  return 0;
}

const once = { retry: null, timeout: 5_000 };
const INVALID_ARGUMENT = 3;

test('pubsub fake: it refuses what the service refuses at publishing', async () => {
  const topic = await topicOf();
  const data = Buffer.from('x');
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${i}`, 'v']));
  const bad: readonly (readonly object[])[] = [
    [],
    [{}],
    Array.from({ length: 1_001 }, () => ({ data })),
    [{ data, attributes: many(101) }],
    [{ data, attributes: { ['k'.repeat(257)]: 'v' } }],
    [{ data, attributes: { k: 'é'.repeat(513) } }],
    [{ data, attributes: { googx: 'v' } }],
    [{ data, attributes: { '': 'v' } }],
    [{ data, orderingKey: 'k'.repeat(1_025) }],
    [
      { data, orderingKey: 'a' },
      { data, orderingKey: 'b' },
    ],
    [{ data: Buffer.alloc(10_000_001) }],
    [{ data: Buffer.alloc(6_000_000) }, { data: Buffer.alloc(6_000_000) }],
  ];

  for (const messages of bad) {
    assert.equal(await statusOf(() => publisher.publish({ topic, messages: [...messages] }, once)), INVALID_ARGUMENT);
  }
  const [{ messageIds }] = await publisher.publish(
    { topic, messages: [{ attributes: many(100) }, { data, attributes: { k: 'é'.repeat(512) } }] },
    once,
  );
  assert.equal(new Set(messageIds).size, 2);
});

test('pubsub fake: it refuses what the service refuses of a subscription', async () => {
  const topic = await topicOf();
  const make = (more: object) => () =>
    subscriber.createSubscription({ name: `projects/p/subscriptions/s-${++names}`, topic, ...more }, once);
  const policy = (maxDeliveryAttempts: number) => ({
    deadLetterPolicy: { deadLetterTopic: topic, maxDeliveryAttempts },
  });

  for (const more of [
    { ackDeadlineSeconds: 9 },
    { ackDeadlineSeconds: 601 },
    { filter: 'attributes:a AND attributes:b OR attributes:c' },
    { name: 'projects/p/subscriptions/ab' },
    { name: 'projects/p/subscriptions/google' },
    { name: 'ab' },
    { messageRetentionDuration: { seconds: 60 } },
    policy(4),
    policy(101),
  ]) {
    assert.equal(await statusOf(make(more)), INVALID_ARGUMENT, JSON.stringify(more));
  }
  assert.equal(await statusOf(make({ topic: 'projects/p/topics/none' })), 5);
  assert.equal(await statusOf(make({ deadLetterPolicy: { deadLetterTopic: 'projects/p/topics/none' } })), 5);
  const same = { name: 'projects/p/subscriptions/same' };
  assert.deepEqual([await statusOf(make(same)), await statusOf(make(same))], [0, 6]);
});

test('pubsub fake: a lease that runs out brings the message again, with all later ones of its key', async () => {
  const topic = await topicOf();
  const subscription = 'projects/p/subscriptions/ordered';
  await subscriber.createSubscription({
    name: subscription,
    topic,
    enableMessageOrdering: true,
    ackDeadlineSeconds: 10,
  });
  for (const id of ['1', '2', '3']) {
    await publisher.publish({ topic, messages: [{ data: Buffer.from(id), orderingKey: 'k' }] });
  }
  const pull = async () => {
    const [{ receivedMessages }] = await subscriber.pull({ subscription, maxMessages: 10 });
    return (receivedMessages ?? []).map(({ ackId, message }) => ({
      ackId: ackId!,
      id: Buffer.from(message!.data as Uint8Array).toString(),
    }));
  };

  const first = await pull();
  await subscriber.acknowledge({ subscription, ackIds: [first[1]!.ackId] });
  const second = await pull(); // waits for the 10 seconds of the service, 200 ms of ours
  await subscriber.acknowledge({ subscription, ackIds: second.map(({ ackId }) => ackId) });

  assert.deepEqual(
    first.map(({ id }) => id),
    ['1', '2', '3'],
  );
  assert.deepEqual(
    second.map(({ id }) => id),
    ['1', '2', '3'],
    'the acknowledged one too',
  );
  assert.equal(fake.broker.getSubscription(subscription).queue.size, 0);
});

test('pubsub fake: ack ids are of one delivery, deadlines have their limits', async () => {
  const topic = await topicOf();
  const subscription = 'projects/p/subscriptions/acks';
  await subscriber.createSubscription({ name: subscription, topic });
  await publisher.publish({ topic, messages: [{ data: Buffer.from('x') }] });
  const [{ receivedMessages }] = await subscriber.pull({ subscription, maxMessages: 1 });
  const ackIds = [receivedMessages![0]!.ackId!];

  const modify = (ids: string[], ackDeadlineSeconds: number) => () =>
    subscriber.modifyAckDeadline({ subscription, ackIds: ids, ackDeadlineSeconds }, once);
  assert.equal(await statusOf(modify(ackIds, 601)), INVALID_ARGUMENT);
  assert.equal(await statusOf(modify(['made up'], 10)), INVALID_ARGUMENT);
  assert.equal(await statusOf(modify([], 10)), INVALID_ARGUMENT);
  assert.equal(await statusOf(() => subscriber.pull({ subscription, maxMessages: 0 }, once)), INVALID_ARGUMENT);
  assert.equal(await statusOf(modify(ackIds, 0)), 0);
  const [again] = await subscriber.pull({ subscription, maxMessages: 1 });
  assert.notEqual(again.receivedMessages![0]!.ackId, ackIds[0]);
  assert.equal(
    await statusOf(() => subscriber.acknowledge({ subscription, ackIds }, once)),
    0,
    'a stale one does no harm',
  );
  assert.equal(fake.broker.getSubscription(subscription).queue.size, 1);
});
