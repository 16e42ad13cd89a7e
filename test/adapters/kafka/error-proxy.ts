// A proxy in front of a real broker that answers Produce requests with an error instead of the success there was: leaders
// that move cannot be had from one broker. The record is stored all the same, so a resend must be seen as one.
// Source: Kafka protocol guide, Produce response versions 9 to 11.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface ErrorProxy {
  readonly brokers: string;
  /** Error codes for the next answers to Produce, in order; then success. */
  readonly errors: number[];
  /** For each success of the broker, the error that took its place, or 0. */
  readonly answered: number[];
  /** Requests for metadata so far. */
  metadataAsked(): number;
  close(): Promise<void>;
}

const PRODUCE = 0;
const METADATA = 3;

function onFrames(socket: Socket, onFrame: (frame: Buffer) => void): void {
  let waiting = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    waiting = Buffer.concat([waiting, chunk]);
    while (waiting.length >= 4 && waiting.length >= 4 + waiting.readInt32BE(0)) {
      const end = 4 + waiting.readInt32BE(0);
      onFrame(Buffer.from(waiting.subarray(0, end)));
      waiting = waiting.subarray(end);
    }
  });
}

/** Where the first partition's error stands in an answer: behind length, correlation id, tags, topic, number. */
function errorAt(answer: Buffer): number {
  const name = 4 + 4 + 1 + 1;
  return name + answer[name]! + 1 + 4;
}

/** The broker names itself by host and port: the proxy's port takes the place of its own. */
function rename(answer: Buffer, from: number, to: number): void {
  const address = Buffer.from('127.0.0.1\0\0\0\0', 'latin1');
  address.writeInt32BE(from, 9);
  for (let at = answer.indexOf(address); at >= 0; at = answer.indexOf(address, at + 1)) answer.writeInt32BE(to, at + 9);
}

export async function startErrorProxy(brokers: string): Promise<ErrorProxy> {
  const brokerPort = Number(brokers.split(':')[1]);
  const sockets = new Set<Socket>();
  const [errors, answered]: [number[], number[]] = [[], []];
  let metadataAsked = 0;
  const server = createServer((client) => {
    const broker = connect({ host: '127.0.0.1', port: brokerPort });
    const produced = new Set<number>();
    for (const [socket, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => other.destroy());
    }
    onFrames(client, (request) => {
      const [api, version] = [request.readInt16BE(4), request.readInt16BE(6)];
      if (api === PRODUCE && (version < 9 || version > 11))
        throw new Error(`produce version ${version} is not known here`);
      if (api === METADATA) metadataAsked++;
      if (api === PRODUCE) produced.add(request.readInt32BE(8));
      broker.write(request);
    });
    onFrames(broker, (answer) => {
      if (produced.delete(answer.readInt32BE(4))) {
        // A new topic's leader may refuse by itself for a moment; that answer stays.
        if (answer.readInt16BE(errorAt(answer)) === 0) {
          const error = errors.shift() ?? 0;
          answer.writeInt16BE(error, errorAt(answer));
          answered.push(error);
        }
      } else rename(answer, brokerPort, port);
      client.write(answer);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    brokers: `127.0.0.1:${port}`,
    errors,
    answered,
    metadataAsked: () => metadataAsked,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
