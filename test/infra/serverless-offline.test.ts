// serverless-offline runs the webhook function from serverless.yml: the same bundle that is deployed, with its secret from
// Secrets Manager, its memory in DynamoDB and its events on EventBridge, all on loopback.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { serverlessFile, writeServerlessFile } from '../../infra/serverless.ts';
import { startDynamoDb } from '../fakes/dynamodb.ts';
import { startEventBridge } from '../fakes/eventbridge.ts';
import { startSecrets } from '../fakes/secrets-manager.ts';
import { childEnv } from '../harness/env.ts';
import { oslsProject } from './osls.ts';
import { synthesize } from './stack-scene.ts';

const SECRET = 'a secret of the hook';
const LIMIT_MS = 60_000;

const router = {
  bus: { use: 'eventbridge', bus: 'orders' },
  sources: { github: { use: 'github' } },
  rules: [{ name: 'pushes', when: { type: ['com.github.push'] }, to: { log: {} } }],
} as const;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A port on which `osls offline` listens, in a folder with the bundles. */
async function offline(t: TestContext, dir: string, env: Readonly<Record<string, string>>): Promise<number> {
  const [http, lambda, albs] = [await freePort(), await freePort(), await freePort()];
  const ports = ['--httpPort', http, '--lambdaPort', lambda, '--albPort', albs].map(String);
  const child = spawn(process.execPath, [oslsProject(dir), 'offline', 'start', '--host', '127.0.0.1', ...ports], {
    cwd: dir,
    env: childEnv({ HOME: join(dir, 'home'), SLS_TELEMETRY_DISABLED: '1', ...env }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    const fail = (): void => reject(new Error(`serverless-offline did not start:\n${said}`));
    const limit = setTimeout(fail, LIMIT_MS);
    const take = (chunk: Buffer): void => {
      said += chunk;
      if (!/Server ready/.test(said)) return;
      clearTimeout(limit);
      resolve();
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.once('exit', fail);
  });
  return http;
}

test('serverless-offline: a signed request is published once and answered 202, a forged one is 401', async (t) => {
  const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'fake-secret', region: 'us-east-1' };
  const [bridge, secrets, dynamo] = await Promise.all([
    startEventBridge({ ...keys, buses: ['orders'] }),
    startSecrets(keys),
    startDynamoDb({ ...keys, table: 'busway-seen' }),
  ]);
  for (const fake of [bridge, secrets, dynamo]) t.after(() => fake.close());
  const arn = secrets.put('github', { text: SECRET });
  const { dir, router: made } = synthesize(t, router, { secrets: { BUSWAY_SECRET_GITHUB: arn } });
  writeServerlessFile(join(dir, 'dist/serverless.json'), serverlessFile(made.plan));
  const port = await offline(t, dir, {
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    AWS_ENDPOINT_URL_EVENTBRIDGE: bridge.endpoint,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.endpoint,
    AWS_ENDPOINT_URL_DYNAMODB: dynamo.endpoint,
  });

  const body = JSON.stringify({ ref: 'refs/heads/main', repository: { html_url: 'https://github.com/a/b' } });
  const post = async (signature: string): Promise<number> => {
    const response = await fetch(`http://127.0.0.1:${port}/webhooks/github`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-github-event': 'push',
        'x-github-delivery': 'd-1',
        'x-hub-signature-256': `sha256=${signature}`,
      },
      body,
    });
    await response.arrayBuffer();
    return response.status;
  };
  const signature = createHmac('sha256', SECRET).update(body).digest('hex');
  const statuses = [await post('0'.repeat(64)), await post(signature), await post(signature)];

  assert.deepEqual(statuses, [401, 202, 202]);
  assert.equal(bridge.taken.length, 1);
  assert.equal((JSON.parse(bridge.taken[0]!) as { type: string }).type, 'com.github.push');
  assert.deepEqual([dynamo.items.size, secrets.calls.length], [1, 1]);
});
