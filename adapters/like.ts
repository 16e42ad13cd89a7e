// A bus of this machine that behaves as another one, by a seed: takes and refuses what that bus would, delivers as it would.
// Law: each rule is delivered the same set of events as without; only time, order and repeats differ. All chance is drawn
// from (seed, what, event, attempt), so that the same seed and events make the same run.

import { createHash } from 'node:crypto';
import { RouterError } from '../router/errors.ts';
import type { Adapter } from './adapter.ts';
import { likeConsumer } from './like-consumer.ts';
import { likePublish } from './like-publish.ts';
import type { ImitatedRule, Personality } from './personality.ts';

/** A number in [0, 1): always the same for the same names. */
export type Chance = (...names: readonly (string | number)[]) => number;

export interface LikeParts {
  readonly personality: Personality;
  readonly seed: number;
  /** The rules in force, read at each use. */
  readonly rules: () => readonly ImitatedRule[];
  readonly now: () => number;
  readonly onWarning: (text: string) => void;
  /** Divides every wait, for tests; 1 if absent. */
  readonly speed?: number;
}

function chanceOf(seed: number): Chance {
  return (...names) => {
    const digest = createHash('sha256')
      .update(JSON.stringify([seed, ...names]))
      .digest();
    return digest.readUIntBE(0, 6) / 2 ** 48;
  };
}

/** Throws UNSUPPORTED for a bus that is not read as a log. */
export function likeBus(adapter: Adapter, parts: LikeParts): Adapter {
  const { personality } = parts;
  const { failures, subscribe, limits, capabilities } = adapter;
  if (capabilities.delivery !== 'log' || subscribe === undefined || failures === undefined) {
    throw new RouterError('UNSUPPORTED', `${adapter.name} cannot behave as another bus; embedded and kafka can`);
  }
  const chance = chanceOf(parts.seed);
  return {
    ...adapter,
    name: `${adapter.name} (like ${personality.name})`,
    limits: {
      events: Math.min(limits.events, personality.limits.events),
      callBytes: Math.min(limits.callBytes, personality.limits.callBytes),
      // What only the bus beneath cannot take, it refuses itself.
      eventBytes: personality.limits.eventBytes,
    },
    capabilities: { ...capabilities, order: personality.order },
    sizeOf: personality.sizeOf,
    publish: likePublish(adapter, personality, chance),
    subscribe: (consumer, signal) => subscribe(likeConsumer(consumer, { ...parts, failures, chance }), signal),
    compile: personality.filter.compile,
  };
}
