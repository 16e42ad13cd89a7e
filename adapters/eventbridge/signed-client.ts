// The same two calls without the SDK, for functions: half of their start was loading it (docs/benchmarks.md, P14). Knows the
// credentials of the environment and of AWS's container agents only, which is what functions have; profiles, logins and the
// instance's own service need the SDK. Never tries again: bus.ts does.

import { RouterError } from '../../router/errors.ts';
import { createAwsJson, serviceUrl } from '../aws-json.ts';
import { credentialsFromEnv } from '../aws-request.ts';
import { type Client, endpointOf, regionFor, type Told } from './client.ts';
import type { EventBridgeOptions } from './options.ts';

/** Throws CONFIG_INVALID. Connects to nothing yet. */
export async function openSignedClient(
  options: EventBridgeOptions,
  parts: Told & { readonly now: () => number },
): Promise<Client> {
  const { env, now } = parts;
  const { region } = regionFor(options, env);
  if (region === undefined) {
    const says = "no region: give the bus 'region' or its ARN, or set AWS_REGION";
    throw new RouterError('CONFIG_INVALID', `eventbridge: ${says}`);
  }
  const { endpoint } = endpointOf(options, parts);
  const url =
    endpoint === undefined ? serviceUrl(env, { variable: 'EVENTBRIDGE', host: 'events' }, region) : new URL(endpoint);
  const credentials = credentialsFromEnv(env, now);
  const events = createAwsJson({
    service: 'events',
    target: 'AWSEvents',
    version: '1.1',
    url,
    region,
    credentials,
    now,
  });
  return {
    putEvents(entries, signal) {
      const Entries = entries.map(({ Time, ...entry }) => ({
        ...entry,
        // Seconds, as the protocol writes times.
        ...(Time === undefined ? {} : { Time: Time.getTime() / 1_000 }),
        EventBusName: options.bus,
      }));
      return events.call({ operation: 'PutEvents', input: { Entries }, signal });
    },
    async describeBus(signal) {
      await events.call({ operation: 'DescribeEventBus', input: { Name: options.bus }, signal, repeatable: true });
    },
    credentials,
    region: async () => region,
    close: events.close,
  };
}
