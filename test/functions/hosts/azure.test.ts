// The Azure host before the real request and response classes of @azure/functions, which outside of its host runs in a test
// mode.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { app } from '@azure/functions';
import { buses } from '../../../adapters/registry.ts';
import {
  type AzureApp,
  type AzureHttpOptions,
  azureFunction,
  push,
  register,
  webhook,
} from '../../../functions/hosts/azure.ts';
import { sources } from '../../../functions/sources/registry.ts';
import { targets } from '../../../functions/targets/registry.ts';
import { checkDocument } from '../../../router/document.ts';
import { codeOf, testHost } from '../../contract/host.ts';
import { signed, webhookScene } from '../../contract/host-scene.ts';
import { asBytes, asText, requestOf, sendTo } from './azure-request.ts';

for (const [name, toBody] of Object.entries({ bytes: asBytes, text: asText })) {
  testHost({
    name: `azure ${name}`,
    open: async (wrapped, maxBody) => {
      const handler = azureFunction(async () => ({ wrapped, maxBody }));
      return { send: (request) => sendTo(handler, requestOf(request, toBody)), close: async () => {} };
    },
  });
}

const body = Buffer.from('{"ref":"x"}');

test("azure: the app's route prefix in front of the path is taken away, and only that", async () => {
  const scene = webhookScene();
  const handler = azureFunction(async () => ({ wrapped: scene.webhook, maxBody: 100 }));
  const statusAt = async (path: string): Promise<number> =>
    (await sendTo(handler, requestOf({ ...signed(body), path }, asBytes))).status;

  assert.equal(await statusAt('/api/webhooks/github'), 202);
  assert.equal(await statusAt('/some/prefix/webhooks/github'), 202);
  assert.equal(await statusAt('/webhooks/webhooks/github'), 404);
  assert.equal(await statusAt('/api/github'), 404);
});

test('azure: a body over the limit is not read to its end', async () => {
  const scene = webhookScene();
  const handler = azureFunction(async () => ({ wrapped: scene.webhook, maxBody: 100 }));
  let sent = 0;
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    for (;;) yield Buffer.alloc(64, ++sent);
  };
  const { method, url, headers } = requestOf(signed(body), asBytes);

  const { status } = await handler({ method, url, headers, body: endless() });

  assert.deepEqual([status, sent], [413, 2]);
});

test('azure: a body that breaks off is never taken, and its sender may come again', async () => {
  const scene = webhookScene();
  const handler = azureFunction(async () => ({ wrapped: scene.webhook, maxBody: 100 }));
  const broken = async function* (): AsyncGenerator<Uint8Array> {
    yield body;
    throw new Error('the connection ended');
  };
  const { method, url, headers } = requestOf(signed(body), asBytes);

  const { status } = await handler({ method, url, headers, body: broken() });

  assert.deepEqual([status, scene.calls()], [503, 0]);
});

test('azure: register names a function to the app, open to all, for POST and the handshake', (t) => {
  const registered = new Map<string, AzureHttpOptions>();
  const keeper: AzureApp = { http: (name, options) => void registered.set(name, options) };
  t.mock.method(console, 'warn', () => {});

  const handler = azureFunction(async () => assert.fail('nobody asks'));
  for (const name of ['webhook', 'push'] as const) {
    register(keeper, name, handler);
    // The real app takes them as well; outside of its host it skips them with a warning.
    register(app, name, handler);
  }

  const both = { methods: ['POST', 'OPTIONS'], authLevel: 'anonymous', handler };
  assert.deepEqual(Object.fromEntries(registered), {
    webhook: { ...both, route: 'webhooks/{source}' },
    push: { ...both, route: 'push' },
  });
});

test('azure: the functions answer 500 without a word on the settings they lack, and log it', async (t) => {
  const lines: string[] = [];
  t.mock.method(process.stdout, 'write', (line: string) => lines.push(line) > 0);

  const kinds = { buses, sources, targets };
  const document = checkDocument({ bus: { use: 'eventgrid' }, sources: { github: { use: 'github' } } }, kinds);
  const handlers = [
    [await webhook({ ...kinds, document }), /set BUSWAY_SECRET_GITHUB/],
    [await push(kinds), /BUSWAY_RULES is not set/],
  ] as const;
  for (const [handler, needs] of handlers) {
    const answer = await sendTo(handler, requestOf(signed(body), asBytes));

    assert.deepEqual([answer.status, codeOf(answer)], [500, 'INTERNAL']);
    assert.doesNotMatch(answer.body, /BUSWAY/);
    assert.match(lines.join(''), needs);
  }
});
