// Event Grid in a plan: an event subscription a rule, as adapters/eventgrid/definitions.ts has them; its filter is in its
// name. The topic is there already.
// Limits: Azure Event Grid, "Event filtering" (25 advanced filters, 25 values in all, 512 characters a text) and "Quotas and
// limits" (500 subscriptions a topic); "Delivery and retry" (30 attempts in 24 hours), read 2026-11-21.

import { nameOf, ruleSubscription } from '../../../adapters/eventgrid/definitions.ts';
import { toEventGridOptions } from '../../../adapters/eventgrid/options.ts';
import { isObject, type Options } from '../../../router/config.ts';
import { hashOf } from '../../../router/rule.ts';
import { type BusPlan, type Limit, retryNote, withoutOrder } from '../bus-plan.ts';
import type { CompiledRule } from '../compiled-rule.ts';
import type { PlanFinding } from '../finding.ts';
import type { Resource } from '../plan-file.ts';

const SUBSCRIPTIONS = 500;
const FILTERS = 25;
const VALUES = 25;
const TEXT = 512;
const PUSH_ATTEMPTS = 30;
const PUSH_HOURS = 24;

function resources(rules: readonly CompiledRule[], given: Options): readonly Resource[] {
  const options = toEventGridOptions(given);
  const parts = { options, deadLetters: { storageId: '-', container: '-' }, push: { url: '-', secret: '-' } };
  return rules.map(({ rule }) => ({
    kind: 'event subscription',
    name: nameOf(rule, options),
    rule: rule.name,
    hash: hashOf(ruleSubscription(rule, parts)),
  }));
}

/** What either tier calls its list of filters, each with `value` or `values`. */
export function filtersIn(native: unknown): readonly Readonly<Record<string, unknown>>[] {
  if (!isObject(native)) return [];
  const listed = native['advancedFilters'] ?? native['filters'];
  return Array.isArray(listed) ? listed : [];
}

function limitsOfRule({ at, split: { native } }: CompiledRule): readonly Limit[] {
  const filters = filtersIn(native);
  const values = filters.flatMap((filter) => filter['values'] ?? [filter['value']]);
  const longest = Math.max(0, ...values.map((value) => (typeof value === 'string' ? value.length : 0)));
  const limit = (what: string, used: number, most: number, fix: string): Limit[] =>
    used === 0 ? [] : [{ at, what, used, limit: most, over: 'warning', fix }];
  return [
    ...limit('filters of the subscription', filters.length, FILTERS, 'split the rule'),
    ...limit('values of the subscription', values.length, VALUES, 'split the rule, or replace a list by a prefix'),
    ...limit('characters of a text', longest, TEXT, 'ask for a shorter text, such as a prefix'),
  ];
}

function limits(rules: readonly CompiledRule[]): readonly Limit[] {
  const fix = 'use a second topic';
  const subscriptions: Limit = {
    at: 'rules',
    what: 'subscriptions of the topic',
    used: rules.length,
    limit: SUBSCRIPTIONS,
    over: 'error',
    fix,
  };
  return [subscriptions, ...rules.flatMap(limitsOfRule)];
}

/** The service gives up by then, and the event ends in its dead letters before the rule's last attempt. */
function tooPatient(rules: readonly CompiledRule[]): readonly PlanFinding[] {
  return rules
    .filter(({ rule }) => rule.retry.attempts > PUSH_ATTEMPTS)
    .map(({ at, rule }) => ({
      level: 'error',
      kind: 'retry',
      at: `${at} retry.attempts`,
      says: `asks for ${rule.retry.attempts} attempts, and a custom topic pushes ${PUSH_ATTEMPTS} times in ${PUSH_HOURS} hours at most`,
      fix: `write ${PUSH_ATTEMPTS} or fewer, or use a topic of a namespace`,
    }));
}

function gaps(rules: readonly CompiledRule[], given: Options): readonly PlanFinding[] {
  const order = withoutOrder(rules, 'Event Grid');
  if (toEventGridOptions(given).topic !== undefined) return order;
  const curve = "retries come by Event Grid's own schedule (10 s, 30 s, 1 min, 5 min, …), not at the rules' times";
  return [...order, ...tooPatient(rules), ...retryNote(rules, curve)];
}

export const eventgridPlan: BusPlan = {
  resources,
  limits,
  gaps,
  settings({ endpoint, key, sas, entra }) {
    const access = [key, sas].some((given) => given !== undefined) || entra === true;
    return [
      ...(endpoint === undefined ? [{ at: 'bus.endpoint', variables: ['EVENTGRID_ENDPOINT'] }] : []),
      ...(access ? [] : [{ at: 'bus.key', variables: ['EVENTGRID_KEY'] }]),
    ];
  },
};
