// A proxy in front of a real broker that spoils single answers: cut (the answer is lost and the connection with it) or
// hold (nobody hears anything any more). The broker has done its work by then, which is what makes the faults real.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type Fault = 'cut' | 'hold';

export interface KafkaProxy {
  readonly brokers: string;
  /** What befalls the answers to the next Produce requests, in order. */
  readonly faults: Fault[];
  /** Faults that really happened. */
  readonly witnessed: Fault[];
  /** Produce requests seen. */
  produced(): number;
  /** Hang: connections are taken, and nothing is passed on. */
  hang: boolean;
  close(): Promise<void>;
}

const PRODUCE = 0;

/** Calls `onFrame` for each whole frame of a stream, without its length. */
function frames(socket: Socket, onFrame: (frame: Buffer) => void): void {
  let waiting = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    waiting = Buffer.concat([waiting, chunk]);
    while (waiting.length >= 4 && waiting.length >= 4 + waiting.readInt32BE(0)) {
      const end = 4 + waiting.readInt32BE(0);
      onFrame(waiting.subarray(4, end));
      waiting = waiting.subarray(end);
    }
  });
}

function framed(frame: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeInt32BE(frame.length);
  return Buffer.concat([size, frame]);
}

/** The broker names itself in Metadata and FindCoordinator: there the proxy's port takes the place of its own. */
function rewritten(frame: Buffer, from: number, to: number): Buffer {
  const address = Buffer.concat([Buffer.from('127.0.0.1'), Buffer.alloc(4)]);
  address.writeInt32BE(from, 9);
  const copy = Buffer.from(frame);
  for (let at = copy.indexOf(address); at >= 0; at = copy.indexOf(address, at + 1)) copy.writeInt32BE(to, at + 9);
  return copy;
}

export async function startKafkaProxy(brokers: string): Promise<KafkaProxy> {
  const brokerPort = Number(brokers.split(':')[1]);
  const sockets = new Set<Socket>();
  let produced = 0;
  const faults: Fault[] = [];
  const witnessed: Fault[] = [];
  const server = createServer((client) => {
    const broker = connect({ host: '127.0.0.1', port: brokerPort });
    const apis = new Map<number, number>();
    for (const socket of [client, broker]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        (socket === client ? broker : client).destroy();
      });
    }
    frames(client, (frame) => {
      if (proxy.hang) return;
      const api = frame.readInt16BE(0);
      apis.set(frame.readInt32BE(4), api);
      if (api === PRODUCE) produced++;
      broker.write(framed(frame));
    });
    frames(broker, (frame) => {
      const fault = apis.get(frame.readInt32BE(0)) === PRODUCE ? faults.shift() : undefined;
      if (fault !== undefined) witnessed.push(fault);
      if (fault === 'cut') client.destroy();
      if (fault === undefined) client.write(framed(rewritten(frame, brokerPort, port)));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const proxy: KafkaProxy = {
    brokers: `127.0.0.1:${port}`,
    faults,
    witnessed,
    produced: () => produced,
    hang: false,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}
