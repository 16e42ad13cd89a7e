// A Kafka of one's own as an event source of Lambda: what the mapping has to know of the document. Pure.
// Source: AWS Lambda API reference, SourceAccessConfiguration (read 2026-11-21).

import { toKafkaOptions } from '../../adapters/kafka/options.ts';
import type { RouterDocument } from '../../router/document.ts';
import type { AwsKafka } from './plan-data.ts';

const AUTHENTICATION = {
  plain: 'BASIC_AUTH',
  'scram-sha-256': 'SASL_SCRAM_256_AUTH',
  'scram-sha-512': 'SASL_SCRAM_512_AUTH',
} as const;

/** Null for another bus, and where no broker is named. */
export function kafkaSourceOf({ bus }: Pick<RouterDocument, 'bus'>): AwsKafka | null {
  if (bus.kind !== 'kafka') return null;
  const { brokers, topic, group, sasl } = toKafkaOptions(bus.options);
  if (brokers === undefined) return null;
  return { brokers, topic, group, authentication: sasl === undefined ? null : AUTHENTICATION[sasl.mechanism] };
}
