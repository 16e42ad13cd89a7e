// The Pub/Sub bus on Google's own pstest: the adapter laws over gRPC, and the filter law on a seeded sample, so that our fake
// is itself checked by somebody else's reading. What pstest does otherwise than the service is listed with its reason.

import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { after, describe, test } from 'node:test';
import { type Connection, createConnection } from '../../../adapters/pubsub/client.ts';
import { subscriptionPath } from '../../../adapters/pubsub/definitions.ts';
import { compilePubSub, promotedRules } from '../../../adapters/pubsub/filter.ts';
import { readEndpoint } from '../../../adapters/pubsub/options.ts';
import { createMarker, MARK_VALUE } from '../../../adapters/pubsub/promotion.ts';
import { encodeMessage, type PubSubMessage } from '../../../adapters/pubsub/wire.ts';
import { compileCondition } from '../../../router/condition.ts';
import { RouterError } from '../../../router/errors.ts';
import { adapterSuite } from '../../contract/adapter.ts';
import type { BusScene, Special } from '../../contract/adapter-harness.ts';
import { parseFilter } from '../../fakes/pubsub-filter.ts';
import { type Pstest, pstestSkip, startPstest } from '../../fakes/pubsub-pstest.ts';
import { type LawCase, randomCases } from './law-cases.ts';
import { openScene, PROJECT, type Scene, type SceneOptions } from './scene.ts';

const skip = pstestSkip('2.8.0');
const PAIRS = 500;

function connect(address: string): Connection {
  return createConnection({ project: PROJECT, endpoint: readEndpoint(address, 'clear')! });
}

/** Everything that was published, as a push of it. */
async function allOf(connection: Connection, subscription: string): Promise<readonly unknown[]> {
  const { subscriber } = await connection.open();
  const pushed: unknown[] = [];
  for (let empty = 0; empty < 3; ) {
    const [{ receivedMessages }] = await subscriber.pull({ subscription, maxMessages: 1_000, returnImmediately: true });
    const found = receivedMessages ?? [];
    empty = found.length === 0 ? empty + 1 : 0;
    if (found.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    for (const { message } of found) {
      const { attributes, messageId, data } = message!;
      pushed.push({ message: { data: Buffer.from(data as Uint8Array).toString('base64'), attributes, messageId } });
    }
    if (found.length > 0) await subscriber.acknowledge({ subscription, ackIds: found.map(({ ackId }) => ackId!) });
  }
  return pushed;
}

async function sceneOn(address: string, given: Omit<SceneOptions, 'address'>): Promise<BusScene> {
  const scene: Scene = await openScene({ ...given, address });
  const connection = connect(address);
  const { publisher, subscriber } = await connection.open();
  const all = subscriptionPath(PROJECT, `${scene.options.subscriptionPrefix}-everything`);
  await subscriber.createSubscription({ name: all, topic: scene.topic });
  return {
    adapter: await scene.open(),
    warnings: scene.warnings,
    reopen: () => scene.open(),
    async writeGarbage() {
      const data = Buffer.from('{"specversion":"9"}');
      const attributes = { 'content-type': 'application/cloudevents+json', 'ce-id': 'x', 'ce-type': 'x' };
      await publisher.publish({ topic: scene.topic, messages: [{ data, attributes }] });
      return data;
    },
    pushed: () => allOf(connection, all),
    async cleanup() {
      await connection.close();
      await scene.close();
    },
  };
}

/** Takes connections and never says a word. */
async function openStalled(): Promise<Special> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => void sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const scene = await openScene({ address: pstest!.address });
  const adapter = await scene.open({ address: `127.0.0.1:${port}` });
  return {
    adapter,
    async cleanup() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await scene.close();
    },
  };
}

const pstest: Pstest | undefined = skip === false ? await startPstest('2.8.0') : undefined;
after(() => pstest?.close());

describe('pubsub on pstest', { skip }, () => {
  if (pstest === undefined) return;
  const { address } = pstest;
  adapterSuite('pubsub on pstest', {
    delivery: 'pull',
    canary: 'nothing-secret-is-sent-to-an-emulator',
    waitMs: 8_000,
    open: () => sceneOn(address, {}),
    openRules: (rules) =>
      sceneOn(address, {
        rules: rules.map(({ ordered, ...rule }) => (ordered ? { ...rule, order: 'key' } : rule)),
      }),
    async openMissing() {
      const scene = await openScene({ address });
      const adapter = await scene.open({ options: { topic: 'no-such-topic' } });
      return { adapter, warnings: scene.warnings, cleanup: () => scene.close() };
    },
    openStalled,
    nativePasses(native, event) {
      const filter = parseFilter(String(native));
      assert.ok(filter.ok);
      return filter.passes(encodeMessage(event).attributes);
    },
    skip: [
      { test: 'throttled', reason: 'pstest never asks to slow down' },
      { test: 'pulled rules', reason: 'pstest counts deliveries for all subscriptions of a topic together' },
    ],
  });
});

/** With the marks that its publisher writes. */
function messageFor({ when, event }: LawCase): PubSubMessage | undefined {
  try {
    const message = encodeMessage(event);
    const marks = createMarker(promotedRules([{ name: 'it', when }]))(event, message.attributes, 50);
    const marked = Object.fromEntries(marks.map((mark) => [mark, MARK_VALUE]));
    return { ...message, attributes: { ...message.attributes, ...marked } };
  } catch (thrown) {
    assert.ok(thrown instanceof RouterError);
    return undefined;
  }
}

test(`pubsub filter: pstest delivers what the law says, over ${PAIRS} seeded pairs`, {
  skip,
  timeout: 120_000,
}, async () => {
  const connection = connect(pstest!.address);
  const { publisher, subscriber } = await connection.open();
  let [judged, matched] = [0, 0];
  try {
    for (const [i, one] of [...randomCases(20_261_121, PAIRS)].entries()) {
      const message = messageFor(one);
      if (message === undefined) continue;
      const matches = compileCondition(one.when)(one.event);
      const { native } = compilePubSub(one.when);
      const topic = `projects/${PROJECT}/topics/law-${i}`;
      const subscription = subscriptionPath(PROJECT, `law-${i}`);
      await publisher.createTopic({ name: topic });
      await subscriber.createSubscription({ name: subscription, topic, filter: native });
      await publisher.publish({ topic, messages: [message] });
      const [{ receivedMessages }] = await subscriber.pull({ subscription, maxMessages: 2, returnImmediately: true });

      assert.equal(
        receivedMessages?.length === 1,
        matches,
        `${one.text}\n${native}\n${JSON.stringify(message.attributes)}`,
      );
      judged++;
      if (matches) matched++;
    }
  } finally {
    await connection.close();
  }
  assert.ok(judged > PAIRS * 0.9 && matched > judged / 3, `${judged} judged, ${matched} match`);
});
