import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { open } from '../../../adapters/kafka/adapter.ts';
import { lookUpOffsets, lookUpTopic, withAdmin } from '../../../adapters/kafka/client.ts';
import { partitionOfKey } from '../../../adapters/kafka/record.ts';
import { deleteTopics } from '../../../adapters/kafka/topics.ts';
import { binaryData, type CloudEvent, jsonData } from '../../../router/event.ts';
import { startKafkaProxy } from '../../fakes/kafka-proxy.ts';
import { event as anyEvent, sameEvent } from '../../harness/events.ts';
import { kcat, kcatSkip, sharedKafka, type TopicSet, topicSet } from '../../harness/kafka.ts';

const kafka = await sharedKafka();
const within = (ms = 10_000) => AbortSignal.timeout(ms);

function event(id: string, more: Record<string, string> = {}, bytes = Buffer.from('{"n":1}')): CloudEvent {
  const attributes = { specversion: '1.0' as const, id, source: '/test', type: 'made.up', ...more };
  return { attributes: { datacontenttype: 'application/json', ...attributes }, data: jsonData(bytes) };
}

function bigEvent(bytes: number): CloudEvent {
  return {
    ...event('big', { datacontenttype: 'application/octet-stream' }),
    data: binaryData(Buffer.alloc(bytes, 255)),
  };
}

for (const client of ['kafkajs', 'platformatic'] as const) {
  const skip = kafka.ok ? false : kafka.reason;
  describe(`kafka bus, client ${client}`, { skip }, () => busTests(client));
}

function busTests(client: 'kafkajs' | 'platformatic'): void {
  if (!kafka.ok) return;
  let set: TopicSet;
  const warnings: string[] = [];
  const parts = {
    dataDir: '/nowhere',
    now: Date.now,
    env: () => undefined,
    onWarning: (text: string) => void warnings.push(text),
  };
  const openBus = (more: Record<string, unknown> = {}) => open({ ...set.options, client, ...more }, parts);
  before(async () => {
    set = await topicSet(kafka);
  });
  after(async () => {
    await set.close();
  });

  async function tailed(options: Record<string, unknown> = {}, last = 100_000): Promise<CloudEvent[]> {
    const bus = await openBus(options);
    try {
      return await Array.fromAsync(bus.tail!({ last, follow: false }, within()));
    } finally {
      await bus.close();
    }
  }

  async function stored(topic: string): Promise<number> {
    const offsets = await lookUpOffsets(set.connection, topic, { signal: within() });
    return offsets.reduce((sum, { low, high }) => sum + high - low, 0);
  }

  test('kafka: a missing topic is NOT_FOUND at check and at publish, at once, and is not made', async (t) => {
    const topic = `${kafka.prefix}-${client}-missing`;
    const bus = await openBus({ topic });
    t.after(() => bus.close());
    const started = performance.now();

    await assert.rejects(bus.check(within()), { code: 'NOT_FOUND', message: new RegExp(topic) });
    const [result] = await bus.publish([event('1')], within());

    assert.ok(result?.ok === false && result.code === 'NOT_FOUND' && !result.retryable);
    assert.ok(performance.now() - started < 2_000, 'not after retries');
    await assert.rejects(lookUpTopic(set.connection, topic, within()), { code: 'NOT_FOUND' });
  });

  test('kafka: every valid event comes back as it went', async (t) => {
    const topics = await topicSet(kafka);
    t.after(topics.close);
    const bus = await openBus({ topic: topics.options.topic });
    t.after(() => bus.close());
    const originals = fc.sample(anyEvent, 300).map((original, i) => ({
      ...original,
      attributes: { ...original.attributes, id: String(i) },
    }));

    const results = await bus.publish(originals, within());
    const read = await tailed({ topic: topics.options.topic });

    assert.ok(results.length === 300 && results.every(({ ok }) => ok));
    assert.equal(read.length, 300);
    for (const back of read) assert.ok(sameEvent(back, originals[Number(back.attributes.id)]!));
  });

  test('kafka: events of one key stay in order in the partition where Java puts them', async (t) => {
    const topics = await topicSet(kafka, 5);
    t.after(topics.close);
    const bus = await openBus({ topic: topics.options.topic });
    t.after(() => bus.close());
    const keys = ['a', 'b', 'foobar', 'é', ''];
    for (let call = 0; call < 10; call++) {
      const batch = keys.map((key) => event(`${call}`, { partitionkey: key, subject: `k${key}` }));
      await bus.publish(
        batch.filter(({ attributes }) => attributes['partitionkey'] !== ''),
        within(),
      );
    }

    const read = await tailed({ topic: topics.options.topic });

    for (const key of keys.slice(0, 4)) {
      const ids = read
        .filter(({ attributes }) => attributes['partitionkey'] === key)
        .map(({ attributes }) => attributes.id);
      assert.deepEqual(ids, ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'], key);
    }
  });

  test('kafka: events without a key are spread over all partitions', async (t) => {
    const topics = await topicSet(kafka, 3);
    t.after(topics.close);
    const bus = await openBus({ topic: topics.options.topic });
    t.after(() => bus.close());
    for (let i = 0; i < 3; i++) await bus.publish([event(`${i}`)], within());

    const offsets = await lookUpOffsets(topics.connection, topics.options.topic, { signal: within() });

    assert.deepEqual(
      offsets.map(({ high }) => high),
      [1, 1, 1],
    );
  });

  test('kafka: the largest event is carried, and one byte more would be refused by the broker', async (t) => {
    const bus = await openBus();
    t.after(() => bus.close());
    const withBytes = (bytes: number): CloudEvent => bigEvent(bytes);
    const room = bus.limits.eventBytes - bus.sizeOf(withBytes(1_000_000)) + 1_000_000;

    const [fits] = await bus.publish([withBytes(room)], within());
    const [over] = await bus.publish([withBytes(room + 1)], within());

    assert.equal(bus.sizeOf(withBytes(room)), bus.limits.eventBytes);
    assert.deepEqual(fits, { ok: true });
    assert.ok(over?.ok === false && over.code === 'EVENT_TOO_LARGE' && !over.retryable);
  });

  test('kafka: where the topic takes less, the event over its limit fails alone', async (t) => {
    const topic = `${kafka.prefix}-${client}-small`;
    await withAdmin(set.connection, { what: topic, signal: within() }, (admin) =>
      admin.createTopics({
        topics: [
          {
            topic,
            numPartitions: 2,
            replicationFactor: 1,
            configEntries: [{ name: 'max.message.bytes', value: '5000' }],
          },
        ],
      }),
    );
    const bus = await openBus({ topic });
    t.after(() => bus.close());
    const sizes = [1_000, 2_000, 20_000, 1_000, 4_000, 3_000, 100];
    const batch = sizes.map((size, i) =>
      event(`${i}`, { partitionkey: 'one' }, Buffer.from(JSON.stringify('x'.repeat(size)))),
    );

    const results = await bus.publish(batch, within());

    assert.deepEqual(
      results.map(({ ok }) => ok),
      [true, true, false, true, true, true, true],
    );
    assert.ok(results[2]?.ok === false && results[2].code === 'EVENT_TOO_LARGE');
    const read = await tailed({ topic });
    assert.deepEqual(
      read.map(({ attributes }) => attributes.id),
      ['0', '1', '3', '4', '5', '6'],
    );
    await deleteTopics(set.connection, [topic], within());
  });

  test('kafka: a topic that vanishes under a running bus is NOT_FOUND within two seconds', async (t) => {
    const topics = await topicSet(kafka);
    const bus = await openBus({ topic: topics.options.topic });
    t.after(() => bus.close());
    await bus.publish([event('before')], within());
    await topics.close();
    const started = performance.now();

    const [result] = await bus.publish([event('after')], within());

    assert.ok(result?.ok === false && result.code === 'NOT_FOUND');
    assert.ok(performance.now() - started < 3_000);
  });

  test('kafka: calls at the same time are all stored once', async (t) => {
    const topics = await topicSet(kafka);
    t.after(topics.close);
    const bus = await openBus({ topic: topics.options.topic });
    t.after(() => bus.close());

    const calls = await Promise.all(
      Array.from({ length: 20 }, (_, i) => bus.publish([event(`${i}`), event(`${i}b`)], within())),
    );

    assert.ok(calls.flat().every(({ ok }) => ok));
    assert.equal(await stored(topics.options.topic), 40);
  });

  test('kafka: an empty batch makes no call, and a closed bus says CLOSED', async (t) => {
    const bus = await openBus({ brokers: ['127.0.0.1:1'] });
    t.after(() => bus.close());

    assert.deepEqual(await bus.publish([], within()), []);
    await Promise.all([bus.close(), bus.close()]);
    await assert.rejects(bus.publish([event('1')], within()), { code: 'CLOSED' });
  });

  test('kafka: a broker that is not there is BUS_UNAVAILABLE, and an abort ends the call within a second', async (t) => {
    const bus = await openBus({ brokers: ['127.0.0.1:1'] });
    t.after(() => bus.close());

    await assert.rejects(bus.check(within()), { code: 'BUS_UNAVAILABLE', message: /ECONNREFUSED/ });
    await assert.rejects(bus.publish([event('1')], within()), { code: 'BUS_UNAVAILABLE' });
  });

  describe('behind a faulty network', () => {
    test('kafka: a batch whose answer is lost is sent again and stored once', async (t) => {
      const topics = await topicSet(kafka, 2);
      t.after(topics.close);
      const proxy = await startKafkaProxy(kafka.brokers);
      t.after(proxy.close);
      const bus = await openBus({ brokers: [proxy.brokers], topic: topics.options.topic });
      t.after(() => bus.close());
      await bus.publish([event('first')], within());
      proxy.faults.push('cut', 'cut');

      const results = await bus.publish([event('a'), event('b', { partitionkey: 'k' })], within());

      assert.deepEqual(proxy.witnessed, ['cut', 'cut']);
      assert.ok(results.every(({ ok }) => ok));
      assert.equal(await stored(topics.options.topic), 3);
    });

    test('kafka: after an unknown outcome the next events are not taken for the lost ones', async (t) => {
      const topics = await topicSet(kafka, 1);
      t.after(topics.close);
      const proxy = await startKafkaProxy(kafka.brokers);
      t.after(proxy.close);
      const bus = await openBus({ brokers: [proxy.brokers], topic: topics.options.topic });
      t.after(() => bus.close());
      await bus.publish([event('first')], within());
      proxy.faults.push('hold');
      const started = performance.now();

      await assert.rejects(bus.publish([event('lost?')], within(300)), { code: 'ABORTED' });
      assert.ok(performance.now() - started < 1_300);
      const results = await bus.publish([event('next')], within());

      assert.deepEqual(proxy.witnessed, ['hold']);
      assert.deepEqual(results, [{ ok: true }]);
      const ids = (await tailed({ topic: topics.options.topic })).map(({ attributes }) => attributes.id);
      assert.deepEqual(ids, ['first', 'lost?', 'next']);
    });

    test('kafka: calls behind one that hangs end when their own time is over', async (t) => {
      const proxy = await startKafkaProxy(kafka.brokers);
      t.after(proxy.close);
      const bus = await openBus({ brokers: [proxy.brokers] });
      t.after(() => bus.close());
      await bus.publish([event('first')], within());
      proxy.hang = true;
      const started = performance.now();

      const calls = await Promise.allSettled([
        bus.publish([event('a')], within(400)),
        bus.publish([event('b')], within(200)),
      ]);

      assert.ok(calls.every((call) => call.status === 'rejected' && call.reason.code === 'ABORTED'));
      assert.ok(performance.now() - started < 1_400);
      proxy.hang = false;
      assert.deepEqual(await bus.publish([event('c')], within()), [{ ok: true }]);
      proxy.hang = true;
      const closing = performance.now();
      await bus.close();
      assert.ok(performance.now() - closing < 2_500, 'close is bounded');
    });

    test('kafka: a refused login says nothing of its secret', async (t) => {
      const sasl = { mechanism: 'plain', username: 'canary-user', password: 'PASS' };
      const bus = await open(
        { ...set.options, client, sasl },
        { ...parts, env: (name: string) => (name === 'PASS' ? 'canary-pass' : undefined) },
      );
      t.after(() => bus.close());

      const error = await bus.check(within()).then(
        () => assert.fail('a broker without logins took one'),
        (thrown: unknown) => thrown as Error & { code: string },
      );

      assert.match(error.code, /UNAUTHORIZED|BUS_UNAVAILABLE/);
      const { inspect } = await import('node:util');
      assert.doesNotMatch(inspect(error, { depth: 10, showHidden: true }) + warnings.join(), /canary-pass/);
    });
  });

  describe('seen by kcat', { skip: kcatSkip() }, () => {
    test('kafka: kcat reads ce_ headers, content-type, key and the data untouched', async (t) => {
      const topics = await topicSet(kafka, 1);
      t.after(topics.close);
      const bus = await openBus({ topic: topics.options.topic });
      t.after(() => bus.close());
      const data = Buffer.from('{ "n": 1.10, "n": 9007199254740993 }');
      await bus.publish([event('é1', { partitionkey: 'k1', subject: 'ünï' }, data)], within());

      const line = await kcat(['-b', kafka.brokers, '-t', topics.options.topic, '-C', '-e', '-q', '-J']);

      const { headers, key, payload } = JSON.parse(line);
      const named = Object.fromEntries(
        headers.flatMap((name: string, i: number) => (i % 2 === 0 ? [[name, headers[i + 1]]] : [])),
      );
      assert.deepEqual(named, {
        'content-type': 'application/json',
        ce_specversion: '1.0',
        ce_id: 'é1',
        ce_source: '/test',
        ce_type: 'made.up',
        ce_partitionkey: 'k1',
        ce_subject: 'ünï',
      });
      assert.equal(key, 'k1');
      assert.equal(payload, data.toString());
    });

    test('kafka: what kcat writes is read, zstd too, and what is no event is passed over', async (t) => {
      const topics = await topicSet(kafka, 2);
      t.after(topics.close);
      const { topic } = topics.options;
      const ce = (id: string) =>
        ['specversion=1.0', `id=${id}`, 'source=/k', 'type=t'].flatMap((header) => ['-H', `ce_${header}`]);
      const to = ['-b', kafka.brokers, '-t', topic, '-P', '-p', '0'];
      await kcat([...to, ...ce('plain'), '-H', 'content-type=application/json'], '{"a":1}\n');
      await kcat([...to, ...ce('zstd'), '-z', 'zstd'], `${'x'.repeat(10_000)}\n`);
      await kcat(to, 'no event\n');

      const read = await tailed({ topic });

      assert.deepEqual(
        read.map(({ attributes }) => attributes.id),
        ['plain', 'zstd'],
      );
      assert.equal(read[0]?.data?.bytes.toString(), '{"a":1}');
    });

    test('kafka: librdkafka with murmur2 puts keys where we do', async (t) => {
      const topics = await topicSet(kafka, 7);
      t.after(topics.close);
      const { topic } = topics.options;
      const keys = Array.from({ length: 40 }, (_, i) => `key-${i}${'é'.repeat(i % 4)}`);
      const to = ['-b', kafka.brokers, '-t', topic, '-P', '-K', '|', '-X', 'topic.partitioner=murmur2'];
      await kcat(to, keys.map((key) => `${key}|v\n`).join(''));

      const lines = await kcat(['-b', kafka.brokers, '-t', topic, '-C', '-e', '-q', '-f', '%p %k\n']);

      const found = new Map(
        lines
          .trim()
          .split('\n')
          .map((line) => [line.slice(line.indexOf(' ') + 1), Number(line.split(' ')[0])]),
      );
      for (const key of keys) assert.equal(found.get(key), partitionOfKey(key, 7), key);
    });
  });
}
