// Bundles for Lambda, run: each in a process of its own and in a folder without node_modules, against the strict fakes of
// EventBridge, DynamoDB, Secrets Manager and SQS.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { deadLetterQueueName, queueName } from '../../adapters/eventbridge/queues.ts';
import type { RouterInput } from '../../infra/define.ts';
import { encodeStructuredText } from '../../router/wire/json.ts';
import { type FakeDynamoDb, startDynamoDb } from '../fakes/dynamodb.ts';
import { type FakeEventBridge, startEventBridge } from '../fakes/eventbridge.ts';
import { type FakeSecrets, startSecrets } from '../fakes/secrets-manager.ts';
import { type FakeSqs, startSqs } from '../fakes/sqs.ts';
import { queueEvent, shapes } from '../functions/hosts/aws-events.ts';
import { bundle, call, eventBridge, folder, secret } from './bundle-scene.ts';

const keys = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'c4n4ry-key',
  sessionToken: 'c4n4ry-token',
  region: 'eu-west-1',
};

interface Aws {
  readonly bus: FakeEventBridge;
  readonly table: FakeDynamoDb;
  readonly secrets: FakeSecrets;
  readonly sqs: FakeSqs;
  /** As Lambda and the stack set it. */
  readonly env: Readonly<Record<string, string>>;
}

async function startAws(t: TestContext): Promise<Aws> {
  const [bus, table, secrets, sqs] = await Promise.all([
    startEventBridge({ ...keys, buses: ['orders'] }),
    startDynamoDb({ ...keys }),
    startSecrets(keys),
    startSqs({ ...keys, secondMs: 20 }),
  ]);
  for (const fake of [bus, table, secrets, sqs]) t.after(() => fake.close());
  const env = {
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    AWS_SESSION_TOKEN: keys.sessionToken,
    AWS_REGION: keys.region,
    AWS_ENDPOINT_URL_EVENTBRIDGE: bus.endpoint,
    AWS_ENDPOINT_URL_DYNAMODB: table.endpoint,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.endpoint,
    AWS_ENDPOINT_URL_SQS: sqs.endpoint,
  };
  return { bus, table, secrets, sqs, env };
}

/** A push of GitHub as API Gateway hands it on. */
function push(delivery: string, key = secret): unknown {
  const body = Buffer.from('{"ref":"refs/heads/main","n":1.50}');
  const signature = `sha256=${createHmac('sha256', key).update(body).digest('hex')}`;
  const headers = {
    'Content-Type': 'application/json',
    'X-GitHub-Event': 'push',
    'X-GitHub-Delivery': delivery,
    'X-Hub-Signature-256': signature,
  };
  return shapes['HTTP API']!({ method: 'POST', path: '/webhooks/github', headers, body });
}

test('bundle: the webhook for EventBridge takes a signed push once, with its secret and its memory in AWS', async (t) => {
  const { bus, table, secrets, env } = await startAws(t);
  const webhook = bundle(t, { document: eventBridge, cloud: 'aws', names: ['webhook'] }).get('webhook')!;
  const variables = {
    ...env,
    BUSWAY_SECRET_GITHUB: secrets.put('github', { text: `another,${secret}` }),
    BUSWAY_SEEN_TABLE: table.table,
  };

  const first = await call(t, webhook, variables, [push('11111111-1111-1111-1111-111111111111'), push('2', 'forged')]);
  // Another instance, later: only the table knows.
  const second = await call(t, webhook, variables, [push('11111111-1111-1111-1111-111111111111')]);

  assert.deepEqual(
    first.answers.map(({ statusCode }) => statusCode),
    [202, 401],
  );
  assert.deepEqual(
    second.answers.map(({ statusCode }) => statusCode),
    [202],
  );
  assert.equal(bus.taken.length, 1);
  assert.ok(bus.taken[0]!.includes('"data":{"ref":"refs/heads/main","n":1.50}'), bus.taken[0]);
  const accepted = [...first.log, ...second.log].filter(({ msg }) => msg === 'accepted');
  assert.deepEqual(
    accepted.map(({ seen }) => seen),
    [undefined, true],
  );
  assert.equal(first.log[0]?.['hash'], webhook.rulesHash);
  for (const { out } of [first, second]) assert.doesNotMatch(out, /c4n4ry/);
});

test('bundle: a secret that is not there ends each call with a code, the variable and the ARN', async (t) => {
  const { secrets, env } = await startAws(t);
  const webhook = bundle(t, { document: eventBridge, cloud: 'aws', names: ['webhook'] }).get('webhook')!;
  const arn = secrets.put('github', 'deleted');

  const { answers } = await call(t, webhook, { ...env, BUSWAY_SECRET_GITHUB: arn }, [push('1'), push('2')]);

  for (const { code, thrown } of answers) {
    assert.equal(code, 'SECRET_MISSING');
    assert.ok(String(thrown).includes('BUSWAY_SECRET_GITHUB') && String(thrown).includes(arn), String(thrown));
  }
});

async function startTarget(
  t: TestContext,
): Promise<{ readonly url: string; readonly got: string[]; answer(status: number): void }> {
  const got: string[] = [];
  let status = 200;
  const server = createServer(async (request, response) => {
    got.push(Buffer.concat(await request.toArray()).toString());
    response.writeHead(status).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  const answer = (next: number): void => {
    status = next;
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, got, answer };
}

function queuesIn(sqs: FakeSqs, prefix: string, rules: readonly string[]): ReadonlyMap<string, string> {
  const names = rules.flatMap((rule) => [queueName(prefix, rule), deadLetterQueueName(prefix, rule)]);
  return new Map(names.map((name) => [name, sqs.createQueue(name)]));
}

function structured(id: string, type: string): string {
  return encodeStructuredText({ attributes: { specversion: '1.0', id, source: '/s', type } });
}

test("bundle: deliver knows a queue's rule by its name, calls http and a user's own module, and redrive sends back what failed", async (t) => {
  const { sqs, env } = await startAws(t);
  const target = await startTarget(t);
  const baseDir = folder(t);
  writeFileSync(join(baseDir, 'words.ts'), "export const word: string = 'heard';\n");
  writeFileSync(
    join(baseDir, 'handler.ts'),
    `import { createRequire } from 'node:module';
     import { fileURLToPath } from 'node:url';
     import { word } from './words.ts';
     const { basename } = createRequire(import.meta.url)('node:path');
     const own = [basename(import.meta.filename), basename(fileURLToPath(import.meta.url))].join();
     export const handler = (event: { id: string }): void => console.log(JSON.stringify({ [word]: event.id, own }));`,
  );
  const document: RouterInput = {
    ...eventBridge,
    rules: [
      { name: 'hooks', when: { type: ['a'] }, to: { http: { url: target.url, allow: ['127.0.0.0/8'] } } },
      { name: 'own', when: { type: ['a'] }, to: { fn: { module: './handler.ts' } } },
    ],
  };
  const made = bundle(t, { document, cloud: 'aws', names: ['deliver', 'redrive'], baseDir });
  const queues = queuesIn(sqs, 'shop', ['hooks', 'own']);
  const variables = { ...env, BUSWAY_QUEUE_PREFIX: 'shop', BUSWAY_ACCOUNT: '123456789012' };
  const [hooks, own] = [queueName('shop', 'hooks'), queueName('shop', 'own')];

  target.answer(404);
  const failing = await call(t, made.get('deliver')!, variables, [
    queueEvent([
      { id: 'm1', body: structured('e1', 'a'), queue: hooks },
      { id: 'm2', body: structured('e2', 'a'), queue: own },
      { id: 'm3', body: structured('e3', 'b'), queue: own },
    ]),
  ]);
  const redriven = await call(t, made.get('redrive')!, variables, [{ rule: 'hooks' }]);
  const [back] = sqs.messages(queues.get(hooks)!);
  target.answer(200);
  const again = await call(t, made.get('deliver')!, variables, [
    queueEvent([
      { id: 'm4', body: back!.body, rule: back!.attributes.get('busway-rule')!.value.toString(), queue: hooks },
    ]),
  ]);

  assert.deepEqual([failing.answers, again.answers], [[{ batchItemFailures: [] }], [{ batchItemFailures: [] }]]);
  assert.ok(failing.log.some(({ heard, own: at }) => heard === 'e2' && at === 'index.mjs,index.mjs'));
  assert.ok(!failing.log.some(({ heard }) => heard === 'e3'), 'what the rule does not take is not delivered');
  const failed = failing.log.find(({ msg }) => msg === 'failed');
  assert.deepEqual([failed?.['rule'], failed?.['code']], ['hooks', 'TARGET_STATUS']);
  assert.match(String(failed?.['ruleHash']), /^[0-9a-f]{16}$/);
  assert.equal(failed?.['documentHash'], made.get('deliver')!.rulesHash);
  assert.equal((redriven.answers[0]!['redriven'] as readonly string[]).length, 1);
  assert.equal(sqs.messages(queues.get(deadLetterQueueName('shop', 'hooks'))!).length, 0);
  assert.deepEqual(
    target.got.map((body) => (JSON.parse(body) as { id: string }).id),
    ['e1', 'e1'],
  );
});

test('bundle: the source map leads back to the line of the source, and names no path of this machine', (t) => {
  const { dir } = bundle(t, { document: eventBridge, cloud: 'aws', names: ['webhook'] }).get('webhook')!;
  const { sources, sourcesContent } = JSON.parse(readFileSync(join(dir, 'index.mjs.map'), 'utf8')) as {
    sources: readonly string[];
    sourcesContent?: unknown;
  };
  const code = readFileSync(join(dir, 'index.mjs'), 'utf8');

  assert.ok(sources.some((source) => source.endsWith('functions/webhook.ts')));
  assert.equal(sourcesContent, undefined);
  assert.match(code, /\n\/\/# sourceMappingURL=index\.mjs\.map\n$/);
  for (const text of [...sources, code]) assert.ok(!text.includes(process.cwd()), text.slice(0, 200));
});

test('bundle: nothing of a document or of a path can become code', async (t) => {
  const stop = 'process.exit(7)';
  const baseDir = join(folder(t), `a"\`\${${stop}}'b`);
  mkdirSync(baseDir);
  writeFileSync(join(baseDir, `"+${stop}+".mjs`), 'export const handler = () => {};');
  const document = {
    bus: { use: 'eventbridge', bus: 'orders', endpoint: `http://127.0.0.1:1/"];${stop};["` },
    sources: {
      constructor: { use: 'hmac', header: 'X`Sig', id: `body:a"+${stop}+"`, type: `\${${stop}}\u2028'+${stop}` },
    },
    rules: [{ name: '__proto__', when: { type: [`"]);${stop};//`] }, to: { fn: { module: `./"+${stop}+".mjs` } } }],
  } as RouterInput;
  const made = bundle(t, { document, cloud: 'aws', names: ['webhook', 'deliver', 'redrive'], baseDir });

  // Had any of it run, the process would have ended with 7.
  for (const one of made.values()) assert.deepEqual((await call(t, one, {}, [])).answers, []);
});
