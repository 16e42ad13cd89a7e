// Where rules deliver to in the run: a server on 127.0.0.1 that keeps what comes, by path, and answers as it is told.

import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface Arrived {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Of the CloudEvent. */
  readonly id: string;
  /** What it was answered with. */
  readonly status: number;
  /** Of the run's clock, ms. */
  readonly at: number;
}

export interface Targets {
  urlOf(path: string): string;
  /** In the order in which they came. */
  at(path: string): readonly Arrived[];
  /** Of all paths. */
  count(): number;
  /** From now on; 200 until told. */
  answer(path: string, status: number): void;
  close(): Promise<void>;
}

export async function startTargets(): Promise<Targets> {
  const arrived = new Map<string, Arrived[]>();
  const answers = new Map<string, number>();

  async function keep(request: IncomingMessage): Promise<number> {
    const at = performance.now();
    const path = request.url!;
    const body = await buffer(request);
    const status = answers.get(path) ?? 200;
    const { id } = JSON.parse(body.toString()) as { readonly id: string };
    const headers = request.headers as Arrived['headers'];
    arrived.set(path, [...(arrived.get(path) ?? []), { headers, body, id, status, at }]);
    return status;
  }

  const server = createServer(async (request, response) => {
    response.statusCode = await keep(request).catch(() => 400);
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    urlOf: (path) => `http://127.0.0.1:${port}${path}`,
    at: (path) => arrived.get(path) ?? [],
    count: () => [...arrived.values()].reduce((sum, { length }) => sum + length, 0),
    answer(path, status) {
      answers.set(path, status);
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
