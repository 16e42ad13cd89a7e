// An EventBridge adapter on a fake of its own, for the tests of this folder. Credentials come by the environment, as in use.

import type { Adapter, AdapterParts } from '../../../adapters/adapter.ts';
import { open } from '../../../adapters/eventbridge/adapter.ts';
import type { EventBridgePattern } from '../../../adapters/eventbridge/filter.ts';
import { toEntry } from '../../../adapters/eventbridge/wire.ts';
import type { CloudEvent } from '../../../router/event.ts';
import { looseOf } from '../../fakes/aws-json.ts';
import { type FakeEventBridge, type FakeSettings, startEventBridge } from '../../fakes/eventbridge.ts';
import { envelopeText, readEntry } from '../../fakes/eventbridge-entry.ts';
import { type EventPattern, readEventPattern } from '../../fakes/eventbridge-pattern.ts';
import { type FakeSqs, type SqsSettings, startSqs } from '../../fakes/sqs.ts';

/** The secret key, and part of the session token. */
export const canary = 'eventbridge-canary-77b1';
export const BUS = 'orders';

export interface Opened {
  readonly fake: FakeEventBridge;
  readonly adapter: Adapter<EventBridgePattern>;
  readonly warnings: readonly string[];
  reopen(): Promise<Adapter<EventBridgePattern>>;
  close(): Promise<void>;
}

export interface OpenOptions {
  readonly options?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly now?: () => number;
  /** By the real SDK unless another is given. */
  readonly by?: typeof open;
}

/** What an adapter is given beside its options: the environment holds keys, endpoint and region of the fake. */
export function partsFor(
  { endpoint, keys }: Pick<FakeEventBridge, 'endpoint' | 'keys'>,
  warnings: string[],
  { env = {}, now = Date.now }: OpenOptions = {},
): AdapterParts {
  const known: Readonly<Record<string, string | undefined>> = {
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    AWS_SESSION_TOKEN: keys.sessionToken,
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: keys.region,
    ...env,
  };
  return { dataDir: '/nowhere', now, env: (name) => known[name], onWarning: (text) => void warnings.push(text) };
}

export async function openScene(settings: FakeSettings = {}, given: OpenOptions = {}): Promise<Opened> {
  const fake = await startEventBridge({
    buses: [BUS],
    secretAccessKey: canary,
    sessionToken: `token-${canary}`,
    ...settings,
  });
  const warnings: string[] = [];
  const reopen = (): Promise<Adapter<EventBridgePattern>> =>
    (given.by ?? open)({ bus: BUS, ...given.options }, partsFor(fake, warnings, given)) as Promise<
      Adapter<EventBridgePattern>
    >;
  const adapter = await reopen();
  return {
    fake,
    adapter,
    warnings,
    reopen,
    async close() {
      await adapter.close();
      await fake.close();
    },
  };
}

/** What rules on the bus look at for this event. */
export function envelopeOf(event: CloudEvent): string {
  const { entry } = toEntry(event);
  // As the SDK writes times: seconds.
  const raw = { ...entry, ...(entry.Time === undefined ? {} : { Time: entry.Time.getTime() / 1_000 }) };
  const place = { id: '6a7e8feb-b491-4cf7-a9f1-bf3703467718', account: '123456789012', region: 'eu-west-1', now: 0 };
  return envelopeText(readEntry(looseOf(raw)), place);
}

/** Waiting for messages takes a fiftieth of the time. */
const SECOND_MS = 20;

export interface Queues {
  readonly sqs: FakeSqs;
  /** The queue of rule `r`, and the one for all others. */
  readonly own: string;
  readonly any: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A fake of SQS with queues for failures, and what an adapter is told of it. Keys as those of openScene. */
export async function startQueues(settings: SqsSettings = {}): Promise<Queues> {
  const keys = { secretAccessKey: canary, sessionToken: `token-${canary}` };
  const sqs = await startSqs({ ...keys, secondMs: SECOND_MS, ...settings });
  const [own, any] = [sqs.createQueue('r-failures'), sqs.createQueue('failures')];
  const env = { BUSWAY_FAILURES: JSON.stringify({ r: own, '*': any }), AWS_ENDPOINT_URL_SQS: sqs.endpoint };
  return { sqs, own, any, env };
}

const compiled = new WeakMap<object, EventPattern>();

/** Whether the bus's own filter lets the event through. Throws for a pattern that the bus would refuse. */
export function nativePasses(native: object, event: CloudEvent): boolean {
  let pattern = compiled.get(native);
  if (pattern === undefined) {
    pattern = readEventPattern(JSON.stringify(native));
    compiled.set(native, pattern);
  }
  return pattern.matches(envelopeOf(event)) === true;
}
