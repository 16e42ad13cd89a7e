// From events to what the bus has: checked whole, stamped, once, and seen only after the bus has acknowledged.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Attributes, CloudEvent } from '../../router/event.ts';
import { jsonData } from '../../router/event.ts';
import { createIngest, type Ingest, type IngestParts, type Published } from '../../router/ingest.ts';

const HEX = '0af7651916cd43dd8448eb211c80319c';
const GIVEN = '00-11111111111111111111111111111111-2222222222222222-01';

function made(id: string, more: Readonly<Record<string, string>> = {}): CloudEvent {
  return { attributes: { specversion: '1.0', id, source: '/i', type: 't', ...more } };
}

interface Scene {
  readonly ingest: Ingest;
  readonly published: CloudEvent[];
}

function openScene(
  answer: (event: CloudEvent) => Published | Promise<Published> = () => ({ ok: true }),
  seen?: IngestParts['seen'],
): Scene {
  const published: CloudEvent[] = [];
  const ingest = createIngest({
    async publish(event) {
      published.push(event);
      return answer(event);
    },
    now: () => Date.UTC(2030, 0, 1),
    randomHex: () => HEX,
    ...(seen === undefined ? {} : { seen }),
  });
  return { ingest, published };
}

function createSeen(): NonNullable<IngestParts['seen']> {
  const ids = new Set<string>();
  return { keyOf: ({ attributes }) => attributes.id, has: (key) => ids.has(key), add: (key) => void ids.add(key) };
}

const down: Published = { ok: false, code: 'BUS_UNAVAILABLE', reason: 'down', retryable: true };

test('ingest: an event is stamped with its intake, and what it brings is kept', async () => {
  const { ingest, published } = openScene();
  await ingest([made('a'), made('b', { recordedtime: '2020-01-01T00:00:00Z', traceparent: GIVEN })], undefined);

  const [a, b] = published.map(({ attributes }) => attributes);
  assert.equal(a?.['recordedtime'], '2030-01-01T00:00:00.000Z');
  assert.equal(a['traceparent'], `00-${HEX}-${HEX.slice(0, 16)}-01`);
  assert.equal(a.time, undefined, 'never invented');
  assert.deepEqual([b?.['recordedtime'], b?.['traceparent']], ['2020-01-01T00:00:00Z', GIVEN]);
});

test('ingest: a valid traceparent of the request is taken, a wrong one is not', async () => {
  const wrong = [
    '',
    'x',
    GIVEN.toUpperCase().replace('00-1', '00-A'),
    GIVEN.replace('00-', 'ff-'),
    `00-${'0'.repeat(32)}-2222222222222222-01`,
    `${GIVEN}\r\nx: y`,
  ];
  for (const given of [GIVEN, ...wrong]) {
    const { ingest, published } = openScene();
    await ingest([made('a')], given);
    assert.equal(published[0]?.attributes['traceparent'] === GIVEN, given === GIVEN, JSON.stringify(given));
  }
});

test('ingest: one bad event means that nothing is published', async () => {
  const bad = [
    { attributes: { ...made('x').attributes, id: '' } },
    { attributes: { ...made('x').attributes, specversion: '0.3' } as unknown as Attributes },
    { ...made('x'), data: jsonData(Buffer.alloc(0)) },
  ];
  for (const event of bad) {
    const { ingest, published } = openScene();
    await assert.rejects(ingest([made('a'), event]), { name: 'RouterError' });
    assert.deepEqual(published, []);
  }
});

test('ingest: results are those of the events, in order, with the events as they came', async () => {
  const { ingest } = openScene(({ attributes: { id } }) => (id === 'b' ? down : { ok: true, seen: id === 'c' }));
  const events = [made('a'), made('b'), made('c')];

  const results = await ingest(events);

  assert.deepEqual(results, [
    { event: events[0], ok: true, seen: false },
    { event: events[1], ok: false, code: 'BUS_UNAVAILABLE', reason: 'down' },
    { event: events[2], ok: true, seen: true },
  ]);
});

test('ingest: seen is said after the bus has acknowledged and never before', async () => {
  const seen = createSeen();
  let answer: Published = down;
  const { ingest, published } = openScene(() => answer, seen);

  assert.equal((await ingest([made('a')]))[0]?.ok, false);
  answer = { ok: true };
  assert.deepEqual((await ingest([made('a')]))[0], { event: made('a'), ok: true, seen: false });
  assert.deepEqual((await ingest([made('a')]))[0], { event: made('a'), ok: true, seen: true });
  assert.equal(published.length, 2);
});

test('ingest: simultaneous copies share one publish, and its failure', async () => {
  for (const answer of [{ ok: true } as const, down]) {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { ingest, published } = openScene(() => gate.then(() => answer));
    const copies = [ingest([made('a')]), ingest([made('a'), made('a')])];
    release();

    const results = (await Promise.all(copies)).flat();

    assert.equal(published.length, 1);
    assert.deepEqual(
      results.map((result) => (result.ok ? result.seen : result.code)),
      answer.ok ? [false, true, true] : Array(3).fill('BUS_UNAVAILABLE'),
    );
  }
});

test('ingest: the same id of another source is another event', async () => {
  const { ingest, published } = openScene();
  await ingest([made('a'), made('a', { source: '/other' })]);
  assert.equal(published.length, 2);
});

test('ingest: a bus that throws or gives no answer is a failure of its event only', async () => {
  const thrown = openScene(({ attributes: { id } }) => {
    if (id === 'a') throw new Error('secret-text');
    return { ok: true };
  });
  const results = await thrown.ingest([made('a'), made('b')]);
  assert.deepEqual(
    results.map(({ ok }) => ok),
    [false, true],
  );
  assert.ok(!JSON.stringify(results).includes('secret-text'));
});

test('ingest: events of one request are handed to the bus in order', async () => {
  const { ingest, published } = openScene();
  const ids = Array.from({ length: 50 }, (_, i) => `e${i}`);
  await ingest(ids.map((id) => made(id)));
  assert.deepEqual(
    published.map(({ attributes }) => attributes.id),
    ids,
  );
});

/** Answers as a table over the network does: later, and whenever a test says so. */
function createRemote() {
  const ids = new Set<string>();
  const asked: { readonly id: string; answer(): void }[] = [];
  const remote = {
    keyOf: ({ attributes }: CloudEvent) => attributes.id,
    has: (key: string) =>
      new Promise<boolean>((resolve) => asked.push({ id: key, answer: () => resolve(ids.has(key)) })),
    add: async (key: string) => void ids.add(key),
  };
  return { remote, asked, ids };
}

test('ingest: with a remote memory events of one request keep their order, whichever answer comes first', async () => {
  const { remote, asked } = createRemote();
  const { ingest, published } = openScene(undefined, remote);
  const all = ['a', 'b', 'c', 'd'];

  const done = ingest(all.map((id) => made(id)));
  assert.equal(published.length, 0, 'nothing goes out before the memory has answered');
  for (const { answer } of asked.toReversed()) answer();
  await done;

  assert.deepEqual(
    published.map(({ attributes }) => attributes.id),
    all,
  );
});

test('ingest: with a remote memory a repeat is seen, and an event is remembered before its sender is told', async () => {
  const { remote, asked, ids } = createRemote();
  const { ingest, published } = openScene(undefined, remote);

  const first = ingest([made('a')]);
  asked[0]!.answer();
  const [stored] = await first;
  const known = ids.has('a');
  const second = ingest([made('a')]);
  asked[1]!.answer();
  const [repeated] = await second;

  assert.deepEqual([stored?.ok && stored.seen, known, repeated?.ok && repeated.seen], [false, true, true]);
  assert.equal(published.length, 1);
});

test('ingest: with a remote memory simultaneous copies ask it and publish once, in one request and in two', async () => {
  const { remote, asked } = createRemote();
  const { ingest, published } = openScene(undefined, remote);

  const done = Promise.all([ingest([made('a'), made('a')]), ingest([made('a')])]);
  for (const { answer } of asked) answer();
  const results = (await done).flat();

  assert.deepEqual(
    results.map((result) => result.ok && result.seen),
    [false, true, true],
  );
  assert.equal(published.length, 1);
});

test('ingest: what was not published is not remembered, whatever the memory', async () => {
  const { remote, asked, ids } = createRemote();
  const { ingest } = openScene(() => down, remote);

  const done = ingest([made('a')]);
  asked[0]!.answer();
  const [failed] = await done;

  assert.deepEqual([failed?.ok, ids.size], [false, 0]);
});
