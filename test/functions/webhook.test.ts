// The webhook function: what is answered when, that nothing is published unverified, and never 2xx before the bus has it.

import assert from 'node:assert/strict';
import type { KeyObject } from 'node:crypto';
import { test } from 'node:test';
import { wrapWebhook } from '../../functions/middleware.ts';
import type { Source, Verification } from '../../functions/sources/source.ts';
import { createWebhook, type IntakeReport } from '../../functions/webhook.ts';
import { RouterError } from '../../router/errors.ts';
import type { CloudEvent } from '../../router/event.ts';
import type { RawRequest, RawResponse } from '../../router/http.ts';
import { createIngest, type Published } from '../../router/ingest.ts';

const made = (id: string): CloudEvent => ({ attributes: { specversion: '1.0', id, source: '/w', type: 't' } });

/** The body is a list of ids; '-' is a drop, '!' a refusal, '?' no event at all. */
const source: Source = {
  kind: 'fake',
  headers: ['x-event'],
  needsSecret: true,
  key: () => ({}) as KeyObject,
  newSecret: () => '',
  samples: [],
  simulate: () => ({ headers: {}, body: Buffer.alloc(0) }),
  verify({ headers }): Verification {
    switch (headers['x-sign']) {
      case 'good':
        return { kind: 'accepted' };
      case 'ask':
        return { kind: 'challenge', response: { status: 200, headers: {}, body: 'echo' } };
      case 'broken':
        throw new TypeError('secret-text');
      default:
        return { kind: 'rejected', code: 'SIGNATURE_INVALID', reason: 'fake: it does not match' };
    }
  },
  normalize({ body }) {
    const text = body.toString();
    if (text === 'unreadable') throw new RouterError('NOT_JSON', 'fake: the body is not JSON');
    if (text === 'bug') throw new TypeError('secret-text');
    return text.split(',').map((id) => {
      if (id === '-') return { kind: 'drop', reason: 'not wanted' };
      if (id === '!') return { kind: 'refusal', code: 'EVENT_INVALID', reason: 'fake: no event' };
      return { kind: 'event', event: made(id === '?' ? '' : id) };
    });
  },
};

interface Scene {
  readonly published: string[];
  readonly reports: IntakeReport[];
  readonly faults: unknown[];
  post(body: string, more?: Partial<RawRequest>): Promise<RawResponse>;
}

function openScene(answer: (id: string) => Published | Promise<Published> = () => ({ ok: true })): Scene {
  const published: string[] = [];
  const reports: IntakeReport[] = [];
  const faults: unknown[] = [];
  const ingest = createIngest({
    async publish({ attributes: { id } }) {
      published.push(id);
      return answer(id);
    },
    now: Date.now,
    randomHex: () => '0af7651916cd43dd8448eb211c80319c',
  });
  const sources = new Map([['shop one', { name: 'shop one', source, keys: [] }]]);
  const onReport = (report: IntakeReport) => void reports.push(report);
  const handler = wrapWebhook(createWebhook({ sources: () => sources, ingest, now: Date.now, onReport }), {
    onFault: (error) => faults.push(error),
  });
  const post = (body: string, more: Partial<RawRequest> = {}) =>
    handler(
      {
        method: 'POST',
        path: '/webhooks/shop%20one',
        query: '',
        body: Buffer.from(body),
        ...more,
        headers: { 'x-sign': 'good', ...more.headers },
      },
      {},
    );
  return { published, reports, faults, post };
}

const codeOf = ({ body }: RawResponse): string => (JSON.parse(body) as { error: { code: string } }).error.code;
const down: Published = { ok: false, code: 'BUS_UNAVAILABLE', reason: 'down', retryable: true };

test('webhook: events that the bus has are answered 202 with their ids', async () => {
  const scene = openScene();
  const answer = await scene.post('a,-,b');
  assert.deepEqual([answer.status, JSON.parse(answer.body)], [202, { accepted: ['a', 'b'] }]);
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.deepEqual(scene.published, ['a', 'b']);
  const [report] = scene.reports;
  assert.deepEqual([report?.status, report?.dropped, report?.accepted.length], [202, 1, 2]);
});

test('webhook: a request with nothing but drops is accepted', async () => {
  const answer = await openScene().post('-,-');
  assert.deepEqual([answer.status, answer.body], [202, '{"accepted":[]}']);
});

test('webhook: an answer of 2xx waits for the bus', async () => {
  let release = (): void => undefined;
  const gate = new Promise<Published>((resolve) => {
    release = () => resolve({ ok: true });
  });
  const scene = openScene(() => gate);
  let answered = false;
  const answer = scene.post('a').then((response) => {
    answered = true;
    return response;
  });
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(answered, false);

  release();
  assert.equal((await answer).status, 202);
});

test('webhook: an event the bus has not is 503, also when the others are there, and coming again completes it', async () => {
  let failing = true;
  const scene = openScene((id) => (id === 'b' && failing ? down : { ok: true, seen: !failing && id === 'a' }));
  const first = await scene.post('a,b');
  assert.deepEqual([first.status, codeOf(first)], [503, 'BUS_UNAVAILABLE']);

  failing = false;
  const second = await scene.post('a,b');

  assert.equal(second.status, 202);
  assert.deepEqual(
    scene.reports[1]?.accepted.map((item) => item.ok && item.seen),
    [true, false],
  );
});

test('webhook: whatever the bus refuses with, the answer is never 2xx', async () => {
  for (const code of ['NOT_FOUND', 'THROTTLED', 'EVENT_TOO_LARGE', 'NOT_CARRIABLE', 'CLOSED', 'INTERNAL'] as const) {
    const answer = await openScene(() => ({ ok: false, code, reason: 'x', retryable: false })).post('a');
    assert.ok(answer.status >= 400, `${code}: ${answer.status}`);
    assert.equal(codeOf(answer), code);
  }
});

const refusals: readonly (readonly [
  what: string,
  body: string,
  more: Partial<RawRequest>,
  status: number,
  code: string,
])[] = [
  ['a bad signature', 'a', { headers: { 'x-sign': 'bad' } }, 401, 'SIGNATURE_INVALID'],
  ['a verifier that throws', 'a', { headers: { 'x-sign': 'broken' } }, 401, 'VERIFIER_FAILED'],
  ['an unknown source', 'a', { path: '/webhooks/other' }, 404, 'SOURCE_UNKNOWN'],
  ['no source', 'a', { path: '/webhooks/' }, 404, 'SOURCE_UNKNOWN'],
  ['a path below a source', 'a', { path: '/webhooks/shop%20one/x' }, 404, 'SOURCE_UNKNOWN'],
  ['a path that is no text', 'a', { path: '/webhooks/%ff' }, 404, 'SOURCE_UNKNOWN'],
  ['another method', 'a', { method: 'GET' }, 405, 'METHOD_NOT_ALLOWED'],
  ['OPTIONS that is no handshake', 'a', { method: 'OPTIONS' }, 405, 'METHOD_NOT_ALLOWED'],
  ['a compressed body', 'a', { headers: { 'content-encoding': 'gzip' } }, 415, 'ENCODING_UNSUPPORTED'],
  ['a body that cannot be read', 'unreadable', {}, 400, 'NOT_JSON'],
  ['one record that is refused', 'a,!,b', {}, 400, 'EVENT_INVALID'],
  ['one event that is none', 'a,?', {}, 400, 'EVENT_INVALID'],
  ['a source that breaks', 'bug', {}, 500, 'INTERNAL'],
];

for (const [what, body, more, status, code] of refusals) {
  test(`webhook: ${what} is ${status} ${code}, and nothing is published`, async () => {
    const scene = openScene();
    const answer = await scene.post(body, more);

    assert.deepEqual([answer.status, codeOf(answer)], [status, code]);
    assert.deepEqual(scene.published, []);
    assert.ok(!(answer.body + JSON.stringify(scene.reports)).includes('secret-text'), 'a thrown text gets out');
    assert.equal(scene.faults.length, code === 'INTERNAL' ? 1 : 0, 'only our own fault is a fault');
    if (status === 405) assert.equal(answer.headers['allow'], 'POST, OPTIONS');
  });
}

test('webhook: a handshake is answered by its source and publishes nothing', async () => {
  const scene = openScene();
  for (const method of ['POST', 'OPTIONS']) {
    const answer = await scene.post('a', { method, headers: { 'x-sign': 'ask' } });
    assert.deepEqual([answer.status, answer.body], [200, 'echo']);
  }
  assert.deepEqual(scene.published, []);
});

test('webhook: identity is no compression', async () => {
  assert.equal((await openScene().post('a', { headers: { 'content-encoding': 'Identity' } })).status, 202);
});

test('webhook: only headers on the list of the source get into a report', async () => {
  const scene = openScene();
  await scene.post('a', { headers: { 'x-event': 'push', authorization: 'Bearer secret-text', cookie: 'secret-text' } });
  await scene.post('a', { headers: { 'x-event': 'push', 'x-sign': 'secret-text' } });
  assert.deepEqual(
    scene.reports.map(({ headers }) => headers),
    [{ 'x-event': 'push' }, { 'x-event': 'push' }],
  );
  assert.ok(!JSON.stringify(scene.reports).includes('secret-text'));
});

test('webhook: the traceparent of the request goes with its events', async () => {
  const traceparent = '00-11111111111111111111111111111111-2222222222222222-01';
  const seen: unknown[] = [];
  const ingest = createIngest({
    async publish(event) {
      seen.push(event.attributes['traceparent']);
      return { ok: true };
    },
    now: Date.now,
    randomHex: () => '0'.repeat(32),
  });
  const sources = new Map([['s', { name: 's', source, keys: [] }]]);
  const webhook = createWebhook({ sources: () => sources, ingest, now: Date.now });
  const headers = { 'x-sign': 'good', traceparent };
  await webhook({ method: 'POST', path: '/webhooks/s/', query: '', headers, body: Buffer.from('a') });
  assert.deepEqual(seen, [traceparent]);
});
