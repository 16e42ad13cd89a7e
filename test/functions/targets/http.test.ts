// The http target against real servers: what is sent, and what each answer means.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { open } from '../../../functions/targets/http.ts';
import type { Target, Verdict } from '../../../functions/targets/target.ts';
import { encodeStructured } from '../../../router/wire/json.ts';
import { targetEvent, targetParts, testTarget } from '../../contract/target.ts';
import { type HttpPeer, startHttp } from './server.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const idle = new AbortController().signal;

function deliver(target: Target, id = 'e1', attempt = 1): Promise<Verdict> {
  return target.deliver({ event: targetEvent(id), rule: 'r1', attempt }, idle);
}

/** A peer that answers every request with `status` and `headers`, and a target that posts to it. */
async function scene(
  t: { after(fn: () => Promise<void>): void },
  { status = 204, headers = {}, path = '/hooks?token=t0ps3cret', now = Date.now }: Partial<Scene> = {},
): Promise<{ peer: HttpPeer; target: Target }> {
  const peer = await startHttp((_request, response) => response.writeHead(status, headers).end());
  const { parts } = targetParts({ now, variables: { BUSWAY_SIGNING_SECRET: SECRET } });
  const target = await open({ url: peer.url + path, timeoutMs: 5_000 }, parts);
  t.after(async () => {
    await target.close();
    await peer.close();
  });
  return { peer, target };
}

interface Scene {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly path: string;
  readonly now: () => number;
}

testTarget({
  name: 'http',
  env: { CANARY_SECRET: SECRET },
  async open(behaviour, parts) {
    const peer = await startHttp((_request, response) => {
      if (behaviour !== 'hangs') response.writeHead(behaviour === 'takes' ? 202 : 500).end(SECRET);
    });
    const target = await open({ url: `${peer.url}/?key=${SECRET}`, secret: 'CANARY_SECRET' }, parts);
    const given = () => peer.received.map(({ body }) => JSON.parse(body.toString()).id as string);
    return { target, given, close: () => peer.close() };
  },
});

test('http: data that is not JSON is carried as it is and never rejects', async (t) => {
  const { peer, target } = await scene(t);
  const event = { ...targetEvent('e1'), data: { kind: 'json', bytes: Buffer.from('{"a":') } } as const;

  const verdict = await target.deliver({ event, rule: 'r1', attempt: 1 }, idle);

  assert.equal(verdict.kind, 'ack');
  assert.deepEqual(peer.received[0]?.body, encodeStructured(event));
});

test('http: the request is a POST of the structured event with a length and no query in the label', async (t) => {
  const { peer, target } = await scene(t);

  assert.deepEqual(await deliver(target), { kind: 'ack' });

  const request = peer.received[0]!;
  assert.equal(request.method, 'POST');
  assert.equal(request.path, '/hooks?token=t0ps3cret');
  assert.equal(request.headers['content-type'], 'application/cloudevents+json; charset=utf-8');
  assert.equal(request.headers['content-length'], String(request.body.length));
  assert.equal(request.headers['transfer-encoding'], undefined);
  assert.equal(request.headers.host, `127.0.0.1:${peer.port}`);
  assert.deepEqual(request.body, encodeStructured(targetEvent('e1')));
  assert.equal(target.label, `http 127.0.0.1:${peer.port}`);
});

test('http: an independent verifier accepts the signature, and refuses it over a changed body', async (t) => {
  const { peer, target } = await scene(t);

  await deliver(target);

  const { body, headers } = peer.received[0]!;
  const verifier = new Webhook(SECRET);
  const sent = headers as Record<string, string>;
  assert.deepEqual(verifier.verify(body.toString(), sent), JSON.parse(body.toString()));
  assert.throws(() => verifier.verify(body.toString().replace('1.10', '1.1'), sent));
});

test('http: webhook-id stays over attempts and differs by rule, source and id; the timestamp is of the attempt', async (t) => {
  let clock = 1_700_000_000_900;
  const { peer, target } = await scene(t, { now: () => clock });
  const other = (source: string, id: string) => {
    const event = targetEvent(id);
    return { attributes: { ...event.attributes, source } };
  };

  await deliver(target, 'e1', 1);
  clock += 60_000;
  await deliver(target, 'e1', 2);
  await deliver(target, 'e2');
  await target.deliver({ event: targetEvent('e1'), rule: 'r2', attempt: 1 }, idle);
  await target.deliver({ event: other('/elsewhere', 'e1'), rule: 'r1', attempt: 1 }, idle);

  const ids = peer.received.map(({ headers }) => String(headers['webhook-id']));
  const times = peer.received.map(({ headers }) => headers['webhook-timestamp']);
  assert.equal(ids[0], ids[1]);
  assert.equal(new Set(ids).size, 4);
  assert.match(ids[0]!, /^msg_[A-Za-z0-9_-]{43}$/);
  assert.deepEqual(times.slice(0, 2), ['1700000000', '1700000060']);
  assert.notEqual(peer.received[0]?.headers['webhook-signature'], peer.received[1]?.headers['webhook-signature']);
});

test('http: deliveries one after the other use one connection', async (t) => {
  for (const headers of [{}, { 'content-length': '2' }]) {
    const peer = await startHttp((_request, response) => response.writeHead(200, headers).end('ok'));
    const target = await open({ url: peer.url }, targetParts().parts);
    t.after(async () => {
      await target.close();
      await peer.close();
    });

    for (let i = 0; i < 20; i++) assert.equal((await deliver(target, `e${i}`)).kind, 'ack');

    assert.equal(peer.connections(), 1);
  }
});

test('http: each status has its verdict, and a reason that shows no query', async (t) => {
  const due: Readonly<Record<number, readonly [kind: string, code?: string]>> = {
    200: ['ack'],
    202: ['ack'],
    204: ['ack'],
    299: ['ack'],
    300: ['dead', 'TARGET_REDIRECT'],
    301: ['dead', 'TARGET_REDIRECT'],
    304: ['dead', 'TARGET_REDIRECT'],
    308: ['dead', 'TARGET_REDIRECT'],
    400: ['dead', 'TARGET_STATUS'],
    401: ['dead', 'TARGET_STATUS'],
    404: ['dead', 'TARGET_STATUS'],
    408: ['retry', 'TARGET_STATUS'],
    410: ['dead', 'TARGET_STATUS'],
    425: ['dead', 'TARGET_STATUS'],
    429: ['retry', 'TARGET_STATUS'],
    499: ['dead', 'TARGET_STATUS'],
    500: ['retry', 'TARGET_STATUS'],
    501: ['retry', 'TARGET_STATUS'],
    503: ['retry', 'TARGET_STATUS'],
    599: ['retry', 'TARGET_STATUS'],
    600: ['retry', 'TARGET_RESPONSE_INVALID'],
    999: ['retry', 'TARGET_RESPONSE_INVALID'],
  };
  let status = 0;
  const peer = await startHttp((_request, response) => response.writeHead(status).end('b0dy'));
  const target = await open({ url: `${peer.url}/?token=t0ps3cret` }, targetParts().parts);
  t.after(async () => {
    await target.close();
    await peer.close();
  });

  for (const [wanted, [kind, code]] of Object.entries(due)) {
    status = Number(wanted);
    const verdict = await deliver(target, wanted);

    assert.equal(verdict.kind, kind, wanted);
    if (verdict.kind === 'ack') continue;
    assert.equal(verdict.code, code, wanted);
    assert.ok(verdict.reason.includes(wanted), verdict.reason);
    assert.doesNotMatch(verdict.reason, /t0ps3cret|b0dy/);
    assert.ok(!('afterMs' in verdict), 'no wait was asked for');
  }
});

test('http: Retry-After counts in seconds or as a date, is capped at one hour, and nonsense is ignored', async (t) => {
  const now = Date.UTC(1994, 10, 6, 8, 49, 7);
  const due: readonly (readonly [header: string, afterMs: number | undefined])[] = [
    ['0', 0],
    ['7', 7_000],
    ['3601', 3_600_000],
    ['99999999999999999999', 3_600_000],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 30_000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 30_000],
    ['Sun Nov  6 08:49:37 1994', 30_000],
    ['Sun, 06 Nov 1994 08:00:00 GMT', 0],
    ['Mon, 06 Nov 2000 08:49:37 GMT', 3_600_000],
    ['-1', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['1994-11-06T08:49:37Z', undefined],
    ['Sun, 99 Nov 1994 08:49:37 GMT', undefined],
  ];
  let header = '';
  const peer = await startHttp((_request, response) => response.writeHead(503, { 'retry-after': header }).end());
  const target = await open({ url: peer.url }, targetParts({ now: () => now }).parts);
  t.after(async () => {
    await target.close();
    await peer.close();
  });

  for (const [value, afterMs] of due) {
    header = value;
    const verdict = await deliver(target);
    assert.equal(verdict.kind, 'retry');
    assert.equal((verdict as { afterMs?: number }).afterMs, afterMs, value);
  }
});

test('http: a redirect to a metadata address is not followed', async (t) => {
  const { peer, target } = await scene(t, { status: 302, headers: { location: 'http://169.254.169.254/latest/' } });

  const verdict = await deliver(target);

  assert.deepEqual(verdict, {
    kind: 'dead',
    code: 'TARGET_REDIRECT',
    reason: `http 127.0.0.1:${peer.port} answered 302; redirects are not followed; give the final url`,
  });
  assert.equal(peer.received.length, 1);
});

test('http: without any secret it goes unsigned, and says so once', async (t) => {
  const peer = await startHttp((_request, response) => response.end());
  const { parts, warnings } = targetParts();
  const target = await open({ url: peer.url }, parts);
  t.after(async () => {
    await target.close();
    await peer.close();
  });

  await deliver(target);
  await deliver(target, 'e2');

  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /rule 'r1': http 127\.0\.0\.1:\d+ goes unsigned; set BUSWAY_SIGNING_SECRET/);
  assert.equal(peer.received[0]?.headers['webhook-signature'], undefined);
  assert.match(String(peer.received[0]?.headers['webhook-id']), /^msg_/);
});

test('http: the named secret wins over BUSWAY_SIGNING_SECRET', async (t) => {
  const named = `whsec_${Buffer.alloc(24, 9).toString('base64')}`;
  const peer = await startHttp((_request, response) => response.end());
  const { parts, warnings } = targetParts({ variables: { MINE: named, BUSWAY_SIGNING_SECRET: SECRET } });
  const target = await open({ url: peer.url, secret: 'MINE' }, parts);
  t.after(async () => {
    await target.close();
    await peer.close();
  });

  await deliver(target);

  const { body, headers } = peer.received[0]!;
  new Webhook(named).verify(body.toString(), headers as Record<string, string>);
  assert.deepEqual(warnings, []);
});

test('http: a missing or malformed secret is refused at open, without showing it', async () => {
  const bad = [
    'whsec_',
    'whsec_c2hvcnQ=',
    `whsec_${Buffer.alloc(65).toString('base64')}`,
    'plaintext-secret',
    'whsec_a$b',
  ];
  const { parts: none } = targetParts();
  await assert.rejects(open({ url: 'https://x.example', secret: 'MINE' }, none), { code: 'SECRET_MISSING' });
  const { parts: empty } = targetParts({ variables: { MINE: '' } });
  await assert.rejects(open({ url: 'https://x.example', secret: 'MINE' }, empty), { code: 'SECRET_MISSING' });

  for (const secret of bad) {
    for (const [name, options] of [['MINE', { secret: 'MINE' }] as const, ['BUSWAY_SIGNING_SECRET', {}] as const]) {
      const { parts } = targetParts({ variables: { [name]: secret } });
      await assert.rejects(open({ url: 'https://x.example', ...options }, parts), (error: Error & { code: string }) => {
        assert.equal(error.code, 'SECRET_INVALID');
        assert.ok(error.message.includes(name));
        assert.ok(secret === 'whsec_' || !error.message.includes(secret));
        return true;
      });
    }
  }
});

test('http: a url that is not plain http or https is refused', async () => {
  const bad = [
    'ftp://x.example/',
    'file:///etc/passwd',
    'x.example/hooks',
    'https://user@x.example/',
    'https://:p4ss@x.example/',
    'https://x.example/#top',
    'https://x.example/#',
    'https://x.exa\nmple/',
    'https:\\\\x.example\\',
    'http://[::1',
    'http://256.1.1.1/',
    'javascript:alert(1)',
  ];
  for (const url of bad) {
    await assert.rejects(open({ url }, targetParts().parts), (error: Error & { code: string }) => {
      assert.equal(error.code, 'CONFIG_INVALID', url);
      assert.doesNotMatch(error.message, /p4ss/);
      return true;
    });
  }
});
