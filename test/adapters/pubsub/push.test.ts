// Push: what is decoded and what is refused, whose tokens are taken, and both together on the fake service, which pushes to
// an endpoint of ours with tokens of a test key.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { decodePush, pushAttempt } from '../../../adapters/pubsub/decode.ts';
import { definitions, subscriptionName } from '../../../adapters/pubsub/definitions.ts';
import { createPushKeys } from '../../../adapters/pubsub/push-keys.ts';
import {
  bearerToken,
  keyIdOf,
  type PushVerification,
  readPushKeys,
  verifyPush,
} from '../../../adapters/pubsub/verify-push.ts';
import { encodeMessage } from '../../../adapters/pubsub/wire.ts';
import { RouterError } from '../../../router/errors.ts';
import { hostilePayloads } from '../../contract/adapter-cases.ts';
import { made, publishAll, until } from '../../contract/adapter-harness.ts';
import { startPubSubFake } from '../../fakes/pubsub.ts';
import { createSigner, keySet, makeToken, pushClaims, type TokenParts } from '../../fakes/pubsub-oidc.ts';
import { sameEvent } from '../../harness/events.ts';
import { openScene, PROJECT, pattern } from './scene.ts';

const closers: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const close of closers.reverse()) await close();
});

const prefix = { subscriptionPrefix: 'busway' };
const event = made('a', { key: 'k' });
const message = encodeMessage(event);
const wrapped = {
  message: { data: message.data.toString('base64'), attributes: message.attributes, messageId: '7', orderingKey: 'k' },
  subscription: 'projects/p/subscriptions/busway~my-rule~0123456789ab',
  deliveryAttempt: 3,
};
const decodeOne = (pushed: unknown) => decodePush(pushed, prefix)[0]!;

test('pubsub push: every form of a delivery is the same event, with its rule', () => {
  const metadata = {
    ...message.attributes,
    'x-goog-pubsub-subscription-name': wrapped.subscription,
    'x-goog-pubsub-message-id': '7',
  };
  const json = Buffer.from(JSON.stringify(wrapped));
  const forms: Readonly<Record<string, unknown>> = {
    parsed: wrapped,
    bytes: json,
    text: json.toString(),
    request: { headers: { 'content-type': 'application/json' }, body: json },
    'no wrapper': { headers: metadata, body: message.data },
    eventarc: { specversion: '1.0', type: 'google.cloud.pubsub.topic.v1.messagePublished', data: wrapped },
  };

  for (const [name, pushed] of Object.entries(forms)) {
    const decoded = decodeOne(pushed);
    assert.ok(decoded.ok && sameEvent(decoded.event, event), name);
    assert.deepEqual([decoded.handle, decoded.rule], ['7', 'my-rule'], name);
  }
  assert.deepEqual([pushAttempt(wrapped), pushAttempt(forms['request']), pushAttempt({ message: {} })], [3, 3, 1]);
});

test('pubsub push: without wrapper and without metadata a structured event is still read', () => {
  const decoded = decodeOne({ headers: { 'content-type': 'application/octet-stream' }, body: message.data });

  assert.ok(decoded.ok && sameEvent(decoded.event, event));
  assert.equal(decoded.rule, undefined);
});

test('pubsub push: the rule is read from the name of its subscription, whatever stands in it', () => {
  const ruleIn = (subscription: string) => {
    const decoded = decodeOne({ ...wrapped, subscription });
    return decoded.ok ? decoded.rule : 'refused';
  };

  for (const name of ['a', 'a-b', 'busway-x', 'x-0123456789ab', 'A.b_c', '-']) {
    const made = subscriptionName({ subscriptionPrefix: 'busway' }, { name, when: pattern({ type: ['t'] }) });
    assert.equal(ruleIn(`projects/p/subscriptions/${made}`), name);
    assert.equal(ruleIn(made), name);
  }
  for (const other of [
    '',
    'mine',
    'other~my-rule~0123456789ab',
    'busway-eu~my-rule~0123456789ab',
    'busway-my-rule-0123456789ab',
    'busway~0123456789ab',
    'busway~rule',
    'busway-failures',
  ]) {
    assert.equal(ruleIn(other), undefined, other);
  }
});

test('pubsub push: hostile payloads are refused, each with a code and its bytes', () => {
  const { message: good } = wrapped;
  const payloads = [
    ...hostilePayloads(),
    { message: { ...good, data: 'no base64!' } },
    { message: { ...good, data: 7 } },
    { message: { ...good, attributes: [] } },
    { message: { ...good, attributes: { a: 1 } } },
    { message: { ...good, attributes: { ...good.attributes, 'content-type': 'application/cloudevents-batch+json' } } },
    { headers: { a: 1 }, body: Buffer.alloc(0) },
    { headers: {}, body: 'text' },
    { headers: { 'ce-specversion': '1.0' }, body: Buffer.from([255]) },
    JSON.parse('{"message":{"attributes":{"__proto__":"x","ce-specversion":"1.0"}}}'),
  ];

  for (const payload of payloads) {
    const [decoded, ...more] = decodePush(payload, prefix);
    assert.ok(decoded !== undefined && !decoded.ok && more.length === 0);
    assert.ok(decoded.reason.length > 0 && Buffer.isBuffer(decoded.bytes) && typeof decoded.handle === 'string');
    assert.equal(pushAttempt(payload), 1);
  }
});

const issuer = createSigner('k1');
const stranger = createSigner('k1');
const NOW = Date.UTC(2026, 10, 21);
const expected = { audience: 'https://deliver.example', serviceAccount: 'pusher@p.iam.gserviceaccount.com', now: NOW };
const good = pushClaims({ email: expected.serviceAccount, audience: expected.audience }, NOW);
const keys = readPushKeys(keySet([issuer, createSigner('k2')]));

function verdictOf(parts: Partial<TokenParts>, signer = issuer): string {
  const verified: PushVerification = verifyPush(makeToken(signer, { claims: good, ...parts }), keys, expected);
  return verified.ok ? 'ok' : verified.code;
}

const seconds = NOW / 1_000;

test("pubsub push: the service's own token is taken, with a minute for clocks that differ", () => {
  assert.equal(verdictOf({}), 'ok');
  assert.equal(verdictOf({ claims: { ...good, iss: 'accounts.google.com' } }), 'ok');
  assert.equal(verdictOf({ claims: { ...good, iat: seconds + 30, exp: seconds + 3_630 } }), 'ok');
  assert.equal(verdictOf({ claims: { ...good, exp: seconds - 30 } }), 'ok');
});

test('pubsub push: a forged token is refused, whatever of it is forged', () => {
  const forged: Readonly<Record<string, Partial<TokenParts>>> = {
    audience: { claims: { ...good, aud: 'https://other.example' } },
    'several audiences': { claims: { ...good, aud: [expected.audience] } },
    'no audience': { claims: { ...good, aud: undefined } },
    issuer: { claims: { ...good, iss: 'https://accounts.google.com.evil.example' } },
    account: { claims: { ...good, email: 'someone@p.iam.gserviceaccount.com' } },
    'account that is not verified': { claims: { ...good, email_verified: 'true' } },
    'no account': { claims: { ...good, email: undefined } },
    'no algorithm': { header: { alg: 'none' } },
    'shared secret': { header: { alg: 'HS256' } },
    'another algorithm': { header: { alg: 'RS512' } },
    'another key': { header: { kid: 'k2' } },
    'unknown key': { header: { kid: 'k3' } },
    'no key': { header: { kid: undefined } },
    'a critical header': { header: { crit: ['exp'] } },
  };

  for (const [name, parts] of Object.entries(forged)) assert.equal(verdictOf(parts), 'SIGNATURE_INVALID', name);
  assert.equal(verdictOf({}, stranger), 'SIGNATURE_INVALID', 'signed by somebody else');
});

test('pubsub push: a token out of its time is refused', () => {
  assert.equal(verdictOf({ claims: { ...good, exp: seconds - 61 } }), 'TIMESTAMP_OUT_OF_WINDOW');
  assert.equal(verdictOf({ claims: { ...good, iat: seconds + 61 } }), 'TIMESTAMP_OUT_OF_WINDOW');
  assert.equal(verdictOf({ claims: { ...good, nbf: seconds + 61 } }), 'TIMESTAMP_OUT_OF_WINDOW');
  assert.equal(verdictOf({ claims: { ...good, exp: undefined } }), 'TIMESTAMP_INVALID');
  assert.equal(verdictOf({ claims: { ...good, iat: `${seconds}` } }), 'TIMESTAMP_INVALID');
});

test('pubsub push: a token changed in any one character is refused, and never quoted', () => {
  const token = makeToken(issuer, { claims: good });
  // The last character of a signature carries spare bits, so it may change without changing it.
  for (let at = 0; at < token.length - 1; at++) {
    const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
    const verified = verifyPush(changed, keys, expected);
    assert.ok(!verified.ok, `at ${at}`);
    assert.ok(!verified.reason.includes(changed.slice(0, 20)));
  }
});

test('pubsub push: what is no token at all is refused', () => {
  const codeOf = (token: string | undefined) => {
    const verified = verifyPush(token, keys, expected);
    return verified.ok ? 'ok' : verified.code;
  };

  assert.equal(codeOf(undefined), 'SIGNATURE_MISSING');
  for (const token of ['', '.', '..', 'a.b.c', 'x'.repeat(100_000), `${makeToken(issuer, { claims: good })}.x`, '\0']) {
    assert.equal(codeOf(token), 'SIGNATURE_INVALID');
    assert.equal(keyIdOf(token), undefined);
  }
  assert.equal(
    verifyPush(makeToken(issuer, { claims: good }), [], expected).ok,
    false,
    'without keys nothing is verified',
  );
  assert.deepEqual(['Bearer abc', 'bearer  abc ', 'Basic abc', 'Bearer', undefined].map(bearerToken), [
    'abc',
    'abc',
    undefined,
    undefined,
    undefined,
  ]);
});

test('pubsub push: keys of other kinds are left out', () => {
  const [jwk] = keySet([issuer]).keys as [Record<string, unknown>];
  const sets = [
    null,
    {},
    { keys: 1 },
    { keys: [null, { ...jwk, kty: 'EC' }, { ...jwk, n: 7 }, { ...jwk, alg: 'RS512' }, { ...jwk, use: 'enc' }] },
  ];

  for (const set of sets) assert.deepEqual(readPushKeys(set), []);
  assert.equal(readPushKeys({ keys: [jwk, null] }).length, 1);
});

test("pubsub push: the issuer's keys are kept as it says, and fetched anew for an unknown key, but not at will", async () => {
  let [asked, broken, at] = [0, false, 0];
  const server = createServer((_request, response) => {
    asked++;
    response.statusCode = broken ? 500 : 200;
    response.setHeader('cache-control', 'public, max-age=600');
    response.end(JSON.stringify(keySet([issuer])));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const cached = createPushKeys({ url, now: () => at });

  await Promise.all([cached.for('k1'), cached.for('k1'), cached.for('k1')]);
  assert.equal(asked, 1, 'at once is one request');
  await cached.for('unknown');
  assert.equal(asked, 1, 'nobody can make us ask at will');
  at = 31_000;
  await cached.for('unknown');
  assert.equal(asked, 2, 'keys are rolled over');
  at += 599_000;
  await cached.for('k1');
  assert.equal(asked, 2);
  at += 2_000;
  broken = true;
  assert.equal((await cached.for('k1')).length, 1, 'old keys are better than none');
  assert.equal(asked, 3);
  const never = createPushKeys({ url, now: () => at });
  await assert.rejects(never.for('k1'), (thrown) => thrown instanceof RouterError && thrown.code === 'BUS_UNAVAILABLE');
});

test('pubsub push: an issuer that hangs holds up one request in half a minute, and a clock set back none for long', async () => {
  let [asked, hangs, at] = [0, false, 1_000_000];
  const server = createServer((_request, response) => {
    asked++;
    if (!hangs) response.end(JSON.stringify(keySet([issuer])));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const keys = createPushKeys({ url, now: () => at });
  await keys.for('k1');
  at += 3_600_000;
  hangs = true;

  const first = keys.for('k1');
  const begun = performance.now();
  for (let i = 0; i < 20; i++) assert.equal((await keys.for('k1')).length, 1);
  assert.ok(performance.now() - begun < 1_000, 'the others have the old keys at once');
  await until(() => asked === 2, 'the issuer is asked', 2_000);
  server.closeAllConnections();
  assert.equal((await first).length, 1);

  hangs = false;
  at -= 1_800_000;
  await keys.for('rolled-over');
  assert.equal(asked, 3, 'an unknown key is asked for by whatever clock');
});

test('pubsub push: published, pushed, verified, decoded and acknowledged, on the fake service', async () => {
  const fake = await startPubSubFake({ secondMs: 50 });
  const push = { audience: 'https://deliver.example', serviceAccount: 'pusher@p.iam.gserviceaccount.com' };
  const rule = { name: 'pushed', when: pattern({ data: { id: [{ 'anything-but': ['unwanted'] }] } }) };
  const scene = await openScene({ address: fake.address, options: { push } });
  const remote = createPushKeys({ url: fake.keysUrl, now: Date.now });
  const got: { id: string; rule: string | undefined; attempt: number }[] = [];
  const codes: string[] = [];
  const endpoint = createServer(async (request, response) => {
    const body = await buffer(request);
    const token = bearerToken(request.headers.authorization);
    const verified = verifyPush(token, await remote.for(keyIdOf(token ?? '')), { ...push, now: Date.now() });
    const pushed = { headers: { 'content-type': 'application/json' }, body };
    const [decoded] = decodePush(pushed, scene.options);
    codes.push(verified.ok ? 'ok' : verified.code);
    const attempt = pushAttempt(pushed);
    if (verified.ok && decoded?.ok) got.push({ id: decoded.event.attributes.id, rule: decoded.rule, attempt });
    // The first delivery of 'b' is answered by an error, so it comes again.
    response.statusCode = got.at(-1)?.id === 'b' && attempt === 1 ? 503 : 204;
    response.end();
  });
  await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve));
  const pushEndpoint = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/deliver`;
  const defined = definitions([rule], { project: PROJECT, options: scene.options, pushEndpoint }).subscriptions[1]!;
  fake.broker.createSubscription({
    ...defined,
    deadLetter: { topic: defined.deadLetterPolicy!.deadLetterTopic, maxAttempts: 100 },
    push: {
      endpoint: defined.pushConfig!.pushEndpoint,
      noWrapper: false,
      writeMetadata: false,
      oidc: {
        email: defined.pushConfig!.oidcToken.serviceAccountEmail,
        audience: defined.pushConfig!.oidcToken.audience,
      },
    },
  });
  const adapter = await scene.open({ rules: () => [rule] });
  closers.push(
    fake.close,
    scene.close,
    () => adapter.close(),
    async () => endpoint.close(),
  );

  await publishAll(adapter, [made('a'), made('unwanted'), made('b')]);
  await until(() => got.length === 3, 'all that the rule takes are pushed', 5_000);

  assert.deepEqual(new Set(codes), new Set(['ok']));
  assert.ok(got.every((one) => one.rule === 'pushed'));
  assert.deepEqual(got.map(({ id, attempt }) => `${id}${attempt}`).sort(), ['a1', 'b1', 'b2']);
});
