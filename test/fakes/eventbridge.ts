// Amazon EventBridge (Custom Event Bus - Classic) on loopback, in the protocol that the real SDK speaks (AWS JSON 1.1, SigV4).
// Strict: what the service refuses, drops or fails by halves is refused, dropped and failed here. Faults by a script, or by
// a seed. Must never be looser than the service: a test that passes here must mean something there.

import { seededRandom } from '../harness/random.ts';
import { type Call, type Loose, startAwsJson, type WireFault } from './aws-json.ts';
import type { Keys } from './aws-signature.ts';
import {
  describeEventBus,
  type Message,
  putEvents,
  putRule,
  putTargets,
  type State,
  testEventPattern,
} from './eventbridge-state.ts';

export type Fault =
  /** Entries of a call that fail, by index. */
  { readonly kind: 'entries'; readonly codes: Readonly<Record<number, string>> } | WireFault;

export interface FakeSettings extends Partial<Keys> {
  /** Besides 'default'. */
  readonly buses?: readonly string[];
  readonly maxBytes?: number;
  /** Operations that these credentials may not use. */
  readonly denied?: readonly string[];
  readonly fault?: (call: Call) => Fault | undefined;
}

export interface FakeQueue {
  readonly arn: string;
  readonly messages: readonly Message[];
  /** What Lambda is handed for all messages, in batches of ten. */
  pushed(): readonly unknown[];
}

export interface FakeEventBridge {
  readonly endpoint: string;
  readonly keys: Keys;
  readonly account: string;
  /** Every call that was signed well, in order. */
  readonly calls: readonly Call[];
  /** The details that were taken, in order. */
  readonly taken: readonly string[];
  queue(name: string): FakeQueue;
  /** A rule on a bus that sends to a queue. Throws what PutRule would answer. */
  addRule(rule: {
    readonly bus: string;
    readonly name: string;
    readonly pattern: string;
    readonly queue: FakeQueue;
    readonly template?: string;
  }): void;
  close(): Promise<void>;
}

/** Of a hundred calls about `percent` go wrong, in every way there is; the same seed, the same faults. */
export function faultsBySeed(seed: number, percent: number): (call: Call) => Fault | undefined {
  const random = seededRandom(seed);
  const below = (n: number): number => Math.floor(random() * n);
  return ({ operation, input }) => {
    if (operation !== 'PutEvents' || below(100) >= percent) return undefined;
    const count = Array.isArray(input['Entries']) ? input['Entries'].length : 0;
    const code = (): string => (below(2) === 0 ? 'ThrottlingException' : 'InternalFailure');
    const codes = Object.fromEntries(Array.from({ length: count }, (_, i) => [i, code()]).filter(() => below(2) === 0));
    const faults: readonly Fault[] = [
      { kind: 'entries', codes },
      { kind: 'refuse', type: 'ThrottlingException' },
      { kind: 'refuse', type: 'InternalException', status: 500 },
      { kind: 'reset', taken: false },
      { kind: 'reset', taken: true },
      { kind: 'answer', body: '{"FailedEntryCount":0,"Entries":[]}' },
    ];
    return faults[below(faults.length)];
  };
}

type Operation = (state: State, input: Loose) => Loose;

const operations: Readonly<Record<string, Operation>> = {
  PutEvents: (state, input) => putEvents(state, input, new Map()),
  DescribeEventBus: describeEventBus,
  PutRule: putRule,
  PutTargets: putTargets,
  TestEventPattern: testEventPattern,
};

function run(state: State, { operation, input }: Call, fault: Fault | undefined): Loose {
  if (fault?.kind !== 'entries') return operations[operation]!(state, input);
  return putEvents(state, input, new Map(Object.entries(fault.codes).map(([i, code]) => [Number(i), code])));
}

const BATCH = 10;

function queueOf(state: State, name: string): FakeQueue {
  const { region, account } = state.place;
  const arn = `arn:aws:sqs:${region}:${account}:${name}`;
  const messages = state.queues.get(arn) ?? [];
  state.queues.set(arn, messages);
  const record = ({ messageId, body }: Message): object => ({
    messageId,
    receiptHandle: `receipt-${messageId}`,
    body,
    attributes: { ApproximateReceiveCount: '1', SentTimestamp: '1795219200000' },
    messageAttributes: {},
    eventSource: 'aws:sqs',
    eventSourceARN: arn,
    awsRegion: region,
  });
  return {
    arn,
    messages,
    pushed: () =>
      Array.from({ length: Math.ceil(messages.length / BATCH) }, (_, i) => ({
        Records: messages.slice(i * BATCH, (i + 1) * BATCH).map(record),
      })),
  };
}

export async function startEventBridge(settings: FakeSettings = {}): Promise<FakeEventBridge> {
  const { accessKeyId = 'AKIDEXAMPLE', secretAccessKey = 'fake-secret', sessionToken, region = 'eu-west-1' } = settings;
  const account = '123456789012';
  const keys: Keys = { accessKeyId, secretAccessKey, region, ...(sessionToken === undefined ? {} : { sessionToken }) };
  const state: State = {
    place: { region, account, maxBytes: settings.maxBytes ?? 1_048_576 },
    buses: new Map(['default', ...(settings.buses ?? [])].map((name) => [name, new Map()])),
    queues: new Map(),
    taken: [],
  };
  const server = await startAwsJson<Fault>({
    keys,
    service: 'events',
    target: 'AWSEvents',
    contentType: 'application/x-amz-json-1.1',
    operations: Object.keys(operations),
    denied: settings.denied ?? [],
    fault: settings.fault,
    run: (call, fault) => run(state, call, fault),
    refused: (type, message) => ({ body: JSON.stringify({ __type: type, message }) }),
  });
  return {
    endpoint: server.endpoint,
    keys,
    account,
    calls: server.calls,
    taken: state.taken,
    queue: (name) => queueOf(state, name),
    addRule({ bus, name, pattern, queue, template }) {
      putRule(state, { EventBusName: bus, Name: name, EventPattern: pattern });
      const transformer = template === undefined ? {} : { InputTransformer: { InputTemplate: template } };
      putTargets(state, { EventBusName: bus, Rule: name, Targets: [{ Id: 'queue', Arn: queue.arn, ...transformer }] });
    },
    close: server.close,
  };
}
