// Puts the failure log together from options, environment and the client that is there anyway. Connects to nothing yet.

import type { AdapterParts } from '../adapter.ts';
import { type Client, endpointIn, warnIfPlain } from './client.ts';
import { createFailureLog, type SqsFailureLog } from './failures.ts';
import { mapAwsError } from './map-error.ts';
import type { EventBridgeOptions } from './options.ts';
import { failureQueuesFrom, type RuleOfQueue } from './queues.ts';
import { createSqs } from './sqs.ts';

export interface OpenFailuresParts {
  readonly options: EventBridgeOptions;
  readonly parts: Pick<AdapterParts, 'env' | 'now' | 'onWarning'> & {
    readonly rules?: () => readonly { readonly name: string }[];
  };
  readonly client: Pick<Client, 'credentials' | 'region'>;
  readonly ruleOfQueue: RuleOfQueue;
}

/** Undefined where neither BUSWAY_FAILURES nor the option names a queue. Throws CONFIG_INVALID. */
export function openFailures({ options, parts, client, ruleOfQueue }: OpenFailuresParts): SqsFailureLog | undefined {
  const { env, now, onWarning, rules = () => [] } = parts;
  const names = (): readonly string[] => rules().map(({ name }) => name);
  const queues = failureQueuesFrom(env, names, options.failures);
  if (queues === undefined) return undefined;
  // Where names tell whose a queue is, a message that nobody can read ends in the dead-letter queue of its own.
  if (queues.queueOf(null) === undefined && env('BUSWAY_FAILURES')) {
    const says =
      "BUSWAY_FAILURES names no queue for '*': what belongs to no rule stays in its queue until SQS gives it up";
    onWarning(`eventbridge: ${says}`);
  }
  const endpoint = endpointIn(env, 'SQS');
  for (const url of endpoint === undefined ? queues.all : [endpoint]) warnIfPlain(url, 'failures', parts);
  const orMapped = async <T>(asked: Promise<T>): Promise<T> => {
    try {
      return await asked;
    } catch (thrown) {
      throw mapAwsError(thrown, 'the failure log');
    }
  };
  const sqs = createSqs({
    credentials: () => orMapped(client.credentials()),
    region: () => orMapped(client.region()),
    endpoint,
    now,
  });
  return createFailureLog({ sqs, queues, ruleOfQueue, maxBytes: options.maxBytes, now });
}
