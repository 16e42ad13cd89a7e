// What the tests of the Pub/Sub bus share: topics and subscriptions of a scene's own on a server that may be shared, an
// adapter opened on it, and what the server has got.

import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import type { Adapter, Routed } from '../../../adapters/adapter.ts';
import { open } from '../../../adapters/pubsub/adapter.ts';
import { createConnection } from '../../../adapters/pubsub/client.ts';
import { type DefinedRule, type Definitions, definitions, topicName } from '../../../adapters/pubsub/definitions.ts';
import { ensureOnEmulator } from '../../../adapters/pubsub/ensure.ts';
import { type PubSubOptions, readEndpoint, toPubSubOptions } from '../../../adapters/pubsub/options.ts';
import { parsePattern } from '../../../router/read-pattern.ts';

export const PROJECT = 'test-project';

export interface SceneOptions {
  /** host:port of a server that speaks gRPC, and is no secret. */
  readonly address: string;
  readonly rules?: readonly DefinedRule[];
  readonly options?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Of the rules' dead letter policies. */
  readonly maxDeliveryAttempts?: number;
  /** Publishes over REST instead of gRPC. */
  readonly rest?: boolean;
}

interface More {
  /** Another server than the scene's. */
  readonly address?: string;
  readonly rules?: () => readonly Routed[];
  readonly options?: Readonly<Record<string, unknown>>;
}

export interface Scene {
  readonly options: PubSubOptions;
  readonly topic: string;
  readonly warnings: string[];
  /** Opens an adapter on the same topic and subscriptions, or with other options. */
  open(more?: More): Promise<Adapter<string>>;
  close(): Promise<void>;
}

let scenes = 0;
const run = randomBytes(4).toString('hex');

/** A checked pattern. */
export function pattern(when: Readonly<Record<string, unknown>>): Routed['when'] {
  const problems: { path: string; says: string }[] = [];
  const read = parsePattern(when, 'when', problems);
  if (read === undefined) throw new Error(JSON.stringify(problems));
  return read;
}

function withAttempts(defined: Definitions, { maxDeliveryAttempts }: SceneOptions): Definitions {
  const subscriptions = defined.subscriptions.map((one) => {
    if (maxDeliveryAttempts === undefined || one.deadLetterPolicy === undefined) return one;
    return { ...one, deadLetterPolicy: { ...one.deadLetterPolicy, maxDeliveryAttempts } };
  });
  return { ...defined, subscriptions };
}

/** Makes topics and subscriptions as `busway dev` would on an emulator. */
export async function openScene(given: SceneOptions): Promise<Scene> {
  const name = `t${run}-${++scenes}`;
  const base = { project: PROJECT, topic: `${name}.events`, subscriptionPrefix: name };
  const options = toPubSubOptions({
    ...base,
    ...(given.rest ? { endpoint: `http://${given.address}` } : {}),
    ...given.options,
  });
  const endpoint = readEndpoint(given.address, 'clear')!;
  const connection = createConnection({ project: PROJECT, endpoint });
  const defined = withAttempts(definitions(given.rules ?? [], { project: PROJECT, options }), given);
  await ensureOnEmulator({ connection, endpoint }, defined, AbortSignal.timeout(10_000));
  const warnings: string[] = [];
  const envOf =
    (address: string) =>
    (variable: string): string | undefined =>
      given.env?.[variable] ?? (variable === 'PUBSUB_EMULATOR_HOST' && !given.rest ? address : undefined);
  return {
    options,
    topic: topicName(PROJECT, options.topic),
    warnings,
    open: ({ rules = () => given.rules ?? [], options: other = {}, address = given.address } = {}) => {
      const onWarning = (text: string): void => void warnings.push(text);
      return open(
        { ...options, ...other },
        { dataDir: tmpdir(), now: Date.now, env: envOf(address), onWarning, rules },
      );
    },
    close: () => connection.close(),
  };
}
