// The functions as a cloud starts them: from a document and the environment, over a bus that keeps what it is given.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Adapter, Push } from '../../../adapters/adapter.ts';
import { buses } from '../../../adapters/registry.ts';
import { deliver, redrive, webhook } from '../../../functions/hosts/aws.ts';
import { awsDeliver } from '../../../functions/hosts/aws-deliver.ts';
import { awsWebhook } from '../../../functions/hosts/aws-webhook.ts';
import {
  composeDeliver,
  composePush,
  composeWebhook,
  type DeliverParts,
  once,
  opened,
  type WebhookParts,
} from '../../../functions/hosts/compose.ts';
import { sources } from '../../../functions/sources/registry.ts';
import { targets } from '../../../functions/targets/registry.ts';
import { checkDocument, type RouterDocument, surveyDocument } from '../../../router/document.ts';
import type { CloudEvent } from '../../../router/event.ts';
import type { FailureRecord } from '../../../router/failure.ts';
import type { RawRequest } from '../../../router/http.ts';
import { decodeStructured } from '../../../router/wire/json.ts';
import { signed } from '../../contract/host-scene.ts';
import { codeOf, post } from '../push-scene.ts';
import { queueEvent, shapes, toAnswer } from './aws-events.ts';

const secret = 'c4n4ry-github-secret';
const document = {
  bus: { use: 'list' },
  sources: { github: { use: 'github' } },
  rules: [{ name: 'pushes', when: { type: ['com.github.push'] }, to: { log: {} } }],
};

interface Scene {
  /** As the bundler gives them: its document is checked. */
  readonly parts: WebhookParts & DeliverParts & { readonly document: RouterDocument };
  readonly env: (name: string) => string | undefined;
  readonly published: readonly CloudEvent[];
  readonly failures: readonly FailureRecord[];
  readonly lines: readonly string[];
  readonly closes: () => number;
}

interface SceneOptions {
  readonly document?: unknown;
  readonly env?: Readonly<Record<string, string>>;
  readonly keepsFailures?: boolean;
  readonly push?: Push;
}

function scene(t: TestContext, options: SceneOptions = {}): Scene {
  const dir = mkdtempSync(join(tmpdir(), 'busway-compose-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'rules.json');
  writeFileSync(file, JSON.stringify(options.document ?? document));
  const published: CloudEvent[] = [];
  const failures: FailureRecord[] = [];
  const lines: string[] = [];
  let closes = 0;
  const log = {
    write: async (record: FailureRecord) => void failures.push(record),
    list: async function* () {},
    remove: async () => {},
  };
  const list: Adapter = {
    name: 'list',
    limits: { events: 10, callBytes: 1e6, eventBytes: 1e6 },
    capabilities: { delivery: 'push', order: false, dedupe: false, replay: false },
    check: async () => {},
    sizeOf: () => 1,
    publish: async (batch) => {
      published.push(...batch);
      return batch.map(() => ({ ok: true }) as const);
    },
    decode: (pushed) => [
      { ok: true, event: decodeStructured((pushed as RawRequest).body), handle: '', rule: 'pushes' },
    ],
    ...(options.push && { push: options.push }),
    compile: (pattern) => ({ kind: 'none', native: null, residual: pattern }),
    close: async () => void closes++,
    ...(options.keepsFailures === false ? {} : { failures: log }),
  };
  const kind = { says: 'a list', options: {}, load: async () => ({ open: async () => list }) };
  const kinds = { buses: { ...buses, list: kind }, sources, targets };
  const given: Readonly<Record<string, string>> = { BUSWAY_RULES: file, BUSWAY_SECRET_GITHUB: secret, ...options.env };
  return {
    parts: {
      document: surveyDocument(options.document ?? document, kinds).document,
      ...kinds,
      print: (line) => void lines.push(line),
    },
    env: (name) => given[name],
    published,
    failures,
    lines,
    closes: () => closes,
  };
}

test('compose: a webhook from the environment publishes, and its log says what came without the secret', async (t) => {
  const { env, parts, published, lines } = scene(t);
  const composed = await composeWebhook(env, parts);
  const handler = awsWebhook(composed.wrapped, composed);

  const taken = toAnswer(await handler(shapes['HTTP API']!(signed(Buffer.from('{"ref":"x"}')))));
  const forged = toAnswer(
    await handler(shapes['HTTP API']!({ ...signed(Buffer.from('{}')), body: Buffer.from('[]') })),
  );
  await composed.close();

  assert.deepEqual([taken.status, forged.status, published.length], [202, 401, 1]);
  const logged = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    logged.map(({ level, msg, code }) => [level, msg, code]),
    [
      ['info', 'started', undefined],
      ['info', 'accepted', undefined],
      ['warn', 'refused', 'SIGNATURE_INVALID'],
    ],
  );
  assert.match(String(logged[0]?.['hash']), /^[0-9a-f]{16}$/);
  assert.doesNotMatch(lines.join(), /c4n4ry/);
});

test('compose: the limit of a body comes from BUSWAY_MAX_BODY', async (t) => {
  const { env, parts } = scene(t, { env: { BUSWAY_MAX_BODY: '5' } });
  const composed = await composeWebhook(env, parts);
  t.after(composed.close);

  const answer = await awsWebhook(composed.wrapped, composed)(shapes['HTTP API']!(signed(Buffer.from('{"a":1}'))));

  assert.equal(answer.statusCode, 413);
  const wrong = scene(t, { env: { BUSWAY_MAX_BODY: '1MB' } });
  await assert.rejects(composeWebhook(wrong.env, wrong.parts), { code: 'CONFIG_INVALID', message: /BUSWAY_MAX_BODY/ });
});

test('compose: a delivery reaches its target, and what cannot be delivered ends in the failure log of the bus', async (t) => {
  const { env, parts, failures, lines, closes } = scene(t);
  const { consumer, close } = await composeDeliver(env, parts);
  const body = (type: string): string => JSON.stringify({ specversion: '1.0', id: type, source: '/s', type });

  const answer = await awsDeliver({ consumer })(
    queueEvent([
      { id: 'm1', body: body('com.github.push'), rule: 'pushes' },
      { id: 'm2', body: body('t'), rule: 'gone' },
    ]),
  );
  await close();

  assert.deepEqual(answer, { batchItemFailures: [] });
  assert.deepEqual(
    failures.map(({ rule, code }) => [rule, code]),
    [['gone', 'RULE_GONE']],
  );
  assert.ok(
    lines.some((line) => line.includes('"id":"com.github.push"')),
    'the log target printed the event',
  );
  const logged = lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ msg }) => msg !== undefined);
  const delivered = logged.find(({ msg, rule }) => msg === 'delivered' && rule === 'pushes');
  assert.equal(delivered?.['ruleHash'], parts.document.rules[0]?.hash);
  assert.equal(delivered?.['documentHash'], parts.document.hash);
  assert.ok(logged.some(({ msg, rule, level }) => msg === 'failed' && rule === 'gone' && level === 'error'));
  assert.equal(closes(), 1);
});

test('compose: what is missing or wrong is said with what to set', async (t) => {
  const none = scene(t, { env: { BUSWAY_RULES: '' } });
  const absent = scene(t, { env: { BUSWAY_RULES: '/nowhere/rules.json' } });
  const bare = scene(t, { env: { BUSWAY_SECRET_GITHUB: '' } });
  const wrong = scene(t, { document: { ...document, rulez: [] } });
  const local = scene(t, { document: { ...document, bus: 'embedded' } });
  const inside = scene(t, {
    document: {
      ...document,
      rules: [{ name: 'r', when: { type: ['t'] }, to: { http: { url: 'http://127.0.0.1:9/x' } } }],
    },
  });
  const cases = [
    [none, 'CONFIG_INVALID', /BUSWAY_RULES is not set/],
    [absent, 'CONFIG_INVALID', /cannot be read as JSON/],
    [wrong, 'DOCUMENT_INVALID', /'rulez'; did you mean 'rules'/],
    [local, 'CONFIG_INVALID', /would lose events here/],
  ] as const;

  for (const [{ env, parts }, code, message] of cases) {
    await assert.rejects(composeDeliver(env, parts), { code, message });
  }
  await assert.rejects(composeWebhook(bare.env, bare.parts), {
    code: 'SECRET_MISSING',
    message: /set BUSWAY_SECRET_GITHUB/,
  });
  // What `busway dev` allows, a cloud host does not.
  await assert.rejects(composeDeliver(inside.env, inside.parts), { code: 'TARGET_ADDRESS_FORBIDDEN' });
});

test('compose: without a place for failures nothing is delivered, and what was opened is closed', async (t) => {
  const { env, parts, closes } = scene(t, { keepsFailures: false });

  await assert.rejects(composeDeliver(env, parts), { code: 'UNSUPPORTED' });
  assert.equal(closes(), 1);
});

const unsigned: Push = { attemptsBefore: () => 0, answerMs: 30_000, finalStatuses: [401] };
const pushSecret = 'c4n4ry-push-secret';

test('compose: a push from the environment is delivered with the secret, and without it refused and logged', async (t) => {
  const { env, parts, lines } = scene(t, { push: unsigned, env: { BUSWAY_PUSH_SECRET: pushSecret } });
  const { wrapped, maxBody, close } = await composePush(env, parts);
  t.after(close);
  const body = JSON.stringify({ specversion: '1.0', id: 'p-1', source: '/s', type: 'com.github.push' });

  const done = await wrapped(post(body, { 'x-busway-secret': pushSecret }), {});
  const refused = await wrapped(post(body), {});

  assert.deepEqual([done.status, refused.status, codeOf(refused)], [200, 503, 'SIGNATURE_MISSING']);
  assert.ok(maxBody > 14_000_000, "Pub/Sub's largest message fits");
  const logged = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.ok(logged.some(({ msg, eventId }) => msg === 'delivered' && eventId === 'p-1'));
  assert.ok(logged.some(({ msg, code }) => msg === 'push refused' && code === 'SIGNATURE_MISSING'));
  assert.doesNotMatch(lines.join(), /c4n4ry/);
});

test('compose: a push that anybody could make refuses to start, and what was opened is closed', async (t) => {
  const bare = scene(t, { push: unsigned });
  const short = scene(t, { push: unsigned, env: { BUSWAY_PUSH_SECRET: 'short' } });
  const pulled = scene(t, { env: { BUSWAY_PUSH_SECRET: pushSecret } });

  await assert.rejects(composePush(bare.env, bare.parts), { code: 'SECRET_MISSING', message: /BUSWAY_PUSH_SECRET/ });
  await assert.rejects(composePush(short.env, short.parts), { code: 'SECRET_INVALID' });
  await assert.rejects(composePush(pulled.env, pulled.parts), { code: 'UNSUPPORTED' });
  assert.deepEqual([bare.closes(), short.closes(), pulled.closes()], [1, 0, 1]);
});

test('compose: Pub/Sub needs no secret, for its tokens are looked at; without push in the document it refuses', async (t) => {
  const push = { audience: 'https://deliver.example', serviceAccount: 'pusher@p.iam.gserviceaccount.com' };
  const bus = { use: 'pubsub', project: 'test-project' };
  const env = { PUBSUB_EMULATOR_HOST: '127.0.0.1:9' };
  const pushed = scene(t, { document: { ...document, bus: { ...bus, push } }, env });
  const pulled = scene(t, { document: { ...document, bus }, env });

  const { wrapped, close } = await composePush(pushed.env, pushed.parts);
  t.after(close);

  assert.equal((await wrapped(post('{}'), {})).status, 401);
  await assert.rejects(composePush(pulled.env, pulled.parts), {
    code: 'UNSUPPORTED',
    message: /give pubsub its 'push'/,
  });
});

test('compose: Event Grid signs nothing, so it needs the secret', async (t) => {
  const bus = {
    use: 'eventgrid',
    endpoint: 'https://shop.westeurope-1.eventgrid.azure.net',
    failures: 'https://shop.blob.core.windows.net/busway-failures',
    entra: true,
  };
  const made = (env: Readonly<Record<string, string>>): Scene => scene(t, { document: { ...document, bus }, env });
  const [bare, secured] = [made({}), made({ BUSWAY_PUSH_SECRET: pushSecret })];

  await assert.rejects(composePush(bare.env, bare.parts), {
    code: 'SECRET_MISSING',
    message: /eventgrid does not sign/,
  });
  const { wrapped, close } = await composePush(secured.env, secured.parts);
  t.after(close);
  const origin = { 'webhook-request-origin': 'eventgrid.azure.net' };
  const shaken = await wrapped({ ...post('', origin), method: 'OPTIONS' }, {});
  const stranger = await wrapped(post('{}'), {});

  assert.deepEqual([shaken.status, stranger.status, codeOf(stranger)], [200, 503, 'SIGNATURE_MISSING']);
});

test('compose: it happens once for calls at the same time, and again after a failure', async () => {
  let tries = 0;
  const get = once(async () => {
    tries++;
    if (tries === 1) throw new Error('not yet');
    return tries;
  });

  await assert.rejects(Promise.all([get(), get()]), /not yet/);
  assert.deepEqual(await Promise.all([get(), get(), get()]), [2, 2, 2]);
});

test('compose: it begins at once, and what went wrong is tried again when it is asked for', async () => {
  let tries = 0;
  const get = await opened(async () => {
    tries++;
    if (tries < 3) throw new Error(`not yet ${tries}`);
    return tries;
  });

  assert.equal(tries, 1);
  await assert.rejects(get(), /not yet 2/);
  assert.deepEqual([await get(), await get()], [3, 3]);
});

test('compose: a webhook publishes no repeat that the shared memory knows, and never asks it where the bus knows', async (t) => {
  const { env, parts, published, lines } = scene(t);
  const keys: string[] = [];
  const seen = {
    keyOf: () => 'k',
    has: async (key: string) => keys.includes(key),
    add: async (key: string) => void keys.push(key),
  };
  const { wrapped, close } = await composeWebhook(env, { ...parts, seen });
  t.after(close);
  const handler = awsWebhook(wrapped);
  const event = shapes['HTTP API']!(signed(Buffer.from('{"ref":"x"}')));

  const statuses = [(await handler(event)).statusCode, (await handler(event)).statusCode];

  assert.deepEqual([statuses, published.length, keys], [[202, 202], 1, ['k']]);
  const accepted = lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ msg }) => msg === 'accepted');
  assert.deepEqual(
    accepted.map(({ seen: again }) => again),
    [undefined, true],
  );
});

test('compose: the functions of Lambda load with a bare environment, and say at each call what they need', async () => {
  const parts = { buses, sources, targets };
  const intake = checkDocument({ ...document, bus: { use: 'eventbridge', bus: 'orders' } }, parts);
  const cases = [
    [await deliver(parts), /BUSWAY_RULES/, 'CONFIG_INVALID'],
    [await webhook({ ...parts, document: intake }), /BUSWAY_SECRET_GITHUB/, 'SECRET_MISSING'],
    [await redrive({ document: intake, ruleNames: ['pushes'] }), /BUSWAY_QUEUE_PREFIX/, 'CONFIG_INVALID'],
  ] as const;

  for (const [handler, message, code] of cases) {
    await assert.rejects(handler({ all: true }), { code, message });
    await assert.rejects(handler({ all: true }), { code, message });
  }
});
