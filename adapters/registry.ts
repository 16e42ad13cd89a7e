// The buses, and the stores of oversized data: a line per kind with its option table and a lazy import. Pure: loads no
// implementation.

import type { Kind, Options } from '../router/config.ts';
import type { Adapter, AdapterParts } from './adapter.ts';
import { type BusFilter, unfiltered } from './bus-filter.ts';
import { embeddedOptions } from './embedded/options.ts';
import { eventbridgeOptions } from './eventbridge/options.ts';
import { eventgridOptions } from './eventgrid/options.ts';
import { kafkaOptions } from './kafka/options.ts';
import { folderOptions, s3Options } from './oversize/options.ts';
import type { StoreModule } from './oversize/store.ts';
import type { Personality } from './personality.ts';
import { pubsubOptions } from './pubsub/options.ts';

export interface AdapterModule {
  open(options: Options, parts: AdapterParts): Promise<Adapter>;
}

export interface BusKind extends Kind<AdapterModule> {
  /** How it filters, by its options and, where data may lie in a store, what references to it begin with; loads no client. */
  readonly loadFilter: () => Promise<(options: Options, uriPrefix?: string) => BusFilter>;
  /** How it behaves, for a bus of this machine that imitates it; absent for those. */
  readonly loadPersonality?: () => Promise<(options: Options, uriPrefix?: string) => Personality>;
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
    loadPersonality: async () => (await import('./eventbridge/personality.ts')).personality,
  },
  eventgrid: {
    says: 'Azure Event Grid: a custom topic, or a topic of a namespace',
    options: eventgridOptions,
    load: () => import('./eventgrid/adapter.ts'),
    loadFilter: async () => (await import('./eventgrid/bus-filter.ts')).busFilter,
    loadPersonality: async () => (await import('./eventgrid/personality.ts')).personality,
  },
  pubsub: {
    says: 'Google Cloud Pub/Sub, one filtered subscription a rule',
    options: pubsubOptions,
    load: () => import('./pubsub/adapter.ts'),
    loadFilter: async () => (await import('./pubsub/bus-filter.ts')).busFilter,
    loadPersonality: async () => (await import('./pubsub/personality.ts')).personality,
  },
};

/** Where the data of events over the bus's limit may lie. */
export const stores: Readonly<Record<string, Kind<StoreModule>>> = {
  folder: {
    says: 'a folder that all processes share; on one machine',
    options: folderOptions,
    load: () => import('./oversize/folder.ts'),
  },
  s3: {
    says: 'a bucket of Amazon S3, or of what speaks its protocol',
    options: s3Options,
    load: () => import('./oversize/s3.ts'),
  },
};
