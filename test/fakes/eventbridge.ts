// Amazon EventBridge (Custom Event Bus - Classic) on loopback, in the protocol that the real SDK speaks (AWS JSON 1.1, SigV4).
// Strict: what the service refuses, drops or fails by halves is refused, dropped and failed here. Faults by a script, or by
// a seed. Must never be looser than the service: a test that passes here must mean something there.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RouterError } from '../../router/errors.ts';
import { seededRandom } from '../harness/random.ts';
import { type Loose, looseOf } from './eventbridge-entry.ts';
import { type Keys, signatureProblem } from './eventbridge-signature.ts';
import {
  describeEventBus,
  type Message,
  putEvents,
  putRule,
  putTargets,
  refusal,
  type State,
  testEventPattern,
} from './eventbridge-state.ts';

export type Fault =
  /** Entries of a call that fail, by index. */
  | { readonly kind: 'entries'; readonly codes: Readonly<Record<number, string>> }
  /** The whole call is refused; nothing of it is taken. */
  | { readonly kind: 'refuse'; readonly type: string; readonly status?: number; readonly retryAfter?: string }
  /** Never answers. */
  | { readonly kind: 'hang' }
  /** The connection breaks: before the call is looked at, or after it was taken. */
  | { readonly kind: 'reset'; readonly taken: boolean }
  /** The call is taken, and the answer is this. */
  | { readonly kind: 'answer'; readonly status?: number; readonly body: string };

export interface Call {
  readonly operation: string;
  readonly input: Loose;
  /** 0 for the first call of this operation. */
  readonly number: number;
}

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

function answer(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const fixed = { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID() };
  response.writeHead(status, { ...fixed, ...headers }).end(body);
}

interface Fake {
  readonly state: State;
  readonly keys: Keys;
  readonly settings: FakeSettings;
  readonly calls: Call[];
}

function operationOf(request: IncomingMessage): string {
  const [service, operation = ''] = String(request.headers['x-amz-target']).split('.');
  const known = service === 'AWSEvents' && Object.hasOwn(operations, operation);
  return request.method === 'POST' && request.url === '/' && known ? operation : '';
}

function run({ state, settings }: Fake, call: Call, fault: Fault | undefined): Loose {
  if (settings.denied?.includes(call.operation) === true) throw refusal('AccessDeniedException', 'not authorized');
  if (fault?.kind !== 'entries') return operations[call.operation]!(state, call.input);
  return putEvents(state, call.input, new Map(Object.entries(fault.codes).map(([i, code]) => [Number(i), code])));
}

interface Reply {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function replyTo(fake: Fake, call: Call): Reply | 'break' | 'hang' {
  const fault = fake.settings.fault?.(call);
  if (fault?.kind === 'hang') return 'hang';
  if (fault?.kind === 'refuse') {
    const headers = fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter };
    const body = JSON.stringify({ __type: fault.type, message: 'a fault that was asked for' });
    return { status: fault.status ?? 400, body, headers };
  }
  if (fault?.kind === 'reset' && !fault.taken) return 'break';
  const result = run(fake, call, fault);
  if (fault?.kind === 'reset') return 'break';
  if (fault?.kind === 'answer') return { status: fault.status ?? 200, body: fault.body };
  return { status: 200, body: JSON.stringify(result) };
}

/** Throws a refusal. */
function readCall(fake: Fake, request: IncomingMessage, body: Buffer): Call {
  const operation = operationOf(request);
  const problem = signatureProblem(request, body, fake.keys);
  if (problem !== undefined) throw refusal(problem.type, problem.says);
  if (operation === '') throw refusal('UnknownOperationException', 'no such operation');
  const number = fake.calls.filter((call) => call.operation === operation).length;
  return { operation, input: looseOf(JSON.parse(body.toString('utf8'))), number };
}

function serve(fake: Fake, request: IncomingMessage, body: Buffer, response: ServerResponse): void {
  const call = readCall(fake, request, body);
  fake.calls.push(call);
  const reply = replyTo(fake, call);
  if (reply === 'break') request.socket.destroy();
  else if (reply !== 'hang') answer(response, reply.status, reply.body, reply.headers);
}

function handle(fake: Fake, request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    try {
      serve(fake, request, Buffer.concat(chunks), response);
    } catch (thrown) {
      const isRefusal = thrown instanceof RouterError && typeof thrown.facts['type'] === 'string';
      const type = isRefusal ? thrown.facts['type'] : 'SerializationException';
      answer(response, 400, JSON.stringify({ __type: type, message: (thrown as Error).message }));
    }
  });
}

const BATCH = 10;

function queueOf({ state }: Fake, name: string): FakeQueue {
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
  const fake: Fake = { state, keys, settings, calls: [] };
  const server = createServer((request, response) => handle(fake, request, response));
  // A connection is never closed under a client that is about to use it; what that does is shown by the fault 'reset'.
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    keys,
    account,
    calls: fake.calls,
    taken: state.taken,
    queue: (name) => queueOf(fake, name),
    addRule({ bus, name, pattern, queue, template }) {
      putRule(state, { EventBusName: bus, Name: name, EventPattern: pattern });
      const transformer = template === undefined ? {} : { InputTransformer: { InputTemplate: template } };
      putTargets(state, { EventBusName: bus, Rule: name, Targets: [{ Id: 'queue', Arn: queue.arn, ...transformer }] });
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
