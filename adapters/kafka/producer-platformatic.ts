// A producer of @platformatic/kafka behind our port: the same records for a quarter of the CPU time (bench p8). The only
// file that loads it, and only where a document asks for it: the import alone costs 0.4 s. Must never choose a partition
// itself (the library's own choice is not Java's), and never leave a wrong password to the library, which would try it
// without end.
// Source: @platformatic/kafka 2.12.1, its code.

import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type * as Platformatic from '@platformatic/kafka';
import { missingPackage } from '../../router/optional-package.ts';
import { type Connection, createWarner } from './client.ts';
import { detailOf, errorsOf, mapKafkaError } from './map-error.ts';
import type { LibraryProducer } from './producer.ts';
import type { PlacedRecord } from './record.ts';

type Field = Buffer | null;
type Producer = Platformatic.Producer<Field, Field, Buffer, Buffer>;
type Message = Platformatic.MessageToProduce<Field, Field, Buffer, Buffer>;

let loading: Promise<typeof Platformatic> | undefined;

/** Rejects with UNSUPPORTED where the package, an optional peer, is not installed or does not load. */
export function loadPlatformatic(): Promise<typeof Platformatic> {
  loading ??= import('@platformatic/kafka').catch((cause: unknown) => {
    throw missingPackage("kafka: client 'platformatic'", '@platformatic/kafka', cause);
  });
  return loading;
}

const CONNECT_MS = 3_000;
const REQUEST_MS = 30_000;
const FIRST_WAIT_MS = 50;
const MAX_WAIT_MS = 1_000;
const UNKNOWN_TOPIC_MS = 100;
// 2.5 s of waits, more than an election takes. The library sends all that one broker led to where the first record's leader
// is now: when leaders part, that never succeeds, and a new producer does.
const STALE_TRIES = 6;

export async function openPlatformaticProducer(connection: Connection): Promise<LibraryProducer> {
  const library = await loadPlatformatic();
  let cut = false;
  let reject: (error: unknown) => void = () => undefined;
  const producer: Producer = new library.Producer<Field, Field, Buffer, Buffer>({
    ...connectionOptions(connection),
    retryDelay: createRetries(connection, { refuse: (error) => reject(error), isOver: () => cut }),
  });
  // A second error of one connection would have no listener, and end the process.
  producer.connections.on('connecting', (opened) => void opened.connection.on('error', () => undefined));

  function sendOnce(messages: Message[]): Promise<Platformatic.ProduceResult> {
    const answer = Promise.withResolvers<Platformatic.ProduceResult>();
    reject = answer.reject;
    producer.send({ messages, acks: -1, idempotent: true }, (error, result) => {
      if (error) answer.reject(error);
      else answer.resolve(result ?? {});
    });
    return answer.promise;
  }

  return {
    async send(topic, records, now) {
      const timestamp = BigInt(now);
      const messages = records.map((record) => toMessage(topic, record, timestamp));
      for (;;) {
        try {
          const { offsets = [] } = await sendOnce(messages);
          return new Set(offsets.map(({ partition }) => partition));
        } catch (thrown) {
          if (cut || !isUnknownTopic(thrown)) throw thrown;
          // Not known to every broker yet, or gone: the caller looks, and ends this.
          await sleep(UNKNOWN_TOPIC_MS);
        }
      }
    },
    disconnect: () => producer.close(),
    cut() {
      if (cut) return;
      cut = true;
      const sockets = [...producer.connections].map(([, opened]) => opened.socket);
      producer.close(() => undefined);
      // close() lets a socket send what waits: to a broker that hangs that would never end.
      for (const socket of sockets) socket?.destroy();
    },
  };
}

interface Retries {
  /** Ends the call under way: another try would be in vain. */
  readonly refuse: (error: unknown) => void;
  readonly isOver: () => boolean;
}

/** Sees each error before the library tries again, which it would do without end; gives the wait in ms. */
function createRetries(connection: Connection, { refuse, isOver }: Retries): Platformatic.RetryDelayGetter {
  const warn = createWarner(connection);
  return (client, operation, attempt, _retries, error) => {
    const waitMs = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempt - 1, 10));
    if (isOver()) return waitMs;
    warn(`kafka: ${operation} is tried again (${detailOf(error)})`);
    if (mapKafkaError(error, operation).code === 'UNAUTHORIZED') refuse(error);
    if (!isStale(error)) return waitMs;
    // It looks for a new leader once, and then not again before its copy is 5 s old.
    (client as Producer).clearMetadata();
    if (operation === 'produce' && attempt > STALE_TRIES) refuse(error);
    return waitMs;
  };
}

function connectionOptions({
  brokers,
  ssl,
  sasl,
}: Connection): Platformatic.ProducerOptions<Field, Field, Buffer, Buffer> {
  const named = brokers.every((broker) => isIP(broker.slice(0, broker.lastIndexOf(':'))) === 0);
  const login = sasl && {
    mechanism: sasl.mechanism.toUpperCase() as Platformatic.SASLMechanismValue,
    username: sasl.username,
    password: sasl.password,
  };
  return {
    clientId: 'busway',
    bootstrapBrokers: [...brokers],
    // No name goes with an address: TLS knows names of hosts only.
    ...(ssl && { tls: {}, tlsServerName: named }),
    ...(login && { sasl: login }),
    // It makes the library keep one request under way and ask for acks of all replicas.
    idempotent: true,
    retries: Number.MAX_SAFE_INTEGER,
    connectTimeout: CONNECT_MS,
    requestTimeout: REQUEST_MS,
    timeout: REQUEST_MS,
    autocreateTopics: false,
  };
}

const bytesOf = (text: Buffer | string): Buffer => (typeof text === 'string' ? Buffer.from(text) : text);

// The same few names come with every event; extensions may bring any number of others.
const MAX_NAMES = 500;
const names = new Map<string, Buffer>();

function nameBytes(name: string): Buffer {
  const known = names.get(name);
  if (known !== undefined) return known;
  const bytes = Buffer.from(name);
  if (names.size < MAX_NAMES) names.set(name, bytes);
  return bytes;
}

/** The library takes a string's length for its bytes, so everything becomes bytes. */
function toMessage(topic: string, { partition, key, value, headers }: PlacedRecord, timestamp: bigint): Message {
  const fields = new Map<Buffer, Buffer>();
  for (const name in headers) fields.set(nameBytes(name), bytesOf(headers[name]!));
  return { topic, partition, timestamp, key: key === null ? null : bytesOf(key), value, headers: fields };
}

/** The leader that was asked is none any more, by the broker's answer or because nobody knows that broker. */
function isStale(thrown: unknown): boolean {
  return errorsOf(thrown).some((error) => error['hasStaleMetadata'] === true);
}

/** The library has no code for it. Of its kind is also a broker that wants TLS, which is tried until the time is over, too. */
function isUnknownTopic(thrown: unknown): boolean {
  return errorsOf(thrown).some(({ code }) => code === 'PLT_KFK_USER');
}
