// How well bus.ts fills its calls: a trace of arrivals replayed under a clock that jumps from one happening to the next, and
// beside it the fewest calls that anybody could have made at the same moments. Counts only; the same trace gives the same.

import type { Adapter, Limits, PublishResult } from '../../adapters/adapter.ts';
import { busDefaults, createBus } from '../../adapters/bus.ts';
import type { CloudEvent } from '../../router/event.ts';
import { gate } from './bench.ts';

export interface Arrival {
  readonly atMs: number;
  readonly event: CloudEvent;
}

export interface Packed {
  readonly events: number;
  readonly requests: number;
  /** No packing can do with fewer. */
  readonly least: number;
  /** As many as it would take had all events waited for the last. */
  readonly together: number;
}

/**
 * What waits, as three sums that a call lowers as far as its limits allow, each for itself: events, bytes, and events of
 * more than half a call, of which no two go together. Where one of them is left a call is due, whoever packs, in whatever
 * order; so calls counted here are a lower bound for all who may call at the same moments.
 */
export function leastCalls({ events, callBytes }: Limits) {
  const waits = { events: 0, bytes: 0, large: 0 };
  let calls = 0;
  return {
    arrive(bytes: number): void {
      waits.events++;
      waits.bytes += bytes;
      if (bytes * 2 > callBytes) waits.large++;
    },
    /** A moment at which a call may leave. */
    depart(): void {
      if (waits.events > 0 || waits.bytes > 0 || waits.large > 0) calls++;
      waits.events = Math.max(0, waits.events - events);
      waits.bytes = Math.max(0, waits.bytes - callBytes);
      waits.large = Math.max(0, waits.large - 1);
    },
    calls: () => calls,
  };
}

/** The bus sends what came in one turn of the event loop; timers of the bus run on the real clock and never end here. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Flight {
  readonly endsAt: number;
  readonly land: () => void;
}

/**
 * `arrivals` in order of time; each call takes `callMs`. Throws (gate) when an event is not taken, when two calls are under
 * way at once, or when fewer calls were made than are possible.
 */
export async function replay(
  adapter: Adapter,
  arrivals: readonly Arrival[],
  callMs: number,
  makeBus: typeof createBus = createBus,
): Promise<Packed> {
  const { limits } = adapter;
  const least = leastCalls(limits);
  let now = 0;
  let requests = 0;
  let taken = 0;
  let bytes = 0;
  let flight: Flight | undefined;
  const publish = (batch: readonly CloudEvent[]): Promise<readonly PublishResult[]> => {
    gate(flight === undefined, 'two calls were under way at once');
    requests++;
    least.depart();
    return new Promise((resolve) => {
      flight = { endsAt: now + callMs, land: () => resolve(batch.map(() => ({ ok: true }))) };
    });
  };
  const bus = makeBus({ ...adapter, publish, close: async () => undefined }, { ...busDefaults, now: () => now });
  for (let next = 0; ; ) {
    const arrival = arrivals[next];
    if (arrival !== undefined && (flight === undefined || arrival.atMs <= flight.endsAt)) {
      now = arrival.atMs;
      for (; arrivals[next]?.atMs === now; next++) {
        const { event } = arrivals[next]!;
        const size = adapter.sizeOf(event);
        least.arrive(size);
        bytes += size;
        void bus.publishOne(event).then(({ ok }) => (taken += ok ? 1 : 0));
      }
    } else if (flight !== undefined) {
      now = flight.endsAt;
      const { land } = flight;
      flight = undefined;
      land();
    } else break;
    if (flight === undefined) await turn();
  }
  await bus.close();
  gate(taken === arrivals.length, `${taken} of ${arrivals.length} events were taken`);
  gate(requests >= least.calls(), `${requests} calls are fewer than the ${least.calls()} that are possible`);
  const events = arrivals.length;
  const together = Math.max(Math.ceil(events / limits.events), Math.ceil(bytes / limits.callBytes));
  return { events, requests, least: least.calls(), together };
}
