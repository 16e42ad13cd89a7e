// Pulls the event subscriptions of all rules in force: one a rule, named by subscriptionName, and those that its earlier
// filters left behind. Rules may come, go and change while it runs; a subscription that is not there yet is waited for and
// holds back no other.

import type { Condition } from '../../router/condition.ts';
import type { Consumer } from '../../router/consume.ts';
import { RouterError } from '../../router/errors.ts';
import type { AdapterParts, Routed } from '../adapter.ts';
import { createDeliverOnce } from '../deliver-once.ts';
import { compileEventGrid, type FilterSettings, subscriptionName } from './filter.ts';
import type { Post } from './http.ts';
import { pullSubscription } from './pull.ts';

export interface SubscribeParts extends Pick<AdapterParts, 'rules' | 'now' | 'onWarning'> {
  readonly post: Post;
  /** The url of an operation on the topic: '/eventsubscriptions/x:receive'. */
  readonly operate: (operation: string) => URL;
  readonly settings: FilterSettings;
  readonly prefix: string;
}

// How soon a changed document is noticed.
const RULES_MS = 500;

interface Pulling {
  readonly control: AbortController;
  readonly ended: Promise<void>;
}

/** Throws UNSUPPORTED without rules: each has a subscription of its own. */
export async function subscribeEventGrid(parts: SubscribeParts, given: Consumer, signal: AbortSignal): Promise<void> {
  const { post, operate, settings, prefix, rules, now, onWarning } = parts;
  const { consumer, share } = createDeliverOnce(given);
  if (rules === undefined) {
    throw new RouterError('UNSUPPORTED', 'eventgrid: a namespace is pulled rule by rule, and no rules were given');
  }
  const names = new WeakMap<Condition, Map<string, string>>();
  const pulling = new Map<string, Pulling>();
  const ending = new Set<Promise<void>>();
  let former: ReadonlySet<string> = new Set();

  function nameOf({ name, when }: Routed): string {
    const known = names.get(when) ?? new Map<string, string>();
    names.set(when, known);
    const subscription = known.get(name) ?? subscriptionName(prefix, name, compileEventGrid(when, settings).native);
    known.set(name, subscription);
    return subscription;
  }

  function start(subscription: string, rule: Routed): void {
    const control = new AbortController();
    const either = AbortSignal.any([signal, control.signal]);
    const one = {
      post,
      operation: (name: string) => operate(`/eventsubscriptions/${subscription}:${name}`),
      what: `subscription '${subscription}'`,
      onWarning,
      now,
      rule: rule.name,
      isFormer: () => former.has(subscription),
    };
    const ended = pullSubscription(one, consumer, either);
    pulling.set(subscription, { control, ended });
    void ended.then(() => {
      if (pulling.get(subscription)?.control === control) pulling.delete(subscription);
    });
  }

  function stop(subscription: string, { control, ended }: Pulling): void {
    pulling.delete(subscription);
    control.abort();
    ending.add(ended);
    void ended.finally(() => ending.delete(ended));
  }

  function reconcile(current: readonly Routed[]): void {
    const due = new Map(current.map((rule) => [nameOf(rule), rule]));
    const left = current.flatMap((rule) => (rule.formerly ?? []).map((subscription) => [subscription, rule] as const));
    const before = former;
    former = new Set(left.map(([subscription]) => subscription).filter((subscription) => !due.has(subscription)));
    share(new Set(left.map(([, rule]) => rule.name)));
    for (const [subscription, entry] of pulling) {
      if (!due.has(subscription) && !former.has(subscription)) stop(subscription, entry);
    }
    for (const [subscription, rule] of due) {
      if (!pulling.has(subscription)) start(subscription, rule);
    }
    // One that is gone meanwhile is not asked again.
    for (const [subscription, rule] of left) {
      if (former.has(subscription) && !before.has(subscription) && !pulling.has(subscription))
        start(subscription, rule);
    }
  }

  await new Promise<void>((resolve) => {
    if (signal.aborted) return resolve();
    reconcile(rules());
    const timer = setInterval(() => reconcile(rules()), RULES_MS);
    const end = (): void => {
      clearInterval(timer);
      resolve();
    };
    signal.addEventListener('abort', end, { once: true });
  });
  await Promise.all([...[...pulling.values()].map(({ ended }) => ended), ...ending]);
}
