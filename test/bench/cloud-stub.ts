// The least that a cloud bus can be: a server on 127.0.0.1 that takes every publish and says so, with an answer made before.
// It checks nothing and keeps the first requests only, so that what both contestants sent can be held against each other.

import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { protos } from '@google-cloud/pubsub';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import { SAMPLES, type Seen } from './intake.ts';

export interface CloudStub {
  readonly port: number;
  /** Publishes so far. */
  readonly calls: () => number;
  /** The first events, as many as a sample has. */
  readonly sample: () => readonly Seen[];
  close(): Promise<void>;
}

export type Cloud = 'eventbridge' | 'pubsub' | 'pubsub-grpc' | 'eventgrid';

interface Structured {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly data: unknown;
}

/** Data that was written without space comes back as its bytes. */
function seen(text: string): Seen {
  const { id, source, type, data } = JSON.parse(text) as Structured;
  return { id, source, type, data: Buffer.from(JSON.stringify(data)) };
}

const { PublishRequest, PublishResponse } = protos.google.pubsub.v1;
const list = <T>(count: number, each: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => each(i));
const messageIds = (count: number): string[] => list(count, (i) => `1873201468${i.toString().padStart(7, '0')}`);

interface Wire {
  /** What a publish of `perCall` events is answered with. */
  answer(perCall: number): Buffer;
  events(body: Buffer): readonly Seen[];
}

const wires: Readonly<Record<Cloud, Wire>> = {
  eventbridge: {
    answer: (perCall) => {
      const Entries = list(perCall, () => ({ EventId: '11710aed-b79e-4468-a20b-bb3c0c3b4860' }));
      return Buffer.from(JSON.stringify({ FailedEntryCount: 0, Entries }));
    },
    events(body) {
      const { Entries } = JSON.parse(body.toString()) as { Entries: readonly { readonly Detail: string }[] };
      return Entries.map(({ Detail }) => seen(Detail));
    },
  },
  pubsub: {
    answer: (perCall) => Buffer.from(JSON.stringify({ messageIds: messageIds(perCall) })),
    events(body) {
      const { messages } = JSON.parse(body.toString()) as { messages: readonly { readonly data: string }[] };
      return messages.map(({ data }) => seen(Buffer.from(data, 'base64').toString()));
    },
  },
  'pubsub-grpc': {
    answer: (perCall) => Buffer.from(PublishResponse.encode({ messageIds: messageIds(perCall) }).finish()),
    events: (body) =>
      PublishRequest.decode(body).messages.map(({ data }) => seen(Buffer.from(data as Uint8Array).toString())),
  },
  eventgrid: {
    answer: () => Buffer.alloc(0),
    events: (body) => (JSON.parse(body.toString()) as readonly unknown[]).map((event) => seen(JSON.stringify(event))),
  },
};

/** Keeps bodies until they hold a sample; reads none of them before it is asked to. */
function keeper({ events }: Wire, perCall: number) {
  const kept: Buffer[] = [];
  let calls = 0;
  return {
    took(body: Buffer): void {
      if (calls++ * perCall < SAMPLES) kept.push(body);
    },
    calls: () => calls,
    sample: () => kept.flatMap(events).slice(0, SAMPLES),
  };
}

type Keeper = ReturnType<typeof keeper>;

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function startHttp({ took }: Keeper, answer: Buffer) {
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request);
    // Before its first event the adapter looks whether the bus is there.
    const isLookUp = request.headers['x-amz-target'] === 'AWSEvents.DescribeEventBus';
    if (!isLookUp) took(body);
    const text = isLookUp ? Buffer.from('{"Name":"bench"}') : answer;
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length }).end(text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function startGrpc({ took }: Keeper, answer: Buffer) {
  const server = new Server();
  const asIs = (bytes: Buffer): Buffer => bytes;
  const publish = {
    path: '/google.pubsub.v1.Publisher/Publish',
    requestStream: false,
    responseStream: false,
    requestDeserialize: asIs,
    requestSerialize: asIs,
    responseDeserialize: asIs,
    responseSerialize: asIs,
  } as const;
  server.addService(
    { publish },
    {
      publish({ request }: ServerUnaryCall<Buffer, Buffer>, respond: sendUnaryData<Buffer>) {
        took(request);
        respond(null, answer);
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return { port, close: async () => server.forceShutdown() };
}

/** `perCall`: events of each publish. */
export async function startCloudStub(cloud: Cloud, perCall: number): Promise<CloudStub> {
  const wire = wires[cloud];
  const kept = keeper(wire, perCall);
  const start = cloud === 'pubsub-grpc' ? startGrpc : startHttp;
  const { port, close } = await start(kept, wire.answer(perCall));
  return { port, close, calls: kept.calls, sample: kept.sample };
}
