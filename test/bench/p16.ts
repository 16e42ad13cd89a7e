// P16: how many requests bus.ts makes for a trace of arrivals, against the fewest that are possible; with the limits and the
// sizes of each cloud's adapter, which is opened and never connected.

import type { Adapter } from '../../adapters/adapter.ts';
import { attempt, type Bench, type BenchContext, type Row } from './bench.ts';
import { median, rangePct } from './measure.ts';
import { type Packed, replay } from './packing.ts';
import { adapterParts } from './servers/publishing.ts';
import { type TraceKind, traceKinds, traceOf } from './traces.ts';

const TARGET = 0.98;
/** Of a call. Only what arrives meanwhile depends on it, and rates are shares of what calls of this time carry. */
const CALL_MS = 20;
const EVENTS = 20_000;
const QUICK_EVENTS = 2_000;
const ROUNDS = 3;

interface Bus {
  readonly title: string;
  open(): Promise<Adapter>;
}

const NOWHERE = 'http://127.0.0.1:9';

const buses: readonly Bus[] = [
  {
    title: 'EventBridge',
    async open() {
      const { open } = await import('../../adapters/eventbridge/adapter.ts');
      return open({ bus: 'bench', region: 'eu-west-1', endpoint: NOWHERE }, adapterParts(''));
    },
  },
  {
    title: 'Pub/Sub',
    async open() {
      const { open } = await import('../../adapters/pubsub/adapter.ts');
      return open({ project: 'bench-project', endpoint: NOWHERE }, adapterParts(''));
    },
  },
  {
    title: 'Event Grid',
    async open() {
      const { open } = await import('../../adapters/eventgrid/adapter.ts');
      return open({ endpoint: NOWHERE }, adapterParts('', { EVENTGRID_KEY: 'a2V5' }));
    },
  },
];

/** Events of a trace differ in nothing else that counts, so each size is measured once. */
function withSizesKept(adapter: Adapter): Adapter {
  const sizes = new Map<number, number>();
  return {
    ...adapter,
    sizeOf(event) {
      const length = event.data!.bytes.length;
      const size = sizes.get(length) ?? adapter.sizeOf(event);
      sizes.set(length, size);
      return size;
    },
  };
}

export function packingRow(row: string, target: number | null, rounds: readonly Packed[]): Row {
  const ratios = rounds.map(({ least, requests }) => least / requests);
  const ratio = median(ratios);
  const sum = (of: 'events' | 'requests' | 'least' | 'together'): number =>
    rounds.reduce((total, packed) => total + packed[of], 0);
  const perMillion = (of: 'requests' | 'least' | 'together'): string =>
    Math.round((sum(of) / sum('events')) * 1_000_000).toLocaleString('en-US');
  const says = [
    `${perMillion('requests')} requests per million events, at least ${perMillion('least')}`,
    `${perMillion('together')} had all waited for the last`,
    `${rounds.length} seeds`,
    `${sum('events')} events`,
  ].join('; ');
  const met = target === null ? null : ratio >= target;
  return { row, ratio, target, met, rangePct: rangePct(ratios), noisy: false, says };
}

async function measure(context: BenchContext, row: string, adapter: Adapter, kind: TraceKind): Promise<Row> {
  const events = context.quick ? QUICK_EVENTS : EVENTS;
  const rounds: Packed[] = [];
  for (let seed = 1; seed <= (context.rounds ?? ROUNDS); seed++) {
    context.signal.throwIfAborted();
    rounds.push(await replay(adapter, traceOf(kind, { adapter, callMs: CALL_MS, events, seed }), CALL_MS));
  }
  return packingRow(row, kind.isCoarse ? null : TARGET, rounds);
}

export const p16: Bench = {
  name: 'p16',
  title: 'P16 filling calls',
  says:
    'Requests that the portable bus makes for a trace of arrivals, under a simulated clock, against a lower bound: what ' +
    'waits when a call leaves, in whatever order and cut as one likes, by the limits of count and bytes of each adapter. ' +
    `A call takes ${CALL_MS} ms, one is under way, nobody waits for a timer. Steady: random arrivals at a share of what ` +
    'calls can carry; bursts: up to 20 calls full at once. Counts, the same on every machine; the range is of seeds.',
  async *rows(context) {
    for (const { title, open } of buses) {
      const adapter = withSizesKept(await open());
      for (const kind of traceKinds) {
        const row = `${title}, ${kind.name}`;
        yield attempt(row, context.signal, () => measure(context, row, adapter, kind));
      }
      await adapter.close();
    }
  },
};
