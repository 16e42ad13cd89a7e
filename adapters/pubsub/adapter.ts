// The Pub/Sub bus: events in one topic, structured and with their attributes beside them; one filtered subscription a rule.
// Publishing is REST unless there is an emulator; the SDK is loaded for pulling, for emulators and for reading failures.
// It never creates a topic or a subscription, and never leaves out an attribute: a filter would lose the event.

import { promises as files } from 'node:fs';
import type { Options } from '../../router/config.ts';
import { RouterError, toRouterError } from '../../router/errors.ts';
import type { CloudEvent } from '../../router/event.ts';
import { encodeStructured } from '../../router/wire/json.ts';
import type { Adapter, AdapterParts, PublishResult } from '../adapter.ts';
import { type Connection, createConnection, createGrpcPublisher } from './client.ts';
import { decodePush } from './decode.ts';
import { topicName } from './definitions.ts';
import { createFailureLog } from './failures.ts';
import { compilePubSub, promotedRules } from './filter.ts';
import { madeOf } from './in-force.ts';
import {
  checkProject,
  type Endpoint,
  type PubSubOptions,
  publishLimits,
  readEndpoint,
  serviceLimits,
  toPubSubOptions,
} from './options.ts';
import { createMarker, MARK_JSON_BYTES, MARK_VALUE } from './promotion.ts';
import { failed, type Publisher, sendAll } from './publisher.ts';
import { pubsubPush } from './push.ts';
import { createPushKeys } from './push-keys.ts';
import { createRestPublisher } from './rest.ts';
import { subscribePubSub } from './subscribe.ts';
import { metadataTokens, readServiceAccount, serviceAccountTokens, type Tokens } from './token.ts';
import { encodeEnvelope, type PubSubMessage } from './wire.ts';
import { eventBytes } from './wire-size.ts';

const DEFAULT_ENDPOINT = 'pubsub.googleapis.com';

type Parts = Pick<AdapterParts, 'env' | 'now'>;

/** Throws CONFIG_INVALID. */
export function projectOf(options: PubSubOptions, { env }: Pick<AdapterParts, 'env'>): string {
  if (options.project !== undefined) return options.project;
  const [name, value] = ['GOOGLE_CLOUD_PROJECT', 'PUBSUB_PROJECT_ID']
    .map((variable) => [variable, env(variable) ?? ''] as const)
    .find(([, text]) => text !== '') ?? ['', ''];
  if (value === '') {
    throw new RouterError('CONFIG_INVALID', "pubsub: no project: give the bus 'project' or set GOOGLE_CLOUD_PROJECT");
  }
  const wrong = checkProject(value);
  if (wrong !== undefined) throw new RouterError('CONFIG_INVALID', `pubsub: ${name} ${wrong}`);
  return value;
}

/** Throws CONFIG_INVALID. An emulator is whatever is reached without TLS. */
export function endpointOf(options: PubSubOptions, { env }: Pick<AdapterParts, 'env'>): Endpoint {
  if (options.endpoint !== undefined) return readEndpoint(options.endpoint, 'tls')!;
  const emulator = env('PUBSUB_EMULATOR_HOST');
  if (!emulator) return readEndpoint(DEFAULT_ENDPOINT, 'tls')!;
  const found = readEndpoint(emulator, 'clear');
  if (found !== undefined) return found;
  throw new RouterError('CONFIG_INVALID', 'pubsub: PUBSUB_EMULATOR_HOST must be host:port, such as 127.0.0.1:8085');
}

/** The SDK's connection to where the options and the environment say. Connects to nothing yet. */
export function connectionOf(options: PubSubOptions, parts: Pick<AdapterParts, 'env'>): Connection {
  const keyFile = parts.env('GOOGLE_APPLICATION_CREDENTIALS');
  return createConnection({
    project: projectOf(options, parts),
    endpoint: endpointOf(options, parts),
    ...(keyFile ? { keyFile } : {}),
  });
}

const CREDENTIALS = 'GOOGLE_APPLICATION_CREDENTIALS';

/** Undefined where only the SDK knows how to log in: a workload identity, a person's login. */
async function tokensOf({ env, now }: Parts): Promise<Tokens | undefined> {
  const given = env(CREDENTIALS);
  if (!given) return metadataTokens(env, now);
  // Where secrets come as variables there is no file to name: then the key itself stands there.
  const isKey = given.trimStart().startsWith('{');
  let parsed: unknown;
  try {
    parsed = JSON.parse(isKey ? given : await files.readFile(given, 'utf8'));
  } catch {
    throw new RouterError('CONFIG_INVALID', `pubsub: ${CREDENTIALS} neither holds JSON nor names a file that does`);
  }
  const account = readServiceAccount(parsed);
  if (account !== undefined) return serviceAccountTokens(account, now);
  if (!isKey) return undefined;
  throw new RouterError(
    'CONFIG_INVALID',
    `pubsub: ${CREDENTIALS} must hold the key of a service account, or name a file`,
  );
}

/** REST, but for PUBSUB_EMULATOR_HOST: emulators speak gRPC, and not all of them REST. */
async function publisherOf(options: PubSubOptions, parts: Parts): Promise<Publisher> {
  const endpoint = endpointOf(options, parts);
  const full = (): Publisher => createGrpcPublisher(connectionOf(options, parts));
  if (options.endpoint === undefined && parts.env('PUBSUB_EMULATOR_HOST')) return full();
  const login = endpoint.tls || ['GOOGLE_APPLICATION_CREDENTIALS', 'GCE_METADATA_HOST'].some(parts.env);
  if (!login) return createRestPublisher({ endpoint });
  const tokens = await tokensOf(parts);
  return tokens === undefined ? full() : createRestPublisher({ endpoint, tokens });
}

interface Encoder {
  /** With the marks of the rules in force. Throws RouterError. */
  encode(event: CloudEvent): PubSubMessage;
  sizeOf(event: CloudEvent): number;
}

function createEncoder({ rules = () => [], oversize }: Pick<AdapterParts, 'rules' | 'oversize'>): Encoder {
  const marking = madeOf(rules, (given) => {
    const promoted = promotedRules(given);
    return { marker: createMarker(promoted), marks: new Set(promoted.map(({ mark }) => mark)).size };
  });
  const roomIn = ({ attributes }: Pick<PubSubMessage, 'attributes'>): number =>
    serviceLimits.attributes - Object.keys(attributes).length;
  /** Judged with its data, also when that was taken out. Without it there is no verdict, so no mark, and the event passes. */
  const marksOf = (event: CloudEvent, envelope: Pick<PubSubMessage, 'attributes'>): readonly string[] => {
    const whole = oversize === undefined ? event : oversize.wholeOf(event);
    return whole === undefined ? [] : marking().marker(whole, envelope.attributes, roomIn(envelope));
  };
  return {
    encode(event) {
      const envelope = encodeEnvelope(event);
      const bytes = eventBytes(event, envelope);
      if (bytes > publishLimits.eventBytes) {
        const says = `the event takes ${bytes} bytes, at most ${publishLimits.eventBytes} are carried`;
        throw new RouterError('EVENT_TOO_LARGE', `pubsub: ${says}`);
      }
      const marks = marksOf(event, envelope);
      const data = encodeStructured(event);
      if (marks.length === 0) return { ...envelope, data };
      const marked = Object.fromEntries(marks.map((mark) => [mark, MARK_VALUE]));
      return { ...envelope, data, attributes: { ...envelope.attributes, ...marked } };
    },
    sizeOf(event) {
      const envelope = encodeEnvelope(event);
      return eventBytes(event, envelope) + Math.min(roomIn(envelope), marking().marks) * MARK_JSON_BYTES;
    },
  };
}

interface PublishParts {
  readonly publisher: Publisher;
  readonly topic: string;
  readonly encoder: Encoder;
}

async function publishAll(
  { publisher, topic, encoder }: PublishParts,
  batch: readonly CloudEvent[],
  signal: AbortSignal,
) {
  const results: (PublishResult | undefined)[] = new Array(batch.length);
  const messages = batch.map((event, i) => {
    try {
      return encoder.encode(event);
    } catch (thrown) {
      results[i] = failed(toRouterError(thrown, 'NOT_CARRIABLE'));
      return undefined;
    }
  });
  await sendAll({ publisher, topic, messages, results, signal });
  return results as PublishResult[];
}

/** The reason why something was given up, as an error of ours. */
function reasonOf(signal: AbortSignal): RouterError {
  return signal.reason instanceof RouterError ? signal.reason : toRouterError(undefined, 'ABORTED');
}

interface Connections {
  readonly of: (index: number) => Connection;
  close(): Promise<void>;
}

function createConnections(open: () => Connection): Connections {
  const connections: Connection[] = [];
  return {
    of(index) {
      connections[index] ??= open();
      return connections[index];
    },
    async close() {
      await Promise.all(connections.map((connection) => connection.close()));
    },
  };
}

/** Connects to nothing yet. Throws CONFIG_INVALID. */
export async function open(given: Options, parts: AdapterParts): Promise<Adapter<string>> {
  const options = toPubSubOptions(given);
  const project = projectOf(options, parts);
  const publisher = await publisherOf(options, parts);
  const connections = createConnections(() => connectionOf(options, parts));
  const topic = topicName(project, options.topic);
  const encoder = createEncoder(parts);
  const subscriptions = new Set<Promise<void>>();
  const closing = new AbortController();
  let closed: Promise<unknown> | undefined;
  const withClosing = (signal: AbortSignal): AbortSignal => AbortSignal.any([signal, closing.signal]);
  const refuseGivenUp = (signal: AbortSignal): void => {
    if (signal.aborted) throw reasonOf(signal);
  };

  return {
    name: 'pubsub',
    limits: publishLimits,
    capabilities: { delivery: options.push === undefined ? 'pull' : 'push', order: true, dedupe: false, replay: false },
    async check(signal) {
      const either = withClosing(signal);
      refuseGivenUp(either);
      await publisher.check(topic, either).catch((thrown: unknown) => {
        throw either.aborted ? reasonOf(either) : toRouterError(thrown, 'BUS_UNAVAILABLE');
      });
    },
    sizeOf: (event) => encoder.sizeOf(event),
    async publish(batch, signal) {
      const either = withClosing(signal);
      refuseGivenUp(closing.signal);
      refuseGivenUp(either);
      return batch.length === 0 ? [] : publishAll({ publisher, topic, encoder }, batch, either);
    },
    decode: (pushed) => decodePush(pushed, options),
    ...(options.push && { push: pubsubPush(options.push, createPushKeys(parts), parts.now) }),
    async subscribe(consumer, signal) {
      refuseGivenUp(closing.signal);
      const { now, onWarning, rules } = parts;
      if (options.push !== undefined) {
        throw new RouterError('UNSUPPORTED', "pubsub: this bus has 'push' set, so the service calls and is not asked");
      }
      if (rules === undefined) throw new RouterError('UNSUPPORTED', 'pubsub: it was opened without its rules');
      const asked = { connectionOf: connections.of, project, options, rules, now, onWarning };
      const running = subscribePubSub(asked, consumer, withClosing(signal));
      subscriptions.add(running);
      await running.finally(() => subscriptions.delete(running));
    },
    failures: createFailureLog({ project, options, publisher, connection: connections.of(0) }),
    compile: compilePubSub,
    async close() {
      closing.abort(new RouterError('CLOSED', 'pubsub: the bus is closed'));
      closed ??= Promise.allSettled(subscriptions).then(() => Promise.all([publisher.close(), connections.close()]));
      await closed;
    },
  };
}
