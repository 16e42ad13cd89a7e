// An HTTP function on loopback behind each host, for whatever wants to reach it over the wire.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { http } from '@google-cloud/functions-framework';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import { azureFunction } from '../../../functions/hosts/azure.ts';
import { type GcpFunction, gcpFunction } from '../../../functions/hosts/gcp.ts';
import { serveNode } from '../../../functions/hosts/node.ts';
import type { HttpFunction } from '../../../functions/middleware.ts';
import { PUSH_MAX_BODY } from '../../../functions/push.ts';
import type { HostUnderTest } from '../../contract/host-scene.ts';
import { asBytes, requestOf, sendTo } from './azure-request.ts';
import { send } from './send.ts';

interface Listening extends HostUnderTest {
  readonly url: string;
}

async function listen(server: Server): Promise<Listening> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    send: (request) => send(port, request),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

let functions = 0;

/** The real functions-framework: its body parsers, its Express. */
export function serveFramework(handler: GcpFunction): Promise<Listening> {
  const name = `function-${++functions}`;
  http(name, handler);
  return listen(getTestServer(name));
}

/** What the Functions host does: takes the request, has it handled, sends the answer. */
function serveAzure(push: HttpFunction): Promise<Listening> {
  const handler = azureFunction(async () => ({ wrapped: push, maxBody: PUSH_MAX_BODY }));
  const server = createServer(async (request, response) => {
    const [path = '', query = ''] = (request.url ?? '').split('?');
    const headers = request.headers as Readonly<Record<string, string>>;
    const sent = { method: request.method ?? '', path: `/api${path}`, query, headers, body: await buffer(request) };
    const { status, headers: answered, body } = await sendTo(handler, requestOf(sent, asBytes));
    response.writeHead(status, answered).end(body);
  });
  return listen(server);
}

type Mount = (t: TestContext, push: HttpFunction) => Promise<string>;

function mountBy(serve: (push: HttpFunction) => Promise<{ readonly url: string; close(): Promise<void> }>): Mount {
  return async (t, push) => {
    const { url, close } = await serve(push);
    t.after(close);
    return `${url}/push`;
  };
}

/** Host → where a push function is reached there. */
export const mounts: Readonly<Record<'node' | 'gcp' | 'azure', Mount>> = {
  node: mountBy((push) => serveNode(push, { port: 0, maxBody: PUSH_MAX_BODY })),
  gcp: mountBy((wrapped) => serveFramework(gcpFunction(async () => ({ wrapped, maxBody: PUSH_MAX_BODY })))),
  azure: mountBy(serveAzure),
};
