// The full client, for pulling and for emulators: the SDK's generated gRPC calls, loaded when first needed. The SDK's own
// retries are off everywhere: bus.ts and pull.ts retry, and know what was asked. Its batching, leases and streams are not
// used either, so that an outcome always belongs to a call. Must never create anything but through ensure.ts.

import type * as Sdk from '@google-cloud/pubsub';
import { RouterError } from '../../router/errors.ts';
import { missingPackage } from '../../router/optional-package.ts';
import { mapGrpcError } from './map-error.ts';
import type { Endpoint } from './options.ts';
import type { Publisher } from './publisher.ts';

export interface ClientParts {
  readonly project: string;
  readonly endpoint: Endpoint;
  /** GOOGLE_APPLICATION_CREDENTIALS, where set; without TLS no credentials are sent. */
  readonly keyFile?: string;
}

export interface Clients {
  readonly publisher: Sdk.v1.PublisherClient;
  readonly subscriber: Sdk.v1.SubscriberClient;
  close(): Promise<void>;
}

/** Loads and connects once, at the first call. */
export type OpenClients = () => Promise<Clients>;

async function loadSdk(): Promise<typeof Sdk> {
  try {
    return await import('@google-cloud/pubsub');
  } catch (cause) {
    throw missingPackage('pubsub: a pulled subscription or an emulator', '@google-cloud/pubsub', cause);
  }
}

async function connect({ project, endpoint, keyFile }: ClientParts): Promise<Clients> {
  const { PubSub, v1 } = await loadSdk();
  const { host, port, tls } = endpoint;
  const options = {
    projectId: project,
    apiEndpoint: `${host}:${port}`,
    emulatorMode: !tls,
    ...(keyFile === undefined || !tls ? {} : { keyFilename: keyFile }),
    // Else the SDK looks for a metadata server even where nobody logs in.
    ...(tls ? {} : { clientOptions: { universeDomain: 'googleapis.com' } }),
    // gRPC's own limit is 4 MB, and a message may have 10.
    'grpc.max_receive_message_length': -1,
  };
  type Config = ConstructorParameters<typeof v1.PublisherClient>[0];
  const config = (await new PubSub(options).getClientConfig()) as Config;
  const publisher = new v1.PublisherClient(config);
  const subscriber = new v1.SubscriberClient(config);
  await Promise.all([publisher.initialize(), subscriber.initialize()]);
  return {
    publisher,
    subscriber,
    async close() {
      await Promise.allSettled([publisher.close(), subscriber.close()]);
    },
  };
}

export interface Connection {
  readonly open: OpenClients;
  /** Idempotent; then open rejects with CLOSED. */
  close(): Promise<void>;
}

/** Connects to nothing yet. */
export function createConnection(parts: ClientParts): Connection {
  let opened: Promise<Clients> | undefined;
  let closed = false;
  return {
    open() {
      if (closed) return Promise.reject(new RouterError('CLOSED', 'pubsub: the bus is closed'));
      opened ??= connect(parts).catch((thrown: unknown) => {
        opened = undefined;
        throw thrown;
      });
      return opened;
    },
    async close() {
      if (closed) return;
      closed = true;
      const clients = await opened?.catch(() => undefined);
      await clients?.close();
    },
  };
}

export interface CallLimits {
  readonly what: string;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

interface CallOptions {
  readonly timeout: number;
  readonly retry: null;
  readonly signal: AbortSignal;
}

/**
 * One call of the client, given up with `signal`. Rejects with RouterError, or the reason of `signal`. The call itself is
 * handed its options here, so that none can forget to turn the SDK's retries off.
 */
export async function callOnce<T>(
  call: (options: CallOptions) => Promise<readonly [T, ...unknown[]]>,
  { what, signal, timeoutMs }: CallLimits,
): Promise<T> {
  signal.throwIfAborted();
  try {
    const [answer] = await call({ timeout: timeoutMs, retry: null, signal });
    return answer;
  } catch (thrown) {
    if (signal.aborted) throw signal.reason;
    throw mapGrpcError(thrown, what);
  }
}

/** A call that is not answered is given up by the bus before; this is for those without one. */
export const CALL_MS = 30_000;

export function createGrpcPublisher(connection: Connection): Publisher {
  return {
    async send(topic, messages, signal) {
      const { publisher } = await connection.open();
      const what = `topic '${topic}'`;
      const sent = messages.map(({ data, attributes, orderingKey }) => ({ data, attributes, orderingKey }));
      const answer = await callOnce((options) => publisher.publish({ topic, messages: sent }, options), {
        what,
        signal,
        timeoutMs: CALL_MS,
      });
      if (answer.messageIds?.length !== messages.length) {
        throw new RouterError('BUS_UNAVAILABLE', `pubsub: ${what}: the answer names other messages than were sent`);
      }
    },
    async check(topic, signal) {
      const { publisher } = await connection.open();
      const what = `topic '${topic}'`;
      await callOnce((options) => publisher.getTopic({ topic }, options), { what, signal, timeoutMs: CALL_MS });
    },
    close: () => connection.close(),
  };
}
