// The functions as a cloud starts them, with a store for oversized data: the webhook publishes without the data, the deliver
// function hands the target the whole, from another process.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Adapter, AdapterParts } from '../../../adapters/adapter.ts';
import { stores } from '../../../adapters/registry.ts';
import {
  composeDeliver,
  composeWebhook,
  type DeliverParts,
  type WebhookParts,
} from '../../../functions/hosts/compose.ts';
import { sources } from '../../../functions/sources/registry.ts';
import { targets } from '../../../functions/targets/registry.ts';
import { surveyDocument } from '../../../router/document.ts';
import type { CloudEvent } from '../../../router/event.ts';
import { type FakeS3, startS3 } from '../../fakes/s3.ts';

const LIMIT = 1_000;
const idle = new AbortController().signal;

interface Scene {
  /** As the bundler gives them: its document is checked. */
  readonly parts: WebhookParts & DeliverParts;
  readonly env: (name: string) => string | undefined;
  readonly published: CloudEvent[];
  readonly lines: string[];
  /** What adapters were given. */
  readonly opened: AdapterParts[];
}

function scene(t: TestContext, oversize: unknown, fake?: FakeS3): Scene {
  const dir = mkdtempSync(join(tmpdir(), 'busway-compose-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'rules.json');
  const rules = [
    { name: 'red', when: { data: { color: ['red'] } }, to: { log: {} } },
    { name: 'blue', when: { data: { color: ['blue'] } }, to: { log: {} } },
  ];
  const document = { bus: { use: 'list' }, oversize, sources: { shop: { use: 'cloudevents', open: true } }, rules };
  writeFileSync(file, JSON.stringify(document));
  const published: CloudEvent[] = [];
  const lines: string[] = [];
  const opened: AdapterParts[] = [];
  const adapter: Adapter = {
    name: 'list',
    limits: { events: 10, callBytes: LIMIT, eventBytes: LIMIT },
    capabilities: { delivery: 'push', order: false, dedupe: false, replay: false },
    check: async () => undefined,
    sizeOf: ({ data }) => data?.bytes.length ?? 0,
    async publish(batch) {
      published.push(...batch);
      return batch.map(() => ({ ok: true }));
    },
    decode: () => [],
    compile: (residual) => ({ kind: 'none', native: null, residual }),
    close: async () => undefined,
    failures: { write: async () => assert.fail('nothing fails'), async *list() {}, remove: async () => undefined },
  };
  const load = async () => ({
    async open(_options: unknown, given: AdapterParts) {
      opened.push(given);
      return adapter;
    },
  });
  const known: Readonly<Record<string, string | undefined>> = {
    BUSWAY_RULES: file,
    AWS_ACCESS_KEY_ID: fake?.keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: fake?.keys.secretAccessKey,
    AWS_REGION: fake?.keys.region,
  };
  const buses = { list: { says: 'a list', options: {}, load } };
  const print = (line: string): void => void lines.push(line);
  const kinds = { buses, stores, sources, targets };
  const { document: checked } = surveyDocument(document, kinds);
  return { parts: { document: checked, ...kinds, print }, env: (name) => known[name], published, lines, opened };
}

test('compose: with a store in a bucket, what is over the limit is published light and delivered whole', async (t) => {
  const fake = await startS3();
  t.after(() => fake.close());
  const store = { s3: { bucket: fake.bucket, prefix: 'large/', endpoint: fake.endpoint } };
  const made = scene(t, { store }, fake);
  const data = `{"color":"red","n":1.50,"pad":"${'x'.repeat(LIMIT)}"}`;

  const webhook = await composeWebhook(made.env, made.parts);
  const body = `{"specversion":"1.0","id":"1","source":"/s","type":"t","data":${data}}`;
  const headers = { 'content-type': 'application/cloudevents+json' };
  const request = { method: 'POST', path: '/webhooks/shop', query: '', headers, body: Buffer.from(body) };
  const answer = await webhook.wrapped(request, {});
  await webhook.close();

  assert.equal(answer.status, 202);
  const [light] = made.published;
  assert.ok(light!.data === undefined && String(light!.attributes['dataref']).startsWith('s3://data/large/'));
  assert.deepEqual([...fake.objects.values()].map(String), [data]);

  const { consumer, close } = await composeDeliver(made.env, made.parts);
  assert.equal(made.opened.at(-1)?.oversize?.uriPrefix, 's3://data/large/');
  for (const rule of ['red', 'blue']) {
    await consumer.deliver({ event: light!, rule, attempt: 1, unchecked: true }, idle);
  }
  await close();
  const printed = made.lines.filter((line) => line.includes('"color"'));
  assert.equal(printed.length, 1);
  assert.ok(printed[0]!.includes(data) && !printed[0]!.includes('dataref'));
});

test('compose: a folder is refused where the next call runs on another machine', async (t) => {
  const { env, parts } = scene(t, { store: { folder: 'large' } });
  const refused = { code: 'CONFIG_INVALID', message: /folder of one instance.*use s3/ };
  await assert.rejects(composeDeliver(env, parts), refused);
});

test('compose: a bundle without stores says that the document asks for one', async (t) => {
  const { env, parts } = scene(t, { store: { s3: { bucket: 'data' } } });
  const { stores: _none, ...bundle } = parts;
  await assert.rejects(composeDeliver(env, bundle), { code: 'DOCUMENT_INVALID', message: /unknown store 's3'/ });
});
