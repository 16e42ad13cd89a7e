// What plan has to know of a kind of bus: what must exist there, its limits, and where it cannot do what a rule says. One
// file a bus under buses/. A bus without one is planned by its filters alone.

import type { Options } from '../../router/config.ts';
import type { AwsPlan } from '../aws/plan-data.ts';
import type { CompiledRule } from './compiled-rule.ts';
import type { PlanFinding } from './finding.ts';
import type { Resource } from './plan-file.ts';

/** A limit of the service, and how near this document is. */
export interface Limit {
  /** "rules[3] 'big-orders'", or 'rules' for all of them. */
  readonly at: string;
  /** Such as 'characters of the pattern'. */
  readonly what: string;
  readonly used: number;
  readonly limit: number;
  /** What it is to be over: error where the service refuses, warning where the rule is filtered wider. */
  readonly over: 'error' | 'warning';
  readonly fix: string;
}

/** What must be known where the router runs: an option of the bus, else one of these variables. */
export interface Setting {
  /** 'bus.project' */
  readonly at: string;
  readonly variables: readonly string[];
}

export interface BusPlan {
  /**
   * Names, and a hash of all that can be changed. Order: what all rules share, then rule by rule. `aws`: what the stack makes,
   * where the bus is one of AWS; it has names that the document does not know.
   */
  resources(rules: readonly CompiledRule[], options: Options, aws: AwsPlan | undefined): readonly Resource[];
  limits(rules: readonly CompiledRule[], options: Options): readonly Limit[];
  /** An error where deliveries would differ from what a rule says, a note where only their times do. */
  gaps(rules: readonly CompiledRule[], options: Options): readonly PlanFinding[];
  settings(options: Options): readonly Setting[];
}

/** For a bus that is a log: it takes whatever there is, and we deliver. */
export const withoutLimits: Pick<BusPlan, 'limits' | 'gaps' | 'settings'> = {
  limits: () => [],
  gaps: () => [],
  settings: () => [],
};

/** The rules that ask for order, on a bus that has none. */
export function withoutOrder(rules: readonly CompiledRule[], title: string): readonly PlanFinding[] {
  return rules
    .filter(({ rule }) => rule.order === 'key')
    .map(({ at }) => ({
      level: 'error',
      kind: 'order',
      at: `${at} order`,
      says: `asks for the order of a key, and ${title} gives none`,
      fix: "take 'order' out, or use the embedded, kafka or pubsub bus",
    }));
}

/** One note for all rules: which curve stands in for theirs. */
export function retryNote(rules: readonly CompiledRule[], says: string): readonly PlanFinding[] {
  if (rules.length === 0) return [];
  const fix =
    "nothing is lost by it; where the times matter, use a bus that keeps them: embedded or kafka, or pubsub without 'push'";
  return [{ level: 'note', kind: 'retry', at: 'bus', says, fix }];
}
