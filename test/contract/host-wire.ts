// The laws of a host's translation, before a function that keeps what it is given: nothing of a request is lost, decoded
// twice or read by somebody on the way.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { HttpFunction } from '../../functions/middleware.ts';
import type { RawRequest } from '../../router/http.ts';
import { type HostHarness, type HostUnderTest, maxBody, skipped } from './host-scene.ts';

const push = Buffer.from('{"ref":"refs/heads/main"}');
/** All bytes there are, in an order that is no text in any encoding. */
const bytes = Buffer.from(Array.from({ length: 1_024 }, (_, i) => (i * 167 + (i >> 8)) & 0xff));

export function testWire(harness: HostHarness): void {
  const { name } = harness;

  /** A host before a function that keeps what it is given. */
  async function keeper(t: TestContext): Promise<{ host: HostUnderTest; got: RawRequest[] }> {
    const got: RawRequest[] = [];
    const keep: HttpFunction = async (request) => {
      got.push(request);
      return { status: 200, headers: { 'content-type': 'application/json', 'x-answer': 'yes' }, body: '{"kept":1}' };
    };
    const host = await harness.open(keep, maxBody);
    t.after(() => host.close());
    return { host, got };
  }

  test(`${name}: a body arrives byte for byte, whatever the sender calls it, an empty one too`, async (t) => {
    const { host, got } = await keeper(t);
    const types = ['application/octet-stream', 'text/plain; charset=utf-16', 'image/png', 'what is this', undefined];

    for (const type of types) {
      const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
      for (const body of [bytes, Buffer.from('\uFEFF{"n": 1.10}\r\n'), Buffer.alloc(0)]) {
        const answer = await host.send({ method: 'POST', path: '/webhooks/x', headers, body });
        assert.equal(answer.status, 200, `${type}: ${answer.body}`);
        assert.deepEqual(got.at(-1)?.body, body, type);
      }
    }
  });

  test(`${name}: JSON and a form arrive as their text, not as what was parsed`, async (t) => {
    const { host, got } = await keeper(t);
    const texts = {
      'application/json': '{"a":1,"a":2, "n": 9007199254740993, "f": 1.10}',
      'application/cloudevents+json': '{"big":1e999 }',
      'application/x-www-form-urlencoded': 'b=%20&a=1&a=2',
    };

    for (const [type, text] of Object.entries(texts)) {
      const headers = { 'content-type': type };
      await host.send({ method: 'POST', path: '/webhooks/x', headers, body: Buffer.from(text) });
      assert.equal(got.at(-1)?.body.toString(), text, type);
    }
  });

  test(`${name}: method, path and answer pass through unchanged`, async (t) => {
    const { host, got } = await keeper(t);

    const answer = await host.send({ method: 'POST', path: '/webhooks/a%2Fb%20c', headers: {}, body: push });

    const { method, path, query } = got[0]!;
    assert.deepEqual([method, path, query], ['POST', '/webhooks/a%2Fb%20c', '']);
    assert.deepEqual([answer.status, answer.headers['x-answer'], answer.body], [200, 'yes', '{"kept":1}']);
  });

  const header = 'a header that came twice is joined, in its order';
  test(`${name}: ${header}`, { skip: skipped(harness, header) }, async (t) => {
    const { host, got } = await keeper(t);

    await host.send({ method: 'POST', path: '/webhooks/x', headers: { 'X-Twice': ['b', 'a'] }, body: push });

    assert.equal(got[0]?.headers['x-twice']?.replaceAll(' ', ''), 'b,a');
  });

  const query = 'a query comes as it was sent, names that came twice too';
  test(`${name}: ${query}`, { skip: skipped(harness, query) }, async (t) => {
    const { host, got } = await keeper(t);

    await host.send({ method: 'POST', path: '/webhooks/x', query: 'b=1%262&a=%C3%A4&b=3', headers: {}, body: push });

    const query = new URLSearchParams(got[0]?.query);
    assert.deepEqual([query.getAll('b'), query.getAll('a')], [['1&2', '3'], ['ä']]);
    assert.equal(got[0]?.path, '/webhooks/x');
  });
}
