// The slack target: the text, the escaping, and a url that nobody gets to see.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { open } from '../../../functions/targets/slack.ts';
import type { Target, Verdict } from '../../../functions/targets/target.ts';
import { type CloudEvent, jsonData } from '../../../router/event.ts';
import { targetEvent, targetParts, testTarget } from '../../contract/target.ts';
import { type HttpPeer, startHttp } from './server.ts';

const PATH = '/services/T000/B000/c4n4ry';
const idle = new AbortController().signal;

testTarget({
  name: 'slack',
  env: { CANARY: PATH },
  async open(behaviour, parts) {
    const peer = await startHttp((_request, response) => {
      if (behaviour !== 'hangs') response.writeHead(behaviour === 'takes' ? 200 : 403).end(PATH);
    });
    const env = (name: string) => (name === 'SLACK_URL' ? peer.url + PATH : parts.env(name));
    const target = await open({ webhook: 'SLACK_URL', text: '{{ id }}' }, { ...parts, env });
    const given = () => peer.received.map(({ body }) => JSON.parse(body.toString()).text as string);
    return { target, given, close: () => peer.close() };
  },
});

async function scene(t: TestContext, text: string, status = 200): Promise<{ peer: HttpPeer; target: Target }> {
  const peer = await startHttp((_request, response) =>
    response.writeHead(status, { 'retry-after': '30' }).end('no_text'),
  );
  const { parts } = targetParts({ variables: { SLACK_URL: peer.url + PATH } });
  const target = await open({ webhook: 'SLACK_URL', text }, parts);
  t.after(async () => {
    await target.close();
    await peer.close();
  });
  return { peer, target };
}

const deliver = (target: Target, event: CloudEvent = targetEvent('e1')): Promise<Verdict> =>
  target.deliver({ event, rule: 'r1', attempt: 1 }, idle);

test('slack: the rendered text is posted as JSON to the path of the webhook', async (t) => {
  const { peer, target } = await scene(t, 'opened in {{ data.repo }} at {{ data.price }}: <https://x.example|look>');
  const event = targetEvent('e1', jsonData(Buffer.from('{"repo":"a & <!channel> \\"b\\"","price":1.10}')));

  assert.deepEqual(await deliver(target, event), { kind: 'ack' });

  const { method, path, headers, body } = peer.received[0]!;
  assert.deepEqual([method, path, headers['content-type']], ['POST', PATH, 'application/json; charset=utf-8']);
  assert.deepEqual(JSON.parse(body.toString()), {
    text: 'opened in a &amp; &lt;!channel&gt; "b" at 1.10: <https://x.example|look>',
  });
  assert.equal(headers['webhook-id'], undefined);
});

test('slack: 429 waits as asked, other 4xx are dead, and the reason shows no url', async (t) => {
  const limited = await scene(t, 'x', 429);
  const gone = await scene(t, 'x', 404);

  assert.deepEqual(await deliver(limited.target), {
    kind: 'retry',
    code: 'TARGET_STATUS',
    reason: 'slack answered 429',
    afterMs: 30_000,
  });
  assert.deepEqual(await deliver(gone.target), { kind: 'dead', code: 'TARGET_STATUS', reason: 'slack answered 404' });
});

test('slack: a webhook that is missing, no url or not https is refused without showing it', async () => {
  const cases: readonly (readonly [url: string | undefined, code: string, local?: boolean])[] = [
    [undefined, 'SECRET_MISSING'],
    ['', 'SECRET_MISSING'],
    ['c4n4ry', 'SECRET_INVALID'],
    [`http://hooks.example${PATH}`, 'SECRET_INVALID'],
    [`http://127.0.0.1:1${PATH}`, 'SECRET_INVALID', false],
    [`https://10.0.0.1${PATH}`, 'TARGET_ADDRESS_FORBIDDEN'],
    [`https://169.254.169.254${PATH}`, 'TARGET_ADDRESS_FORBIDDEN'],
  ];
  for (const [url, code, local = true] of cases) {
    const { parts } = targetParts({ local, variables: url === undefined ? {} : { SLACK_URL: url } });
    await assert.rejects(open({ webhook: 'SLACK_URL', text: 'x' }, parts), (error: Error & { code: string }) => {
      assert.equal(error.code, code, url);
      assert.match(error.message, /^rule 'r1': /);
      assert.doesNotMatch(error.message, /c4n4ry|'allow'/);
      return true;
    });
  }
});

test('slack: a name that resolves to a private address is refused', async (t) => {
  const { parts } = targetParts({ variables: { SLACK_URL: `https://hooks.example${PATH}` } });
  const lookup = async () => [{ address: '127.0.0.1', family: 4 }];
  const target = await open({ webhook: 'SLACK_URL', text: 'x' }, parts, { lookup });
  t.after(() => target.close());

  assert.deepEqual(await deliver(target), {
    kind: 'dead',
    code: 'TARGET_ADDRESS_FORBIDDEN',
    reason: 'slack: hooks.example resolves to 127.0.0.1, which is loopback',
  });
});
