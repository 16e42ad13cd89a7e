// What the rules of a document need on a bus with a subscription for each, as the buses' parts share it: who asks, and what
// earlier filters left behind. On an emulator it is made, everywhere else told, where nothing is ever made.

import type { BusAndRules } from '../infra/documents.ts';
import type { Io } from './command.ts';

/** Rule → the subscriptions that its earlier filters left behind, to be drained. */
export type Formerly = ReadonlyMap<string, readonly string[]>;

export interface RulesContext {
  readonly dataDir: string;
  readonly io: Io;
  /** Lines for the person who runs this; what was told already is not told again. */
  readonly tell: (...lines: readonly string[]) => void;
  /** Subscriptions that this process asked so far. */
  readonly asked: Set<string>;
}

/**
 * Called before rules come into force, so that no publisher leaves out what a new subscription should have had. Rejects where
 * an emulator does not answer.
 */
export type PrepareRules = (document: BusAndRules) => Promise<Formerly>;

/** Old subscriptions in words, and by rule those that a rule here still drains. */
export function sortFormer(
  old: readonly string[],
  ruleOf: (subscription: string) => string | undefined,
  rules: readonly { readonly name: string }[],
): { readonly formerly: Formerly; readonly ofNoRule: readonly string[] } {
  const ruleNames = new Set(rules.map(({ name }) => name));
  const formerly = new Map<string, string[]>();
  const ofNoRule: string[] = [];
  for (const subscription of old) {
    const rule = ruleOf(subscription) ?? '';
    if (!ruleNames.has(rule)) ofNoRule.push(subscription);
    else formerly.set(rule, [...(formerly.get(rule) ?? []), subscription]);
  }
  return { formerly, ofNoRule };
}

/** The order of roll-out for people: what is new is there before what is old goes. */
export function tellFormer({ formerly, ofNoRule }: ReturnType<typeof sortFormer>, tell: RulesContext['tell']): void {
  for (const [rule, subscriptions] of formerly) {
    const one = subscriptions.length === 1;
    tell(
      `rule '${rule}' had another filter before: ${one ? 'its old subscription is' : 'its old subscriptions are'} drained while this runs; once the new one exists and ${one ? 'it is' : 'they are'} empty, delete ${subscriptions.join(', ')}`,
    );
  }
  if (ofNoRule.length > 0) {
    tell(`no rule of this document reads ${ofNoRule.join(', ')}; drain and delete them if no other router does`);
  }
}
