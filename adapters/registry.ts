// The buses: a line per kind with its option table and a lazy import. Pure: loads no implementation.

import type { Kind, Options } from '../router/config.ts';
import type { Adapter, AdapterParts } from './adapter.ts';
import { type BusFilter, unfiltered } from './bus-filter.ts';
import { embeddedOptions } from './embedded/options.ts';
import { eventbridgeOptions } from './eventbridge/options.ts';
import { eventgridOptions } from './eventgrid/options.ts';
import { kafkaOptions } from './kafka/options.ts';
import { pubsubOptions } from './pubsub/options.ts';

export interface AdapterModule {
  open(options: Options, parts: AdapterParts): Promise<Adapter>;
}

export interface BusKind extends Kind<AdapterModule> {
  /** How it filters, by its options; loads no client. */
  readonly loadFilter: () => Promise<(options: Options) => BusFilter>;
}

const nothing = async (): Promise<(options: Options) => BusFilter> => () => unfiltered;

export const buses: Readonly<Record<string, BusKind>> = {
  embedded: {
    says: 'a durable log in one file of the data folder',
    options: embeddedOptions,
    load: () => import('./embedded/adapter.ts'),
    loadFilter: nothing,
  },
  kafka: {
    says: 'Apache Kafka, in the CloudEvents Kafka binding',
    options: kafkaOptions,
    load: () => import('./kafka/adapter.ts'),
    loadFilter: nothing,
  },
  eventbridge: {
    says: 'Amazon EventBridge, the whole event in the detail',
    options: eventbridgeOptions,
    load: () => import('./eventbridge/adapter.ts'),
    loadFilter: async () => (await import('./eventbridge/bus-filter.ts')).busFilter,
  },
  eventgrid: {
    says: 'Azure Event Grid: a custom topic, or a topic of a namespace',
    options: eventgridOptions,
    load: () => import('./eventgrid/adapter.ts'),
    loadFilter: async () => (await import('./eventgrid/bus-filter.ts')).busFilter,
  },
  pubsub: {
    says: 'Google Cloud Pub/Sub, one filtered subscription a rule',
    options: pubsubOptions,
    load: () => import('./pubsub/adapter.ts'),
    loadFilter: async () => (await import('./pubsub/bus-filter.ts')).busFilter,
  },
};
