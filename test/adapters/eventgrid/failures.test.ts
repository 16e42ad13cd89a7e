// The failure log against Azurite: our records beside what Event Grid left, one event taken out of several, many pages,
// blobs that cannot be read, removals at once. And the whole way: pushed, given up, listed, redriven.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Blobs, FoundBlob } from '../../../adapters/eventgrid/blobs.ts';
import { createFailureLog } from '../../../adapters/eventgrid/failures.ts';
import { subscriptionName } from '../../../adapters/eventgrid/filter.ts';
import { redrive } from '../../../functions/redrive.ts';
import type { ActiveRule, Verdict } from '../../../router/consume.ts';
import type { CloudEvent } from '../../../router/event.ts';
import { type FailureLog, type FailureRecord, failureId } from '../../../router/failure.ts';
import { encodeStructuredText } from '../../../router/wire/json.ts';
import { sameEvent } from '../../harness/events.ts';
import { type Azurite, type Container, startAzurite } from './azurite.ts';
import { orderEvent } from './scene.ts';

let azurite: Azurite;
before(async () => {
  azurite = await startAzurite();
});
after(() => azurite.stop());

const idle = new AbortController().signal;
const SUBSCRIPTION = subscriptionName('busway', 'placed', null).toUpperCase();
const WHY = {
  deadletterreason: 'MaxDeliveryAttemptsExceeded',
  deliveryattempts: 30,
  lastdeliveryoutcome: 'NotFound',
  publishtime: '2026-08-13T21:21:36.4018726Z',
};

let blobCount = 0;
const letterName = (subscription = SUBSCRIPTION): string =>
  `${subscription}/2026/8/13/21/${String(++blobCount).padStart(8, '0')}-0000-4000-8000-000000000000.json`;

/** An event as Event Grid writes it where it gives it up. */
function letter(event: CloudEvent, lastdeliveryattempttime = '2026-08-13T22:00:00.0000000Z'): string {
  return `${encodeStructuredText(event).slice(0, -1)},${JSON.stringify({ ...WHY, lastdeliveryattempttime }).slice(1)}`;
}

interface Place {
  readonly container: Container;
  readonly blobs: Blobs;
  readonly log: FailureLog;
  /** A log of another process on the same container. */
  another(blobs?: Blobs): FailureLog;
  leave(texts: readonly string[], name?: string): Promise<string>;
  names(): Promise<readonly string[]>;
}

async function place(pageSize = 5_000): Promise<Place> {
  const container = await azurite.container();
  const blobs = container.blobs(pageSize);
  const another = (given: Blobs = blobs): FailureLog =>
    createFailureLog({ blobs: given, prefix: 'busway', rules: () => ['placed', 'other'], signal: idle });
  return {
    container,
    blobs,
    log: another(),
    another,
    async leave(texts, name = letterName()) {
      await blobs.put(name, Buffer.from(`[${texts.join()}]`), {}, idle);
      return name;
    },
    names: async () => (await Array.fromAsync(blobs.list(idle))).flat().map(({ name }) => name),
  };
}

function recordOf(event: CloudEvent, more: Partial<FailureRecord> = {}): FailureRecord {
  return {
    id: failureId('placed', event),
    rule: 'placed',
    ruleHash: '0123456789abcdef',
    code: 'TARGET_STATUS',
    reason: 'answered 500',
    attempts: 5,
    at: '2026-08-13T21:30:00.000Z',
    event,
    ...more,
  };
}

const listed = (log: FailureLog): Promise<FailureRecord[]> => Array.fromAsync(log.list(idle));
const eventIds = (records: readonly FailureRecord[]): readonly unknown[] =>
  records.map(({ event }) => event?.attributes.id);

test('eventgrid failures: 500 records come oldest first over many pages, each once', async () => {
  const { log } = await place(60);
  const records = Array.from({ length: 500 }, (_, i) => {
    // In an order that is neither that of the names nor that of writing.
    const at = new Date(Date.UTC(2026, 0, 1) + ((i * 337) % 500) * 1_000).toISOString();
    return recordOf(orderEvent(`e${i}`), { at });
  });
  for (let at = 0; at < 500; at += 50) await Promise.all(records.slice(at, at + 50).map((record) => log.write(record)));

  const found = await listed(log);

  const due = records.toSorted((a, b) => (a.at < b.at ? -1 : 1));
  assert.deepEqual(
    found.map(({ id, at }) => `${id} ${at}`),
    due.map(({ id, at }) => `${id} ${at}`),
  );
  assert.ok(found.every(({ event }, i) => sameEvent(event!, due[i]!.event!)));
});

test('eventgrid failures: what Event Grid gave up is listed among our own, with its rule and the event as it was', async () => {
  const { log, leave } = await place();
  const [early, late, own] = [orderEvent('early', { level: 5 }), orderEvent('late'), orderEvent('own')];
  await leave([letter(late, '2026-08-13T21:45:00.0000000Z')]);
  await leave([letter(early, '2026-08-13T21:15:00.0000000Z')], `shop/orders/${letterName(SUBSCRIPTION.toLowerCase())}`);
  await log.write(recordOf(own));

  const found = await listed(log);

  assert.deepEqual(eventIds(found), ['early', 'own', 'late']);
  const [first] = found;
  assert.ok(sameEvent(first!.event!, early));
  assert.deepEqual(
    { ...first, event: null },
    {
      ...recordOf(early),
      ruleHash: null,
      code: 'ATTEMPTS_EXHAUSTED',
      reason: 'Event Grid gave it up: MaxDeliveryAttemptsExceeded, last outcome NotFound',
      attempts: 30,
      at: '2026-08-13T21:15:00.000Z',
      event: null,
    },
  );
});

test('eventgrid failures: one event of several is taken out, the others stay byte for byte, the last takes the blob along', async () => {
  const { log, blobs, leave, names } = await place();
  const [a, b, c] = [orderEvent('a'), orderEvent('b', {}, { n: 1 }), orderEvent('c')];
  const odd = letter(b).replace('"n":1', '"n" : 9007199254740993');
  const name = await leave([letter(a), odd, letter(c)]);

  await log.remove([failureId('placed', a)]);
  const left = (await blobs.get(name, idle)) as FoundBlob & { ok: true };
  assert.equal(left.body.toString(), `[${odd},${letter(c)}]`);
  assert.deepEqual(eventIds(await listed(log)).toSorted(), ['b', 'c']);

  await log.remove([failureId('placed', b), failureId('placed', c), 'unknown']);
  assert.deepEqual(await names(), []);
});

test('eventgrid failures: removals at once, from several processes, each take what they were asked for and no more', async () => {
  const { another, leave, log } = await place();
  const events = Array.from({ length: 6 }, (_, i) => orderEvent(`e${i}`));
  await leave(events.map((event) => letter(event)));

  await Promise.all(events.slice(0, 4).map((event) => another().remove([failureId('placed', event)])));

  assert.deepEqual(eventIds(await listed(log)).toSorted(), ['e4', 'e5']);
});

test('eventgrid failures: a blob that changes between reading and rewriting is read again', async () => {
  const { blobs, another, leave, log } = await place();
  const [a, b, c] = [orderEvent('a'), orderEvent('b'), orderEvent('c')];
  const name = await leave([letter(a), letter(b)]);
  let changes = 0;
  const racing: Blobs = {
    ...blobs,
    async get(asked, signal) {
      const found = await blobs.get(asked, signal);
      // The second reading is the one that a removal rewrites from.
      if (++changes === 2) await leave([letter(a), letter(b), letter(c)], name);
      return found;
    },
  };

  await another(racing).remove([failureId('placed', a)]);

  assert.deepEqual(eventIds(await listed(log)).toSorted(), ['b', 'c']);
  assert.equal(changes, 3);
});

test('eventgrid failures: several copies of a record are one, the newest, and are removed together', async () => {
  const { log, leave, names } = await place();
  const [a, b] = [orderEvent('a'), orderEvent('b')];
  await leave([letter(a, '2026-08-13T21:00:00Z'), letter(b, '2026-08-13T23:00:00Z')]);
  await leave([letter(a, '2026-08-13T21:10:00Z'), letter(a, '2026-08-13T21:20:00Z')]);
  await log.write(recordOf(a, { reason: 'ours, newer' }));
  await log.write(recordOf(b, { reason: 'ours, older' }));

  const found = await listed(log);

  assert.deepEqual(
    found.map(({ event, code }) => [event?.attributes.id, code]),
    [
      ['a', 'TARGET_STATUS'],
      ['b', 'ATTEMPTS_EXHAUSTED'],
    ],
  );
  await log.remove([failureId('placed', a)]);
  assert.deepEqual(eventIds(await listed(log)), ['b']);
  await log.remove([failureId('placed', b)]);
  assert.deepEqual(await names(), []);
});

test('eventgrid failures: a failure after a removal is a new one, although nothing was listed meanwhile', async () => {
  const { log, leave } = await place();
  const a = orderEvent('a');
  await leave([letter(a)]);
  await listed(log);
  await log.remove([failureId('placed', a)]);
  await leave([letter(a)]);

  assert.equal((await listed(log)).length, 1);
  await log.remove([failureId('placed', a)]);
  await leave([letter(a)]);
  await log.remove([failureId('placed', a)]);
  assert.deepEqual(await listed(log), []);
});

test('eventgrid failures: what cannot be read is listed as no event, hides nothing, and can be removed', async () => {
  const { log, blobs, another, leave, names } = await place();
  const put = (name: string, text: string | Buffer) => blobs.put(name, Buffer.from(text), {}, idle);
  await log.write(recordOf(orderEvent('ours')));
  await leave([letter(orderEvent('theirs'))]);
  const cut = letterName();
  await put(cut, '[{"specversion":"1.0",');
  await put(letterName(), Buffer.from([0xff, 0x00]));
  await put(letterName(), '');
  await leave(['7', '{"specversion":"9"}']);
  await put('busway/0123456789abcdef.json', '{"code":"NO_SUCH_CODE"}');
  await put('busway/fedcba9876543210.json', 'not JSON');
  const archived = letterName();
  await leave([letter(orderEvent('unseen'))], archived);
  const withArchive: Blobs = {
    ...blobs,
    get: async (name, signal) =>
      name === archived ? { ok: false, reason: 'it cannot be read now' } : blobs.get(name, signal),
  };
  const reading = another(withArchive);

  const found = await listed(reading);

  assert.deepEqual(eventIds(found).filter(Boolean).toSorted(), ['ours', 'theirs']);
  const bad = found.filter(({ event }) => event === null);
  assert.deepEqual(
    bad.map(({ bytes }) => bytes!.toString('latin1')).toSorted(),
    [
      '',
      '',
      '7',
      '[{"specversion":"1.0",',
      'not JSON',
      '{"code":"NO_SUCH_CODE"}',
      '{"specversion":"9"}',
      'ÿ\0',
    ].toSorted(),
  );
  assert.deepEqual(new Set(bad.map(({ rule }) => rule)), new Set(['placed', null]));
  for (const { reason, at } of bad) assert.ok(reason.length > 10 && !Number.isNaN(Date.parse(at)), reason);

  await reading.remove(bad.map(({ id }) => id));
  assert.deepEqual(eventIds(await listed(log)).toSorted(), ['ours', 'theirs']);
  assert.equal((await names()).length, 2);
});

test('eventgrid failures: what others keep in the container is neither listed nor touched', async () => {
  const { log, leave, blobs, names } = await place();
  await leave([letter(orderEvent('foreign'))], letterName('ANOTHER-SUBSCRIPTION'));
  await blobs.put('elsewhere/0123456789abcdef.json', Buffer.from('{}'), {}, idle);
  await blobs.put('read me, <please> & thank you.txt', Buffer.from('hello'), {}, idle);
  const elsewhere = await names();

  assert.deepEqual(await listed(log), []);
  await log.remove([failureId('placed', orderEvent('foreign')), '0123456789abcdef']);
  assert.deepEqual(await names(), elsewhere);
});

test('eventgrid failures: what Event Grid gave up is redriven to its rule; what fails again stays with its new reason', async () => {
  const { log, leave, names } = await place();
  const [good, bad] = [orderEvent('good'), orderEvent('bad')];
  await leave([letter(good), letter(bad)]);
  const given: string[] = [];
  const verdicts: Record<string, Verdict> = {
    good: { kind: 'ack' },
    bad: { kind: 'retry', code: 'TARGET_TIMEOUT', reason: 'no answer within 10 s' },
  };
  const active: ActiveRule = {
    name: 'placed',
    hash: 'fedcba9876543210',
    ordered: false,
    retry: { attempts: 5, firstMs: 1, maxMs: 1 },
    matches: () => true,
    async deliver({ event, attempt }) {
      given.push(`${event.attributes.id} ${attempt} ${Object.keys(event.attributes).join()}`);
      return verdicts[event.attributes.id]!;
    },
  };
  const parts = { rules: new Map([['placed', active]]), failures: log, now: () => Date.UTC(2026, 7, 14) };

  await Array.fromAsync(redrive(parts, {}, idle));

  assert.deepEqual(given.toSorted(), ['bad 31 specversion,id,source,type', 'good 31 specversion,id,source,type']);
  const [left, ...more] = await listed(log);
  assert.deepEqual(
    [left!.code, left!.attempts, left!.reason, more],
    ['TARGET_TIMEOUT', 31, 'no answer within 10 s', []],
  );

  verdicts['bad'] = { kind: 'ack' };
  await Array.fromAsync(redrive(parts, {}, idle));
  assert.deepEqual(await names(), []);
});
