// The contract of a target: it takes one event for one rule and says how that ended. test/contract/target.ts holds the laws.

import type { Delivery, Verdict } from '../../router/consume.ts';

export type { Delivery, Verdict };

export interface Target {
  /** What a person reads in a log line: 'http ci.example.com', 'slack', 'fn ./handlers/index.ts', 'log'. No secrets. */
  readonly label: string;
  /** Never rejects; ends within 1 s of an abort. May be called concurrently. */
  deliver(delivery: Delivery, signal: AbortSignal): Promise<Verdict>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** What opening a target needs to know. */
export interface TargetParts {
  readonly rule: string;
  /** The folder that module paths in the document are relative to. */
  readonly baseDir: string;
  /** True under `busway dev`: literal loopback addresses are allowed. */
  readonly local: boolean;
  readonly env: (name: string) => string | undefined;
  readonly now: () => number;
  /** Said once at start, for instance that a target goes unsigned. */
  readonly onWarning: (text: string) => void;
  /** Where the `log` target writes its lines. */
  readonly print: (line: string) => void;
}
