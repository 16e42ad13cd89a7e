// When a subscription that an earlier filter left behind is empty: nothing comes from it any more that the rule's new one
// does not have too. Must never say so while a message of its own is under way or waits for its next try. Time comes in.

export interface DrainWatch {
  /** A message came, published at this time (ms since the epoch). To be called back when its delivery has ended. */
  took(publishedAt: number): () => void;
  /** A message was put off for so long. */
  postponed(seconds: number): void;
  /** The service answered a pull. */
  answered(): void;
}

export interface DrainParts {
  readonly now: () => number;
  /** Since when the new subscription is known to exist; undefined while it is not, or where there is none. */
  readonly newerSince: () => number | undefined;
  /** Called once. */
  readonly onDrained: () => void;
}

// A pull may end empty although there is more.
const QUIET_MS = 10_000;
// The service's clock and ours.
const CLOCKS_MS = 60_000;

const nothing = (): void => undefined;

export function createDrainWatch({ now, newerSince, onDrained }: DrainParts): DrainWatch {
  let busyUntil = now();
  let open = 0;
  let told = false;

  function busy(ms = 0): void {
    busyUntil = Math.max(busyUntil, now() + ms);
  }

  return {
    took(publishedAt) {
      const since = newerSince();
      // What is newer than the new subscription is in both.
      if (since !== undefined && publishedAt > since + CLOCKS_MS) return nothing;
      open++;
      return () => {
        open--;
        busy();
      };
    },
    postponed: (seconds) => busy(seconds * 1_000),
    answered() {
      if (newerSince() === undefined) {
        busy();
        told = false;
      }
      if (told || open > 0 || now() < busyUntil + QUIET_MS) return;
      told = true;
      onDrained();
    },
  };
}
