// Push delivery as the fake does it, to an endpoint of ours made of handshake and decode alone: consent, the retry
// schedule on a clock that only the test moves, dead letters. So that the fake is known to push as the service says it does.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { Decoded } from '../../../adapters/adapter.ts';
import { compileEventGrid, subscriptionName } from '../../../adapters/eventgrid/filter.ts';
import { handshake } from '../../../adapters/eventgrid/handshake.ts';
import { attemptsBefore, decodeEventGrid } from '../../../adapters/eventgrid/wire.ts';
import type { RawRequest } from '../../../router/http.ts';
import { type ManualClock, manualClock } from '../../fakes/eventgrid-clock.ts';
import type { PushSettings } from '../../fakes/eventgrid-push.ts';
import { sameEvent } from '../../harness/events.ts';
import { LOGIN, startAzurite } from './azurite.ts';
import { key, orderEvent, orderEvents, ruleOf, type Scene, withEventGrid } from './scene.ts';

const idle = new AbortController().signal;
const placed = ruleOf('placed', { type: ['order.placed'] });
const { native } = compileEventGrid(placed.when, { tier: 'topic', filterable: [] });
const name = subscriptionName('busway', 'placed', native);

interface Endpoint {
  readonly url: string;
  readonly deliveries: { readonly decoded: readonly Decoded[]; readonly attempts: number }[];
  /** What the next deliveries are answered with; 204 when empty. */
  readonly answers: number[];
}

/** What a host would mount. */
async function withEndpoint(origins: readonly string[], check: (endpoint: Endpoint) => Promise<void>): Promise<void> {
  const deliveries: Endpoint['deliveries'] = [];
  const answers: number[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const headers = request.headers as Record<string, string>;
    const raw: RawRequest = { method: request.method!, path: '/', query: '', headers, body: Buffer.concat(chunks) };
    const shaken = handshake(raw, origins);
    if (shaken !== undefined) {
      response.writeHead(shaken.status, shaken.headers).end(shaken.body);
      return;
    }
    const decoded = decodeEventGrid(raw, { prefix: 'busway', rules: () => ['placed'] });
    deliveries.push({ decoded, attempts: attemptsBefore(headers) });
    response.writeHead(answers.shift() ?? 204).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await check({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, deliveries, answers });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const ORIGINS = ['eventgrid.azure.net'];

interface Pushed extends Scene {
  readonly clock: ManualClock;
}

function withPush(check: (scene: Pushed, endpoint: Endpoint) => Promise<void>): Promise<void> {
  const clock = manualClock();
  return withEndpoint(ORIGINS, (endpoint) => withEventGrid({ clock }, (scene) => check({ ...scene, clock }, endpoint)));
}

test('eventgrid push: an endpoint consents by either handshake, and one that does not gets no subscription', () =>
  withPush(async ({ fake }, { url }) => {
    await fake.subscribe('custom', 'by-options', { push: { url } });
    await fake.subscribe('custom', 'by-event', { push: { url, schema: 'EventGridSchema' } });

    await withEndpoint(['somebody.else'], async (stranger) => {
      await assert.rejects(
        fake.subscribe('custom', 'refused', { push: { url: stranger.url } }),
        /did not allow the origin/,
      );
    });
  }));

test('eventgrid push: what passes the filter of a rule arrives once, named by its rule, and in batches when asked', () =>
  withPush(async ({ fake, clock, topic, open }, { url, deliveries }) => {
    await fake.subscribe('custom', name, { filter: native!, push: { url } });
    await fake.subscribe('custom', 'batched', { push: { url, maxEventsPerBatch: 10 } });
    const adapter = await open(topic());

    await adapter.publish([...orderEvents(3), orderEvent('other', { type: 'order.sent' })], idle);
    await clock.advance(0);

    const entries = deliveries.flatMap(({ decoded }) => decoded);
    const idsFor = (rule: string | undefined) =>
      entries.flatMap((entry) => (entry.ok && entry.rule === rule ? [entry.event.attributes.id] : [])).sort();
    assert.deepEqual(idsFor('placed'), ['e0', 'e1', 'e2']);
    assert.deepEqual(idsFor(undefined), ['e0', 'e1', 'e2', 'other']);
    assert.equal(deliveries.length, 4, 'three single ones and a batch');
  }));

test('eventgrid push: a failing endpoint is tried on the documented schedule until the event is a day old', () =>
  withPush(async ({ fake, clock, topic, open }, { url, deliveries, answers }) => {
    await fake.subscribe('custom', name, { filter: native!, push: { url } });
    answers.push(...Array(40).fill(503));
    const begun = clock.now();

    await (await open(topic())).publish([orderEvent('a')], idle);
    await clock.advance(25 * 3_600_000);

    const waits = fake.pusher('custom', name).attempts.map(({ at }) => at - begun);
    const seconds = [0, 10, 40, 100, 400, 1_000, 2_800, 6_400, 17_200, 38_800, 82_000];
    assert.deepEqual(
      waits.map((ms) => Math.round(ms / 1_000)),
      seconds,
    );
    assert.deepEqual(
      deliveries.map(({ attempts }) => attempts),
      seconds.map((_, i) => i),
    );
    const [dead] = fake.pusher('custom', name).deadLetters;
    const [entry] = decodeEventGrid(Buffer.from(`[${dead}]`), { prefix: 'busway', rules: () => [] });
    assert.ok(entry?.ok);
    const { deadletterreason, deliveryattempts, id } = entry.event.attributes;
    assert.deepEqual([deadletterreason, deliveryattempts, id], ['TimeToLiveExceeded', 11, 'a']);
  }));

test('eventgrid push: 400 and 413 end an event at once, and a later success ends the retries', () =>
  withPush(async ({ fake, clock, topic, open }, { url, answers }) => {
    await fake.subscribe('custom', name, { filter: native!, push: { url, maxDeliveryAttempts: 3 } });
    const adapter = await open(topic());
    const pusher = fake.pusher('custom', name);
    for (const given of [[400], [413], [500, 204], [500, 500, 500]]) {
      answers.push(...given);
      await adapter.publish([orderEvent(given.join())], idle);
      await clock.advance(3_600_000);
      assert.equal(pusher.size(), 0, given.join());
    }

    const reasons = pusher.deadLetters.map(
      (text) => (JSON.parse(text) as { deadletterreason: string }).deadletterreason,
    );
    assert.deepEqual(reasons, [
      'UndeliverableDueToClientError',
      'UndeliverableDueToClientError',
      'MaxDeliveryAttemptsExceeded',
    ]);
  }));

test('eventgrid push: what Event Grid gives up lands in the container, and is listed as a failure of its rule', async () => {
  const azurite = await startAzurite();
  try {
    const { url: container, env, blobs } = await azurite.container();
    await withPush(async ({ fake, clock, topic, open }, { url, answers }) => {
      const kept: Promise<boolean>[] = [];
      const onDeadLetter: PushSettings['onDeadLetter'] = ({ name: blob, body }) =>
        void kept.push(blobs().put(blob, body, {}, idle));
      await fake.subscribe('custom', name, {
        filter: native!,
        push: { url, maxDeliveryAttempts: 3, maxEventsPerBatch: 10, onDeadLetter },
      });
      const login = (variable: string) => env(variable) ?? (variable === 'THE_KEY' ? key : undefined);
      const parts = { env: login, rules: () => [placed] };
      const adapter = await open({ ...topic(), failures: container.href, failuresLogin: LOGIN }, parts);
      answers.push(500, 503, 500);
      const sent = orderEvents(3);

      await adapter.publish(sent, idle);
      await clock.advance(3_600_000);
      await Promise.all(kept);

      const found = await Array.fromAsync(adapter.failures!.list(idle));
      assert.equal(kept.length, 1, 'one blob for the batch');
      assert.deepEqual(
        found.map(({ rule, code, attempts }) => [rule, code, attempts]),
        Array(3).fill(['placed', 'ATTEMPTS_EXHAUSTED', 3]),
      );
      for (const event of sent) assert.ok(found.some((record) => sameEvent(record.event!, event)));
      await adapter.failures!.remove(found.slice(0, 2).map(({ id }) => id));
      assert.deepEqual(await Array.fromAsync(adapter.failures!.list(idle)), found.slice(2));
    });
  } finally {
    await azurite.stop();
  }
});
