// Bundles for Google Cloud and Azure, run: the first by the real functions-framework; the second as the worker of Azure
// Functions does it, with the real request and response classes, since its host is not to be had here. Fakes of the buses.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { Bundle } from '../../infra/bundle.ts';
import type { RouterInput } from '../../infra/define.ts';
import { type Answered, type SentRequest, signed } from '../contract/host-scene.ts';
import { startEventGrid } from '../fakes/eventgrid.ts';
import { startPubSubFake } from '../fakes/pubsub.ts';
import { send } from '../functions/hosts/send.ts';
import { delivery, secret as pushSecret, text } from '../functions/push-scene.ts';
import { bundle, call, eventBridge, secret, start } from './bundle-scene.ts';

const body = Buffer.from('{"ref":"refs/heads/main","n":1.50}');

/** A push of GitHub. */
const push: SentRequest = {
  ...signed(body),
  headers: {
    'content-type': 'application/json',
    'x-github-event': 'push',
    'x-github-delivery': '11111111-1111-1111-1111-111111111111',
    'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
  },
};

interface Framework {
  readonly port: number;
  /** What it printed. */
  readonly printed: () => string;
}

async function framework(t: TestContext, { dir }: Bundle, env: Readonly<Record<string, string>>): Promise<Framework> {
  const child = start(t, 'framework-child.ts', { dir, env });
  const ended = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  let printed = '';
  const listening = Promise.withResolvers<number>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      printed += chunk;
      const port = /LISTENING (\d+)/.exec(printed)?.[1];
      if (port !== undefined) listening.resolve(Number(port));
    });
  }
  void ended.then(() => listening.reject(new Error(`the framework ended: ${printed}`)));
  return { port: await listening.promise, printed: () => printed };
}

const codeOf = ({ body: text_ }: Answered): string | undefined =>
  (JSON.parse(text_) as { error?: { code?: string } }).error?.code;

test('bundle: the webhook for Google Cloud publishes to Pub/Sub under the real functions-framework', async (t) => {
  const fake = await startPubSubFake({ login: true });
  t.after(fake.close);
  const [project, topic] = ['test-project', 'orders'];
  fake.broker.createTopic(`projects/${project}/topics/${topic}`);
  const document: RouterInput = {
    ...eventBridge,
    bus: { use: 'pubsub', project, topic, endpoint: `http://${fake.address}` },
  };
  const made = bundle(t, { document, cloud: 'gcp', names: ['webhook'] }).get('webhook')!;
  const host = await framework(t, made, { BUSWAY_SECRET_GITHUB: secret, GCE_METADATA_HOST: fake.address });

  const taken = await send(host.port, push);
  const forged = await send(host.port, { ...push, body: Buffer.from('{}') });

  assert.deepEqual([taken.status, forged.status, codeOf(forged)], [202, 401, 'SIGNATURE_INVALID'], taken.body);
  const [message, ...more] = fake.broker.getTopic(`projects/${project}/topics/${topic}`).log;
  assert.deepEqual(more, []);
  assert.ok(message!.data.toString().includes('"data":{"ref":"refs/heads/main","n":1.50}'));
  assert.match(host.printed(), new RegExp(`"hash":"${made.rulesHash}"`));
  assert.doesNotMatch(host.printed(), /c4n4ry/);
});

async function startTarget(t: TestContext): Promise<{ readonly url: string; readonly got: string[] }> {
  const got: string[] = [];
  const server = createServer(async (request, response) => {
    got.push(Buffer.concat(await request.toArray()).toString());
    response.writeHead(200).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, got };
}

const key = Buffer.from('c4n4ry-grid-key').toString('base64');
const grid = (url: string, endpoint: string): RouterInput => ({
  ...eventBridge,
  bus: { use: 'eventgrid', endpoint, failures: 'https://shop.blob.core.windows.net/failures', entra: true },
  rules: [{ name: 'all', when: { type: ['all'] }, to: { http: { url, allow: ['127.0.0.0/8'] } } }],
});

test('bundle: push for Google Cloud delivers what Event Grid sends with the secret, under the real functions-framework', async (t) => {
  const target = await startTarget(t);
  const document = grid(target.url, 'https://shop.westeurope-1.eventgrid.azure.net');
  const made = bundle(t, { document, cloud: 'gcp', names: ['push'] }).get('push')!;
  const host = await framework(t, made, { BUSWAY_PUSH_SECRET: pushSecret });
  const sent = delivery([text('e1'), text('e2')]);

  const done = await send(host.port, { ...sent, headers: sent.headers });
  const { 'x-busway-secret': _secret, ...bare } = sent.headers;
  const refused = await send(host.port, { ...sent, headers: bare });

  assert.deepEqual([done.status, refused.status, codeOf(refused)], [200, 503, 'SIGNATURE_MISSING'], done.body);
  assert.deepEqual(target.got.map((event) => (JSON.parse(event) as { id: string }).id).sort(), ['e1', 'e2']);
});

/** As the Functions host makes it of an HTTP request. */
function asked({ method, path, headers, body: bytes }: SentRequest): unknown {
  return { method, url: `https://shop.azurewebsites.net/api${path}`, headers, body: bytes.toString('base64') };
}

test('bundle: webhook and push for Azure register themselves with the worker, publish and deliver', async (t) => {
  const [fake, target] = [await startEventGrid({ customTopics: ['orders'], keys: [key] }), await startTarget(t)];
  t.after(fake.close);
  const document = grid(target.url, fake.endpointOf('orders'));
  const webhookDocument: RouterInput = { ...document, bus: { use: 'eventgrid', endpoint: fake.endpointOf('orders') } };
  const webhook = bundle(t, { document: webhookDocument, cloud: 'azure', names: ['webhook'] }).get('webhook')!;
  const pushed = bundle(t, { document, cloud: 'azure', names: ['push'] }).get('push')!;
  const variables = { BUSWAY_SECRET_GITHUB: secret, EVENTGRID_KEY: key };
  const sent = { ...delivery([text('e1')]), path: '/push' };

  const took = await call(
    t,
    webhook,
    variables,
    [asked(push), asked({ ...push, body: Buffer.from('{}') })],
    'azure-child.ts',
  );
  const gave = await call(t, pushed, { BUSWAY_PUSH_SECRET: pushSecret }, [asked(sent)], 'azure-child.ts');

  const [[one], ...taken] = took.answers as unknown as [[{ name: string; bindings: object }], ...{ status: number }[]];
  assert.equal(one.name, 'webhook');
  assert.match(JSON.stringify(one.bindings), /"route":"webhooks\/\{source\}"/);
  assert.match(JSON.stringify(one.bindings), /"authLevel":"anonymous"/);
  assert.deepEqual(
    taken.map(({ status }) => status),
    [202, 401],
  );
  assert.deepEqual(
    gave.answers.slice(1).map(({ status }) => status),
    [200],
  );
  assert.deepEqual(
    target.got.map((event) => (JSON.parse(event) as { id: string }).id),
    ['e1'],
  );
  assert.doesNotMatch(took.out + gave.out, /c4n4ry/);
});
