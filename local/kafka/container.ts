// The broker in a container, for a machine with a container engine and no Java. Must never publish a port anywhere but
// on loopback. Source: the apache/kafka image's usage guide; not tried on a machine without an engine.

import { RouterError } from '../../router/errors.ts';
import type { BrokerState, Ports } from './broker.ts';
import { host } from './broker.ts';
import { runCommand } from './command.ts';
import { kafkaVersion, lastLines } from './runtime.ts';

export async function hasDocker(signal: AbortSignal): Promise<boolean> {
  const args = ['version', '--format', '{{.Server.Version}}'];
  return (await runCommand('docker', args, { timeoutMs: 5000, signal })).code === 0;
}

/** Starts (or starts again) the container; its data lies in a volume of the same name. */
export async function runContainer(
  clusterId: string,
  ports: Ports,
  signal: AbortSignal,
): Promise<{ readonly container: string; readonly pid: number }> {
  const container = `busway-kafka-${clusterId}`;
  await runCommand('docker', ['rm', '-f', container], { timeoutMs: 30_000, signal });
  const settings = {
    CLUSTER_ID: clusterId,
    KAFKA_PROCESS_ROLES: 'broker,controller',
    KAFKA_NODE_ID: '1',
    KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
    KAFKA_LISTENERS: `PLAINTEXT://0.0.0.0:${ports.port},CONTROLLER://localhost:9093`,
    KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://${host}:${ports.port}`,
    KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
    KAFKA_INTER_BROKER_LISTENER_NAME: 'PLAINTEXT',
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    KAFKA_LOG_DIRS: '/var/lib/kafka/data',
    KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
    KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS: '1',
    KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
    KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
  };
  const env = Object.entries(settings).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const publish = ['-p', `${host}:${ports.port}:${ports.port}`, '-v', `${container}:/var/lib/kafka/data`];
  const args = ['run', '-d', '--name', container, ...publish, ...env, `apache/kafka:${kafkaVersion}`];
  const { code, output } = await runCommand('docker', args, { timeoutMs: 600_000, signal });
  if (code !== 0)
    throw new RouterError('BUS_UNAVAILABLE', `kafka: docker could not start the broker: ${lastLines(output)}`);
  return { container, pid: await containerPid(container) };
}

/** 0 when it does not run. */
export async function containerPid(container: string): Promise<number> {
  const args = ['inspect', '-f', '{{.State.Pid}}', container];
  const { code, output } = await runCommand('docker', args, { timeoutMs: 10_000 });
  return code === 0 ? Number(output.trim()) || 0 : 0;
}

export async function stopContainer(state: BrokerState): Promise<void> {
  const { code, output } = await runCommand('docker', ['stop', '-t', '15', state.container!], { timeoutMs: 30_000 });
  if (code !== 0)
    throw new RouterError('BUS_UNAVAILABLE', `kafka: docker could not stop the broker: ${lastLines(output)}`);
  await runCommand('docker', ['rm', state.container!], { timeoutMs: 30_000 });
}
