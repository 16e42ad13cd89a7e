import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { open } from '../../../adapters/kafka/adapter.ts';
import type { Connection } from '../../../adapters/kafka/client.ts';
import { createSender, type Sender } from '../../../adapters/kafka/producer.ts';
import { ensureTopics } from '../../../adapters/kafka/topics.ts';
import {
  choosePorts,
  filesOf,
  newClusterId,
  serverProperties,
  spawnBroker,
  stopProcess,
  waitReady,
} from '../../../local/kafka/broker.ts';
import { runCommand } from '../../../local/kafka/command.ts';
import { findJars, findJava } from '../../../local/kafka/runtime.ts';
import { testEnv } from '../../harness/env.ts';
import { kafkaDirs, kafkaSkip, plainConnection } from '../../harness/kafka.ts';

// A broker with a second listener that wants a login, and rights for one user only.
const skip = testEnv('KAFKA_BROKERS') ? 'KAFKA_BROKERS is set, so nothing is launched' : await kafkaSkip();

const event = {
  attributes: { specversion: '1.0' as const, id: '1', source: '/test', type: 'made.up' },
};
const within = () => AbortSignal.timeout(10_000);

describe('kafka with a login', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'busway-login-'));
  const files = filesOf(join(folder, 'kafka'));
  const clusterId = newClusterId();
  let pid = 0;
  let plainBrokers = '';
  let brokers = '';

  before(async () => {
    const options = { cacheDir: kafkaDirs.cacheDir, env: testEnv };
    const [jars, java] = [findJars(options), await findJava(options)];
    assert.ok(typeof jars !== 'string' && typeof java !== 'string');
    const { controllerPort: loginPort } = await choosePorts(undefined);
    const ports = await choosePorts(undefined);
    const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
    const properties = serverProperties(files, ports, false)
      .replace(/^(listeners=.*)$/m, `$1,LOGIN://127.0.0.1:${loginPort}`)
      .replace(/^(advertised.listeners=.*)$/m, `$1,LOGIN://127.0.0.1:${loginPort}`)
      .replace(/^(listener.security.protocol.map=.*)$/m, '$1,LOGIN:SASL_PLAINTEXT');
    const login = [
      'sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
      'listener.name.login.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_busway="right-canary" user_guest="guest";',
      `listener.name.login.scram-sha-256.sasl.jaas.config=${scram}`,
      `listener.name.login.scram-sha-512.sasl.jaas.config=${scram}`,
      'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users=User:ANONYMOUS;User:busway',
    ];
    mkdirSync(files.dir, { recursive: true });
    writeFileSync(files.properties, `${properties}${login.join('\n')}\n`);
    const users = ['256', '512'].flatMap((size) => [
      '--add-scram',
      `SCRAM-SHA-${size}=[name=busway,password=right-canary]`,
    ]);
    const args = ['-cp', `${jars.libDir}/*`, 'kafka.tools.StorageTool', 'format', `--cluster-id=${clusterId}`];
    const made = await runCommand(java.command, [...args, '-c', files.properties, ...users], { timeoutMs: 60_000 });
    assert.equal(made.code, 0, made.output);
    const started = spawnBroker({ files, jars, java, signal: within() });
    pid = started.pid;
    const wait = {
      limitMs: 60_000,
      exited: started.exited,
      signal: AbortSignal.timeout(60_000),
      onWait: () => undefined,
    };
    assert.equal(await waitReady({ ...ports, pid, clusterId }, wait), 'ready');
    plainBrokers = `127.0.0.1:${ports.port}`;
    brokers = `127.0.0.1:${loginPort}`;
    const made2 = { ssl: false, topic: 'events', group: 'g', retryTopics: 'retry', failuresTopic: 'failures' };
    await ensureTopics(plainConnection(plainBrokers), made2, { partitions: 1, signal: within() });
  });
  after(async () => {
    await stopProcess(files, { pid, clusterId, port: 0, controllerPort: 0 });
    rmSync(folder, { recursive: true, force: true });
  });

  const warnings: string[] = [];
  const openAs = (mechanism: string, username: string, password: string, client = 'kafkajs') =>
    open(
      { brokers: [brokers], topic: 'events', client, sasl: { mechanism, username, password: 'PASS' } },
      {
        dataDir: folder,
        now: Date.now,
        env: (name) => (name === 'PASS' ? password : undefined),
        onWarning: (text) => void warnings.push(text),
      },
    );

  const send = async (sender: Sender): Promise<void> => {
    const record = { partition: 0, key: null, value: Buffer.from('{}'), headers: {} };
    await sender.send('events', [record], within()).finally(() => sender.close());
  };

  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
    for (const client of ['kafkajs', 'platformatic'] as const) {
      test(`kafka: the right password opens the bus by ${mechanism} with ${client}`, async (t) => {
        const bus = await openAs(mechanism, 'busway', 'right-canary', client);
        t.after(() => bus.close());

        await bus.check(within());

        assert.deepEqual(await bus.publish([event], within()), [{ ok: true }]);
      });

      // The bus asks for its topic first, which is done by kafkajs; later logins are the producer's own.
      test(`kafka: a producer with a wrong password ends at once by ${mechanism} with ${client}, as does one without rights`, async () => {
        const connectionAs = (username: string, password: string): Connection => ({
          brokers: [brokers],
          ssl: false,
          sasl: { mechanism, username, password },
          client,
          onWarning: (text) => void warnings.push(text),
        });
        const started = performance.now();

        const thrown = await send(createSender(connectionAs('busway', 'wrong-canary'), { now: Date.now })).then(
          () => assert.fail('it was let in'),
          (error: unknown) => error as { code: string },
        );
        const guest = createSender(connectionAs('guest', 'guest'), { now: Date.now });

        assert.equal(thrown.code, 'UNAUTHORIZED');
        assert.ok(performance.now() - started < 5_000);
        assert.doesNotMatch(inspect([thrown, warnings], { depth: 12, showHidden: true }), /canary/);
        await assert.rejects(send(guest), { code: 'UNAUTHORIZED' });
      });
    }

    test(`kafka: a wrong password is UNAUTHORIZED by ${mechanism}, at once and without the secret`, async (t) => {
      const bus = await openAs(mechanism, 'busway', 'wrong-canary');
      t.after(() => bus.close());
      const started = performance.now();

      const thrown = await bus.check(within()).then(
        () => assert.fail('it was let in'),
        (error: unknown) => error as { code: string },
      );
      const [result] = await bus.publish([event], within());

      assert.equal(thrown.code, 'UNAUTHORIZED');
      assert.ok(result?.ok === false && result.code === 'UNAUTHORIZED' && !result.retryable);
      assert.ok(performance.now() - started < 5_000);
      assert.doesNotMatch(inspect([thrown, result, warnings], { depth: 10, showHidden: true }), /canary/);
    });
  }

  test('kafka: a login without rights is UNAUTHORIZED at check and at publish', async (t) => {
    const bus = await openAs('plain', 'guest', 'guest');
    t.after(() => bus.close());

    await assert.rejects(bus.check(within()), { code: 'UNAUTHORIZED', message: /TOPIC_AUTHORIZATION_FAILED/ });
    const [result] = await bus.publish([event], within());

    assert.ok(result?.ok === false && result.code === 'UNAUTHORIZED');
  });

  test('kafka: a broker that wants a login and gets none is not taken for a healthy one', async (t) => {
    const parts = { dataDir: folder, now: Date.now, env: () => undefined, onWarning: () => undefined };
    const bus = await open({ brokers: [brokers], topic: 'events' }, parts);
    t.after(() => bus.close());

    await assert.rejects(bus.check(within()), { code: /UNAUTHORIZED|BUS_UNAVAILABLE/ });
  });
});
