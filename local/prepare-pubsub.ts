// Pub/Sub under `busway dev`: on an emulator topics and subscriptions are made before the rules that need them are in force;
// in a project nothing is made, and the definitions that are missing are printed for whoever owns it.

import { connectionOf, endpointOf, projectOf } from '../adapters/pubsub/adapter.ts';
import type { Connection } from '../adapters/pubsub/client.ts';
import {
  type Definitions,
  failuresName,
  missing,
  outdated,
  ruleOfSubscription,
} from '../adapters/pubsub/definitions.ts';
import { ensureOnEmulator, listSubscriptions } from '../adapters/pubsub/ensure.ts';
import { type Endpoint, type PubSubOptions, toPubSubOptions } from '../adapters/pubsub/options.ts';
import { type BusAndRules, pubsubDocument } from '../infra/documents.ts';
import { RouterError, toRouterError } from '../router/errors.ts';
import { type Formerly, type RulesContext, sortFormer, tellFormer } from './former.ts';

const LOOK_MS = 30_000;

interface Place {
  readonly connection: Connection;
  readonly endpoint: Endpoint;
  readonly project: string;
  readonly options: PubSubOptions;
  readonly signal: AbortSignal;
}

/** 'projects/p/topics/t' → 'topic t' */
function short(name: string): string {
  const [, , kind = '', id = ''] = name.split('/');
  return `${kind.slice(0, -1)} ${id}`;
}

async function make(
  defined: Definitions,
  { connection, endpoint, signal }: Place,
  { io }: RulesContext,
): Promise<void> {
  const where = `the emulator at ${endpoint.host}:${endpoint.port}`;
  try {
    const { made } = await ensureOnEmulator({ connection, endpoint }, defined, signal);
    if (made.length > 0) io.err(`made on ${where}: ${made.map(short).join(', ')}`);
  } catch (thrown) {
    const { code, message } = toRouterError(thrown, 'BUS_UNAVAILABLE');
    const says = `pubsub: ${where} does not answer; start it, or name another by PUBSUB_EMULATOR_HOST`;
    throw new RouterError(code, code === 'BUS_UNAVAILABLE' ? says : message, { cause: thrown });
  }
}

/** Names of all topics and subscriptions of this router that are there, the outdated ones too. */
async function look(defined: Definitions, { connection, project, options, signal }: Place): Promise<Set<string>> {
  const found = new Set<string>();
  const topics = [options.topic, failuresName(options)];
  for (const [i, topic] of topics.entries()) {
    try {
      const subscriptions = await listSubscriptions(connection, { project, topic }, signal);
      for (const name of [defined.topics[i]!.name, ...subscriptions]) found.add(name);
    } catch (thrown) {
      if (toRouterError(thrown).code !== 'NOT_FOUND') throw thrown;
    }
  }
  return found;
}

/** As someone hands them to curl, gcloud or Terraform: a resource a line. */
function tellMissing(lacking: Definitions, says: string, { host }: Endpoint, { tell }: RulesContext): void {
  const resources = [...lacking.topics, ...lacking.subscriptions];
  if (resources.length === 0) return;
  const how = `${says}; nothing is made here. Each line is the body of PUT https://${host}/v1/<its name>:`;
  tell(how, ...resources.map((resource) => JSON.stringify(resource)));
}

/** Undefined where these credentials may not look, or nobody answers; that is told. */
async function lookThere(defined: Definitions, place: Place, context: RulesContext): Promise<Set<string> | undefined> {
  const { endpoint } = place;
  try {
    const existing = await look(defined, place);
    tellMissing(missing(defined, existing), `missing in project ${place.project}`, endpoint, context);
    return existing;
  } catch (thrown) {
    context.io.err(`warning: ${toRouterError(thrown, 'BUS_UNAVAILABLE').message}`);
    tellMissing(defined, 'what exists cannot be seen from here. The rules need these', endpoint, context);
    return undefined;
  }
}

/** The old subscriptions of each rule. Rejects with CONFIG_INVALID, and with BUS_UNAVAILABLE where no emulator answers. */
export async function preparePubSub(document: BusAndRules, context: RulesContext): Promise<Formerly> {
  const { io, tell, asked } = context;
  const options = toPubSubOptions(document.bus.options);
  const { push } = options;
  const [project, endpoint] = [projectOf(options, io), endpointOf(options, io)];
  // What a push token is made for is the endpoint, unless somebody wants it otherwise.
  const defined = pubsubDocument(document, { project, ...(push && { pushEndpoint: push.audience }) });
  if (push)
    tell(`events are published; Pub/Sub pushes them to ${push.audience}, so they are delivered there and not here`);
  const connection = connectionOf(options, io);
  const signal = AbortSignal.any([io.signal, AbortSignal.timeout(LOOK_MS)]);
  const place = { connection, endpoint, project, options, signal };
  try {
    if (!endpoint.tls) await make(defined, place, context);
    const existing = endpoint.tls ? await lookThere(defined, place, context) : await look(defined, place);
    // What was read until now must go on being read, also where nobody may look.
    const old = outdated([...(existing ?? asked)], defined, options);
    for (const { name } of defined.subscriptions) asked.add(name);
    const sorted = sortFormer(old, (name) => ruleOfSubscription(options, name), document.rules);
    tellFormer(sorted, tell);
    return sorted.formerly;
  } finally {
    await connection.close();
  }
}
