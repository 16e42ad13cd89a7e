// EventBridge in a plan: the bus, and for each rule a rule of the bus, a queue and its dead-letter queue, named as the stack
// names them.
// Limits: EventBridge User Guide, "Quotas" (300 rules a bus unless raised, 30 with wildcards, 5 targets a rule, 2,048
// characters a pattern unless raised) and PutRule (4,096), read 2026-11-20. How many wildcards one pattern may have is not
// published; lint names those that are too complex.

import { regionOfBus, toEventBridgeOptions } from '../../../adapters/eventbridge/options.ts';
import { isObject, type Options } from '../../../router/config.ts';
import { patternJson } from '../../../router/pattern-json.ts';
import { hashOf } from '../../../router/rule.ts';
import type { AwsPlan } from '../../aws/plan-data.ts';
import { type BusPlan, type Limit, retryNote, withoutOrder } from '../bus-plan.ts';
import type { CompiledRule } from '../compiled-rule.ts';
import type { Resource } from '../plan-file.ts';

const RULES_WITH_WILDCARDS = 30;
const TARGETS = 5;
const LARGEST_PATTERN = 4_096;
// Each rule feeds its queue.
const TARGETS_USED = 1;

/** None where nobody said what the stack makes. */
function resources(_rules: readonly CompiledRule[], _given: Options, aws: AwsPlan | undefined): readonly Resource[] {
  const { bus = null, rules = [] } = aws ?? {};
  const perRule = rules.flatMap(({ rule, ruleName, pattern, queue, deadLetterQueue, maxReceiveCount }): Resource[] => [
    { kind: 'bus rule', name: ruleName, rule, hash: hashOf({ pattern }) },
    { kind: 'queue', name: queue, rule, hash: hashOf({ maxReceiveCount }) },
    { kind: 'dead-letter queue', name: deadLetterQueue, rule, hash: hashOf({}) },
  ]);
  // A bus that is there already is nobody's to make.
  return [
    ...(bus?.made ? [{ kind: 'event bus', name: bus.name || '(not named yet)', hash: hashOf({}) }] : []),
    ...perRule,
  ];
}

function isWildcard(test: unknown): boolean {
  if (!isObject(test)) return false;
  return Object.hasOwn(test, 'wildcard') || isWildcard(test['anything-but']);
}

/** In lists stand alternatives, or the branches of $or; elsewhere 'wildcard' is the name of a field. */
function wildcardsIn(native: unknown): number {
  if (!isObject(native)) return 0;
  return Object.values(native).reduce<number>((sum, below) => {
    if (!Array.isArray(below)) return sum + wildcardsIn(below);
    return sum + below.reduce<number>((count, item) => count + (isWildcard(item) ? 1 : wildcardsIn(item)), 0);
  }, 0);
}

/** As the rule is written; what does not fit has been cut from the native pattern. */
function sizeOf({ rule: { when }, split: { native } }: CompiledRule): number {
  if (when.kind === 'fields') return `{"detail":${patternJson(when)}}`.length;
  return native === null ? 0 : JSON.stringify(native).length;
}

function limits(rules: readonly CompiledRule[], given: Options): readonly Limit[] {
  const { maxPattern, maxRules } = toEventBridgeOptions(given);
  const wild = rules.filter(({ split }) => wildcardsIn(split.native) > 0).length;
  const patterns = rules.map((rule): Limit => {
    const used = sizeOf(rule);
    const over = used > LARGEST_PATTERN ? 'error' : 'warning';
    const raise =
      used > LARGEST_PATTERN ? '' : "have the quota 'event pattern size' raised and say so by maxPattern, or ";
    const fix = `${raise}split the rule, or replace lists by a prefix`;
    return { at: rule.at, what: 'characters of the pattern', used, limit: maxPattern, over, fix };
  });
  return [
    {
      at: 'rules',
      what: 'rules of the bus',
      used: rules.length,
      limit: maxRules,
      over: 'error',
      fix: "have the quota 'rules' raised and say so by maxRules, or use a second bus",
    },
    {
      at: 'rules',
      what: 'rules with wildcards',
      used: wild,
      limit: RULES_WITH_WILDCARDS,
      over: 'error',
      fix: 'use prefix or suffix, or a second bus',
    },
    { at: 'rules', what: 'targets of a rule', used: TARGETS_USED, limit: TARGETS, over: 'error', fix: '' },
    ...patterns,
  ];
}

export const eventbridgePlan: BusPlan = {
  resources,
  limits,
  gaps: (rules) => [
    ...withoutOrder(rules, 'EventBridge'),
    ...retryNote(rules, "retries come at the rules' times to the second, after 12 h at most; a busy function may add"),
  ],
  settings({ bus, region }) {
    const known = region !== undefined || (typeof bus === 'string' && regionOfBus(bus) !== undefined);
    return known ? [] : [{ at: 'bus.region', variables: ['AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_PROFILE'] }];
  },
};
