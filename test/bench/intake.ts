// A server under load as a contestant: windows from idle to idle, so that all CPU time of a window belongs to the events
// of that window, and a tally of what was acknowledged for the gates.

import { type BenchContext, gate } from './bench.ts';
import { runLoad } from './load.ts';
import type { Window } from './measure.ts';
import { type Prebuilt, prebuild, pushBodies } from './payload.ts';
import type { Server } from './servers/child.ts';

/** How a window's end is known where the answer is not the end of the work. */
export interface Delivered {
  /** Resolves when so many events in all have arrived. */
  until(total: number, signal: AbortSignal): Promise<void>;
}

export interface ContestantOptions {
  readonly connections: number;
  readonly path?: string;
  readonly delivered?: Delivered;
  /** Instead of asking the server, for a process that is not ours. */
  readonly cpuUs?: () => Promise<number>;
}

export interface Contestant {
  readonly name: string;
  readonly window: Window;
  /** Answered with 2xx so far, all windows and the sample included. */
  readonly acked: () => number;
  /** The same few deliveries to every contestant, to compare what they make of them. */
  sample(): Promise<void>;
  /** Before measuring: compilers and caches. */
  warmUp(): Promise<void>;
}

export const SAMPLES = 32;
const WARM_UP = 3;
let runs = 0;

type Target = Pick<Server, 'name' | 'port' | 'cpuUs'>;

export function contestantOf(context: BenchContext, server: Target, options: ContestantOptions): Contestant {
  const { signal, windowMs } = context;
  const { connections, path = '/webhooks/github', delivered } = options;
  const requests: readonly Prebuilt[] = pushBodies().map((body) => prebuild(path, `127.0.0.1:${server.port}`, body));
  let acked = 0;

  async function load(run: string, forMs: number, limit?: number): Promise<number> {
    const narrow = limit === undefined ? {} : { limit };
    const result = await runLoad({ port: server.port, requests, connections, forMs, run, signal, ...narrow });
    acked += result.acked;
    await delivered?.until(acked, signal);
    return result.acked;
  }

  return {
    name: server.name,
    acked: () => acked,
    async window() {
      const before = await server.cpuUs();
      const events = await load(`w${++runs}`, windowMs);
      return { events, cpuUs: (await server.cpuUs()) - before };
    },
    async sample() {
      const events = await load('sample', 60_000, SAMPLES);
      gate(events === SAMPLES, `${server.name} took ${events} of ${SAMPLES} sample events`);
    },
    async warmUp() {
      await load(`w${++runs}`, windowMs * WARM_UP);
    },
  };
}

/** What is compared of an event, whoever made it. */
export interface Seen {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly data: Buffer;
}

/** Event for event, in order of id. */
export function sameEvents(ours: readonly Seen[], theirs: readonly Seen[]): void {
  gate(ours.length === SAMPLES, `our sample holds ${ours.length} events, sent were ${SAMPLES}`);
  gate(theirs.length === SAMPLES, `the peer's sample holds ${theirs.length} events, sent were ${SAMPLES}`);
  const byId = (a: Seen, b: Seen) => (a.id < b.id ? -1 : 1);
  const other = [...theirs].sort(byId);
  for (const [i, mine] of [...ours].sort(byId).entries()) {
    const peer = other[i]!;
    for (const name of ['id', 'source', 'type'] as const) {
      gate(mine[name] === peer[name], `${name} of ${mine.id}: ours '${mine[name]}', the peer's '${peer[name]}'`);
    }
    gate(mine.data.equals(peer.data), `the data of ${mine.id} is not what the peer has`);
  }
}
