// Arrivals as they come to a router, by a seed: steady streams at a share of what calls can carry, and bursts; of events of
// about a kilobyte, and of mixed sizes. Pure.

import type { Adapter } from '../../adapters/adapter.ts';
import { busDefaults } from '../../adapters/bus.ts';
import { type CloudEvent, jsonData } from '../../router/event.ts';
import { seededRandom } from '../harness/random.ts';
import type { Arrival } from './packing.ts';
import { deliveryId } from './payload.ts';

/** Bytes of data. Few sizes, so that events share their bytes. */
interface Sizes {
  readonly name: string;
  readonly each: readonly number[];
}

const SMALL: Sizes = { name: '1 KB', each: [700, 850, 1_000, 1_150, 1_300] };
const STEPS = 200;
/** Each order of size as often as another. */
const spread = (least: number, most: number): readonly number[] =>
  Array.from({ length: STEPS }, (_, i) => Math.round(least * (most / least) ** (i / (STEPS - 1))));
const MIXED: Sizes = { name: '300 B to 200 KB', each: spread(300, 200_000) };
const LARGE: Sizes = { name: '10 KB to 700 KB', each: spread(10_000, 700_000) };

export interface TraceKind {
  readonly name: string;
  readonly sizes: Sizes;
  /** Of what calls can carry; undefined: bursts. */
  readonly share: number | undefined;
  /** So few in a call that no packing of whole events comes near a bound that cuts them. */
  readonly isCoarse?: boolean;
}

export const traceKinds: readonly TraceKind[] = [
  ...[0.1, 0.5, 0.9].map((share) => ({ name: `steady at ${share * 100} %, ${SMALL.name}`, sizes: SMALL, share })),
  { name: `bursts, ${SMALL.name}`, sizes: SMALL, share: undefined },
  { name: `steady at 90 %, ${MIXED.name}`, sizes: MIXED, share: 0.9 },
  { name: `bursts, ${MIXED.name}`, sizes: MIXED, share: undefined },
  { name: `bursts, ${LARGE.name}`, sizes: LARGE, share: undefined, isCoarse: true },
];

export interface TraceOptions {
  /** Its limits and sizes say what a call carries. */
  readonly adapter: Pick<Adapter, 'limits' | 'sizeOf'>;
  readonly callMs: number;
  /** About so many. */
  readonly events: number;
  readonly seed: number;
}

/** Bursts come when the one before is long gone. */
const BURST_EVERY_MS = 60_000;
/** Of a burst, in calls that it fills; and no more than may wait. */
const MOST_CALLS = 20;
const MOST_BYTES = busDefaults.pendingBytes * 0.75;

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function eventsOf({ each }: Sizes): readonly ((n: number) => CloudEvent)[] {
  return each.map((bytes) => {
    const data = jsonData(Buffer.from(`"${'x'.repeat(bytes - 2)}"`));
    return (n) => ({
      attributes: { specversion: '1.0', id: deliveryId('trace', n), source: '/bench', type: 'bench.trace' },
      data,
    });
  });
}

export function traceOf({ sizes, share }: TraceKind, options: TraceOptions): readonly Arrival[] {
  const { adapter, callMs, events, seed } = options;
  const random = seededRandom(seed);
  const makers = eventsOf(sizes);
  const { limits } = adapter;
  const meanBytes = meanOf(makers.map((make) => adapter.sizeOf(make(0))));
  const perCall = Math.min(limits.events, limits.callBytes / meanBytes);
  const mostOfBurst = Math.min(MOST_CALLS * perCall, MOST_BYTES / meanBytes);
  const arrivals: Arrival[] = [];
  const arrive = (atMs: number): void => {
    arrivals.push({ atMs, event: makers[Math.floor(random() * makers.length)]!(arrivals.length) });
  };
  for (let atMs = 0; arrivals.length < events; ) {
    if (share !== undefined) {
      atMs += (-Math.log(1 - random()) * callMs) / (perCall * share);
      arrive(atMs);
    } else {
      atMs += BURST_EVERY_MS;
      for (let left = Math.ceil(random() * mostOfBurst); left > 0; left--) arrive(atMs);
    }
  }
  return arrivals;
}
