// The push function as a host mounts it, before the buses' own adapters and before their fakes on loopback.

import type { TestContext } from 'node:test';
import type { Adapter } from '../../adapters/adapter.ts';
import { eventgridPush } from '../../adapters/eventgrid/push.ts';
import { decodeEventGrid } from '../../adapters/eventgrid/wire.ts';
import { decodePush } from '../../adapters/pubsub/decode.ts';
import { definitions, failuresName, topicName } from '../../adapters/pubsub/definitions.ts';
import { decodeFailure } from '../../adapters/pubsub/failure-message.ts';
import { pubsubPush } from '../../adapters/pubsub/push.ts';
import { createPushKeys } from '../../adapters/pubsub/push-keys.ts';
import { readPushKeys } from '../../adapters/pubsub/verify-push.ts';
import { encodeMessage } from '../../adapters/pubsub/wire.ts';
import { type HttpFunction, wrapPush } from '../../functions/middleware.ts';
import { createPush } from '../../functions/push.ts';
import type { Consumer } from '../../router/consume.ts';
import type { RouterError } from '../../router/errors.ts';
import type { FailureRecord } from '../../router/failure.ts';
import type { RawRequest, RawResponse } from '../../router/http.ts';
import { openScene, PROJECT, pattern } from '../adapters/pubsub/scene.ts';
import { deliveryOf } from '../fakes/eventgrid-push.ts';
import { type PubSubFake, startPubSubFake } from '../fakes/pubsub.ts';
import { createSigner, keySet, pushClaims } from '../fakes/pubsub-oidc.ts';

export interface Mounted {
  readonly push: HttpFunction;
  readonly refused: readonly RouterError[];
  readonly faults: readonly unknown[];
}

export const secret = 'c4n4ry-push-secret';

export function mount(adapter: Pushed, consumer: Consumer, secrets: readonly string[] = [secret]): Mounted {
  const refused: RouterError[] = [];
  const faults: unknown[] = [];
  const handler = createPush({ adapter, consumer, secrets, onRefused: (error) => refused.push(error) });
  const { finalStatuses } = adapter.push!;
  return { push: wrapPush(handler, { onFault: (error) => faults.push(error), finalStatuses }), refused, faults };
}

export function post(body: Buffer | string, headers: Readonly<Record<string, string>> = {}, query = ''): RawRequest {
  return { method: 'POST', path: '/push', query, headers, body: Buffer.from(body) };
}

export function codeOf({ body }: RawResponse): string | undefined {
  return (JSON.parse(body) as { error?: { code: string } }).error?.code;
}

export const expected = { audience: 'https://deliver.example', serviceAccount: 'pusher@p.iam.gserviceaccount.com' };

/** What the push function knows of a bus. */
export type Pushed = Pick<Adapter, 'name' | 'decode' | 'push'>;

export const grid: Pushed = {
  name: 'eventgrid',
  decode: (pushed) => decodeEventGrid(pushed, { prefix: 'busway', rules: () => [] }),
  push: eventgridPush(['eventgrid.azure.net']),
};
export const withSecret = { 'x-busway-secret': secret };
export const text = (id: string, type = 'all'): string =>
  JSON.stringify({ specversion: '1.0', id, source: '/s', type });

/** As Event Grid sends it: one event as an object, several as a list. Of a subscription that is no rule's. */
export function delivery(events: readonly string[], attempts = 0): RawRequest {
  const stored = events.map((event) => ({ text: event, publishedAt: 0 }));
  const { headers, body } = deliveryOf('of-no-rule', stored, attempts);
  return post(body, { ...headers, ...withSecret });
}

export const issuer = createSigner('k1');
export const NOW = Date.now();
export const claims = pushClaims({ email: expected.serviceAccount, audience: expected.audience }, NOW);
const known = { for: async () => readPushKeys(keySet([issuer])) };
export const pubsub: Pushed = {
  name: 'pubsub',
  decode: (pushed) => decodePush(pushed, { subscriptionPrefix: 'busway' }),
  push: pubsubPush(expected, known, () => NOW),
};

export function message(id: string): string {
  const attributes = { specversion: '1.0', id, source: '/s', type: 'a' } as const;
  const { data, attributes: named } = encodeMessage({ attributes });
  return JSON.stringify({
    message: { data: data.toString('base64'), attributes: named, messageId: '7' },
    subscription: 'projects/p/subscriptions/busway-a-0123456789ab',
    deliveryAttempt: 2,
  });
}

export const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

export interface PubSubScene {
  readonly fake: PubSubFake;
  readonly adapter: Adapter;
  /** Not acknowledged. */
  readonly size: () => number;
  /** What the failure log holds, read on the service itself: listing takes seconds. */
  readonly failed: () => readonly FailureRecord[];
  /** Makes the subscription of rule 'a', pushed to this address. */
  pushTo(url: string): void;
}

/** A bus whose rule 'a' takes events by their data. The issuer's keys are the fake's. `audience`: what we expect of a token. */
export async function pubsubScene(t: TestContext, audience = expected.audience): Promise<PubSubScene> {
  const rule = { name: 'a', when: pattern({ data: { id: [{ 'anything-but': ['unwanted'] }] } }) };
  const fake = await startPubSubFake({ secondMs: 50 });
  t.after(fake.close);
  const scene = await openScene({ address: fake.address, options: { push: expected } });
  t.after(scene.close);
  const opened = await scene.open({ rules: () => [rule] });
  t.after(() => opened.close());
  const keys = createPushKeys({ url: fake.keysUrl, now: Date.now });
  const adapter = { ...opened, push: pubsubPush({ ...expected, audience }, keys, Date.now) };
  let subscription = '';
  return {
    fake,
    adapter,
    size: () => fake.broker.getSubscription(subscription).queue.size,
    failed: () =>
      fake.broker.getTopic(topicName(PROJECT, failuresName(scene.options))).log.flatMap((stored) => {
        const publishTime = new Date(stored.publishedAt).toISOString();
        return decodeFailure({ ...stored, publishTime }, scene.options) ?? [];
      }),
    pushTo(url) {
      const parts = { project: PROJECT, options: scene.options, pushEndpoint: url };
      const { deadLetterPolicy, pushConfig, ...defined } = definitions([rule], parts).subscriptions[1]!;
      subscription = defined.name;
      const { serviceAccountEmail: email, audience: made } = pushConfig!.oidcToken;
      fake.broker.createSubscription({
        ...defined,
        deadLetter: { topic: deadLetterPolicy!.deadLetterTopic, maxAttempts: 100 },
        push: { endpoint: url, noWrapper: false, writeMetadata: false, oidc: { email, audience: made } },
      });
    },
  };
}
