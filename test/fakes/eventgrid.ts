// Azure Event Grid on loopback, strict, in both tiers: custom topics at <url>/<topic>/api/events and topics of one
// namespace at <url>. It takes what the service takes and refuses what it refuses: limits, logins, filters, names.
// Faults come from a script or from a seed. Written from the documentation, for the real SDKs to talk to.
// Sources: Azure Event Grid REST API (2018-01-01 for custom topics, 2024-06-01 for namespaces) and the pages named in the
// files beside this one.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { seededRandom } from '../harness/random.ts';
import { type AccessSettings, accessProblem, createIdentity, type Identity } from './eventgrid-access.ts';
import { type Clock, scaledClock } from './eventgrid-clock.ts';
import { type EventRules, type Refusal, readEvents, type Stored, type Tier } from './eventgrid-events.ts';
import { checkFilter, passesFilter } from './eventgrid-filter.ts';
import { createPusher, handshakeProblem, type Pusher, type PushSettings } from './eventgrid-push.ts';
import { createQueue, type Queue, type QueueOperation, type QueueSettings } from './eventgrid-queue.ts';

/** What befalls the next request it fits. */
export interface Fault {
  /** Such as 'publish' or 'receive'; any operation if absent. */
  readonly on?: string;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** `hang`: no answer. `reset`: the connection ends before, `lost`: after the work was done. `pass`: nothing happens. */
  readonly how?: 'hang' | 'reset' | 'lost' | 'pass';
}

export interface FakeSettings extends Partial<AccessSettings>, Omit<EventRules, 'tier'> {
  readonly customTopics?: readonly string[];
  readonly namespaceTopics?: readonly string[];
  readonly clock?: Clock;
  /** Random faults: of each hundred requests so many meet one. */
  readonly chaos?: { readonly seed: number; readonly percent: number };
}

export interface Seen {
  readonly operation: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

interface SubscriptionSettings {
  readonly filter?: unknown;
  readonly push?: PushSettings;
  readonly queue?: QueueSettings;
}

export interface FakeEventGrid {
  readonly url: string;
  readonly clock: Clock;
  readonly identity: Identity;
  /** Where a custom topic takes events. */
  endpointOf(customTopic: string): string;
  /** Throws where the service refuses the definition or the endpoint does not consent. Of a namespace topic it is pulled. */
  subscribe(topic: string, name: string, settings?: SubscriptionSettings): Promise<void>;
  unsubscribe(topic: string, name: string): void;
  queue(topic: string, name: string): Queue;
  pusher(topic: string, name: string): Pusher;
  /** What the topic took, in order. */
  published(topic: string): readonly Stored[];
  readonly requests: readonly Seen[];
  /** Met one by one by the requests they fit. */
  readonly faults: Fault[];
  /** Faults that requests really met, those of the seed too. */
  readonly witnessed: readonly Fault[];
  /** Why requests were refused. */
  readonly refused: readonly Refusal[];
  close(): Promise<void>;
}

interface Subscription {
  readonly filter: unknown;
  readonly queue: Queue | undefined;
  readonly pusher: Pusher | undefined;
}

interface Topic {
  readonly tier: Tier;
  readonly stored: Stored[];
  readonly subscriptions: Map<string, Subscription>;
}

interface Asked {
  readonly operation: string;
  readonly tier: Tier;
  readonly topic: string;
  readonly subscription: string | undefined;
  readonly query: URLSearchParams;
}

const CUSTOM = /^\/([A-Za-z0-9-]+)\/api\/events$/;
const NAMESPACE = /^\/topics\/([^/:]+)(?:\/eventsubscriptions\/([^/:]+))?:([A-Za-z]+)$/i;
const operations: readonly string[] = ['receive', 'acknowledge', 'release', 'reject', 'renewLock'];
const delays: readonly string[] = ['0', '10', '60', '600', '3600'];
const names: Readonly<Record<Tier, RegExp>> = { topic: /^[A-Za-z0-9-]{3,64}$/, namespace: /^[A-Za-z0-9-]{3,50}$/ };

function readUrl(request: IncomingMessage): Asked | undefined {
  const { pathname, searchParams: query } = new URL(request.url ?? '', 'http://fake');
  const custom = CUSTOM.exec(pathname);
  if (custom !== null)
    return { operation: 'publish', tier: 'topic', topic: custom[1]!, subscription: undefined, query };
  const named = NAMESPACE.exec(pathname);
  if (named === null) return undefined;
  const [, topic = '', subscription, operation = ''] = named;
  const isKnown = subscription === undefined ? operation === 'publish' : operations.includes(operation);
  return isKnown ? { operation, tier: 'namespace', topic, subscription, query } : undefined;
}

function refusal(status: number, code: string, message: string): Refusal {
  return { status, code, message };
}

type Done = { readonly body: string } | Refusal;

function integer(text: string | null, low: number, high: number, otherwise: number): number | undefined {
  if (text === null) return otherwise;
  return /^\d{1,5}$/.test(text) && Number(text) >= low && Number(text) <= high ? Number(text) : undefined;
}

function readTokens(body: Buffer): readonly string[] | undefined {
  try {
    const { lockTokens: tokens } = JSON.parse(body.toString('utf8')) as { lockTokens?: unknown };
    const isList = Array.isArray(tokens) && tokens.length > 0 && tokens.length <= 100;
    return isList && tokens.every((token) => typeof token === 'string') ? (tokens as string[]) : undefined;
  } catch {
    return undefined;
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export async function startEventGrid(settings: FakeSettings = {}): Promise<FakeEventGrid> {
  const { customTopics = [], namespaceTopics = [], clock = scaledClock(1), chaos, ...access } = settings;
  const identity = createIdentity(clock);
  const guard = { settings: { keys: [], ...access }, identity, clock };
  const topics = new Map<string, Topic>();
  const requests: Seen[] = [];
  const refused: Refusal[] = [];
  const faults: Fault[] = [];
  const witnessed: Fault[] = [];
  const random = seededRandom(chaos?.seed ?? 0);
  for (const name of customTopics) topics.set(name, { tier: 'topic', stored: [], subscriptions: new Map() });
  for (const name of namespaceTopics) topics.set(name, { tier: 'namespace', stored: [], subscriptions: new Map() });

  function topicOf(name: string): Topic {
    const topic = topics.get(name);
    if (topic === undefined) throw new Error(`ResourceNotFound: no topic '${name}'`);
    return topic;
  }

  function publish(topic: Topic, contentType: string, body: Buffer): Done {
    const texts = readEvents(contentType, body, { ...settings, tier: topic.tier });
    if (!Array.isArray(texts)) return texts as Refusal;
    for (const text of texts as readonly string[]) {
      const stored = { text, publishedAt: clock.now() };
      topic.stored.push(stored);
      for (const { filter, queue, pusher } of topic.subscriptions.values()) {
        if (filter !== undefined && !passesFilter(filter, topic.tier, text)) continue;
        queue?.push(stored);
        pusher?.push(stored);
      }
    }
    return { body: topic.tier === 'namespace' ? '{}' : '' };
  }

  async function receive(queue: Queue, query: URLSearchParams, response: ServerResponse): Promise<Done> {
    const max = integer(query.get('maxEvents'), 1, 100, 1);
    const wait = integer(query.get('maxWaitTime'), 10, 120, 60);
    if (max === undefined || wait === undefined)
      return refusal(400, 'BadRequest', 'maxEvents 1 to 100, maxWaitTime 10 to 120');
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const received = await queue.receive(max, wait * 1_000, gone.signal);
    const items = received.map(({ lockToken, deliveryCount, text }) => {
      const brokerProperties = JSON.stringify({ lockToken, deliveryCount });
      return `{"brokerProperties":${brokerProperties},"event":${text}}`;
    });
    return { body: `{"value":[${items.join()}]}` };
  }

  function settle(queue: Queue, { operation, query }: Asked, body: Buffer): Done {
    const tokens = readTokens(body);
    if (tokens === undefined) return refusal(400, 'BadRequest', 'lockTokens must be a list of 1 to 100 texts');
    const delay = query.get('releaseDelayInSeconds') ?? '0';
    if (operation === 'release' && !delays.includes(delay))
      return refusal(400, 'BadRequest', `a release waits ${delays}`);
    return { body: JSON.stringify(queue.settle(operation as QueueOperation, tokens, Number(delay))) };
  }

  /** What is wrong with a request before its body is looked at. */
  function problemOf(request: IncomingMessage, asked: Asked | undefined): Refusal | undefined {
    if (asked === undefined) return refusal(404, 'NotFound', 'there is nothing here');
    const { tier, topic: name, subscription, query } = asked;
    if (request.method !== 'POST') return refusal(405, 'MethodNotAllowed', String(request.method));
    const due = tier === 'topic' ? '2018-01-01' : '2024-06-01';
    if (query.get('api-version') !== due) return refusal(400, 'UnsupportedApiVersion', `api-version must be ${due}`);
    const resource = `${fake.url}${new URL(request.url ?? '', fake.url).pathname.replace(/:[A-Za-z]+$/, '')}`;
    const denied = accessProblem(request, tier, resource, guard);
    if (denied !== undefined) return refusal(401, 'Unauthorized', denied);
    const topic = topics.get(name);
    const isThere = topic?.tier === tier;
    if (!isThere) return refusal(tier === 'topic' ? 404 : 410, 'ResourceNotFound', `no topic ${name}`);
    if (subscription === undefined || topic.subscriptions.has(subscription.toLowerCase())) return undefined;
    return refusal(404, 'ResourceNotFound', `no subscription ${subscription}`);
  }

  async function work(request: IncomingMessage, response: ServerResponse, body: Buffer): Promise<Done> {
    const asked = readUrl(request);
    const problem = problemOf(request, asked);
    if (problem !== undefined || asked === undefined) return problem!;
    const topic = topicOf(asked.topic);
    if (asked.subscription === undefined) return publish(topic, String(request.headers['content-type']), body);
    const { queue } = topic.subscriptions.get(asked.subscription.toLowerCase())!;
    if (queue === undefined) return refusal(400, 'BadRequest', 'the subscription is not pulled');
    if (asked.operation === 'receive') return receive(queue, asked.query, response);
    if (!/^application\/json/.test(request.headers['content-type'] ?? ''))
      return refusal(415, 'UnsupportedMediaType', '');
    return settle(queue, asked, body);
  }

  function nextFault(operation: string): Fault | undefined {
    const at = faults.findIndex(({ on }) => on === undefined || on === operation);
    if (at !== -1) return faults.splice(at, 1)[0];
    if (chaos === undefined || random() * 100 >= chaos.percent) return undefined;
    const kinds: readonly Fault[] = [
      { status: 429, headers: { 'retry-after': '1' } },
      { status: 500 },
      { status: 503 },
      { how: 'reset' },
      { how: 'lost' },
    ];
    return kinds[Math.floor(random() * kinds.length)];
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    const given = identity.answer(request);
    const body = await bodyOf(request);
    if (given !== undefined) {
      response.writeHead(given.status, { 'content-type': 'application/json' }).end(given.body);
      return;
    }
    const operation = readUrl(request)?.operation ?? '';
    requests.push({ operation, method, url, headers, body });
    const fault = nextFault(operation);
    if (fault !== undefined) witnessed.push(fault);
    if (fault?.how === 'hang') return;
    if (fault?.how === 'reset') {
      request.socket.destroy();
      return;
    }
    if (fault?.status !== undefined) {
      response.writeHead(fault.status, fault.headers).end(fault.body ?? '');
      return;
    }
    const done = await work(request, response, body);
    if (fault?.how === 'lost') {
      request.socket.destroy();
      return;
    }
    const common = { 'content-type': 'application/json', 'x-ms-request-id': `request-${requests.length}` };
    if ('body' in done) response.writeHead(200, common).end(done.body);
    else {
      refused.push(done);
      const { status, code, message } = done;
      response.writeHead(status, common).end(JSON.stringify({ error: { code, message } }));
    }
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const fake: FakeEventGrid = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    clock,
    identity,
    endpointOf: (name) => `${fake.url}/${name}/api/events`,
    async subscribe(name, subscription, { filter, push, queue } = {}) {
      const topic = topicOf(name);
      if (!names[topic.tier].test(subscription))
        throw new Error('InvalidRequest: not a name of this kind of subscription');
      if (filter !== undefined) checkFilter(filter, topic.tier);
      if ((push === undefined) === (topic.tier === 'topic'))
        throw new Error('InvalidRequest: a custom topic is pushed, a namespace pulled');
      const wrong = push === undefined ? undefined : await handshakeProblem(push);
      if (wrong !== undefined) throw new Error(`Url validation: ${wrong}`);
      topic.subscriptions.set(subscription.toLowerCase(), {
        filter,
        queue: push === undefined ? createQueue(clock, queue) : undefined,
        pusher: push === undefined ? undefined : createPusher(clock, subscription, push),
      });
    },
    unsubscribe: (name, subscription) => void topicOf(name).subscriptions.delete(subscription.toLowerCase()),
    queue: (name, subscription) => topicOf(name).subscriptions.get(subscription.toLowerCase())!.queue!,
    pusher: (name, subscription) => topicOf(name).subscriptions.get(subscription.toLowerCase())!.pusher!,
    published: (name) => topicOf(name).stored,
    requests,
    faults,
    witnessed,
    refused,
    async close() {
      for (const { subscriptions } of topics.values()) for (const { pusher } of subscriptions.values()) pusher?.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return fake;
}
