// The gRPC face of the fake Pub/Sub: the service's own protos, as they come with the SDK, on @grpc/grpc-js. No TLS and no
// login, as an emulator. StreamingPull is not offered: nothing here uses it.

import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import {
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { Broker, SubscriptionSpec } from './pubsub-broker.ts';
import type { Faults, Method } from './pubsub-faults.ts';
import { isRefusal, type Message, type Refusal, refusal, statusNumbers } from './pubsub-limits.ts';
import type { Leased } from './pubsub-queue.ts';

const need = createRequire(import.meta.url);
const packageDir = (name: string): string => dirname(need.resolve(`${name}/package.json`));

type Loose = Readonly<Record<string, unknown>>;

function services(): Record<string, ServiceDefinition> {
  const sdk = createRequire(join(packageDir('@google-cloud/pubsub'), 'package.json'));
  const api = dirname(sdk.resolve('@google-cloud/pubsub-api/package.json'));
  // Its package.json is not exported; its main file lies in build/src.
  const gax = dirname(dirname(sdk.resolve('google-gax')));
  const found = loadSync('google/pubsub/v1/pubsub.proto', {
    includeDirs: [join(api, 'build/protos'), join(gax, 'protos')],
    keepCase: false,
    longs: String,
    enums: String,
    defaults: true,
  });
  return found as unknown as Record<string, ServiceDefinition>;
}

const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);
const numberField = (field: number, value: number): Buffer => Buffer.from([...varint(field * 8), ...varint(value)]);
const bytesField = (field: number, bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from([...varint(field * 8 + 2), ...varint(bytes.length)]), bytes]);

/** google.rpc.Status with a google.rpc.RetryInfo in it. */
function statusDetails({ status, message, retryDelayMs = 0 }: Refusal): Buffer {
  const delay = Buffer.concat([
    numberField(1, Math.floor(retryDelayMs / 1_000)),
    numberField(2, (retryDelayMs % 1_000) * 1_000_000),
  ]);
  const any = Buffer.concat([
    bytesField(1, Buffer.from('type.googleapis.com/google.rpc.RetryInfo')),
    bytesField(2, bytesField(1, delay)),
  ]);
  return Buffer.concat([
    numberField(1, statusNumbers[status]),
    bytesField(2, Buffer.from(message)),
    bytesField(3, any),
  ]);
}

function errorOf(thrown: unknown): { code: number; details: string; metadata: Metadata } {
  const found = isRefusal(thrown) ? thrown : refusal('INTERNAL', String(thrown));
  const metadata = new Metadata();
  if (found.retryDelayMs !== undefined) metadata.set('grpc-status-details-bin', statusDetails(found));
  return { code: statusNumbers[found.status], details: found.message, metadata };
}

function secondsOf(duration: unknown): number {
  const { seconds, nanos } = (duration ?? {}) as { seconds?: string; nanos?: number };
  return Number(seconds ?? 0) + (nanos ?? 0) / 1e9;
}

/** The request with every member there, as the loader gives it. */
function specOf(request: Loose): SubscriptionSpec {
  const { retryPolicy, deadLetterPolicy, pushConfig } = request as Record<string, Loose | null>;
  const spec: SubscriptionSpec = {
    name: String(request['name']),
    topic: String(request['topic']),
    filter: String(request['filter']),
    ackDeadlineSeconds: Number(request['ackDeadlineSeconds']),
    enableMessageOrdering: request['enableMessageOrdering'] === true,
  };
  const retention = request['messageRetentionDuration'];
  if (retention !== null && (secondsOf(retention) < 600 || secondsOf(retention) > 31 * 86_400)) {
    throw refusal('INVALID_ARGUMENT', 'message_retention_duration must be between 10 minutes and 31 days');
  }
  return {
    ...spec,
    ...(retryPolicy && {
      retry: {
        minimumSeconds: retryPolicy['minimumBackoff'] === null ? 10 : secondsOf(retryPolicy['minimumBackoff']),
        maximumSeconds: retryPolicy['maximumBackoff'] === null ? 600 : secondsOf(retryPolicy['maximumBackoff']),
      },
    }),
    ...(deadLetterPolicy && {
      deadLetter: {
        topic: String(deadLetterPolicy['deadLetterTopic']),
        maxAttempts: Number(deadLetterPolicy['maxDeliveryAttempts']),
      },
    }),
    ...(pushConfig?.['pushEndpoint'] ? { push: pushOf(pushConfig) } : {}),
  };
}

function pushOf(config: Loose): NonNullable<SubscriptionSpec['push']> {
  const { oidcToken, noWrapper } = config as Record<string, Loose | null>;
  const endpoint = String(config['pushEndpoint']);
  return {
    endpoint,
    noWrapper: Boolean(noWrapper),
    writeMetadata: noWrapper?.['writeMetadata'] === true,
    ...(oidcToken && {
      oidc: {
        email: String(oidcToken['serviceAccountEmail']),
        audience: String(oidcToken['audience'] || endpoint),
      },
    }),
  };
}

function messageOf(given: Loose): Message {
  const { data, attributes, orderingKey } = given;
  return {
    data: Buffer.from(data as Uint8Array),
    attributes: attributes as Record<string, string>,
    orderingKey: String(orderingKey),
  };
}

function receivedOf(counted: boolean): (leased: Leased) => Loose {
  return ({ ackId, message: { data, attributes, orderingKey, id, publishedAt }, attempt }) => ({
    ackId,
    deliveryAttempt: counted ? attempt : 0,
    message: {
      ...{ data, attributes, orderingKey, messageId: id },
      publishTime: { seconds: Math.floor(publishedAt / 1_000), nanos: (publishedAt % 1_000) * 1e6 },
    },
  });
}

// The service holds an empty pull for some time of its own.
const HOLD_SECONDS = 30;

type Handler = (request: Loose, call: { readonly signal: AbortSignal; readonly bytes: number }) => unknown;

function handlers(broker: Broker): Record<string, Record<string, Handler>> {
  const text = (request: Loose, name: string): string => String(request[name]);
  const ids = (request: Loose): readonly string[] => request['ackIds'] as string[];
  const subscriptionsOf = (topic: string): string[] =>
    [...broker.getTopic(topic).subscriptions].map(({ spec }) => spec.name);
  return {
    Publisher: {
      CreateTopic: (request) => {
        broker.createTopic(text(request, 'name'));
        return request;
      },
      GetTopic: (request) => ({ name: broker.getTopic(text(request, 'topic')).name }),
      Publish: (request, { bytes }) => ({
        messageIds: broker.publish(text(request, 'topic'), (request['messages'] as Loose[]).map(messageOf), bytes),
      }),
      ListTopicSubscriptions: (request) => ({ subscriptions: subscriptionsOf(text(request, 'topic')) }),
    },
    Subscriber: {
      CreateSubscription: (request) => {
        broker.createSubscription(specOf(request));
        return request;
      },
      GetSubscription: (request) => broker.getSubscription(text(request, 'subscription')).spec,
      DeleteSubscription: (request) => {
        broker.deleteSubscription(text(request, 'subscription'));
        return {};
      },
      Pull: async (request, { signal }) => {
        const name = text(request, 'subscription');
        const waitMs = request['returnImmediately'] === true ? 0 : HOLD_SECONDS * broker.secondMs;
        const found = await broker.pull(name, { most: Number(request['maxMessages']), waitMs }, signal);
        const counted = broker.getSubscription(name).spec.deadLetter !== undefined;
        return { receivedMessages: found.map(receivedOf(counted)) };
      },
      Acknowledge: (request) => {
        broker.acknowledge(text(request, 'subscription'), ids(request));
        return {};
      },
      ModifyAckDeadline: (request) => {
        const seconds = Number(request['ackDeadlineSeconds']);
        broker.modifyAckDeadline(text(request, 'subscription'), ids(request), seconds);
        return {};
      },
    },
  };
}

type Answer = (error: ReturnType<typeof errorOf> | null, value?: unknown) => void;

function holdsIn(request: Loose): (wanted: string) => boolean {
  return (wanted) => {
    const [first] = (request['messages'] ?? []) as Loose[];
    return first !== undefined && Buffer.from(first['data'] as Uint8Array).includes(wanted);
  };
}

function unary(name: string, handler: Handler, faults: Faults, sizes: WeakMap<object, number>) {
  return (call: ServerUnaryCall<Loose, unknown>, answer: Answer): void => {
    const gone = new AbortController();
    call.on('cancelled', () => gone.abort());
    const { request } = call;
    const bytes = sizes.get(request) ?? 0;
    const work = () => handler(request, { signal: gone.signal, bytes });
    const cut = (): void => answer(errorOf(refusal('UNAVAILABLE', 'the connection ended')));
    faults.run(name as Method, work, { signal: gone.signal, holds: holdsIn(request), cut }).then(
      (value) => answer(null, value),
      (thrown: unknown) => answer(errorOf(thrown)),
    );
  };
}

/** The definition, keeping what a request took on the wire. */
function measured(definition: ServiceDefinition, sizes: WeakMap<object, number>): ServiceDefinition {
  const methods = Object.entries(definition).map(([name, method]: [string, MethodDefinition<unknown, unknown>]) => {
    const requestDeserialize = (bytes: Buffer): unknown => {
      const request = method.requestDeserialize(bytes);
      sizes.set(request as object, bytes.length);
      return request;
    };
    return [name, { ...method, requestDeserialize }];
  });
  return Object.fromEntries(methods);
}

export interface GrpcFace {
  readonly port: number;
  close(): void;
}

export async function startGrpc(broker: Broker, faults: Faults): Promise<GrpcFace> {
  const server = new Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 });
  const found = services();
  for (const [service, methods] of Object.entries(handlers(broker))) {
    const sizes = new WeakMap<object, number>();
    const definition = measured(found[`google.pubsub.v1.${service}`]!, sizes);
    const implementation: UntypedServiceImplementation = {};
    for (const [name, handler] of Object.entries(methods)) implementation[name] = unary(name, handler, faults, sizes);
    server.addService(definition, implementation);
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { port, close: () => server.forceShutdown() };
}
