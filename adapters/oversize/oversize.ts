// Events that are over the bus's limit: their data goes into a store, and they travel with a dataref. Opened once a process,
// and given to the bus (what goes out), to the adapter (what filters must let through) and to the consumer (what comes in).
// Never publishes a reference before its data is durable, and never deletes data.

import type { Kind } from '../../router/config.ts';
import type { Whole } from '../../router/consume.ts';
import type { Chosen } from '../../router/document.ts';
import { RouterError } from '../../router/errors.ts';
import type { CloudEvent } from '../../router/event.ts';
import { type Elsewhere, isLight, lightOf, objectOf } from '../dataref.ts';
import { createPlaces, untilAbort } from './places.ts';
import type { DataStore, StoreModule, StoreParts } from './store.ts';
import { createWhole } from './whole.ts';

/** An event without its data. It may be published when `put` has resolved. */
export interface TakenOut {
  readonly light: CloudEvent;
  /** Rejects as DataStore.put, and with ABORTED as soon as `signal` aborts. */
  put(signal: AbortSignal): Promise<void>;
}

export interface Oversize extends Elsewhere {
  /** Throws EVENT_TOO_LARGE where there is no data to take out, or a dataref of the sender's stands in its place. */
  takeOut(event: CloudEvent): TakenOut;
  readonly whole: Whole;
}

export type StoreKinds = Readonly<Record<string, Kind<StoreModule>>>;

const PUTS = 4;

function refuse(says: string): never {
  throw new RouterError('EVENT_TOO_LARGE', `oversize: ${says}`);
}

export function createOversize(store: DataStore, uriPrefix: string, onWarning: (text: string) => void): Oversize {
  /** While a light event is on its way to the bus, what it was. */
  const taken = new WeakMap<CloudEvent, CloudEvent>();
  const puts = createPlaces(PUTS);
  return {
    uriPrefix,
    takeOut(event) {
      const { attributes, data } = event;
      if (data === undefined) return refuse('the event is too large, and has no data that could be taken out');
      if (attributes['dataref'] !== undefined) {
        return refuse("the event is too large, and its data cannot be taken out: it has a 'dataref' of its own");
      }
      const object = objectOf(data);
      const light = lightOf(event, object, uriPrefix);
      taken.set(light, event);
      return {
        light,
        put: (signal) =>
          untilAbort(
            puts.run(() => (signal.aborted ? Promise.resolve() : store.put(object.name, data.bytes, signal))),
            signal,
            () => new RouterError('ABORTED', 'oversize: storing the data was given up'),
          ),
      };
    },
    wholeOf: (event) => (isLight(event, uriPrefix) ? taken.get(event) : event),
    whole: createWhole({ store, uriPrefix, onWarning }),
  };
}

export interface OversizeParts extends StoreParts {
  readonly onWarning: (text: string) => void;
}

async function moduleOf(kinds: StoreKinds, { kind }: Chosen): Promise<StoreModule> {
  const found = kinds[kind];
  if (found === undefined) throw new RouterError('UNSUPPORTED', `oversize: no store '${kind}' here`);
  return found.load();
}

/** Throws CONFIG_INVALID, or UNSUPPORTED where the kind of store is not there. */
export async function openOversize(store: Chosen, kinds: StoreKinds, parts: OversizeParts): Promise<Oversize> {
  const module = await moduleOf(kinds, store);
  const uriPrefix = module.uriPrefixOf(store.options, parts.baseDir);
  return createOversize(await module.open(store.options, parts), uriPrefix, parts.onWarning);
}

/** What all references to the store begin with: for filters that are told without opening anything. Throws as openOversize. */
export async function uriPrefixOf(store: Chosen, kinds: StoreKinds, baseDir: string): Promise<string> {
  return (await moduleOf(kinds, store)).uriPrefixOf(store.options, baseDir);
}
