// The consumer of the Pub/Sub bus: a puller for each rule in force. Rules that come and go while it runs are taken over.
// Must never make or delete a subscription, and never let one rule's trouble end another's.

import type { Consumer } from '../../router/consume.ts';
import type { Routed } from '../adapter.ts';
import type { Clients, Connection } from './client.ts';
import { subscriptionName, subscriptionPath } from './definitions.ts';
import { madeOf } from './in-force.ts';
import type { PubSubOptions } from './options.ts';
import { pause } from './pause.ts';
import { runPuller } from './puller.ts';
import { createReplies } from './replies.ts';

export interface SubscribeParts {
  /** Each is another connection. */
  readonly connectionOf: (index: number) => Connection;
  readonly project: string;
  readonly options: PubSubOptions;
  readonly rules: () => readonly Routed[];
  readonly now: () => number;
  readonly onWarning: (text: string) => void;
}

const LOOK_MS = 1_000;
// A pull without messages stays open, and a connection takes 100 calls at once: replies need places too.
const PULLS_PER_CONNECTION = 50;
const DRAIN_MS = 5_000;
// Targets end within a second of an abort; a little more for what they say then.
const GIVE_UP_MS = 1_500;

interface RunningPuller {
  /** Asks no more and resolves when what was under way has ended or was given up. */
  end(): Promise<void>;
}

/** What the filter of the rule's subscription has not decided. */
async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}

function startPuller(parts: SubscribeParts, clients: Clients, consumer: Consumer, given: Started): RunningPuller {
  const { rule, subscription } = given;
  const [stop, giveUp] = [new AbortController(), new AbortController()];
  const replies = createReplies({ clients, subscription });
  const { now, onWarning } = parts;
  const running = runPuller({
    ...{ clients, replies, consumer, subscription, now, onWarning },
    rule: rule.name,
    stop: stop.signal,
    giveUp: giveUp.signal,
  });
  return {
    async end() {
      stop.abort();
      await within(DRAIN_MS, running);
      giveUp.abort();
      await within(GIVE_UP_MS, running);
      await replies.close();
    },
  };
}

interface Started {
  readonly rule: Routed;
  readonly subscription: string;
}

/** Subscription → the rule that pulls from it. */
function wanted(
  { project, options }: SubscribeParts,
  consumer: Consumer,
  rules: readonly Routed[],
): ReadonlyMap<string, Routed> {
  return new Map(
    rules.map((rule) => {
      const order = consumer.ordered(rule.name) ? ('key' as const) : undefined;
      return [subscriptionPath(project, subscriptionName(options, { ...rule, order })), rule];
    }),
  );
}

interface Pullers {
  /** Starts and ends what the rules of this moment ask for. */
  follow(due: ReadonlyMap<string, Routed>): Promise<void>;
  endAll(): Promise<void>;
}

function createPullers(parts: SubscribeParts, consumer: Consumer): Pullers {
  const pullers = new Map<string, RunningPuller>();
  const ending = new Set<Promise<void>>();
  let started = 0;

  function end(subscription: string): void {
    const puller = pullers.get(subscription)!;
    pullers.delete(subscription);
    const ended = puller.end().finally(() => ending.delete(ended));
    ending.add(ended);
  }

  return {
    async follow(due) {
      for (const subscription of [...pullers.keys()].filter((name) => !due.has(name))) {
        end(subscription);
        parts.onWarning(
          `pubsub: subscription '${subscription}' is no longer asked: its rule changed; drain and delete it`,
        );
      }
      for (const [subscription, rule] of due) {
        if (pullers.has(subscription)) continue;
        const clients = await parts.connectionOf(Math.floor(started++ / PULLS_PER_CONNECTION)).open();
        pullers.set(subscription, startPuller(parts, clients, consumer, { rule, subscription }));
      }
    },
    async endAll() {
      for (const subscription of [...pullers.keys()]) end(subscription);
      await Promise.all(ending);
    },
  };
}

/** Delivers until `signal` aborts; then drains, and gives back what is not done. */
export async function subscribePubSub(parts: SubscribeParts, consumer: Consumer, signal: AbortSignal): Promise<void> {
  const pullers = createPullers(parts, consumer);
  const due = madeOf(parts.rules, (rules) => wanted(parts, consumer, rules));
  let followed: ReadonlyMap<string, Routed> | undefined;
  try {
    while (!signal.aborted) {
      const current = due();
      if (current !== followed) await pullers.follow(current);
      followed = current;
      await pause(LOOK_MS, signal);
    }
  } finally {
    await pullers.endAll();
  }
}
