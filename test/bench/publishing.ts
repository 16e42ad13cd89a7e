// A process that publishes as a contestant: windows of its calls, and what they came to in all. Wall time is told beside
// CPU time and never judged: it belongs to the neighbours.

import type { BenchContext } from './bench.ts';
import { median, type Window } from './measure.ts';
import type { Server } from './servers/child.ts';
import type { Published } from './servers/publishing.ts';

export interface Publisher {
  readonly server: Server;
  readonly window: Window;
  /** Events of all windows so far. */
  readonly published: () => number;
  /** Microseconds per event, median of the windows. */
  readonly wallUs: () => number;
}

// Publishing has no arrivals to wait for, so shorter windows tell as much.
const SHARE = 0.75;

export function publisherOf({ windowMs }: BenchContext, server: Server): Publisher {
  const wall: number[] = [];
  let published = 0;
  return {
    server,
    published: () => published,
    wallUs: () => median(wall),
    async window() {
      const before = await server.cpuUs();
      const { events, wallUs } = (await server.work({ forMs: windowMs * SHARE })) as Published;
      published += events;
      wall.push(wallUs / events);
      return { events, cpuUs: (await server.cpuUs()) - before };
    },
  };
}

/** For the detail of a row. */
export function wallText(ours: Publisher, theirs: Publisher): string {
  return `wall ${ours.wallUs().toFixed(1)} us per event against ${theirs.wallUs().toFixed(1)}`;
}
