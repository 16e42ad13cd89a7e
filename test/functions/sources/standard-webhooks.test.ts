import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { open } from '../../../functions/sources/standard-webhooks.ts';
import { RouterError } from '../../../router/errors.ts';
import type { RawRequest } from '../../../router/http.ts';
import { sourceSuite } from '../../contract/source.ts';
import { rawRequest } from '../../contract/source-request.ts';
import vectors from '../../fixtures/sources/vectors.json' with { type: 'json' };

const source = open({}, { name: 'shop' });
const bytes = Buffer.alloc(32, 7);
const secret = `whsec_${bytes.toString('base64')}`;
const key = source.key(secret);
const now = new Date('2026-03-05T07:08:09Z');
const seconds = String(now.getTime() / 1000);
const vector = vectors.standardWebhooks;

function sign(id: string, timestamp: string, body: Buffer): string {
  return `v1,${createHmac('sha256', bytes).update(`${id}.${timestamp}.`).update(body).digest('base64')}`;
}

function message(text: string | Buffer, headers: Readonly<Record<string, string | undefined>> = {}): RawRequest {
  const body = Buffer.from(text as string);
  const sent = {
    'Content-Type': 'application/json',
    'Webhook-Id': 'msg_1',
    'Webhook-Timestamp': seconds,
    'Webhook-Signature': sign('msg_1', seconds, body),
  };
  return rawRequest({ headers: sent, body }, headers);
}

function outcome(request: RawRequest, keys = [key], at = now): string {
  const verification = source.verify(request, keys, at);
  return verification.kind === 'rejected' ? verification.code : verification.kind;
}

function attributesOf(request: RawRequest) {
  const [one] = source.normalize(request);
  assert.ok(one?.kind === 'event');
  return one.event.attributes;
}

sourceSuite('standard-webhooks', {
  open: () => open({}, { name: 'shop' }),
  signature: 'webhook-signature',
  signed: ['webhook-id'],
  stamp: 'webhook-timestamp',
  needed: ['webhook-id'],
  fixtures: [
    {
      says: "the vector of the libraries' own tests",
      request: rawRequest({
        headers: {
          'webhook-id': vector.id,
          'webhook-timestamp': vector.timestamp,
          'webhook-signature': vector.signature,
        },
        body: Buffer.from(vector.body),
      }),
      secret: vector.secret,
      now: new Date(Number(vector.timestamp) * 1000),
      events: [
        {
          id: vector.id,
          source: '/webhooks/shop',
          type: 'standard-webhooks.shop',
          datacontenttype: 'application/json',
        },
      ],
    },
  ],
});

test('standard-webhooks: what the standardwebhooks package signs is accepted', () => {
  for (const text of ['{"type":"a.b"}', '{}', 'é€😀', '{"n": 1e400}', '']) {
    const request = message(text, { 'webhook-signature': new Webhook(secret).sign('msg_1', now, text) });

    assert.equal(outcome(request), 'accepted', text);
  }
});

test('standard-webhooks: the standardwebhooks package accepts what simulate signs, and not with another secret', () => {
  for (const sample of source.samples) {
    const { headers, body } = source.simulate(sample, 'seed', secret, new Date());

    const payload = new Webhook(secret).verify(body, headers as Record<string, string>) as { readonly type: string };
    assert.equal(payload.type, sample);
    const other = new Webhook(source.newSecret(Buffer.alloc(32, 9)));
    assert.throws(() => other.verify(body, headers as Record<string, string>));
  }
});

test('standard-webhooks: bytes that are not UTF-8 are verified as they are', () => {
  const request = message(Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), { 'content-type': 'application/octet-stream' });

  assert.equal(outcome(request), 'accepted');
  assert.equal(outcome({ ...request, body: Buffer.from([0x7b, 0xfe, 0xff, 0x7d]) }), 'SIGNATURE_INVALID');
  const [one] = source.normalize(request);
  assert.ok(one?.kind === 'event' && one.event.data?.kind === 'binary');
  assert.deepEqual(one.event.data.bytes, request.body);
});

test('standard-webhooks: one good signature in a list is enough, wherever it stands', () => {
  const good = message('{}').headers['webhook-signature']!;
  const bad = `v1,${Buffer.alloc(32, 1).toString('base64')}`;
  for (const list of [
    `${bad} ${good}`,
    `${good} ${bad}`,
    `v1a,${'A'.repeat(86)}== ${good}`,
    `v2,x  ${good} `,
    `, ${good}`.slice(2),
  ]) {
    assert.equal(outcome(message('{}', { 'webhook-signature': list })), 'accepted', list);
  }
});

test('standard-webhooks: a good signature under another version, or with another separator, is not one', () => {
  const good = message('{}').headers['webhook-signature']!;
  const bare = good.slice(3);
  for (const value of [
    bare,
    `v1a,${bare}`,
    `v2,${bare}`,
    `V1,${bare}`,
    `v1=${bare}`,
    `v1, ${bare}`,
    `v1,${bare},`,
    `v1,,${bare}`,
    good.replace('=', ''),
  ]) {
    assert.equal(outcome(message('{}', { 'webhook-signature': value })), 'SIGNATURE_INVALID', value);
  }
});

test('standard-webhooks: a signature header that came twice is refused even if both are good', () => {
  const good = message('{}').headers['webhook-signature']!;

  assert.equal(outcome(message('{}', { 'webhook-signature': `${good}, ${good}` })), 'SIGNATURE_INVALID');
});

test('standard-webhooks: signed bytes cannot be read again with another id', () => {
  // `msg` + `.1` + `.` + `<now>.{}`: the sender signed a text body that looks like a stamp and a body
  const body = Buffer.from(`${seconds}.{"type":"forged"}`);
  const signature = sign('msg', seconds, body);
  const forged = message('{"type":"forged"}', { 'webhook-id': `msg.${seconds}`, 'webhook-signature': signature });

  assert.equal(outcome(forged), 'SIGNATURE_INVALID');
});

test('standard-webhooks: a retry has a new timestamp and signature and the same id', () => {
  const later = new Date(now.getTime() + 3600_000);
  const first = rawRequest(source.simulate('user.created', 'x', secret, now));
  const stamp = String(later.getTime() / 1000);
  const id = first.headers['webhook-id']!;
  const again = rawRequest(first, { 'webhook-timestamp': stamp, 'webhook-signature': sign(id, stamp, first.body) });

  assert.equal(outcome(again, [key], later), 'accepted');
  assert.deepEqual(attributesOf(again), attributesOf(first));
});

test('standard-webhooks: type and time come from the body, or a fallback and nothing', () => {
  const cases = [
    [
      '{"type":"user.created","timestamp":"2022-11-03T20:26:10.344522Z"}',
      'user.created',
      '2022-11-03T20:26:10.344522Z',
    ],
    ['{"type":"a","timestamp":"yesterday"}', 'a', undefined],
    ['{"type":"a","timestamp":1674087231}', 'a', undefined],
    ['{"type":"","timestamp":null}', 'standard-webhooks.shop', undefined],
    ['{"type":7}', 'standard-webhooks.shop', undefined],
    ['[{"type":"x"}]', 'standard-webhooks.shop', undefined],
    ['null', 'standard-webhooks.shop', undefined],
    ['{"__proto__":{"type":"x"}}', 'standard-webhooks.shop', undefined],
  ] as const;
  for (const [body, type, time] of cases) {
    const attributes = attributesOf(message(body));
    assert.equal(attributes.type, type, body);
    assert.equal(attributes.time, time, body);
    assert.equal(attributes.source, '/webhooks/shop');
  }
});

test('standard-webhooks: a type that no attribute can hold is refused, not altered', () => {
  assert.throws(() => source.normalize(message('{"type":"a\\u0000b"}')), { code: 'EVENT_INVALID', message: /'type'/ });
});

test('standard-webhooks: JSON is due where the content type says so', () => {
  assert.throws(() => source.normalize(message('{')), { code: 'NOT_JSON' });
  assert.throws(() => source.normalize(message(Buffer.from([0x22, 0xff, 0x22]))), { code: 'NOT_UTF8' });
  assert.throws(() => source.normalize(message('{}', { 'content-encoding': 'gzip' })), {
    code: 'ENCODING_UNSUPPORTED',
  });
});

test('standard-webhooks: a secret needs its prefix and 24 to 64 bytes of base64', () => {
  const secretOf = (size: number) => `whsec_${Buffer.alloc(size, 1).toString('base64')}`;
  for (const good of [secretOf(24), secretOf(64), secretOf(25).replace(/=+$/, ''), vector.secret])
    assert.ok(source.key(good));
  const bare = bytes.toString('base64');
  const bad = [
    'whsec_',
    bare,
    `whsk_${bare}`,
    `WHSEC_${bare}`,
    secretOf(23),
    secretOf(65),
    `${secret}!`,
    `whsec_ ${bare}`,
    `whsec_${bare}A`,
  ];
  for (const text of [
    ...bad,
    `whsec_${bytes.toString('hex')}zz==`,
    `whsec_${Buffer.alloc(33, 0xff).toString('base64url')}`,
  ]) {
    assert.throws(
      () => source.key(text),
      (thrown) => thrown instanceof RouterError && thrown.code === 'SECRET_INVALID' && /24 to 64/.test(thrown.message),
      text,
    );
  }
});
