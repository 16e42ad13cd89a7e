import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { open } from '../../../adapters/kafka/adapter.ts';
import { lookUpOffsets, lookUpTopic, withAdmin } from '../../../adapters/kafka/client.ts';
import { partitionOfKey, recordBytes } from '../../../adapters/kafka/record.ts';
import { deleteTopics, ensureTopics } from '../../../adapters/kafka/topics.ts';
import { binaryData, type CloudEvent, jsonData } from '../../../router/event.ts';
import { encodeKafka } from '../../../router/wire/kafka.ts';
import { startKafkaProxy } from '../../fakes/kafka-proxy.ts';
import { event as anyEvent, sameEvent } from '../../harness/events.ts';
import { kcat, kcatSkip, sharedKafka, type TopicSet, topicSet } from '../../harness/kafka.ts';

const kafka = await sharedKafka();
const within = (ms = 10_000) => AbortSignal.timeout(ms);

function event(id: string, more: Record<string, string> = {}, bytes = Buffer.from('{"n":1}')): CloudEvent {
  const attributes = { specversion: '1.0' as const, id, source: '/test', type: 'made.up', ...more };
  return { attributes: { datacontenttype: 'application/json', ...attributes }, data: jsonData(bytes) };
}

describe('kafka bus', { skip: kafka.ok ? false : kafka.reason }, () => {
  if (!kafka.ok) return;
  let set: TopicSet;
  const warnings: string[] = [];
  const parts = {
    dataDir: '/nowhere',
    now: Date.now,
    env: () => undefined,
    onWarning: (text: string) => void warnings.push(text),
  };
  const openBus = (more: Record<string, unknown> = {}) => open({ ...set.options, ...more }, parts);
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
    const offsets = await lookUpOffsets(set.connection, topic, within());
    return offsets.reduce((sum, { low, high }) => sum + high - low, 0);
  }

  test('kafka: a missing topic is NOT_FOUND at check and at publish, at once, and is not made', async () => {
    const topic = `${kafka.prefix}-missing`;
    const bus = await openBus({ topic });
    const started = performance.now();

    await assert.rejects(bus.check(within()), { code: 'NOT_FOUND', message: new RegExp(topic) });
    const [result] = await bus.publish([event('1')], within());

    assert.ok(result?.ok === false && result.code === 'NOT_FOUND' && !result.retryable);
    assert.ok(performance.now() - started < 2_000, 'not after retries');
    await assert.rejects(lookUpTopic(set.connection, topic, within()), { code: 'NOT_FOUND' });
    await bus.close();
  });

  test('kafka: every valid event comes back as it went', async () => {
    const topics = await topicSet(kafka);
    const bus = await openBus({ topic: topics.options.topic });
    const originals = fc.sample(anyEvent, 300).map((original, i) => ({
      ...original,
      attributes: { ...original.attributes, id: String(i) },
    }));

    const results = await bus.publish(originals, within());
    const read = await tailed({ topic: topics.options.topic });

    assert.ok(results.length === 300 && results.every(({ ok }) => ok));
    assert.equal(read.length, 300);
    for (const back of read) assert.ok(sameEvent(back, originals[Number(back.attributes.id)]!));
    await bus.close();
    await topics.close();
  });

  test('kafka: events of one key stay in order in the partition where Java puts them', async () => {
    const topics = await topicSet(kafka, 5);
    const bus = await openBus({ topic: topics.options.topic });
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
    await bus.close();
    await topics.close();
  });

  test('kafka: events without a key are spread over all partitions', async () => {
    const topics = await topicSet(kafka, 3);
    const bus = await openBus({ topic: topics.options.topic });
    for (let i = 0; i < 3; i++) await bus.publish([event(`${i}`)], within());

    const offsets = await lookUpOffsets(topics.connection, topics.options.topic, within());

    assert.deepEqual(
      offsets.map(({ high }) => high),
      [1, 1, 1],
    );
    await bus.close();
    await topics.close();
  });

  test('kafka: the largest event is carried, and one byte more would be refused by the broker', async () => {
    const bus = await openBus();
    const withBytes = (bytes: number): CloudEvent => ({ ...event('big'), data: binaryData(Buffer.alloc(bytes, 'x')) });
    const room = bus.limits.eventBytes - bus.sizeOf(withBytes(1_000_000)) + 1_000_000;

    const [fits] = await bus.publish([withBytes(room)], within());
    const [over] = await bus.publish([withBytes(room + 1)], within());

    assert.equal(bus.sizeOf(withBytes(room)), bus.limits.eventBytes);
    assert.deepEqual(fits, { ok: true });
    assert.ok(over?.ok === false && over.code === 'EVENT_TOO_LARGE' && !over.retryable);
    await bus.close();
  });

  test('kafka: where the topic takes less, the event over its limit fails alone', async () => {
    const topic = `${kafka.prefix}-small`;
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
    await bus.close();
    await deleteTopics(set.connection, [topic], within());
  });

  test('kafka: a topic that vanishes under a running bus is NOT_FOUND within two seconds', async () => {
    const topics = await topicSet(kafka);
    const bus = await openBus({ topic: topics.options.topic });
    await bus.publish([event('before')], within());
    await topics.close();
    const started = performance.now();

    const [result] = await bus.publish([event('after')], within());

    assert.ok(result?.ok === false && result.code === 'NOT_FOUND');
    assert.ok(performance.now() - started < 3_000);
    await bus.close();
  });

  test('kafka: calls at the same time are all stored once', async () => {
    const topics = await topicSet(kafka);
    const bus = await openBus({ topic: topics.options.topic });

    const calls = await Promise.all(
      Array.from({ length: 20 }, (_, i) => bus.publish([event(`${i}`), event(`${i}b`)], within())),
    );

    assert.ok(calls.flat().every(({ ok }) => ok));
    assert.equal(await stored(topics.options.topic), 40);
    await bus.close();
    await topics.close();
  });

  test('kafka: an empty batch makes no call, and a closed bus says CLOSED', async () => {
    const bus = await openBus({ brokers: ['127.0.0.1:1'] });

    assert.deepEqual(await bus.publish([], within()), []);
    await Promise.all([bus.close(), bus.close()]);
    await assert.rejects(bus.publish([event('1')], within()), { code: 'CLOSED' });
  });

  test('kafka: a broker that is not there is BUS_UNAVAILABLE, and an abort ends the call within a second', async () => {
    const bus = await openBus({ brokers: ['127.0.0.1:1'] });

    await assert.rejects(bus.check(within()), { code: 'BUS_UNAVAILABLE', message: /ECONNREFUSED/ });
    await assert.rejects(bus.publish([event('1')], within()), { code: 'BUS_UNAVAILABLE' });
    await bus.close();
  });

  describe('behind a faulty network', () => {
    test('kafka: a batch whose answer is lost is sent again and stored once', async () => {
      const topics = await topicSet(kafka, 2);
      const proxy = await startKafkaProxy(kafka.brokers);
      const bus = await openBus({ brokers: [proxy.brokers], topic: topics.options.topic });
      await bus.publish([event('first')], within());
      proxy.faults.push('cut', 'cut');

      const results = await bus.publish([event('a'), event('b', { partitionkey: 'k' })], within());

      assert.deepEqual(proxy.witnessed, ['cut', 'cut']);
      assert.ok(results.every(({ ok }) => ok));
      assert.equal(await stored(topics.options.topic), 3);
      await bus.close();
      await proxy.close();
      await topics.close();
    });

    test('kafka: after an unknown outcome the next events are not taken for the lost ones', async () => {
      const topics = await topicSet(kafka, 1);
      const proxy = await startKafkaProxy(kafka.brokers);
      const bus = await openBus({ brokers: [proxy.brokers], topic: topics.options.topic });
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
      await bus.close();
      await proxy.close();
      await topics.close();
    });

    test('kafka: calls behind one that hangs end when their own time is over', async () => {
      const proxy = await startKafkaProxy(kafka.brokers);
      const bus = await openBus({ brokers: [proxy.brokers] });
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
      await proxy.close();
    });

    test('kafka: a refused login says nothing of its secret', async () => {
      const sasl = { mechanism: 'plain', username: 'canary-user', password: 'PASS' };
      const bus = await open(
        { ...set.options, sasl },
        { ...parts, env: (name: string) => (name === 'PASS' ? 'canary-pass' : undefined) },
      );

      const error = await bus.check(within()).then(
        () => assert.fail('a broker without logins took one'),
        (thrown: unknown) => thrown as Error & { code: string },
      );

      assert.match(error.code, /UNAUTHORIZED|BUS_UNAVAILABLE/);
      const { inspect } = await import('node:util');
      assert.doesNotMatch(inspect(error, { depth: 10, showHidden: true }) + warnings.join(), /canary-pass/);
      await bus.close();
    });
  });

  describe('seen by kcat', { skip: kcatSkip() }, () => {
    test('kafka: kcat reads ce_ headers, content-type, key and the data untouched', async () => {
      const topics = await topicSet(kafka, 1);
      const bus = await openBus({ topic: topics.options.topic });
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
      await bus.close();
      await topics.close();
    });

    test('kafka: what kcat writes is read, zstd too, and what is no event is passed over', async () => {
      const topics = await topicSet(kafka, 2);
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
      await topics.close();
    });

    test('kafka: librdkafka with murmur2 puts keys where we do', async () => {
      const topics = await topicSet(kafka, 7);
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
      await topics.close();
    });
  });

  describe('tail and failures', () => {
    test('kafka: tail gives the newest, oldest first, and follows until it is told to stop', async () => {
      const topics = await topicSet(kafka, 2);
      const bus = await openBus({ topic: topics.options.topic });
      for (let i = 0; i < 5; i++) await bus.publish([event(`${i}`)], within());
      const stop = new AbortController();
      const ids: string[] = [];

      for await (const { attributes } of bus.tail!(
        { last: 2, follow: true },
        AbortSignal.any([stop.signal, within()]),
      )) {
        ids.push(attributes.id);
        if (attributes.id === '4') await bus.publish([event('new')], within());
        if (attributes.id === 'new') stop.abort();
      }

      assert.deepEqual(ids, ['3', '4', 'new']);
      await bus.close();
      await topics.close();
    });

    test('kafka: failure records are listed oldest first, replaced by id and removed', async () => {
      const bus = await openBus();
      const failures = bus.failures!;
      const record = {
        rule: 'r',
        ruleHash: 'h',
        code: 'TARGET_STATUS' as const,
        reason: 'x',
        attempts: 1,
        event: event('1'),
      };
      await failures.write({ ...record, id: 'b', at: '2026-01-02T00:00:00Z' });
      await failures.write({ ...record, id: 'a', at: '2026-01-01T00:00:00Z' });
      await failures.write({ ...record, id: 'c', at: '2026-01-03T00:00:00Z' });
      await failures.write({ ...record, id: 'a', at: '2026-01-04T00:00:00Z', attempts: 2 });
      await failures.remove(['c', 'unknown']);

      const list = await Array.fromAsync(failures.list(within()));

      assert.deepEqual(
        list.map(({ id, attempts }) => [id, attempts]),
        [
          ['b', 1],
          ['a', 2],
        ],
      );
      await failures.remove(['a', 'b']);
      assert.deepEqual(await Array.fromAsync(failures.list(within())), []);
      await bus.close();
    });

    test('kafka: a failure of the largest event fits', async () => {
      const bus = await openBus();
      const big = { ...event('big'), data: binaryData(Buffer.alloc(1_000_000, 'x')) };
      assert.ok(recordBytes(encodeKafka(big)) <= bus.limits.eventBytes);

      await bus.failures!.write({
        id: 'big',
        rule: 'r',
        ruleHash: 'h',
        code: 'TARGET_STATUS',
        reason: '',
        attempts: 1,
        at: 'x',
        event: big,
      });

      const [back] = await Array.fromAsync(bus.failures!.list(within()));
      assert.ok(back?.event && sameEvent(back.event, big));
      await bus.failures!.remove(['big']);
      await bus.close();
    });

    test('kafka: ensureTopics makes what is missing and leaves what is there', async () => {
      const topics = await topicSet(kafka, 2);
      const ensured = await ensureTopics(topics.connection, topics.options, { partitions: 9, signal: within() });
      const { topic, failuresTopic } = topics.options;
      await deleteTopics(topics.connection, [failuresTopic], within());

      const again = await ensureTopics(topics.connection, topics.options, { partitions: 9, signal: within() });

      assert.deepEqual(ensured, []);
      assert.deepEqual(again, [failuresTopic]);
      assert.equal((await lookUpTopic(topics.connection, topic, within())).partitions, 2);
      await topics.close();
    });
  });
});
