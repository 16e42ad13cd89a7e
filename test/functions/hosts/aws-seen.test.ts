// The memory of what was published, in a table of DynamoDB: what is asked and left there, for how long, and what happens to
// intake when the table fails.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { openSeenTable } from '../../../functions/hosts/aws-seen.ts';
import type { CloudEvent } from '../../../router/event.ts';
import { createIngest, type Seen } from '../../../router/ingest.ts';
import type { WireFault } from '../../fakes/aws-json.ts';
import { type DynamoSettings, type FakeDynamoDb, startDynamoDb } from '../../fakes/dynamodb.ts';

const canary = 'c4n4ry-51d';
const DAY_S = 86_400;

const made = (id: string, source = '/s'): CloudEvent => ({ attributes: { specversion: '1.0', id, source, type: 't' } });

interface Scene {
  readonly fake: FakeDynamoDb;
  readonly seen: Seen;
  readonly warnings: readonly string[];
}

async function scene(
  t: TestContext,
  settings: DynamoSettings = {},
  env: Readonly<Record<string, string>> = {},
): Promise<Scene> {
  const fake = await startDynamoDb({ secretAccessKey: canary, ...settings });
  t.after(fake.close);
  const given: Readonly<Record<string, string>> = {
    AWS_ACCESS_KEY_ID: fake.keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: fake.keys.secretAccessKey,
    AWS_REGION: fake.keys.region,
    AWS_ENDPOINT_URL_DYNAMODB: fake.endpoint,
    BUSWAY_SEEN_TABLE: fake.table,
    ...env,
  };
  const warnings: string[] = [];
  return {
    fake,
    seen: openSeenTable((name) => given[name], { onWarning: (text) => void warnings.push(text), callMs: 300 })!,
    warnings,
  };
}

test('aws seen: what was added is known, over a read that sees the last write, and lies there as a hash for a day', async (t) => {
  const { fake, seen, warnings } = await scene(t);
  const key = seen.keyOf(made('a'));
  const before = Math.floor(Date.now() / 1_000);

  const first = await seen.has(key);
  await seen.add(key);

  assert.deepEqual([first, await seen.has(key), await seen.has(seen.keyOf(made('b')))], [false, true, false]);
  assert.deepEqual([...fake.items.keys()], [key]);
  assert.match(key, /^[0-9a-f]{64}$/);
  const { expires, ...rest } = fake.items.get(key)!;
  assert.deepEqual(rest, { pk: { S: key } });
  assert.ok(Math.abs(Number(expires?.['N']) - before - DAY_S) <= 2, JSON.stringify(expires));
  assert.deepEqual(warnings, []);
});

test('aws seen: an item that has ended, and was not taken away yet, counts no more', async (t) => {
  const { fake, seen } = await scene(t);
  const now = Math.floor(Date.now() / 1_000);
  const cases: readonly (readonly [unknown, boolean])[] = [
    [{ N: String(now + 60) }, true],
    [{ N: String(now - 1) }, false],
    [{ S: 'soon' }, false],
    [undefined, false],
  ];

  for (const [expires, known] of cases) {
    fake.items.set('k', { pk: { S: 'k' }, ...(expires === undefined ? {} : { expires: expires as { N: string } }) });
    assert.equal(await seen.has('k'), known, JSON.stringify(expires));
  }
});

test('aws seen: different (source, id) have different keys, wherever the border between them is', async (t) => {
  const { seen } = await scene(t);
  const text = fc.string({ unit: fc.constantFrom('a', '/', '\u0001', 'é'), maxLength: 4 });

  fc.assert(
    fc.property(text, text, text, text, (source, id, otherSource, otherId) => {
      const same = source === otherSource && id === otherId;
      return (seen.keyOf(made(id, source)) === seen.keyOf(made(otherId, otherSource))) === same;
    }),
  );
});

const faults: Readonly<Record<string, WireFault>> = {
  throttled: { kind: 'refuse', type: 'ProvisionedThroughputExceededException' },
  'broken inside': { kind: 'refuse', type: 'InternalServerError', status: 500 },
  'a broken connection': { kind: 'reset', taken: false },
  'no JSON': { kind: 'answer', body: '<html>' },
  'no answer': { kind: 'hang' },
};

for (const [name, fault] of Object.entries(faults)) {
  test(`aws seen: where the table has ${name}, events are published with one warning, until it works again`, async (t) => {
    let failing = true;
    const { seen, warnings } = await scene(t, { fault: () => (failing ? fault : undefined) });
    const published: string[] = [];
    const ingest = createIngest({
      publish: async ({ attributes }) => {
        published.push(attributes.id);
        return { ok: true };
      },
      seen,
      now: Date.now,
      randomHex: () => '0'.repeat(32),
    });

    const results = await ingest([made('a')]);
    const again = await ingest([made('a')]);
    failing = false;
    await ingest([made('a')]);
    const known = await ingest([made('a')]);

    assert.deepEqual(
      [...results, ...again].map(({ ok }) => ok),
      [true, true],
    );
    // What was taken although its answer was bad is known, once the table works.
    assert.deepEqual(published, fault.kind === 'answer' ? ['a', 'a'] : ['a', 'a', 'a']);
    assert.ok(known[0]?.ok && known[0].seen);
    assert.equal(warnings.length, 1, warnings.join('\n'));
    assert.match(
      warnings[0]!,
      /^aws: table 'busway-seen' does not answer as it should \(.+\); until it does, .* published again$/,
    );
    assert.ok(!warnings.join().includes(canary));
  });
}

test('aws seen: a table that is missing, and a right that is missing, stop nobody and are told by name', async (t) => {
  const missing = await scene(t, {}, { BUSWAY_SEEN_TABLE: 'another' });
  const denied = await scene(t, { denied: ['GetItem'] });

  assert.deepEqual([await missing.seen.has('k'), await denied.seen.has('k')], [false, false]);
  assert.match(missing.warnings[0]!, /'another'.*ResourceNotFoundException, 400/);
  assert.match(denied.warnings[0]!, /AccessDeniedException, 400/);
});

test('aws seen: a connection that the service closed while nobody asked is made anew, without a warning', async (t) => {
  const { fake, seen, warnings } = await scene(t, {
    // The second call finds its kept connection closed, as after a pause between two calls of a function.
    fault: ({ operation, number }) =>
      operation === 'GetItem' && number === 1 ? { kind: 'reset', taken: false } : undefined,
  });
  await seen.add('k');
  await seen.has('k');

  assert.equal(await seen.has('k'), true);
  assert.deepEqual(warnings, []);
  assert.equal(fake.calls.filter(({ operation }) => operation === 'GetItem').length, 3);
});

test('aws seen: without BUSWAY_SEEN_TABLE there is none; one that is no name, or without a region, is CONFIG_INVALID', () => {
  const open = (env: Readonly<Record<string, string>>) =>
    openSeenTable((name) => env[name], { onWarning: assert.fail });

  assert.equal(open({}), undefined);
  assert.equal(open({ BUSWAY_SEEN_TABLE: '' }), undefined);
  assert.throws(() => open({ BUSWAY_SEEN_TABLE: 'a b', AWS_REGION: 'eu-west-1' }), { code: 'CONFIG_INVALID' });
  assert.throws(() => open({ BUSWAY_SEEN_TABLE: 'seen' }), { code: 'CONFIG_INVALID', message: /AWS_REGION/ });
});
