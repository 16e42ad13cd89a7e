// The least that the clouds can be at a cold start: a server on 127.0.0.1 that answers every call of a function with success.
// Checks nothing and counts what was published; the strict fakes are for tests.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Services {
  readonly port: number;
  /** Calls by name. */
  readonly calls: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

const answers: Readonly<Record<string, object>> = {
  PutEvents: { FailedEntryCount: 0, Entries: [{ EventId: '11111111-1111-1111-1111-111111111111' }] },
  DescribeEventBus: { Name: 'bench' },
  GetItem: {},
  PutItem: {},
  publish: { messageIds: ['1'] },
  token: { access_token: 'bench', expires_in: 3_599, token_type: 'Bearer' },
};

/** `secret`: what Secrets Manager answers. */
export async function startServices(secret: string): Promise<Services> {
  const calls = new Map<string, number>();
  const all: Readonly<Record<string, object>> = { ...answers, GetSecretValue: { SecretString: secret } };
  const server = createServer((request, response) => {
    const target = String(request.headers['x-amz-target'] ?? '').split('.')[1];
    const name = target ?? /[:/]([a-z]+)$/.exec(request.url ?? '')?.[1] ?? '';
    request.resume().on('end', () => {
      calls.set(name, (calls.get(name) ?? 0) + 1);
      const answer = all[name];
      response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer ?? {}));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    calls,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
