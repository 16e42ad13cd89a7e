// Push of the fake Pub/Sub: what a subscription with an endpoint is sent, wrapped or not, with a token of the issuer. A
// status of 102, 200, 201, 202 or 204 acknowledges; anything else gives the message back.

import type { Broker, Subscription } from './pubsub-broker.ts';
import { makeToken, pushClaims, type Signer } from './pubsub-oidc.ts';
import type { Leased } from './pubsub-queue.ts';

export interface PushedRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const DONE = [102, 200, 201, 202, 204];

function wrapped({ spec }: Subscription, { message, attempt }: Leased): object {
  const { data, attributes, id, publishedAt, orderingKey } = message;
  const publishTime = new Date(publishedAt).toISOString();
  return {
    message: {
      ...(data.length === 0 ? {} : { data: data.toString('base64') }),
      ...(Object.keys(attributes).length === 0 ? {} : { attributes }),
      messageId: id,
      message_id: id,
      ...(orderingKey === '' ? {} : { orderingKey }),
      publishTime,
      publish_time: publishTime,
    },
    subscription: spec.name,
    ...(spec.deadLetter === undefined ? {} : { deliveryAttempt: attempt }),
  };
}

function metadataOf({ spec }: Subscription, { message }: Leased): Record<string, string> {
  return {
    ...message.attributes,
    'x-goog-pubsub-subscription-name': spec.name,
    'x-goog-pubsub-message-id': message.id,
    'x-goog-pubsub-publish-time': new Date(message.publishedAt).toISOString(),
    ...(message.orderingKey === '' ? {} : { 'x-goog-pubsub-ordering-key': message.orderingKey }),
  };
}

/** The request that the service makes of a delivery. */
export function pushRequest(subscription: Subscription, leased: Leased, issuer: Signer, nowMs: number): PushedRequest {
  const { push } = subscription.spec;
  const token =
    push?.oidc === undefined
      ? {}
      : { authorization: `Bearer ${makeToken(issuer, { claims: pushClaims(push.oidc, nowMs) })}` };
  if (push?.noWrapper !== true) {
    const body = Buffer.from(JSON.stringify(wrapped(subscription, leased)));
    return { headers: { 'content-type': 'application/json', ...token }, body };
  }
  const metadata = push.writeMetadata ? metadataOf(subscription, leased) : {};
  return { headers: { ...metadata, ...token }, body: leased.message.data };
}

export interface PushFace {
  close(): Promise<void>;
}

export interface PushParts {
  readonly broker: Broker;
  readonly issuer: Signer;
  readonly now: () => number;
}

/** Looks for subscriptions with an endpoint and pushes what they have. */
export function startPush({ broker, issuer, now }: PushParts): PushFace {
  const stop = new AbortController();
  const underWay = new Set<Promise<void>>();

  async function push(subscription: Subscription, leased: Leased): Promise<void> {
    const { headers, body } = pushRequest(subscription, leased, issuer, now());
    let done = false;
    try {
      const timeout = AbortSignal.timeout((subscription.spec.ackDeadlineSeconds || 10) * broker.secondMs);
      const signal = AbortSignal.any([stop.signal, timeout]);
      const { endpoint } = subscription.spec.push!;
      const response = await fetch(endpoint, { method: 'POST', headers, body: new Uint8Array(body), signal });
      await response.arrayBuffer();
      done = DONE.includes(response.status);
    } catch {
      // No answer is no acknowledgement.
    }
    if (stop.signal.aborted) return;
    if (done) broker.acknowledge(subscription.spec.name, [leased.ackId]);
    else broker.modifyAckDeadline(subscription.spec.name, [leased.ackId], 0);
  }

  const ticker = setInterval(() => {
    for (const subscription of broker.subscriptions.values()) {
      if (subscription.spec.push === undefined) continue;
      for (const leased of subscription.queue.take(10, now())) {
        const work = push(subscription, leased).finally(() => underWay.delete(work));
        underWay.add(work);
      }
    }
  }, 10);

  return {
    async close() {
      clearInterval(ticker);
      stop.abort();
      await Promise.all(underWay);
    },
  };
}
