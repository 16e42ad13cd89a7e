import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { parseBrokers, probeBroker } from '../../local/kafka/probe.ts';
import { kafkaAvailable, kafkaDown, kafkaStatus, kafkaUp } from '../../local/kafka.ts';
import type { RouterError } from '../../router/errors.ts';
import { testEnv } from '../harness/env.ts';
import { kafkaDirs, kafkaSkip } from '../harness/kafka.ts';

const signal = AbortSignal.timeout(120_000);
const noBrokers = (name: string): string | undefined => (name === 'JAVA_HOME' ? testEnv('JAVA_HOME') : undefined);
const folder = mkdtempSync(join(tmpdir(), 'busway-kafka-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function optionsFor(name: string) {
  return {
    dataDir: join(folder, name),
    cacheDir: kafkaDirs.cacheDir,
    env: noBrokers,
    download: false,
    crashTest: true,
    onProgress: () => undefined,
    signal,
  };
}

async function listen(onData: (socket: Socket) => void) {
  const server = createServer((socket) => socket.on('error', () => undefined).on('data', () => onData(socket)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

describe('kafka launcher without a broker', () => {
  test('kafka: missing jars are an error that names each way to get a broker, and nothing is fetched', async () => {
    const options = { ...optionsFor('nojars'), cacheDir: join(folder, 'nowhere') };

    await assert.rejects(kafkaUp(options), (error: RouterError) => {
      assert.equal(error.code, 'BUS_UNAVAILABLE');
      assert.match(error.message, /no Kafka 4\.3\.1 jars/);
      assert.match(error.message, /busway kafka up/);
      assert.match(error.message, /KAFKA_BROKERS/);
      return true;
    });
    assert.equal(existsSync(options.cacheDir), false);
    const available = await kafkaAvailable(options);
    assert.equal(available.ok, false);
  });

  test('kafka: a KAFKA_HOME without a broker in it is a mistake and not a fallback', async () => {
    const env = (name: string) => (name === 'KAFKA_HOME' ? folder : noBrokers(name));

    await assert.rejects(kafkaUp({ ...optionsFor('badhome'), env }), { code: 'CONFIG_INVALID', message: /KAFKA_HOME/ });
  });

  test('kafka: KAFKA_BROKERS that nobody answers is BUS_UNAVAILABLE, and a malformed one CONFIG_INVALID', async () => {
    const { server, port } = await listen(() => undefined);
    server.close();
    await once(server, 'close');
    const withBrokers = (brokers: string) => (name: string) => (name === 'KAFKA_BROKERS' ? brokers : undefined);

    const dead = { ...optionsFor('dead'), env: withBrokers(`127.0.0.1:${port}`) };
    await assert.rejects(kafkaUp(dead), { code: 'BUS_UNAVAILABLE', message: /ECONNREFUSED/ });
    assert.match((await kafkaStatus(dead)).reason ?? '', /does not answer/);
    await assert.rejects(kafkaUp({ ...dead, env: withBrokers('somewhere') }), { code: 'CONFIG_INVALID' });
  });

  test('kafka: status of a folder that was never used is stopped, and down does nothing', async () => {
    const options = optionsFor('never');

    assert.deepEqual(await kafkaStatus(options), { state: 'stopped' });
    assert.equal((await kafkaDown(options)).stopped, false);
    assert.equal(existsSync(options.dataDir), false);
  });

  test('kafka: what is not Kafka is told apart by the probe', async (t) => {
    const web = await listen((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const closing = await listen((socket) => socket.destroy());
    const silent = await listen(() => undefined);
    t.after(() => [web, closing, silent].map(({ server }) => server.close()));
    const probe = (port: number) => probeBroker({ host: '127.0.0.1', port }, 200);

    assert.match(JSON.stringify(await probe(web.port)), /"connected":true.*not Kafka/);
    assert.match(JSON.stringify(await probe(closing.port)), /"connected":true.*TLS or a login/);
    assert.match(JSON.stringify(await probe(silent.port)), /no answer within 200 ms/);
  });

  test('kafka: broker lists are read with several hosts and IPv6, and refused without a port', () => {
    assert.deepEqual(parseBrokers('a.b:1, [::1]:9092'), [
      { host: 'a.b', port: 1 },
      { host: '::1', port: 9092 },
    ]);
    for (const bad of ['', 'a', 'a:', ':9092', 'a:0', 'a:65536', 'a:9092,', 'user@a:9092']) {
      assert.equal(parseBrokers(bad), undefined, bad);
    }
  });
});

const skip = testEnv('KAFKA_BROKERS') ? 'KAFKA_BROKERS is set, so nothing is launched' : await kafkaSkip();

describe('kafka launcher with a broker', { skip }, () => {
  const options = optionsFor('one');
  const stateFile = join(options.dataDir, 'kafka', 'broker.json');
  const pid = (): number => JSON.parse(readFileSync(stateFile, 'utf8')).pid;
  after(async () => {
    await kafkaDown(options);
  });

  test('kafka: two at once start one broker, and a running one is reused', async () => {
    const [a, b] = await Promise.all([kafkaUp(options), kafkaUp(options)]);
    const c = await kafkaUp(options);

    assert.deepEqual([a.started, b.started].sort(), [false, true]);
    assert.equal(c.started, false);
    assert.deepEqual([b.pid, c.pid], [a.pid, a.pid]);
    assert.deepEqual(await kafkaStatus(options), {
      state: 'running',
      brokers: a.brokers,
      pid: a.pid,
      clusterId: a.clusterId,
    });
  });

  test('kafka: KAFKA_BROKERS wins over the folder, and nothing is started', async () => {
    const { brokers, clusterId } = await kafkaUp(options);
    const other = { ...optionsFor('other'), env: (name: string) => (name === 'KAFKA_BROKERS' ? brokers : undefined) };

    assert.deepEqual(await kafkaUp(other), { brokers, clusterId, pid: null, started: false });
    assert.equal((await kafkaStatus(other)).state, 'foreign');
    assert.equal(existsSync(other.dataDir), false);
  });

  test('kafka: down never ends a process that is not this broker', async () => {
    const bystander = spawn('sleep', ['60']);
    const state = readFileSync(stateFile, 'utf8');
    const mine = optionsFor('bystander');
    await kafkaDown(mine);
    mkdirSync(join(mine.dataDir, 'kafka'), { recursive: true });
    // the number of a bystander, and the number of another folder's broker
    for (const stranger of [bystander.pid!, pid()]) {
      writeFileSync(
        join(mine.dataDir, 'kafka', 'broker.json'),
        JSON.stringify({ ...JSON.parse(state), pid: stranger }),
      );
      assert.equal((await kafkaDown(mine)).stopped, false);
    }

    assert.equal(bystander.exitCode, null);
    assert.equal((await kafkaStatus(options)).state, 'running');
    bystander.kill();
    await once(bystander, 'exit');
  });

  test('kafka: status says foreign when another cluster answers on the port', async () => {
    const mine = optionsFor('foreign');
    mkdirSync(join(mine.dataDir, 'kafka'), { recursive: true });
    const state = { ...JSON.parse(readFileSync(stateFile, 'utf8')), clusterId: 'AAAAAAAAAAAAAAAAAAAAAA', pid: 1 };
    writeFileSync(join(mine.dataDir, 'kafka', 'broker.json'), JSON.stringify(state));

    assert.equal((await kafkaStatus(mine)).state, 'foreign');
  });

  test('kafka: after kill -9 the next up starts the same cluster on the same ports', async () => {
    const first = await kafkaUp(options);
    process.kill(first.pid!, 'SIGKILL');

    const second = await kafkaUp(options);

    assert.equal(second.clusterId, first.clusterId);
    assert.equal(second.brokers, first.brokers);
    assert.notEqual(second.pid, first.pid);
  });

  test('kafka: a port that was taken meanwhile is replaced and the data stays', async () => {
    const first = await kafkaUp(options);
    assert.equal((await kafkaDown(options)).stopped, true);
    assert.equal((await kafkaStatus(options)).state, 'stopped');
    const squatter = createServer().listen(Number(first.brokers.split(':')[1]), '127.0.0.1');
    await once(squatter, 'listening');

    const second = await kafkaUp(options);
    squatter.close();

    assert.equal(second.clusterId, first.clusterId);
    assert.notEqual(second.brokers, first.brokers);
  });
});
