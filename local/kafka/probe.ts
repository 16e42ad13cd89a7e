// Recognises a Kafka broker by one raw Metadata request, so that the launcher needs no client library and no retries.
// Must never send anything but that request. Source: Kafka protocol guide, Metadata v4 (the oldest that Kafka 4 speaks).

import { connect } from 'node:net';

export type Probe =
  | { readonly answered: true; readonly clusterId: string | null }
  /** `connected`: somebody listens there, but did not answer as Kafka in plain text does. */
  | { readonly answered: false; readonly connected: boolean; readonly reason: string };

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** "a:9092,[::1]:9093" → addresses; undefined when one of them is not host:port. */
export function parseBrokers(brokers: string): readonly Address[] | undefined {
  const addresses: Address[] = [];
  for (const item of brokers.split(',')) {
    const match = /^\s*(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/@]+)):(\d{1,5})\s*$/.exec(item);
    const port = Number(match?.[3]);
    if (match === null || port < 1 || port > 65535) return undefined;
    addresses.push({ host: (match[1] ?? match[2])!, port });
  }
  return addresses;
}

const API_METADATA = 3;
const VERSION = 4;
const CLIENT = 'busway';
// An answer without topics is a few hundred bytes; whatever claims more is not a broker.
const MAX_ANSWER_BYTES = 1024 * 1024;

function request(): Buffer {
  const body = Buffer.alloc(2 + 2 + 4 + 2 + CLIENT.length + 4 + 1);
  let at = body.writeInt16BE(API_METADATA, 0);
  at = body.writeInt16BE(VERSION, at);
  at = body.writeInt32BE(1, at);
  at = body.writeInt16BE(CLIENT.length, at);
  at += body.write(CLIENT, at);
  at = body.writeInt32BE(0, at); // no topics
  body.writeUInt8(0, at); // create none
  const frame = Buffer.alloc(4);
  frame.writeInt32BE(body.length);
  return Buffer.concat([frame, body]);
}

/** Throws RangeError on anything that is not a Metadata answer. */
function clusterIdOf(answer: Buffer): string | null {
  if (answer.readInt32BE(0) !== 1) throw new RangeError('not our correlation id');
  let at = 8; // correlation id, throttle time
  const text = (): string | null => {
    const length = answer.readInt16BE(at);
    at += 2;
    if (length === -1) return null;
    if (length < 0 || at + length > answer.length) throw new RangeError('string out of bounds');
    at += length;
    return answer.toString('utf8', at - length, at);
  };
  const brokers = answer.readInt32BE(at);
  at += 4;
  for (let i = 0; i < brokers; i++) {
    at += 4; // node id
    text(); // host
    at += 4; // port
    text(); // rack
  }
  return text();
}

/** Asks once. Never rejects; an abort counts as no answer. */
export function probeBroker(address: Address, timeoutMs: number, signal?: AbortSignal): Promise<Probe> {
  const { promise, resolve } = Promise.withResolvers<Probe>();
  if (signal?.aborted === true) return Promise.resolve({ answered: false, connected: false, reason: 'given up' });
  const socket = connect({ host: address.host, port: address.port });
  const end = (probe: Probe): void => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    socket.destroy();
    resolve(probe);
  };
  let connected = false;
  const fail = (reason: string): void => end({ answered: false, connected, reason });
  const onAbort = (): void => fail('given up');
  const timer = setTimeout(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs);
  signal?.addEventListener('abort', onAbort);
  let received = Buffer.alloc(0);
  socket.on('connect', () => {
    connected = true;
    socket.write(request());
  });
  socket.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
  socket.on('close', () => fail('connection closed without an answer; a broker that wants TLS or a login does that'));
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    if (received.length < 4) return;
    const size = received.readInt32BE(0);
    if (size < 0 || size > MAX_ANSWER_BYTES) return fail('what answers there is not Kafka');
    if (received.length < size + 4) return;
    try {
      end({ answered: true, clusterId: clusterIdOf(received.subarray(4, size + 4)) });
    } catch {
      fail('what answers there is not Kafka');
    }
  });
  return promise;
}

/** The first address that answers wins; else the reasons of all. */
export async function probeAny(addresses: readonly Address[], timeoutMs: number, signal?: AbortSignal): Promise<Probe> {
  const probes = await Promise.all(addresses.map((address) => probeBroker(address, timeoutMs, signal)));
  const good = probes.find((probe) => probe.answered);
  if (good !== undefined) return good;
  const reasons = probes.map(
    (probe, i) => `${addresses[i]!.host}:${addresses[i]!.port} ${probe.answered ? '' : probe.reason}`,
  );
  const connected = probes.some((probe) => !probe.answered && probe.connected);
  return { answered: false, connected, reason: reasons.join('; ') };
}
