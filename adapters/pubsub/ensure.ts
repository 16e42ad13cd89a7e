// Makes what definitions.ts says, on an emulator only: a cloud's resources are made by whoever owns the project. Called by
// the command line, never by the adapter. What exists already is left as it is.

import { RouterError } from '../../router/errors.ts';
import { CALL_MS, type Clients, type Connection, callOnce } from './client.ts';
import { type Definitions, type SubscriptionDefinition, topicName } from './definitions.ts';
import { isStatusOf } from './map-error.ts';
import type { Endpoint } from './options.ts';

export interface Ensured {
  /** Names of what was made. */
  readonly made: readonly string[];
}

async function unlessThere(make: () => Promise<unknown>): Promise<boolean> {
  try {
    await make();
    return true;
  } catch (thrown) {
    if (isStatusOf(thrown, 'ALREADY_EXISTS')) return false;
    throw thrown;
  }
}

function durationOf(text: string): { seconds: number } {
  return { seconds: Number(text.slice(0, -1)) };
}

/** In the form of the generated client. Emulators keep messages in memory and refuse more than 7 days, so they are not asked. */
function toRequest({ messageRetentionDuration: _kept, retryPolicy, ...rest }: SubscriptionDefinition) {
  if (retryPolicy === undefined) return rest;
  const { minimumBackoff, maximumBackoff } = retryPolicy;
  return {
    ...rest,
    retryPolicy: { minimumBackoff: durationOf(minimumBackoff), maximumBackoff: durationOf(maximumBackoff) },
  };
}

async function ensureAll(clients: Clients, { topics, subscriptions }: Definitions, signal: AbortSignal) {
  const made: string[] = [];
  const limits = (what: string) => ({ what, signal, timeoutMs: CALL_MS });
  for (const { name } of topics) {
    const make = () => callOnce((options) => clients.publisher.createTopic({ name }, options), limits(name));
    if (await unlessThere(make)) made.push(name);
  }
  for (const definition of subscriptions) {
    const request = toRequest(definition);
    const make = () =>
      callOnce((options) => clients.subscriber.createSubscription(request, options), limits(definition.name));
    if (await unlessThere(make)) made.push(definition.name);
  }
  return made;
}

/** Rejects with UNSUPPORTED for anything but an emulator, which is what is reached without TLS. */
export async function ensureOnEmulator(
  { connection, endpoint }: { readonly connection: Connection; readonly endpoint: Endpoint },
  defined: Definitions,
  signal: AbortSignal,
): Promise<Ensured> {
  if (endpoint.tls) {
    throw new RouterError(
      'UNSUPPORTED',
      `pubsub: nothing is made at ${endpoint.host}; only an emulator is set up here`,
    );
  }
  return { made: await ensureAll(await connection.open(), defined, signal) };
}

/** Names of the subscriptions of a topic. */
export async function listSubscriptions(
  connection: Connection,
  { project, topic }: { readonly project: string; readonly topic: string },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { publisher } = await connection.open();
  const name = topicName(project, topic);
  const what = `topic '${name}'`;
  return callOnce((options) => publisher.listTopicSubscriptions({ topic: name }, options), {
    what,
    signal,
    timeoutMs: CALL_MS,
  });
}
