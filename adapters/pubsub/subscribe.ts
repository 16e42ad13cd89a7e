// The consumer of the Pub/Sub bus: a puller for each rule in force, and one for each subscription that its earlier filters left
// behind. Rules that come, go and change while it runs are taken over. Must never make or delete a subscription, and never
// let one rule's trouble end another's.

import type { Consumer } from '../../router/consume.ts';
import type { Routed } from '../adapter.ts';
import { createDeliverOnce } from '../deliver-once.ts';
import { pause } from '../pause.ts';
import type { Clients, Connection } from './client.ts';
import { subscriptionName, subscriptionPath } from './definitions.ts';
import { createDrainWatch, type DrainWatch } from './drain.ts';
import { madeOf } from './in-force.ts';
import type { PubSubOptions } from './options.ts';
import { type PullerParts, runPuller } from './puller.ts';
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
// A service that does not answer to replies any more does not hold up the stop: what it does not know comes again.
const REPLIES_MS = 2_000;

interface RunningPuller {
  /** Resolves early where the subscription of an earlier filter is gone. */
  readonly running: Promise<void>;
  /** Asks no more and resolves when what was under way has ended or was given up. */
  end(): Promise<void>;
}

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
    ...{ watch: given.watch, isFormer: given.isFormer },
    rule: rule.name,
    stop: stop.signal,
    giveUp: giveUp.signal,
  });
  return {
    running,
    async end() {
      stop.abort();
      await within(DRAIN_MS, running);
      giveUp.abort();
      await within(GIVE_UP_MS, running);
      await within(REPLIES_MS, replies.close());
    },
  };
}

interface Started extends Pick<PullerParts, 'watch' | 'isFormer'> {
  readonly rule: Routed;
  readonly subscription: string;
}

/** One subscription to be asked. */
interface Asked {
  readonly rule: Routed;
  /** The rule's subscription of now, where this one is of an earlier filter. */
  readonly instead?: string;
}

type Due = ReadonlyMap<string, Asked>;

function wanted({ project, options }: SubscribeParts, consumer: Consumer, rules: readonly Routed[]): Due {
  const due = new Map<string, Asked>();
  for (const rule of rules) {
    const order = consumer.ordered(rule.name) ? ('key' as const) : undefined;
    const instead = subscriptionPath(project, subscriptionName(options, { ...rule, order }));
    for (const former of rule.formerly ?? []) due.set(former, { rule, instead });
    due.set(instead, { rule });
  }
  return due;
}

interface Pullers {
  /** Starts and ends what the rules of this moment ask for. */
  follow(due: Due): Promise<void>;
  endAll(): Promise<void>;
}

function createPullers(parts: SubscribeParts, given: Consumer): Pullers {
  const { now, onWarning } = parts;
  const { consumer, share } = createDeliverOnce(given);
  const pullers = new Map<string, RunningPuller>();
  const ending = new Set<Promise<void>>();
  /** Subscription → when it answered first. */
  const answered = new Map<string, number>();
  let current: Due = new Map();
  let started = 0;

  function end(subscription: string): void {
    const puller = pullers.get(subscription)!;
    pullers.delete(subscription);
    const ended = puller.end().finally(() => ending.delete(ended));
    ending.add(ended);
  }

  function watchOf(subscription: string): DrainWatch {
    const watch = createDrainWatch({
      now,
      newerSince: () => answered.get(current.get(subscription)?.instead ?? ''),
      onDrained: () => onWarning(`pubsub: subscription '${subscription}' of an earlier filter is drained; delete it`),
    });
    return {
      ...watch,
      answered() {
        if (!answered.has(subscription)) answered.set(subscription, now());
        watch.answered();
      },
    };
  }

  async function start(subscription: string, { rule }: Asked): Promise<void> {
    const clients = await parts.connectionOf(Math.floor(started++ / PULLS_PER_CONNECTION)).open();
    const isFormer = (): boolean => current.get(subscription)?.instead !== undefined;
    const asked = { rule, subscription, watch: watchOf(subscription), isFormer };
    const puller = startPuller(parts, clients, consumer, asked);
    pullers.set(subscription, puller);
    void puller.running.then(() => {
      if (pullers.get(subscription) === puller) end(subscription);
    });
  }

  return {
    async follow(due) {
      current = due;
      share(new Set([...due.values()].filter(({ instead }) => instead !== undefined).map(({ rule }) => rule.name)));
      for (const subscription of [...pullers.keys()].filter((name) => !due.has(name))) {
        end(subscription);
        onWarning(`pubsub: subscription '${subscription}' is no longer asked: its rule changed; drain and delete it`);
      }
      for (const [subscription, asked] of due) {
        if (!pullers.has(subscription)) await start(subscription, asked);
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
  let followed: Due | undefined;
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
