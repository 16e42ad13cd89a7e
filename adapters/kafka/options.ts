// The option table of the Kafka bus. Pure; loaded by the registry.

import type { Options, OptionTable } from '../../router/config.ts';

export const topicDefaults = {
  topic: 'busway.events',
  group: 'busway',
  retryTopics: 'busway.retry',
  failuresTopic: 'busway.failures',
};

const TOPIC = /^[A-Za-z0-9._-]{1,249}$/;

function checkTopic(name: string): string | undefined {
  if (TOPIC.test(name) && name !== '.' && name !== '..') return undefined;
  return 'must be 1 to 249 letters, digits, dots, underscores or hyphens';
}

// kafkajs cuts at the first colon, so an IPv6 address cannot be said.
function checkBroker(broker: string): string | undefined {
  const match = /^[A-Za-z0-9._-]+:(\d{1,5})$/.exec(broker);
  const port = Number(match?.[1]);
  return port >= 1 && port <= 65535 ? undefined : 'must be host:port, such as 127.0.0.1:9092';
}

export const kafkaOptions: OptionTable = {
  brokers: { type: 'strings', check: checkBroker, says: 'addresses to start from, host:port; KAFKA_BROKERS if absent' },
  ssl: { type: 'boolean', default: false, says: 'TLS, with the certificates that Node trusts' },
  sasl: {
    type: 'object',
    says: 'a login',
    fields: {
      mechanism: { type: 'string', required: true, values: ['plain', 'scram-sha-256', 'scram-sha-512'], says: 'how' },
      username: { type: 'string', required: true, says: 'who' },
      password: { type: 'env', required: true, says: 'the variable that holds the password' },
    },
  },
  client: {
    type: 'string',
    values: ['kafkajs', 'platformatic'],
    default: 'kafkajs',
    says: 'the library that publishes; platformatic takes less CPU and needs the package @platformatic/kafka',
  },
  topic: { type: 'string', check: checkTopic, default: topicDefaults.topic, says: 'where events are published' },
  group: { type: 'string', default: topicDefaults.group, says: 'the consumer group that all processes share' },
  retryTopics: {
    type: 'string',
    check: checkTopic,
    default: topicDefaults.retryTopics,
    says: 'first part of the names of the retry topics',
  },
  failuresTopic: {
    type: 'string',
    check: checkTopic,
    default: topicDefaults.failuresTopic,
    says: 'where failure records are kept; compacted',
  },
};

export interface Sasl {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  /** Name of a variable, never the password. */
  readonly password: string;
}

/** Checked options, as kafkaOptions describes them. */
export interface KafkaOptions {
  readonly brokers?: readonly string[];
  readonly ssl: boolean;
  readonly sasl?: Sasl;
  readonly client?: 'kafkajs' | 'platformatic';
  readonly topic: string;
  readonly group: string;
  readonly retryTopics: string;
  readonly failuresTopic: string;
}

/** Options that passed checkOptions; what a caller left out gets its default. */
export function toKafkaOptions(options: Options): KafkaOptions {
  return { ssl: false, ...topicDefaults, ...options } as KafkaOptions;
}

/** "a:9092, b:9092" → a list; what is wrong is the message. */
export function readBrokerList(text: string): readonly string[] | { readonly wrong: string } {
  const brokers = text.split(',').map((item) => item.trim());
  const bad = brokers.find((broker) => checkBroker(broker) !== undefined);
  return bad === undefined ? brokers : { wrong: `'${bad.slice(0, 80)}' ${checkBroker(bad)}` };
}
