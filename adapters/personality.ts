// The port to how a bus behaves, for imitating it on a bus of this machine: `busway dev --like`. Pure: no clock, and chance
// comes in as a number in [0, 1), so that the same seed makes the same run. Loads no SDK and asks no network.

import type { CloudEvent } from '../router/event.ts';
import type { RetryPolicy } from '../router/retry.ts';
import type { Decoded, Limits, PublishResult, Routed } from './adapter.ts';
import type { BusFilter } from './bus-filter.ts';

/** A rule as far as a bus knows it; a checked Rule is one. */
export interface ImitatedRule extends Routed {
  readonly retry?: RetryPolicy;
}

/** What the bus has for one rule: a queue, a subscription. */
export interface Subscription {
  /** What it hands over, as our decode reads that. Throws RouterError for what cannot be carried. */
  carry(event: CloudEvent): Decoded;
  /** Milliseconds until it comes again after delivery number `attempt`, 1 for the first. */
  againAfterMs(attempt: number, chance: number): number;
}

export interface Personality {
  readonly name: string;
  /** What is imitated, for people, in a few words. */
  readonly says: string;
  readonly limits: Limits;
  readonly filter: BusFilter;
  /** Whether events of one partitionkey stay in order where their rule asks for it. */
  readonly order: boolean;
  /** A delivery that takes longer is given up, and comes again. */
  readonly deadlineMs: number;
  /** After so many deliveries the bus gives an event up. */
  readonly deliveries: number;
  /** As Adapter.sizeOf. */
  sizeOf(event: CloudEvent): number;
  /** Events of one publish that the service takes or refuses together give the same; undefined: each for itself. */
  callOf(event: CloudEvent): string | undefined;
  /** A passing fault of the service, as our adapter reports it: retryable. */
  fault(chance: number): PublishResult;
  /** Whether our own endpoint lets the bus push to it; absent where a bus does not ask. */
  mayPush?(): boolean;
  subscriptionOf(rule: ImitatedRule): Subscription;
}
