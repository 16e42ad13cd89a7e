// The event hub itself, so that the example runs: a server on loopback that keeps messages in memory and hands them out as it
// would push them. In a company it is somebody else's, and the laws are run against a test instance of it.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

export interface Hub {
  readonly url: string;
  /** What was published, as the hub pushes it: a payload for every two messages. */
  pushed(): readonly unknown[];
  close(): Promise<void>;
}

export interface HubSettings {
  readonly topic: string;
  readonly token: string;
  /** Answers every list with this status; 0 never answers. */
  readonly always?: number;
}

export async function startHub({ topic, token, always }: HubSettings): Promise<Hub> {
  const messages: { readonly id: string; readonly bytes: string }[] = [];
  const server = createServer(async (request, response) => {
    if (always === 0) return;
    const answer = (status: number, body: unknown = null): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (request.headers.authorization !== `Bearer ${token}`) return answer(401);
    if (request.url !== `/topics/${topic}`) return answer(404);
    if (always !== undefined) return answer(always);
    if (request.method === 'GET') return answer(200);
    const list = (await json(request)) as readonly string[];
    for (const bytes of list) messages.push({ id: `m-${messages.length}`, bytes });
    answer(
      200,
      list.map(() => 201),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pushed: () =>
      Array.from({ length: Math.ceil(messages.length / 2) }, (_, i) => ({
        messages: messages.slice(2 * i, 2 * i + 2),
      })),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
