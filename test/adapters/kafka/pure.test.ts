import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { connectionOf, open } from '../../../adapters/kafka/adapter.ts';
import { createLogSink } from '../../../adapters/kafka/client.ts';
import { decodeLambda } from '../../../adapters/kafka/decode.ts';
import { planTopics } from '../../../adapters/kafka/definitions.ts';
import { decodeFailure, encodeFailure } from '../../../adapters/kafka/failures.ts';
import { mapKafkaError } from '../../../adapters/kafka/map-error.ts';
import { kafkaOptions, toKafkaOptions } from '../../../adapters/kafka/options.ts';
import { murmur2, partitionOfKey } from '../../../adapters/kafka/record.ts';
import { checkOptions, type Problem } from '../../../router/config.ts';
import { RouterError } from '../../../router/errors.ts';
import { encodeKafka } from '../../../router/wire/kafka.ts';
import { event, sameEvent } from '../../harness/events.ts';

const fixture = () =>
  JSON.parse(readFileSync(new URL('../../fixtures/kafka/lambda-kafka-event.json', import.meta.url), 'utf8'));
const parts = (env: Record<string, string> = {}, warnings: string[] = []) => ({
  dataDir: '/nowhere',
  now: () => 0,
  env: (name: string) => env[name],
  onWarning: (text: string) => void warnings.push(text),
});

function problemsOf(input: unknown): string[] {
  const problems: Problem[] = [];
  checkOptions(input, kafkaOptions, 'bus', problems);
  return problems.map(({ path, says }) => `${path}: ${says}`);
}

describe('kafka options', () => {
  test('kafka: every option of a full document is taken', () => {
    const sasl = { mechanism: 'scram-sha-512', username: 'busway', password: 'KAFKA_PASSWORD' };

    assert.deepEqual(
      problemsOf({
        brokers: ['a.b-c:9092', '127.0.0.1:1'],
        ssl: true,
        sasl,
        client: 'platformatic',
        topic: 't',
        group: 'g',
      }),
      [],
    );
  });

  test('kafka: a broker without a port, a bad topic, an unknown client and login are refused with what is due', () => {
    const sasl = { mechanism: 'gssapi', username: 'u', password: 'not a name' };
    const problems = problemsOf({ brokers: ['a'], client: 'kafka', topic: 'a b', sasl, brokerz: [] }).join('\n');

    assert.match(problems, /bus\.brokers\[0\]: must be host:port/);
    assert.match(problems, /bus\.topic: must be 1 to 249/);
    assert.match(problems, /unknown value 'gssapi'/);
    assert.match(problems, /bus\.client: unknown value 'kafka'/);
    assert.match(problems, /bus\.sasl\.password: must be the name of an environment variable/);
    assert.match(problems, /unknown key 'brokerz'; did you mean 'brokers'/);
  });

  test('kafka: brokers come from KAFKA_BROKERS when the document names none', () => {
    const connection = connectionOf(toKafkaOptions({}), parts({ KAFKA_BROKERS: 'a:1, b:2' }));

    assert.deepEqual(connection.brokers, ['a:1', 'b:2']);
  });

  test('kafka: no brokers and malformed KAFKA_BROKERS are CONFIG_INVALID', () => {
    assert.throws(() => connectionOf(toKafkaOptions({}), parts()), {
      code: 'CONFIG_INVALID',
      message: /KAFKA_BROKERS/,
    });
    const env = { KAFKA_BROKERS: 'a:1,b' };
    assert.throws(() => connectionOf(toKafkaOptions({}), parts(env)), {
      code: 'CONFIG_INVALID',
      message: /'b' must be/,
    });
  });

  test('kafka: a missing password is SECRET_MISSING and names the variable', async () => {
    const sasl = { mechanism: 'plain', username: 'u', password: 'NO_SUCH' };

    await assert.rejects(open({ brokers: ['a:1'], sasl }, parts()), { code: 'SECRET_MISSING', message: /NO_SUCH/ });
  });

  test('kafka: a plain password without TLS is warned about', () => {
    const warnings: string[] = [];
    const sasl = { mechanism: 'plain', username: 'u', password: 'P' };
    connectionOf(toKafkaOptions({ brokers: ['a:1'], sasl }), parts({ P: 'canary' }, warnings));

    assert.equal(warnings.length, 1);
    assert.doesNotMatch(warnings[0]!, /canary/);
  });
});

describe('kafka partitions', () => {
  test('kafka: murmur2 gives what the Java client gives', () => {
    // apache/kafka, UtilsTest.testMurmur2
    const known: [string, number][] = [
      ['21', -973932308],
      ['foobar', -790332482],
      ['a-little-bit-long-string', -985981536],
      ['a-little-bit-longer-string', -1486304829],
      ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
      ['abc', 479470107],
    ];
    for (const [text, hash] of known) assert.equal(murmur2(Buffer.from(text)), hash, text);
  });

  test('kafka: a partition is always one that is there', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 1000 }), (key, partitions) => {
        const partition = partitionOfKey(key, partitions);
        return Number.isInteger(partition) && partition >= 0 && partition < partitions;
      }),
      { numRuns: 500 },
    );
  });
});

describe('kafka pushed by Lambda', () => {
  const payloadOf = (record: unknown) => ({ eventSource: 'aws:kafka', records: { 'T-0': [record] } });

  test('kafka: a record that is no event is refused with its bytes and its handle', () => {
    const [decoded, ...rest] = decodeLambda(fixture());

    assert.equal(rest.length, 0);
    assert.ok(decoded !== undefined && !decoded.ok);
    assert.equal(decoded.code, 'EVENT_INVALID');
    assert.equal(decoded.handle, 'AWSKafkaTopic-0-0');
    assert.equal(decoded.bytes.toString(), '8d5596b4-1813-4238-b24b-6dad8e3d1c0c');
  });

  test('kafka: what publish writes comes back from a pushed payload, also with signed header bytes', () => {
    fc.assert(
      fc.property(event, fc.boolean(), (original, signed) => {
        const { key, value, headers } = encodeKafka(original);
        const bytes = (text: string) =>
          [...Buffer.from(text)].map((byte) => (signed && byte > 127 ? byte - 256 : byte));
        const record = {
          topic: 'T',
          partition: 2,
          offset: 7,
          key: key === null ? undefined : Buffer.from(key).toString('base64'),
          value: value?.toString('base64'),
          headers: Object.entries(headers).map(([name, text]) => ({ [name]: bytes(text) })),
        };
        const [decoded] = decodeLambda(JSON.parse(JSON.stringify(payloadOf(record))));
        assert.ok(decoded?.ok);
        assert.equal(decoded.handle, 'T-2-7');
        assert.ok(sameEvent(original, decoded.event));
      }),
      { numRuns: 300 },
    );
  });

  test('kafka: one bad record leaves the others alone', () => {
    const good = { topic: 'T', partition: 0, offset: 1, headers: [{ ce_specversion: [49, 46, 48] }, { ce_id: [49] }] };
    const whole = { ...good, headers: [...good.headers, { ce_source: [47] }, { ce_type: [116] }] };
    const records = { 'T-0': [whole, { ...whole, value: 'no base64!' }, null, whole] };

    const decoded = decodeLambda({ records });

    assert.deepEqual(
      decoded.map(({ ok, handle }) => [ok, handle]),
      [
        [true, 'T-0-1'],
        [false, 'T-0-1'],
        [false, 'T-0#2'],
        [true, 'T-0-1'],
      ],
    );
  });

  test('kafka: hostile payloads give refusals and never a throw', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    const proto = JSON.parse('{"records":{"__proto__":[{"headers":[{"__proto__":[1]}]}]}}');
    for (const payload of [undefined, null, 1, '', [], {}, { records: null }, { records: [1] }, cycle, 10n, proto]) {
      const decoded = decodeLambda(payload);
      assert.ok(decoded.length > 0 && decoded.every(({ ok }) => !ok), String(typeof payload));
    }
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        for (const payload of [
          a,
          { records: a },
          { records: { x: a } },
          payloadOf(a),
          payloadOf({ headers: a, value: b }),
        ]) {
          for (const decoded of decodeLambda(payload)) assert.ok(!decoded.ok);
        }
      }),
      { numRuns: 500 },
    );
    assert.equal(({} as Record<string, unknown>)['ce_id'], undefined);
  });

  test('kafka: header bytes outside a byte are refused', () => {
    for (const byte of [256, -129, 1.5, '1', null]) {
      const [decoded] = decodeLambda(payloadOf({ headers: [{ ce_id: [byte] }] }));
      assert.ok(decoded !== undefined && !decoded.ok && decoded.code === 'DECODE_FAILED');
    }
  });
});

describe('kafka errors and log lines', () => {
  test('kafka: errors of the protocol get their code, through every layer of causes', () => {
    const wrap = (cause: unknown) =>
      Object.assign(new Error('secret text'), { name: 'KafkaJSNumberOfRetriesExceeded', cause });
    const cases: [string, string][] = [
      ['UNKNOWN_TOPIC_OR_PARTITION', 'NOT_FOUND'],
      ['TOPIC_AUTHORIZATION_FAILED', 'UNAUTHORIZED'],
      ['MESSAGE_TOO_LARGE', 'EVENT_TOO_LARGE'],
      ['THROTTLING_QUOTA_EXCEEDED', 'THROTTLED'],
      ['NOT_LEADER_FOR_PARTITION', 'BUS_UNAVAILABLE'],
    ];
    for (const [type, code] of cases) {
      const error = mapKafkaError(wrap(wrap(Object.assign(new Error('secret text'), { type }))), 'topic');
      assert.equal(error.code, code);
      assert.match(error.message, new RegExp(type));
      assert.doesNotMatch(error.message, /secret text/);
    }
  });

  test('kafka: errors of the second client get their code from what they wrap, and never repeat its text', () => {
    const protocol = (apiId: string) => Object.assign(new Error('secret'), { code: 'PLT_KFK_PROTOCOL', apiId });
    const network = (cause?: unknown) => Object.assign(new Error('secret', { cause }), { code: 'PLT_KFK_NETWORK' });
    const login = (cause?: unknown) =>
      Object.assign(new Error('secret', { cause }), { code: 'PLT_KFK_AUTHENTICATION' });
    const many = (...errors: unknown[]) =>
      Object.assign(new AggregateError(errors, 'secret'), { code: 'PLT_KFK_MULTIPLE' });
    const refused = Object.assign(new Error('secret'), { code: 'ECONNREFUSED' });
    const tries = Array.from({ length: 1_000 }, () => many(network(refused)));
    const cases: [unknown, string, RegExp][] = [
      [many(many(protocol('MESSAGE_TOO_LARGE'))), 'EVENT_TOO_LARGE', /\(MESSAGE_TOO_LARGE\)$/],
      [many(protocol('UNKNOWN_TOPIC_OR_PARTITION')), 'NOT_FOUND', /UNKNOWN_TOPIC_OR_PARTITION/],
      [many(protocol('TOPIC_AUTHORIZATION_FAILED')), 'UNAUTHORIZED', /TOPIC_AUTHORIZATION_FAILED/],
      [many(protocol('NOT_LEADER_OR_FOLLOWER')), 'BUS_UNAVAILABLE', /NOT_LEADER_OR_FOLLOWER/],
      [
        many(network(login(many(protocol('SASL_AUTHENTICATION_FAILED'))))),
        'UNAUTHORIZED',
        /SASL_AUTHENTICATION_FAILED/,
      ],
      [many(network(login()), network(refused)), 'UNAUTHORIZED', /ECONNREFUSED/],
      // A connection that broke while it logged in says nothing of the login.
      [many(network(login(network(refused)))), 'BUS_UNAVAILABLE', /\(ECONNREFUSED\)$/],
      [
        many(...tries, protocol('MESSAGE_TOO_LARGE')),
        'EVENT_TOO_LARGE',
        /^kafka: topic .*\(MESSAGE_TOO_LARGE, ECONNREFUSED\)$/,
      ],
      [network(), 'BUS_UNAVAILABLE', /\(PLT_KFK_NETWORK\)$/],
      [Object.assign(new Error('secret'), { apiId: 'toString', code: 'constructor' }), 'BUS_UNAVAILABLE', /./],
    ];
    for (const [thrown, code, says] of cases) {
      const error = mapKafkaError(thrown, 'topic');
      assert.equal(error.code, code);
      assert.match(error.message, says);
      assert.doesNotMatch(error.message, /secret/);
    }
  });

  test('kafka: whatever was thrown becomes an error of ours', () => {
    const loop: { cause?: unknown } = {};
    loop.cause = loop;
    const wide: { errors?: unknown[] } = {};
    wide.errors = [wide, { errors: [wide, 1, null] }];
    for (const thrown of [undefined, null, 'text', 1, loop, wide, new TypeError('x')]) {
      assert.equal(mapKafkaError(thrown, 'topic').code, 'BUS_UNAVAILABLE');
    }
    const own = new RouterError('CLOSED', 'x');
    assert.equal(mapKafkaError(own, 'topic'), own);
  });

  test('kafka: a log line of the library never carries the login and is not repeated', () => {
    const warnings: string[] = [];
    const sasl = { mechanism: 'plain' as const, username: 'canary-user', password: 'canary-pass' };
    const onWarning = (text: string) => void warnings.push(text);
    const sink = createLogSink({ brokers: ['a:1'], ssl: false, sasl, onWarning }, () => false);
    const line = (message: string) => ({
      namespace: '',
      level: 1,
      label: 'ERROR',
      log: { timestamp: '', message, error: 'login canary-user/canary-pass failed', payload: 'canary-pass' },
    });
    for (let i = 0; i < 5; i++) sink(line('Connection error'));
    sink(line('The group is rebalancing, re-joining'));

    assert.equal(warnings.length, 1);
    assert.doesNotMatch(warnings[0]!, /canary/);
  });
});

describe('kafka failure records', () => {
  const stored = (record: ReturnType<typeof encodeFailure>) => ({
    partition: 0,
    offset: 0,
    timestamp: 0,
    key: Buffer.from(record.key as string),
    value: record.value,
    headers: Object.fromEntries(
      Object.entries(record.headers).map(([name, text]) => [name, Buffer.from(text as string)]),
    ),
  });

  test('kafka: a failure record comes back as it was written, with and without an event', () => {
    const base = {
      id: 'abc',
      attempts: 3,
      at: '2026-01-01T00:00:00Z',
      reason: 'Grüße',
      code: 'TARGET_STATUS' as const,
    };
    fc.assert(
      fc.property(event, (original) => {
        const record = { ...base, rule: 'r', ruleHash: 'h', event: original };
        const back = decodeFailure(stored(encodeFailure(record)))!;
        assert.deepEqual({ ...back, event: null }, { ...record, event: null });
        assert.ok(back.event !== null && sameEvent(original, back.event));
      }),
      { numRuns: 100 },
    );
    const raw = { ...base, rule: null, ruleHash: null, event: null, bytes: Buffer.from([0, 255]) };
    assert.deepEqual(decodeFailure(stored(encodeFailure(raw))), raw);
  });

  test('kafka: a record of somebody else in the failures topic is passed over', () => {
    const good = stored(
      encodeFailure({
        id: 'a',
        rule: null,
        ruleHash: null,
        code: 'INTERNAL',
        reason: '',
        attempts: 1,
        at: 'x',
        event: null,
        bytes: Buffer.alloc(1),
      }),
    );
    assert.ok(decodeFailure(good) !== undefined);
    for (const name of ['busway_code', 'busway_at', 'busway_attempts']) {
      assert.equal(
        decodeFailure({ ...good, headers: { ...good.headers, [name]: Buffer.from('toString') } }) === undefined,
        name !== 'busway_at',
      );
      assert.equal(decodeFailure({ ...good, headers: { ...good.headers, [name]: undefined } }), undefined);
    }
    assert.equal(decodeFailure({ ...good, key: null }), undefined);
    assert.equal(decodeFailure({ ...good, headers: { ...good.headers, 'content-type': Buffer.from('x') } }), undefined);
  });

  test('kafka: retry topics have as many partitions as the events, and only done things may be compacted away', () => {
    const plan = planTopics(toKafkaOptions({}), 4);

    assert.deepEqual(
      plan.map(({ topic, partitions }) => [topic, partitions]),
      [
        ['busway.events', 4],
        ['busway.retry.1s', 4],
        ['busway.retry.10s', 4],
        ['busway.retry.1m', 4],
        ['busway.retry.10m', 4],
        ['busway.failures', 1],
      ],
    );
    assert.equal(plan[0]?.config['cleanup.policy'], undefined);
    assert.equal(plan.at(-1)?.config['cleanup.policy'], 'compact');
  });
});
