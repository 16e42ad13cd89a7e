// Work that has to end before its host or its bus stops waiting.

/** The part of a host's context that is used; Lambda's word for it. */
export interface TimeLeft {
  readonly getRemainingTimeInMillis?: () => number;
}

// Targets end within a second of an abort; the answer needs a little on top.
const RESERVE_MS = 1_500;

/** Runs `work` with a signal that aborts shortly before `ms` milliseconds are over. */
export async function withinTime<T>(ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const control = new AbortController();
  const timer = setTimeout(() => control.abort(), Math.max(0, ms - RESERVE_MS));
  try {
    return await work(control.signal);
  } finally {
    clearTimeout(timer);
  }
}
