// What the laws of a host share: requests and answers as plain data, and the webhook function over a bus that keeps what it
// took.

import { createHmac, createSecretKey } from 'node:crypto';
import { type HttpFunction, wrapWebhook } from '../../functions/middleware.ts';
import { open as openCloudEvents } from '../../functions/sources/cloudevents.ts';
import { open as openGithub } from '../../functions/sources/github.ts';
import type { Source } from '../../functions/sources/source.ts';
import { createWebhook, type OpenSource } from '../../functions/webhook.ts';
import type { CloudEvent } from '../../router/event.ts';
import { createIngest, type Published } from '../../router/ingest.ts';

export interface SentRequest {
  readonly method: string;
  readonly path: string;
  /** Without the question mark, percent-encoded; none if absent. */
  readonly query?: string;
  /** A list is sent as several headers of that name. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer;
}

export interface Answered {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface HostUnderTest {
  send(request: SentRequest): Promise<Answered>;
  close(): Promise<void>;
}

/** Laws that a platform in front of a host may make impossible. */
export type PlatformLaw =
  | 'a header that came twice is joined, in its order'
  | 'a query comes as it was sent, names that came twice too'
  | 'a path with half an escape is 404, too';

export interface HostHarness {
  readonly name: string;
  open(webhook: HttpFunction, maxBody: number): Promise<HostUnderTest>;
  /** Laws that cannot hold, each with the reason. */
  readonly skip?: readonly { readonly test: PlatformLaw; readonly reason: string }[];
}

/** What `node:test` is to do with a law: false runs it. */
export function skipped({ skip = [] }: HostHarness, law: PlatformLaw): string | false {
  return skip.find(({ test }) => test === law)?.reason ?? false;
}

export const githubSecret = 'c4n4ry-github-secret';
export const token = 'c4n4ry-bearer-token';
export const maxBody = 64 * 1024;

export type Publish = (event: CloudEvent) => Published | Promise<Published>;

export interface Scene {
  readonly webhook: HttpFunction;
  readonly published: readonly CloudEvent[];
  /** Requests that reached the handler. */
  readonly calls: () => number;
  readonly faults: readonly unknown[];
}

function opened(name: string, source: Source, secret: string): [string, OpenSource] {
  return [name, { name, source, keys: [source.key(secret)] }];
}

/** The webhook function over a bus that answers as told and keeps what it took. */
export function webhookScene(publish: Publish = () => ({ ok: true })): Scene {
  const published: CloudEvent[] = [];
  const faults: unknown[] = [];
  const seen = new Set<string>();
  let calls = 0;
  const sources = new Map([
    opened('github', openGithub({}, { name: 'github' }), githubSecret),
    opened('events', openCloudEvents({}, { name: 'events' }), token),
  ]);
  const keyOf = ({ attributes }: CloudEvent): string => `${attributes.source} ${attributes.id}`;
  const ingest = createIngest({
    publish: async (event) => {
      published.push(event);
      return publish(event);
    },
    seen: { keyOf, has: (key) => seen.has(key), add: (key) => void seen.add(key) },
    now: Date.now,
    randomHex: () => '4bf92f3577b34da6a3ce929d0e0e4736',
  });
  const wrapped = wrapWebhook(createWebhook({ sources: () => sources, ingest, now: Date.now }), {
    onFault: (error) => faults.push(error),
  });
  const webhook: HttpFunction = (request, context) => {
    calls++;
    return wrapped(request, context);
  };
  return { webhook, published, calls: () => calls, faults };
}

interface Plain {
  readonly headers: Readonly<Record<string, string>>;
}

export function signed(body: Buffer, headers: Readonly<Record<string, string>> = {}): SentRequest & Plain {
  const signature = createHmac('sha256', createSecretKey(githubSecret, 'utf8')).update(body).digest('hex');
  return {
    method: 'POST',
    path: '/webhooks/github',
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-github-delivery': 'd-1',
      'x-hub-signature-256': `sha256=${signature}`,
      ...headers,
    },
    body,
  };
}
