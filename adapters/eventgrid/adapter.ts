// The Event Grid bus in its two tiers: a custom topic, which pushes to endpoints, and a topic of a namespace, which is
// pulled. Events go out as a CloudEvents batch, their data untouched. Failures are blobs of a container. It never creates a
// topic, a subscription or a container.

import type { Options } from '../../router/config.ts';
import { RouterError } from '../../router/errors.ts';
import type { Adapter, AdapterParts } from '../adapter.ts';
import { openAccess } from './access.ts';
import { openBlobLogin } from './blob-login.ts';
import { type Blobs, openBlobs } from './blobs.ts';
import { createFailureLog } from './failures.ts';
import { compileEventGrid, type EventGridFilter, type FilterSettings } from './filter.ts';
import { openHttp } from './http.ts';
import { reasonOf } from './map-error.ts';
import { checkEndpoint, type EventGridOptions, refuseFilterable, toEventGridOptions } from './options.ts';
import { createPublisher, limitsOf, sizeOf } from './publish.ts';
import { eventgridPush } from './push.ts';
import { subscribeEventGrid } from './subscribe.ts';
import { BATCH_TYPE, decodeEventGrid, joinBatch } from './wire.ts';

// What the SDKs of these tiers speak.
const TOPIC_API = '2018-01-01';
const NAMESPACE_API = '2024-06-01';
const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

function warnOfClear({ protocol, hostname }: URL, option: string, { onWarning }: AdapterParts): void {
  if (protocol === 'https:' || LOOPBACK.test(hostname)) return;
  onWarning(`eventgrid: the login goes over the network in the clear; use an https url in '${option}'`);
}

export function endpointOf({ endpoint }: EventGridOptions, parts: AdapterParts): URL {
  const given = endpoint ?? parts.env('EVENTGRID_ENDPOINT') ?? '';
  const wrong = given === '' ? undefined : checkEndpoint(given);
  if (given === '' || wrong !== undefined) {
    const says =
      wrong === undefined ? "no endpoint: give the bus 'endpoint' or set EVENTGRID_ENDPOINT" : `the endpoint ${wrong}`;
    throw new RouterError('CONFIG_INVALID', `eventgrid: ${says}`);
  }
  const url = new URL(given);
  warnOfClear(url, 'endpoint', parts);
  return url;
}

/** The container of the failure log; undefined without one. */
function containerOf(options: EventGridOptions, parts: AdapterParts): Blobs | undefined {
  const { failures, failuresLogin, entra } = options;
  if (failures === undefined) {
    if (failuresLogin === undefined) return undefined;
    throw new RouterError('CONFIG_INVALID', "eventgrid: 'failuresLogin' is for 'failures'; name the container there");
  }
  const container = new URL(failures);
  warnOfClear(container, 'failures', parts);
  const login = openBlobLogin({ container, failuresLogin, entra }, parts);
  return openBlobs({ container, login, now: parts.now });
}

/** Where a custom topic takes events; people copy the endpoint with and without its path. */
function topicUrl(endpoint: URL): URL {
  const url = new URL(endpoint);
  if (url.pathname === '/') url.pathname = '/api/events';
  url.searchParams.set('api-version', TOPIC_API);
  return url;
}

/** `operation`: such as ':publish' or '/eventsubscriptions/x:receive'. */
export function namespaceUrl(endpoint: URL, topic: string, operation: string): URL {
  const url = new URL(`${endpoint.pathname.replace(/\/$/, '')}/topics/${topic}${operation}`, endpoint);
  url.searchParams.set('api-version', NAMESPACE_API);
  return url;
}

/** Connects to nothing yet. Throws CONFIG_INVALID, SECRET_MISSING or SECRET_INVALID. */
export async function open(given: Options, parts: AdapterParts): Promise<Adapter<EventGridFilter>> {
  const options = toEventGridOptions(given);
  if (parts.oversize !== undefined) refuseFilterable(options);
  const { topic, filterable, subscriptionPrefix: prefix } = options;
  const settings: FilterSettings = { tier: topic === undefined ? 'topic' : 'namespace', filterable };
  const endpoint = endpointOf(options, parts);
  const http = openHttp(endpoint, openAccess(options, parts), parts.now);
  const { post } = http;
  const url = topic === undefined ? topicUrl(endpoint) : namespaceUrl(endpoint, topic, ':publish');
  const what = topic === undefined ? `the custom topic at ${endpoint.host}` : `topic '${topic}' at ${endpoint.host}`;
  const publish = createPublisher({ post, url, what, tier: settings.tier, filterable });
  const closing = new AbortController();
  const withClosing = (signal: AbortSignal): AbortSignal => AbortSignal.any([signal, closing.signal]);
  const rules = (): readonly string[] => (parts.rules?.() ?? []).map(({ name }) => name);
  const blobs = containerOf(options, parts);

  const adapter: Adapter<EventGridFilter> = {
    name: 'eventgrid',
    limits: limitsOf[settings.tier],
    capabilities: { delivery: topic === undefined ? 'push' : 'pull', order: false, dedupe: false, replay: false },
    async check(signal) {
      const body = joinBatch([]);
      try {
        await post({ url, contentType: BATCH_TYPE, body, what, signal: withClosing(signal) });
      } catch (thrown) {
        // Found and let in; only that there is nothing in the batch is refused.
        if (!(thrown instanceof RouterError && thrown.code === 'NOT_CARRIABLE')) throw thrown;
      }
      await blobs?.check(withClosing(signal));
    },
    sizeOf,
    async publish(batch, signal) {
      const either = withClosing(signal);
      if (either.aborted) throw reasonOf(closing.signal.aborted ? closing.signal : signal, 'publishing');
      return batch.length === 0 ? [] : publish(batch, either);
    },
    decode: (pushed) => decodeEventGrid(pushed, { prefix, rules }),
    ...(blobs && { failures: createFailureLog({ blobs, prefix, rules, signal: closing.signal }) }),
    compile: (when) => compileEventGrid(when, settings),
    async close() {
      closing.abort(new RouterError('CLOSED', 'eventgrid: the bus is closed'));
      http.close();
    },
  };
  if (topic === undefined) return { ...adapter, push: eventgridPush(options.origins) };
  return {
    ...adapter,
    async subscribe(consumer, signal) {
      if (closing.signal.aborted) throw reasonOf(closing.signal, 'subscribing');
      const operate = (operation: string): URL => namespaceUrl(endpoint, topic, operation);
      await subscribeEventGrid({ post, operate, settings, prefix, ...parts }, consumer, withClosing(signal));
    },
  };
}
