// The AWS SDK behind two calls: put entries, look the bus up; and what it knows of credentials and region, for calls of other
// services. Loaded only when a bus is opened. It never retries: bus.ts does.
// Source: @aws-sdk/client-eventbridge 3.1169.0.

import { RouterError } from '../../router/errors.ts';
import { missingPackage } from '../../router/optional-package.ts';
import type { AdapterParts } from '../adapter.ts';
import type { Credentials } from '../aws-request.ts';
import { type EventBridgeOptions, endpointProblem, regionOfBus } from './options.ts';
import type { Entry } from './wire.ts';

type Sdk = typeof import('@aws-sdk/client-eventbridge');

/** As the service answered, before anybody believed it. */
export interface RawAnswer {
  readonly FailedEntryCount?: unknown;
  readonly Entries?: unknown;
}

/** All reject with the SDK's own error. */
export interface Client {
  putEvents(entries: readonly Entry[], signal: AbortSignal): Promise<RawAnswer>;
  describeBus(signal: AbortSignal): Promise<void>;
  readonly credentials: Credentials;
  readonly region: () => Promise<string>;
  close(): void;
}

async function loadSdk(): Promise<Sdk> {
  try {
    return await import('@aws-sdk/client-eventbridge');
  } catch (cause) {
    throw missingPackage('eventbridge: the bus', '@aws-sdk/client-eventbridge', cause);
  }
}

type Env = AdapterParts['env'];

function filled(env: Env, ...names: readonly string[]): string | undefined {
  return names.map(env).find((value) => value !== undefined && value !== '');
}

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

export type Told = Pick<AdapterParts, 'env' | 'onWarning'>;

/** Tells where what goes out could be read on the way. `what`: 'events', 'failures'. */
export function warnIfPlain(url: string, what: string, { onWarning }: Told): void {
  const { protocol, hostname } = new URL(url);
  if (protocol === 'http:' && !LOOPBACK.test(hostname)) {
    onWarning(`eventbridge: ${what} go to ${hostname} in the clear; use https`);
  }
}

/** Where a service is asked instead, by AWS_ENDPOINT_URL_<service> or AWS_ENDPOINT_URL. Throws CONFIG_INVALID. */
export function endpointIn(env: Env, service: 'EVENTBRIDGE' | 'SQS'): string | undefined {
  const endpoint = filled(env, `AWS_ENDPOINT_URL_${service}`, 'AWS_ENDPOINT_URL');
  const wrong = endpoint === undefined ? undefined : endpointProblem(endpoint);
  if (wrong !== undefined) throw new RouterError('CONFIG_INVALID', `eventbridge: AWS_ENDPOINT_URL ${wrong}`);
  return endpoint;
}

/** Throws CONFIG_INVALID. */
export function endpointOf(options: EventBridgeOptions, parts: Told): { endpoint?: string } {
  const endpoint = options.endpoint ?? endpointIn(parts.env, 'EVENTBRIDGE');
  if (endpoint === undefined) return {};
  warnIfPlain(endpoint, 'events', parts);
  return { endpoint };
}

/** Throws CONFIG_INVALID. */
export function regionFor({ bus, region }: EventBridgeOptions, env: Env): { region?: string } {
  const ofBus = regionOfBus(bus);
  if (ofBus !== undefined && region !== undefined && ofBus !== region) {
    const says = `the bus is in ${ofBus} by its ARN, but region is '${region}'; leave region out`;
    throw new RouterError('CONFIG_INVALID', `eventbridge: ${says}`);
  }
  const found = ofBus ?? region ?? filled(env, 'AWS_REGION', 'AWS_DEFAULT_REGION');
  return found === undefined ? {} : { region: found };
}

/** Keys of the environment; else the SDK finds its own: a profile, a role, the host's service. */
function credentialsOf(env: Env) {
  const accessKeyId = filled(env, 'AWS_ACCESS_KEY_ID');
  const secretAccessKey = filled(env, 'AWS_SECRET_ACCESS_KEY');
  if (accessKeyId === undefined || secretAccessKey === undefined || filled(env, 'AWS_PROFILE') !== undefined) return {};
  const sessionToken = filled(env, 'AWS_SESSION_TOKEN');
  return { credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) } };
}

/** Throws CONFIG_INVALID, or UNSUPPORTED when the SDK is not installed. Connects to nothing yet. */
export async function openClient(options: EventBridgeOptions, parts: Told): Promise<Client> {
  const { bus } = options;
  const settings = {
    ...regionFor(options, parts.env),
    ...endpointOf(options, parts),
    ...credentialsOf(parts.env),
    maxAttempts: 1,
  };
  const { EventBridgeClient, PutEventsCommand, DescribeEventBusCommand } = await loadSdk();
  const client = new EventBridgeClient(settings);
  return {
    putEvents(entries, abortSignal) {
      const Entries = entries.map((entry) => ({ ...entry, EventBusName: bus }));
      return client.send(new PutEventsCommand({ Entries }), { abortSignal });
    },
    async describeBus(abortSignal) {
      await client.send(new DescribeEventBusCommand({ Name: bus }), { abortSignal });
    },
    credentials: () => client.config.credentials(),
    region: () => client.config.region(),
    close: () => client.destroy(),
  };
}
