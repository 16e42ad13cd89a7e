// Recorded events for plan's what-if: the newest of a log, or a file of structured CloudEvents, a line each. One event at a
// time is held, so a file may be of any length; a line that is no event is counted and named, never a reason to stop.

import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import type { Recorded } from '../../infra/plan.ts';
import type { Chosen } from '../../router/document.ts';
import { RouterError, toRouterError } from '../../router/errors.ts';
import type { CloudEvent } from '../../router/event.ts';
import { decodeStructured, encodeStructured } from '../../router/wire/json.ts';
import type { Io } from '../command.ts';
import { linesOf } from '../lines.ts';
import { prepareBus } from '../prepare-bus.ts';
import { requireBus } from '../read-bus.ts';
import { openAdapter } from '../runtime.ts';

type Read = Omit<Recorded, 'unjudged'>;

/** `bytes`: of the structured event. */
export type TakeEvent = (event: CloudEvent, bytes: number) => void;

// Larger than what any bus takes.
const MAX_LINE_BYTES = 16 * 1024 * 1024;
const BAD_NAMED = 3;
const PROGRESS_MS = 1_000;

/** Says once a second how far it is. */
function progressOf(io: Io): (events: number) => void {
  let next = io.now() + PROGRESS_MS;
  return (events) => {
    // The clock costs more than an event.
    if (events % 256 !== 0 || io.now() < next) return;
    next = io.now() + PROGRESS_MS;
    io.err(`${events} events read`);
  };
}

function readEvent(line: Buffer): CloudEvent {
  if (line.length <= MAX_LINE_BYTES) return decodeStructured(line);
  throw new RouterError('EVENT_TOO_LARGE', `the line is longer than ${MAX_LINE_BYTES} bytes`);
}

function unreadable(thrown: unknown, given: string, io: Io): RouterError {
  if (io.signal.aborted) return new RouterError('ABORTED', 'busway plan was stopped');
  const { code } = thrown as { code?: unknown };
  if (thrown instanceof RouterError || typeof code !== 'string') return toRouterError(thrown);
  const says = `${given} cannot be read (${code}); --events takes a file of CloudEvents, one JSON line each`;
  return new RouterError('CONFIG_INVALID', says, { cause: thrown });
}

/** Throws CONFIG_INVALID for a file that cannot be read. */
export async function readEventsFile(given: string, io: Io, take: TakeEvent): Promise<Read> {
  const firstBad: string[] = [];
  let [events, bad] = [0, 0];
  const progress = progressOf(io);
  const stream = createReadStream(resolve(io.cwd, given), { signal: io.signal });
  try {
    for await (const [number, line] of linesOf(stream, MAX_LINE_BYTES)) {
      let event: CloudEvent;
      try {
        event = readEvent(line);
      } catch (thrown) {
        bad++;
        if (firstBad.length < BAD_NAMED) firstBad.push(`line ${number}: ${toRouterError(thrown).message}`);
        continue;
      }
      take(event, line.length);
      progress(++events);
    }
  } catch (thrown) {
    throw unreadable(thrown, given, io);
  }
  return { from: given, events, bad, firstBad };
}

export interface LogParts {
  /** Of the document as written; where it keeps no log of its own, that of the data folder is read. */
  readonly bus: Chosen;
  readonly dataDir: string;
  readonly last: number;
}

/** Throws NOT_FOUND where there is no log yet, BUS_UNAVAILABLE where it cannot be reached. */
export async function readLog({ bus, dataDir, last }: LogParts, io: Io, take: TakeEvent): Promise<Read> {
  const log = bus.kind === 'kafka' ? bus : { kind: 'embedded', options: {} };
  requireBus(log.kind, dataDir);
  const ready = await prepareBus(log, { dataDir, io, start: false });
  const onWarning = (text: string): void => io.err(`warning: ${text}`);
  const adapter = await openAdapter(ready, { dataDir, now: io.now, env: io.env, onWarning, readOnly: true });
  const progress = progressOf(io);
  let events = 0;
  try {
    for await (const event of adapter.tail!({ last, follow: false }, io.signal)) {
      take(event, encodeStructured(event).length);
      progress(++events);
    }
  } finally {
    await adapter.close();
  }
  if (io.signal.aborted) throw new RouterError('ABORTED', 'busway plan was stopped');
  return { from: `the ${log.kind} log`, events, bad: 0, firstBad: [] };
}
