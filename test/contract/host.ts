// The laws of a host, run against each: the same handler behind it, hostile requests in front. A host translates and adds
// nothing: what it answers is what the handler says, and nothing it is sent ends the process.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Published } from '../../router/ingest.ts';
import {
  type Answered,
  type HostHarness,
  type HostUnderTest,
  maxBody,
  type Publish,
  type Scene,
  type SentRequest,
  signed,
  skipped,
  token,
  webhookScene,
} from './host-scene.ts';
import { testWire } from './host-wire.ts';

const push = Buffer.from('{"ref":"refs/heads/main","repository":{"full_name":"o/r"}}');

function structured(value: unknown): SentRequest {
  return {
    method: 'POST',
    path: '/webhooks/events',
    headers: { 'content-type': 'application/cloudevents-batch+json', authorization: `Bearer ${token}` },
    body: Buffer.from(JSON.stringify(value)),
  };
}

const event = (id: string): object => ({ specversion: '1.0', id, source: '/s', type: 't' });

/** Waits for a condition, not for a time. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const before = Date.now() + 5_000;
  while (!condition()) {
    if (Date.now() > before) throw new Error(`${what} did not happen within 5 s`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export function codeOf({ body }: Answered): string {
  return (JSON.parse(body) as { error: { code: string } }).error.code;
}

const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

/** Signed, so that they get past the door. */
const evil: Readonly<Record<string, string>> = {
  'lists 10,000 deep': nested(10_000),
  'objects 3,000 deep': `${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}`,
  'deep inside a payload': `{"ref":"x","repository":{"full_name":"o/r"},"deep":${nested(10_000)}}`,
  'a __proto__ member': '{"ref":"x","__proto__":{"polluted":1},"repository":{"full_name":"o/r"}}',
  'a constructor member': '{"constructor":{"prototype":{"polluted":1}},"repository":{"full_name":"o/r"}}',
  'a number beyond a double': '{"ref":"x","n":1e999,"repository":{"full_name":"o/r","id":9007199254740993}}',
  'duplicate keys': '{"ref":"a","ref":"b","repository":{"full_name":"o/r"}}',
  'half a surrogate': '{"ref":"\\ud800","repository":{"full_name":"\\udc00/r"}}',
  'a NUL': '{"ref":"\\u0000","repository":{"full_name":"o\\u0000/r"}}',
  null: 'null',
  'a number': '1e999',
  'fields of the wrong kind': '{"ref":{},"repository":[],"sender":0,"action":{"a":1}}',
};

export function testHost(harness: HostHarness): void {
  const { name } = harness;
  testWire(harness);

  async function scene(t: TestContext, publish?: Publish): Promise<{ host: HostUnderTest; scene: Scene }> {
    const made = webhookScene(publish);
    const host = await harness.open(made.webhook, maxBody);
    t.after(() => host.close());
    return { host, scene: made };
  }

  test(`${name}: a signed request is answered with the ids once the bus has them`, async (t) => {
    const { host, scene: made } = await scene(t);

    const answer = await host.send(signed(push));

    assert.equal(answer.status, 202, answer.body);
    assert.equal(answer.headers['content-type'], 'application/json');
    assert.deepEqual(JSON.parse(answer.body), { accepted: ['d-1'] });
    assert.deepEqual(made.published[0]?.data?.bytes, push);
  });

  test(`${name}: a wrong and a missing signature are refused with 401`, async (t) => {
    const { host, scene: made } = await scene(t);
    const request = signed(push);
    const { 'x-hub-signature-256': _gone, ...unsigned } = request.headers;

    const forged = await host.send({ ...request, body: Buffer.from(push.toString().replace('main', 'mein')) });
    const missing = await host.send({ ...request, headers: unsigned });

    assert.deepEqual([forged.status, codeOf(forged)], [401, 'SIGNATURE_INVALID']);
    assert.deepEqual([missing.status, codeOf(missing)], [401, 'SIGNATURE_MISSING']);
    assert.doesNotMatch(forged.body + missing.body, /c4n4ry/);
    assert.equal(made.published.length, 0);
  });

  test(`${name}: a source that is not configured is 404, whatever its name`, async (t) => {
    const { host } = await scene(t);
    const names = ['nobody', '__proto__', 'constructor', '%2e%2e', 'git%00hub', 'github/x', 'x'.repeat(2_000)];

    for (const path of names) {
      const answer = await host.send({ ...signed(push), path: `/webhooks/${path}` });
      assert.deepEqual([answer.status, codeOf(answer)], [404, 'SOURCE_UNKNOWN'], path);
    }
  });

  const broken = 'a path with half an escape is 404, too';
  test(`${name}: ${broken}`, { skip: skipped(harness, broken) }, async (t) => {
    const { host } = await scene(t);

    const answer = await host.send({ ...signed(push), path: '/webhooks/%' });

    assert.deepEqual([answer.status, codeOf(answer)], [404, 'SOURCE_UNKNOWN']);
  });

  test(`${name}: other methods are 405 and told which are taken`, async (t) => {
    const { host } = await scene(t);

    const answer = await host.send({ ...signed(push), method: 'PUT' });

    assert.deepEqual([answer.status, codeOf(answer)], [405, 'METHOD_NOT_ALLOWED']);
    assert.equal(answer.headers['allow'], 'POST, OPTIONS');
  });

  test(`${name}: a body over the limit is 413, one of exactly the limit is taken`, async (t) => {
    const { host, scene: made } = await scene(t);
    const sized = (bytes: number): Buffer => Buffer.from(`{"ref":"${'x'.repeat(bytes - 10)}"}`);

    const over = await host.send(signed(sized(maxBody + 1)));
    const exact = await host.send(signed(sized(maxBody)));

    assert.deepEqual([over.status, codeOf(over)], [413, 'BODY_TOO_LARGE']);
    assert.equal(exact.status, 202, exact.body);
    assert.equal(made.published.length, 1);
  });

  test(`${name}: a signed body that is no JSON or no text is 400`, async (t) => {
    const { host } = await scene(t);

    for (const body of [Buffer.from('{"ref":'), Buffer.alloc(0), Buffer.from([0x22, 0xff, 0xfe, 0x00, 0x22])]) {
      const answer = await host.send(signed(body));
      assert.equal(answer.status, 400, answer.body);
    }
  });

  test(`${name}: a compressed body is 415`, async (t) => {
    const { host } = await scene(t);

    const answer = await host.send(signed(gzipSync(push), { 'content-encoding': 'gzip' }));

    assert.deepEqual([answer.status, codeOf(answer)], [415, 'ENCODING_UNSUPPORTED']);
  });

  test(`${name}: hostile JSON is refused or carried untouched, and the next request is served`, async (t) => {
    const { host, scene: made } = await scene(t);

    for (const [says, text] of Object.entries(evil)) {
      const before = made.published.length;
      const answer = await host.send(signed(Buffer.from(text), { 'x-github-delivery': says.replaceAll(/\W/g, '-') }));
      if (answer.status === 202) assert.equal(made.published[before]?.data?.bytes.toString(), text, says);
      else assert.ok(answer.status >= 400 && answer.status < 500, `${says}: ${answer.status} ${answer.body}`);
    }

    assert.equal((await host.send(signed(push))).status, 202);
    assert.equal(Reflect.get({}, 'polluted'), undefined);
    assert.deepEqual(made.faults, []);
  });

  test(`${name}: the case of a header's name does not matter`, async (t) => {
    const { host } = await scene(t);
    const { headers, ...rest } = signed(push);
    const upper = Object.fromEntries(Object.entries(headers).map(([key, value]) => [key.toUpperCase(), value]));

    assert.equal((await host.send({ ...rest, headers: upper })).status, 202);
  });

  test(`${name}: a header named __proto__ is a header like any other`, async (t) => {
    const { host } = await scene(t);

    const answer = await host.send(signed(push, JSON.parse('{"__proto__":"x","constructor":"y"}')));

    assert.equal(answer.status, 202, answer.body);
  });

  test(`${name}: a bus that is down is 503 and never 2xx, whichever way it says so`, async (t) => {
    const ways: readonly Publish[] = [
      () => ({ ok: false, code: 'BUS_UNAVAILABLE', reason: 'no answer', retryable: true }),
      () => ({ ok: false, code: 'NOT_FOUND', reason: 'no topic', retryable: false }),
      () => Promise.reject(new Error('c4n4ry: the client broke')),
    ];
    for (const way of ways) {
      const { host } = await scene(t, way);
      const answer = await host.send(signed(push));
      assert.ok(answer.status >= 500, `${answer.status} ${answer.body}`);
      assert.doesNotMatch(answer.body, /c4n4ry/);
    }
  });

  test(`${name}: of a batch that the bus took in part, the sender is asked to come again`, async (t) => {
    const { host } = await scene(t, ({ attributes }) =>
      attributes.id === '2' ? { ok: false, code: 'THROTTLED', reason: 'slow down', retryable: true } : { ok: true },
    );

    const answer = await host.send(structured([event('1'), event('2'), event('3')]));

    assert.deepEqual([answer.status, codeOf(answer)], [503, 'THROTTLED']);
  });

  test(`${name}: a batch with one bad event is refused whole`, async (t) => {
    const { host, scene: made } = await scene(t);

    const answer = await host.send(structured([event('1'), { ...event('2'), specversion: '9' }]));

    assert.equal(answer.status, 400, answer.body);
    assert.equal(made.published.length, 0);
  });

  test(`${name}: the same delivery twice is accepted twice and published once`, async (t) => {
    const { host, scene: made } = await scene(t);

    const answers = [await host.send(signed(push)), await host.send(signed(push))];

    assert.deepEqual(
      answers.map(({ status }) => status),
      [202, 202],
    );
    assert.equal(made.published.length, 1);
  });

  test(`${name}: two copies at once share one publish and wait for it`, async (t) => {
    let release: () => void = () => {};
    const held = new Promise<Published>((resolve) => {
      release = () => resolve({ ok: true });
    });
    const { host, scene: made } = await scene(t, () => held);
    let answered = 0;
    const send = (): Promise<Answered> => host.send(signed(push)).finally(() => answered++);

    const both = [send(), send()];
    await until(() => made.calls() === 2 && made.published.length > 0, 'the second request');
    assert.equal(answered, 0);
    release();

    assert.deepEqual(
      (await Promise.all(both)).map(({ status }) => status),
      [202, 202],
    );
    assert.equal(made.published.length, 1);
  });

  test(`${name}: a source's handshake is answered without publishing`, async (t) => {
    const { host, scene: made } = await scene(t);

    const headers = { 'webhook-request-origin': 'eventgrid.example.com' };
    const answer = await host.send({ method: 'OPTIONS', path: '/webhooks/events', headers, body: Buffer.alloc(0) });

    assert.equal(answer.status, 200, answer.body);
    assert.equal(answer.headers['webhook-allowed-origin'], 'eventgrid.example.com');
    assert.equal(made.published.length, 0);
  });
}
