// The push function before those who would be somebody else, and before bodies that nobody would send on purpose.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pubsubPush } from '../../adapters/pubsub/push.ts';
import { RouterError } from '../../router/errors.ts';
import { hostilePayloads } from '../contract/adapter-cases.ts';
import { createSigner, makeToken, type TokenParts } from '../fakes/pubsub-oidc.ts';
import { ack, consumerScene } from './consumer-scene.ts';
import {
  bearer,
  claims,
  codeOf,
  expected,
  grid,
  issuer,
  message,
  mount,
  NOW,
  type Pushed,
  post,
  pubsub,
  secret,
  text,
  withSecret,
} from './push-scene.ts';

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

test('push: a message with the token of the service is delivered to the rule of its subscription, with its attempt', async () => {
  const { consumer, calls } = consumerScene({ targets: { a: () => ack, b: () => ack } });
  const { push } = mount(pubsub, consumer, []);

  const answer = await push(post(message('1'), bearer(makeToken(issuer, { claims }))), {});

  assert.deepEqual([answer.status, calls], [200, ['a 1 2']]);
});

test('push: a forged, expired or misdirected token is 401 and delivers nothing, whatever of it is wrong', async () => {
  const { consumer, calls, failures } = consumerScene({ targets: { a: () => ack } });
  const { push } = mount(pubsub, consumer, [secret]);
  const seconds = Math.floor(NOW / 1_000);
  const wrong: Readonly<Record<string, Partial<TokenParts>>> = {
    'another audience': { claims: { ...claims, aud: 'https://other.example' } },
    'no audience': { claims: { ...claims, aud: undefined } },
    'another account': { claims: { ...claims, email: 'x@p.iam.gserviceaccount.com' } },
    'another issuer': { claims: { ...claims, iss: 'https://evil.example' } },
    expired: { claims: { ...claims, exp: seconds - 61 } },
    'not valid yet': { claims: { ...claims, iat: seconds + 120 } },
    'signed by a shared secret': { header: { alg: 'HS256' } },
  };
  const tokens = Object.entries(wrong).map(([name, parts]) => [name, makeToken(issuer, { claims, ...parts })] as const);
  const none = `${part({ alg: 'none', kid: 'k1' })}.${part(claims)}`;
  const forged = [
    ...tokens,
    ['signed by a stranger', makeToken(createSigner('k1'), { claims })],
    ['alg none', `${none}.`],
    ['alg none with something at its end', `${none}.x`],
    ['its signature taken off', `${makeToken(issuer, { claims }).split('.', 2).join('.')}.SIGNATURE_REMOVED_BY_GOOGLE`],
    ['no token', 'x'],
  ] as const;

  for (const [name, token] of forged) {
    const answer = await push(post(message('1'), { ...bearer(token), ...withSecret }), {});
    assert.equal(answer.status, 401, name);
    assert.ok(!answer.body.includes(token.slice(0, 40)) || token.length < 40, name);
  }
  const missing = await push(post(message('1'), withSecret, `secret=${secret}`), {});
  assert.deepEqual([missing.status, codeOf(missing)], [401, 'SIGNATURE_MISSING']);
  assert.deepEqual([calls, failures], [[], []]);
});

test("push: without the issuer's keys a token is 503, and no token is 401 without a look for them", async () => {
  const { consumer, calls } = consumerScene({ targets: { a: () => ack } });
  let asked = 0;
  const keys = {
    for: async () => {
      asked++;
      throw new RouterError('BUS_UNAVAILABLE', 'no keys');
    },
  };
  const { push } = mount({ ...pubsub, push: pubsubPush(expected, keys, () => NOW) }, consumer, []);

  const without = await push(post(message('1')), {});
  const due = await push(post(message('1'), bearer(makeToken(issuer, { claims }))), {});

  assert.deepEqual([without.status, due.status, codeOf(due)], [401, 503, 'BUS_UNAVAILABLE']);
  assert.deepEqual([asked, calls], [1, []]);
});

const bodies = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.json().map((json) => Buffer.from(json)),
  fc.constantFrom(...hostilePayloads().flatMap((payload) => jsonOf(payload))),
  fc.json().map((json) => Buffer.from(`{"message":${json},"subscription":"busway-a-0123456789ab"}`)),
  fc.json().map((json) => Buffer.from(`[${text('1')},${json}]`)),
);
const headerSets = fc.dictionary(
  fc.constantFrom(
    'content-type',
    'ce-specversion',
    'ce-id',
    'aeg-subscription-name',
    'aeg-delivery-count',
    '__proto__',
  ),
  fc.oneof(fc.string(), fc.constantFrom('1.0', 'application/cloudevents-batch+json', 'application/json; charset=x')),
);

/** What of a payload can come over the wire. */
function jsonOf(payload: unknown): Buffer[] {
  try {
    return [Buffer.from(JSON.stringify(payload) ?? '')];
  } catch {
    return [];
  }
}

test('push: whatever is in it, an authentic request is answered, and what is no event is in the failure log', async () => {
  const token = bearer(makeToken(issuer, { claims }));
  await fc.assert(
    fc.asyncProperty(
      bodies,
      headerSets,
      fc.constantFrom<[Pushed, Record<string, string>]>([grid, withSecret], [pubsub, token]),
      async (body, headers, [adapter, proof]) => {
        const { consumer, calls, failures } = consumerScene({ targets: { a: () => ack } });
        const { push, faults } = mount(adapter, consumer);

        const answer = await push(post(body, { ...headers, ...proof }), {});

        assert.equal(answer.status, 200, answer.body);
        const { done } = JSON.parse(answer.body) as { done: number };
        assert.ok(done > 0 && failures.length <= done && calls.length <= done);
        assert.deepEqual(faults, []);
        assert.equal(Reflect.get({}, 'polluted'), undefined);
      },
    ),
    { numRuns: 400 },
  );
});

test('push: whatever is in it, a request without proof is never answered by 2xx and never delivered', async () => {
  await fc.assert(
    fc.asyncProperty(bodies, headerSets, fc.constantFrom(grid, pubsub), async (body, headers, adapter) => {
      const { consumer, calls, failures } = consumerScene({ targets: { a: () => ack } });
      const finals = adapter.push!.finalStatuses;

      const { status } = await mount(adapter, consumer).push(post(body, headers), {});

      assert.ok(status >= 400 && !finals.includes(status), `${status}`);
      assert.deepEqual([calls, failures], [[], []]);
    }),
    { numRuns: 200 },
  );
});
