// What goes wrong on purpose in the fake Pub/Sub: a script of faults, taken one after the other, or chance by a seed.

import { refusal, type Status } from './pubsub-limits.ts';

export type Method =
  | 'Publish'
  | 'GetTopic'
  | 'Pull'
  | 'Acknowledge'
  | 'ModifyAckDeadline'
  | 'CreateSubscription'
  | 'ListTopicSubscriptions'
  | 'TestIamPermissions';

export interface Fault {
  readonly method: Method;
  /** What is answered. `hang`: nothing, until the caller goes away. `cut`: the connection ends without an answer. */
  readonly answer: Status | 'hang' | 'cut';
  readonly retryDelayMs?: number;
  /** The work is done all the same, and only its answer is lost. */
  readonly after?: boolean;
  /** Once, unless told. */
  readonly times?: number;
  /** Only calls whose first message holds this in its data. */
  readonly about?: string;
}

export interface Chaos {
  /** 0 to 1. */
  readonly share: number;
  readonly faults: readonly Fault[];
  readonly random: () => number;
}

export interface Faults {
  /** Added to the end of the script. */
  add(...faults: readonly Fault[]): void;
  /** From now on by chance, besides the script. */
  chaos(chaos: Chaos | undefined): void;
  /** Runs `work` under what is due for this method. `holds`: whether the call has this text in its data. */
  run<T>(method: Method, work: () => T | Promise<T>, call: FaultyCall): Promise<T>;
  /** Calls of each method that have come. */
  readonly calls: ReadonlyMap<Method, number>;
}

export interface FaultyCall {
  readonly signal: AbortSignal;
  readonly holds?: (text: string) => boolean;
  readonly cut: () => void;
}

function untilGone(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = (): void => reject(refusal('UNAVAILABLE', 'the caller went away'));
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}

export function createFaults(): Faults {
  const script: { fault: Fault; left: number }[] = [];
  const calls = new Map<Method, number>();
  let chance: Chaos | undefined;

  function next(method: Method, holds: (text: string) => boolean): Fault | undefined {
    const planned = script.find(
      ({ fault }) => fault.method === method && (fault.about === undefined || holds(fault.about)),
    );
    if (planned !== undefined) {
      planned.left--;
      if (planned.left === 0) script.splice(script.indexOf(planned), 1);
      return planned.fault;
    }
    if (chance === undefined || chance.random() >= chance.share) return undefined;
    const possible = chance.faults.filter((fault) => fault.method === method);
    return possible[Math.floor(chance.random() * possible.length)];
  }

  return {
    add(...faults) {
      for (const fault of faults) script.push({ fault, left: fault.times ?? 1 });
    },
    chaos(given) {
      chance = given;
    },
    async run(method, work, { signal, holds = () => false, cut }) {
      calls.set(method, (calls.get(method) ?? 0) + 1);
      const fault = next(method, holds);
      if (fault === undefined) return work();
      if (fault.after === true) await work();
      if (fault.answer === 'hang') return untilGone(signal);
      if (fault.answer === 'cut') {
        cut();
        return untilGone(signal);
      }
      throw refusal(fault.answer, `${method} was told to fail`, fault.retryDelayMs);
    },
    calls,
  };
}
