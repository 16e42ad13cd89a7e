// Adapter laws of publishing: what comes back, what is refused, what one bad event does to the others. Through bus.ts
// where the law is about limits, because that is where the portable part keeps them.

import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import fc from 'fast-check';
import type { Adapter, PublishResult } from '../../adapters/adapter.ts';
import { busDefaults, createBus } from '../../adapters/bus.ts';
import { errorTable } from '../../router/errors.ts';
import { binaryData, type CloudEvent } from '../../router/event.ts';
import { event as anyEvent, sameEvent } from '../harness/events.ts';
import { poisons } from './adapter-cases.ts';
import {
  type AdapterLaw,
  idle,
  ids,
  type Law,
  made,
  publishAll,
  publishShapes,
  readBack,
  withScene,
} from './adapter-harness.ts';

const busOptions = { ...busDefaults, deadlineMs: 20_000, now: Date.now };

function checkRefusal(result: PublishResult | undefined, what: string): PublishResult & { ok: false } {
  assert.ok(result !== undefined && !result.ok, `${what} must be refused, found ${inspect(result)}`);
  assert.ok(Object.hasOwn(errorTable, result.code), `unknown code ${result.code}`);
  assert.ok(result.reason.length > 0, 'a refusal says why');
  return result;
}

const results: Law = (parts) =>
  withScene(parts, async ({ adapter }) => {
    const first = await adapter.publish([made('a'), made('b')], idle);
    const second = await adapter.publish([made('b'), made('c'), made('a'), made('c')], idle);

    assert.deepEqual(first, [{ ok: true }, { ok: true }]);
    assert.equal(second.length, 4);
    const { dedupe } = adapter.capabilities;
    const seen = second.map((result) => result.ok && result.seen === true);
    assert.deepEqual(seen, dedupe ? [true, false, true, true] : [false, false, false, false]);
  });

const empty: Law = async (parts) => {
  const { openMissing } = parts.harness;
  if (openMissing === undefined) {
    await withScene(parts, async ({ adapter }) => assert.deepEqual(await adapter.publish([], idle), []));
    return;
  }
  const { adapter, cleanup } = await openMissing();
  // Where a call would fail, none is made.
  assert.deepEqual(await adapter.publish([], idle), []);
  await adapter.close();
  await cleanup();
};

const concurrent: Law = (parts) =>
  withScene(parts, async (scene) => {
    const batches = Array.from({ length: 10 }, (_, i) => [made(`${i}a`), made(`${i}b`)]);

    const answers = await Promise.all(batches.map((batch) => scene.adapter.publish(batch, idle)));

    assert.ok(answers.every((answer) => answer.length === 2 && answer.every((result) => result.ok)));
    const found = await readBack(scene, 20, parts.waitMs);
    assert.deepEqual(ids(found).sort(), ids(batches.flat()).sort());
  });

function checkSame(found: readonly CloudEvent[], sent: readonly CloudEvent[]): void {
  const byName = new Map(found.map((event) => [`${event.attributes.source}\0${event.attributes.id}`, event]));
  for (const event of sent) {
    const back = byName.get(`${event.attributes.source}\0${event.attributes.id}`);
    assert.ok(back !== undefined, `'${event.attributes.id}' is not on the bus`);
    assert.ok(sameEvent(event, back), `altered on the way:\n${inspect(event)}\n${inspect(back)}`);
  }
  assert.equal(found.length, sent.length);
}

const roundTrip: Law = (parts) =>
  withScene(parts, async (scene) => {
    const sent = await publishShapes(parts, scene.adapter);

    checkSame(await readBack(scene, sent.length, parts.waitMs), sent);
  });

const randomRoundTrip: Law = (parts) =>
  withScene(parts, async (scene) => {
    const seed = Date.now() % 1_000_000;
    const given = fc.sample(anyEvent, { numRuns: 200, seed }).map((event, i) => ({
      ...event,
      attributes: { ...event.attributes, id: `${event.attributes.id} ${i}` },
    }));
    const results = await scene.adapter.publish(given, idle);
    const refused = results.filter((result) => !result.ok);
    const says = `with seed ${seed}: ${inspect(refused[0])}`;
    // Only a bus that says what it cannot carry may refuse, and little.
    const mayRefuse = (parts.harness.cannotCarry ?? []).length > 0 ? given.length / 10 : 0;
    assert.ok(refused.length <= mayRefuse && refused.every(({ code }) => code === 'NOT_CARRIABLE'), says);
    const sent = given.filter((_, i) => results[i]!.ok);

    const found = await readBack(scene, sent.length, parts.waitMs);
    try {
      checkSame(found, sent);
    } catch (thrown) {
      throw new Error(`with seed ${seed}`, { cause: thrown });
    }
  });

/** An event whose size is exactly `bytes`, by the adapter's own measure: much of it data, the last bytes an extension. */
function sized(adapter: Adapter, id: string, bytes: number): CloudEvent {
  const of = (length: number, pad: number): CloudEvent => {
    const { attributes } = made(id);
    const more = { datacontenttype: 'application/octet-stream', pad: 'p'.repeat(pad) };
    return { attributes: { ...attributes, ...more }, data: binaryData(Buffer.alloc(length, 0xa5)) };
  };
  // The most that fits: base64 makes four bytes of three, so the difference alone would miss it.
  let length = 0;
  for (let step = 2 ** Math.floor(Math.log2(bytes)); step >= 1; step /= 2) {
    if (adapter.sizeOf(of(length + step, 0)) <= bytes) length += step;
  }
  // Sizes of lengths, base64 and the like make steps: two knobs reach every size.
  for (let less = 0; less < 8; less++) {
    for (let pad = 0; pad < 64; pad++)
      if (adapter.sizeOf(of(length - less, pad)) === bytes) return of(length - less, pad);
  }
  return assert.fail(`sizeOf never says ${bytes}`);
}

const largest: Law = (parts) =>
  withScene(parts, async (scene) => {
    const event = sized(scene.adapter, 'largest', scene.adapter.limits.eventBytes);
    await publishAll(scene.adapter, [event]);

    checkSame(await readBack(scene, 1, parts.waitMs), [event]);
  });

const overLimit: Law = (parts) =>
  withScene(parts, async (scene) => {
    const { adapter } = scene;
    const large = sized(adapter, 'too large', adapter.limits.eventBytes + 1);
    const bus = createBus(adapter, busOptions);

    const answers = await bus.publish([made('before'), large, made('after')]);

    assert.deepEqual([answers[0], answers[2]], [{ ok: true }, { ok: true }]);
    const refusal = checkRefusal(answers[1], 'the event over the limit');
    assert.deepEqual([refusal.code, refusal.retryable], ['EVENT_TOO_LARGE', false]);
    assert.deepEqual(ids(await readBack(scene, 2, parts.waitMs)).sort(), ['after', 'before']);
  });

const SECRET = 'body-canary-5c1f';

function checkPoisoned(answers: readonly PublishResult[], bad: readonly CloudEvent[]): void {
  assert.equal(answers.length, bad.length + 2);
  assert.deepEqual([answers[0], answers.at(-1)], [{ ok: true }, { ok: true }]);
  for (const [i, event] of bad.entries()) {
    const refusal = checkRefusal(answers[i + 1], inspect(event.attributes));
    assert.equal(refusal.retryable, false, `no retry helps: ${inspect(refusal)}`);
    assert.ok(!refusal.reason.includes(SECRET), 'a body is in what people read');
  }
}

const poisoned: Law = (parts) =>
  withScene(parts, async (scene) => {
    const { adapter } = scene;
    const bad = poisons(SECRET);
    const bus = createBus(adapter, busOptions);

    const direct = await adapter.publish([made('a'), ...bad, made('b')], idle);
    const through = await bus.publish([made('c'), ...bad, made('d')]);

    checkPoisoned(direct, bad);
    checkPoisoned(through, bad);
    assert.deepEqual(ids(await readBack(scene, 4, parts.waitMs)).sort(), ['a', 'b', 'c', 'd']);
  });

const split: Law = (parts) =>
  withScene(parts, async (scene) => {
    const { adapter } = scene;
    const calls: number[] = [];
    const spied: Adapter = {
      ...adapter,
      publish(batch, signal) {
        calls.push(batch.length);
        return adapter.publish(batch, signal);
      },
    };
    const events = Array.from({ length: adapter.limits.events + 1 }, (_, i) => made(`e${i}`));

    const answers = await createBus(spied, busOptions).publish(events);

    assert.ok(answers.every((answer) => answer.ok));
    assert.ok(calls.length >= 2 && calls.every((count) => count <= adapter.limits.events), inspect(calls));
    const found = await readBack(scene, events.length, parts.waitMs);
    assert.deepEqual(new Set(ids(found)), new Set(ids(events)));
  });

export const publishLaws = {
  results,
  empty,
  concurrent,
  'round trip': roundTrip,
  'random round trip': randomRoundTrip,
  largest,
  'over limit': overLimit,
  poisoned,
  split,
} satisfies Partial<Record<AdapterLaw, Law>>;
