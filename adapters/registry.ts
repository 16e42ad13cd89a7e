// The buses: a line per kind with its option table and a lazy import. Pure: loads no implementation.

import type { Kind, Options } from '../router/config.ts';
import type { Adapter, AdapterParts } from './adapter.ts';
import { embeddedOptions } from './embedded/options.ts';
import { kafkaOptions } from './kafka/options.ts';

export interface AdapterModule {
  open(options: Options, parts: AdapterParts): Promise<Adapter>;
}

export const buses: Readonly<Record<string, Kind<AdapterModule>>> = {
  embedded: {
    says: 'a durable log in one file of the data folder',
    options: embeddedOptions,
    load: () => import('./embedded/adapter.ts'),
  },
  kafka: {
    says: 'Apache Kafka, in the CloudEvents Kafka binding',
    options: kafkaOptions,
    load: () => import('./kafka/adapter.ts'),
  },
};
